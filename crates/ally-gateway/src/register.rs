//! The privacy register of the gateway: what it keeps (counts, hosts, sealed keys) and where else it lets data go.

use ally_types::register::{Basis, Entry, Kept, Place};

/// Everything that the gateway keeps. The session cookie is set by the platform and declared there.
pub const REGISTER: &[Entry] = &[
    Entry {
        place: Place::Columns {
            store: "gateway",
            table: "counters",
            columns: &["server", "period", "granted", "reserved", "settled"],
        },
        what: "How many tokens your assistant used on the installation's account with a provider, per day",
        category: "user.behavior",
        purpose: "keeping within usage limits",
        basis: Basis::Contract,
        kept: Kept::Days(365),
        recipients: &[],
        personal: true,
    },
    Entry {
        place: Place::Columns {
            store: "gateway",
            table: "egress",
            columns: &["server", "day", "host", "calls", "refused", "sent", "received"],
        },
        what: "How often your assistant called a host on a day, how often it was refused, and how many bytes went each \
               way; never what",
        category: "user.behavior",
        purpose: "showing you where your data went",
        basis: Basis::Contract,
        kept: Kept::Days(365),
        recipients: &[],
        personal: true,
    },
    Entry {
        place: Place::Columns {
            store: "gateway",
            table: "egress_hosts",
            columns: &["server", "host", "port", "since"],
        },
        what: "The hosts that you allowed your assistant to call",
        category: "user.behavior",
        purpose: "calling nothing that you did not allow",
        basis: Basis::Contract,
        kept: Kept::UntilDeleted,
        recipients: &[],
        personal: true,
    },
    ally_store::migrations_entry("gateway"),
    Entry {
        place: Place::Columns { store: "gateway", table: "own_keys", columns: &["server", "mark", "since"] },
        what: "A keyed hash of the key for a provider that you connected; never the key",
        category: "user.behavior",
        purpose: "sending your questions with no key but your own",
        basis: Basis::Contract,
        kept: Kept::UntilDeleted,
        recipients: &[],
        personal: true,
    },
    Entry {
        place: Place::File { pattern: "gateway/provider.sealed" },
        what: "The installation's key for a provider, or the address of its model server, sealed",
        category: "system.operations",
        purpose: "calling the provider that the administrator connected",
        basis: Basis::Contract,
        kept: Kept::UntilDeleted,
        recipients: &[],
        personal: false,
    },
    Entry {
        place: Place::File { pattern: "gateway/counters.db" },
        what: "The file that holds those counts, which hosts were called on which day and how much went each way, the \
               hosts that you allowed, and a keyed hash of your own key for a provider",
        category: "user.behavior",
        purpose: "keeping within usage limits, showing you where your data went, calling nothing that you did not allow",
        basis: Basis::Contract,
        kept: Kept::WithAccount,
        recipients: &[],
        personal: true,
    },
    Entry {
        place: Place::Host { host: "hosts that you allow" },
        what: "What your assistant sends there for you",
        category: "user.content.private",
        purpose: "Doing what you asked for with a host that you put on your list; without your doing the list is empty",
        basis: Basis::Contract,
        kept: Kept::NotKept,
        recipients: &["Whoever runs a host that you allowed"],
        personal: true,
    },
    Entry {
        place: Place::File { pattern: "gateway/ally.lock" },
        what: "That the gateway's directory is in use",
        category: "system.operations",
        purpose: "keeping two processes from writing the same file",
        basis: Basis::Contract,
        kept: Kept::WithAccount,
        recipients: &[],
        personal: false,
    },
];
