//! The life of one server: asleep until somebody knocks or the alarm rings, awake, ended, and so on.

use crate::alarms::{EARLY, Planned};
use crate::back_off::BackOff;
use crate::control::{Control, Saving};
use crate::host::{Host, Kill, Server};
use crate::ledger::Ledger;
use crate::lines::{Lines, Pace, Said};
use crate::quota::{Meter, Space, Verdict};
use crate::{socket, wake};
use ally_sandbox::{CannotSpawn, Child, Exit, Signal, readable};
use ally_types::host::FromAssistant;
use ally_types::log;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

/// What could not be saved is tried again after so long: the disk was full, most likely.
const SAVE_AGAIN: Duration = Duration::from_secs(60);

pub(crate) struct Life {
    pub(crate) host: Arc<Host>,
    pub(crate) server: Arc<Server>,
    pub(crate) ledger: Ledger,
    pub(crate) commands: mpsc::Receiver<Kill>,
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) back_off: BackOff,
    /// The disk does not know yet what the ledger says.
    pub(crate) is_unsaved: bool,
    /// What is known about the space that it takes.
    pub(crate) space: Space,
    /// How much it may still write to the log.
    pub(crate) pace: Pace,
}

enum Next {
    Sleep,
    Wake(Haste),
    /// After a crash: it comes back by itself.
    Pause(Duration),
    /// After an end that came too soon: it sleeps afterwards.
    Rest(Duration),
    End,
}

/// Whether somebody waits for a start.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Haste {
    SomebodyWaits,
    NobodyWaits,
}

/// A place among those that start now.
struct Place {
    _start: OwnedSemaphorePermit,
    _unhurried: Option<OwnedSemaphorePermit>,
}

/// A process that is there.
struct Awake {
    child: Child,
    control: Control,
    lines: Lines,
    /// The place among those that start now, until it is up.
    starting: Option<Place>,
    born: Instant,
    ready: bool,
    killed_for: Vec<Kill>,
    /// When it is ended by force, once it was told to stop.
    give_up: Option<Instant>,
    /// Measures the space that it takes.
    meter: Meter,
    /// When its alarm is saved.
    saving: Saving,
    /// When it is ended by force, once it was told to leave and to come back.
    leave_by: Option<Instant>,
}

impl Life {
    /// Runs until the host stops.
    pub(crate) async fn run(mut self) {
        let mut next = if self.ledger.must_wake() { Next::Wake(Haste::NobodyWaits) } else { Next::Sleep };
        loop {
            next = match next {
                Next::Sleep => self.sleep().await,
                // In a box: whoever sleeps, and that is nearly everybody, needs no room for being awake.
                Next::Wake(haste) => Box::pin(self.wake(haste)).await,
                Next::Pause(pause) => self.pause(pause, Next::Wake(Haste::NobodyWaits)).await,
                Next::Rest(pause) => self.pause(pause, Next::Sleep).await,
                Next::End => return,
            };
        }
    }

    /// No process. Whoever connects waits in the socket's queue, which is what wakes it.
    async fn sleep(&mut self) -> Next {
        let alarm = self.ledger.alarm().map(|at| self.host.alarms.plan(at, self.server.id));
        let inbound = self.server.inbound();
        loop {
            tokio::select! {
                biased;
                () = stopped(&mut self.stop) => return Next::End,
                Some(kill) = self.commands.recv() => kill.nobody_there(),
                knock = readable(&inbound) => return match knock {
                    Ok(()) if socket::is_shut(&inbound) => match self.open_again() {
                        Ok(()) => Next::Sleep,
                        Err(_) => Next::Pause(self.back_off.after_crash(Duration::ZERO)),
                    },
                    Ok(()) => Next::Wake(Haste::SomebodyWaits),
                    Err(error) => {
                        log::error("a socket cannot be watched", &[("server", &self.server.id), ("kind", &error.kind())]);
                        Next::Pause(self.back_off.after_crash(Duration::ZERO))
                    }
                },
                () = rings(alarm.as_ref()) => {
                    log::debug("an alarm rings", &[("server", &self.server.id)]);
                    return Next::Wake(Haste::NobodyWaits);
                }
                () = sleep(SAVE_AGAIN), if self.is_unsaved => self.save().await,
            }
        }
    }

