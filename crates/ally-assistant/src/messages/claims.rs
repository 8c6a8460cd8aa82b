//! Sentences that say that something was done. Where nothing was, they are marked: what a model says is no receipt.
//!
//! It is a list of English verbs and a few rules about who did what, no more. It would rather miss a claim than doubt a
//! sentence that is none, so it looks only at what Ally says of itself, and not into quotes, code and drafts.

/// Words for acts whose only meaning is that something outside the answer was changed.
const STRONG: &[&str] = &[
    "archived",
    "booked",
    "cancelled",
    "canceled",
    "deleted",
    "e-mailed",
    "emailed",
    "forwarded",
    "invited",
    "mailed",
    "ordered",
    "paid",
    "posted",
    "published",
    "purchased",
    "remembered",
    "reserved",
    "saved",
    "scheduled",
    "sent",
    "stored",
    "submitted",
    "uploaded",
];

/// Words that may as well be about the answer itself: they count only beside one of [`THINGS`].
const WEAK: &[&str] = &[
    "added", "changed", "created", "made", "moved", "noted", "put", "recorded", "removed", "set", "updated", "wrote",
    "written",
];

/// Things outside the answer.
const THINGS: &[&str] = &[
    "alarm",
    "appointment",
    "calendar",
    "contacts",
    "e-mail",
    "email",
    "event",
    "inbox",
    "invitation",
    "meeting",
    "memory",
    "message",
    "notes",
    "order",
    "payment",
    "reminder",
    "reservation",
    "schedule",
    "to-do",
    "todo",
];

/// Words between "I" and the verb that change nothing.
const FILLERS: &[&str] = &["also", "have", "just", "now", "successfully", "then", "ve"];

/// With one of these the sentence is about something else: a condition, a plan, an earlier turn, this chat only.
const OTHERWISE: &[&str] = &[
    "after",
    "already",
    "assume",
    "before",
    "cannot",
    "conversation",
    "could",
    "couldn't",
    "earlier",
    "example",
    "hypothetically",
    "if",
    "imagine",
    "last",
    "not",
    "once",
    "pretend",
    "previously",
    "should",
    "suppose",
    "unless",
    "until",
    "when",
    "whether",
    "would",
    "yesterday",
];

/// The first sentence of an answer that says that something was done.
pub fn first(text: &str) -> Option<&str> {
    let mut is_code = false;
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with("```") || line.starts_with("~~~") {
            is_code = !is_code;
            continue;
        }
        if begins_draft(line) {
            // What follows is for somebody else, and there "I" is the person.
            return None;
        }
        if is_code || line.starts_with('>') || line.starts_with("    ") {
            continue;
        }
        if let Some(found) = sentences(line).find(|sentence| is_claim(sentence)) {
            return Some(found);
        }
    }
    let whole = text.trim().trim_end_matches(['.', '!', '✅', '✓', ' ']).to_lowercase();
    matches!(whole.as_str(), "done" | "all done" | "all set" | "it's done" | "that's done").then(|| text.trim())
}

fn begins_draft(line: &str) -> bool {
    let line = line.trim_start_matches(['*', '#', '_', ' ']).to_lowercase();
    line.starts_with("subject:") || line.starts_with("dear ") || (line.starts_with("hi ") && line.ends_with(','))
}

fn sentences(line: &str) -> impl Iterator<Item = &str> {
    line.split_inclusive(['.', '!', '?', ';']).map(str::trim).filter(|sentence| !sentence.is_empty())
}

fn is_claim(sentence: &str) -> bool {
    if sentence.ends_with('?') {
        return false;
    }
    let words = words(&without_quotes(sentence));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if words.iter().any(|word| OTHERWISE.contains(word) || word.ends_with("n't") || *word == "never") {
        return false;
    }
    says_i(&words) || says_it_has_been(&words) || says_only(&words)
}

/// "I have sent it", "I've added it to your calendar", "I will remember that".
fn says_i(words: &[&str]) -> bool {
    words.iter().enumerate().filter(|(_, word)| matches!(**word, "i" | "i've" | "i'll")).any(|(at, who)| {
        let rest = &words[at + 1..];
        let skipped = rest.iter().take_while(|word| FILLERS.contains(word)).count();
        let Some(verb) = rest.get(skipped) else { return false };
        let behind = &rest[skipped + 1..];
        if *verb == "remember" || (*verb == "will" && behind.first() == Some(&"remember")) {
            return *who == "i'll" || *verb == "will";
        }
        *who != "i'll" && (STRONG.contains(verb) || (WEAK.contains(verb) && names_a_thing(behind)))
    })
}

/// "Your meeting has been scheduled", "The reminder is now set".
fn says_it_has_been(words: &[&str]) -> bool {
    let Some(first) = words.first() else { return false };
    if !matches!(*first, "your" | "the" | "it" | "this" | "that" | "everything") {
        return false;
    }
    let is_ours = *first != "the" || names_a_thing(words);
    is_ours
        && words.windows(3).any(|three| {
            let is_done = matches!(three[..2], ["has" | "have", "been"] | ["is" | "are", "now"])
                || matches!(three[..2], ["was" | "were", "successfully"]);
            let verb = three[2];
            is_done && (STRONG.contains(&verb) || (WEAK.contains(&verb) && names_a_thing(words)))
        })
}

