//! Plans: how many tokens each server may use on the installation's account in a day and in a month, and everybody
//! together in a day.
//!
//! What a plan allows stands in the configuration. Which plan a server has is the platform's to say; what it last said
//! is kept here, and holds while it is away.

use crate::gateway::Gateway;
use ally_store::{Store, StoreError, cells, params};
use ally_types::{ServerId, Timestamp, log};
use axum::body::Body;
use http::Request;
use http_body_util::{BodyExt as _, Limited};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

const DAY: i64 = 86_400_000;

/// Bytes of one page of the platform's list.
const LONGEST_PAGE: usize = 1 << 20;

/// All plans of an installation. Without any, nobody is limited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plans {
    /// The plan of everybody who was given no other.
    pub default: Option<String>,
    /// What each plan allows.
    pub by_name: BTreeMap<String, Allowance>,
    /// Tokens of everybody together in a day.
    pub daily_ceiling: Option<u64>,
}

/// What a plan allows. What is not said has no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    /// Tokens in a day, UTC.
    pub tokens_per_day: Option<u64>,
    /// Tokens in a calendar month, UTC.
    pub tokens_per_month: Option<u64>,
}

/// What one server may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Grant {
    pub day: Option<i64>,
    pub month: Option<i64>,
    /// Everybody together, in a day.
    pub everybody: Option<i64>,
}

/// What a limit is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// The person's day.
    Day,
    /// The person's month.
    Month,
    /// The day of the whole installation.
    Everybody,
}

impl Span {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Everybody => "everybody",
        }
    }

    /// The first day of this span, and the first day after it; `period` is a day of it.
    pub fn days(self, period: i64) -> (i64, i64) {
        match self {
            Self::Day | Self::Everybody => (period, period + 1),
            Self::Month => {
                let date = Timestamp::from_millis(period * DAY).to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date();
                let first = period + 1 - i64::from(date.day());
                (first, first + i64::from(date.days_in_month()))
            }
        }
    }

    /// When the next one begins.
    pub fn resets(self, now: Timestamp) -> Timestamp {
        Timestamp::from_millis(self.days(now.as_millis().div_euclid(DAY)).1 * DAY)
    }
}

/// Who has which plan.
pub(crate) struct Assigned {
    plans: Plans,
    store: Store,
    of: Mutex<HashMap<ServerId, String>>,
    /// Rings when the platform has something new to say.
    pub bell: Notify,
}

impl Assigned {
    /// Begins with what the platform last said.
    pub fn open(plans: Plans, store: Store) -> Result<Self, StoreError> {
        let of = store.read_now(|tx| {
            let mut rows = tx.prepare("SELECT server, plan FROM plans")?;
            let rows = rows.query_map([], |row| Ok((cells::id(row, "server")?, row.get("plan")?)))?;
            Ok::<_, StoreError>(rows.collect::<Result<_, _>>()?)
        })?;
        Ok(Self { plans, store, of: Mutex::new(of), bell: Notify::new() })
    }

    fn of(&self) -> MutexGuard<'_, HashMap<ServerId, String>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name of a server's plan. One that is configured no longer is the usual one again.
    pub fn plan(&self, server: ServerId) -> Option<String> {
        let own = self.of().get(&server).filter(|plan| self.plans.by_name.contains_key(*plan)).cloned();
        own.or_else(|| self.plans.default.clone())
    }

    /// What a server may use.
    pub fn grant(&self, server: ServerId) -> Grant {
        let plan = self.plan(server).and_then(|plan| self.plans.by_name.get(&plan).copied()).unwrap_or_default();
        let tokens = |tokens: Option<u64>| tokens.map(|tokens| i64::try_from(tokens).unwrap_or(i64::MAX));
        Grant {
            day: tokens(plan.tokens_per_day),
            month: tokens(plan.tokens_per_month),
            everybody: tokens(self.plans.daily_ceiling),
        }
    }

    /// Keeps what the platform says now, and after that goes by it.
    async fn replace(&self, said: HashMap<ServerId, String>) -> Result<(), StoreError> {
        if *self.of() == said {
            return Ok(());
        }
        let rows = said.clone();
        self.store
            .write(move |tx| -> Result<(), StoreError> {
                tx.execute("DELETE FROM plans", [])?;
                let mut insert = tx.prepare_cached("INSERT INTO plans (server, plan) VALUES (?1, ?2)")?;
                for (server, plan) in rows {
                    insert.execute(params![server.to_string(), plan])?;
                }
                Ok(())
            })
            .await?;
        *self.of() = said;
        Ok(())
    }
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Item>,
    next: Option<ServerId>,
}

#[derive(Deserialize)]
struct Item {
    server: ServerId,
    plan: String,
}

/// The platform did not answer, or the file cannot be written: it is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotNow;

impl Gateway {
    /// Asks the platform who has which plan, and keeps it.
    ///
    /// # Errors
    /// The platform did not answer, or the file cannot be written. What was known holds.
    pub async fn learn_plans(&self) -> Result<(), NotNow> {
        let mut said = HashMap::new();
        let mut after = String::new();
        loop {
            let request = Request::builder().uri(format!("/internal/plans?after={after}")).body(Body::empty());
            let request = request.map_err(|_| NotNow)?;
            let response = self.platform.call((), request).await.map_err(|_| NotNow)?;
            if !response.status().is_success() {
                return Err(NotNow);
            }
            let body = Limited::new(response.into_body(), LONGEST_PAGE).collect().await.map_err(|_| NotNow)?;
            let page: Page = serde_json::from_slice(&body.to_bytes()).map_err(|_| NotNow)?;
            said.extend(page.items.into_iter().map(|item| (item.server, item.plan)));
            match page.next {
                Some(next) => after = next.to_string(),
                None => break,
            }
        }
        self.models.plans.replace(said).await.map_err(|_| {
            log::error("who has which plan cannot be kept", &[]);
            NotNow
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_and_ends_where_the_calendar_says() {
        let day = |text: &str| {
            let date: jiff::civil::Date = text.parse().expect("a date");
            let moment = date.to_zoned(jiff::tz::TimeZone::UTC).expect("UTC has no gaps").timestamp();
            moment.as_millisecond().div_euclid(DAY)
        };
        for (of, first, next) in [
            ("2025-11-21", "2025-11-01", "2025-12-01"),
            ("2025-12-31", "2025-12-01", "2026-01-01"),
            ("2024-02-01", "2024-02-01", "2024-03-01"),
            ("2100-02-28", "2100-02-01", "2100-03-01"),
        ] {
            assert_eq!(Span::Month.days(day(of)), (day(first), day(next)), "{of}");
        }
        let noon = Timestamp::from_millis(day("2025-11-21") * DAY + DAY / 2);
        assert_eq!(Span::Day.resets(noon).to_string(), "2025-11-22T00:00:00.000Z");
        assert_eq!(Span::Month.resets(noon).to_string(), "2025-12-01T00:00:00.000Z");
    }
}
