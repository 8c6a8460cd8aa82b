//! What must hold for every call, not only for those in the tables.

use ally_monitor::{Call, Decision, Sink, Touches, authorize};
use ally_types::{Confidentiality, Integrity, Label};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_worse_label_never_gives_a_freer_answer(call in call(), more in label()) {
        let before = authorize(&call.as_call());
        let after = authorize(&Call { run_label: call.label.join(more), ..call.as_call() });
        prop_assert!(freedom(after) <= freedom(before), "{before:?} became {after:?}");
    }

    #[test]
    fn touching_memory_never_gives_a_freer_answer(call in call()) {
        let other = Call { touches: Touches::Other, ..call.as_call() };
        prop_assert!(freedom(authorize(&other.on_memory())) <= freedom(authorize(&other)));
    }

    #[test]
    fn a_call_that_was_made_before_never_gets_a_freer_answer(call in call(), times in 0usize..5) {
        prop_assert!(freedom(authorize(&call.as_call().again(times))) <= freedom(authorize(&call.as_call())));
    }

    #[test]
    fn only_reading_and_undoable_changes_are_ever_free(call in call()) {
        if authorize(&call.as_call()).is_free() {
            prop_assert!(matches!(call.sink, Sink::Read | Sink::Local));
        }
    }
}

/// More is freer.
fn freedom(decision: Decision) -> u8 {
    match decision {
        Decision::Allow { .. } => 2,
        Decision::Ask { .. } => 1,
        Decision::Refuse { .. } => 0,
    }
}

#[derive(Debug, Clone)]
struct AnyCall {
    tool: String,
    sink: Sink,
    touches: Touches,
    label: Label,
}

impl AnyCall {
    fn as_call(&self) -> Call<'_> {
        Call { tool: &self.tool, sink: self.sink, touches: self.touches, run_label: self.label, times_before: 0 }
    }
}

fn label() -> impl Strategy<Value = Label> {
    (
        prop::sample::select(vec![Integrity::User, Integrity::Trusted, Integrity::Outside]),
        prop::sample::select(vec![Confidentiality::Public, Confidentiality::Private, Confidentiality::Secret]),
    )
        .prop_map(|(integrity, confidentiality)| Label { integrity, confidentiality })
}

fn call() -> impl Strategy<Value = AnyCall> {
    (
        prop_oneof!["[a-z][a-z0-9_]{0,12}", "\\PC{0,8}"],
        prop::sample::select(Sink::ALL.to_vec()),
        prop::sample::select(vec![Touches::Memory, Touches::Other]),
        label(),
    )
        .prop_map(|(tool, sink, touches, label)| AnyCall { tool, sink, touches, label })
}
