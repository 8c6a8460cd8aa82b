//! Limits on how often something may be asked: token buckets in memory, keyed by a hash.
//!
//! A bucket holds `burst` tokens and gains one every `refill_millis`. Keys are hashed with a secret of the process,
//! so an address never stands in a dump of the table.

use crate::Rejection;
use ally_types::{Clock, Problem, Timestamp};
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

/// How much is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// So many at once.
    pub burst: u32,
    /// Then one more after so many milliseconds.
    pub refill_millis: u32,
}

/// Buckets for one kind of request.
pub struct Limiter {
    rate: Rate,
    hasher: RandomState,
    buckets: Mutex<HashMap<u64, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    /// The moment at which the bucket is full again; earlier or equal to now means full.
    full_at: Timestamp,
}

/// Above so many buckets the full ones are thrown away.
const SWEEP_ABOVE: usize = 10_000;

impl Limiter {
    /// Allows `rate` for each key.
    pub fn new(rate: Rate) -> Self {
        Self { rate, hasher: RandomState::new(), buckets: Mutex::new(HashMap::new()) }
    }

    /// Takes one token for `key`, or says after how many seconds there is one again.
    pub fn take(&self, clock: &dyn Clock, key: &str) -> Result<(), u32> {
        let now = clock.now();
        let refill = i64::from(self.rate.refill_millis.max(1));
        let capacity = refill * i64::from(self.rate.burst.max(1));
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() > SWEEP_ABOVE {
            buckets.retain(|_, bucket| bucket.full_at > now);
        }
        let bucket = buckets.entry(self.hasher.hash_one(key)).or_insert(Bucket { full_at: now });
        // A clock that was set back must not lock anybody out for longer than an empty bucket would.
        let missing = bucket.full_at.millis_since(now).clamp(0, capacity);
        if missing + refill > capacity {
            let wait = missing + refill - capacity;
            return Err(u32::try_from((wait + 999) / 1000).unwrap_or(u32::MAX));
        }
        bucket.full_at = now.plus_millis(missing + refill);
        Ok(())
    }

    /// Like [`Limiter::take`], answering 429 with `Retry-After`.
    pub fn check(&self, clock: &dyn Clock, key: &str) -> Result<(), Rejection> {
        self.take(clock, key).map_err(|seconds| Rejection::from(too_many(seconds)))
    }
}

/// 429 with the time to wait.
pub fn too_many(seconds: u32) -> Problem {
    Problem::new(429, "too_many_requests", "Too many attempts in a short time.")
        .next(match seconds {
            0 | 1 => "Wait a second, then try again.".to_owned(),
            seconds if seconds < 120 => format!("Wait {seconds} seconds, then try again."),
            seconds => format!("Wait {} minutes, then try again.", seconds.div_ceil(60)),
        })
        .retry_after(seconds.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ally_types::time::StandingClock;

    #[test]
    fn a_burst_passes_and_then_one_at_a_time() {
        let clock = StandingClock::at(Timestamp::from_millis(0));
        let limiter = Limiter::new(Rate { burst: 3, refill_millis: 20_000 });
        for _ in 0..3 {
            assert_eq!(limiter.take(&clock, "a"), Ok(()));
        }
        assert_eq!(limiter.take(&clock, "a"), Err(20));
        assert_eq!(limiter.take(&clock, "b"), Ok(()));
        clock.advance_millis(20_000);
        assert_eq!(limiter.take(&clock, "a"), Ok(()));
        assert_eq!(limiter.take(&clock, "a"), Err(20));
        clock.advance_millis(-1_000_000_000);
        assert!(limiter.take(&clock, "a").is_err_and(|seconds| seconds <= 60));
    }
}
