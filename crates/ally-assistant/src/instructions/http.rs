//! The doors of instructions.

use super::{Instructions, LONGEST_NAME, LONGEST_RULES, LONGEST_TONE, store};
use crate::app::App;
use crate::door::{Path, Query};
use crate::owner::Owner;
use crate::page::Items;
use crate::turns::prompt;
use crate::{folders, instructions};
use ally_http::{Answer, Json};
use ally_types::{Content, FolderId, Label, Problem};
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};

/// What the person wants; what is left out is empty.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct NewInstructions {
    /// What to call the person, at most 80 characters.
    #[serde(default)]
    name: Content,
    /// In which tone to answer, at most 500 characters.
    #[serde(default)]
    tone: Content,
    /// Rules that always count, at most 4000 characters.
    #[serde(default)]
    rules: Content,
}

/// The instructions that count, and how long they may be.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Given {
    /// The instructions.
    #[serde(flatten)]
    instructions: Instructions,
    /// How long each may be.
    limits: Lengths,
}

/// The longest of each, in characters.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Lengths {
    /// Of the name.
    name: usize,
    /// Of the tone.
    tone: usize,
    /// Of the rules.
    rules: usize,
}

/// Which instructions are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Where {
    /// Those of this folder; without it, those for all chats.
    folder: Option<FolderId>,
}

/// Which text is wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Preview {
    /// For a chat in this folder; without it, for one in no folder.
    folder: Option<FolderId>,
    /// Where the person is, as an IANA time zone.
    timezone: Option<String>,
}

/// The whole text that stands before a chat.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Told {
    /// The text, exactly as the model receives it.
    text: Content,
}

/// The instructions for all chats, or for those of a folder.
#[utoipa::path(get, path = "/api/v1/instructions", tag = "instructions", operation_id = "get_instructions",
    params(Where), responses((status = 200, body = Given), (status = 404, body = Problem)))]
pub async fn get(State(app): State<App>, _: Owner, Query(of): Query<Where>) -> Answer<Json<Given>> {
    let found = app.store().read(move |tx| {
        is_there(tx, of.folder)?;
        store::newest(tx, of.folder)
    });
    Ok(Json(Given::from(found.await?.unwrap_or_default())))
}

/// Gives instructions for all chats. The old ones are kept as a version.
#[utoipa::path(put, path = "/api/v1/instructions", tag = "instructions", operation_id = "give_instructions",
    request_body = NewInstructions, responses((status = 200, body = Given), (status = 422, body = Problem)))]
pub async fn put(State(app): State<App>, owner: Owner, Json(new): Json<NewInstructions>) -> Answer<Json<Given>> {
    give(app, owner, None, new).await
}

/// Gives instructions for the chats of a folder. The old ones are kept as a version.
#[utoipa::path(put, path = "/api/v1/folders/{folder}/instructions", tag = "instructions",
    operation_id = "give_folder_instructions", params(("folder" = FolderId, Path)), request_body = NewInstructions,
    responses((status = 200, body = Given), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn put_folder(
    State(app): State<App>,
    owner: Owner,
    Path(folder): Path<FolderId>,
    Json(new): Json<NewInstructions>,
) -> Answer<Json<Given>> {
    give(app, owner, Some(folder), new).await
}

/// The last versions of the instructions, newest first.
#[utoipa::path(get, path = "/api/v1/instructions/versions", tag = "instructions",
    operation_id = "list_instruction_versions", params(Where),
    responses((status = 200, body = Items<Instructions>), (status = 404, body = Problem)))]
pub async fn versions(State(app): State<App>, _: Owner, Query(of): Query<Where>) -> Answer<Json<Items<Instructions>>> {
    let found = app.store().read(move |tx| {
        is_there(tx, of.folder)?;
        store::versions(tx, of.folder, store::MOST_VERSIONS)
    });
    Ok(Json(Items::all(found.await?)))
}

/// Forgets the earlier versions of the instructions for good; those that count stay.
#[utoipa::path(delete, path = "/api/v1/instructions/versions", tag = "instructions",
    operation_id = "forget_instruction_versions", params(Where),
    responses((status = 204, description = "They are gone."), (status = 404, body = Problem)))]
pub async fn forget(State(app): State<App>, _: Owner, Query(of): Query<Where>) -> Answer<StatusCode> {
    let forgotten = app.store().write(move |tx| {
        is_there(tx, of.folder)?;
        store::forget(tx, of.folder)
    });
    forgotten.await?;
    app.cut_log().await;
    Ok(StatusCode::NO_CONTENT)
}

/// What a model would be told at this moment before a new chat: the same text, from the same function.
#[utoipa::path(get, path = "/api/v1/instructions/preview", tag = "instructions",
    operation_id = "preview_instructions", params(Preview),
    responses((status = 200, body = Told), (status = 404, body = Problem)))]
pub async fn preview(State(app): State<App>, _: Owner, Query(of): Query<Preview>) -> Answer<Json<Told>> {
    let folder = of.folder;
    app.store().read(move |tx| is_there(tx, folder)).await?;
    let standing = prompt::standing_in(&app, folder).await?;
    let zone = of.timezone.filter(|zone| jiff::tz::TimeZone::get(zone).is_ok()).unwrap_or_else(|| "UTC".to_owned());
    Ok(Json(Told { text: prompt::system(&standing, app.clock().now(), &zone).into() }))
}

async fn give(app: App, owner: Owner, folder: Option<FolderId>, new: NewInstructions) -> Answer<Json<Given>> {
    let NewInstructions { name, tone, rules } = new;
    let new = Instructions { name, tone, rules, changed: None, label: Label::USER };
    let inner = app.clone();
    let given = app.store().write(move |tx| instructions::give(tx, &inner, owner, folder, new)).await?;
    Ok(Json(Given::from(given)))
}

fn is_there(tx: &ally_store::Tx, folder: Option<FolderId>) -> crate::fault::Done<()> {
    if let Some(folder) = folder {
        folders::store::live(tx, folder)?.ok_or_else(folders::not_found)?;
    }
    Ok(())
}

impl From<Instructions> for Given {
    fn from(instructions: Instructions) -> Self {
        let limits = Lengths { name: LONGEST_NAME, tone: LONGEST_TONE, rules: LONGEST_RULES };
        Self { instructions, limits }
    }
}
