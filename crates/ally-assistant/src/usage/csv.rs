//! Usage as a table for a spreadsheet.

use super::By;
use super::store::Sum;

/// The table, with a line of names above it.
pub fn table(sums: &[Sum], by: By) -> String {
    let first: &[&str] = match by {
        By::Day => &["day"],
        By::Session => &["chat", "title"],
        By::Model => &["provider", "model"],
        By::Cause => &["cause"],
    };
    let rest = ["input", "output", "cache_read", "cache_write", "calls", "cost_usd"];
    let names = first.iter().chain(&rest).map(|name| (*name).to_owned());
    let mut text = line(names);
    for sum in sums {
        let own = |text: &Option<String>| text.clone().unwrap_or_default();
        let mut cells = match by {
            By::Day => vec![own(&sum.day)],
            By::Session => vec![
                sum.chat.map(|chat| chat.to_string()).unwrap_or_default(),
                sum.title.as_ref().map(|title| title.expose().to_owned()).unwrap_or_default(),
            ],
            By::Model => vec![own(&sum.provider), own(&sum.model)],
            By::Cause => vec![own(&sum.cause)],
        };
        let usage = sum.usage;
        let numbers = [usage.input, usage.output, usage.cache_read, usage.cache_write, sum.calls];
        cells.extend(numbers.iter().map(ToString::to_string));
        cells.push(sum.paid.micro_usd().map(dollars).unwrap_or_default());
        text += &line(cells);
    }
    text
}

fn line(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().map(|text| cell(&text)).collect();
    format!("{}\r\n", cells.join(","))
}

/// A cell that stays what it is: quoted where it must be, and never a formula, since a title is what somebody wrote.
fn cell(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

fn dollars(micro: u64) -> String {
    format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_stays_a_title() {
        for (written, expected) in [
            ("Lisbon", "Lisbon"),
            ("Lisbon, Porto", "\"Lisbon, Porto\""),
            ("the \"best\" one", "\"the \"\"best\"\" one\""),
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("two\nlines", "\"two\nlines\""),
        ] {
            assert_eq!(cell(written), expected);
        }
        assert_eq!(dollars(12_345), "0.012345");
    }
}
