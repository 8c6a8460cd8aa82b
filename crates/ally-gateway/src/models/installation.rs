//! What the administrator pasted: a key for the installation, or a model server. One sealed file, replaced as a whole.

use ally_llm::windows::Listed;
use ally_store::{StoreError, files};
use ally_types::seal::Key;
use ally_types::{Chance, Sealed, Secret, log};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

const FILE: &str = "provider.sealed";

/// Sealed bytes open only as what they are.
const PLACE: &str = "gateway/provider";

/// A model server that speaks the chat completions format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Local {
    /// Its address.
    pub url: String,
    /// The model to ask.
    pub model: String,
    /// Tokens that it reads at most, if the server's list said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<u64>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Kept {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    local: Option<Local>,
}

/// The file and what it says.
pub(crate) struct Installation {
    path: PathBuf,
    sealing: Key,
    chance: Arc<dyn Chance>,
    kept: Mutex<Kept>,
}

impl Installation {
    /// Reads the file. One that cannot be opened is left where it is, and counts as none.
    pub fn open(directory: &Path, sealing: Key, chance: Arc<dyn Chance>) -> Self {
        let path = directory.join(FILE);
        let kept = match std::fs::read(&path) {
            Ok(bytes) => read(&sealing, bytes).unwrap_or_else(|| {
                log::error("the sealed provider file cannot be opened; paste the key again", &[]);
                Kept::default()
            }),
            Err(_) => Kept::default(),
        };
        Self { path, sealing, chance, kept: Mutex::new(kept) }
    }

    /// The pasted key and the model that was found for it.
    pub fn key(&self) -> Option<(Secret, Option<Listed>)> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.model.clone().map(|name| Listed { name, window: kept.window });
        kept.key.as_ref().map(|key| (Secret::new(key.clone()), found))
    }

    /// The chosen model server.
    pub fn local(&self) -> Option<Local> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).local.clone()
    }

    /// Keeps a key, or forgets it.
    pub fn set_key(&self, key: Option<(&Secret, Listed)>) -> Result<(), StoreError> {
        let (key, found) = key.map(|(key, found)| (key.expose().to_owned(), found)).unzip();
        let (model, window) = found.map(|found| (found.name, found.window)).unzip();
        self.change(|kept| (kept.key, kept.model, kept.window) = (key, model, window.flatten()))
    }

    /// Keeps a model server, or forgets it.
    pub fn set_local(&self, local: Option<Local>) -> Result<(), StoreError> {
        self.change(|kept| kept.local = local)
    }

    /// The file first, then the memory: what is in effect is what a restart would find.
    fn change(&self, change: impl FnOnce(&mut Kept)) -> Result<(), StoreError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = kept.clone();
        change(&mut next);
        if next.key.is_none() && next.local.is_none() {
            files::remove(&self.path)?;
        } else {
            let plain = serde_json::to_vec(&next).map_err(|_| StoreError::Other { code: 0 })?;
            let sealed: Sealed<Kept> = self.sealing.seal(&*self.chance, PLACE, &plain);
            files::replace(&self.path, sealed.as_bytes())?;
        }
        *kept = next;
        Ok(())
    }
}

fn read(sealing: &Key, bytes: Vec<u8>) -> Option<Kept> {
    let plain = sealing.open(PLACE, &Sealed::<Kept>::from_bytes(bytes)).ok()?;
    serde_json::from_slice(&plain).ok()
}
