//! Enums that are kept as a word in a column and spoken as the same word in JSON.

/// Declares an enum with its words, in both directions.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// The word kept in a database column and sent in JSON.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::words::NotAWord;
            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word { $($word => Ok(Self::$variant),)* _ => Err(crate::words::NotAWord) }
            }
        }
    };
}

pub(crate) use words;

/// A word that this version does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAWord;
