//! The SQL of the installation's settings.

use super::SignUp;
use crate::store::{StoreError, Tx};
use ally_types::Timestamp;
use sqlx::Row as _;

/// What the administrator chose; `None` while it is as configured.
pub(super) async fn sign_up(tx: &mut Tx) -> Result<Option<SignUp>, StoreError> {
    let row = sqlx::query("SELECT sign_up FROM installation WHERE id = 1").fetch_one(tx).await?;
    Ok(match row.try_get::<Option<String>, _>(0)?.as_deref() {
        Some("closed") => Some(SignUp::Closed),
        Some("invite") => Some(SignUp::Invite),
        Some("open") => Some(SignUp::Open),
        Some(_) => return Err(StoreError::Unreadable),
        None => None,
    })
}

/// Keeps what the administrator chose.
pub(super) async fn set_sign_up(tx: &mut Tx, sign_up: SignUp, now: Timestamp) -> Result<(), StoreError> {
    let word = match sign_up {
        SignUp::Closed => "closed",
        SignUp::Invite => "invite",
        SignUp::Open => "open",
    };
    sqlx::query("UPDATE installation SET sign_up = $1, changed = $2 WHERE id = 1")
        .bind(word)
        .bind(now.as_millis())
        .execute(tx)
        .await?;
    Ok(())
}
