//! Whatever a provider does wrong: what the person sees. The table in `docs/faults.md` is what this test saw.

use crate::app::TestApp;
use ally_llm::anthropic::Config;
use ally_llm::script::{Rule, Turn};
use ally_llm::stand_in::{Fault, KEY, StandIn};
use ally_llm::{Budgets, Provider};
use ally_types::Secret;
use futures_util::future::join_all;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

const QUESTION: &str = "A question that must not be lost";
const ANSWER: &str = "As far as this and further.";
const BEGIN: &str = "<!-- what the test saw -->\n";
const END: &str = "<!-- until here -->\n";

/// One line of the table.
struct Case {
    /// What the provider does, in words.
    does: &'static str,
    fault: Fault,
    /// How often it does so.
    times: usize,
}

fn case(does: &'static str, fault: Fault) -> Case {
    Case { does, fault, times: 9 }
}

fn cases() -> Vec<Case> {
    let status = |status, retry_after| Fault::Status { status, kind: None, message: String::new(), retry_after };
    let says =
        |code, message: &str| Fault::Status { status: code, kind: None, message: message.into(), retry_after: None };
    vec![
        case("answers 500 before it does anything", status(500, None)),
        Case { does: "answers 500 once", fault: status(500, None), times: 1 },
        case("answers 429", status(429, None)),
        case("answers 429 with `retry-after: 1`", status(429, Some(1))),
        Case { does: "answers 429 with `retry-after: 1` once", fault: status(429, Some(1)), times: 1 },
        case("answers 429 with `retry-after: 240`", status(429, Some(240))),
        case("answers 529", status(529, None)),
        Case { does: "answers 529 twice", fault: status(529, None), times: 2 },
        case("refuses the key (401)", status(401, None)),
        case("says that the credit is used up", says(400, "Your credit balance is too low")),
        case("says that the conversation is too long", says(400, "prompt is too long: 9 tokens > 8 maximum")),
        case("refuses the request (400)", status(400, None)),
        case("hangs up without an answer", Fault::HangUp),
        case("takes the question and says nothing", Fault::StallSilent),
        case("begins and sends no word", Fault::StallBeforeToken),
        Case { does: "begins and sends no word, once", fault: Fault::StallBeforeToken, times: 1 },
        case("falls silent after two words", Fault::StallAfter(2)),
        case("cuts the connection after two words", Fault::CutAfter(2)),
        case("ends the stream after two words", Fault::EndAfter(2)),
        case("sends an error after two words", Fault::ErrorAfter(2, "overloaded_error".to_owned())),
        case("sends an event that is no JSON after two words", Fault::MalformedAfter(2)),
        case("sends a web page", Fault::NotAStream),
        case("sends a block of an unknown kind first", Fault::UnknownBlock),
        case("sends byte by byte", Fault::Drip),
    ]
}

#[tokio::test]
async fn what_the_person_sees_of_every_fault_is_what_the_handbook_says() {
    let mut seen = String::from(
        "| The provider | Asked | While she waits | The answer | What is kept of it | She reads | Next step |\n|---|---|---|---|---|---|---|\n",
    );
    for line in join_all(cases().iter().map(seen_by_her)).await {
        seen.push_str(&line);
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/faults.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (kept, after) = rest.split_once(END).unwrap();
    if std::env::var_os("ALLY_WRITE_DOCS").is_some() {
        std::fs::write(&page, format!("{before}{BEGIN}\n{seen}\n{END}{after}")).unwrap();
    } else {
        assert_eq!(kept.trim(), seen.trim(), "docs/faults.md is not what is seen; ALLY_WRITE_DOCS=1 writes it");
    }
}

/// A person of her own asks a provider of her own, and asks again when it is well.
async fn seen_by_her(Case { does, fault, times }: &Case) -> String {
    let stand_in = StandIn::start().await.unwrap();
    stand_in.always(Rule { when: QUESTION.to_owned(), turns: vec![Turn::text(ANSWER)] });
    let long = Duration::from_secs(60);
    let budgets = match fault {
        Fault::StallSilent | Fault::StallBeforeToken => Budgets { first_token: Duration::from_secs(1), stall: long },
        // Two words have to fit into this, however busy the machine is.
        Fault::StallAfter(_) => Budgets { first_token: long, stall: Duration::from_secs(2) },
        _ => Budgets { first_token: long, stall: long },
    };
    let config = Config { base_url: stand_in.url(), budgets, ..Config::new(Secret::new(KEY)) };
    let app = TestApp::with_provider(Provider::Anthropic(config)).await;
    let mira = app.owner("mira").await;
    let chat = mira.chat().await;
    for _ in 0..*times {
        stand_in.fail(fault.clone());
    }
    let mut events = mira.events(&format!("/api/v1/chats/{chat}/events"), None).await;
    let sent = mira.say(&chat, QUESTION).await;
    let mut pauses: Vec<String> = Vec::new();
    let answer = loop {
        let event = events.next().await.unwrap();
        match event["type"].as_str() {
            Some("message.waiting") => {
                let reason = event["reason"].as_str().unwrap().to_owned();
                assert!(event["seconds"].as_u64().unwrap() <= 2, "{event}");
                if !pauses.contains(&reason) {
                    pauses.push(reason);
                }
            }
            Some("message.completed") if event["message"]["id"] == sent["answer"]["id"] => {
                break event["message"].clone();
            }
            _ => {}
        }
    };
    let asked = stand_in.seen().iter().filter(|seen| seen.method == "POST").count();
    let line = line(does, asked, &pauses, &answer);
    her_question_is_kept_and_the_talk_goes_on(&stand_in, &mira, &chat, &answer).await;
    line
}

async fn her_question_is_kept_and_the_talk_goes_on(
    stand_in: &StandIn,
    mira: &crate::browser::Browser,
    chat: &str,
    answer: &Value,
) {
    let path = format!("/api/v1/chats/{chat}/messages");
    let messages = mira.get(&path).await.expect(200).json();
    assert_eq!(messages["items"][0]["text"], QUESTION);
    assert_eq!(messages["items"][1]["text"], answer["text"], "what she saw is what is kept");
    assert!(!answer.to_string().contains(QUESTION), "the provider's words are not repeated: {answer}");
    stand_in.heal();
    assert_eq!(mira.ask(chat, "Good morning").await["text"], "You said: Good morning");
    for seen in stand_in.seen().iter().filter(|seen| seen.method == "POST") {
        let user = seen.body["metadata"]["user_id"].as_str().unwrap();
        assert!(user.len() == 32 && user.bytes().all(|byte| byte.is_ascii_hexdigit()), "{user} is no pseudonym");
    }
}

fn line(does: &str, asked: usize, pauses: &[String], answer: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let times = match asked {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => format!("{asked} times"),
    };
    let waits: Vec<_> = pauses.iter().map(|reason| format!("“{reason} Trying again in …”")).collect();
    let kept = match answer["text"].as_str().unwrap() {
        "" => "nothing was said".to_owned(),
        ANSWER => "all of it".to_owned(),
        part => format!("“{}”", part.trim_end()),
    };
    let (status, problem) = (word(&answer["status"]), &answer["problem"]);
    format!(
        "| {does} | {times} | {} | `{status}` | {kept} | {} | {} |\n",
        waits.join("; "),
        word(&problem["title"]),
        word(&problem["next_step"])
    )
}
