//! What of an answer is on the screen already, so that nothing is shown twice and nothing is left out.

use super::clean::Cleaner;
use super::events::{Message, Part};
use super::screen::Screen;
use super::{Fault, Thinking};
use std::collections::BTreeSet;

/// One answer on the screen.
pub(super) struct Shown {
    thinking: Thinking,
    /// The text as it was sent, and what cleans it.
    text: String,
    cleaner: Cleaner,
    /// The same of the visible thinking.
    thoughts: String,
    thoughts_cleaner: Cleaner,
    is_in_thoughts: bool,
    called: BTreeSet<String>,
    finished: BTreeSet<String>,
}

impl Shown {
    /// Nothing yet.
    pub(super) fn new(thinking: Thinking) -> Self {
        Self {
            thinking,
            text: String::new(),
            cleaner: Cleaner::default(),
            thoughts: String::new(),
            thoughts_cleaner: Cleaner::default(),
            is_in_thoughts: false,
            called: BTreeSet::new(),
            finished: BTreeSet::new(),
        }
    }

    /// How many tools were called.
    pub(super) fn tools(&self) -> usize {
        self.called.len()
    }

    /// More text.
    pub(super) fn text(&mut self, screen: &mut Screen, more: &str) -> Result<(), Fault> {
        self.end_thoughts(screen);
        self.text.push_str(more);
        screen.answer(&self.cleaner.clean(more))
    }

    /// More visible thinking.
    pub(super) fn thoughts(&mut self, screen: &mut Screen, more: &str) -> Result<(), Fault> {
        if self.thinking == Thinking::Hidden || more.is_empty() {
            return Ok(());
        }
        if !self.is_in_thoughts {
            screen.remark("Thinking:")?;
            self.is_in_thoughts = true;
        }
        self.thoughts.push_str(more);
        screen.aside(&self.thoughts_cleaner.clean(more));
        Ok(())
    }

    fn end_thoughts(&mut self, screen: &mut Screen) {
        if std::mem::take(&mut self.is_in_thoughts) {
            screen.aside("\n");
        }
    }

    /// A tool was called.
    pub(super) fn called(&mut self, screen: &mut Screen, call: &str, tool: &str) -> Result<(), Fault> {
        if !self.called.insert(call.to_owned()) {
            return Ok(());
        }
        self.end_thoughts(screen);
        screen.remark(&format!("· {tool}"))
    }

    /// A tool has answered.
    pub(super) fn finished(&mut self, screen: &mut Screen, call: &str, ok: bool, says: &str) -> Result<(), Fault> {
        if !self.finished.insert(call.to_owned()) {
            return Ok(());
        }
        self.end_thoughts(screen);
        screen.remark(&format!("{} {says}", if ok { "✓" } else { "✗ did not work:" }))
    }

    /// The whole message as it is now. What it adds is shown; if it is another text, it is shown from the beginning.
    pub(super) fn whole(&mut self, screen: &mut Screen, message: &Message) -> Result<(), Fault> {
        let thoughts: String = message.parts.iter().filter_map(thought).collect();
        if !message.text.expose().starts_with(&self.text) {
            screen.end_line()?;
            screen.answer("— again —\n")?;
            self.text.clear();
            self.cleaner = Cleaner::default();
        }
        if !thoughts.starts_with(&self.thoughts) {
            self.thoughts.clear();
        }
        let (mut texts, mut thoughts) = (Missing::behind(&self.text), Missing::behind(&self.thoughts));
        for part in &message.parts {
            match part {
                Part::Text { text } => match texts.of(text.expose()) {
                    "" => {}
                    more => self.text(screen, more)?,
                },
                Part::Thinking { text } => self.thoughts(screen, thoughts.of(text.expose()))?,
                Part::Tool { call, tool, status, summary } => {
                    self.called(screen, call, tool)?;
                    if !matches!(status.as_str(), "running" | "waiting") {
                        let says = summary.as_ref().map_or("it is not known what came of it", |says| says.expose());
                        self.finished(screen, call, status == "ok", says)?;
                    }
                }
                Part::Other => {}
            }
        }
        Ok(())
    }
}

fn thought(part: &Part) -> Option<&str> {
    if let Part::Thinking { text } = part { Some(text.expose()) } else { None }
}

/// Finds what is not shown yet in texts that come one after the other.
struct Missing(usize);

impl Missing {
    fn behind(shown: &str) -> Self {
        Self(shown.len())
    }

    fn of<'a>(&mut self, text: &'a str) -> &'a str {
        let known = self.0.min(text.len());
        self.0 -= known;
        text.get(known..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::screen::seen;
    use super::*;
    use serde_json::json;

    fn message(parts: serde_json::Value) -> Message {
        let text: String = parts
            .as_array()
            .into_iter()
            .flatten()
            .filter(|part| part["type"] == "text")
            .filter_map(|part| part["text"].as_str())
            .collect();
        serde_json::from_value(json!({
            "id": "msg_00000000000000000000000000", "role": "assistant", "status": "streaming", "text": text,
            "parts": parts, "author": { "kind": "model" },
        }))
        .expect("a message")
    }

    fn shown(thinking: Thinking, show: impl FnOnce(&mut Shown, &mut Screen) -> Result<(), Fault>) -> String {
        let (mut screen, seen) = seen::terminal(40);
        show(&mut Shown::new(thinking), &mut screen).expect("shown");
        seen.text()
    }

    #[test]
    fn a_snapshot_that_goes_on_adds_only_what_is_missing() {
        let seen = shown(Thinking::Hidden, |shown, screen| {
            shown.text(screen, "One, ")?;
            shown.called(screen, "a", "memory")?;
            let tool = json!({ "type": "tool", "call": "a", "tool": "memory", "status": "ok", "summary": "Noted" });
            let parts = json!([{ "type": "text", "text": "One, " }, tool, { "type": "text", "text": "two." }]);
            shown.whole(screen, &message(parts.clone()))?;
            shown.whole(screen, &message(parts))
        });
        assert_eq!(seen, "One, \n· memory\n✓ Noted\ntwo.");
    }

    #[test]
    fn a_snapshot_with_another_text_begins_again_and_says_so() {
        let seen = shown(Thinking::Hidden, |shown, screen| {
            shown.text(screen, "One \u{1b}]0;")?;
            shown.whole(screen, &message(json!([{ "type": "text", "text": "Other words" }])))
        });
        assert_eq!(seen, "One \n— again —\nOther words");
    }

    #[test]
    fn thinking_is_shown_when_it_is_asked_for() {
        let show = |shown: &mut Shown, screen: &mut Screen| {
            shown.thoughts(screen, "Hm\u{1b}[2J. ")?;
            let parts = json!([{ "type": "thinking", "text": "Hm\u{1b}[2J. So." }, { "type": "text", "text": "Yes." }]);
            shown.whole(screen, &message(parts))
        };
        assert_eq!(shown(Thinking::Hidden, show), "Yes.");
        assert_eq!(shown(Thinking::Shown, show), "Thinking:\nHm. So.\nYes.");
    }

    #[test]
    fn a_line_about_a_tool_fits_the_terminal_and_commands_nothing() {
        let seen = shown(Thinking::Hidden, |shown, screen| {
            shown.called(screen, "a", "web\u{1b}[2J_fetch\nforged line")?;
            shown.finished(screen, "a", false, &"long ".repeat(40))
        });
        assert!(seen.starts_with("· web_fetch forged line\n✗ did not work: long"), "{seen}");
        assert!(seen.lines().all(|line| line.chars().count() < 40), "{seen}");
    }
}
