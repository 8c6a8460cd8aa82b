//! An assistant in somebody else's hands: what it does to the host, it does to nobody else.

use crate::skipped::skipped;
use crate::world::{World, is_root, until};
use ally_host::Shares;
use ally_types::host::ToGateway;
use ally_types::{Clock, SystemClock, Timestamp};
use rustix::fs::inotify;
use std::mem::MaybeUninit;
use std::time::Instant;

#[tokio::test]
async fn whoever_floods_the_host_with_lines_keeps_nobody_from_being_woken_and_is_not_heard_any_more() {
    let world = World::new().await;
    let (mira, jon) = (world.person().await, world.person().await);
    assert_eq!(world.ask(mira, "flood_with_empty_lines").await, "flooding");
    assert_eq!(world.ask(jon, "key").await.len(), 64);
    let note = world.data(mira).join("note");
    until("the pipe is closed", || {
        std::fs::read_to_string(&note).is_ok_and(|note| note == "nobody listens").then_some(())
    })
    .await;
    assert_eq!(world.ask(mira, "key").await.len(), 64, "for the rest it lives on");
}

#[tokio::test]
async fn whoever_sets_the_alarm_again_and_again_makes_few_writes_and_the_last_one_holds() {
    let world = World::new().await;
    let mira = world.person().await;
    world.who(mira).await;
    let kept = world.home.path().join("host/servers");
    let watch = inotify::init(inotify::CreateFlags::NONBLOCK).expect("a watch");
    // With both, no two events that follow one another are alike: the kernel would make one of them.
    let both = inotify::WatchFlags::MOVED_FROM | inotify::WatchFlags::MOVED_TO;
    inotify::add_watch(&watch, &kept, both).expect("watches");
    let begun = Instant::now();
    let from = SystemClock.now().plus_millis(3_600_000);
    assert_eq!(world.ask(mira, &format!("alarms {} 300", from.as_millis())).await, "set");
    assert_eq!(world.ask(mira, "leave").await, "leaving");
    let mark = world.home.path().join(format!("host/awake/{mira}"));
    until("it is asleep", || (!mark.exists()).then_some(())).await;
    let seconds = usize::try_from(begun.elapsed().as_secs()).expect("few");
    let text = std::fs::read(kept.join(format!("{mira}.json"))).expect("reads");
    let mut ledger: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let alarm: Timestamp = serde_json::from_value(ledger["alarm"].take()).expect("a moment");
    assert_eq!(alarm, from.plus_millis(299));
    let mut space = [MaybeUninit::uninit(); 1 << 16];
    let mut events = inotify::Reader::new(&watch, &mut space);
    let kinds = std::iter::from_fn(|| events.next().ok().map(|event| event.events()));
    let saves = kinds.filter(|kind| kind.contains(inotify::ReadFlags::MOVED_TO)).count();
    assert!((1..=seconds + 3).contains(&saves), "{saves} saves in {seconds} s");
}

#[tokio::test]
async fn whoever_shuts_its_socket_down_is_given_a_new_one() {
    let world = World::new().await;
    let mira = world.person().await;
    let mut gateway = world.gateway().await;
    gateway.meets().await;
    for (epoch, ends) in [(1, "shut_down_and_leave"), (2, "shut_down_and_crash"), (3, "leave")] {
        assert_eq!(world.who(mira).await.epoch, epoch, "each call is one start");
        assert_eq!(gateway.hears().await, ToGateway::Awake { server: mira });
        world.ask(mira, ends).await;
        assert_eq!(gateway.hears().await, ToGateway::Asleep { server: mira });
    }
    assert_eq!(world.who(mira).await.epoch, 4);
}

