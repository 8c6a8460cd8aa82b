//! Who is asking: the claims that the gateway signs for one request to one server, for at most a minute.

use crate::{AccountId, ServerId, SessionId};
use serde::{Deserialize, Serialize};

/// Claims of an identity token. It is bound to one server, one method and one path, so that a request that was
/// routed wrongly, or a token that was kept, opens nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The server that may accept this token.
    pub server: ServerId,
    /// The account that acts.
    pub account: AccountId,
    /// Its session.
    pub session: SessionId,
    /// Whether the account administers the installation.
    pub administrator: bool,
    /// When the person last proved who she is, in seconds since 1970.
    pub authenticated_at: i64,
    /// The HTTP method.
    pub method: String,
    /// The path and query of the request, as sent to the assistant.
    pub path: String,
    /// Not valid after this second since 1970; at most [`LONGEST_SECONDS`] after it was made.
    pub expires_at: i64,
}

/// How long an identity token may live (DESIGN section 2).
pub const LONGEST_SECONDS: i64 = 60;

/// The header that carries the token from the gateway to an assistant. The gateway removes it, and every other
/// header that starts with `x-ally-`, from what a browser sends.
pub const HEADER: &str = "x-ally-identity";
