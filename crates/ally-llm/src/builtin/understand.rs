//! What a message asks for, if it is one of the built-in commands.

/// A request that needs no model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// Keep this fact.
    Remember(String),
    /// Say what is known about something.
    Recall(String),
    /// Say everything that was noted.
    RecallAll,
    /// Delete a note.
    Forget(String),
    /// Delete everything: too much for one sentence.
    ForgetAll,
    /// Say the time, here or somewhere.
    Time(Option<String>),
    /// Say what works without a model.
    Help,
}

/// Longer facts are texts to work on, not notes.
const LONGEST_FACT: usize = 2000;

/// Politeness before a request, each in words. Longer ones first.
const BEFORE: &[&str] =
    &["hey ally", "hi ally", "hello ally", "ok ally", "ally", "can you", "could you", "would you", "please"];

/// And after it.
const AFTER: &[&str] = &["please", "right now", "now", "currently", "thanks", "thank you"];

pub(super) fn command(message: &str) -> Option<Command> {
    let message = message.replace(['’', '‘'], "'");
    let mut text = message.trim();
    let was_asked_politely = ["can you", "could you", "would you"];
    let mut is_polite_question = false;
    while let Some((phrase, rest)) = BEFORE.iter().find_map(|phrase| Some((*phrase, after(text, phrase)?))) {
        is_polite_question |= was_asked_politely.contains(&phrase);
        text = rest;
    }
    help(text)
        .or_else(|| time(text))
        .or_else(|| recall(text))
        .or_else(|| forget(text))
        .or_else(|| remember(text, is_polite_question))
}

fn help(text: &str) -> Option<Command> {
    const WORDS: &[&str] = &["help", "what can you do", "commands", "built-in commands"];
    WORDS.contains(&plain(text).as_str()).then_some(Command::Help)
}

fn time(text: &str) -> Option<Command> {
    const QUESTIONS: &[&str] = &[
        "what time is it",
        "what's the time",
        "what is the time",
        "what's the current time",
        "what is the current time",
        "what day is it",
        "what day is it today",
        "what date is it",
        "what's the date",
        "what is the date",
        "what's today's date",
        "what is today's date",
        "current time",
        "time",
    ];
    QUESTIONS.iter().find_map(|question| {
        let rest = without_end(after(text, question)?);
        if rest.is_empty() {
            return Some(Command::Time(None));
        }
        let place = without_end(after(rest, "in").or_else(|| after(rest, "at"))?);
        // A place has few words; more of them is another question.
        (!place.is_empty() && place.split_whitespace().count() <= 4).then(|| Command::Time(Some(place.to_owned())))
    })
}

fn recall(text: &str) -> Option<Command> {
    let rest = ["what do you know", "what do you remember"].iter().find_map(|question| after(text, question))?;
    let rest = without_end(rest);
    if rest.is_empty() {
        return Some(Command::RecallAll);
    }
    let about = without_end(after(rest, "about")?);
    match plain(about).as_str() {
        "" => None,
        "me" | "myself" | "everything" => Some(Command::RecallAll),
        _ => is_one_sentence(about).then(|| Command::Recall(about.to_owned())),
    }
}

fn forget(text: &str) -> Option<Command> {
    let rest = after(text, "forget")?;
    let rest = ["what i said about", "what i told you about", "about", "that"]
        .iter()
        .find_map(|words| after(rest, words))
        .unwrap_or(rest);
    let what = without_end(rest);
    match plain(what).as_str() {
        // "Forget it" and "forget that" take back a question, not a note.
        "" | "it" | "this" => None,
        "everything" | "all" | "all of it" | "everything about me" | "me" => Some(Command::ForgetAll),
        _ => is_one_sentence(what).then(|| Command::Forget(one_line(what))),
    }
}

fn remember(text: &str, is_polite_question: bool) -> Option<Command> {
    let rest = after(text, "remember")?;
    // "Remember to …" asks to be reminded, which a note does not do; "remember when …" is talk about old times.
    const OTHER: &[&str] = &["to", "when", "how", "what", "who", "where", "why", "which", "me", "us"];
    if OTHER.iter().any(|word| after(rest, word).is_some()) {
        return None;
    }
    let fact = after(rest, "that").unwrap_or(rest).trim_start_matches([':', ',', ' ']).trim();
    // "Can you remember that I like tea?" asks nothing.
    let fact = if is_polite_question { fact.strip_suffix('?').unwrap_or(fact) } else { fact };
    let fact = one_line(fact);
    let is_fact = fact.split(' ').count() > 1 && fact.len() <= LONGEST_FACT && !fact.contains('?');
    is_fact.then(|| Command::Remember(fact.trim_end_matches(['.', '!', ' ']).to_owned()))
}

