//! Usage limits: who may still call, what counts, who is told, and what the platform learns of it.

use crate::models::{ask, events};
use crate::world::{Choice, Person, Trouble, World, settle};
use ally_gateway::{Allowance, Limits, Plans, Reach};
use ally_llm::script::{Gate, Rule, Step, Turn};
use ally_llm::stand_in::{KEY, StandIn};
use ally_llm::{Event, FailureKind, Provider, Scripted, Usage};
use ally_types::{Clock as _, ServerId};
use serde_json::{Value, json};

const DAY: i64 = 86_400_000;

fn plans(default: Allowance) -> Plans {
    let by_name = [("standard".to_owned(), default)].into();
    Plans { default: Some("standard".to_owned()), by_name, daily_ceiling: None }
}

fn daily(tokens: i64) -> Plans {
    plans(Allowance { tokens_per_day: Some(tokens.unsigned_abs()), tokens_per_month: None })
}

fn ceiling(tokens: i64) -> Plans {
    Plans { daily_ceiling: Some(tokens.unsigned_abs()), ..Plans::default() }
}

/// A model that answers "hold" when the gate opens, and everything else at once; each answer uses so many tokens.
fn model(gate: &Gate, used: u64) -> Scripted {
    let script = Scripted::saying([]);
    let usage = Some(Usage { input: used, ..Usage::default() });
    // The rule that was added last wins.
    for (when, first) in [("", Step::Text(String::new())), ("hold", Step::Hold(gate.clone()))] {
        let turn = Turn { usage, ..Turn::of([Step::Text("a ".to_owned()), first, Step::Text("b".to_owned())]) };
        script.always(Rule { when: when.to_owned(), turns: vec![turn] });
    }
    script
}

async fn world(script: &Scripted, plans: Plans) -> World {
    let limits = Some(Limits { calls: 1000, ..Limits::default() });
    let provider = Some(Provider::Scripted(script.clone()));
    World::with(Choice { provider, limits, plans, ..Choice::default() }).await
}

/// What a call holds while it runs.
async fn held_by_one() -> i64 {
    let gate = Gate::default();
    let world = world(&model(&gate, 1), Plans::default()).await;
    let mira = world.person();
    let answer = ask(&world, mira.server, "hold", None).await;
    let row = world.gateway.counters().of(mira.server, world.clock.now()).await.unwrap().unwrap();
    drop(answer);
    row.reserved
}

/// Which answers were let through; the others were refused for the limit, before anything left.
async fn let_through(answers: Vec<http::Response<hyper::body::Incoming>>, gate: &Gate) -> usize {
    gate.open();
    let mut through = 0;
    for answer in answers {
        let events = events(answer).await;
        match events.as_slice() {
            [Event::Failed { failure }] => assert_eq!(failure.kind, FailureKind::Limit),
            _ => through += 1,
        }
    }
    through
}

async fn is_through(world: &World, person: &Person) -> bool {
    !matches!(events(ask(world, person.server, "asks", None).await).await.as_slice(), [Event::Failed { .. }])
}

async fn settled(world: &World, server: ServerId) -> i64 {
    world.gateway.counters().of(server, world.clock.now()).await.unwrap().map_or(0, |row| row.settled)
}

