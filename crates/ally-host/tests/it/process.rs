//! The host as a process of its own, which can be killed.

use crate::world::{World, program, until};
use ally_sandbox::{Child, Exit, Signal, Spawn};

pub fn start(world: &World) -> Child {
    start_with(world, |spawn| spawn)
}

/// A host whose log is kept, and what hands it out once the host has ended.
pub fn start_with_log(world: &World) -> (Child, impl FnOnce() -> String + use<>) {
    let path = world.home.path().join("log");
    let log = std::fs::File::options().create(true).append(true).open(&path).expect("a log");
    let child = start_with(world, |spawn| spawn.descriptor(log, 2));
    (child, move || std::fs::read_to_string(path).expect("reads"))
}

fn start_with(world: &World, more: impl FnOnce(Spawn) -> Spawn) -> Child {
    let doors = [("host-gateway.sock", 3), ("host-platform.sock", 4)];
    let doors = doors.map(|(name, number)| (world.bind(name).into_std().expect("a socket").into(), number + 10));
    let mut boot = world.boot.clone();
    (boot.gateway_listener_fd, boot.platform_listener_fd) = (13, 14);
    let boot = serde_json::to_vec(&boot).expect("a document");
    let spawn = Spawn::role(&program(), "host", &boot, doors.into(), None, &world.boot.data_dir).expect("a role");
    let child = more(spawn).spawn().expect("is born");
    child.started().expect("starts");
    child
}

#[tokio::test]
async fn when_the_host_is_killed_its_assistants_die_and_the_next_host_starts_them_again() {
    let world = World::asleep();
    let host = start(&world);
    let (mira, jon) = (world.person().await, world.person().await);
    let (first, other) = (world.who(mira).await, world.who(jon).await);
    assert!(world.ask(mira, "walls").await.contains("empty_root"), "the host role keeps its right to build walls");
    assert_eq!(world.ask(jon, "leave").await, "leaving");
    until("jon is asleep", || (!world.home.path().join(format!("host/awake/{jon}")).exists()).then_some(())).await;
    host.kill().expect("is killed");
    assert_eq!(host.wait().await.expect("ends"), Exit::Signal(9));
    until("the assistant dies", || (!first.is_alive()).then_some(())).await;
    let _host = start(&world);
    // Mira may have been in the middle of something, so nobody has to knock. Jon was not.
    let mut gateway = world.gateway().await;
    assert_eq!([gateway.meets().await.0, gateway.meets().await.0], [mira, jon]);
    assert_eq!(gateway.hears().await, ally_types::host::ToGateway::Awake { server: mira });
    assert!(world.who(mira).await.epoch > first.epoch);
    assert!(world.who(jon).await.epoch > other.epoch);
}

#[tokio::test]
async fn when_the_host_is_told_to_stop_its_assistants_finish_first() {
    let world = World::asleep();
    let host = start(&world);
    let mira = world.person().await;
    let who = world.who(mira).await;
    host.signal(Signal::TERM).expect("is told");
    assert_eq!(host.wait().await.expect("ends"), Exit::Code(0));
    assert!(!who.is_alive());
    assert_eq!(std::fs::read_to_string(world.data(mira).join("note")).expect("reads"), "told to stop");
    assert!(!world.home.path().join(format!("host/awake/{mira}")).exists());
}