/// What stands after some words, if the text begins with them. Case and punctuation at the words do not matter.
fn after<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    let mut rest = text;
    for word in words.split(' ') {
        rest = rest.trim_start();
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (found, behind) = rest.split_at(end);
        let bare = found.trim_end_matches([',', '.', ':', ';', '!', '?', '"', '”']).trim_start_matches(['"', '“']);
        if !bare.eq_ignore_ascii_case(word) {
            return None;
        }
        rest = behind;
    }
    Some(rest.trim_start())
}

/// Takes closing marks and closing politeness off.
fn without_end(text: &str) -> &str {
    let mut text = text;
    loop {
        let bare = text.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '.' | '?' | '!' | ',' | ';' | ':'));
        let shorter = AFTER.iter().find_map(|phrase| {
            let (before, end) = bare.split_at_checked(bare.len().checked_sub(phrase.len())?)?;
            let stands_alone = before.is_empty() || before.ends_with([' ', ',']);
            (stands_alone && end.eq_ignore_ascii_case(phrase)).then_some(before)
        });
        match shorter {
            Some(shorter) => text = shorter,
            None => return bare.trim(),
        }
    }
}

/// Lower case, single spaces, without closing marks: to compare with fixed words.
fn plain(text: &str) -> String {
    one_line(without_end(text)).to_lowercase()
}

pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A second sentence may ask for something that would get lost.
fn is_one_sentence(text: &str) -> bool {
    !text.contains('\n') && !["? ", "! ", ". "].iter().any(|end| text.contains(end)) && text.len() <= 200
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_requests_and_their_small_variations_are_understood() {
        let remember = |fact: &str| Some(Command::Remember(fact.into()));
        let recall = |about: &str| Some(Command::Recall(about.into()));
        let forget = |what: &str| Some(Command::Forget(what.into()));
        let time = |place: Option<&str>| Some(Command::Time(place.map(str::to_owned)));
        let table = [
            ("remember that I take my tea without sugar", remember("I take my tea without sugar")),
            ("Please remember: Ana's birthday is 3 May.", remember("Ana's birthday is 3 May")),
            ("REMEMBER Dr. Smith is my dentist!", remember("Dr. Smith is my dentist")),
            ("Can you remember that I like tea?", remember("I like tea")),
            ("Ally, please remember that\n I like\n tea", remember("I like tea")),
            ("remember that é ü 漢 work", remember("é ü 漢 work")),
            ("what do you know about tea?", recall("tea")),
            ("What do you remember about my dentist, please?", recall("my dentist")),
            ("What do you know?", Some(Command::RecallAll)),
            ("what do you remember about me", Some(Command::RecallAll)),
            ("forget my tea", forget("my tea")),
            ("Forget what I said about the dentist.", forget("the dentist")),
            ("please forget that I like tea", forget("I like tea")),
            ("forget everything", Some(Command::ForgetAll)),
            ("what time is it", time(None)),
            ("What time is it right now?", time(None)),
            ("what’s the time in New York?", time(Some("New York"))),
            ("What time is it in Tokyo now?", time(Some("Tokyo"))),
            ("what day is it today?", time(None)),
            ("Help!", Some(Command::Help)),
            ("What can you do?", Some(Command::Help)),
        ];
        for (said, expected) in table {
            assert_eq!(command(said), expected, "{said:?}");
        }
    }

    #[test]
    fn everything_else_is_left_to_a_model() {
        for said in [
            "",
            "hello",
            "help me write a letter",
            "remember",
            "remember me",
            "remember to call Ana",
            "remember when we went to Rome?",
            "remember when we went to Rome",
            "remember what I told you yesterday",
            "remember that I like tea. What else do I like?",
            "do you remember my name?",
            "don't forget my birthday",
            "forget it",
            "forget that",
            "forget my tea. And what is the capital of France?",
            "what do you know about tea? And coffee?",
            "what time is it in the village where my grandmother was born",
            "what time does the train leave",
            "time flies",
            "what is the date of the moon landing",
            "timeline of Rome",
        ] {
            assert_eq!(command(said), None, "{said:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_message_makes_it_stumble(said in "(please |ally, |remember |forget |what time is it in |now|[^a]{0,5}| ){0,8}") {
            let _ = command(&said);
        }
    }
}