    /// After a crash. Connections wait in the queue; watching it now would only spin. Who stands in it at the end of the
    /// pause is seen when there is no place for those for whom nobody waits.
    async fn pause(&mut self, pause: Duration, then: Next) -> Next {
        let until = Instant::now() + pause;
        loop {
            tokio::select! {
                () = stopped(&mut self.stop) => return Next::End,
                Some(kill) = self.commands.recv() => kill.nobody_there(),
                () = sleep_until(until) => return then,
            }
        }
    }

    /// Waits for a place among those that start; `None` when the host stops.
    async fn place(&mut self, haste: Haste) -> Option<Place> {
        let mut unhurried = None;
        let inbound = self.server.inbound();
        while haste == Haste::NobodyWaits && unhurried.is_none() {
            tokio::select! {
                () = stopped(&mut self.stop) => return None,
                Some(kill) = self.commands.recv() => kill.nobody_there(),
                // Now somebody does.
                _ = readable(&inbound) => break,
                place = Arc::clone(&self.host.unhurried).acquire_owned() => unhurried = place.ok(),
            }
        }
        loop {
            tokio::select! {
                () = stopped(&mut self.stop) => return None,
                Some(kill) = self.commands.recv() => kill.nobody_there(),
                place = Arc::clone(&self.host.starting).acquire_owned() => {
                    return place.ok().map(|start| Place { _start: start, _unhurried: unhurried });
                }
            }
        }
    }

    async fn wake(&mut self, haste: Haste) -> Next {
        let Some(starting) = self.place(haste).await else { return Next::End };
        let starting = Some(starting);
        let (epoch, new_lot) = self.ledger.next_epoch();
        if new_lot || self.is_unsaved {
            self.save().await;
        }
        let rung = self.ledger.alarm().filter(|at| at.millis_since(self.host.clock.now()) <= EARLY);
        if rung.is_some() {
            // It has done its work with this start. On the disk it stays until the process is up.
            self.ledger.set_alarm(None);
        }
        if let Err(error) = self.ledger.mark_awake() {
            log::warn("a server could not be marked as awake", &[("server", &self.server.id), ("kind", &error.kind())]);
        }
        let born = Instant::now();
        let pace = std::mem::take(&mut self.pace);
        let (child, control, lines) = match wake::start(&self.host, &self.server, epoch, self.space, pace) {
            Ok(all) => all,
            Err(refused) => {
                self.log_refused(&refused);
                return Next::Pause(self.back_off.after_crash(Duration::ZERO));
            }
        };
        let shares = self.host.around.shares;
        let period = Duration::from_millis(shares.measure_millis);
        // Nobody but the superuser is told what a process has open that cannot be dumped.
        let process = self.host.level.has_own_user().then(|| child.pid());
        let meter = Meter::new(self.host.places.person(self.server.id), process, shares.disk(), period, self.space);
        let awake = Awake {
            child,
            control,
            lines,
            starting,
            born,
            ready: false,
            killed_for: Vec::new(),
            give_up: None,
            meter,
            saving: Saving::default(),
            leave_by: None,
        };
        self.accompany(awake, rung.is_some()).await
    }

