//! Security events: what happened to an account's doors, without content and with a shortened address.

use crate::platform::App;
use crate::store::{StoreError, Tx};
use ally_types::{AccountId, Timestamp, chance};
use http::HeaderMap;
use std::net::IpAddr;

/// How long an event is kept.
pub(crate) const KEPT_DAYS: u32 = 30;

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    SignedUp,
    SignedIn,
    SignInRefused,
    SignedOut,
    SessionEnded,
    PasswordChanged,
    ReplacedTokenUsed,
    InvitationMade,
    SignUpChanged,
}

impl Event {
    fn name(self) -> &'static str {
        match self {
            Self::SignedUp => "signed_up",
            Self::SignedIn => "signed_in",
            Self::SignInRefused => "sign_in_refused",
            Self::SignedOut => "signed_out",
            Self::SessionEnded => "session_ended",
            Self::PasswordChanged => "password_changed",
            Self::ReplacedTokenUsed => "replaced_token_used",
            Self::InvitationMade => "invitation_made",
            Self::SignUpChanged => "sign_up_changed",
        }
    }
}

/// From where a request came, as the gateway says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// This machine.
    Loopback,
    /// Another one.
    Address(IpAddr),
    /// The gateway did not say.
    Unknown,
}

impl Peer {
    /// Reads the gateway's header.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let said = headers.get("x-ally-peer").and_then(|value| value.to_str().ok()).unwrap_or_default();
        match said.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(address) if address.is_loopback() => Self::Loopback,
            Ok(address) => Self::Address(address),
            Err(_) if said == "loopback" => Self::Loopback,
            Err(_) => Self::Unknown,
        }
    }

    /// What is limited as one: an IPv4 address, an IPv6 network of /64.
    pub(crate) fn network(self) -> String {
        match self {
            Self::Loopback => "loopback".to_owned(),
            Self::Unknown => "unknown".to_owned(),
            Self::Address(IpAddr::V4(address)) => address.to_string(),
            Self::Address(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}")
            }
        }
    }

    /// What is kept: shortened, so that it says where from but not who.
    fn shortened(self) -> Option<String> {
        match self {
            Self::Loopback => Some("loopback".to_owned()),
            Self::Unknown => None,
            Self::Address(IpAddr::V4(address)) => {
                let [a, b, c, _] = address.octets();
                Some(format!("{a}.{b}.{c}.0/24"))
            }
            Self::Address(IpAddr::V6(address)) => {
                let [a, b, c, ..] = address.segments();
                Some(format!("{a:x}:{b:x}:{c:x}::/48"))
            }
        }
    }
}

/// Writes an event.
pub(crate) async fn note(
    tx: &mut Tx,
    app: &App,
    event: Event,
    account: Option<AccountId>,
    peer: &Peer,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO security_event (id, kind, account, address, happened) VALUES ($1, $2, $3, $4, $5)")
        .bind(chance::hex::<16>(app.chance.as_ref()))
        .bind(event.name())
        .bind(account.map(|account| account.to_string()))
        .bind(peer.shortened())
        .bind(app.clock.now().as_millis())
        .execute(tx)
        .await?;
    Ok(())
}

/// Forgets events from before `before`.
pub(crate) async fn forget_before(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    let done =
        sqlx::query("DELETE FROM security_event WHERE happened < $1").bind(before.as_millis()).execute(tx).await?;
    Ok(done.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn an_address_is_shortened_before_it_is_kept() {
        let peer = |said: &'static str| {
            Peer::of(&[("x-ally-peer".parse().expect("name"), HeaderValue::from_static(said))].into_iter().collect())
        };
        assert_eq!(peer("203.0.113.77").shortened().as_deref(), Some("203.0.113.0/24"));
        assert_eq!(peer("::ffff:203.0.113.77").network(), "203.0.113.77");
        assert_eq!(peer("2001:db8:1:2:3:4:5:6").shortened().as_deref(), Some("2001:db8:1::/48"));
        assert_eq!(peer("2001:db8:1:2:3:4:5:6").network(), "2001:db8:1:2");
        assert_eq!(peer("loopback"), Peer::Loopback);
        assert_eq!(peer("127.0.0.1"), Peer::Loopback);
        assert_eq!(peer("nonsense").shortened(), None);
    }
}
