//! The tool that finds notes and past messages.

use super::{Action, Asking, Planned, Planning, Shown, Tool, refused_if_temporary, text};
use crate::search::{self, Query};
use ally_durable::Effect;
use ally_monitor::{Sink, Touches};
use ally_types::Label;
use serde_json::{Value, json};

/// Search over memory and past chats.
pub struct MemorySearch;

/// How many hits a model gets.
const HITS: u32 = 10;

impl Tool for MemorySearch {
    fn name(&self) -> &'static str {
        "memory_search"
    }

    fn description(&self) -> &'static str {
        "Searches the person's memory files and past chats by words. Answers one hit per line: where it is, a tab, what \
         it says. If nothing fits, try other words: the search knows no synonyms. At most three searches per question."
    }

    fn schema(&self) -> Value {
        json!({
            "type": "object",
            "properties": { "query": { "type": "string", "description": "A few telling words." } },
            "required": ["query"],
            "additionalProperties": false
        })
    }

    fn action(&self, _: &Value) -> Action {
        Action { effect: Effect::Read, sink: Sink::Read, touches: Touches::Other }
    }

    fn shown(&self, input: &Value) -> Shown {
        Shown::new("Search your memory and chats").with("For", input, "query")
    }

    fn plan<'a>(&'a self, asking: &'a Asking, input: &'a Value) -> Planning<'a> {
        Box::pin(async move {
            if let Some(refused) = refused_if_temporary(asking).await? {
                return Ok(refused);
            }
            let Some(query) = text(input, "query").map(str::to_owned) else {
                return Ok(Planned::refused("Error: `query` is missing. Give a few words to look for."));
            };
            drop(asking.app.memory().sit(&asking.app).await?);
            let run = asking.run;
            let hits = asking
                .app
                .store()
                .read(move |tx| search::find(tx, &Query { text: &query, limit: HITS, asked_by: Some(run) }))
                .await?;
            let summary = match hits.len() {
                0 => "Nothing found".to_owned(),
                1 => "1 hit".to_owned(),
                many => format!("{many} hits"),
            };
            let text =
                if hits.is_empty() { "Nothing was found. Try other words.".to_owned() } else { search::as_text(&hits) };
            let label = hits.iter().fold(Label::TRUSTED, |all, hit| all.join(hit.label()));
            Ok(Planned::done(text, summary, label))
        })
    }
}
