//! The tables of a person's server.

use ally_store::Migration;

/// Every migration, in order. A released one is never edited.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "first", sql: include_str!("../migrations/0001_first.sql") },
    Migration { number: 2, name: "runs", sql: ally_durable::SCHEMA_1 },
    Migration { number: 3, name: "versions", sql: include_str!("../migrations/0003_versions.sql") },
    Migration { number: 4, name: "effort", sql: include_str!("../migrations/0004_effort.sql") },
    Migration { number: 5, name: "summaries", sql: include_str!("../migrations/0005_summaries.sql") },
    Migration { number: 6, name: "feedback", sql: include_str!("../migrations/0006_feedback.sql") },
    Migration { number: 7, name: "usage", sql: include_str!("../migrations/0007_usage.sql") },
    Migration { number: 8, name: "folders", sql: include_str!("../migrations/0008_folders.sql") },
    Migration { number: 9, name: "instructions", sql: include_str!("../migrations/0009_instructions.sql") },
    Migration { number: 10, name: "temporary_chats", sql: include_str!("../migrations/0010_temporary_chats.sql") },
    Migration { number: 11, name: "imports", sql: include_str!("../migrations/0011_imports.sql") },
    Migration { number: 12, name: "windows", sql: include_str!("../migrations/0012_windows.sql") },
    Migration { number: 13, name: "approvals", sql: include_str!("../migrations/0013_approvals.sql") },
    Migration { number: 14, name: "attachments", sql: include_str!("../migrations/0014_attachments.sql") },
];
