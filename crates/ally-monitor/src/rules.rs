//! The rules, in the order in which they are asked.

use crate::{Call, Decision, Rule, Sink, Touches};
use ally_types::Integrity;

/// So often exactly the same may be called before the person is asked: the third time asks.
const TIMES_FREE: usize = 2;

/// Decides about one call. The same call always gets the same answer.
pub fn authorize(call: &Call<'_>) -> Decision {
    if !is_tool_name(call.tool) {
        return Decision::Refuse {
            rule: Rule::UnreadableTool,
            why: "The assistant asked for a tool whose name is not one of ours.",
        };
    }
    match by_sink(call) {
        Decision::Allow { .. } if call.times_before >= TIMES_FREE => {
            Decision::Ask { rule: Rule::SameCallAgain, why: "It keeps asking for the same thing. Let it go on?" }
        }
        decision => decision,
    }
}

fn by_sink(call: &Call<'_>) -> Decision {
    match call.sink {
        Sink::Read => Decision::Allow { rule: Rule::ReadIsFree },
        Sink::Local => local(call),
        Sink::Fetch => ask("This would send an address to another machine."),
        Sink::Event => ask("This would change something that other people see."),
        Sink::Send => ask("This would send words to somebody."),
        Sink::Destroy => ask("This cannot be undone."),
        Sink::Pay => ask("This would spend money."),
        Sink::Account => ask("This would change what Ally may do."),
        Sink::Exec => ask("This would run a program."),
    }
}

/// Memory outlives the run: a line planted by a page or a mail would speak in every later chat.
fn local(call: &Call<'_>) -> Decision {
    match (call.touches, call.run_label.integrity) {
        (Touches::Memory, Integrity::Outside) => Decision::Ask {
            rule: Rule::MemoryAfterOutside,
            why: "This run has read something from outside, and this would change what Ally remembers about you.",
        },
        _ => Decision::Allow { rule: Rule::LocalCanBeUndone },
    }
}

fn ask(why: &'static str) -> Decision {
    Decision::Ask { rule: Rule::LeavesOrDestroys, why }
}

/// The form that model providers accept: a small letter, then at most 63 small letters, digits and underscores.
fn is_tool_name(name: &str) -> bool {
    let (Some(first), true) = (name.bytes().next(), name.len() <= 64) else { return false };
    first.is_ascii_lowercase()
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
