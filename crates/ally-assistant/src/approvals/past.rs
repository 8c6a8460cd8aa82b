//! What a run has asked for so far, and how it was answered.

use super::Approval;
use super::card::{Answer, Card, CardLine};
use crate::fault::Done;
use ally_durable::{Wait, WaitKind, waits};
use ally_store::Tx;
use ally_types::{Content, RunId, WaitId};
use serde_json::Value;

/// At most so many requests in one run; after that it has to say what is left.
const MOST_CARDS: usize = 3;

/// All requests of one run, oldest first.
pub struct Past(Vec<Asked>);

struct Asked {
    wait: Wait,
    card: Card,
    answer: Option<Answer>,
}

/// How it stands with a call that was put before the person. The rule is the one that asked.
pub enum Verdict {
    /// Nobody has answered.
    Open(CardLine),
    /// It may be done, with these arguments.
    Allowed {
        /// Which request allowed it.
        approval: WaitId,
        /// The arguments.
        input: Value,
        /// Whether the person changed them.
        is_edited: bool,
        /// Whether the tool is still the one that was shown.
        is_as_asked: bool,
        rule: String,
        /// What the person said about it.
        reason: Option<Content>,
    },
    /// The person said no, to this line or to all.
    Denied {
        rule: String,
        /// What the person said about it.
        reason: Option<Content>,
    },
    /// Nobody answered in time.
    Expired { rule: String },
    /// It has changed since it was asked for.
    Void { rule: String },
}

impl Past {
    /// Reads it.
    pub fn of(tx: &Tx, run: RunId) -> Done<Self> {
        let waits = waits::of(tx, run)?.into_iter().filter(|wait| wait.kind == WaitKind::Approval);
        let asked =
            waits.filter_map(|wait| Card::of(&wait).map(|card| Asked { answer: Answer::to(&wait), card, wait }));
        Ok(Self(asked.collect()))
    }

    /// How it stands with a call; `None` if it was not put before anybody.
    pub fn verdict(&self, call: &str) -> Option<Verdict> {
        let (asked, line) = self.find(call)?;
        let Some(resolution) = &asked.wait.resolution else { return Some(Verdict::Open(line.clone())) };
        let rule = line.rule.clone();
        if resolution.by == waits::BY_CLOCK {
            return Some(Verdict::Expired { rule });
        }
        Some(match &asked.answer {
            Some(Answer::Void) => Verdict::Void { rule },
            Some(answer) if answer.allows(call) => {
                let edited = answer.edited(call);
                Verdict::Allowed {
                    approval: asked.wait.id,
                    input: edited.map_or_else(|| line.input.clone(), |edited| edited.input.clone()),
                    is_edited: edited.is_some(),
                    is_as_asked: line.is_as_asked(),
                    rule,
                    reason: answer.reason().cloned(),
                }
            }
            Some(answer) => Verdict::Denied { rule, reason: answer.reason().cloned() },
            None => Verdict::Denied { rule, reason: None },
        })
    }

    /// Whether exactly this was put before the person and not agreed to.
    pub fn was_denied(&self, fingerprint: &str) -> bool {
        let answered = self.0.iter().filter(|asked| asked.wait.resolution.is_some());
        let mut lines = answered.flat_map(|asked| asked.card.lines.iter().map(move |line| (asked, line)));
        lines.any(|(asked, line)| {
            let is_void = matches!(asked.answer, Some(Answer::Void));
            line.fingerprint == fingerprint
                && !is_void
                && !asked.answer.as_ref().is_some_and(|answer| answer.allows(&line.call))
        })
    }

    /// Whether this call was agreed to.
    pub fn was_allowed(&self, call: &str) -> bool {
        self.find(call).is_some_and(|(asked, _)| asked.answer.as_ref().is_some_and(|answer| answer.allows(call)))
    }

    /// Whether the run has asked often enough.
    pub fn is_enough(&self) -> bool {
        self.0.len() >= MOST_CARDS
    }

    /// The name within the run of the request that waits, or of the next one.
    pub fn step(&self) -> String {
        let open = self.0.iter().find(|asked| asked.wait.resolution.is_none());
        open.map_or_else(|| format!("approval/{}", self.0.len() + 1), |asked| asked.wait.step.clone())
    }

    /// Requests with one of these calls whose time is over.
    pub fn expired<'a>(&'a self, calls: &'a [&str]) -> impl Iterator<Item = Approval> + 'a {
        let is_expired =
            |asked: &&Asked| asked.wait.resolution.as_ref().is_some_and(|resolution| resolution.by == waits::BY_CLOCK);
        let of_these = |asked: &&Asked| asked.card.lines.iter().any(|line| calls.contains(&line.call.as_str()));
        self.0.iter().filter(is_expired).filter(of_these).map(|asked| Approval::of(&asked.wait, &asked.card))
    }

    fn find(&self, call: &str) -> Option<(&Asked, &CardLine)> {
        self.0.iter().find_map(|asked| Some((asked, asked.card.lines.iter().find(|line| line.call == call)?)))
    }
}
