//! The door of usage limits: how far each is used, when it begins anew, and the notice at 50, 80 and 100 %.

use super::counters::Counted;
use super::plans::Span;
use crate::gateway::Gateway;
use crate::sessions::Visitor;
use ally_http::Json;
use ally_http::answer::{Answer, Rejection};
use ally_llm::{Failure, FailureKind};
use ally_types::{Problem, Timestamp};
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};

/// At these shares of a limit the person is told, once each.
const NOTICES: [i64; 3] = [100, 80, 50];

/// A person's limits.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Limits {
    /// The name of the person's plan; absent where nothing is limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<String>,
    /// Each limit of it.
    items: Vec<Limit>,
    /// What the person should know now, and has not put away yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<Notice>,
}

/// One limit.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Limit {
    /// What it is of.
    span: Span,
    /// Tokens used so far.
    used: i64,
    /// Tokens that may be used.
    allowance: i64,
    /// How much of it is used, 0 to 100; 100 also when a call did not fit into the rest.
    percent: i64,
    /// When it begins anew.
    resets_at: Timestamp,
}

/// That a share of a limit is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Notice {
    /// Which limit; `everybody` is the one of the whole installation.
    span: Span,
    /// 50, 80 or 100.
    percent: i64,
    /// When it begins anew.
    resets_at: Timestamp,
}

/// A notice that the person puts away.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutAway {
    /// Which limit it is of.
    span: Span,
    /// 50, 80 or 100.
    percent: i64,
}

/// The person's usage limits on the installation's account. A key of one's own and a local model have none.
#[utoipa::path(get, path = "/api/v1/limits", tag = "usage", operation_id = "get_limits", responses(
    (status = 200, body = Limits),
    (status = 401, description = "Nobody is signed in.", body = Problem),
))]
pub async fn get(State(gateway): State<Gateway>, visitor: Visitor) -> Answer<Json<Limits>> {
    let (now, plans) = (gateway.clock.now(), &gateway.models.plans);
    let counted = gateway.models.counters.standing(visitor.server, now, plans.grant(visitor.server)).await;
    let counted = counted.map_err(Problem::from)?;
    let of_everybody = |counted: &&Counted| counted.span == Span::Everybody;
    Ok(Json(Limits {
        plan: plans.plan(visitor.server),
        // How much all others used is nobody's business; only that it was too much.
        items: counted.iter().filter(|counted| !of_everybody(counted)).map(|counted| limit(now, *counted)).collect(),
        notice: notice(now, &counted),
    }))
}

/// Puts a notice away, until the next share is used or the limit begins anew.
#[utoipa::path(post, path = "/api/v1/limits/dismiss", tag = "usage", operation_id = "dismiss_limit_notice",
    request_body = PutAway, responses(
    (status = 204, description = "It is not shown any more."),
    (status = 401, description = "Nobody is signed in.", body = Problem),
    (status = 422, description = "There is no such notice.", body = Problem),
))]
pub async fn dismiss(State(gateway): State<Gateway>, visitor: Visitor, Json(put): Json<PutAway>) -> Answer<StatusCode> {
    if !NOTICES.contains(&put.percent) {
        let problem = Problem::new(422, "no_such_notice", "There is no notice at this share of a limit.");
        return Err(Rejection::from(problem.next("Write 50, 80 or 100.").at("percent")));
    }
    let put = gateway.models.counters.dismiss(visitor.server, gateway.clock.now(), put.span, put.percent).await;
    put.map_err(Problem::from)?;
    Ok(StatusCode::NO_CONTENT)
}

/// What an assistant is told when a limit does not reach.
pub(crate) fn reached(now: Timestamp, span: Span) -> Failure {
    let seconds = span.resets(now).millis_since(now).max(0) / 1000 + 1;
    Failure { retry_after: Some(u32::try_from(seconds).unwrap_or(u32::MAX)), ..Failure::of(FailureKind::Limit) }
}

fn limit(now: Timestamp, counted: Counted) -> Limit {
    let Counted { span, granted, used, .. } = counted;
    Limit { span, used, allowance: granted, percent: percent(counted), resets_at: span.resets(now) }
}

fn percent(counted: Counted) -> i64 {
    if counted.is_refused || counted.granted == 0 {
        return 100;
    }
    (counted.used.saturating_mul(100) / counted.granted).clamp(0, 100)
}

/// The highest share that was reached and not put away; of two limits, the one that lasts longer.
fn notice(now: Timestamp, all: &[Counted]) -> Option<Notice> {
    let due = |counted: &Counted| {
        let reached = match counted.span {
            // Of the installation's limit a person learns only that it stopped her.
            Span::Everybody => {
                if counted.is_refused {
                    100
                } else {
                    0
                }
            }
            Span::Day | Span::Month => percent(*counted),
        };
        let level = NOTICES.into_iter().find(|level| *level <= reached)?;
        (level > counted.dismissed).then(|| Notice {
            span: counted.span,
            percent: level,
            resets_at: counted.span.resets(now),
        })
    };
    all.iter().filter_map(due).max_by_key(|notice| (notice.percent, notice.resets_at.as_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_763_700_000_000);

    #[test]
    fn a_notice_comes_at_each_share_and_not_again_once_it_is_put_away() {
        let at = |used, dismissed, is_refused| {
            let counted = Counted { span: Span::Day, granted: 1000, used, is_refused, dismissed };
            notice(NOW, &[counted]).map(|notice| notice.percent)
        };
        for (used, dismissed, is_refused, expected) in [
            (0, 0, false, None),
            (499, 0, false, None),
            (500, 0, false, Some(50)),
            (799, 0, false, Some(50)),
            (799, 50, false, None),
            (800, 50, false, Some(80)),
            (999, 80, false, None),
            (999, 80, true, Some(100)),
            (1200, 80, false, Some(100)),
            (1200, 100, true, None),
        ] {
            assert_eq!(at(used, dismissed, is_refused), expected, "{used} {dismissed} {is_refused}");
        }
    }

    #[test]
    fn of_two_limits_the_one_that_stops_longer_is_told() {
        let of = |span, used, is_refused| Counted { span, granted: 100, used, is_refused, dismissed: 0 };
        let told = |all: &[Counted]| notice(NOW, all).map(|notice| (notice.span, notice.percent));
        assert_eq!(told(&[of(Span::Day, 100, false), of(Span::Month, 100, false)]), Some((Span::Month, 100)));
        assert_eq!(told(&[of(Span::Day, 100, false), of(Span::Month, 60, false)]), Some((Span::Day, 100)));
        assert_eq!(told(&[of(Span::Everybody, 99, false)]), None);
        assert_eq!(told(&[of(Span::Everybody, 99, true)]), Some((Span::Everybody, 100)));
    }

    #[test]
    fn an_assistant_is_told_when_it_may_ask_again() {
        let failure = reached(NOW, Span::Day);
        assert_eq!(failure.kind, FailureKind::Limit);
        // 2025-11-21T04:40:00Z: 19 hours and 20 minutes, and a second to be safe.
        assert_eq!(failure.retry_after, Some(69_601));
    }
}
