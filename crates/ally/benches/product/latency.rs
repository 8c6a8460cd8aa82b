//! What Ally adds to the first token: people with awake assistants and open streams, against the same stand-in asked
//! directly with the same prompts, at the same number in the same round. Decision 0005 says why it is measured so.

use crate::browser::Browser;
use crate::installation::Installation;
use crate::lite_llm::LiteLlm;
use crate::load::{Asker, Rhythm, ask_all};
use crate::machine::Work;
use crate::{ROUNDS, machine, median, share, with_anthropic};
use ally_llm::stand_in::{Pace, StandIn};

/// How many people, and what may be added for them, in milliseconds.
const BARS: [(usize, f64); 3] = [(1, 2.0), (10, 2.0), (100, 5.0)];

/// At least so many questions a round, and so many of each person.
const QUESTIONS: usize = 40;
const OF_EACH: usize = 4;

/// Prints the added latency at 1, 10 and 100 people, spread and all at once, and what a turn costs. `only` names the
/// numbers that are wanted; none means all.
pub async fn added(only: &[usize]) {
    let bars = || BARS.into_iter().filter(|(number, _)| only.is_empty() || only.contains(number));
    let stand_in = StandIn::start().await.unwrap();
    stand_in.pace(Pace { first_ms: 200, tokens: 20, between_ms: 10 });
    let installation = with_anthropic(&stand_in.url());
    let most = bars().map(|(number, _)| number).max().unwrap_or(1);
    let people = people(&installation, most).await;
    for (number, bar) in bars() {
        for rhythm in [Rhythm::Spread, Rhythm::Burst] {
            measure(&stand_in, &installation, &people[..number], rhythm, bar).await;
        }
    }
    println!(
        "memory behind it, {most:3} streams open      {:10.1} MB  (gateway and assistants)",
        memory(&installation)
    );
    installation.stop();
    match LiteLlm::start(&stand_in.url(), ally_llm::anthropic::DEFAULT_MODEL).await {
        Some(proxy) => compare(&stand_in, &proxy, bars().map(|(number, _)| number)).await,
        None => println!("LiteLLM was not measured: ALLY_BENCH_LITELLM does not name its program"),
    }
}

/// Megabytes of the processes that answers go through.
fn memory(installation: &Installation) -> f64 {
    let pids = ["gateway", "assistant"].into_iter().flat_map(|role| installation.processes(role));
    pids.map(machine::pss_megabytes).sum()
}

/// The same with another proxy in between, asked in the provider's own format.
async fn compare(stand_in: &StandIn, proxy: &LiteLlm, numbers: impl Iterator<Item = usize>) {
    let asked = stand_in.seen().last().expect("a question").body.to_string();
    for number in numbers {
        let times = (QUESTIONS / number).max(OF_EACH);
        let (mut added, mut machine) = (Vec::new(), machine::Rounds::default());
        for _ in 0..ROUNDS {
            machine.begin();
            let mut medians = Vec::new();
            for address in [proxy.address(), stand_in.address()] {
                let mut askers = Vec::new();
                for _ in 0..number {
                    askers.push(Asker::of_provider(address, &asked).await);
                }
                let (_, askers) = ask_all(askers, 1, Rhythm::Spread).await;
                medians.push(median(ask_all(askers, times, Rhythm::Spread).await.0));
            }
            added.push(medians[0] - medians[1]);
        }
        println!(
            "added by LiteLLM's proxy, {number:3} spread,           p50 {:8.2} ms  (reported){}",
            median(added),
            machine.beside()
        );
        machine.print();
    }
    println!("memory of LiteLLM's proxy               {:10.1} MB", proxy.pss_megabytes());
}

async fn measure(stand_in: &StandIn, installation: &Installation, people: &[Browser], rhythm: Rhythm, bar: f64) {
    let number = people.len();
    let times = match rhythm {
        Rhythm::Spread => (QUESTIONS / number).max(OF_EACH),
        Rhythm::Burst => 1,
    };
    let (mut added, mut worst, mut machine, mut work) = (Vec::new(), Vec::new(), machine::Rounds::default(), None);
    for _ in 0..ROUNDS {
        let mut askers = Vec::new();
        for person in people {
            let cookie = person.cookie.lock().unwrap().clone().unwrap();
            askers.push(Asker::of_ally(installation.address, &cookie, &person.chat().await).await);
        }
        // The first turn of a chat wakes, connects and fills caches.
        let (_, askers) = ask_all(askers, 1, Rhythm::Spread).await;
        machine.begin();
        let before = Work::of(installation);
        let (mut through, _) = ask_all(askers, times, rhythm).await;
        work = Some((Work::of(installation).since(&before), number * times));
        let asked = stand_in.seen().last().expect("the last question").body.to_string();
        let mut askers = Vec::new();
        for _ in people {
            askers.push(Asker::of_provider(stand_in.address(), &asked).await);
        }
        let (_, askers) = ask_all(askers, 1, Rhythm::Spread).await;
        let (direct, _) = ask_all(askers, times, rhythm).await;
        worst.push(share(&mut through, 0.99));
        added.push(median(through) - median(direct));
    }
    let words = match rhythm {
        Rhythm::Spread => "spread,          ",
        Rhythm::Burst => "at one instant, ",
    };
    let bar = if rhythm == Rhythm::Spread { format!("(bar ≤ {bar})") } else { "(reported)".to_owned() };
    println!(
        "added to the first token, {number:3} {words} p50 {:8.2} ms  {bar}   whole p99 {:.1} ms{}",
        median(added),
        median(worst),
        machine.beside()
    );
    machine.print();
    if let (Rhythm::Spread, Some((work, turns))) = (rhythm, work) {
        work.print(turns);
    }
}

async fn people(installation: &Installation, number: usize) -> Vec<Browser> {
    let mira = installation.administrator().await;
    mira.patch("/api/v1/installation", serde_json::json!({ "sign_up": "open" })).await.expect(200);
    let mut people = Vec::new();
    for at in 1..number {
        people.push(installation.guest(&mira, &format!("p{at}@example.org")).await);
    }
    people.insert(0, mira);
    people
}
