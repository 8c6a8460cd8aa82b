//! What one person's process can do to another's, and the same life without root.

use crate::world::{UID_BASE, World, is_root, program};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

#[tokio::test]
async fn a_process_runs_as_its_person_without_network_or_neighbours() {
    let world = World::new().await;
    let (mira, jon) = (world.person().await, world.person().await);
    std::fs::write(world.data(jon).join("secret"), "jon's").expect("writes");
    let who = world.who(mira).await;
    let own = rustix::process::geteuid().as_raw();
    assert_eq!(who.uid, if is_root() { UID_BASE } else { own });
    let theirs = world.data(jon).join("secret");
    assert_eq!(world.ask(mira, &format!("read {}", theirs.display())).await, "NotFound");
    assert_eq!(world.ask(mira, "read /data/../people/secret").await, "NotFound");
    assert_eq!(world.ask(mira, "list /proc").await, "NotFound");
    assert_eq!(world.ask(mira, "list /data").await, "");
    assert_eq!(world.ask(mira, "list /dev").await, "null urandom");
    assert_eq!(world.ask(mira, "outbound").await, "/run/out/out.sock");
    let listener = std::net::UdpSocket::bind("127.0.0.1:0").expect("binds");
    let address = listener.local_addr().expect("an address");
    // The network is empty: not even its own loopback is up.
    assert_eq!(world.ask(mira, &format!("send {address}")).await, "NetworkUnreachable");
    assert!(world.ask(mira, "walls").await.contains("empty_root"));
    assert_eq!(world.ask(mira, "write mine").await, "written");
    assert_eq!(std::fs::read_to_string(world.data(mira).join("mine")).expect("reads"), "written");
}

#[tokio::test]
async fn a_neighbours_file_stays_closed_at_every_level() {
    let world = World::new().await;
    let (mira, jon) = (world.person().await, world.person().await);
    assert_eq!(world.ask(jon, "write secret").await, "written");
    let answer = world.ask(mira, &format!("read {}", world.data(jon).join("secret").display())).await;
    assert!(["NotFound", "PermissionDenied"].contains(&answer.as_str()), "{answer}");
}

/// As in a container whose root may change users but not mount: the level is lower, the life is the same.
#[test]
fn where_mounts_are_forbidden_everybody_still_has_a_user_of_their_own() {
    if !is_root() {
        return;
    }
    let done = Command::new("setpriv")
        .arg("--bounding-set=-sys_admin")
        .arg(std::env::current_exe().expect("a program"))
        .args(["--nocapture", "neighbours_file", "first_byte", "servers::", "host_is_told_to_stop"])
        .output()
        .expect("setpriv runs");
    let log = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{log}");
    assert!(log.contains("level=own_user_only"), "{log}");
}

/// Runs every other test of this program again as nobody.
#[test]
fn an_ordinary_user_has_the_same_life() {
    if !is_root() {
        return;
    }
    // A copy, because the checkout may lie below a closed home.
    let copy = tempfile::tempdir().expect("a directory");
    std::fs::set_permissions(copy.path(), std::fs::Permissions::from_mode(0o755)).expect("opens");
    for name in ["deps", "examples"] {
        std::fs::create_dir(copy.path().join(name)).expect("makes");
    }
    let test = copy.path().join("deps/it");
    std::fs::copy(std::env::current_exe().expect("a program"), &test).expect("copies");
    std::fs::copy(program(), copy.path().join("examples/fake_assistant")).expect("copies");
    let done = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(test)
        .args(["--test-threads", "4", "--skip", "an_ordinary_user", "--skip", "where_mounts"])
        .output()
        .expect("setpriv runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
}
