//! What a person is told when something did not work: what happened, what was kept, what to do next.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// An RFC 9457 problem document. `ally-http` is the only place that turns it into an HTTP answer.
///
/// The sentence never holds a query, a path of the machine, a secret or somebody's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// A stable name, `chat_not_found`; programs decide on this.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// The HTTP status that fits.
    pub status: u16,
    /// One sentence for the person.
    pub title: Cow<'static, str>,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_step: Option<Cow<'static, str>>,
    /// The field of the request that is meant, as a JSON pointer without the slash (`email`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub field: Option<Cow<'static, str>>,
    /// Seconds after which trying again makes sense; also sent as `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after: Option<u32>,
    /// An id to quote when asking for help.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request: Option<crate::RequestId>,
}

impl Problem {
    /// A problem with a stable name, a status and a sentence.
    pub fn new(status: u16, kind: &'static str, title: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind: kind.into(),
            status,
            title: title.into(),
            next_step: None,
            field: None,
            retry_after: None,
            request: None,
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn next(mut self, step: impl Into<Cow<'static, str>>) -> Self {
        self.next_step = Some(step.into());
        self
    }

    /// Names the field that is meant.
    #[must_use]
    pub fn at(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says after how many seconds trying again makes sense.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Nobody is signed in, or no longer.
    pub fn signed_out() -> Self {
        Self::new(401, "signed_out", "You are not signed in.").next("Sign in and try again.")
    }

    /// There is no such thing, or it belongs to somebody else: the answer is the same.
    pub fn not_found(kind: &'static str, title: impl Into<Cow<'static, str>>) -> Self {
        Self::new(404, kind, title).next("Check the address, or go back to the list.")
    }

    /// Something broke that the person cannot mend. The cause is in the log under the request id.
    pub fn internal() -> Self {
        Self::new(500, "internal", "Something went wrong on our side. Nothing you sent before was lost.")
            .next("Try again. If it happens again, quote the request id.")
    }

    /// The disk of this machine is full.
    pub fn disk_full() -> Self {
        Self::new(507, "disk_full", "The disk is full, so this could not be saved.")
            .next("Free some space on the machine, then send it again.")
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.title)
    }
}

impl std::error::Error for Problem {}
