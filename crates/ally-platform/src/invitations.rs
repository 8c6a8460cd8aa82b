//! Invitations: a link that lets one person sign up, once, within a week.

pub(crate) mod http;
pub(crate) mod store;

use crate::platform::App;
use crate::store::{StoreError, Tx};
use ally_types::{AccountId, Problem, Secret, chance};

/// How long an invitation counts.
const LIFETIME_MILLIS: i64 = 7 * 24 * 3_600_000;

/// What is kept of a token. It has 128 random bits, so a plain digest cannot be guessed back.
fn digest(token: &str) -> String {
    chance::encode_hex(ring::digest::digest(&ring::digest::SHA256, token.as_bytes()).as_ref())
}

/// Whether the token may be used now.
pub(crate) async fn check(tx: &mut Tx, app: &App, token: &Secret) -> Result<(), Problem> {
    if store::is_open(tx, &digest(token.expose()), app.clock.now()).await? { Ok(()) } else { Err(used_up()) }
}

/// Uses the token; of two who try at once, one may.
pub(crate) async fn use_up(tx: &mut Tx, app: &App, token: &Secret, by: AccountId) -> Result<(), Problem> {
    let is_mine: Result<bool, StoreError> = store::use_up(tx, &digest(token.expose()), by, app.clock.now()).await;
    if is_mine? { Ok(()) } else { Err(used_up()) }
}

fn used_up() -> Problem {
    Problem::new(403, "invitation_not_usable", "This invitation was used already or has expired.")
        .next("Ask for a new invitation link.")
        .at("invitation")
}
