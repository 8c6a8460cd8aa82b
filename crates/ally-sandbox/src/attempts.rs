//! Attacks on a neighbour, on the machine and on the kernel. Each one is really tried and says how it went.
//!
//! The same list serves `ally probe`, which tries everything against a target that it made itself and proves by a
//! control without walls that each attack works, and the button "Test my walls", which tries what harms nobody from
//! inside the person's own assistant. A [`Target`] is what the attacks aim at; [`stand`] is the process in its middle.

mod bombs;
mod call;
mod files;
mod kernel;
mod list;
mod neighbour;
mod network;
mod rights;
mod target;
mod terminal;

pub(crate) use call::errno_name;
pub use list::ALL;
pub use target::{Standing, Target, stand};
pub use terminal::Terminal;

use serde::{Deserialize, Serialize};

/// How an attempt went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// The kernel said no.
    Refused {
        /// With which error, by its name; or in a word what happened instead.
        by: String,
    },
    /// It worked.
    Succeeded,
    /// It could not be tried.
    Skipped {
        /// Why.
        why: String,
    },
}

impl Outcome {
    pub(crate) fn refused(by: &str) -> Self {
        Self::Refused { by: by.to_owned() }
    }

    pub(crate) fn skipped(why: &str) -> Self {
        Self::Skipped { why: why.to_owned() }
    }
}

/// Who can do it where there are no walls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The neighbour, to whom the target belongs.
    Neighbour,
    /// The machine's administrator.
    Root,
}

/// One attack.
#[derive(Debug)]
pub struct Attempt {
    /// A stable name.
    pub name: &'static str,
    /// What is tried, for a person.
    pub words: &'static str,
    /// The walls that promise to refuse it, by short name: where one of them stands, it must be refused.
    pub walls: &'static [&'static str],
    /// Who can do it without walls.
    pub control: Who,
    full: fn(&Target) -> Outcome,
    gentle: Option<fn() -> Outcome>,
}

impl Attempt {
    /// The attack called so.
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|attempt| attempt.name == name)
    }

    /// Tries it against a target. It may end or replace this process: run each in a process of its own.
    pub fn run(&self, target: &Target) -> Outcome {
        (self.full)(target)
    }

    /// Tries the form of it that fills, ends and replaces nothing and leaves nothing behind; `None` if there is none.
    /// Where it would change something about the caller, that is the calling thread and nothing else.
    pub fn run_gently(&self) -> Option<Outcome> {
        self.gentle.map(|gentle| gentle())
    }

    /// Whether there is a form that harms nobody.
    pub const fn is_gentle(&self) -> bool {
        self.gentle.is_some()
    }

    /// Whether it leaves this machine, if nothing refuses it.
    pub fn leaves_the_machine(&self) -> bool {
        network::LEAVING.contains(&self.name)
    }

    /// Whether walls with these short names promise to refuse it.
    pub fn is_promised_by<'a>(&self, walls: impl IntoIterator<Item = &'a str>) -> bool {
        walls.into_iter().any(|wall| self.walls.contains(&wall))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Wall;
    use std::collections::BTreeSet;

    #[test]
    fn every_attempt_has_a_name_and_words_of_its_own_and_walls_that_exist() {
        let all_of = |text: fn(&Attempt) -> &'static str| ALL.iter().map(text).collect::<BTreeSet<_>>();
        assert_eq!(all_of(|attempt| attempt.name).len(), ALL.len());
        assert_eq!(all_of(|attempt| attempt.words).len(), ALL.len());
        for attempt in ALL {
            assert!(!attempt.walls.is_empty(), "{}", attempt.name);
            assert!(attempt.walls.iter().all(|name| Wall::from_name(name).is_some()), "{:?}", attempt.walls);
            assert!(std::ptr::eq(Attempt::named(attempt.name).expect("is found"), attempt));
        }
        assert!(network::LEAVING.iter().all(|name| Attempt::named(name).is_some()));
    }

    #[test]
    fn behind_all_walls_every_attempt_is_promised_to_be_refused() {
        let all = Wall::ALL.map(Wall::name);
        assert!(ALL.iter().all(|attempt| attempt.is_promised_by(all)));
        assert!(!ALL.iter().any(|attempt| attempt.is_promised_by(["uts_namespace"])));
    }
}
