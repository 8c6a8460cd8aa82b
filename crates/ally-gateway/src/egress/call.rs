//! One call that goes out: what it sent and received, how long it may go on, and the line and the count it leaves.

use super::Limits;
use super::host::Host;
use super::ledger::Count;
use super::target::Target;
use crate::door::BoxedIo;
use crate::gateway::Gateway;
use ally_types::{ServerId, log};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep, sleep_until};

/// A list that cannot be read is asked for again after so long.
const ASKS_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Why a call was ended from our side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Nothing moved for too long.
    Idle,
    /// It went on for too long.
    Overdue,
    /// It sent more than it may.
    SentTooMuch,
    /// It received more than it may.
    ReceivedTooMuch,
    /// The person took its host off her list.
    Withdrawn,
}

impl Ended {
    const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Overdue => "overdue",
            Self::SentTooMuch => "sent_too_much",
            Self::ReceivedTooMuch => "received_too_much",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// The place of one call among those of its server; leaving is dropping it.
pub struct Place {
    gateway: Gateway,
    server: ServerId,
}

impl Place {
    /// Takes a place, unless this server has too many calls at a time.
    pub fn take(gateway: &Gateway, server: ServerId) -> Option<Self> {
        gateway.egress.enter(server).then(|| Self { gateway: gateway.clone(), server })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gateway.egress.leave(self.server);
    }
}

/// One call that has reached its destination. When its last handle is dropped, it is counted and logged.
pub struct Call {
    place: Place,
    target: Target,
    begun: Instant,
    /// Milliseconds from the beginning to the last byte that moved.
    moved: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    status: AtomicU16,
    ended: Mutex<Option<Ended>>,
}

impl Call {
    /// A call that has just connected.
    pub fn begin(place: Place, target: Target, begun: Instant) -> Arc<Self> {
        let call = Self {
            place,
            target,
            begun,
            moved: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            status: AtomicU16::new(0),
            ended: Mutex::new(None),
        };
        call.moves();
        Arc::new(call)
    }

    /// Where it goes.
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// How much is allowed.
    pub fn limits(&self) -> Limits {
        self.place.gateway.limits.egress
    }

    /// Remembers what was answered, for the log.
    pub fn answered(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    /// Why it was ended from our side, if it was.
    pub fn ended(&self) -> Option<Ended> {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it; the first reason stays.
    pub fn end(&self, why: Ended) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    }

    /// Comes back when the call must end: it was silent or lasted for longer than it may, or is not allowed any more.
    pub async fn over(&self) -> Ended {
        tokio::select! {
            why = self.overdue() => why,
            () = self.withdrawn() => Ended::Withdrawn,
        }
    }

    async fn withdrawn(&self) {
        let Place { gateway, server } = &self.place;
        let mut withdrawals = gateway.egress.withdrawals.subscribe();
        let mut is_told = false;
        // Once at the beginning, too: connecting takes time, in which she may have changed her mind.
        loop {
            match gateway.egress.list.read(*server, &self.target).await {
                Ok(Err(_)) => return,
                Ok(Ok(())) => loop {
                    match withdrawals.recv().await {
                        Ok(whose) if whose != *server => {}
                        Ok(_) | Err(RecvError::Lagged(_)) => break,
                        Err(RecvError::Closed) => return std::future::pending().await,
                    }
                },
                // That is no decision of hers: what is open stays open until the list says otherwise.
                Err(_) => {
                    if !std::mem::replace(&mut is_told, true) {
                        log::error("the list of allowed hosts cannot be read for an open call", &[("server", server)]);
                    }
                    sleep(ASKS_AGAIN_AFTER).await;
                }
            }
        }
    }

    async fn overdue(&self) -> Ended {
        let limits = self.limits();
        loop {
            let silent_until = self.begun + Duration::from_millis(self.moved.load(Ordering::Relaxed)) + limits.idle;
            let ends = self.begun + limits.total;
            sleep_until(silent_until.min(ends)).await;
            let now = Instant::now();
            if now >= ends {
                return Ended::Overdue;
            }
            if now >= self.begun + Duration::from_millis(self.moved.load(Ordering::Relaxed)) + limits.idle {
                return Ended::Idle;
            }
        }
    }

    fn moves(&self) {
        let millis = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(millis, Ordering::Relaxed);
    }

    fn may_send(&self, bytes: usize) -> io::Result<()> {
        if self.sent.load(Ordering::Relaxed) + bytes as u64 <= self.limits().sent {
            return Ok(());
        }
        self.end(Ended::SentTooMuch);
        Err(io::ErrorKind::QuotaExceeded.into())
    }

    fn receive(&self, bytes: usize) -> io::Result<()> {
        let received = self.received.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        if received <= self.limits().received {
            return Ok(());
        }
        self.end(Ended::ReceivedTooMuch);
        Err(io::ErrorKind::QuotaExceeded.into())
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let (sent, received) = (*self.sent.get_mut(), *self.received.get_mut());
        let count = Count { calls: 1, refused: 0, sent, received };
        self.place.gateway.egress.ledger.note(self.place.server, self.target.shown(), count);
        let line = Line { server: self.place.server, host: Some(&self.target.host), begun: self.begun };
        line.write(*self.status.get_mut(), (sent, received), self.ended().map(Ended::name));
    }
}

/// One line of the log: server, host, status, bytes and milliseconds. Never a path, a query or a header, and of hosts
/// only those that stand on the person's list.
pub struct Line<'a> {
    /// Whose call.
    pub server: ServerId,
    /// Where to.
    pub host: Option<&'a Host>,
    /// Since when.
    pub begun: Instant,
}

impl Line<'_> {
    /// Writes it.
    pub fn write(&self, status: u16, (sent, received): (u64, u64), ended: Option<&'static str>) {
        let millis = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        log::info(
            "call to the outside",
            &[
                ("server", &self.server),
                ("host", &self.host.cloned()),
                ("status", &status),
                ("sent", &sent),
                ("received", &received),
                ("ms", &millis),
                ("ended", &ended),
            ],
        );
    }
}

/// The connection of a call: each byte is counted where it leaves and arrives.
pub struct Metered {
    io: BoxedIo,
    call: Arc<Call>,
}

impl Metered {
    /// Counts what passes over `io`.
    pub fn new(io: BoxedIo, call: Arc<Call>) -> Self {
        Self { io, call }
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(context, buffer))?;
        self.call.moves();
        Poll::Ready(self.call.receive(buffer.filled().len() - before))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.call.may_send(bytes.len())?;
        let written = ready!(Pin::new(&mut self.io).poll_write(context, bytes))?;
        self.call.moves();
        self.call.sent.fetch_add(written as u64, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
