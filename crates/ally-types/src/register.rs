//! The privacy register: every column, file, cookie, storage key and outside host, declared once, in code.
//!
//! Each crate declares what it keeps in a `REGISTER`; `ally` joins them. The privacy page and the cookie page are
//! written from it, and a test compares it with the real schemas, cookies, storage keys and hosts in both directions.
//! Categories use keys of the Fideslang taxonomy (ethyca/fideslang 3.1), so that an operator's tools can read them.

/// A thing that is kept or sent, and everything a person may want to know about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub place: Place,
    /// What it is, in words a person understands.
    pub what: &'static str,
    /// The Fideslang key, `user.content.private`.
    pub category: &'static str,
    /// Why it is kept.
    pub purpose: &'static str,
    /// The legal ground (GDPR article 6).
    pub basis: Basis,
    /// How long it is kept.
    pub kept: Kept,
    /// Who else receives it; empty for nobody.
    pub recipients: &'static [&'static str],
    /// Whether it says something about a person, so that export and deletion must reach it.
    pub personal: bool,
}

/// Where a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Columns of one table. `store` is `assistant`, `platform` or `gateway`.
    Columns {
        /// Which database.
        store: &'static str,
        /// Which table.
        table: &'static str,
        /// Which columns; every column of the table stands in exactly one entry.
        columns: &'static [&'static str],
    },
    /// A kind of file under the data directory, `people/*/memories/**`.
    File {
        /// The pattern, relative to the data directory.
        pattern: &'static str,
    },
    /// A cookie.
    Cookie {
        /// Its name over plain loopback; over HTTPS `__Host-` stands before it.
        name: &'static str,
    },
    /// A key of the browser's local storage.
    StorageKey {
        /// Its name.
        key: &'static str,
    },
    /// A host that Ally may call.
    Host {
        /// Its name, or the configuration that names it.
        host: &'static str,
    },
}

/// The legal ground for keeping something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Needed for what the person asked for.
    Contract,
    /// Needed to keep the service safe, and weighed against the person's interests.
    LegitimateInterest,
    /// The person said yes, and may say no again.
    Consent,
    /// A law asks for it.
    LegalDuty,
}

impl Basis {
    /// In words, for the privacy page.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Contract => "needed to do what you ask (contract)",
            Self::LegitimateInterest => "needed to keep the service safe (legitimate interest)",
            Self::Consent => "you agreed, and can take it back (consent)",
            Self::LegalDuty => "a law asks for it",
        }
    }
}

/// How long something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Until the person deletes it or her account.
    UntilDeleted,
    /// As long as the account exists.
    WithAccount,
    /// So many days, then it is dropped by itself.
    Days(u32),
    /// As long as the browser session or request lasts.
    Session,
    /// It is not kept: it passes through.
    NotKept,
}

impl Kept {
    /// In words, for the privacy page.
    pub fn in_words(self) -> String {
        match self {
            Self::UntilDeleted => "until you delete it".to_owned(),
            Self::WithAccount => "as long as you have an account".to_owned(),
            Self::Days(1) => "1 day".to_owned(),
            Self::Days(days) => format!("{days} days"),
            Self::Session => "while you are signed in".to_owned(),
            Self::NotKept => "not kept".to_owned(),
        }
    }
}

/// All parts of the register, in the order in which the privacy page shows them.
pub type Register = &'static [&'static [Entry]];
