//! Session tokens: JWT HS256, valid seven days, with a session id that can be revoked at once.
//!
//! Platform and gateway hold the key; an assistant never sees a token. Times are compared with the clock that is
//! handed in, so the library's own look at the machine's clock is switched off.

use ally_types::seal::Key;
use ally_types::{AccountId, Chance, Clock, ServerId, SessionId, chance};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result as JwtResult};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ring::hmac;
use serde::{Deserialize, Serialize};

/// How long a token is valid, in seconds: seven days (reference/promises.md P064).
pub const LIFETIME_SECONDS: i64 = 604_800;

const AUDIENCE: &str = "ally";
const ISSUER: &str = "ally-platform";
const TYPE: &str = "ally-session";

/// What a session token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who signed: the platform.
    pub iss: String,
    /// For whom: gateway and platform.
    pub aud: String,
    /// What kind of token this is.
    pub typ: String,
    /// The account.
    pub sub: AccountId,
    /// The session; its row decides whether the token still counts.
    pub sid: SessionId,
    /// The account's server.
    pub srv: ServerId,
    /// Whether the account administers the installation.
    pub adm: bool,
    /// This very token.
    pub jti: String,
    /// When it was signed, in seconds since 1970.
    pub iat: i64,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
    /// When the person last proved who she is, in seconds since 1970.
    pub auth_time: i64,
}

/// Signs and verifies session tokens with one key.
pub struct Sessions {
    signing: EncodingKey,
    verifying: DecodingKey,
    kid: String,
}

/// Why a token is not accepted. The person only learns that she is not signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAccepted;

impl Sessions {
    /// Takes the session key.
    pub fn new(key: &Key) -> Self {
        // Installed once per process; a second call finds the same provider in place.
        let _ = RING.install_default();
        let digest = ring::digest::digest(&ring::digest::SHA256, key.expose());
        Self {
            signing: EncodingKey::from_secret(key.expose()),
            verifying: DecodingKey::from_secret(key.expose()),
            kid: chance::encode_hex(&digest.as_ref()[..4]),
        }
    }

    /// Signs a token for a session that was just opened or renewed.
    pub fn sign(&self, clock: &dyn Clock, random: &dyn Chance, subject: Subject) -> String {
        self.sign_as(clock, &chance::hex::<12>(random), subject)
    }

    /// Like [`Sessions::sign`] with a token id that the caller keeps, so that a replaced token can be told from its
    /// successor.
    pub fn sign_as(&self, clock: &dyn Clock, jti: &str, subject: Subject) -> String {
        let now = clock.now().as_seconds();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            typ: TYPE.to_owned(),
            sub: subject.account,
            sid: subject.session,
            srv: subject.server,
            adm: subject.administrator,
            jti: jti.to_owned(),
            iat: now,
            exp: now + LIFETIME_SECONDS,
            auth_time: subject.authenticated_at,
        };
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, &claims, &self.signing).expect("claims of plain values always encode")
    }

    /// Reads a token: signature, algorithm, key, issuer, audience, type and times. Whether its session still
    /// lives is another question, which the caller must ask.
    pub fn verify(&self, clock: &dyn Clock, token: &str) -> Result<Claims, NotAccepted> {
        if token.len() > 2048 {
            return Err(NotAccepted);
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        let read = jsonwebtoken::decode::<Claims>(token, &self.verifying, &validation).map_err(|_| NotAccepted)?;
        let claims = read.claims;
        let now = clock.now().as_seconds();
        let is_in_time = claims.exp > now && claims.exp - claims.iat <= LIFETIME_SECONDS;
        if claims.typ != TYPE || !is_in_time || read.header.kid.as_deref() != Some(self.kid.as_str()) {
            return Err(NotAccepted);
        }
        Ok(claims)
    }
}

/// For whom a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// The account.
    pub account: AccountId,
    /// Its session.
    pub session: SessionId,
    /// Its server.
    pub server: ServerId,
    /// Whether it administers the installation.
    pub administrator: bool,
    /// When the person last proved who she is, in seconds since 1970.
    pub authenticated_at: i64,
}

