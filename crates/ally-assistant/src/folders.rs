//! What can happen to a folder of chats.

pub mod http;
pub mod store;

use crate::app::App;
use crate::chats::UNDO_MILLIS;
use crate::fault::Done;
use crate::owner::Owner;
use ally_store::Tx;
use ally_types::{Content, FolderId, Problem, Timestamp};
use serde::Serialize;

/// Longest name, in characters.
pub const LONGEST_NAME: usize = 60;
/// Most folders of a person.
pub const MOST: u32 = 100;

/// A folder of chats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Folder {
    /// Its id.
    pub id: FolderId,
    /// Its name.
    pub name: Content,
    /// Its place among the folders, from 0.
    pub position: u32,
    /// When it was made.
    pub created: Timestamp,
    /// When it was deleted; it can be restored for ten minutes after that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Timestamp>,
}

/// Makes a folder, behind all others.
pub fn create(tx: &Tx, app: &App, owner: Owner, name: &Content) -> Done<Folder> {
    let name = checked_name(name)?;
    if store::count(tx)? >= MOST {
        return Err(Problem::new(409, "too_many_folders", "You have 100 folders, and there cannot be more.")
            .next("Delete a folder that you no longer need. Its chats are kept.")
            .into());
    }
    let id = FolderId::new(app.clock(), app.chance());
    store::insert(tx, id, &name, owner.account, app.clock().now())?;
    store::live(tx, id)?.ok_or_else(|| not_found().into())
}

/// Gives a folder another name, another place, or both.
pub fn change(tx: &Tx, id: FolderId, name: Option<&Content>, position: Option<u32>) -> Done<Folder> {
    let name = name.map(checked_name).transpose()?;
    store::live(tx, id)?.ok_or_else(not_found)?;
    if let Some(name) = &name {
        store::set_name(tx, id, name)?;
    }
    if let Some(position) = position {
        let mut order: Vec<_> = store::all(tx)?.into_iter().map(|folder| folder.id).filter(|one| *one != id).collect();
        order.insert(order.len().min(position as usize), id);
        store::set_order(tx, &order)?;
    }
    store::live(tx, id)?.ok_or_else(|| not_found().into())
}

/// Deletes a folder; its chats are kept, in no folder. For ten minutes [`restore`] brings it back with them.
pub fn delete(tx: &Tx, app: &App, id: FolderId) -> Done<Folder> {
    store::live(tx, id)?.ok_or_else(not_found)?;
    store::set_deleted(tx, id, Some(app.clock().now()))?;
    store::get(tx, id)?.ok_or_else(|| not_found().into())
}

/// Undoes [`delete`].
pub fn restore(tx: &Tx, app: &App, id: FolderId) -> Done<Folder> {
    let found = store::get(tx, id)?.ok_or_else(not_found)?;
    if found.deleted.is_some_and(|deleted| app.clock().now().millis_since(deleted) >= UNDO_MILLIS) {
        return Err(not_found().into());
    }
    store::set_deleted(tx, id, None)?;
    store::live(tx, id)?.ok_or_else(|| not_found().into())
}

fn checked_name(name: &Content) -> Done<Content> {
    let name = name.expose().trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(Problem::new(422, "folder_name", "The name of a folder has 1 to 60 characters, in one line.")
            .at("name")
            .next("Choose another name.")
            .into());
    }
    Ok(name.into())
}

/// There is no such folder, or it was deleted.
pub fn not_found() -> Problem {
    Problem::not_found("folder_not_found", "There is no such folder.")
}
