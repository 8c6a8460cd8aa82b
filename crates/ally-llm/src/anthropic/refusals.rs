//! What an error of the service means. Its text is looked at here and goes no further.

use crate::FailureKind;
use crate::wire::judge_status;
use serde_json::Value;

/// Judges an HTTP error by its status and its body.
pub(super) fn of_answer(status: u16, said: &[u8]) -> FailureKind {
    let body: Value = serde_json::from_slice(said).unwrap_or_default();
    match of_error(&body["error"]) {
        // The status is finer than `api_error`, and all there is when the body is not the service's own.
        None | Some(FailureKind::Provider | FailureKind::BadRequest) => judge_status(status),
        Some(kind) => kind,
    }
}

/// Judges the `error` object of a body or of an event in the stream; `None` when its type is unknown.
pub(super) fn of_error(error: &Value) -> Option<FailureKind> {
    let message = error["message"].as_str().unwrap_or_default().to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    Some(match error["type"].as_str()? {
        "authentication_error" | "permission_error" => FailureKind::Auth,
        "billing_error" => FailureKind::Quota,
        "rate_limit_error" => FailureKind::RateLimited,
        "overloaded_error" => FailureKind::Overloaded,
        "request_too_large" => FailureKind::ContextTooLong,
        "invalid_request_error" if says(&["credit balance", "usage limits"]) => FailureKind::Quota,
        "invalid_request_error" if says(&["prompt is too long", "exceed context limit", "context window"]) => {
            FailureKind::ContextTooLong
        }
        "invalid_request_error" | "not_found_error" => FailureKind::BadRequest,
        "api_error" | "timeout_error" => FailureKind::Provider,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, kind: &str, message: &str) -> FailureKind {
        let body = serde_json::json!({ "type": "error", "error": { "type": kind, "message": message } });
        of_answer(status, body.to_string().as_bytes())
    }

    #[test]
    fn known_errors_have_their_kind() {
        let invalid = "invalid_request_error";
        let table = [
            (401, "authentication_error", "invalid x-api-key", FailureKind::Auth),
            (403, "permission_error", "no", FailureKind::Auth),
            (400, invalid, "Your credit balance is too low to access the Anthropic API.", FailureKind::Quota),
            (400, invalid, "You have reached your specified API usage limits.", FailureKind::Quota),
            (402, "billing_error", "", FailureKind::Quota),
            (400, invalid, "prompt is too long: 210000 tokens > 200000 maximum", FailureKind::ContextTooLong),
            (
                400,
                invalid,
                "input length and `max_tokens` exceed context limit: 199000 + 8000 > 200000",
                FailureKind::ContextTooLong,
            ),
            (413, "request_too_large", "Request exceeds the maximum size", FailureKind::ContextTooLong),
            (400, invalid, "messages.0.content: Input should be a valid list", FailureKind::BadRequest),
            (404, "not_found_error", "model: x", FailureKind::BadRequest),
            (429, "rate_limit_error", "", FailureKind::RateLimited),
            (529, "overloaded_error", "Overloaded", FailureKind::Overloaded),
            (500, "api_error", "Internal server error", FailureKind::Provider),
            (503, "api_error", "", FailureKind::Overloaded),
            (504, "timeout_error", "", FailureKind::Provider),
            (418, "unheard_of", "", FailureKind::BadRequest),
            (302, "", "", FailureKind::Garbage),
        ];
        for (status, kind, message, expected) in table {
            assert_eq!(judged(status, kind, message), expected, "{status} {kind} {message}");
        }
    }

    #[test]
    fn a_body_that_is_not_the_services_own_is_judged_by_its_status() {
        assert_eq!(of_answer(502, b"<html>bad gateway</html>"), FailureKind::Provider);
        assert_eq!(of_answer(401, b""), FailureKind::Auth);
    }
}
