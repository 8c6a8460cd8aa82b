//! Identity tokens: the gateway signs who is asking, an assistant verifies it.
//!
//! A token is `base64url(claims).base64url(Ed25519 signature of the first part)`, bound to one server, method and
//! path and valid for at most a minute. A request that reached the wrong assistant is answered 403.

use crate::Rejection;
use ally_types::identity::{HEADER, Identity, LONGEST_SECONDS};
use ally_types::{Clock, Problem, ServerId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use std::sync::Arc;

/// Signs identity tokens; only the gateway has one.
pub struct Signer(Ed25519KeyPair);

impl Signer {
    /// Takes the 32-byte seed.
    pub fn new(seed: &ally_types::seal::Key) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(seed.expose()).expect("any 32 bytes are an Ed25519 seed"))
    }

    /// The public key that assistants get, in hexadecimal.
    pub fn public_key(&self) -> String {
        ally_types::chance::encode_hex(self.0.public_key().as_ref())
    }

    /// Signs the claims.
    pub fn sign(&self, identity: &Identity) -> String {
        let body = serde_json::to_vec(identity).expect("claims of plain values always serialise");
        let body = URL_SAFE_NO_PAD.encode(body);
        let signature = URL_SAFE_NO_PAD.encode(self.0.sign(body.as_bytes()));
        format!("{body}.{signature}")
    }
}

/// Verifies identity tokens for one server.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    server: ServerId,
    key: UnparsedPublicKey<Vec<u8>>,
    clock: Arc<dyn Clock>,
}

impl Verifier {
    /// For the given server and the gateway's public key in hexadecimal; `None` if that is not 32 bytes.
    pub fn new(server: ServerId, key: &str, clock: Arc<dyn Clock>) -> Option<Self> {
        let key = ally_types::chance::decode_hex(key).filter(|key| key.len() == 32)?;
        Some(Self(Arc::new(Inner { server, key: UnparsedPublicKey::new(&ED25519, key), clock })))
    }

    /// Reads and checks the token of a request.
    pub fn verify(&self, parts: &Parts) -> Result<Identity, Rejection> {
        self.check(parts).ok_or_else(|| {
            Rejection::from(
                Problem::new(403, "wrong_server", "This request was not meant for this server.")
                    .next("Open Ally at its usual address and sign in."),
            )
        })
    }

    fn check(&self, parts: &Parts) -> Option<Identity> {
        let token = parts.headers.get(HEADER)?.to_str().ok()?;
        let (body, signature) = token.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.0.key.verify(body.as_bytes(), &signature).ok()?;
        let identity: Identity = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()?;
        let now = self.0.clock.now().as_seconds();
        let is_in_time = identity.expires_at > now && identity.expires_at <= now + LONGEST_SECONDS;
        let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let fits =
            identity.server == self.0.server && identity.method == parts.method.as_str() && identity.path == path;
        (is_in_time && fits).then_some(identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ally_types::seal::Key;
    use ally_types::time::StandingClock;
    use ally_types::{AccountId, SessionId, SystemChance, Timestamp};

    fn request(method: &str, path: &str, token: &str) -> Parts {
        let request = http::Request::builder().method(method).uri(path).header(HEADER, token).body(()).expect("valid");
        request.into_parts().0
    }

    #[test]
    fn a_token_opens_one_request_on_one_server_for_a_minute() {
        let clock = Arc::new(StandingClock::at(Timestamp::from_millis(1_763_700_000_000)));
        let signer = Signer::new(&Key::new(&SystemChance));
        let server = ServerId::new(&*clock, &SystemChance);
        let identity = Identity {
            server,
            account: AccountId::new(&*clock, &SystemChance),
            session: SessionId::new(&*clock, &SystemChance),
            administrator: false,
            authenticated_at: 0,
            method: "POST".to_owned(),
            path: "/api/v1/chats?x=1".to_owned(),
            expires_at: clock.now().as_seconds() + 60,
        };
        let token = signer.sign(&identity);
        let verifier = Verifier::new(server, &signer.public_key(), clock.clone()).expect("a key");
        assert_eq!(verifier.verify(&request("POST", "/api/v1/chats?x=1", &token)).expect("accepted"), identity);
        assert!(verifier.verify(&request("GET", "/api/v1/chats?x=1", &token)).is_err());
        assert!(verifier.verify(&request("POST", "/api/v1/chats", &token)).is_err());
        let neighbour = ServerId::new(&*clock, &SystemChance);
        let other = Verifier::new(neighbour, &signer.public_key(), clock.clone()).expect("a key");
        assert!(other.verify(&request("POST", "/api/v1/chats?x=1", &token)).is_err());
        let stranger = Signer::new(&Key::new(&SystemChance)).sign(&identity);
        assert!(verifier.verify(&request("POST", "/api/v1/chats?x=1", &stranger)).is_err());
        clock.advance_millis(60_000);
        assert!(verifier.verify(&request("POST", "/api/v1/chats?x=1", &token)).is_err());
    }
}
