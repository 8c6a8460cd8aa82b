//! Who may have a data directory.

use crate::world::{World, is_root};
use ally_sandbox::Level;

#[tokio::test]
async fn a_second_host_on_the_same_directory_is_refused() {
    let first = World::new().await;
    first.person().await;
    let mut second = World::asleep();
    second.boot.data_dir = first.boot.data_dir.clone();
    second.start();
    let problem = second.refusal().await;
    assert_eq!((problem.kind.as_ref(), problem.next_step.is_some()), ("host_running", true));
}

#[tokio::test]
async fn a_directory_made_in_the_other_mode_is_refused_with_the_next_step() {
    let mut world = World::new().await;
    world.person().await;
    world.stop().await;
    let marker = world.home.path().join("host/mode");
    let mine = std::fs::read_to_string(&marker).expect("reads");
    assert_eq!(mine, if is_root() { "own users\n" } else { "one user\n" });
    std::fs::write(&marker, if is_root() { "one user\n" } else { "own users\n" }).expect("writes");
    world.start();
    let problem = world.refusal().await;
    assert_eq!((problem.kind.as_ref(), problem.next_step.is_some()), ("other_mode", true));
}

#[tokio::test]
async fn walls_lower_than_required_are_refused() {
    if is_root() {
        return;
    }
    let mut world = World::asleep();
    world.boot.require_sandbox = Some(Level::OwnUser);
    world.start();
    assert_eq!(world.refusal().await.kind, "walls_too_low");
}
