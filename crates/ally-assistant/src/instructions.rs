//! How a person wants to be answered: a name, a tone, standing rules; for all chats, and for the chats of a folder.

pub mod http;
pub mod store;

use crate::app::App;
use crate::fault::Done;
use crate::folders;
use crate::owner::Owner;
use ally_store::Tx;
use ally_types::{Content, FolderId, Label, Problem, Timestamp};
use serde::Serialize;

/// Longest name, in characters.
pub const LONGEST_NAME: usize = 80;
/// Longest words about the tone, in characters.
pub const LONGEST_TONE: usize = 500;
/// Longest rules, in characters.
pub const LONGEST_RULES: usize = 4000;

/// What the person wants of every answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Instructions {
    /// What to call the person.
    pub name: Content,
    /// In which tone to answer.
    pub tone: Content,
    /// Rules that always count.
    pub rules: Content,
    /// When they were last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<Timestamp>,
    /// Where they come from and how private they are.
    #[serde(skip)]
    pub label: Label,
}

impl Default for Instructions {
    fn default() -> Self {
        let nothing = Content::default;
        Self { name: nothing(), tone: nothing(), rules: nothing(), changed: None, label: Label::USER }
    }
}

impl Instructions {
    /// Whether nothing was asked for.
    pub fn is_empty(&self) -> bool {
        [&self.name, &self.tone, &self.rules].iter().all(|text| text.expose().trim().is_empty())
    }
}

/// Gives new instructions, for all chats or for those of a folder. What is too long is refused, never cut.
pub fn give(tx: &Tx, app: &App, owner: Owner, folder: Option<FolderId>, new: Instructions) -> Done<Instructions> {
    if let Some(folder) = folder {
        folders::store::live(tx, folder)?.ok_or_else(folders::not_found)?;
    }
    let fields =
        [("name", &new.name, LONGEST_NAME), ("tone", &new.tone, LONGEST_TONE), ("rules", &new.rules, LONGEST_RULES)];
    for (field, text, longest) in fields {
        let length = text.expose().chars().count();
        if length > longest {
            let title = format!("This is {length} characters long, and {longest} fit.");
            return Err(Problem::new(422, "instructions_too_long", title)
                .at(field)
                .next("Make it shorter. Nothing was changed yet.")
                .into());
        }
    }
    let is_new = store::newest(tx, folder)?
        .is_none_or(|old| (old.name, old.tone, old.rules) != (new.name.clone(), new.tone.clone(), new.rules.clone()));
    if is_new {
        store::insert(tx, folder, &new, owner.account, app.clock().now())?;
    }
    Ok(store::newest(tx, folder)?.unwrap_or_default())
}

/// What counts in a chat that lies in this folder: the instructions for all chats, then those of the folder.
pub fn counting(tx: &Tx, folder: Option<FolderId>) -> Done<Vec<Instructions>> {
    let everywhere = store::newest(tx, None)?.unwrap_or_default();
    let here = folder.map(|folder| store::newest(tx, Some(folder))).transpose()?.flatten().unwrap_or_default();
    Ok(vec![everywhere, here])
}
