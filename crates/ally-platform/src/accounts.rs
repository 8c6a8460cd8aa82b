//! Accounts: who may sign in, what she is called, and which server is hers.

pub(crate) mod http;
mod sign_up;
pub(crate) mod store;

pub(crate) use sign_up::{SignUpBody, sign_up};

use ally_types::{AccountId, Problem, ServerId, Timestamp};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;
use utoipa::ToSchema;

/// An account, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The e-mail address, as it was typed.
    pub email: String,
    /// What the person wants to be called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The IANA time zone, `Europe/Madrid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Whether it administers the installation.
    pub administrator: bool,
    /// The person's server.
    pub server: ServerId,
    /// When it was made.
    pub created: Timestamp,
}

/// What may be changed of an account. A field that is left out stays; `null` or an empty text removes it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountChange {
    /// What the person wants to be called.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub name: Option<Option<String>>,
    /// The IANA time zone, `Europe/Madrid`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub timezone: Option<Option<String>>,
}

/// Tells a field that is `null` from one that is left out.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

/// An e-mail address that was looked at.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Email {
    /// As it was typed, without spaces around it.
    pub(crate) typed: String,
    /// In the form that is compared: NFC and lower case.
    pub(crate) normal: String,
}

impl Email {
    /// Reads an address. Whether mail arrives there only a mail can tell; this refuses what cannot be one.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let typed: String = text.trim().nfc().collect();
        let (local, domain) = typed.rsplit_once('@')?;
        let is_visible = |letter: char| !letter.is_whitespace() && !letter.is_control();
        let is_local = (1..=64).contains(&local.len())
            && local.chars().all(|letter| is_visible(letter) && !"@<>()[]\\,;:\"".contains(letter))
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..");
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.chars().all(|letter| letter.is_alphanumeric() || letter == '-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let is_domain = domain.contains('.') && domain.split('.').all(is_label);
        if typed.len() > 254 || !is_local || !is_domain {
            return None;
        }
        let normal = typed.to_lowercase().nfc().collect();
        Some(Self { typed, normal })
    }

    /// The form that is compared of any text, also of one that is no address: signing in with it must look and cost
    /// the same as with one that is.
    pub(crate) fn normal_of(text: &str) -> String {
        text.trim().nfc().collect::<String>().to_lowercase().nfc().collect()
    }
}

/// Reads a name: up to 200 characters, without control characters; an empty one is none.
pub(crate) fn name(text: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() > 200 || text.chars().any(char::is_control) {
        return Err(Problem::new(
            422,
            "name_not_usable",
            "The name is too long or has characters that cannot be shown.",
        )
        .next("Use up to 200 characters on one line.")
        .at("name"));
    }
    Ok(Some(text.nfc().collect()))
}

/// Reads a time zone: an IANA name that this program knows.
pub(crate) fn timezone(text: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    let zone = (text.len() <= 64).then(|| jiff::tz::TimeZone::get(text).ok()).flatten();
    let known = zone.as_ref().and_then(jiff::tz::TimeZone::iana_name);
    known.map(|name| Some(name.to_owned())).ok_or_else(|| {
        Problem::new(422, "timezone_unknown", "This time zone is not known.")
            .next("Use a name such as `Europe/Madrid` or `America/New_York`.")
            .at("timezone")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_an_address_is_refused() {
        for good in ["mira@example.com", " Mira.O+tag@Sub.Example.org ", "jürgen@bücher.example", "用户@例子.公司"]
        {
            assert!(Email::read(good).is_some(), "{good}");
        }
        let long = format!("{}@{}.example", "a".repeat(64), "b.".repeat(100));
        for bad in [
            "",
            "mira",
            "@example.com",
            "mira@",
            "mira@localhost",
            "a@b@c.de",
            "a b@c.de",
            "a@-b.de",
            "a@b..de",
            "a\0@b.de",
            "a\n@b.de",
            ".a@b.de",
            "a@b.de\r\nBcc: x@y.de",
            &long,
        ] {
            assert!(Email::read(bad).is_none(), "{bad:?}");
        }
        assert!(Email::read("MIRA@Example.COM").is_some_and(|email| email.normal == "mira@example.com"));
    }

    #[test]
    fn a_time_zone_is_one_that_exists() {
        assert_eq!(timezone(Some("Europe/Madrid")).expect("known"), Some("Europe/Madrid".to_owned()));
        assert_eq!(timezone(Some(" ")).expect("none"), None);
        for bad in ["Mars/Olympus", "../../etc/passwd", "+02:00", "EST5EDT4,M3", "Europe/Madrid\0"] {
            assert!(timezone(Some(bad)).is_err(), "{bad:?}");
        }
    }
}
