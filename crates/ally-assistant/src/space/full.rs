//! When the person's space is full: what adds something is refused, everything else goes on.

use crate::app::App;
use ally_http::Rejection;
use ally_types::Problem;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::Method;

/// Changes that add nothing, or no more than a line, and that one needs to make room or to stop something. The end of
/// the path says which; whatever stands between is an id.
const STILL_DONE: [(&Method, &str, &str); 9] = [
    (&Method::PATCH, "/api/v1/chats/", ""),
    (&Method::POST, "/api/v1/chats/", "/restore"),
    (&Method::PATCH, "/api/v1/folders/", ""),
    (&Method::POST, "/api/v1/folders/", "/restore"),
    (&Method::POST, "/api/v1/runs/", "/cancel"),
    (&Method::POST, "/api/v1/memory/search", ""),
    (&Method::POST, "/api/v1/search", ""),
    (&Method::PUT, "/api/v1/provider", ""),
    (&Method::POST, "/api/v1/space/walls/test", ""),
];

/// Lets through what adds nothing. A new route that changes something is refused until it is named above.
pub(crate) async fn refused(State(app): State<App>, request: Request, next: Next) -> Response {
    if app.is_space_full() && adds(request.method(), request.uri().path()) {
        return Rejection::from(problem()).into_response();
    }
    next.run(request).await
}

fn adds(method: &Method, path: &str) -> bool {
    let may_add = [Method::POST, Method::PUT, Method::PATCH].contains(method);
    let is_known = |(known, begin, end): &(&Method, &str, &str)| {
        *known == method && path.starts_with(begin) && path.ends_with(end)
    };
    may_add && !STILL_DONE.iter().any(is_known)
}

fn problem() -> Problem {
    Problem::new(507, "space_full", "Your space is full, so nothing was added.")
        .next("Delete chats or files of your memory that you no longer need, or ask the administrator for more space.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_deleting_and_stopping_go_on_and_new_things_are_refused() {
        let chat = "/api/v1/chats/chat_01";
        for (method, path, refused) in [
            (Method::GET, "/api/v1/chats", false),
            (Method::DELETE, chat, false),
            (Method::PATCH, chat, false),
            (Method::POST, "/api/v1/chats/chat_01/restore", false),
            (Method::POST, "/api/v1/runs/run_01/cancel", false),
            (Method::POST, "/api/v1/memory/search", false),
            (Method::DELETE, "/api/v1/provider", false),
            (Method::POST, "/api/v1/chats", true),
            (Method::POST, "/api/v1/chats/chat_01/messages", true),
            (Method::POST, "/api/v1/messages/msg_01/answer", true),
            (Method::POST, "/api/v1/memory/files/people/jon.md/restore", true),
            (Method::POST, "/api/v1/something/new", true),
        ] {
            assert_eq!(adds(&method, path), refused, "{method} {path}");
        }
    }
}
