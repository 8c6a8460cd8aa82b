//! Shell commands behind walls.

use crate::skipped::skipped;
use ally_sandbox::{Access, Exit, Identity, Level, Networks, Room, Spawn, Step, Walls, probe, reserve_places};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

pub const UID: u32 = 261_001;

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs a shell command as described and answers what it printed and how it ended.
pub async fn run(spawn: Spawn, script: &str) -> (String, Exit) {
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let child = spawn.arg("-c").arg(script).descriptor(writer, 1);
    let child = child.dies_with_parent().spawn().expect("is born");
    child.started().expect("starts");
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("reads");
    (text.trim().to_owned(), child.wait().await.expect("ends"))
}

pub fn room(data: &Path) -> Room {
    let mut room = Room::new();
    room.show_system().expect("the system");
    room.show_device("null").expect("/dev/null");
    room.show(data, Path::new("/data"), Access::ReadWrite).expect("the data");
    room.start_in(Path::new("/data")).expect("a place");
    room
}

/// As root, runs this same test again as nobody and answers whether that was all there is to do.
pub fn was_run_as_nobody(name: &str) -> bool {
    if !is_root() {
        return false;
    }
    let program = std::env::current_exe().expect("a program");
    let done = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(program)
        // What is missing there is missing to an ordinary user.
        .env_remove("ALLY_TEST_STRICT")
        .env_remove("ALLY_TEST_SKIPS")
        .args(["--exact", name, "--nocapture"])
        .status()
        .expect("setpriv runs");
    assert!(done.success(), "as nobody");
    true
}

#[tokio::test]
async fn without_walls_a_child_has_an_empty_environment_and_only_its_own_descriptors() {
    let leaky = std::fs::File::open("/dev/zero").expect("opens");
    rustix::io::fcntl_setfd(&leaky, rustix::io::FdFlags::empty()).expect("would be inherited");
    let (given, _) = std::io::pipe().expect("a pipe");
    let script =
        r#"for fd in /proc/self/fd/*; do echo "${fd##*/}"; done | tr '\n' ' '; cat /proc/$$/environ; ulimit -c"#;
    let (text, exit) = run(Spawn::new("/bin/sh").descriptor(given, 7), script).await;
    // 3 is the directory that the shell is listing.
    assert_eq!((text.replace(" 3 ", " ").as_str(), exit), ("0 1 2 7 0", Exit::Code(0)));
}

