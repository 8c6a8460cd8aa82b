//! What the host keeps, for the privacy register.

use ally_types::register::{Basis, Entry, Kept, Place};

const fn file(pattern: &'static str, what: &'static str, purpose: &'static str, personal: bool) -> Entry {
    Entry {
        place: Place::File { pattern },
        what,
        category: if personal { "user.unique_id" } else { "system.operations" },
        purpose,
        basis: Basis::LegitimateInterest,
        kept: Kept::WithAccount,
        recipients: &[],
        personal,
    }
}

/// Every kind of file below `host/` and every socket below `run/` that the host makes. `ally` declares the root key.
pub const REGISTER: &[Entry] = &[
    file(
        "host/mode",
        "whether spaces have system users of their own",
        "to refuse a directory of the other kind",
        false,
    ),
    file("host/lock", "an empty file that is locked", "so that only one host runs", false),
    file(
        "host/uids",
        "which private space has which system user number",
        "so that a number is never given to somebody else",
        true,
    ),
    file("host/keys/*.key", "the key of your private space, wrapped", "to open what is sealed in your space", true),
    file(
        "host/servers/*.json",
        "when your assistant wants to be woken, and how often it was started",
        "to wake your assistant in time",
        true,
    ),
    file("host/awake/*", "an empty file while your assistant is awake", "to start it again after a power cut", true),
    file("run/in/*.sock", "the socket of your private space", "to reach your assistant", true),
    file(
        "run/out/*/out.sock",
        "the socket on which your assistant calls out",
        "so that its calls are known as yours",
        true,
    ),
];
