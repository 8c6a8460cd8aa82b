//! The privacy register of this crate: the hosts to which a question may go.

use ally_types::register::{Basis, Entry, Kept, Place};

/// Every outside host that this crate may call.
pub const REGISTER: &[Entry] = &[
    Entry {
        place: Place::Host { host: "api.anthropic.com" },
        what: "Your message, the conversation before it, what Ally looked up for it, and a pseudonym",
        category: "user.content.private",
        purpose: "Claude writes the answer; nothing is sent until a key for Anthropic was entered. Near a limit the same \
                  question is sent there before, to have its tokens counted. How long Anthropic keeps it is a setting \
                  of the account that the key belongs to",
        basis: Basis::Contract,
        kept: Kept::NotKept,
        recipients: &["Anthropic"],
        personal: true,
    },
    Entry {
        place: Place::Host { host: "ALLY_LOCAL_MODEL_URL" },
        what: "Your message, the conversation before it and what Ally looked up for it",
        category: "user.content.private",
        purpose: "A model server that the administrator runs or chose writes the answer, and is told to keep nothing",
        basis: Basis::Contract,
        kept: Kept::NotKept,
        recipients: &["Whoever runs the model server; on the same machine, nobody else"],
        personal: true,
    },
];
