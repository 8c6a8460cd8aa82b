//! The alarms of all sleeping servers: one ordered list and one timer on its earliest, however many there are.

use ally_sandbox::readable;
use ally_types::{Clock, ServerId, Timestamp};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// An alarm rings so many milliseconds earlier.
pub(crate) const EARLY: i64 = 1000;

/// Who waits for which moment.
#[derive(Default)]
pub(crate) struct Alarms {
    waiting: Mutex<BTreeMap<(Timestamp, ServerId), Arc<Notify>>>,
    /// Somebody came before all others.
    sooner: Notify,
}

/// One server's place in the list; dropping it gives the place up.
pub(crate) struct Planned {
    alarms: Arc<Alarms>,
    key: (Timestamp, ServerId),
    bell: Arc<Notify>,
}

/// What can wait for a moment.
pub(crate) trait Timer {
    /// Comes back when the clock shows `moment` or later; without a moment, never. Can be cancelled and asked again.
    fn until(&mut self, moment: Option<Timestamp>) -> impl Future<Output = ()> + Send;
}

impl Alarms {
    /// Waits for `at` on behalf of a server that sleeps.
    pub(crate) fn plan(self: &Arc<Self>, at: Timestamp, server: ServerId) -> Planned {
        let (key, bell) = ((at, server), Arc::new(Notify::new()));
        let mut waiting = self.waiting();
        waiting.insert(key, Arc::clone(&bell));
        if waiting.first_key_value().is_some_and(|(first, _)| *first == key) {
            self.sooner.notify_one();
        }
        Planned { alarms: Arc::clone(self), key, bell }
    }

    /// Rings what is due, for ever.
    pub(crate) async fn keep(&self, clock: &dyn Clock, timer: &mut impl Timer) {
        loop {
            let next = self.ring(clock.now());
            tokio::select! {
                () = self.sooner.notified() => {}
                () = timer.until(next) => {}
            }
        }
    }

