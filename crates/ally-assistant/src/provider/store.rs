//! The SQL of sealed settings.

use crate::fault::Done;
use ally_store::{OptionalExtension, Tx, params};
use ally_types::{AccountId, Sealed, Timestamp};

/// Keeps a sealed setting.
pub fn put<T>(tx: &Tx, name: &str, sealed: &Sealed<T>, account: AccountId, now: Timestamp) -> Done<()> {
    tx.prepare_cached(
        "INSERT INTO settings (name, sealed, account, changed) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, account = excluded.account, changed = excluded.changed",
    )?
    .execute(params![name, sealed.as_bytes(), account.to_string(), now.as_millis()])?;
    Ok(())
}

/// A sealed setting.
pub fn get<T: 'static>(tx: &Tx, name: &str) -> Done<Option<Sealed<T>>> {
    Ok(tx
        .prepare_cached("SELECT sealed FROM settings WHERE name = ?1")?
        .query_row([name], |row| row.get(0).map(Sealed::from_bytes))
        .optional()?)
}

/// Removes a setting.
pub fn remove(tx: &Tx, name: &str) -> Done<()> {
    tx.prepare_cached("DELETE FROM settings WHERE name = ?1")?.execute([name])?;
    Ok(())
}