    /// There is a process: hears it, until it has ended and is gone.
    async fn accompany(&mut self, mut awake: Awake, mut save_when_ready: bool) -> Next {
        let within = self.host.boot.start_within();
        let exit = loop {
            tokio::select! {
                line = awake.control.next() => self.hear(&mut awake, line, &mut save_when_ready).await,
                said = awake.lines.next() => self.log_for_it(&said),
                exit = awake.child.wait() => break exit,
                Some(kill) = self.commands.recv() => {
                    let _ = awake.child.kill();
                    awake.killed_for.push(kill);
                }
                () = stopped(&mut self.stop), if awake.give_up.is_none() => {
                    let _ = awake.child.signal(Signal::TERM);
                    awake.give_up = Some(Instant::now() + self.host.boot.stop_within());
                }
                verdict = awake.meter.verdict() => self.make_room(&mut awake, verdict),
                () = at(awake.saving.due()) => self.save_now(&mut awake).await,
                () = at(awake.leave_by), if awake.give_up.is_none() => {
                    let _ = awake.child.kill();
                    awake.leave_by = Some(Instant::now() + Duration::from_secs(1));
                }
                () = sleep_until(awake.born + within), if awake.starting.is_some() => awake.starting = None,
                () = at(awake.give_up) => {
                    let _ = awake.child.kill();
                    awake.give_up = Some(Instant::now() + Duration::from_secs(1));
                }
            }
        };
        let mut read = 0;
        while let Some(line) = awake.control.left_over(&mut read).await {
            self.hear(&mut awake, line, &mut save_when_ready).await;
        }
        let mut read = 0;
        while let Some(said) = awake.lines.left_over(&mut read) {
            self.log_for_it(&said);
        }
        // Before anybody is told that it is gone.
        if awake.saving.due().is_some() {
            self.save_now(&mut awake).await;
        }
        if socket::is_shut(&self.server.inbound()) {
            // What cannot be opened now is tried again when it sleeps.
            let _ = self.open_again();
        }
        self.host.say_asleep(&self.server);
        self.space = awake.meter.at_the_end().await;
        self.after(awake, exit.unwrap_or(Exit::Code(-1)))
    }

    /// Its directory has become too large, or there is room again, or it goes on though it was told.
    fn make_room(&self, awake: &mut Awake, verdict: Verdict) {
        match verdict {
            Verdict::TellAnew => {
                log::info("an assistant is started anew, for its space", &[("server", &self.server.id)]);
                let _ = awake.child.signal(Signal::TERM);
                awake.leave_by = Some(Instant::now() + self.host.boot.stop_within());
            }
            Verdict::Kill => {
                log::warn("an assistant goes on writing in a full space", &[("server", &self.server.id)]);
                let _ = awake.child.kill();
                awake.leave_by = Some(Instant::now() + self.host.boot.stop_within());
            }
        }
    }

    async fn hear(&mut self, awake: &mut Awake, line: FromAssistant, save_when_ready: &mut bool) {
        match line {
            FromAssistant::Ready if !awake.ready => {
                awake.ready = true;
                awake.starting = None;
                // Alone among its processes, it hears a signal only once it has a handler for it.
                if awake.give_up.is_some() || awake.leave_by.is_some() {
                    let _ = awake.child.signal(Signal::TERM);
                }
                self.host.say_awake(&self.server);
                self.host.make_networks();
                let micros = u64::try_from(awake.born.elapsed().as_micros()).unwrap_or(u64::MAX);
                log::debug("awake", &[("server", &self.server.id), ("micros", &micros)]);
                if std::mem::take(save_when_ready) {
                    self.save().await;
                }
            }
            FromAssistant::Ready => {}
            FromAssistant::Alarm { at } => {
                if self.ledger.set_alarm(at) && awake.saving.ask(Instant::now()) {
                    self.save_now(awake).await;
                }
            }
        }
    }

    async fn save_now(&mut self, awake: &mut Awake) {
        awake.saving.begin(Instant::now());
        self.save().await;
    }

    /// Its socket was shut down, and nobody could call it any more: there is a new one in its place. After any other
    /// end the old one stays, for callers wait in its queue.
    fn open_again(&self) -> io::Result<()> {
        log::warn("an assistant shut its socket down", &[("server", &self.server.id)]);
        let gateway = self.host.boot.gateway_uid.filter(|_| self.host.level.has_own_user());
        let bound = socket::bind(&self.host.places.inbound(self.server.id), gateway);
        if let Err(error) = &bound {
            log::error("a socket could not be opened again", &[("server", &self.server.id), ("kind", &error.kind())]);
        }
        bound.map(|socket| self.server.replace_inbound(socket))
    }

