//! The door of "Where my data went": the counts, and the list of hosts that a person's assistant may call.

use super::address::Blocked;
use super::host::Host;
use super::ledger::{self, Entry};
use super::list::{Added, CannotAdd, MOST};
use super::target::{self, Target};
use super::{providers, refusal};
use crate::gateway::Gateway;
use crate::sessions::Visitor;
use ally_http::Json;
use ally_http::answer::{Answer, Created, Rejection};
use ally_types::{Problem, Timestamp};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};

/// Rows on a page, if nobody says how many.
const USUAL: u32 = 100;

/// Most rows on a page.
const MOST_ROWS: u32 = 500;

/// Which counts are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// The first day, `2026-11-21` (UTC).
    from: Option<String>,
    /// The last day, included.
    to: Option<String>,
    /// Where to begin: `next` of the page before.
    cursor: Option<String>,
    /// At most so many rows, 1 to 500.
    limit: Option<u32>,
}

/// What went to a host on a day.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Went {
    /// The host, with its port where that is none of the web's; `*` stands for names that could not be read, or were
    /// too many.
    host: String,
    /// The day (UTC).
    #[schema(format = Date)]
    day: String,
    /// Calls that went out, or tried to.
    calls: u64,
    /// Calls that were refused before anything left.
    refused: u64,
    /// Bytes that left.
    sent: u64,
    /// Bytes that came back.
    received: u64,
}

/// A page of counts.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WentPage {
    /// What is on this page.
    items: Vec<Went>,
    /// Where the next page begins, if there is one.
    next: Option<String>,
}

/// Why a host may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// It is the installation's model provider: Ally itself calls it, and nothing else of the assistant reaches it.
    Provider,
    /// The person added it.
    Person,
}

/// A host that may be called, or to which questions to a model go.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AllowedHost {
    /// The host, in small letters.
    host: String,
    /// The port. A host that the person added with a port of the web, 80 or 443, may be called on both of them.
    port: u16,
    /// Why it may be called.
    from: From,
    /// When the person added it.
    since: Option<Timestamp>,
}

/// The hosts that may be called, and the provider to which questions to a model go.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AllowedHosts {
    /// All of them: the installation's provider first, then by name.
    items: Vec<AllowedHost>,
}

/// A host to add.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct NewHost {
    /// Its name, or its address.
    host: String,
    /// The port; 443 if it is not said.
    #[schema(value_type = Option<u16>)]
    port: Option<i64>,
}

/// Which of a host's entries is meant.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfHost {
    /// Only the entry with this port; all of them if it is not said.
    port: Option<u16>,
}

/// Where the person's data went: calls and bytes by host and day, the newest day first.
#[utoipa::path(get, path = "/api/v1/egress", tag = "egress", operation_id = "list_egress", params(Wanted), responses(
    (status = 200, body = WentPage),
    (status = 400, description = "A day, the cursor or the limit does not fit.", body = Problem),
    (status = 401, description = "Nobody is signed in.", body = Problem),
))]
pub async fn list(
    State(gateway): State<Gateway>,
    visitor: Visitor,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Answer<Json<WentPage>> {
    let Query(wanted) = wanted.map_err(|_| bad_query())?;
    let from = day(wanted.from.as_deref(), "from")?.unwrap_or(i64::MIN);
    let to = day(wanted.to.as_deref(), "to")?.unwrap_or(i64::MAX);
    if from > to {
        let problem = Problem::new(400, "bad_range", "The first day is after the last one.");
        return Err(Rejection::from(problem.next("Exchange the two days.").at("from")));
    }
    let most = wanted.limit.unwrap_or(USUAL);
    if !(1..=MOST_ROWS).contains(&most) {
        let problem = Problem::new(400, "bad_limit", "This is not a number of rows for one page.");
        return Err(Rejection::from(problem.next("Ask for 1 to 500.").at("limit")));
    }
    let after = wanted.cursor.as_deref().map(cursor).transpose()?;
    let ledger = &gateway.egress.ledger;
    let mut rows = ledger.list(visitor.server, (from, to), after, most + 1).await.map_err(Problem::from)?;
    let has_more = rows.len() > most as usize;
    rows.truncate(most as usize);
    let next = rows.last().filter(|_| has_more).map(|last| format!("{}~{}", date(last.day), last.host));
    Ok(Json(WentPage { items: rows.into_iter().map(Went::from).collect(), next }))
}

/// The hosts that the person's assistant may call.
#[utoipa::path(get, path = "/api/v1/egress/hosts", tag = "egress", operation_id = "list_egress_hosts", responses(
    (status = 200, body = AllowedHosts),
    (status = 401, description = "Nobody is signed in.", body = Problem),
))]
pub async fn hosts(State(gateway): State<Gateway>, visitor: Visitor) -> Answer<Json<AllowedHosts>> {
    let providers = providers::of_installation(&gateway).into_iter().map(|target| AllowedHost {
        host: target.host.to_string(),
        port: target.port,
        from: From::Provider,
        since: None,
    });
    let added = gateway.egress.list.all(visitor.server).await.map_err(Problem::from)?;
    Ok(Json(AllowedHosts { items: providers.chain(added.into_iter().map(AllowedHost::from)).collect() }))
}

