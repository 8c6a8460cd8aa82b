//! What this crate keeps, for the privacy register.

use ally_types::register::{Basis, Entry, Kept, Place};

const PURPOSE: &str = "doing what you asked, going on after an interruption, and showing you what was done";

/// The three tables of runs, as they stand in the database of one person.
pub const REGISTER: &[Entry] = &[
    Entry {
        place: Place::Columns {
            store: "assistant",
            table: "runs",
            columns: &[
                "id",
                "kind",
                "subject",
                "parent",
                "idempotency_key",
                "state",
                "reason",
                "state_at",
                "attempts",
                "epoch",
                "cancel_requested",
                "input",
                "integrity",
                "confidentiality",
                "created",
                "started",
            ],
        },
        what: "each thing your assistant did or is doing: what started it, when, and how it ended",
        category: "user.content.private",
        purpose: PURPOSE,
        basis: Basis::Contract,
        kept: Kept::UntilDeleted,
        recipients: &[],
        personal: true,
    },
    Entry {
        place: Place::Columns {
            store: "assistant",
            table: "journal",
            columns: &[
                "run",
                "seq",
                "format",
                "at",
                "kind",
                "step",
                "effect",
                "attempt",
                "body",
                "integrity",
                "confidentiality",
            ],
        },
        what: "every step of it, with what was asked of a model or a tool and what came back",
        category: "user.content.private",
        purpose: PURPOSE,
        basis: Basis::Contract,
        kept: Kept::UntilDeleted,
        recipients: &[],
        personal: true,
    },
    Entry {
        place: Place::Columns {
            store: "assistant",
            table: "waits",
            columns: &[
                "id",
                "run",
                "step",
                "kind",
                "opened",
                "due",
                "on_expiry",
                "body",
                "integrity",
                "confidentiality",
                "resolved",
                "resolved_by",
                "resolution",
            ],
        },
        what: "what your assistant waited for, the questions it asked you, and your answers",
        category: "user.content.private",
        purpose: PURPOSE,
        basis: Basis::Contract,
        kept: Kept::UntilDeleted,
        recipients: &[],
        personal: true,
    },
];
