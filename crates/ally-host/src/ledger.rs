//! What the host keeps of a server between its lives: the alarm, the epoch, and whether it was awake.

use crate::disk;
use ally_types::{ServerId, Timestamp};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// Epochs are reserved in lots, so that not every wake waits for the disk. The rest of a lot is lost with the host.
const LOT: u64 = 100;

/// The kept file of one server, and what is only in memory.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    file: PathBuf,
    mark: PathBuf,
    kept: Kept,
    epoch: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alarm: Option<Timestamp>,
    /// No start has had a higher number.
    epoch: u64,
}

impl Ledger {
    /// Reads what is kept in `<host>/servers/<server>.json`. A new server has nothing there.
    pub(crate) fn read(host: &Path, server: ServerId) -> io::Result<Self> {
        let file = host.join("servers").join(format!("{server}.json"));
        let kept: Kept = match std::fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(error),
        };
        let mark = host.join("awake").join(server.to_string());
        Ok(Self { file, mark, kept, epoch: kept.epoch })
    }

    /// When to wake the server.
    pub(crate) const fn alarm(&self) -> Option<Timestamp> {
        self.kept.alarm
    }

    /// Sets the alarm in memory; answers whether that has to be saved.
    pub(crate) fn set_alarm(&mut self, alarm: Option<Timestamp>) -> bool {
        std::mem::replace(&mut self.kept.alarm, alarm) != alarm
    }

    /// The number of the next start; answers whether a new lot has to be saved before it is used.
    pub(crate) const fn next_epoch(&mut self) -> (u64, bool) {
        self.epoch += 1;
        let is_new_lot = self.epoch > self.kept.epoch;
        if is_new_lot {
            self.kept.epoch += LOT;
        }
        (self.epoch, is_new_lot)
    }

    /// Puts alarm and epoch on the disk.
    pub(crate) fn save(&self) -> io::Result<()> {
        disk::replace(&self.file, &serde_json::to_vec(&self.kept)?)
    }

    /// Marks the server as awake: if the host dies now, the next one starts it, so that it finishes what it was doing.
    /// The mark is not forced to the disk: after a loss of power in these seconds the person wakes it herself.
    pub(crate) fn mark_awake(&self) -> io::Result<()> {
        std::fs::File::create(&self.mark).map(drop)
    }

    /// It has ended in order.
    pub(crate) fn mark_asleep(&self) {
        let _ = std::fs::remove_file(&self.mark);
    }

    /// Whether it was awake when the host ended.
    pub(crate) fn was_awake(&self) -> bool {
        self.mark.exists()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ally_types::{SystemChance, SystemClock};

    #[test]
    fn an_epoch_is_never_used_twice_and_an_alarm_is_kept() {
        let home = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(home.path().join("servers")).expect("makes");
        let server = ServerId::new(&SystemClock, &SystemChance);
        let mut ledger = Ledger::read(home.path(), server).expect("is new");
        assert_eq!(ledger.next_epoch(), (1, true));
        assert!(ledger.set_alarm(Some(Timestamp::from_millis(5000))));
        assert!(!ledger.set_alarm(Some(Timestamp::from_millis(5000))));
        ledger.save().expect("saves");
        assert_eq!(ledger.next_epoch(), (2, false));
        let mut again = Ledger::read(home.path(), server).expect("reads");
        assert_eq!(again.alarm(), Some(Timestamp::from_millis(5000)));
        assert_eq!(again.next_epoch(), (101, true));
    }
}
