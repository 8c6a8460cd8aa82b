//! Asking PostgreSQL whether it would take us, without changing anything: for `ally doctor`.

use sqlx::{Connection as _, Row as _};
use std::time::Duration;

/// The oldest version that the statements are tried on.
const OLDEST: u32 = 15;

/// A server that has not answered after so long is taken for one that does not.
const WITHIN: Duration = Duration::from_secs(5);

/// How PostgreSQL receives whoever comes with this address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visit {
    /// It takes us; its version.
    Welcome(u32),
    /// It takes us, but does not know all that is asked of it; its version.
    TooOld(u32),
    /// The user or the password is wrong, or this machine may not come.
    Refused,
    /// There is no database of that name.
    NoDatabase,
    /// Nothing that speaks PostgreSQL answers.
    NotThere,
}

/// Signs in at the address, asks for the version and leaves.
pub async fn visit(url: &str) -> Visit {
    sqlx::any::install_default_drivers();
    let asked = async {
        let mut connection = sqlx::AnyConnection::connect(url).await?;
        let row = sqlx::query("SELECT current_setting('server_version_num')").fetch_one(&mut connection).await?;
        connection.close().await?;
        row.try_get::<String, _>(0)
    };
    match tokio::time::timeout(WITHIN, asked).await {
        // 150004 is 15.4.
        Ok(Ok(version)) => match version.parse::<u32>().unwrap_or_default() / 10_000 {
            version if version < OLDEST => Visit::TooOld(version),
            version => Visit::Welcome(version),
        },
        Ok(Err(sqlx::Error::Database(error))) => match error.code().as_deref() {
            Some("3D000") => Visit::NoDatabase,
            // The class of refused sign-ins, and a user who may not use this database.
            Some(code) if code.starts_with("28") || code == "42501" => Visit::Refused,
            _ => Visit::NotThere,
        },
        _ => Visit::NotThere,
    }
}