async fn limits(world: &World, person: &Person) -> Value {
    let (status, text) = world.get("/api/v1/limits").by(person).text().await;
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn of_a_hundred_calls_at_once_exactly_as_many_leave_as_the_limit_holds() {
    let one = held_by_one().await;
    for allowed in [0, 1, 7, 50, 99, 100] {
        let gate = Gate::default();
        let script = model(&gate, 1);
        let world = world(&script, daily(allowed * one + one - 1)).await;
        let mira = world.person();
        let asked = (0..100).map(|_| ask(&world, mira.server, "hold", None));
        let answers = futures_util::future::join_all(asked).await;
        assert_eq!(let_through(answers, &gate).await, usize::try_from(allowed).unwrap());
        assert_eq!(script.seen().len(), usize::try_from(allowed).unwrap(), "nothing left that was refused");
    }
}

#[tokio::test]
async fn of_a_hundred_people_at_once_exactly_as_many_call_as_the_ceiling_of_the_installation_holds() {
    let one = held_by_one().await;
    for allowed in [1, 42] {
        let gate = Gate::default();
        let script = model(&gate, 1);
        let world = world(&script, ceiling(allowed * one)).await;
        let people: Vec<_> = (0..100).map(|_| world.person()).collect();
        let asked = people.iter().map(|person| ask(&world, person.server, "hold", None));
        let answers = futures_util::future::join_all(asked).await;
        assert_eq!(let_through(answers, &gate).await, usize::try_from(allowed).unwrap());
        assert_eq!(script.seen().len(), usize::try_from(allowed).unwrap());
    }
}

#[tokio::test]
async fn calls_that_come_while_others_end_use_the_limit_up_and_no_more() {
    let one = held_by_one().await;
    let gate = Gate::default();
    // Each call uses just what it held, so twenty fit, in whatever order they begin and end.
    let script = model(&gate, one.unsigned_abs());
    let world = world(&script, daily(20 * one)).await;
    let mira = world.person();
    let mut through = 0;
    for _ in 0..10 {
        let asked = (0..10).map(|_| is_through(&world, &mira));
        through += futures_util::future::join_all(asked).await.into_iter().filter(|through| *through).count();
    }
    assert_eq!(through, 20);
    world.gateway.settled().await;
    assert_eq!(settled(&world, mira.server).await, 20 * one);
}

#[tokio::test]
async fn what_is_kept_for_one_persons_next_question_keeps_nobody_else_from_asking() {
    let one = held_by_one().await;
    let gate = Gate::default();
    let world = world(&model(&gate, 1), ceiling(4 * (one + 2048))).await;
    let (mira, jon) = (world.person(), world.person());
    assert!(is_through(&world, &mira).await);
    let kept = world.gateway.counters().of(mira.server, world.clock.now()).await.unwrap().unwrap().reserved;
    assert!(kept > one, "something is kept for her: {kept}");
    let open = futures_util::future::join_all((0..100).map(|_| ask(&world, jon.server, "hold", None))).await;
    // What she used is one token; all the rest is his, also what was kept for her.
    let fits = (4 * (one + 2048) - 1) / one;
    assert!(fits > (4 * (one + 2048) - 1 - kept) / one && fits < 100);
    assert_eq!(let_through(open, &gate).await, usize::try_from(fits).unwrap());
}

#[tokio::test]
async fn a_limit_says_when_it_begins_anew_and_does() {
    let one = held_by_one().await;
    let script = model(&Gate::default(), 250);
    let world = world(&script, daily(250 + one - 1)).await;
    let (mira, jon) = (world.person(), world.person());
    assert!(is_through(&world, &mira).await);
    match events(ask(&world, mira.server, "asks", None).await).await.as_slice() {
        [Event::Failed { failure }] => {
            assert_eq!((failure.kind, failure.retry_after), (FailureKind::Limit, Some(69_601)));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(script.seen().len(), 1, "nothing left");
    assert!(is_through(&world, &jon).await, "each has a limit of her own");
    world.clock.advance_millis(DAY);
    assert!(is_through(&world, &mira).await);
}

#[tokio::test]
async fn a_month_counts_its_days_together_and_a_day_has_its_own_limit_too() {
    let of_day = 400 + held_by_one().await - 1;
    let month = Allowance { tokens_per_day: Some(of_day.unsigned_abs()), tokens_per_month: Some(1200) };
    let world = world(&model(&Gate::default(), 400), plans(month)).await;
    let mira = world.person();
    assert!(is_through(&world, &mira).await);
    assert!(!is_through(&world, &mira).await, "the day is full");
    world.clock.advance_millis(DAY);
    assert!(is_through(&world, &mira).await);
    world.clock.advance_millis(DAY);
    assert!(is_through(&world, &mira).await, "1,200 are not reached before it leaves");
    world.clock.advance_millis(DAY);
    assert!(!is_through(&world, &mira).await, "the month is full");
    let limits = limits(&world, &mira).await;
    assert_eq!(limits["items"][1]["resets_at"], "2025-12-01T00:00:00.000Z");
    assert_eq!((&limits["items"][1]["used"], &limits["items"][1]["percent"]), (&json!(1200), &json!(100)));
    world.clock.advance_millis(7 * DAY);
    assert!(is_through(&world, &mira).await, "1 December");
}

#[tokio::test]
async fn a_killed_process_resets_nothing_and_what_was_held_counts() {
    let one = held_by_one().await;
    let gate = Gate::default();
    let before = world(&model(&gate, 1), daily(2 * one)).await;
    let mira = before.person();
    let open = [ask(&before, mira.server, "hold", None).await, ask(&before, mira.server, "hold", None).await];
    let copy = tempfile::tempdir().unwrap();
    for file in ["counters.db", "counters.db-wal"] {
        std::fs::copy(before.directory.path().join(file), copy.path().join(file)).unwrap();
    }
    let provider = Some(Provider::Scripted(model(&gate, 1)));
    let after = World::with(Choice { provider, plans: daily(2 * one), directory: Some(copy), ..Choice::default() });
    let after = after.await;
    assert!(!is_through(&after, &mira).await, "both calls had left");
    assert_eq!(settled(&after, mira.server).await, 2 * one);
    drop(open);
}

#[tokio::test]
async fn an_answer_that_somebody_stopped_counts() {
    let one = held_by_one().await;
    let gate = Gate::default();
    let world = world(&model(&gate, 900), daily(900 + one - 1)).await;
    let mira = world.person();
    let answer = ask(&world, mira.server, "hold", None).await;
    let mut body = answer.into_body();
    assert!(crate::world::piece(&mut body).await.unwrap().contains("started"));
    drop(body);
    settle().await;
    world.gateway.settled().await;
    let used = settled(&world, mira.server).await;
    assert!(used > 0, "{used}");
    // What she used is missing from what she may use: a limit of so much less than two calls.
    let limits = limits(&world, &mira).await;
    assert_eq!(limits["items"][0]["used"], json!(used));
}

#[tokio::test]
async fn a_key_of_ones_own_and_a_model_at_home_have_no_limit() {
    let stand_in = StandIn::start().await.unwrap();
    let reach = Reach { base_url: Some(stand_in.url()), ..Reach::default() };
    let provider = Some(Provider::Scripted(Scripted::saying([])));
    let world = World::with(Choice { provider, reach, plans: daily(1), ..Choice::default() }).await;
    let mira = world.person();
    assert!(!is_through(&world, &mira).await);
    world.connect_key(&mira, KEY).await;
    let own = events(ask(&world, mira.server, "hello", Some(KEY)).await).await;
    assert!(matches!(own.last(), Some(Event::Finished { .. })), "{own:?}");
    assert_eq!(settled(&world, mira.server).await, 0);
    let at_home = World::with(Choice { plans: daily(1), ..Choice::default() }).await;
    let jon = at_home.person();
    assert!(is_through(&at_home, &jon).await, "built-in commands answer");
}

#[tokio::test]
async fn each_notice_comes_once_in_each_day() {
    let gate = Gate::default();
    let world = world(&model(&gate, 300), daily(1000)).await;
    let mira = world.person();
    let notice = async || limits(&world, &mira).await.get("notice").map(|notice| notice["percent"].as_i64().unwrap());
    let dismiss = async |percent: i64| {
        let body = json!({"span": "day", "percent": percent});
        world.ask("POST", "/api/v1/limits/dismiss").by(&mira).here().json(&body).text().await.0
    };
    assert!(is_through(&world, &mira).await);
    assert_eq!(notice().await, None);
    assert!(is_through(&world, &mira).await);
    assert_eq!(notice().await, Some(50));
    assert_eq!((dismiss(51).await, dismiss(50).await), (422, 204));
    assert_eq!(notice().await, None);
    assert!(is_through(&world, &mira).await);
    assert_eq!(notice().await, Some(80));
    assert!(!is_through(&world, &mira).await, "no call fits into the rest");
    assert_eq!(notice().await, Some(100));
    assert_eq!(dismiss(100).await, 204);
    assert!(!is_through(&world, &mira).await);
    assert_eq!(notice().await, None);
    world.clock.advance_millis(DAY);
    assert!(is_through(&world, &mira).await && is_through(&world, &mira).await);
    assert_eq!(notice().await, Some(50), "a new day, a new notice");
}

#[tokio::test]
async fn without_a_plan_there_is_no_limit_and_no_notice() {
    let world = World::new().await;
    assert_eq!(limits(&world, &world.person()).await, json!({"items": []}));
}

#[tokio::test]
async fn of_the_ceiling_a_person_learns_only_that_it_stopped_her() {
    let gate = Gate::default();
    let world = world(&model(&gate, 300), ceiling(400)).await;
    let (mira, jon) = (world.person(), world.person());
    assert!(is_through(&world, &mira).await);
    assert_eq!(limits(&world, &jon).await, json!({"items": []}));
    assert!(!is_through(&world, &jon).await);
    let expected = json!({"span": "everybody", "percent": 100, "resets_at": "2025-11-22T00:00:00.000Z"});
    assert_eq!(limits(&world, &jon).await, json!({"items": [], "notice": expected}));
}

#[tokio::test]
async fn the_platform_says_who_has_which_plan_and_what_it_said_holds_while_it_is_away() {
    let gate = Gate::default();
    let mut plans = daily(1);
    plans.by_name.insert("large".to_owned(), Allowance::default());
    let world = world(&model(&gate, 1), plans.clone()).await;
    let people: Vec<_> = (0..5).map(|_| world.person()).collect();
    let large = |person: &Person| (person.server, "large".to_owned());
    *world.platform.plans.lock().unwrap() = people[1..].iter().map(large).collect();
    world.gateway.learn_plans().await.unwrap();
    assert!(!is_through(&world, &people[0]).await);
    for person in &people[1..] {
        assert!(is_through(&world, person).await);
        assert_eq!(limits(&world, person).await["plan"], "large");
    }
    // Away: the last word holds, also after a restart.
    world.platform.is_down.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(world.gateway.learn_plans().await.is_err());
    assert!(is_through(&world, &people[1]).await);
    world.gateway.settled().await;
    let copy = tempfile::tempdir().unwrap();
    for file in ["counters.db", "counters.db-wal"] {
        let _ = std::fs::copy(world.directory.path().join(file), copy.path().join(file));
    }
    let provider = Some(Provider::Scripted(model(&gate, 1)));
    let later =
        World::with(Choice { provider, plans: plans.clone(), directory: Some(copy), ..Choice::default() }).await;
    assert!(is_through(&later, &people[1]).await && !is_through(&later, &people[0]).await);
    // A plan that is configured no longer is the usual one.
    later.gateway.learn_plans().await.unwrap();
    *later.platform.plans.lock().unwrap() = vec![(people[0].server, "gone".to_owned())];
    later.gateway.learn_plans().await.unwrap();
    assert!(!is_through(&later, &people[0]).await && !is_through(&later, &people[1]).await);
}

#[tokio::test]
async fn a_changed_plan_is_asked_for_when_the_platform_says_so() {
    let gate = Gate::default();
    let mut plans = daily(1);
    plans.by_name.insert("large".to_owned(), Allowance::default());
    let world = world(&model(&gate, 1), plans).await;
    tokio::spawn(world.gateway.clone().follow_plans());
    let mira = world.person();
    assert!(!is_through(&world, &mira).await);
    *world.platform.plans.lock().unwrap() = vec![(mira.server, "large".to_owned())];
    world.platform.say(&json!({"type": "plans"}));
    while limits(&world, &mira).await["plan"] != "large" {
        tokio::task::yield_now().await;
    }
    assert!(is_through(&world, &mira).await);
}

#[tokio::test]
async fn the_platform_learns_sums_of_days_and_a_lost_answer_changes_nothing() {
    let gate = Gate::default();
    let world = world(&model(&gate, 30), Plans::default()).await;
    let (mira, jon) = (world.person(), world.person());
    for person in [&mira, &mira, &jon] {
        assert!(is_through(&world, person).await);
    }
    let day = world.clock.now().as_millis() / DAY;
    let told = || {
        let mut told = std::mem::take(&mut *world.platform.totals.lock().unwrap());
        told.sort();
        told
    };
    let mut both = vec![(mira.server, day, 60), (jon.server, day, 30)];
    both.sort();
    *world.platform.trouble.lock().unwrap() = Some(Trouble::Fails);
    assert!(world.gateway.tell_totals().await.is_err());
    assert_eq!(told(), both);
    *world.platform.trouble.lock().unwrap() = None;
    world.gateway.tell_totals().await.unwrap();
    assert_eq!(told(), both, "the same sums once more, not the same tokens");
    world.gateway.tell_totals().await.unwrap();
    assert_eq!(told(), [], "nothing new");
    assert!(is_through(&world, &jon).await);
    world.gateway.tell_totals().await.unwrap();
    assert_eq!(told(), [(jon.server, day, 60)]);
}

/// A world whose installation has a key for Anthropic, which is the stand-in here, and its model's window.
async fn with_anthropic(base_url: &str, window: Option<u64>, plans: Plans) -> World {
    let config = ally_llm::anthropic::Config::new(ally_types::Secret::new(KEY));
    let config = ally_llm::anthropic::Config { base_url: base_url.to_owned(), window, ..config };
    let limits = Some(Limits { looks_for_local_models: false, ..Limits::default() });
    World::with(Choice { provider: Some(Provider::Anthropic(config)), limits, plans, ..Choice::default() }).await
}

fn asked_for(stand_in: &StandIn) -> Vec<String> {
    stand_in.seen().into_iter().map(|seen| seen.path).collect()
}

const COUNT: &str = "/v1/messages/count_tokens";
const ASK: &str = "/v1/messages";

#[tokio::test]
async fn near_a_limit_the_provider_counts_the_question_and_elsewhere_nobody_does() {
    let one = held_by_one().await;
    let stand_in = StandIn::start().await.unwrap();
    let far = with_anthropic(&stand_in.url(), None, daily(100 * one)).await;
    let mira = far.person();
    for _ in 0..3 {
        assert!(is_through(&far, &mira).await);
    }
    assert_eq!(asked_for(&stand_in), [ASK; 3], "an ordinary question is not counted");
    // Our estimate would not fit; what the provider counts does.
    let stand_in = StandIn::start().await.unwrap();
    let near = with_anthropic(&stand_in.url(), None, daily(one - 1)).await;
    let mira = near.person();
    assert!(is_through(&near, &mira).await);
    assert_eq!(asked_for(&stand_in), [COUNT, ASK]);
    assert_eq!(limits(&near, &mira).await.get("notice"), None, "nothing was refused");
    // A question that does not fit, however it is counted, does not leave.
    let stand_in = StandIn::start().await.unwrap();
    let full = with_anthropic(&stand_in.url(), None, daily(100)).await;
    assert!(!is_through(&full, &full.person()).await);
    assert_eq!(asked_for(&stand_in), [COUNT]);
}

#[tokio::test]
async fn when_the_provider_does_not_count_the_estimate_stands() {
    let one = held_by_one().await;
    for (limit, expected) in [(one - 1, FailureKind::Limit), (one, FailureKind::Network)] {
        let world = with_anthropic("http://127.0.0.1:9", None, daily(limit)).await;
        match events(ask(&world, world.person().server, "asks", None).await).await.as_slice() {
            [Event::Failed { failure }] => assert_eq!(failure.kind, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn near_the_end_of_the_window_an_answer_is_as_long_as_there_is_room_and_none_is_asked_for_without() {
    let one = held_by_one().await;
    let stand_in = StandIn::start().await.unwrap();
    // Also for whoever has no limit, and for a key of one's own.
    let world = with_anthropic(&stand_in.url(), Some(one.unsigned_abs()), Plans::default()).await;
    let mira = world.person();
    assert!(is_through(&world, &mira).await);
    assert_eq!(asked_for(&stand_in), [COUNT, ASK]);
    let stand_in = StandIn::start().await.unwrap();
    let world = with_anthropic(&stand_in.url(), Some(110), Plans::default()).await;
    match events(ask(&world, world.person().server, "asks", None).await).await.as_slice() {
        [Event::Failed { failure }] => assert_eq!(failure.kind, FailureKind::ContextTooLong),
        other => panic!("{other:?}"),
    }
    assert_eq!(asked_for(&stand_in), [COUNT], "it would have been refused");
}