#[tokio::test]
async fn as_root_a_child_behind_walls_has_its_own_user_root_and_an_empty_network() {
    if !is_root() {
        return skipped("root");
    }
    assert!(probe(UID) >= Level::OwnUser);
    let home = tempfile::tempdir().expect("a directory");
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).expect("closed above");
    let (mine, theirs) = (home.path().join("mine"), home.path().join("theirs"));
    for (path, uid) in [(&mine, UID), (&theirs, UID + 1)] {
        std::fs::create_dir(path).expect("makes");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).expect("closes");
        chown(path, Some(uid), Some(uid)).expect("gives");
    }
    let script = format!(
        "id -u; id -g; id -G; pwd; echo hello >file && cat file; ls -d /data /etc /proc /tmp /root {} 2>/dev/null; \
         touch /new 2>/dev/null || echo root is read-only; touch /usr/new 2>/dev/null || echo usr is read-only; \
         uname -n; unshare -n true 2>/dev/null || echo no new namespaces",
        theirs.display()
    );
    let wanted = format!(
        "{UID}\n{UID}\n{UID}\n/data\nhello\n/data\n/etc\nroot is read-only\nusr is read-only\nally\nno new namespaces"
    );
    // Once with a copy of this process's memory, and once beside it.
    for prepare in [|| {}, reserve_places] {
        prepare();
        let spawn = Spawn::new("/bin/sh").identity(Identity::Uid(UID)).walls(Walls::of(Level::OwnUser, room(&mine)));
        assert_eq!(run(spawn, &script).await, (wanted.clone(), Exit::Code(0)));
    }
    let made = std::fs::metadata(mine.join("file")).expect("was made");
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&made), UID);
    assert_eq!(made.permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn behind_walls_a_child_can_write_to_the_terminal_but_not_read_it() {
    const INNER: &str = "ALLY_TEST_READABLE_ERROR";
    if std::env::var_os(INNER).is_none() {
        // Standard error must be open for both, as a terminal is; so this test runs again with one.
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("terminal");
        std::fs::write(&path, "what was typed\n").expect("writes");
        let terminal = std::fs::File::options().read(true).write(true).open(&path).expect("opens");
        let name = "walls::behind_walls_a_child_can_write_to_the_terminal_but_not_read_it";
        let program = std::env::current_exe().expect("a program");
        let mut again = Command::new(program);
        again.args(["--exact", name, "--nocapture"]).env(INNER, "1").stderr(terminal);
        assert!(again.status().expect("runs").success());
        let text = std::fs::read_to_string(&path).expect("reads");
        assert!(text.starts_with("what was typed\n") && text.contains("said aloud"), "{text}");
        return;
    }
    let level = probe(UID);
    if !level.has_no_network() {
        return std::io::stderr().write_all(b"said aloud").expect("writes");
    }
    let home = tempfile::tempdir().expect("a directory");
    let identity = if level.has_own_user() { Identity::Uid(UID) } else { Identity::Same };
    if level.has_own_user() {
        chown(home.path(), Some(UID), Some(UID)).expect("gives");
    }
    let spawn = Spawn::new("/bin/sh").identity(identity).walls(Walls::of(level, room(home.path())));
    let (text, exit) = run(spawn, "cat <&2 2>/dev/null || echo cannot read; echo said aloud >&2").await;
    assert_eq!((text.as_str(), exit), ("cannot read", Exit::Code(0)));
}

#[tokio::test]
async fn as_root_the_network_is_empty_and_no_rights_are_left_also_without_a_room() {
    if !is_root() {
        return skipped("root");
    }
    let script = "grep -c : /proc/self/net/dev; grep -E '^(Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs)' /proc/self/status";
    let none = "0".repeat(16);
    let wanted = format!("1\nCapPrm:\t{none}\nCapEff:\t{none}\nCapBnd:\t{none}\nCapAmb:\t{none}\nNoNewPrivs:\t1");
    let networks = Arc::new(Networks::default());
    networks.fill(1).expect("nobody else fills it").join().expect("ends");
    for network in [None, networks.take()] {
        let walls = Walls::of(Level::OwnUserOpenFiles, Room::new());
        let spawn = Spawn::new("/bin/sh").identity(Identity::Uid(UID)).walls(walls).network(network);
        assert_eq!(run(spawn, script).await.0, wanted);
    }
}

/// What stands behind each descriptor of this process.
fn open_here() -> Vec<String> {
    let here = std::fs::read_dir("/proc/self/fd").expect("the descriptors").flatten();
    let mut open: Vec<_> = here
        .filter_map(|entry| {
            let behind = std::fs::read_link(entry.path()).ok()?;
            Some(format!("{} {}", entry.file_name().to_string_lossy(), behind.display()))
        })
        // The directory that is being read.
        .filter(|line| !line.ends_with("/fd"))
        .collect();
    open.sort();
    open
}

#[tokio::test]
async fn as_root_a_child_is_born_beside_thousands_of_descriptors_and_leaves_none_of_its_own_behind() {
    if !is_root() {
        return skipped("root");
    }
    reserve_places();
    let many: Vec<_> = (0..600).map(|_| std::fs::File::open("/dev/zero").expect("opens")).collect();
    for leaky in &many {
        rustix::io::fcntl_setfd(leaky, rustix::io::FdFlags::empty()).expect("would be inherited");
    }
    let networks = Arc::new(Networks::default());
    networks.fill(1).expect("nobody else fills it").join().expect("ends");
    let script = "for fd in /proc/self/fd/*; do echo \"${fd##*/}\"; done | tr '\\n' ' '; cat <&7; id -u";
    let before = open_here();
    for network in [networks.take(), None] {
        let (given, mut writer) = std::io::pipe().expect("a pipe");
        writer.write_all(b"a word ").expect("fits");
        drop(writer);
        let walls = Walls::of(Level::OwnUserOpenFiles, Room::new()).with_own_processes();
        let spawn = Spawn::new("/bin/sh").identity(Identity::Uid(UID)).walls(walls).network(network);
        let (text, exit) = run(spawn.descriptor(given, 7), script).await;
        assert_eq!((text.replace(" 3 ", " "), exit), (format!("0 1 2 7 a word {UID}"), Exit::Code(0)));
    }
    assert_eq!(open_here(), before.into_iter().filter(|line| !line.contains("net:")).collect::<Vec<_>>());
    let refused = Spawn::new("/no/such/program").identity(Identity::Uid(UID)).spawn().expect("is born");
    assert_eq!(refused.started().expect_err("is refused").step, Step::Program);
    assert_eq!(refused.wait().await.expect("ends"), Exit::Code(126));
}

#[tokio::test]
async fn an_ordinary_user_gets_a_user_namespace_with_the_same_walls() {
    if was_run_as_nobody("walls::an_ordinary_user_gets_a_user_namespace_with_the_same_walls") {
        return;
    }
    if probe(UID) == Level::Nothing {
        return skipped("user namespaces");
    }
    let home = tempfile::tempdir().expect("a directory");
    let walls = Walls::of(Level::UserNamespace, room(home.path()));
    let script = "[ $(id -u) = \"$1\" ]; pwd; echo hello >file && cat file; ls -d /proc /tmp /root 2>/dev/null; \
                  touch /usr/new 2>/dev/null || echo usr is read-only; unshare -n true 2>/dev/null || echo no rights; \
                  mount -t tmpfs x /data 2>/dev/null || echo no mounts";
    let (text, exit) = run(Spawn::new("/bin/sh").walls(walls), script).await;
    assert_eq!((text.as_str(), exit), ("/data\nhello\nusr is read-only\nno rights\nno mounts", Exit::Code(0)));
}

#[tokio::test]
async fn a_role_finds_its_data_below_a_closed_home_and_its_boot_document_on_descriptor_3() {
    let home = tempfile::tempdir().expect("a directory");
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).expect("closed above");
    let data = home.path().join("data");
    std::fs::create_dir(&data).expect("makes");
    let uid = is_root().then_some(UID);
    chown(&data, uid, uid).expect("gives");
    let program = home.path().join("role.sh");
    std::fs::write(&program, "#!/bin/sh\necho $1 $2 $3; cat <&3; echo; cd \"$DATA\" && echo here; id -u >&2\n")
        .expect("writes");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("can be run");
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let spawn =
        Spawn::role(&program, "platform", b"{\"boot\":1}", vec![(writer.into(), 1)], uid, &data).expect("a role");
    let child = spawn.environment("DATA", data.to_str().expect("text")).spawn().expect("is born");
    child.started().expect("starts");
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("reads");
    assert_eq!(text, "platform --boot-fd 3\n{\"boot\":1}\nhere\n");
    assert_eq!(child.wait().await.expect("ends"), Exit::Code(0));
}

#[tokio::test]
async fn what_the_kernel_refuses_is_named() {
    let child = Spawn::new("/nowhere/at/all").spawn().expect("is born");
    let refused = child.started().expect_err("cannot start");
    assert_eq!((refused.step, refused.error.kind()), (Step::Program, std::io::ErrorKind::NotFound));
    assert_eq!(child.wait().await.expect("ends"), Exit::Code(126));
    assert_eq!(child.wait().await.expect("says it again"), Exit::Code(126));
}

#[tokio::test]
async fn a_dropped_child_is_killed_and_a_signal_ends_one() {
    let child = Spawn::new("/bin/sleep").arg("1000").spawn().expect("is born");
    let pid = child.pid();
    drop(child);
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    let child = Spawn::new("/bin/sleep").arg("1000").spawn().expect("is born");
    child.started().expect("starts");
    child.signal(ally_sandbox::Signal::TERM).expect("is told");
    assert_eq!(child.wait().await.expect("ends"), Exit::Signal(15));
    child.signal(ally_sandbox::Signal::TERM).expect("is not an error");
}
