//! The list of hosts that one person's assistant may call: what she added. Models are called by the gateway itself.

use super::refusal::Refusal;
use super::target::{self, Target};
use ally_store::{OptionalExtension as _, Store, StoreError, params};
use ally_types::{ServerId, Timestamp, log};

/// Hosts of one person.
pub const MOST: u32 = 100;

/// One host that a person added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// The host, as it is written canonically.
    pub host: String,
    /// The port.
    pub port: u16,
    /// When.
    pub since: Timestamp,
}

/// Why a host was not added.
#[derive(Debug, thiserror::Error)]
pub enum CannotAdd {
    /// There are [`MOST`] already.
    #[error("the list is full")]
    Full,
    /// The list cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Everybody's lists.
#[derive(Clone)]
pub struct List(Store);

impl List {
    /// Keeps the lists in `store`.
    pub const fn new(store: Store) -> Self {
        Self(store)
    }

    /// Whether this server may call this destination. A host of the web is allowed on both ports of the web; any other
    /// port must have been named.
    pub async fn check(&self, server: ServerId, target: &Target) -> Result<(), Refusal> {
        self.read(server, target).await.unwrap_or_else(|_| {
            log::error("the list of allowed hosts cannot be read, so nothing goes out", &[("server", &server)]);
            Err(Refusal::NotAllowed)
        })
    }

    /// What [`Self::check`] says, or that the list cannot be read.
    pub async fn read(&self, server: ServerId, target: &Target) -> Result<Result<(), Refusal>, StoreError> {
        let added = self.ports(server, target.host.to_string()).await?;
        let fits = |port: u16| port == target.port || (target::is_web(port) && target::is_web(target.port));
        if added.iter().any(|port| fits(*port)) {
            return Ok(Ok(()));
        }
        Ok(Err(if added.is_empty() { Refusal::NotAllowed } else { Refusal::Port }))
    }

    async fn ports(&self, server: ServerId, host: String) -> Result<Vec<u16>, StoreError> {
        self.0
            .read(move |tx| {
                let mut find = tx.prepare_cached("SELECT port FROM egress_hosts WHERE server = ?1 AND host = ?2")?;
                let ports = find.query_map(params![server.to_string(), host], |row| row.get(0))?;
                Ok(ports.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Everything that this person added, by name.
    pub async fn all(&self, server: ServerId) -> Result<Vec<Added>, StoreError> {
        self.0
            .read(move |tx| {
                let mut all = tx.prepare_cached(
                    "SELECT host, port, since FROM egress_hosts WHERE server = ?1 ORDER BY host, port",
                )?;
                let rows = all.query_map(params![server.to_string()], |row| {
                    Ok(Added { host: row.get(0)?, port: row.get(1)?, since: Timestamp::from_millis(row.get(2)?) })
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Adds a destination. One that is there already stays as it is.
    pub async fn add(&self, server: ServerId, target: &Target, now: Timestamp) -> Result<Added, CannotAdd> {
        let (server, host, port) = (server.to_string(), target.host.to_string(), target.port);
        self.0
            .write_apart(move |tx| {
                let mut find = tx
                    .prepare_cached("SELECT since FROM egress_hosts WHERE server = ?1 AND host = ?2 AND port = ?3")
                    .map_err(StoreError::from)?;
                let known: Option<i64> = find
                    .query_row(params![server, host, port], |row| row.get(0))
                    .optional()
                    .map_err(StoreError::from)?;
                if let Some(since) = known {
                    return Ok(Added { host, port, since: Timestamp::from_millis(since) });
                }
                let count: u32 = tx
                    .query_row("SELECT count(*) FROM egress_hosts WHERE server = ?1", params![server], |row| row.get(0))
                    .map_err(StoreError::from)?;
                if count >= MOST {
                    return Err(CannotAdd::Full);
                }
                tx.execute(
                    "INSERT INTO egress_hosts (server, host, port, since) VALUES (?1, ?2, ?3, ?4)",
                    params![server, host, port, now.as_millis()],
                )
                .map_err(StoreError::from)?;
                Ok(Added { host, port, since: now })
            })
            .await
    }

    /// Takes a host off the list, with all its ports or with one. Says whether there was one.
    pub async fn remove(&self, server: ServerId, host: String, port: Option<u16>) -> Result<bool, StoreError> {
        self.0
            .write_apart(move |tx| {
                let removed = tx.execute(
                    "DELETE FROM egress_hosts WHERE server = ?1 AND host = ?2 AND (?3 IS NULL OR port = ?3)",
                    params![server.to_string(), host, port],
                )?;
                Ok(removed > 0)
            })
            .await
    }
}
