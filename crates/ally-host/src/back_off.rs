//! How long to wait after a crash before the next start.

use std::time::Duration;

/// A life this long was a healthy one: what went wrong before no longer counts.
const HEALTHY: Duration = Duration::from_secs(60);
const LONGEST: u32 = 60;

/// Counts crashes that follow one another.
#[derive(Debug)]
pub(crate) struct BackOff {
    unit: Duration,
    crashes: u32,
}

impl BackOff {
    pub(crate) const fn new(unit: Duration) -> Self {
        Self { unit, crashes: 0 }
    }

    /// The pause after a crash at the end of a life of this length: 1, 2, 4 … 60 units.
    pub(crate) fn after_crash(&mut self, lived: Duration) -> Duration {
        if lived >= HEALTHY {
            self.crashes = 0;
        }
        let units = 1u32.checked_shl(self.crashes).unwrap_or(LONGEST).min(LONGEST);
        self.crashes = (self.crashes + 1).min(31);
        self.unit * units
    }

    /// The pause after an end that was asked for: it is nobody's fault.
    pub(crate) const fn after_kill(&self) -> Duration {
        self.unit
    }

    /// An orderly end.
    pub(crate) const fn forget(&mut self) {
        self.crashes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_start_over_after_a_healthy_minute() {
        let mut back_off = BackOff::new(Duration::from_secs(1));
        let mut pauses = Vec::new();
        for lived in [0, 1, 2, 59, 0, 0, 0, 0, 60, 0] {
            pauses.push(back_off.after_crash(Duration::from_secs(lived)).as_secs());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 1, 2]);
        for _ in 0..100 {
            back_off.after_crash(Duration::ZERO);
        }
        assert_eq!(back_off.after_crash(Duration::ZERO).as_secs(), 60);
        back_off.forget();
        assert_eq!(back_off.after_crash(Duration::ZERO).as_secs(), 1);
    }
}
