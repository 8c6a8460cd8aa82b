//! What each wall costs: the shortest and the median time in milliseconds, for the part of a wake that it stands in.
//!
//! `cargo bench -p ally-sandbox`. As root it measures what an installation for several people has.
#![expect(clippy::disallowed_macros, reason = "what it measures is printed")]

use ally_sandbox::{
    Access, Ceilings, Cgroups, Confinement, Identity, Level, Limits, Part, Place, Room, Spawn, Wall, Walls, confine,
    probe,
};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const ROUNDS: usize = 300;
const UID: u32 = 261_500;

fn print(name: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    println!("{name:<58} min {:.3}  p50 {:.3}", times[0], times[times.len() / 2]);
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

/// In threads of their own, because it cannot be undone.
fn from_inside(name: &str, part: Part, walls: &[Wall], data: &Path) {
    let once = || {
        let confinement = Confinement::new(part).read_write(data).read("/usr/share/zoneinfo").call("/run");
        let begun = Instant::now();
        confine(&confinement, walls).expect("is confined");
        millis(begun)
    };
    let times = (0..ROUNDS).map(|_| std::thread::scope(|scope| scope.spawn(once).join().expect("a time")));
    print(name, times.collect());
}

fn room(data: &Path) -> Room {
    let mut room = Room::new();
    room.show_system().expect("the system");
    room.show_device("null").expect("a device");
    room.show_device("urandom").expect("a device");
    room.show(data, Path::new("/data"), Access::ReadWrite).expect("the data");
    room
}

/// From the call to the end of a program that does nothing.
async fn from_outside(name: &str, describe: impl Fn() -> Spawn) {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let child = describe().spawn().expect("is born");
        child.started().expect("starts");
        times.push(millis(begun));
        child.wait().await.expect("ends");
    }
    print(name, times);
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let data = tempfile::tempdir().expect("a directory");
    let level = probe(UID);
    println!("level {}, {ROUNDS} rounds, milliseconds", level.name());
    from_inside("Landlock of an assistant", Part::Assistant, &[Wall::Landlock], data.path());
    from_inside("system calls of an assistant", Part::Assistant, &[Wall::Seccomp], data.path());
    from_inside("system calls of the gateway", Part::Gateway, &[Wall::Seccomp], data.path());
    let program = || Spawn::new("/bin/true").dies_with_parent();
    from_outside("a process, until its program runs", program).await;
    from_outside("… with processes of its own", || program().walls(Walls::none().with_own_processes())).await;
    if !level.has_own_user() {
        return;
    }
    let identity = Identity::Uid(UID);
    let walls = || Walls::of(Level::OwnUser, room(data.path()));
    from_outside("… with user, root and namespaces", || program().identity(identity).walls(walls())).await;
    let all = || program().identity(identity).walls(walls().with_own_processes());
    from_outside("… with processes of its own too", all).await;
    let ceilings = Ceilings { open_files: 1024, processes: Some(64), memory: 320 << 20, file_size: 1 << 33 };
    from_outside("… with ceilings too", || all().ceilings(ceilings)).await;
    let cgroups = Arc::new(Cgroups::find());
    let place = || Place {
        cgroups: Arc::clone(&cgroups),
        name: format!("bench-{}", std::process::id()),
        limits: Limits { memory: 256 << 20, processes: 64, cpu_percent: 100 },
    };
    from_outside("… with limits too", || all().ceilings(ceilings).place(place())).await;
}
