//! The door of usage.

use super::csv::table;
use super::store::{self, Sum};
use super::{By, KEPT_DAYS, sums};
use crate::app::App;
use crate::door::Query;
use crate::fault::{Done, Fault};
use crate::owner::Owner;
use crate::page::Items;
use ally_http::{Answer, Json};
use ally_types::{ChatId, Content, Problem, Timestamp};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header;
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

/// What some calls used, in tokens.
#[derive(Serialize, utoipa::ToSchema)]
pub struct UsageEntry {
    /// The day.
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<String>,
    /// The chat; absent for chats that are gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    chat: Option<ChatId>,
    /// The title of the chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    title: Option<Content>,
    /// Which adapter answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// The kind of run; `turn` is a question in a chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
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
    /// How many of them the person's own key paid.
    #[serde(skip_serializing_if = "is_none")]
    own_calls: u64,
    /// What that cost, in millionths of a US dollar; absent where nothing was paid by it, or the price is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_micro_usd: Option<u64>,
}

/// Whether there is nothing to say about a count.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
pub(crate) const fn is_none(count: &u64) -> bool {
    *count == 0
}

/// Tokens used, by day, by chat, by model or by cause.
#[utoipa::path(get, path = "/api/v1/usage", tag = "usage", operation_id = "list_usage", params(Wanted),
    responses((status = 200, body = Items<UsageEntry>), (status = 400, body = Problem)))]
pub async fn list(State(app): State<App>, _: Owner, Query(wanted): Query<Wanted>) -> Answer<Json<Items<UsageEntry>>> {
    let (sums, _) = read(&app, &wanted).await?;
    Ok(Json(Items::all(sums.into_iter().map(UsageEntry::from))))
}

/// The same as a table for a spreadsheet.
#[utoipa::path(get, path = "/api/v1/usage/csv", tag = "usage", operation_id = "download_usage", params(Wanted),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 400, body = Problem)))]
pub async fn csv(State(app): State<App>, _: Owner, Query(wanted): Query<Wanted>) -> Answer<Response> {
    let (sums, by) = read(&app, &wanted).await?;
    let names = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"ally-usage.csv\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((names, table(&sums, by)).into_response())
}

async fn read(app: &App, wanted: &Wanted) -> Done<(Vec<Sum>, By)> {
    const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
    let oldest = app.clock().now().plus_millis(-KEPT_DAYS * DAY_MILLIS);
    let from = day(wanted.from.as_deref(), oldest)?.max(oldest);
    let to = day(wanted.to.as_deref(), Timestamp::from_millis(i64::MAX - DAY_MILLIS))?.plus_millis(DAY_MILLIS);
    let by = wanted.by.unwrap_or(By::Day);
    let sums = app.store().read(move |tx| {
        let mut sums = sums(store::grains(tx, from, to)?, by);
        for sum in &mut sums {
            sum.title = sum.chat.map(|chat| store::title(tx, chat)).transpose()?.flatten();
        }
        Ok::<_, Fault>(sums)
    });
    Ok((sums.await?, by))
}

fn day(text: Option<&str>, otherwise: Timestamp) -> Done<Timestamp> {
    let Some(text) = text else { return Ok(otherwise) };
    let moment = text.parse::<jiff::civil::Date>().ok().and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok());
    let moment = moment.ok_or_else(|| {
        Problem::new(400, "bad_date", "This is not a date.").next("Write it as year-month-day, such as 2026-11-21.")
    })?;
    Ok(Timestamp::from_millis(moment.timestamp().as_millisecond()))
}

impl From<Sum> for UsageEntry {
    fn from(sum: Sum) -> Self {
        Self {
            own_calls: sum.paid.calls,
            cost_micro_usd: sum.paid.micro_usd(),
            day: sum.day,
            chat: sum.chat,
            title: sum.title,
            provider: sum.provider,
            model: sum.model,
            cause: sum.cause,
            input: sum.usage.input,
            output: sum.usage.output,
            cache_read: sum.usage.cache_read,
            cache_write: sum.usage.cache_write,
            calls: sum.calls,
        }
    }
}