    /// What an end means for the next start.
    fn after(&mut self, awake: Awake, exit: Exit) -> Next {
        let server = &self.server.id;
        self.pace = awake.lines.into_pace();
        let lived = awake.born.elapsed();
        let was_killed = !awake.killed_for.is_empty();
        awake.killed_for.into_iter().for_each(Kill::done);
        // An end before it was up is no idle exit, whatever it says: waking it at once would spin.
        let is_orderly = exit == Exit::Code(0) && (awake.ready || awake.give_up.is_some());
        // Nobody is idle for so short a time. With a caller in the queue, one that always leaves at once would spin.
        let was_told = awake.give_up.is_some() || awake.leave_by.is_some();
        let is_hasty = is_orderly && !was_told && lived < self.host.boot.stays_at_least();
        if is_orderly {
            self.ledger.mark_asleep();
            log::debug("asleep", &[("server", server)]);
        }
        if is_hasty {
            log::warn("an assistant left as soon as it came", &[("server", server)]);
        } else if is_orderly {
            self.back_off.forget();
        } else {
            if let Err(refused) = awake.child.started() {
                self.log_refused(&refused);
            }
            let (code, signal) = match exit {
                Exit::Code(code) => (Some(code), None),
                Exit::Signal(signal) => (None, Some(signal)),
            };
            let limited = awake.child.ran_out_of_memory().then_some("out_of_memory");
            let values: [(&'static str, &dyn log::Loggable); 4] =
                [("server", server), ("code", &code), ("signal", &signal), ("limit", &limited)];
            log::warn("an assistant ended", &values);
        }
        match (awake.give_up, is_orderly, was_killed) {
            (Some(_), _, _) => Next::End,
            (None, true, _) if is_hasty => {
                // Whoever leaves quickly does not get around the rest of a space that is more than full.
                Next::Rest(self.back_off.after_crash(lived).max(self.space.rest().unwrap_or_default()))
            }
            // It added to a space that is more than full, however it ended.
            (None, _, false) if let Some(rest) = self.space.rest() => Next::Rest(rest),
            (None, true, _) => Next::Sleep,
            (None, false, true) => Next::Pause(self.back_off.after_kill()),
            (None, false, false) => Next::Pause(self.back_off.after_crash(lived)),
        }
    }

    async fn save(&mut self) {
        let ledger = self.ledger.clone();
        // A full disk must not keep anybody from their assistant: what could not be saved still holds in memory.
        let saved = tokio::task::spawn_blocking(move || ledger.save()).await.map_err(io::Error::other).flatten();
        if let Err(error) = &saved {
            log::error("an alarm could not be saved", &[("server", &self.server.id), ("kind", &error.kind())]);
        }
        self.is_unsaved = saved.is_err();
    }

    /// A line of the assistant's own. Whatever it says, it is a line of the host that says whose it is.
    fn log_for_it(&self, said: &Said) {
        match said {
            Said::Line { level, text } => {
                log::line(*level, "an assistant says", &[("server", &self.server.id), ("says", text)]);
            }
            Said::Dropped(lines) => {
                log::warn("an assistant says too much", &[("server", &self.server.id), ("dropped_lines", lines)]);
            }
        }
    }

    fn log_refused(&self, refused: &CannotSpawn) {
        let values: [(&'static str, &dyn log::Loggable); 3] =
            [("server", &self.server.id), ("step", &refused.step.name()), ("kind", &refused.error.kind())];
        log::error("an assistant could not be started", &values);
    }
}

async fn rings(alarm: Option<&Planned>) {
    match alarm {
        Some(alarm) => alarm.rings().await,
        None => std::future::pending().await,
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the host itself is gone.
    let _ = stop.wait_for(|stop| *stop).await;
}
