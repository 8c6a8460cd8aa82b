//! Signing up: the first account administers the installation; later ones come when it is open, or invited.

use super::{Account, Email, name, store, timezone};
use crate::platform::App;
use crate::security::{self, Event, Peer};
use crate::{installation, invitations, jobs, passwords, sessions};
use ally_types::{AccountId, Problem, Secret, ServerId};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;
use utoipa::ToSchema;

/// What a person says about herself when she signs up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUpBody {
    /// Her e-mail address.
    pub email: String,
    /// The password she chose: at least 12 characters.
    pub password: Secret,
    /// That she is 18 or older.
    pub adult: bool,
    /// What she accepts: `privacy` and `terms`, where it is asked.
    #[serde(default)]
    pub accepts: Vec<String>,
    /// What she wants to be called.
    #[serde(default)]
    pub name: Option<String>,
    /// Her IANA time zone.
    #[serde(default)]
    pub timezone: Option<String>,
    /// The code printed in the terminal, for the first account of an installation that is not on loopback.
    #[serde(default)]
    pub code: Option<Secret>,
    /// The token of an invitation.
    #[serde(default)]
    pub invitation: Option<Secret>,
}

struct Wanted {
    email: Email,
    name: Option<String>,
    timezone: Option<String>,
}

/// Makes an account with its server, signs it in, and answers it with its session token.
pub(crate) async fn sign_up(
    app: &App,
    body: SignUpBody,
    agent: &'static str,
    peer: &Peer,
) -> Result<(Account, String), Problem> {
    let wanted = read(&body)?;
    let may_be_first = {
        let mut tx = app.store.read().await?;
        !store::has_first(&mut tx).await?
    };
    if may_be_first {
        check_code(app, body.code.as_ref())?;
    } else {
        // Looked at before the hash, so that a closed door costs nothing; decided again inside the transaction.
        let mut tx = app.store.read().await?;
        installation::admit(&mut tx, app, body.invitation.as_ref()).await?;
    }
    if !(may_be_first && app.loopback) {
        check_accepts(&body.accepts)?;
    }
    let about = [wanted.email.normal.as_str(), wanted.name.as_deref().unwrap_or_default()];
    passwords::check_new(&body.password, &about, "password")?;
    let hash = app.hasher.hash(&body.password).await?;

    let now = app.clock.now();
    let id = AccountId::new(app.clock.as_ref(), app.chance.as_ref());
    let server = ServerId::new(app.clock.as_ref(), app.chance.as_ref());
    let mut tx = app.store.write().await?;
    let administrator = store::claim_first(&mut tx, id).await?;
    if administrator {
        check_code(app, body.code.as_ref())?;
    } else {
        installation::admit(&mut tx, app, body.invitation.as_ref()).await?;
        // Two may have thought that they were first; the one who was not is asked for what the others are asked.
        check_accepts(&body.accepts)?;
    }
    let (name, timezone) = (wanted.name.as_deref(), wanted.timezone.as_deref());
    let new = store::New { id, server, email: &wanted.email, name, timezone, administrator, now };
    if !store::insert(&mut tx, &new).await? {
        return Err(Problem::new(409, "email_taken", "There is already an account with this e-mail address.")
            .next("Sign in with it, or use another address.")
            .at("email"));
    }
    if let (false, Some(token)) = (administrator, &body.invitation) {
        invitations::use_up(&mut tx, app, token, id).await?;
    }
    passwords::store::put(&mut tx, id, &hash, now).await?;
    store::accept(&mut tx, id, "adult", "18", now).await?;
    for (document, version) in app.documents.versions() {
        if body.accepts.iter().any(|accepted| accepted == document) {
            store::accept(&mut tx, id, document, version, now).await?;
        }
    }
    let account = Account {
        id,
        email: wanted.email.typed,
        name: wanted.name,
        timezone: wanted.timezone,
        administrator,
        server,
        created: now,
    };
    let (_, token) = sessions::open(&mut tx, app, &account, agent).await?;
    jobs::add(&mut tx, app, &jobs::Work::Provision(server)).await?;
    security::note(&mut tx, app, Event::SignedUp, Some(id), peer).await?;
    tx.commit().await?;
    app.nudge.notify_one();
    Ok((account, token))
}

fn read(body: &SignUpBody) -> Result<Wanted, Problem> {
    let email = Email::read(&body.email).ok_or_else(|| {
        Problem::new(422, "email_not_usable", "This is not an e-mail address.")
            .next("Write it as in `mira@example.com`.")
            .at("email")
    })?;
    if !body.adult {
        return Err(Problem::new(422, "not_adult", "Ally is for people who are 18 or older.")
            .next("Confirm that you are 18 or older to go on.")
            .at("adult"));
    }
    Ok(Wanted { email, name: name(body.name.as_deref())?, timezone: timezone(body.timezone.as_deref())? })
}

fn check_accepts(accepts: &[String]) -> Result<(), Problem> {
    if ["privacy", "terms"].iter().all(|document| accepts.iter().any(|accepted| accepted == document)) {
        return Ok(());
    }
    Err(Problem::new(422, "not_accepted", "The privacy page and the terms have to be accepted to sign up.")
        .next("Read both pages, then tick the box.")
        .at("accepts"))
}

/// Beyond loopback anybody could be first; only who can read the terminal knows the code.
fn check_code(app: &App, given: Option<&Secret>) -> Result<(), Problem> {
    if app.loopback {
        return Ok(());
    }
    let code = app.first_account_code.as_ref().map(|code| code.expose().trim().as_bytes());
    let given = given.map_or("", |given| given.expose().trim());
    if code.is_some_and(|code| !code.is_empty() && bool::from(code.ct_eq(given.as_bytes()))) {
        return Ok(());
    }
    Err(Problem::new(403, "code_needed", "The first account of this installation needs the code from its terminal.")
        .next("Copy the code that `ally serve` printed when it started.")
        .at("code"))
}