/// Adds a host to those that the person's assistant may call.
#[utoipa::path(post, path = "/api/v1/egress/hosts", tag = "egress", operation_id = "add_egress_host",
    request_body = NewHost, responses(
    (status = 201, body = AllowedHost),
    (status = 401, description = "Nobody is signed in.", body = Problem),
    (status = 409, description = "The list is full.", body = Problem),
    (status = 422, description = "The host or the port does not fit, or may not be called.", body = Problem),
))]
pub async fn add(
    State(gateway): State<Gateway>,
    visitor: Visitor,
    Json(new): Json<NewHost>,
) -> Answer<Created<AllowedHost>> {
    let host: Host = new.host.trim().parse().map_err(|fault: super::host::Fault| {
        let (title, next) = fault.in_words();
        Problem::new(422, "bad_host", title).next(next).at("host")
    })?;
    let port = new.port.map_or(Some(target::HTTPS), |port| u16::try_from(port).ok().filter(|port| *port > 0));
    let port = port.ok_or_else(|| {
        Problem::new(422, "bad_port", "This is not a port.").next("Write a number from 1 to 65535.").at("port")
    })?;
    let target = Target { host, port };
    let is_named = gateway.egress.is_named(&target);
    if let Some(why) = target.host.blocked().filter(|why| !(is_named && *why == Blocked::Private)) {
        return Err(Rejection::from(refusal::blocked(422, why).at("host")));
    }
    let added = gateway.egress.list.add(visitor.server, &target, gateway.clock.now()).await;
    let added = added.map_err(|error| match error {
        CannotAdd::Full => Problem::new(409, "too_many_hosts", format!("There are {MOST} hosts on the list already."))
            .next("Remove one that is not needed any more."),
        CannotAdd::Store(error) => Problem::from(error),
    })?;
    Ok(Created(AllowedHost::from(added)))
}

/// Takes a host off the list again. Calls to it that are open end.
#[utoipa::path(delete, path = "/api/v1/egress/hosts/{host}", tag = "egress", operation_id = "remove_egress_host",
    params(("host" = String, Path, description = "The host, as it is listed."), OfHost), responses(
    (status = 204, description = "It may not be called any more."),
    (status = 401, description = "Nobody is signed in.", body = Problem),
    (status = 404, description = "It is not on the list.", body = Problem),
    (status = 409, description = "It belongs to the model provider in use.", body = Problem),
))]
pub async fn remove(
    State(gateway): State<Gateway>,
    visitor: Visitor,
    host: Result<Path<String>, PathRejection>,
    of: Result<Query<OfHost>, QueryRejection>,
) -> Answer<StatusCode> {
    let missing = || Problem::not_found("host_not_found", "This host is not on your list.");
    let Query(of) = of.map_err(|_| bad_query())?;
    let host = host.ok().and_then(|Path(text)| text.parse::<Host>().ok()).ok_or_else(missing)?;
    let is_removed = gateway.egress.list.remove(visitor.server, host.to_string(), of.port).await;
    if is_removed.map_err(Problem::from)? {
        gateway.egress.withdraw(visitor.server);
        return Ok(StatusCode::NO_CONTENT);
    }
    let is_provider = providers::of_installation(&gateway).is_some_and(|target| target.host == host);
    Err(Rejection::from(if is_provider {
        Problem::new(409, "provider_host", "This host belongs to the model provider that is in use.")
            .next("An administrator can disconnect the provider; its host then leaves the list.")
    } else {
        missing()
    }))
}

impl std::convert::From<Entry> for Went {
    fn from(entry: Entry) -> Self {
        let Entry { day, host, count } = entry;
        let ledger::Count { calls, refused, sent, received } = count;
        Self { host, day: date(day), calls, refused, sent, received }
    }
}

impl std::convert::From<Added> for AllowedHost {
    fn from(added: Added) -> Self {
        Self { host: added.host, port: added.port, from: From::Person, since: Some(added.since) }
    }
}

fn bad_query() -> Problem {
    Problem::new(400, "bad_query", "What stands behind the question mark of this address does not fit.")
        .next("Compare it with the API description at /api/openapi.json.")
}

/// `2026-11-21` as days since 1970.
fn read_day(text: &str) -> Option<i64> {
    let date: jiff::civil::Date = text.parse().ok().filter(|_| text.len() == 10)?;
    let moment = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some(ledger::day(Timestamp::from_millis(moment.as_millisecond())))
}

fn day(text: Option<&str>, field: &'static str) -> Result<Option<i64>, Problem> {
    let Some(text) = text else { return Ok(None) };
    read_day(text).map(Some).ok_or_else(|| {
        Problem::new(400, "bad_date", "This is not a date.")
            .next("Write it as year-month-day, such as 2026-11-21.")
            .at(field)
    })
}

fn date(day: i64) -> String {
    Timestamp::from_millis(day.saturating_mul(86_400_000)).to_string().chars().take(10).collect()
}

fn cursor(text: &str) -> Result<(i64, String), Problem> {
    let read = text.split_once('~').and_then(|(day, host)| Some((read_day(day)?, host.to_owned())));
    read.ok_or_else(|| {
        Problem::new(400, "bad_cursor", "This is not where a page begins.")
            .next("Take `next` of the page before, or begin without a cursor.")
            .at("cursor")
    })
}
