//! Pauses before trying again: longer each time, and by chance, so that many clients do not come back in step.

use ally_types::{SystemChance, chance};
use std::time::Duration;

/// The first pause at most.
const FIRST_MILLIS: u64 = 250;
/// So often a pause is twice the one before.
const DOUBLINGS: u32 = 5;
/// After so many it is given up.
const MOST: u32 = 14;

/// How often it was tried in vain.
#[derive(Debug, Default)]
pub(super) struct Pauses(u32);

impl Pauses {
    /// Waits, and says whether it is worth another try.
    pub(super) async fn wait(&mut self) -> bool {
        let Some(pause) = self.next() else { return false };
        tokio::time::sleep(pause).await;
        true
    }

    fn next(&mut self) -> Option<Duration> {
        if self.0 == MOST {
            return None;
        }
        let longest = FIRST_MILLIS << self.0.min(DOUBLINGS);
        self.0 += 1;
        let by_chance = u64::from(u16::from_le_bytes(chance::bytes(&SystemChance)));
        Some(Duration::from_millis(longest / 2 + longest / 2 * by_chance / u64::from(u16::MAX)))
    }

    /// It worked.
    pub(super) fn start_over(&mut self) {
        self.0 = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_never_vanish_and_end() {
        let mut pauses = Pauses::default();
        for at in 0..MOST {
            let longest = Duration::from_millis(FIRST_MILLIS << at.min(DOUBLINGS));
            let pause = pauses.next().expect("another try");
            assert!(pause >= longest / 2 && pause <= longest, "{at}: {pause:?}");
        }
        assert_eq!(pauses.next(), None);
        pauses.start_over();
        assert!(pauses.next().is_some());
    }
}
