//! What the host keeps of a server between its lives: the alarm, the epoch, and whether it was awake.

use crate::disk;
use ally_types::{ServerId, Timestamp, log};
use serde::{Deserialize, Serialize};
use std::io;
use std::os::unix::fs::MetadataExt;
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
    /// What was kept could not be read, and an alarm may have been lost with it.
    is_new_after_damage: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alarm: Option<Timestamp>,
    /// No start has had a higher number.
    epoch: u64,
}

impl Ledger {
    /// Reads what is kept in `<host>/servers/<server>.json`. A new server has nothing there. A file that a broken disk
    /// left half written keeps nobody from their assistant: it is begun anew.
    pub(crate) fn read(host: &Path, server: ServerId) -> io::Result<Self> {
        let file = host.join("servers").join(format!("{server}.json"));
        let mut is_new_after_damage = false;
        let kept: Kept = match std::fs::read(&file) {
            Ok(text) => match serde_json::from_slice(&text) {
                Ok(kept) => kept,
                Err(_) => {
                    log::error("what was kept of a server is damaged and begun anew", &[("server", &server)]);
                    is_new_after_damage = true;
                    Kept::after(&file)?
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(error),
        };
        let mark = host.join("awake").join(server.to_string());
        Ok(Self { file, mark, kept, epoch: kept.epoch, is_new_after_damage })
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

    /// Whether it is started without being called: it was awake when the host ended, or its alarm was lost and it has
    /// to say it again.
    pub(crate) fn must_wake(&self) -> bool {
        self.is_new_after_damage || self.mark.exists()
    }
}

impl Kept {
    /// In place of a file that cannot be read. The seconds since 1970 at which it was written are more than anybody's
    /// starts, so no number is used twice.
    fn after(damaged: &Path) -> io::Result<Self> {
        let written = std::fs::metadata(damaged)?.mtime();
        Ok(Self { alarm: None, epoch: u64::try_from(written).unwrap_or_default() })
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

    #[test]
    fn a_damaged_file_is_begun_anew_above_every_number_that_was_used() {
        let home = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(home.path().join("servers")).expect("makes");
        let server = ServerId::new(&SystemClock, &SystemChance);
        let mut ledger = Ledger::read(home.path(), server).expect("is new");
        assert!(!ledger.must_wake());
        ledger.next_epoch();
        ledger.save().expect("saves");
        let file = home.path().join(format!("servers/{server}.json"));
        let whole = std::fs::read(&file).expect("reads");
        for damaged in [&whole[..whole.len() / 2], b"", b"{}", b"[1", &[0; 40]] {
            std::fs::write(&file, damaged).expect("damages it");
            let mut ledger = Ledger::read(home.path(), server).expect("is begun anew");
            let (epoch, is_new_lot) = ledger.next_epoch();
            assert!(ledger.must_wake() && epoch > 1_700_000_000 && is_new_lot, "{epoch}");
            ledger.save().expect("saves");
            assert_eq!(Ledger::read(home.path(), server).expect("reads").next_epoch().0, epoch + 100);
        }
        // What a crash left of the next version is nobody's business.
        std::fs::write(home.path().join(format!("servers/{server}.json.new")), "{\"al").expect("writes");
        assert!(!Ledger::read(home.path(), server).expect("reads").must_wake());
    }
}
