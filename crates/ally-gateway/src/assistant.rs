//! "Stop my assistant now": ends the caller's own process, at once, as a crash would.

use crate::gateway::Gateway;
use crate::sessions::Visitor;
use ally_http::answer::{Answer, Rejection};
use ally_types::Problem;
use ally_types::host::FromGateway;
use axum::extract::State;
use http::StatusCode;

/// Asks the host to end the process of the caller's server. Work in progress goes on when it has started again.
#[utoipa::path(
    post,
    path = "/api/v1/assistant/stop",
    tag = "assistant",
    responses(
        (status = 202, description = "The process is being ended; it starts again by itself."),
        (status = 401, description = "Nobody is signed in.", body = Problem),
        (status = 503, description = "The host cannot be reached.", body = Problem),
    )
)]
pub async fn stop(State(gateway): State<Gateway>, visitor: Visitor) -> Answer<StatusCode> {
    let told =
        gateway.servers.is_linked() && gateway.host.try_send(FromGateway::Kill { server: visitor.server }).is_ok();
    if told {
        return Ok(StatusCode::ACCEPTED);
    }
    Err(Rejection::from(
        Problem::new(503, "host_unreachable", "The process that runs your assistant cannot be told right now.")
            .next("Try again in a few seconds.")
            .retry_after(2),
    ))
}