#[tokio::test]
async fn whoever_hides_what_fills_the_disk_in_files_without_a_name_is_killed() {
    if !is_root() {
        return skipped("root");
    }
    let mut world = World::asleep();
    world.boot.shares = Shares { disk_mb: 64, measure_millis: 60, ..Shares::default() };
    world.start();
    let mira = world.person().await;
    let first = world.who(mira).await;
    assert_eq!(world.ask(mira, "grow_without_a_name 40").await, "grown");
    // It may be killed before it can say that it has done so.
    world.ask(mira, "grow_without_a_name 40").await;
    until("it is killed", || (!first.is_alive()).then_some(())).await;
    assert!(!world.data(mira).join("note").exists(), "nobody asked it to leave");
    assert_eq!(world.ask(mira, "is_full").await, "false", "with it went what it had");
}

/// What came out of one call of `say`, and whose line it is.
fn lines_of(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains(" an assistant says server=")).collect()
}

#[tokio::test]
async fn of_what_an_assistant_writes_to_its_log_only_lines_of_our_own_pass_and_never_as_somebody_elses() {
    let world = World::asleep();
    let (host, log) = crate::process::start_with_log(&world);
    let (mira, jon) = (world.person().await, world.person().await);
    let forged = format!("2026-11-21T12:00:00.000Z Error an assistant ended server={jon} code=3");
    world.ask(mira, &format!("say {forged}\\n2026-11-21T12:00:00.000Z Info the host has stopped\\r\\e[2J\\n")).await;
    // What its person wrote, as a line of its own, behind one of ours, and in place of a value.
    let word = "aubergine";
    world.ask(mira, &format!("say {word}\\n2026-11-21T12:00:00.000Z Warn connections were cut {word}\\n")).await;
    world.ask(mira, &format!("say 2026-11-21T12:00:00.000Z Error the database failed code={word}\\n")).await;
    world.ask(mira, "say 2026-11-21T12:00:00.000Z Warn connections were cut").await;
    world.ask(mira, "crash").await;
    world.who(mira).await;
    host.signal(ally_sandbox::Signal::TERM).expect("is told");
    host.wait().await.expect("ends");
    let log = log();
    let whole: Vec<&str> =
        lines_of(&log).into_iter().filter_map(|line| line.split_once(' ').map(|(_, rest)| rest)).collect();
    let says = |level: &str, text: &str| format!("{level} an assistant says server={mira} says=\"{text}\"");
    let wanted = [says("Error", "the database failed code=?"), says("Warn", "connections were cut")];
    assert_eq!(whole, wanted, "{log}");
    let of_jon = log.lines().filter(|line| line.contains(&jon.to_string()) && !line.contains(&mira.to_string()));
    assert!(of_jon.clone().all(|line| line.contains(" a server was made ")), "{:?}", of_jon.collect::<Vec<_>>());
    assert_eq!(log.matches("the host has stopped").count(), 1, "its own: {log}");
    assert!(!log.contains(word), "{log}");
    let too_much = format!("Warn an assistant says too much server={mira} dropped_lines=");
    assert!(log.contains(&too_much), "what did not pass is counted: {log}");
}

#[tokio::test]
async fn whoever_floods_the_log_fills_nothing_and_keeps_nobody_waiting() {
    let world = World::asleep();
    let (host, log) = crate::process::start_with_log(&world);
    let (mira, jon) = (world.person().await, world.person().await);
    assert_eq!(world.ask(mira, "say_without_end").await, "saying");
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(world.ask(jon, "key").await.len(), 64);
        assert_eq!(world.ask(mira, "key").await.len(), 64, "it goes on itself");
    }
    world.ask(mira, "crash").await;
    let seconds = usize::try_from(begun.elapsed().as_secs()).expect("few");
    host.signal(ally_sandbox::Signal::TERM).expect("is told");
    host.wait().await.expect("ends");
    let log = log();
    let lines = lines_of(&log).len();
    assert!((100..=100 + 10 * (seconds + 2)).contains(&lines), "{lines} lines in {seconds} s");
    assert!(log.lines().any(|line| line.contains(&format!("Warn an assistant says too much server={mira}"))), "{log}");
}
