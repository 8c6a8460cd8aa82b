//! The moves between states, compared with a table that was written by hand.

use ally_durable::{Ending, State};
use ally_types::Timestamp;
use proptest::prelude::*;

#[derive(Debug, Clone, Copy)]
enum Move {
    Claim,
    Wait,
    Ask,
    Wake,
    Succeed,
    Fail,
    Cancel,
}

/// The naive model: which words may follow which.
const ALLOWED: &[(&str, &str)] = &[
    ("queued", "running"),
    ("queued", "failed"),
    ("queued", "cancelled"),
    ("running", "running"),
    ("running", "waiting"),
    ("running", "needs_attention"),
    ("running", "succeeded"),
    ("running", "failed"),
    ("running", "cancelled"),
    ("waiting", "queued"),
    ("waiting", "failed"),
    ("waiting", "cancelled"),
    ("needs_attention", "queued"),
    ("needs_attention", "failed"),
    ("needs_attention", "cancelled"),
];

fn moves() -> impl Strategy<Value = Move> {
    use Move::{Ask, Cancel, Claim, Fail, Succeed, Wait, Wake};
    prop_oneof![
        6 => Just(Claim), 3 => Just(Wait), 3 => Just(Ask), 6 => Just(Wake), 1 => Just(Succeed), 1 => Just(Fail),
        1 => Just(Cancel)
    ]
}

proptest! {
    #[test]
    fn a_run_moves_exactly_as_the_table_allows(moves in prop::collection::vec(moves(), 1..40)) {
        let mut state = State::Queued;
        for (step, wanted) in moves.into_iter().enumerate() {
            let now = Timestamp::from_millis(i64::try_from(step).unwrap());
            let (to, next) = match wanted {
                Move::Claim => ("running", state.claim(7)),
                Move::Wait => ("waiting", state.wait(now)),
                Move::Ask => ("needs_attention", state.ask(now, "unknown_outcome")),
                Move::Wake => ("queued", state.wake()),
                Move::Succeed => ("succeeded", state.end(now, Ending::Succeeded)),
                Move::Fail => ("failed", state.end(now, Ending::Failed { reason: "tired" })),
                Move::Cancel => ("cancelled", state.end(now, Ending::Cancelled)),
            };
            prop_assert_eq!(next.is_ok(), ALLOWED.contains(&(state.as_str(), to)));
            match next {
                Ok(next) => {
                    prop_assert_eq!(next.as_str(), to);
                    state = next;
                }
                Err(refused) => prop_assert_eq!((refused.from, refused.to), (state.as_str(), to)),
            }
        }
        prop_assert_eq!(state.is_ended(), matches!(state.as_str(), "succeeded" | "failed" | "cancelled"));
    }
}
