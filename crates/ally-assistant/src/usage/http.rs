//! The door of usage.

use super::store;
use crate::app::App;
use crate::door::Query;
use crate::fault::Done;
use crate::owner::Owner;
use crate::page::Items;
use ally_http::{Answer, Json};
use ally_types::{ChatId, Problem, Timestamp};
use axum::extract::State;
use serde::{Deserialize, Serialize};

/// What is wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// How to sum up; by day if it is not said.
    #[param(inline)]
    by: Option<By>,
    /// The first day, `2026-11-21` (UTC).
    from: Option<String>,
    /// The last day, included.
    to: Option<String>,
}

/// How to sum up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// By day.
    Day,
    /// By chat.
    Session,
}

/// What the calls of a day or a chat used, in tokens.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct UsageEntry {
    /// The day.
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<String>,
    /// The chat; absent for chats that are gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    chat: Option<ChatId>,
    /// Read by models, without what came from a cache.
    input: u64,
    /// Written by models.
    output: u64,
    /// Read from a provider's cache.
    cache_read: u64,
    /// Written to a provider's cache.
    cache_write: u64,
    /// How many calls.
    calls: u64,
}

/// Tokens used, by day or by chat.
#[utoipa::path(get, path = "/api/v1/usage", tag = "usage", operation_id = "list_usage", params(Wanted),
    responses((status = 200, body = Items<UsageEntry>), (status = 400, body = Problem)))]
pub async fn list(State(app): State<App>, _: Owner, Query(wanted): Query<Wanted>) -> Answer<Json<Items<UsageEntry>>> {
    const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
    let from = day(wanted.from.as_deref(), Timestamp::from_millis(0))?;
    let to = day(wanted.to.as_deref(), Timestamp::from_millis(i64::MAX - DAY_MILLIS))?.plus_millis(DAY_MILLIS);
    let sums = app
        .store()
        .read(move |tx| match wanted.by.unwrap_or(By::Day) {
            By::Day => store::by_day(tx, from, to),
            By::Session => store::by_chat(tx, from, to),
        })
        .await?;
    Ok(Json(Items::all(sums.into_iter().map(UsageEntry::from))))
}

fn day(text: Option<&str>, otherwise: Timestamp) -> Done<Timestamp> {
    let Some(text) = text else { return Ok(otherwise) };
    let moment = text.parse::<jiff::civil::Date>().ok().and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok());
    let moment = moment.ok_or_else(|| {
        Problem::new(400, "bad_date", "This is not a date.").next("Write it as year-month-day, such as 2026-11-21.")
    })?;
    Ok(Timestamp::from_millis(moment.timestamp().as_millisecond()))
}

impl From<store::Sum> for UsageEntry {
    fn from(sum: store::Sum) -> Self {
        Self {
            day: sum.day,
            chat: sum.chat,
            input: sum.usage.input,
            output: sum.usage.output,
            cache_read: sum.usage.cache_read,
            cache_write: sum.usage.cache_write,
            calls: sum.calls,
        }
    }
}
