//! An approval request at the terminal: the card, the question, the answer.

use super::events::{Approval, ApprovalLine};
use super::screen::Screen;
use super::server::{Asked, Server};
use super::terminal::Terminal;
use super::{Fault, clean};
use serde_json::{Value, json};

/// What the person types.
#[derive(Debug, PartialEq, Eq)]
enum Choice {
    All,
    No,
    Lines(Vec<usize>),
}

/// Shows a request and has it decided. Says whether it was: without a terminal nobody can be asked.
pub(super) async fn decide(server: &Server, screen: &mut Screen, approval: &Approval) -> Result<bool, Fault> {
    for line in card(approval) {
        screen.say(&line)?;
    }
    let Some(mut terminal) = Terminal::open() else {
        let origin = server.origin();
        screen.say(&format!("It waits for you. Decide in a terminal with `ally chat`, or at {origin}/approvals"))?;
        return Ok(false);
    };
    let body = match ask(&mut terminal, approval.lines.len()) {
        Ok(choice) => answer(&mut terminal, &choice, approval)?,
        Err(fault) => {
            drop(terminal);
            screen.say("It waits for you for seven days. `ally chat` asks again.")?;
            return Err(fault);
        }
    };
    drop(terminal);
    let path = format!("/api/v1/approvals/{}", approval.id);
    match server.answered(&Asked::make(&path, body)).await {
        // Another device was first, or it has changed: the answer goes on all the same.
        Err(Fault::Problem(problem)) => screen.problem(&problem)?,
        decided => _ = decided?,
    }
    Ok(true)
}

fn ask(terminal: &mut Terminal, lines: usize) -> Result<Choice, Fault> {
    let prompt = match lines {
        1 => "Do it? y or n: ".to_owned(),
        _ => format!("Do it? y for all, n for none, or numbers from 1 to {lines}: "),
    };
    loop {
        if let Some(choice) = read(&terminal.ask(&prompt)?, lines) {
            return Ok(choice);
        }
    }
}

fn read(typed: &str, lines: usize) -> Option<Choice> {
    match typed.trim().to_lowercase().as_str() {
        "y" | "yes" => return Some(Choice::All),
        "n" | "no" => return Some(Choice::No),
        _ => {}
    }
    let numbers = typed.split(|letter: char| letter == ',' || letter.is_whitespace()).filter(|word| !word.is_empty());
    let mut chosen = Vec::new();
    for number in numbers {
        let number: usize = number.parse().ok().filter(|number| (1..=lines).contains(number))?;
        if !chosen.contains(&number) {
            chosen.push(number);
        }
    }
    (!chosen.is_empty()).then_some(Choice::Lines(chosen))
}

fn answer(terminal: &mut Terminal, choice: &Choice, approval: &Approval) -> Result<Value, Fault> {
    Ok(match choice {
        Choice::All => json!({ "decision": "approve" }),
        Choice::Lines(numbers) => {
            let lines: Vec<_> = numbers.iter().filter_map(|number| approval.lines.get(number - 1)).collect();
            json!({ "decision": "approve", "lines": lines.iter().map(|line| &line.line).collect::<Vec<_>>() })
        }
        Choice::No => {
            let reason = terminal.ask("Why? It is told so. Enter for no reason: ")?;
            json!({ "decision": "reject", "reason": Some(reason.trim()).filter(|reason| !reason.is_empty()) })
        }
    })
}

/// The card. What was written by others stands behind a bar, so that it cannot look like a line of ours.
fn card(approval: &Approval) -> Vec<String> {
    let mut card = vec!["Needs you:".to_owned()];
    for (number, line) in (1..).zip(&approval.lines) {
        let ApprovalLine { title, why, details, sources, .. } = line;
        let before = if approval.lines.len() > 1 { format!("{number}. ") } else { String::new() };
        card.push(format!("{before}{}", clean::one_line(title.expose(), 200)));
        for detail in details {
            card.push(format!("   {}:", clean::one_line(&detail.name, 60)));
            // Cleaned first: what ends a line after that ends it here too.
            let text = clean::Cleaner::default().clean(detail.text.expose());
            card.extend(text.lines().map(|line| format!("   | {line}")));
        }
        card.push(format!("   {}", clean::one_line(why.expose(), 500)));
        let sources: Vec<_> = sources.iter().map(|source| clean::one_line(&source.what, 100)).collect();
        if !sources.is_empty() {
            card.push(format!("   Words from outside came in here: {}", sources.join("; ")));
        }
    }
    card
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_answer_is_one() {
        for (typed, lines, choice) in [
            ("y", 1, Some(Choice::All)),
            (" YES ", 3, Some(Choice::All)),
            ("n", 2, Some(Choice::No)),
            ("1", 1, Some(Choice::Lines(vec![1]))),
            ("3, 1 3", 3, Some(Choice::Lines(vec![3, 1]))),
            ("", 1, None),
            ("maybe", 1, None),
            ("0", 2, None),
            ("1 4", 3, None),
            ("1 y", 3, None),
        ] {
            assert_eq!(read(typed, lines), choice, "{typed:?}");
        }
    }

    #[test]
    fn a_card_shows_the_exact_text_and_nothing_in_it_looks_like_ours() {
        let approval: Approval = serde_json::from_value(json!({
            "id": "wait_00000000000000000000000000", "status": "waiting", "lines": [
                {
                    "line": "a", "title": "Write a new memory file", "why": "This run has read something from outside.",
                    "details": [
                        { "name": "File", "text": "/memories/a.md" },
                        { "name": "Text", "text": "- one\u{1b}[2J\n2. Look at the clock\nDo it? y or n: y" }
                    ],
                    "sources": [{ "what": "A message in this chat", "at": "2026-11-21T11:36:40Z" }]
                },
                { "line": "b", "title": "Look at the clock", "why": "Again?", "details": [], "sources": [] }
            ]
        }))
        .expect("a request");
        insta::assert_snapshot!(card(&approval).join("\n"), @r"
        Needs you:
        1. Write a new memory file
           File:
           | /memories/a.md
           Text:
           | - one
           | 2. Look at the clock
           | Do it? y or n: y
           This run has read something from outside.
           Words from outside came in here: A message in this chat
        2. Look at the clock
           Again?
        ");
    }
}
