//! People of the installation as its administrator sees them: who has an account, which plan, how many tokens this month.
//! Totals only; what anybody said, the platform does not know.

pub(crate) mod http;
pub(crate) mod internal;
pub(crate) mod store;

use ally_types::Timestamp;
use serde::{Deserialize, Serialize};

const DAY_MILLIS: i64 = 24 * 3_600_000;

/// Totals are kept so long.
const KEPT_DAYS: i64 = 365;

/// The plans of the installation, by name only: what they allow, the gateway knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plans {
    /// All names.
    pub names: Vec<String>,
    /// The plan of everybody who was given no other.
    pub default: Option<String>,
}

/// The first day of the month (UTC), in days since 1970.
fn month_of(now: Timestamp) -> i64 {
    let date = now.to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date();
    now.as_millis().div_euclid(DAY_MILLIS) + 1 - i64::from(date.day())
}

/// The first day whose totals are kept.
pub(crate) fn kept_since(now: Timestamp) -> i64 {
    now.as_millis().div_euclid(DAY_MILLIS) - KEPT_DAYS
}
