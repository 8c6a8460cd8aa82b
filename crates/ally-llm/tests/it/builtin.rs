//! The built-in commands, with tools that speak the published contract.

use crate::client::client;
use crate::conversation::{Answer, asking, assistant, continued, user, whole};
use ally_llm::builtin::HELP;
use ally_llm::{Block, Provider, Request, Stop};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The memory of a person, as far as these commands need it.
#[derive(Default)]
struct Tools {
    files: RefCell<BTreeMap<String, String>>,
    calls: RefCell<Vec<String>>,
}

impl Tools {
    fn with_notes(text: &str) -> Self {
        let tools = Self::default();
        tools.files.borrow_mut().insert("/memories/notes.md".into(), text.into());
        tools
    }

    fn notes(&self) -> String {
        self.files.borrow().get("/memories/notes.md").cloned().unwrap_or_default()
    }

    fn run(&self, tool: &str, input: &Value) -> (bool, String) {
        let text = |name: &str| input[name].as_str().unwrap_or_default().to_owned();
        let path = text("path");
        let mut files = self.files.borrow_mut();
        self.calls.borrow_mut().push(format!("{tool} {}", text("command")).trim().to_owned());
        match (tool, text("command").as_str()) {
            ("time_now", _) => (true, format!("2026-11-21T18:30:00+09:00[{}]", text("timezone"))),
            ("memory_search", _) => {
                let query = text("query").to_lowercase();
                let words: Vec<&str> = query.split_whitespace().collect();
                let hits = files.iter().flat_map(|(path, file)| {
                    file.lines()
                        .enumerate()
                        .map(move |(at, line)| (format!("{path}:{}\t{line}", at + 1), line.to_lowercase()))
                });
                let hits = hits.filter(|(_, line)| words.iter().any(|word| line.contains(word)));
                (true, hits.map(|(hit, _)| hit).collect::<Vec<_>>().join("\n"))
            }
            ("memory", "view") => match files.get(&path) {
                None => (false, format!("The path {path} does not exist. Please provide a valid path.")),
                Some(file) => {
                    let lines = file.split('\n').enumerate().map(|(at, line)| format!("{:>6}\t{line}", at + 1));
                    let lines: Vec<String> = lines.collect();
                    (true, format!("Here's the content of {path} with line numbers:\n{}", lines.join("\n")))
                }
            },
            ("memory", "create") => {
                files.insert(path.clone(), text("file_text"));
                (true, format!("File created successfully at: {path}"))
            }
            ("memory", "insert") => {
                let file = files.get_mut(&path).expect("it was viewed before");
                let mut lines: Vec<String> = file.split('\n').map(str::to_owned).collect();
                let at = usize::try_from(input["insert_line"].as_u64().expect("a line")).expect("a small number");
                lines.insert(at, text("insert_text").trim_end_matches('\n').to_owned());
                *file = lines.join("\n");
                (true, format!("The file {path} has been edited."))
            }
            ("memory", "str_replace") => {
                let file = files.get_mut(&path).expect("it was viewed before");
                let (old, new) = (text("old_str"), text("new_str"));
                match file.matches(&old).count() {
                    1 => {
                        *file = file.replace(&old, &new);
                        (true, "The memory file has been edited.".to_owned())
                    }
                    0 => (
                        false,
                        format!("No replacement was performed, old_str `{old}` did not appear verbatim in {path}."),
                    ),
                    _ => (false, format!("No replacement was performed. Multiple occurrences of old_str `{old}`")),
                }
            }
            other => panic!("no such tool: {other:?}"),
        }
    }
}

async fn step(request: &Request) -> Answer {
    whole(Provider::BuiltIn.stream(&client(), request)).await
}

/// Goes on until nothing is called any more.
async fn ask(tools: &Tools, text: &str) -> Answer {
    let mut request = asking(text);
    for _ in 0..9 {
        let answer = step(&request).await;
        if answer.stop != Some(Stop::ToolUse) {
            return answer;
        }
        request = continued(request, &answer, |tool, input| tools.run(tool, input));
    }
    panic!("it does not end")
}

#[tokio::test]
async fn the_first_fact_makes_the_file_and_the_next_one_goes_to_its_end() {
    let tools = Tools::default();
    let answer = ask(&tools, "Remember that I take my tea without sugar.").await;
    assert_eq!(answer.text, "I wrote it in notes.md: “I take my tea without sugar”.");
    assert_eq!((answer.deltas, answer.stop), (1, Some(Stop::EndTurn)));
    ask(&tools, "please remember: Ana's birthday is 3 May").await;
    assert_eq!(tools.notes(), "# Notes\n\n- I take my tea without sugar\n- Ana's birthday is 3 May\n");
    assert_eq!(*tools.calls.borrow(), ["memory view", "memory create", "memory view", "memory insert"]);
}

#[tokio::test]
async fn a_fact_is_written_once_and_a_file_without_a_last_line_end_is_no_trap() {
    let tools = Tools::with_notes("- I like tea");
    assert_eq!(ask(&tools, "remember that I like TEA!").await.text, "I have that in my notes already: “I like TEA”.");
    ask(&tools, "remember that I like jam").await;
    assert_eq!(tools.notes(), "- I like tea\n- I like jam");
}