/// `jsonwebtoken` has no cryptography of its own; this gives it ring's HMAC-SHA-256 and nothing else, so no other
/// algorithm can be asked for by a token's header.
static RING: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| match algorithm {
        Algorithm::HS256 => {
            Ok(Box::new(Hs256(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()))) as Box<dyn JwtSigner>)
        }
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    },
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> JwtResult<Box<dyn JwtVerifier>> {
    match algorithm {
        Algorithm::HS256 => Ok(Box::new(Hs256(hmac::Key::new(hmac::HMAC_SHA256, key.try_get_as_bytes()?)))),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

struct Hs256(hmac::Key);

impl signature::Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl signature::Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        hmac::verify(&self.0, message, signature).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ally_types::time::StandingClock;
    use ally_types::{SystemChance, Timestamp};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    fn subject(clock: &dyn Clock) -> Subject {
        Subject {
            account: AccountId::new(clock, &SystemChance),
            session: SessionId::new(clock, &SystemChance),
            server: ServerId::new(clock, &SystemChance),
            administrator: false,
            authenticated_at: clock.now().as_seconds(),
        }
    }

    #[test]
    fn a_token_counts_for_seven_days_and_no_second_longer() {
        let clock = StandingClock::at(Timestamp::from_millis(1_763_700_000_000));
        let sessions = Sessions::new(&Key::new(&SystemChance));
        let subject = subject(&clock);
        let token = sessions.sign(&clock, &SystemChance, subject);
        let claims = sessions.verify(&clock, &token).expect("a fresh token is accepted");
        assert_eq!((claims.sub, claims.sid, claims.exp - claims.iat), (subject.account, subject.session, 604_800));
        clock.advance_millis(604_799_000);
        assert!(sessions.verify(&clock, &token).is_ok());
        clock.advance_millis(1_000);
        assert_eq!(sessions.verify(&clock, &token), Err(NotAccepted));
    }

    #[test]
    fn a_forged_token_is_not_accepted() {
        let clock = StandingClock::at(Timestamp::from_millis(1_763_700_000_000));
        let sessions = Sessions::new(&Key::new(&SystemChance));
        let token = sessions.sign(&clock, &SystemChance, subject(&clock));
        let (head, rest) = token.split_once('.').expect("a token has three parts");
        let (body, signature) = rest.split_once('.').expect("a token has three parts");
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        let mut claims: serde_json::Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).expect("base64")).expect("claims");
        claims["adm"] = true.into();
        let changed = URL_SAFE_NO_PAD.encode(claims.to_string());
        for forged in [
            format!("{none}.{body}."),
            format!("{none}.{body}.{signature}"),
            format!("{head}.{changed}.{signature}"),
            Sessions::new(&Key::new(&SystemChance)).sign(&clock, &SystemChance, subject(&clock)),
            String::new(),
            "a.b.c".to_owned(),
            "x".repeat(10_000),
        ] {
            assert_eq!(sessions.verify(&clock, &forged), Err(NotAccepted), "{forged}");
        }
    }

    #[test]
    fn a_token_for_somebody_else_is_not_accepted_although_its_signature_is_right() {
        let clock = StandingClock::at(Timestamp::from_millis(1_763_700_000_000));
        let key = Key::new(&SystemChance);
        let sessions = Sessions::new(&key);
        let token = sessions.sign(&clock, &SystemChance, subject(&clock));
        let parts: Vec<&str> = token.split('.').collect();
        let read = |part| -> serde_json::Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
        };
        let signed = |header: &serde_json::Value, claims: &serde_json::Value| {
            let text = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
            let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.expose()), text.as_bytes());
            format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
        };
        let (header, claims) = (read(parts[0]), read(parts[1]));
        assert!(sessions.verify(&clock, &signed(&header, &claims)).is_ok(), "the same, signed anew");
        let now = clock.now().as_seconds();
        for (name, value) in [
            ("aud", "ally-assistant".into()),
            ("aud", serde_json::Value::Null),
            ("iss", "somebody".into()),
            ("typ", "ally-invitation".into()),
            ("exp", (now + LIFETIME_SECONDS + 1).into()),
            ("exp", now.into()),
        ] {
            let mut changed = claims.clone();
            changed[name] = value;
            assert_eq!(sessions.verify(&clock, &signed(&header, &changed)), Err(NotAccepted), "{name}");
        }
        for (name, value) in [("alg", "RS256"), ("alg", "HS512"), ("alg", "none"), ("kid", "00000000")] {
            let mut changed = header.clone();
            changed[name] = value.into();
            assert_eq!(sessions.verify(&clock, &signed(&changed, &claims)), Err(NotAccepted), "{name} {value}");
        }
    }
}
