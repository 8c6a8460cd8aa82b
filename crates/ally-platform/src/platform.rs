//! The platform as one value: its parts, its router, its worker.

use crate::installation::SignUp;
use crate::jobs::{self, Servers};
use crate::limits::{Limiters, Limits};
use crate::pages::Documents;
use crate::passwords::hash::Hasher;
use crate::people::Plans;
use crate::router;
use crate::sessions::revocations::Revocations;
use crate::store::{Store, StoreError};
use ally_http::cookie::Transport;
use ally_http::origin;
use ally_http::session::Sessions;
use ally_types::register::Register;
use ally_types::seal::Key;
use ally_types::{Chance, Clock, Secret};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::Notify;

/// Everything the platform is made of.
pub struct Parts {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub chance: Arc<dyn Chance>,
    /// `sqlite:/path/platform.db` or `postgres://…`.
    pub database_url: String,
    /// Keys the digest of passwords.
    pub pepper: Key,
    /// Signs session tokens; the gateway has it too.
    pub session_key: Key,
    /// The address that people type.
    pub public_url: String,
    /// Who may sign up after the first account, until the administrator changes it.
    pub sign_up: SignUp,
    /// Whether only this machine can reach the installation.
    pub loopback: bool,
    /// What the first account needs beyond loopback; printed in the terminal.
    pub first_account_code: Option<Secret>,
    /// Who runs the installation, for the legal pages.
    pub operator: Operator,
    /// What all parts of Ally keep, for the privacy pages.
    pub register: Register,
    /// The plans that the administrator can give to people.
    pub plans: Plans,
    /// Where servers are made.
    pub servers: Arc<dyn Servers>,
    /// The cost of bcrypt: 12, in tests 4.
    pub bcrypt_cost: u32,
    /// How often things may be asked.
    pub limits: Limits,
}

/// Who runs the installation, as the legal pages say. Empty texts read "whoever runs this installation".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Operator {
    /// A person or a company.
    pub name: String,
    /// How to reach them.
    pub contact: String,
}

/// Why the platform did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database could not be opened or brought to this version.
    #[error("the platform's database could not be opened: {0}")]
    Store(#[from] StoreError),
    /// A key of the boot document is not 64 hexadecimal digits.
    #[error("a key of the boot document cannot be read")]
    Key,
    /// The listening socket broke.
    #[error("the platform's socket failed")]
    Socket(#[from] std::io::Error),
}

/// What the doors and nouns work with.
pub(crate) struct App {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) chance: Arc<dyn Chance>,
    pub(crate) store: Store,
    pub(crate) tokens: Sessions,
    pub(crate) hasher: Hasher,
    pub(crate) limits: Limiters,
    pub(crate) revocations: Revocations,
    pub(crate) nudge: Notify,
    pub(crate) servers: Arc<dyn Servers>,
    pub(crate) plans: Plans,
    pub(crate) documents: Documents,
    pub(crate) transport: Transport,
    pub(crate) origin: String,
    pub(crate) sign_up: SignUp,
    pub(crate) loopback: bool,
    pub(crate) first_account_code: Option<Secret>,
}

/// The operator's side.
pub struct Platform {
    app: Arc<App>,
}

impl Platform {
    /// Opens the database and puts the parts together.
    ///
    /// # Errors
    /// The database cannot be opened or was made by a newer version.
    pub async fn new(parts: Parts) -> Result<Arc<Self>, StartError> {
        let store = Store::open(&parts.database_url, parts.clock.as_ref()).await?;
        let app = App {
            store,
            tokens: Sessions::new(&parts.session_key),
            hasher: Hasher::new(&parts.pepper, parts.bcrypt_cost, Arc::clone(&parts.chance)),
            limits: Limiters::new(&parts.limits),
            revocations: Revocations::new(),
            nudge: Notify::new(),
            servers: parts.servers,
            plans: parts.plans,
            documents: Documents::new(parts.register, &parts.operator),
            transport: Transport::of(&parts.public_url),
            origin: origin::of(&parts.public_url).to_owned(),
            sign_up: parts.sign_up,
            loopback: parts.loopback,
            first_account_code: parts.first_account_code,
            clock: parts.clock,
            chance: parts.chance,
        };
        Ok(Arc::new(Self { app: Arc::new(app) }))
    }

    /// All routes: `/api/v1`, the public pages, and `/internal`, which the gateway keeps to itself.
    pub fn router(&self) -> axum::Router {
        router::all(&self.app)
    }

    /// Does jobs and forgets what is over, for ever. Spawn it.
    pub async fn work(self: Arc<Self>) {
        jobs::work(Arc::clone(&self.app)).await;
    }

    /// Does once what is due now; answers how many jobs were done.
    ///
    /// # Errors
    /// The database failed.
    pub async fn work_due(&self) -> Result<usize, StoreError> {
        jobs::work_due(&self.app).await
    }

    /// Forgets what the register says is over, as the worker does once a day.
    ///
    /// # Errors
    /// The database failed.
    pub async fn retain(&self) -> Result<(), StoreError> {
        jobs::retain(&self.app).await
    }

    /// How many password hashes were computed. Tests count them instead of measuring times.
    pub fn hashes(&self) -> u64 {
        self.app.hasher.made()
    }

    /// How many wait for a hash right now.
    pub fn waiting_for_a_hash(&self) -> usize {
        self.app.hasher.waiting()
    }

    /// Keeps every password waiting for its hash until the answer is dropped. Tests do in between what would else have
    /// to happen within the milliseconds of one computation.
    pub async fn hold_hashes(&self) -> impl Sized + use<> {
        self.app.hasher.hold().await
    }

    /// Ends the held streams, so that a server can stop.
    pub fn close(&self) {
        self.app.revocations.close();
    }

    /// Closes the database, after the last request.
    pub async fn shut(&self) {
        self.app.store.close().await;
    }
}

/// Every table and column of a database at this version: what the gate of the privacy register compares with.
///
/// # Errors
/// The database cannot be opened.
pub async fn columns(database_url: &str) -> Result<Vec<(String, String)>, StartError> {
    let store = Store::open(database_url, &ally_types::SystemClock).await?;
    let columns = store.columns().await?;
    store.close().await;
    Ok(columns)
}
