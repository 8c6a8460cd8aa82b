//! Sessions: one signed-in browser, phone or terminal each, and the tokens that stand for it.

pub(crate) mod agent;
pub(crate) mod http;
pub(crate) mod internal;
pub(crate) mod revocations;
pub(crate) mod store;

use crate::accounts;
use crate::platform::App;
use crate::store::{StoreError, Tx};
use ally_http::session::{Claims, Subject};
use ally_types::{SessionId, Timestamp, chance};

/// However often it is renewed, a session ends ninety days after the person proved who she is.
const LONGEST_MILLIS: i64 = 90 * 24 * 3_600_000;

/// A token older than this is replaced.
const RENEW_AFTER_SECONDS: i64 = 24 * 3600;

/// So long a replaced token still counts after its successor was first used: another tab may have it in flight.
const GRACE_MILLIS: i64 = 60_000;

/// The last use is kept to the hour: enough to recognise a device, too coarse to follow a person.
const HOUR_MILLIS: i64 = 3_600_000;

/// A session that was looked at and counts.
pub(crate) struct Live {
    pub(crate) session: store::Row,
    pub(crate) account: accounts::store::Row,
}

/// What looking at a token's session may find.
pub(crate) enum Look {
    /// It counts.
    Live(Box<Live>),
    /// It does not.
    Ended,
    /// A token was used that had been replaced long ago: two parties hold this session, and one of them stole it.
    /// The session was ended.
    Stolen,
}

/// Opens a session for an account that just proved who it is, and signs its first token.
pub(crate) async fn open(
    tx: &mut Tx,
    app: &App,
    account: &accounts::Account,
    agent: &'static str,
) -> Result<(SessionId, String), StoreError> {
    let now = app.clock.now();
    let session = store::Row {
        id: SessionId::new(app.clock.as_ref(), app.chance.as_ref()),
        account: account.id,
        created: now,
        last_used: hour_of(now),
        authenticated_at: now.as_seconds(),
        agent: agent.to_owned(),
        jti: chance::hex::<12>(app.chance.as_ref()),
        next_jti: None,
        previous_jti: None,
        renewed: now,
        ends: now.plus_millis(LONGEST_MILLIS),
        revoked: None,
    };
    store::insert(tx, &session).await?;
    Ok((session.id, sign(app, account, &session, &session.jti)))
}

fn sign(app: &App, account: &accounts::Account, session: &store::Row, jti: &str) -> String {
    let subject = Subject {
        account: account.id,
        session: session.id,
        server: account.server,
        administrator: account.administrator,
        authenticated_at: session.authenticated_at,
    };
    app.tokens.sign_as(app.clock.as_ref(), jti, subject)
}

/// Looks at the session of a token whose signature and times were verified.
pub(crate) async fn look(tx: &mut Tx, app: &App, claims: &Claims) -> Result<Look, StoreError> {
    let live = match look_at(tx, app, claims.sid, Some(&claims.jti)).await? {
        Look::Live(live) => live,
        other => return Ok(other),
    };
    // The row decides who the session belongs to; a token that says something else was not signed for it.
    let fits = live.account.account.id == claims.sub && live.account.account.server == claims.srv;
    Ok(if fits && claims.iat >= live.account.not_before { Look::Live(live) } else { Look::Ended })
}

/// Looks at a session by its id and, if it is known, the id of the token that was used.
pub(crate) async fn look_at(tx: &mut Tx, app: &App, id: SessionId, jti: Option<&str>) -> Result<Look, StoreError> {
    let now = app.clock.now();
    let Some(session) = store::by_id(tx, id).await? else { return Ok(Look::Ended) };
    let Some(account) = accounts::store::by_id(tx, session.account).await? else { return Ok(Look::Ended) };
    if session.revoked.is_some() || session.ends <= now {
        return Ok(Look::Ended);
    }
    if let Some(jti) = jti
        && jti != session.jti
    {
        let is_successor = session.next_jti.as_deref() == Some(jti);
        let is_previous = session.previous_jti.as_deref() == Some(jti);
        if is_successor {
            store::confirm(tx, id, jti, now).await?;
        } else if !(is_previous && now.millis_since(session.renewed) <= GRACE_MILLIS) {
            store::revoke(tx, id, now).await?;
            return Ok(Look::Stolen);
        }
    }
    if hour_of(now) != session.last_used {
        store::used(tx, id, hour_of(now)).await?;
    }
    Ok(Look::Live(Box::new(Live { session, account })))
}

/// A successor for a token that is older than a day. Until it is first used the old one goes on counting, so an
/// answer that got lost signs nobody out; tabs that ask at the same time get the same successor.
pub(crate) async fn renew(tx: &mut Tx, app: &App, live: &Live, claims: &Claims) -> Result<Option<String>, StoreError> {
    if app.clock.now().as_seconds() - claims.iat < RENEW_AFTER_SECONDS {
        return Ok(None);
    }
    let drawn = chance::hex::<12>(app.chance.as_ref());
    let successor = if claims.jti == live.session.jti {
        store::offer(tx, live.session.id, &claims.jti, &drawn).await?
    } else {
        // The losing tab of a renewal that was already confirmed is handed the winner's token.
        store::by_id(tx, live.session.id).await?.map(|session| session.jti)
    };
    Ok(successor.map(|jti| sign(app, &live.account.account, &live.session, &jti)))
}

fn hour_of(moment: Timestamp) -> Timestamp {
    Timestamp::from_millis(moment.as_millis().div_euclid(HOUR_MILLIS) * HOUR_MILLIS)
}
