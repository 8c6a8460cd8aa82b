//! The life of the process: it is started by its host on the first byte, and ends by itself when nobody needs it.

use crate::app::{App, Parts};
use crate::gateway::Outbound;
use crate::{Boot, router};
use ally_http::identity::Verifier;
use ally_http::socket;
use ally_types::host::FromAssistant;
use ally_types::seal::Key;
use ally_types::{Problem, SystemChance, SystemClock, Timestamp, log};
use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

/// How long runs may still work when the process is asked to end; what is left is taken up by the next process.
const LONGEST_DRAIN: Duration = Duration::from_secs(8);
/// How long connections may still be written to.
const LONGEST_GOODBYE: Duration = Duration::from_secs(2);

/// An assistant that is open.
#[derive(Clone)]
pub struct Assistant {
    app: App,
    router: Router,
}

/// How a life ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// When it must be woken even if nobody calls.
    pub alarm: Option<Timestamp>,
}

/// Opens an assistant and takes up what an earlier process left. Must be called inside a tokio runtime.
///
/// # Errors
/// The database cannot be opened, or another process holds it.
pub async fn open(parts: Parts) -> Result<(Router, Assistant), Problem> {
    let app = App::open(parts)?;
    app.engine().start().await?;
    let router = router::router(app.clone());
    Ok((router.clone(), Assistant { app, router }))
}

/// The process that a host starts: serves until it is idle or asked to end.
///
/// # Errors
/// The boot document does not fit, or see [`open`].
pub async fn run(boot: Boot) -> Result<(), Problem> {
    let bad_boot =
        || Problem::new(500, "bad_boot", "The assistant was started with a boot document that does not fit.");
    let clock = Arc::new(SystemClock);
    let parts = Parts {
        server: boot.server,
        key: Key::from_hex(&boot.key).ok_or_else(bad_boot)?,
        verifier: Verifier::new(boot.server, &boot.identity_key, clock.clone()).ok_or_else(bad_boot)?,
        data_dir: boot.data_dir,
        outbound: Outbound::Socket(boot.outbound),
        clock,
        chance: Arc::new(SystemChance),
        epoch: boot.epoch,
        walls: boot.walls,
        why: boot.why,
        is_space_full: boot.is_space_full,
    };
    let listener = ally_sandbox::inherited(boot.listener_fd).map_err(|_| bad_boot())?;
    let listener = socket::listen(listener.into()).map_err(|_| bad_boot())?;
    let control = boot.control_fd.map(ally_sandbox::inherited).transpose().map_err(|_| bad_boot())?;
    let mut control = control.map(std::fs::File::from);
    // Before it is ready: alone among its processes, a signal without a handler is lost, and the host sends it again then.
    let mut asked = signal(SignalKind::terminate()).map_err(|_| Problem::internal())?;
    let (_, assistant) = open(parts).await?;
    tell(&mut control, FromAssistant::Ready);
    let idle = Duration::from_secs(boot.idle_exit_seconds);
    let exit = assistant
        .serve(listener, idle, async move {
            asked.recv().await;
        })
        .await;
    tell(&mut control, FromAssistant::Alarm { at: exit.alarm });
    Ok(())
}

/// Writes a line to the host. A host that is gone is noticed elsewhere.
fn tell(control: &mut Option<std::fs::File>, line: FromAssistant) {
    if let (Some(control), Ok(mut line)) = (control, serde_json::to_vec(&line)) {
        line.push(b'\n');
        let _ = control.write_all(&line);
    }
}

impl Assistant {
    /// Answers requests until nothing has happened for `idle` (0: for ever) or `stop` comes.
    pub async fn serve(&self, listener: UnixListener, idle: Duration, stop: impl Future<Output = ()>) -> Exit {
        let mut connections = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        let mut asleep = std::pin::pin!(self.asleep(idle));
        let mut house = std::pin::pin!(self.app.keep_house());
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(connection(self.app.clone(), self.router.clone(), stream));
                    }
                    Err(error) => log::warn("a connection could not be accepted", &[("error", &error.kind())]),
                },
                Some(_) = connections.join_next() => {}
                () = &mut asleep => break,
                () = &mut stop => break,
                () = &mut house => break,
            }
        }
        // From here on nobody is accepted; who calls now stands in the backlog and wakes the next process.
        drop(listener);
        if tokio::time::timeout(LONGEST_DRAIN, self.app.engine().drain()).await.is_err() {
            log::warn("runs are left for the next process", &[]);
        }
        if self.app.close_unwatched().await.is_err() {
            log::warn("temporary chats could not be taken away yet", &[]);
        }
        if self.app.is_checkpoint_owed() && self.app.purge().await.is_err() {
            log::warn("deleted chats could not be taken away yet", &[]);
        }
        self.park();
        let goodbye = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(LONGEST_GOODBYE, goodbye).await.is_err() {
            log::warn("connections were cut", &[]);
        }
        Exit { alarm: self.next_alarm().await }
    }

    /// Ends every event stream with the comment that the assistant goes to sleep.
    pub fn park(&self) {
        self.app.hub().park();
    }

    /// Comes back when no run is at work.
    pub async fn settled(&self) {
        let _ = self.app.engine().running().wait_for(|running| *running == 0).await;
    }

    /// When it must be woken even if nobody calls.
    pub async fn next_alarm(&self) -> Option<Timestamp> {
        self.app.next_alarm().await
    }

    /// Takes away for good what was deleted long enough ago; [`Assistant::serve`] does it by itself.
    ///
    /// # Errors
    /// The database failed, or somebody reads it from outside.
    pub async fn purge(&self) -> Result<(), Problem> {
        Ok(self.app.purge().await?)
    }

    /// Every table and its columns, for the privacy register.
    ///
    /// # Errors
    /// The database failed.
    pub async fn columns(&self) -> Result<Vec<(String, Vec<String>)>, Problem> {
        Ok(self.app.store().columns().await?)
    }

    /// Comes back when nobody has worked for `idle`. Each change sets the one timer anew.
    async fn asleep(&self, idle: Duration) {
        let (mut activity, mut running) = (self.app.activity().watch(), self.app.engine().running());
        loop {
            let is_quiet = activity.borrow_and_update().in_flight == 0 && *running.borrow_and_update() == 0;
            let long_enough = async {
                if !is_quiet || idle.is_zero() {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(idle).await;
            };
            tokio::select! {
                () = long_enough => return,
                _ = activity.changed() => {}
                _ = running.changed() => {}
            }
        }
    }
}

/// One connection carries one request. It counts as work from the moment it is accepted until its answer begins, so
/// that nobody falls asleep over a request that is still being read.
async fn connection(app: App, router: Router, stream: UnixStream) {
    let at_work = Arc::new(Mutex::new(Some(app.activity().begin())));
    let held = Arc::clone(&at_work);
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let (router, held) = (router.clone(), Arc::clone(&held));
        async move {
            let response = router.oneshot(request.map(Body::new)).await;
            held.lock().unwrap_or_else(PoisonError::into_inner).take();
            response
        }
    });
    let served = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service).await;
    drop(at_work);
    if served.is_err() {
        log::debug("a connection broke", &[]);
    }
}
