//! The installation: who may sign up, and what the sign-up page asks for.

pub(crate) mod http;
mod store;

use crate::platform::App;
use crate::store::{StoreError, Tx};
use crate::{accounts, invitations};
use ally_types::{Problem, Secret};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who may sign up after the first account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignUp {
    /// Nobody, unless the administrator makes an invitation.
    #[default]
    Closed,
    /// Whoever has an invitation; the sign-up page says so.
    Invite,
    /// Everybody.
    Open,
}

/// What holds now.
pub(crate) async fn sign_up_of(tx: &mut Tx, app: &App) -> Result<SignUp, StoreError> {
    Ok(store::sign_up(tx).await?.unwrap_or(app.sign_up))
}

/// Whether somebody who is not the first may sign up now.
pub(crate) async fn admit(tx: &mut Tx, app: &App, invitation: Option<&Secret>) -> Result<(), Problem> {
    if let Some(token) = invitation {
        // An invitation counts in every mode: the administrator made it.
        return invitations::check(tx, app, token).await;
    }
    match sign_up_of(tx, app).await? {
        SignUp::Open => Ok(()),
        SignUp::Invite => Err(Problem::new(403, "invitation_needed", "Signing up here needs an invitation.")
            .next("Ask the person who runs this installation for an invitation link.")),
        SignUp::Closed => Err(Problem::new(403, "sign_up_closed", "Nobody new can sign up here at the moment.")
            .next("Ask the person who runs this installation for an invitation link.")),
    }
}

/// Whether the next account would be the first.
async fn is_fresh(tx: &mut Tx) -> Result<bool, StoreError> {
    Ok(!accounts::store::has_first(tx).await?)
}
