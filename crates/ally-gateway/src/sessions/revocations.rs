//! The platform's held stream of revocations, one JSON object a line. The connection itself is the sign of life.

use crate::gateway::Gateway;
use ally_types::{AccountId, SessionId, log};
use axum::body::Body;
use bytes::BytesMut;
use futures_util::FutureExt as _;
use http::Request;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use std::time::Duration;

const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Longest line; the platform's own are under 100 bytes.
const LONGEST_LINE: usize = 4096;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
enum Line {
    Hello,
    Revoked {
        session: SessionId,
    },
    RevokedAccount {
        account: AccountId,
    },
    /// Somebody has another plan now.
    Plans,
    /// A newer platform may say more.
    #[serde(other)]
    Other,
}

/// Holds the stream for ever, connecting again when it ends.
pub async fn follow(gateway: Gateway) {
    let mut pause = SHORTEST_PAUSE;
    loop {
        if hold(&gateway).await {
            pause = SHORTEST_PAUSE;
        }
        gateway.known.feed_is_down();
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Reads one connection to its end. Says whether it ever spoke.
async fn hold(gateway: &Gateway) -> bool {
    let request = Request::builder().uri("/internal/revocations").body(Body::empty());
    let request = request.expect("a fixed request is well-formed");
    let Ok(response) = gateway.platform.call((), request).await else { return false };
    if !response.status().is_success() {
        return false;
    }
    let mut body = response.into_body();
    let mut waiting = BytesMut::new();
    let mut has_spoken = false;
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else { continue };
        waiting.extend_from_slice(&data);
        while let Some(end) = waiting.iter().position(|byte| *byte == b'\n') {
            let line = waiting.split_to(end + 1);
            match serde_json::from_slice(&line) {
                Ok(line) => hear(gateway, &line),
                Err(_) => return has_spoken,
            }
            has_spoken = true;
        }
        if waiting.len() > LONGEST_LINE {
            break;
        }
    }
    if has_spoken {
        log::warn("the stream of revocations ended", &[]);
    }
    has_spoken
}

fn hear(gateway: &Gateway, line: &Line) {
    match line {
        Line::Hello => {
            gateway.known.feed_is_up();
            gateway.models.plans.bell.notify_one();
            tokio::spawn(look_again(gateway.clone()).map(drop));
        }
        Line::Revoked { session } => {
            gateway.end_session(*session);
        }
        Line::RevokedAccount { account } => {
            gateway.known.forget_all();
            gateway.streams.close_account(*account);
        }
        Line::Plans => gateway.models.plans.bell.notify_one(),
        Line::Other => {}
    }
}

/// After a gap: asks for each session that has an open stream, and closes those that ended meanwhile.
async fn look_again(gateway: Gateway) {
    for session in gateway.streams.sessions() {
        if gateway.is_alive(session).await == Some(false) {
            gateway.end_session(session);
        }
    }
}