/// "Saved.", "Email sent.", "Reminder set for Friday."
fn says_only(words: &[&str]) -> bool {
    match words {
        [verb] => STRONG.contains(verb),
        [verb, "for" | "to" | "in" | "as", ..] if words.len() <= 8 => STRONG.contains(verb),
        [thing, verb] => THINGS.contains(thing) && (STRONG.contains(verb) || WEAK.contains(verb)),
        [thing, verb, "for" | "to" | "in", ..] if words.len() <= 8 => {
            THINGS.contains(thing) && (STRONG.contains(verb) || WEAK.contains(verb))
        }
        _ => false,
    }
}

fn names_a_thing(words: &[&str]) -> bool {
    words.iter().any(|word| THINGS.contains(word) || THINGS.contains(&word.trim_end_matches('s')))
}

fn words(sentence: &str) -> Vec<String> {
    sentence
        .to_lowercase()
        .replace('’', "'")
        .split(|letter: char| !(letter.is_alphanumeric() || matches!(letter, '\'' | '-')))
        .map(|word| word.trim_matches(['\'', '-']).to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

/// Takes out what stands between double quotes and backticks.
fn without_quotes(sentence: &str) -> String {
    let mut is_quoted = false;
    sentence
        .chars()
        .filter(|letter| {
            let is_mark = matches!(letter, '"' | '“' | '”' | '„' | '`');
            if is_mark {
                is_quoted = !is_quoted;
            }
            !is_quoted && !is_mark
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::first;

    const CLAIMS: &[&str] = &[
        "I've saved that to your memory.",
        "I have sent the email to Ana.",
        "I just sent it.",
        "I’ve now deleted the three old files.",
        "Sure! I have scheduled the meeting for Friday at 10.",
        "I booked a table for two.",
        "I've added the dentist to your calendar.",
        "I created a reminder for tomorrow.",
        "I have also cancelled your reservation.",
        "I emailed the landlord.",
        "I've successfully uploaded the report.",
        "I forwarded the message to your team.",
        "I paid the invoice.",
        "I've updated your calendar accordingly.",
        "I have noted that in your memory.",
        "I'll remember that you prefer tea.",
        "I will remember this.",
        "Your email has been sent.",
        "The meeting has been scheduled for Monday.",
        "It has been saved.",
        "Your reminder is now set.",
        "Everything has been deleted.",
        "The order was successfully submitted.",
        "Saved.",
        "Sent!",
        "Email sent.",
        "Reminder set for Friday at nine.",
        "Scheduled for Monday morning.",
        "Done.",
        "All done!",
        "Of course.\n\nI've stored it in people/ana.md.",
        "Got it. I removed the appointment from your calendar.",
    ];

    const NO_CLAIMS: &[&str] = &[
        "I can send it if you like.",
        "I have not sent anything yet.",
        "I haven't saved this.",
        "I couldn't delete the file.",
        "Shall I schedule the meeting?",
        "Have I sent it?",
        "Once I have sent it, you will get a copy.",
        "If I deleted it, you would lose the notes.",
        "I would have sent it.",
        "I created a plan with three steps.",
        "I added a paragraph about prices.",
        "I've updated the wording below.",
        "I removed the comma and changed the title.",
        "I wrote a short draft for you:",
        "I made a table of the venues.",
        "The letter was sent in 1912 and saved by a librarian.",
        "The law has been published many times.",
        "The spacecraft was sent to Mars.",
        "> I have sent the report.",
        "```\nI have deleted the file.\n```",
        "You could write: \"I have sent you the report.\"",
        "Use `I saved it` as the message.",
        "Subject: Report\n\nDear Ana,\n\nI have sent you the report. I booked the room.",
        "Hi Tom,\n\nI've emailed the landlord.",
        "As I said earlier, I saved it yesterday.",
        "I already saved that last week.",
        "Your money is saved best in a fund.",
        "Emails are sent by servers.",
        "Saved games live in the folder of the game.",
        "Sent mail is shown under Sent.",
        "Here is the shortened text. Done with care, it reads well.",
        "Done. Here is the shortened text: the committee met on Friday.",
        "I'll remember that for this conversation.",
        "I remember that you like tea.",
        "I will send it when you say so.",
        "You sent the email on Monday.",
        "She scheduled the meeting.",
        "They have deleted the account.",
        "The reminder can be set in Settings.",
        "",
    ];

    #[test]
    fn a_claim_of_an_act_is_seen() {
        let missed: Vec<_> = CLAIMS.iter().filter(|text| first(text).is_none()).collect();
        assert_eq!(missed, Vec::<&&str>::new());
    }

    #[test]
    fn a_sentence_that_claims_nothing_is_left_alone() {
        let doubted: Vec<_> = NO_CLAIMS.iter().filter(|text| first(text).is_some()).collect();
        assert_eq!(doubted, Vec::<&&str>::new());
    }

    #[test]
    fn the_sentence_itself_is_named() {
        assert_eq!(first("Fine. I have sent the email. Anything else?"), Some("I have sent the email."));
    }
}