    /// Rings everything that is due now; answers when the next is due.
    fn ring(&self, now: Timestamp) -> Option<Timestamp> {
        let mut waiting = self.waiting();
        while let Some(first) = waiting.first_entry() {
            let due = first.key().0.plus_millis(-EARLY);
            if due > now {
                return Some(due);
            }
            first.remove().notify_one();
        }
        None
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<(Timestamp, ServerId), Arc<Notify>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Planned {
    /// Comes back when it rings.
    pub(crate) async fn rings(&self) {
        self.bell.notified().await;
    }
}

impl Drop for Planned {
    fn drop(&mut self) {
        self.alarms.waiting().remove(&self.key);
    }
}

/// The machine's clock. The kernel holds the moment itself, so it stays right when the clock is set, when it is slowly
/// corrected, and when a laptop has slept: nobody has to look again in between.
pub(crate) struct WallTimer {
    timer: Option<OwnedFd>,
}

/// Where the kernel has no such timer, the clock is read again this often; once for everybody.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

impl WallTimer {
    pub(crate) fn new() -> Self {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        Self { timer: rustix::time::timerfd_create(TimerfdClockId::Realtime, flags).ok() }
    }

    /// Sets the kernel's timer; answers whether it has one.
    fn set(&self, moment: Timestamp) -> Option<&OwnedFd> {
        let timer = self.timer.as_ref()?;
        // Zero would switch it off.
        let millis = moment.as_millis().max(1);
        let at = Timespec { tv_sec: millis / 1000, tv_nsec: (millis % 1000) * 1_000_000 };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: at };
        rustix::time::timerfd_settime(timer, TimerfdTimerFlags::ABSTIME, &once).ok()?;
        Some(timer)
    }
}

impl Timer for WallTimer {
    async fn until(&mut self, moment: Option<Timestamp>) {
        let Some(moment) = moment else { return std::future::pending().await };
        let rang = match self.set(moment) {
            Some(timer) => readable(timer).await.is_ok(),
            None => false,
        };
        if !rang {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ally_types::time::StandingClock;
    use ally_types::{SystemChance, SystemClock};
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Does what the kernel promises, for a clock that stands still and is set: comes back when it shows the moment.
    struct Kernel {
        clock: Arc<StandingClock>,
        set: Arc<Notify>,
        asked: Arc<AtomicUsize>,
    }

    impl Timer for Kernel {
        async fn until(&mut self, moment: Option<Timestamp>) {
            self.asked.fetch_add(1, Ordering::Relaxed);
            while moment.is_none_or(|moment| self.clock.now() < moment) {
                self.set.notified().await;
            }
        }
    }

    struct World {
        clock: Arc<StandingClock>,
        set: Arc<Notify>,
        asked: Arc<AtomicUsize>,
        alarms: Arc<Alarms>,
    }

    impl World {
        fn start() -> Self {
            let clock = Arc::new(StandingClock::at(Timestamp::from_millis(1_763_700_000_000)));
            let world = Self { clock, set: Arc::default(), asked: Arc::default(), alarms: Arc::default() };
            let (alarms, clock) = (Arc::clone(&world.alarms), Arc::clone(&world.clock));
            let mut timer =
                Kernel { clock: Arc::clone(&clock), set: Arc::clone(&world.set), asked: Arc::clone(&world.asked) };
            tokio::spawn(async move { alarms.keep(&*clock, &mut timer).await });
            world
        }

        fn plan(&self, seconds: i64) -> Planned {
            self.alarms.plan(self.clock.now().plus_millis(seconds * 1000), ServerId::new(&SystemClock, &SystemChance))
        }

        fn turn_clock(&self, seconds: i64) {
            self.clock.advance_millis(seconds * 1000);
            self.set.notify_one();
        }

        /// Everybody who can go on does.
        async fn settle(&self) {
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
        }
    }

    async fn rings_now(planned: &Planned) -> bool {
        tokio::select! {
            biased;
            () = planned.rings() => true,
            () = std::future::ready(()) => false,
        }
    }

    #[tokio::test]
    async fn ten_thousand_alarms_are_one_timer_that_is_asked_once_for_each_moment() {
        let world = World::start();
        world.settle().await;
        let first = world.plan(100);
        let many: Vec<Planned> = (0..10_000).map(|at| world.plan(3600 + at / 100)).collect();
        world.settle().await;
        assert!(world.asked.load(Ordering::Relaxed) <= 3, "{}", world.asked.load(Ordering::Relaxed));
        world.turn_clock(99);
        world.settle().await;
        assert!(rings_now(&first).await, "a second early");
        let before = world.asked.load(Ordering::Relaxed);
        // An hour in which nothing is due costs nothing.
        for _ in 0..60 {
            world.turn_clock(58);
            world.settle().await;
        }
        assert_eq!(world.asked.load(Ordering::Relaxed), before);
        world.turn_clock(200);
        world.settle().await;
        for planned in &many {
            assert!(rings_now(planned).await);
        }
        assert_eq!(world.asked.load(Ordering::Relaxed), before + 1);
    }

    #[tokio::test]
    async fn a_clock_that_is_set_forward_rings_and_one_that_is_set_back_does_not() {
        let world = World::start();
        let planned = world.plan(600);
        world.settle().await;
        world.turn_clock(-3600);
        world.settle().await;
        assert!(!rings_now(&planned).await);
        world.turn_clock(3600);
        world.settle().await;
        assert!(!rings_now(&planned).await, "it is as late as it was before");
        world.turn_clock(86_400);
        world.settle().await;
        assert!(rings_now(&planned).await);
    }

    #[tokio::test]
    async fn a_moment_in_the_past_rings_at_once_and_who_gave_up_is_not_rung_for() {
        let world = World::start();
        world.settle().await;
        let (past, gone, later) = (world.plan(-86_400), world.plan(50), world.plan(60));
        world.settle().await;
        assert!(rings_now(&past).await);
        drop(gone);
        world.turn_clock(55);
        world.settle().await;
        assert!(!rings_now(&later).await);
        assert_eq!(world.alarms.waiting().len(), 1);
        world.turn_clock(5);
        world.settle().await;
        assert!(rings_now(&later).await);
        assert!(world.alarms.waiting().is_empty());
    }

    #[tokio::test]
    async fn the_machines_timer_comes_back_when_the_clock_shows_the_moment() {
        let mut timer = WallTimer::new();
        let soon = SystemClock.now().plus_millis(40);
        timer.until(Some(soon)).await;
        assert!(SystemClock.now() >= soon);
        for past in [soon, Timestamp::from_millis(0), Timestamp::from_millis(-1)] {
            timer.until(Some(past)).await;
        }
        let far = timer.until(Some(Timestamp::from_millis(i64::MAX / 2)));
        assert!(tokio::time::timeout(Duration::from_millis(30), far).await.is_err());
    }
}
