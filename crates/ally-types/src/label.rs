//! Labels: who a piece of data comes from, and how private it is. Joins take the worse.

use serde::{Deserialize, Serialize};

/// Where a piece of data comes from. The order is the order of trust: a later variant is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Integrity {
    /// Typed by the person in a signed-in session.
    User,
    /// From Ally's own code, or confirmed by the person.
    Trusted,
    /// From anywhere else: the web, mail, files of others, or a run that read such things.
    Outside,
}

/// How private a piece of data is. A later variant is more private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confidentiality {
    /// Anyone may know it.
    Public,
    /// The person's own.
    Private,
    /// Credentials, codes, identity and bank numbers, health.
    Secret,
}

/// Both halves of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Label {
    /// Where it comes from.
    pub integrity: Integrity,
    /// How private it is.
    pub confidentiality: Confidentiality,
}

impl Label {
    /// What the person typed.
    pub const USER: Self = Self { integrity: Integrity::User, confidentiality: Confidentiality::Private };
    /// What Ally's own code made.
    pub const TRUSTED: Self = Self { integrity: Integrity::Trusted, confidentiality: Confidentiality::Private };
    /// What came from outside.
    pub const OUTSIDE: Self = Self { integrity: Integrity::Outside, confidentiality: Confidentiality::Private };

    /// The label of something made from both: the worse of each half.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self {
            integrity: self.integrity.max(other.integrity),
            confidentiality: self.confidentiality.max(other.confidentiality),
        }
    }
}

/// Spelled as kept in a database column.
macro_rules! stored {
    ($name:ident { $($variant:ident = $text:literal),* }) => {
        impl $name {
            /// The word kept in a database column.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// Reads the word back; an unknown word is read as the worst value, never as a better one.
            pub fn from_stored(text: &str) -> Self {
                match text { $($text => Self::$variant,)* _ => Self::WORST }
            }
        }
    };
}

stored!(Integrity { User = "user", Trusted = "trusted", Outside = "outside" });
stored!(Confidentiality { Public = "public", Private = "private", Secret = "secret" });

impl Integrity {
    const WORST: Self = Self::Outside;
}

impl Confidentiality {
    const WORST: Self = Self::Secret;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_join_takes_the_worse_of_each_half() {
        let mixed = Label::USER.join(Label { integrity: Integrity::Outside, confidentiality: Confidentiality::Secret });
        assert_eq!(mixed, Label { integrity: Integrity::Outside, confidentiality: Confidentiality::Secret });
        assert_eq!(Integrity::from_stored("nonsense"), Integrity::Outside);
    }
}
