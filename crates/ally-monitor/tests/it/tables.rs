//! Which call gets which answer.

use ally_monitor::{Call, Decision, Rule, Sink, authorize};
use ally_types::{Confidentiality, Integrity, Label};

const SECRET: Label = Label { integrity: Integrity::Outside, confidentiality: Confidentiality::Secret };

#[test]
fn each_sink_has_the_answer_of_the_table_whatever_the_run_has_read() {
    use Rule::{LeavesOrDestroys, LocalCanBeUndone, ReadIsFree};
    let table = [
        (Sink::Read, true, ReadIsFree),
        (Sink::Local, true, LocalCanBeUndone),
        (Sink::Fetch, false, LeavesOrDestroys),
        (Sink::Event, false, LeavesOrDestroys),
        (Sink::Send, false, LeavesOrDestroys),
        (Sink::Destroy, false, LeavesOrDestroys),
        (Sink::Pay, false, LeavesOrDestroys),
        (Sink::Account, false, LeavesOrDestroys),
        (Sink::Exec, false, LeavesOrDestroys),
    ];
    assert_eq!(table.len(), Sink::ALL.len());
    for (sink, free, rule) in table {
        for label in [Label::USER, Label::TRUSTED, Label::OUTSIDE, SECRET] {
            let decision = authorize(&Call::new("a_tool", sink, label));
            assert_eq!((decision.is_free(), decision.rule()), (free, rule), "{sink:?} {label:?}");
        }
    }
}

#[test]
fn memory_is_free_to_write_until_the_run_has_read_something_from_outside() {
    let table = [
        (Label::USER, true, Rule::LocalCanBeUndone),
        (Label::TRUSTED, true, Rule::LocalCanBeUndone),
        (Label::OUTSIDE, false, Rule::MemoryAfterOutside),
        (Label::USER.join(Label::OUTSIDE), false, Rule::MemoryAfterOutside),
        (SECRET, false, Rule::MemoryAfterOutside),
    ];
    for (label, free, rule) in table {
        let decision = authorize(&Call::new("memory", Sink::Local, label).on_memory());
        assert_eq!((decision.is_free(), decision.rule()), (free, rule), "{label:?}");
    }
}

#[test]
fn reading_memory_stays_free_after_outside_content() {
    assert!(authorize(&Call::new("memory", Sink::Read, Label::OUTSIDE).on_memory()).is_free());
}

#[test]
fn the_third_time_of_the_same_call_asks_and_what_asks_already_keeps_its_own_reason() {
    for (times_before, free) in [(0, true), (1, true), (2, false), (3, false)] {
        let decision = authorize(&Call::new("time_now", Sink::Read, Label::USER).again(times_before));
        let rule = if free { Rule::ReadIsFree } else { Rule::SameCallAgain };
        assert_eq!((decision.is_free(), decision.rule()), (free, rule), "{times_before}");
    }
    let sent = authorize(&Call::new("mail_send", Sink::Send, Label::USER).again(2));
    assert_eq!(sent.rule(), Rule::LeavesOrDestroys);
    let unreadable = authorize(&Call::new("No Tool", Sink::Read, Label::USER).again(2));
    assert_eq!(unreadable.rule(), Rule::UnreadableTool);
}

#[test]
fn a_tool_without_a_proper_name_is_refused() {
    let longest = "a".repeat(64);
    let too_long = "a".repeat(65);
    for (name, fine) in [
        ("memory", true),
        ("time_now", true),
        ("a1", true),
        (longest.as_str(), true),
        (too_long.as_str(), false),
        ("", false),
        ("1a", false),
        ("_a", false),
        ("Memory", false),
        ("time.now", false),
        ("memo\u{200b}ry", false),
        ("mémoire", false),
    ] {
        let decision = authorize(&Call::new(name, Sink::Read, Label::USER));
        assert_eq!(decision.is_free(), fine, "{name:?}");
        assert_eq!(matches!(decision, Decision::Refuse { rule: Rule::UnreadableTool, .. }), !fine, "{name:?}");
    }
}

#[test]
fn the_words_kept_in_a_journal_are_the_words_of_the_api() {
    for sink in Sink::ALL {
        assert_eq!(serde_json::to_string(&sink).unwrap(), format!("\"{}\"", sink.as_str()));
    }
    for rule in Rule::ALL {
        assert_eq!(serde_json::to_string(&rule).unwrap(), format!("\"{}\"", rule.as_str()));
        assert_eq!(rule.as_str().parse(), Ok(rule));
    }
    assert_eq!("of_another_version".parse::<Rule>(), Err(()));
}

#[test]
fn a_question_says_which_condition_was_not_met() {
    for sink in Sink::ALL {
        if let Decision::Ask { why, .. } = authorize(&Call::new("a_tool", sink, Label::USER)) {
            assert!(why.starts_with("This ") && why.ends_with('.'), "{why}");
        }
    }
}
