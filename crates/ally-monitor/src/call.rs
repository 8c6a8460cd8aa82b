//! What the monitor is asked about: one tool call, reduced to the facts that decide.

use ally_types::Label;
use serde::{Deserialize, Serialize};

/// Where the effect of a tool action ends up. Every tool action declares exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sink {
    /// Reads from the person's own space or from a connection of theirs.
    Read,
    /// Asks another machine for something; the address itself leaves.
    Fetch,
    /// Changes something in the person's own space, with journal and undo.
    Local,
    /// Changes something that other people see, such as a calendar.
    Event,
    /// Sends words to somebody.
    Send,
    /// Cannot be undone.
    Destroy,
    /// Spends money.
    Pay,
    /// Changes who may do what: credentials, rules, connections, schedules.
    Account,
    /// Runs a program.
    Exec,
}

impl Sink {
    /// All sinks, so that a table can be complete.
    pub const ALL: [Self; 9] = [
        Self::Read,
        Self::Fetch,
        Self::Local,
        Self::Event,
        Self::Send,
        Self::Destroy,
        Self::Pay,
        Self::Account,
        Self::Exec,
    ];

    /// The word kept in a journal row.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Fetch => "fetch",
            Self::Local => "local",
            Self::Event => "event",
            Self::Send => "send",
            Self::Destroy => "destroy",
            Self::Pay => "pay",
            Self::Account => "account",
            Self::Exec => "exec",
        }
    }
}

/// What a call changes, where that decides more than its sink does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Touches {
    /// What the person is remembered by. Later runs read it, so a planted line would outlive this one.
    Memory,
    /// Anything else.
    Other,
}

/// One tool call of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'a> {
    /// The name of the tool, as the model wrote it.
    pub tool: &'a str,
    /// The sink that the tool action declares.
    pub sink: Sink,
    /// What the action changes.
    pub touches: Touches,
    /// The join of the labels of everything that the run has read so far.
    pub run_label: Label,
    /// How often exactly this was called before, since the person last let it go on.
    pub times_before: usize,
}

impl<'a> Call<'a> {
    /// A call that changes nothing which has a rule of its own.
    pub const fn new(tool: &'a str, sink: Sink, run_label: Label) -> Self {
        Self { tool, sink, touches: Touches::Other, run_label, times_before: 0 }
    }

    /// The same call, on memory.
    #[must_use]
    pub const fn on_memory(mut self) -> Self {
        self.touches = Touches::Memory;
        self
    }

    /// The same call, after so many that were exactly like it.
    #[must_use]
    pub const fn again(mut self, times_before: usize) -> Self {
        self.times_before = times_before;
        self
    }
}
