//! A disk that is full.

use crate::installation::Setup;
use crate::skipped::skipped;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use serde_json::json;
use std::io::Write as _;
use std::path::PathBuf;

/// A small file system of its own, gone with the test.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where only root may mount and the test does not run as root.
    pub fn new(at: PathBuf) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            skipped("root");
            return None;
        }
        std::fs::create_dir_all(&at).unwrap();
        mount("tmpfs", &at, "tmpfs", MountFlags::empty(), Some(c"size=24m,mode=0711")).unwrap();
        Some(Self(at))
    }

    /// Writes until nothing fits any more.
    pub fn fill(&self) -> PathBuf {
        let path = self.0.join("fill");
        let mut file = std::fs::File::create(&path).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            let block = vec![0; size];
            while file.write_all(&block).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = unmount(&self.0, UnmountFlags::DETACH);
    }
}

#[tokio::test]
async fn with_a_full_disk_nothing_is_promised_and_nothing_is_lost() {
    let setup = Setup::default();
    let Some(disk) = SmallDisk::new(setup.data()) else { return };
    let installation = setup.start();
    let mira = installation.administrator().await;
    let chat = mira.chat().await;
    mira.ask(&chat, "remember that the bakery opens at seven").await;
    let filled = disk.fill();
    let messages = format!("/api/v1/chats/{chat}/messages");
    let text = format!("a message that does not fit {}", "x".repeat(60_000));
    let refused = mira.post(&messages, json!({ "text": text })).await;
    assert_eq!(refused.status, 507, "{}", refused.text());
    let problem = refused.json();
    assert_eq!(problem["type"], "disk_full");
    assert!(problem["next_step"].is_string(), "{problem}");
    let before = mira.get(&messages).await.expect(200).json();
    assert_eq!(before["items"].as_array().unwrap().len(), 2, "{before}");
    std::fs::remove_file(filled).unwrap();
    let answer = mira.ask(&chat, "what do you know about the bakery?").await;
    assert!(answer["text"].as_str().unwrap().contains("seven"), "{answer}");
    drop(installation);
}
