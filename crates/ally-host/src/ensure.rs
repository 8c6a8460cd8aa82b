//! Making a person's server: number, key, directory, sockets. Each step may be repeated; what a crash left half made
//! is completed by the next host or the next request.

use crate::host::{Host, Server};
use crate::ledger::Ledger;
use crate::{disk, socket};
use ally_types::seal::Key;
use ally_types::{Sealed, ServerId, log};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Why a server could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CannotMake {
    #[error("the machine refused: {0}")]
    Machine(#[from] io::Error),
    #[error("the key of this server is gone or does not open")]
    KeyLost,
}

impl CannotMake {
    /// Whether trying again may help.
    pub(crate) const fn may_pass(&self) -> bool {
        matches!(self, Self::Machine(_))
    }

    pub(crate) fn log(&self, server: ServerId) {
        let kind = match self {
            Self::Machine(error) => Some(error.kind()),
            Self::KeyLost => None,
        };
        match kind {
            Some(kind) => log::error("a server could not be made", &[("server", &server), ("kind", &kind)]),
            None => log::error("the key of a server is gone or does not open", &[("server", &server)]),
        }
    }
}

/// Makes everything that the server does not have yet, and opens its sockets. Blocks on the disk.
pub(crate) fn make(host: &Host, server: ServerId) -> Result<(Server, Ledger), CannotMake> {
    let uid = host.uids.lock().unwrap_or_else(std::sync::PoisonError::into_inner).reserve(server)?;
    let owner = host.level.has_own_user().then_some(uid);
    let directory = host.places.person(server);
    let key = key(host, server, &directory)?;
    disk::directory(&directory, 0o700)?;
    disk::give(&directory, owner, 0o700)?;
    let out = host.places.out(server);
    // The directory belongs to the host: its person may call the socket, not replace it.
    disk::directory(&out, 0o711)?;
    let gateway = owner.and(host.boot.gateway_uid);
    let inbound = socket::bind(&host.places.inbound(server), gateway)?;
    let outbound = Arc::new(socket::bind(&out.join("out.sock"), owner)?);
    let ledger = Ledger::read(&host.places.host, server)?;
    Ok((Server::new(server, uid, key, inbound, outbound), ledger))
}

/// The server's data key, drawn now if it has none. It is on the disk before anything can be sealed with it.
fn key(host: &Host, server: ServerId, directory: &Path) -> Result<Key, CannotMake> {
    let file = host.places.host.join("keys").join(format!("{server}.key"));
    let place = format!("host/keys/{server}");
    match std::fs::read(&file) {
        Ok(sealed) => {
            let plain = host.wrapping_key.open(&place, &Sealed::<Key>::from_bytes(sealed));
            let bytes = plain.ok().and_then(|plain| <[u8; 32]>::try_from(plain.as_slice()).ok());
            bytes.map(Key::from_bytes).ok_or(CannotMake::KeyLost)
        }
        // Where there is data already, a new key would not open it.
        Err(error) if error.kind() == io::ErrorKind::NotFound && has_data(directory) => Err(CannotMake::KeyLost),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = Key::new(&*host.chance);
            let sealed: Sealed<Key> = host.wrapping_key.seal(&*host.chance, &place, key.expose());
            disk::replace(&file, sealed.as_bytes())?;
            Ok(key)
        }
        Err(error) => Err(error.into()),
    }
}

fn has_data(directory: &Path) -> bool {
    std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some())
}
