//! Ids are types with a prefix: `ChatId` prints as `chat_01J…`, so two ids cannot be swapped and a log line explains itself.

use crate::{Chance, Clock, chance};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Crockford's base 32: no I, L, O or U, so that an id can be read aloud.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

const NO_DIGIT: u8 = u8::MAX;

/// The alphabet the other way round.
const DIGITS: [u8; 256] = {
    let (mut digits, mut at) = ([NO_DIGIT; 256], 0);
    while at < ALPHABET.len() {
        digits[ALPHABET[at] as usize] = at as u8;
        at += 1;
    }
    digits
};

/// Why a text is not an id of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnId;

impl std::fmt::Display for NotAnId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not an id of this kind")
    }
}

impl std::error::Error for NotAnId {}

/// 48 bits of milliseconds, then 80 random bits, as 26 characters that sort by time.
fn draw(clock: &dyn Clock, random: &dyn Chance) -> u128 {
    let millis = u128::from(clock.now().as_millis().max(0).cast_unsigned()) & ((1 << 48) - 1);
    let mut low = [0; 16];
    low[6..].copy_from_slice(&chance::bytes::<10>(random));
    (millis << 80) | u128::from_be_bytes(low)
}

/// Longest prefix, the underscore, and 26 characters.
const LONGEST: usize = 32;

/// Writes `prefix_…` without asking for memory: ids are written into every row and every event.
fn show(prefix: &str, value: u128, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    let (mut text, begin) = ([b'_'; LONGEST], prefix.len() + 1);
    text[..prefix.len()].copy_from_slice(prefix.as_bytes());
    // In two halves of 65 bits and less, because shifting 128 bits is slow.
    let (high, low) = ((value >> 65) as u64, (value & ((1 << 65) - 1)) >> 5);
    let letter = |value: u64, place: u32| ALPHABET[((value >> (5 * place)) & 31) as usize];
    for at in 0..13 {
        text[begin + at] = letter(high, 12 - at as u32);
    }
    for at in 0..12 {
        text[begin + 13 + at] = letter(low as u64, 11 - at as u32);
    }
    text[begin + 25] = ALPHABET[(value & 31) as usize];
    f.write_str(std::str::from_utf8(&text[..begin + 26]).unwrap_or_default())
}

fn decode(text: &str) -> Result<u128, NotAnId> {
    if text.len() != 26 || text.as_bytes()[0] > b'7' {
        return Err(NotAnId);
    }
    text.bytes().try_fold(0u128, |value, letter| match DIGITS[usize::from(letter)] {
        NO_DIGIT => Err(NotAnId),
        digit => Ok((value << 5) | u128::from(digit)),
    })
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// What stands before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Draws a new id; ids drawn later sort later.
            pub fn new(clock: &dyn Clock, random: &dyn Chance) -> Self {
                Self(draw(clock, random))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                show($prefix, self.0, f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{self}")
            }
        }

        impl std::str::FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let rest = text.strip_prefix($prefix).and_then(|rest| rest.strip_prefix('_')).ok_or(NotAnId)?;
                decode(rest).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                // The text itself is not repeated: it came from outside.
                text.parse().map_err(|_| serde::de::Error::custom(concat!("not a ", $prefix, " id")))
            }
        }

        impl crate::log::Loggable for $name {
            fn write(&self, line: &mut String) {
                use std::fmt::Write as _;
                let _ = write!(line, "{self}");
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some(concat!("^", $prefix, "_[0-9A-HJKMNP-TV-Z]{26}$")))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )*};
}

ids! {
    /// A person's account at the platform.
    AccountId = "acc";
    /// The server of one person (or, later, a team).
    ServerId = "srv";
    /// One signed-in browser, phone or terminal.
    SessionId = "ses";
    /// A single-use invitation to sign up.
    InvitationId = "inv";
    /// A conversation.
    ChatId = "chat";
    /// One message of a conversation.
    MessageId = "msg";
    /// What stands for the beginning of a chat.
    SummaryId = "sum";
    /// One run: a chat turn, a workflow run, a scheduled task.
    RunId = "run";
    /// A folder of chats.
    FolderId = "fld";
    /// A file that a person brings along from another assistant.
    ImportId = "imp";
    /// A file that was attached to a message.
    AttachmentId = "att";
    /// One durable wait of a run.
    WaitId = "wait";
    /// One version of a memory file.
    VersionId = "ver";
    /// One thing that went through an HTTP door, for a person to quote.
    RequestId = "req";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SystemChance, SystemClock};

    #[test]
    fn every_bit_of_an_id_is_written_and_read() {
        for bit in 0..128 {
            let id = InvitationId(1 << bit);
            assert_eq!(id.to_string().parse(), Ok(id), "bit {bit}");
        }
        assert_eq!(MessageId(u128::MAX).to_string(), "msg_7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
        assert_eq!(ChatId(0b11111_00001).to_string(), "chat_000000000000000000000000Z1");
    }

    #[test]
    fn an_id_reads_back_as_itself_and_not_as_another_kind() {
        let id = ChatId::new(&SystemClock, &SystemChance);
        let text = id.to_string();
        assert_eq!(text.len(), "chat_".len() + 26);
        assert_eq!(text.parse::<ChatId>(), Ok(id));
        assert_eq!(text.parse::<RunId>(), Err(NotAnId));
        assert_eq!("chat_ZZZZZZZZZZZZZZZZZZZZZZZZZZ".parse::<ChatId>(), Err(NotAnId));
        assert_eq!("chat_".parse::<ChatId>(), Err(NotAnId));
    }
}
