//! What came out: one line for each attempt, and the sum.

use ally_sandbox::attempts::{Attempt, Outcome};
use serde::Serialize;
use std::fmt::Write as _;

/// One attempt, without walls and behind them.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'static str,
    words: &'static str,
    /// One of the walls that stand here promises to refuse it.
    promised: bool,
    /// Without walls.
    control: Outcome,
    /// Behind them.
    behind: Outcome,
}

impl Row {
    pub(super) fn new(attempt: &Attempt, promised: bool, control: Outcome, behind: Outcome) -> Self {
        Self { kind: "attempt", name: attempt.name, words: attempt.words, promised, control, behind }
    }

    /// An attempt that fails without walls proves nothing.
    fn counts(&self) -> bool {
        self.control == Outcome::Succeeded
    }

    fn is_broken(&self) -> bool {
        self.promised && self.counts() && self.behind == Outcome::Succeeded
    }
}

/// How a neighbour fared while somebody took all the processor time there was.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Neighbour {
    /// Half of its answers took at most so many microseconds when it was quiet.
    pub(super) quiet_micros: u64,
    /// The same while the hog was at work behind its walls.
    pub(super) crowded_micros: u64,
    /// How much of a processor the kernel gives the hog at most, in percent; `None` where it has no limit.
    pub(super) processor_percent: Option<u64>,
    /// How often the kernel held the hog back; `None` where it does not count.
    pub(super) held_back: Option<u64>,
}

/// The sum.
#[derive(Debug, Serialize)]
pub(super) struct Sum {
    #[serde(rename = "type")]
    kind: &'static str,
    walls: Vec<String>,
    tried: usize,
    counted: usize,
    refused: usize,
    succeeded: usize,
    /// Attempts that got through although a wall promises to refuse them.
    pub(super) broken: Vec<&'static str>,
    neighbour: Option<Neighbour>,
}

impl Sum {
    pub(super) fn of(rows: &[Row], walls: Vec<String>, neighbour: Option<Neighbour>) -> Self {
        let counted = || rows.iter().filter(|row| row.counts());
        Self {
            kind: "finished",
            walls,
            tried: rows.len(),
            counted: counted().count(),
            refused: counted().filter(|row| matches!(row.behind, Outcome::Refused { .. })).count(),
            succeeded: counted().filter(|row| row.behind == Outcome::Succeeded).count(),
            broken: rows.iter().filter(|row| row.is_broken()).map(|row| row.name).collect(),
            neighbour,
        }
    }
}

pub(super) fn head() -> String {
    format!("{:<58} {:<22} {}\n", "Attempt", "Without walls", "Behind them")
}

/// One line for a person.
pub(super) fn line(row: &Row) -> String {
    let mut behind = word(&row.behind);
    if row.is_broken() {
        behind.push_str("  <- a wall that stands here should have refused this");
    } else if row.counts() && row.behind == Outcome::Succeeded {
        behind.push_str("  (no wall against it here)");
    } else if !row.counts() {
        behind.push_str("  (not counted)");
    }
    format!("{:<58} {:<22} {behind}\n", row.words, word(&row.control))
}

fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Refused { by } => format!("refused, {by}"),
        Outcome::Succeeded => "succeeded".to_owned(),
        Outcome::Skipped { why } => format!("skipped, {why}"),
    }
}

/// The end of the table.
pub(super) fn foot(sum: &Sum) -> String {
    let mut text = format!(
        "\n{} tried, {} of them work without walls and count: {} refused, {} succeeded.\nWalls: {}.\n",
        sum.tried,
        sum.counted,
        sum.refused,
        sum.succeeded,
        if sum.walls.is_empty() { "none".to_owned() } else { sum.walls.join(", ") },
    );
    if let Some(neighbour) = sum.neighbour {
        let Neighbour { quiet_micros, crowded_micros, processor_percent, held_back } = neighbour;
        let ratio = crowded_micros as f64 / quiet_micros.max(1) as f64;
        let limit = processor_percent.map_or_else(|| "none".to_owned(), |percent| format!("{percent} % of one"));
        let _ = writeln!(
            text,
            "A neighbour beside somebody who takes all processor time answers in {crowded_micros} µs instead of \
             {quiet_micros} µs ({ratio:.2} times). Limit of the other one: {limit}; held back {} times.",
            held_back.unwrap_or_default()
        );
    }
    if !sum.broken.is_empty() {
        let _ = writeln!(text, "These got through walls that should hold: {}.", sum.broken.join(", "));
    }
    text
}
