//! The whole privacy register: what each part keeps or sends, joined.

use ally_types::register::{Basis, Entry, Kept, Place, Register};

/// Every entry there is. A test compares it with the real schemas, files, cookies, storage keys and hosts.
pub const ALL: Register = &[
    ally_assistant::REGISTER,
    ally_durable::REGISTER,
    ally_platform::REGISTER,
    ally_gateway::REGISTER,
    ally_llm::REGISTER,
    ally_host::REGISTER,
    OWN,
];

/// What the binary itself makes: the root keys and the browser's storage.
const OWN: &[Entry] = &[
    Entry {
        place: Place::File { pattern: "host/platform.key" },
        what: "The platform's root key",
        category: "system.operations",
        purpose: "derive the password pepper and the key of session cookies",
        basis: Basis::LegitimateInterest,
        kept: Kept::WithAccount,
        recipients: &[],
        personal: false,
    },
    Entry {
        place: Place::File { pattern: "host/region.key" },
        what: "The region's root key",
        category: "system.operations",
        purpose: "wrap each person's own key and sign who is asking",
        basis: Basis::LegitimateInterest,
        kept: Kept::WithAccount,
        recipients: &[],
        personal: false,
    },
    Entry {
        place: Place::File { pattern: "ally/session/*" },
        what: "On the computer where you use `ally chat`: your session, readable for you alone",
        category: "user.authorization.credentials",
        purpose: "keep you signed in there between two questions, until you sign out",
        basis: Basis::Contract,
        kept: Kept::Days(7),
        recipients: &[],
        personal: true,
    },
    Entry {
        place: Place::StorageKey { key: "drafts" },
        what: "Messages that you have begun to write and not sent, and the names of their files, in this browser only",
        category: "user.content.private",
        purpose: "keep what you were writing until it is sent, or until you sign out",
        basis: Basis::Contract,
        kept: Kept::Days(30),
        recipients: &[],
        personal: true,
    },
    storage("theme", "Light, dark or automatic", "remember how you like the screen"),
    storage("shortcuts", "Whether single keys do something", "leave out the keys that you switched off"),
    storage("sidebar", "Whether the list of chats is open", "remember how you like the screen"),
    storage("folders", "Which folders of chats are closed", "remember how you like the screen"),
];

const fn storage(key: &'static str, what: &'static str, purpose: &'static str) -> Entry {
    Entry {
        place: Place::StorageKey { key },
        what,
        category: "user.behavior",
        purpose,
        basis: Basis::Contract,
        kept: Kept::UntilDeleted,
        recipients: &[],
        personal: false,
    }
}