#[tokio::test]
async fn what_is_known_is_listed_with_where_it_stands() {
    let tools = Tools::with_notes("# Notes about tea\n\n- I like tea\n- Ana likes jam\n");
    let answer = ask(&tools, "What do you know about tea?").await;
    assert_eq!(answer.text, "This is what I have noted about “tea”:\n\n- I like tea (notes.md)");
    assert_eq!(ask(&tools, "What do you know about rust?").await.text, "I have nothing noted about “rust”.");
    assert_eq!(
        ask(&tools, "what do you remember about me").await.text,
        "This is what I have in notes.md:\n\n- I like tea\n- Ana likes jam"
    );
    assert!(ask(&Tools::default(), "what do you know?").await.text.starts_with("I have nothing in notes.md yet."));
}

#[tokio::test]
async fn the_one_note_that_fits_is_deleted() {
    for (notes, left) in [
        (
            "# Notes\n\n- I like tea\n- I like tea with milk\n- Ana likes jam\n",
            "# Notes\n\n- I like tea with milk\n- Ana likes jam\n",
        ),
        ("- I like tea", ""),
        ("- I like tea\n- Ana\n", "- Ana\n"),
        ("- Ana\n- I like tea", "- Ana"),
    ] {
        let tools = Tools::with_notes(notes);
        let answer = ask(&tools, "Forget that I like tea.").await;
        assert_eq!(answer.text, "I deleted it from notes.md: “I like tea”.", "{notes:?}");
        assert_eq!(tools.notes(), left);
    }
}

#[tokio::test]
async fn several_notes_that_fit_are_listed_and_none_is_deleted() {
    let notes = "- Ana likes tea\n- I like tea with milk\n";
    let tools = Tools::with_notes(notes);
    let answer = ask(&tools, "forget my tea").await;
    assert_eq!(
        answer.text,
        "Which one do you mean? Write “forget” and then the note in its own words.\n\n\
         - Ana likes tea (notes.md)\n- I like tea with milk (notes.md)"
    );
    assert_eq!(
        ask(&tools, "forget rust").await.text,
        "I have nothing noted about “rust”, so there is nothing to forget."
    );
    assert!(
        ask(&tools, "forget the tea from China").await.text.starts_with("Which one do you mean?"),
        "half a match is not a match"
    );
    assert!(ask(&tools, "forget everything").await.text.starts_with("I forget one note at a time."));
    assert_eq!(tools.notes(), notes);
}

#[tokio::test]
async fn the_time_is_told_here_and_elsewhere() {
    let tools = Tools::default();
    let answer = ask(&tools, "What time is it in Tokyo?").await;
    assert_eq!(answer.text, "In Tokyo it is 18:30 on Saturday, 21 November 2026 (Asia/Tokyo).");
    let here = step(&asking("what's the time")).await;
    assert!(matches!(&here.blocks[0], Block::ToolCall { input, .. } if input["timezone"] == "Europe/Berlin"));
}

#[tokio::test]
async fn help_says_what_works_and_everything_else_needs_a_model() {
    assert_eq!(step(&asking("help")).await.text, HELP);
    let other = step(&asking("Write a poem about tea")).await;
    assert_eq!((other.stop, other.blocks.len(), other.text.as_str()), (Some(Stop::NeedsModel), 0, ""));
}

#[tokio::test]
async fn a_tool_that_fails_is_not_talked_away() {
    let broken = |_: &str, _: &Value| (false, "The disk is full.\nDetails".to_owned());
    for (said, expected) in [
        ("what time is it", "I could not read the clock: The disk is full."),
        ("what do you know about tea", "I could not search my notes: The disk is full."),
        ("forget my tea", "I could not search my notes: The disk is full."),
    ] {
        let request = asking(said);
        let first = step(&request).await;
        assert_eq!(step(&continued(request, &first, broken)).await.text, expected);
    }
    let mut request = asking("remember that I like tea");
    for _ in 0..2 {
        let answer = step(&request).await;
        request = continued(request, &answer, broken);
    }
    assert_eq!(step(&request).await.text, "I could not write it down: The disk is full.");
}

#[tokio::test]
async fn a_turn_that_a_model_began_is_not_finished_here() {
    let mut request = asking("what time is it");
    request.messages.push(assistant(vec![Block::ToolCall {
        call: "toolu_1".into(),
        tool: "time_now".into(),
        input: serde_json::json!({}),
    }]));
    request.messages.push(user(vec![Block::ToolResult { call: "toolu_1".into(), ok: true, text: "09:00".into() }]));
    assert_eq!(step(&request).await.stop, Some(Stop::NeedsModel));
}

#[tokio::test]
async fn a_later_command_in_the_same_chat_stands_on_its_own_and_its_calls_have_new_ids() {
    let tools = Tools::default();
    let mut request = asking("what time is it");
    let first = step(&request).await;
    request = continued(request, &first, |tool, input| tools.run(tool, input));
    let told = step(&request).await;
    request.messages.push(assistant(told.blocks));
    request.messages.push(user(vec![Block::Text { text: "what time is it in Tokyo?".into() }]));
    let again = step(&request).await;
    let id = |answer: &Answer| match &answer.blocks[0] {
        Block::ToolCall { call, .. } => call.clone(),
        _ => panic!("a call was expected"),
    };
    assert_ne!(id(&first), id(&again));
    assert_eq!(id(&again), id(&step(&request).await), "the same step repeated is the same call");
}
