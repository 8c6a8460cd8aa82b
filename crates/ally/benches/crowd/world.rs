//! An installation with a crowd on it. Each person has the rows that a sign-up writes, but for a password: ten thousand
//! of those would take an hour of computing and nobody here types one.

use crate::browser::PATIENCE;
use crate::installation::{Installation, Setup};
use ally::keys;
use ally_http::session::{Sessions, Subject};
use ally_types::{AccountId, Chance, Clock as _, ServerId, SessionId, SystemChance, SystemClock, chance};
use axum::body::Body;
use http::{Request, header};
use http_body_util::BodyExt as _;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Many people, and the installation that carries them.
pub struct Crowd {
    pub installation: Installation,
    pub people: Arc<Vec<Person>>,
    pub data: PathBuf,
}

/// One of them, signed in.
pub struct Person {
    pub server: ServerId,
    cookie: String,
}

/// How a request went.
#[derive(Debug, Clone)]
pub struct Visit {
    /// From the first byte of the request to the last of the answer, in milliseconds.
    pub millis: f64,
    pub kind: Kind,
    /// What was answered; 0 if nothing was.
    pub status: u16,
    /// The `type` of the problem that was answered instead of chats.
    pub problem: Option<String>,
}

/// How the person's assistant was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It had never been awake.
    New,
    Asleep,
    Awake,
}

impl Visit {
    /// Whether the person saw her chats.
    pub fn is_answered(&self) -> bool {
        self.status == 200
    }
}

impl Crowd {
    /// An installation with so many people who have never been there.
    pub async fn new(number: usize, setup: impl Fn() -> Setup) -> Self {
        let installation = setup().start();
        installation.administrator().await;
        let data = installation.data.clone();
        let list = data.join("host/uids");
        until("the first person's space", || std::fs::read_to_string(&list).unwrap().ends_with('\n').then_some(()))
            .await;
        let people = Arc::new(enrol(&data, number));
        let crowd = Self { installation: installation.restart(setup()), people, data };
        // Nobody is counted before the host has taken up everybody.
        crowd.host_start_millis().await;
        crowd
    }

    /// Stops it and starts it again, for example with another idle time.
    #[must_use]
    pub fn restart(self, setup: Setup) -> Self {
        Self { installation: self.installation.restart(setup), ..self }
    }

    /// How long the host took to take up all its servers when it started last, in milliseconds.
    pub async fn host_start_millis(&self) -> u64 {
        until("the host's line that it is up", || {
            let log = self.installation.log.lock().unwrap();
            let line = log.lines().rev().find_map(|line| line.split_once("the host is up")?.1.split_once("millis="));
            let digits: String = line?.1.chars().take_while(char::is_ascii_digit).collect();
            Some(digits.parse().unwrap())
        })
        .await
    }

    /// One person looks at her chats.
    pub fn visit(&self, at: usize) -> impl Future<Output = Visit> + Send + 'static {
        let (people, data, address) = (Arc::clone(&self.people), self.data.clone(), self.installation.address);
        async move {
            let person = &people[at];
            let kind = kind(&data, person.server);
            let begun = Instant::now();
            let request = Request::get("/api/v1/chats")
                .header(header::HOST, address.to_string())
                .header(header::COOKIE, format!("ally_session={}", person.cookie))
                .body(Body::empty())
                .unwrap();
            let answer = tokio::time::timeout(PATIENCE, async {
                let stream = tokio::net::TcpStream::connect(address).await.ok()?;
                let response = ally_http::socket::call_over(stream, request).await.ok()?;
                let status = response.status().as_u16();
                let body = response.into_body().collect().await.ok()?.to_bytes();
                if status == 200 {
                    return body.starts_with(b"{\"items\"").then_some((status, None));
                }
                let problem = serde_json::from_slice::<serde_json::Value>(&body).ok();
                Some((status, problem.and_then(|problem| problem["type"].as_str().map(str::to_owned))))
            });
            let (status, problem) = answer.await.ok().flatten().unwrap_or_default();
            Visit { millis: begun.elapsed().as_secs_f64() * 1e3, kind, status, problem }
        }
    }

    /// These people visit, at most so many at a time.
    pub async fn visits(&self, people: std::ops::Range<usize>, at_once: usize) -> Vec<Visit> {
        let places = Arc::new(Semaphore::new(at_once));
        let mut visits = JoinSet::new();
        let mut done = Vec::new();
        for at in people {
            let place = Arc::clone(&places).acquire_owned().await.unwrap();
            let visit = self.visit(at);
            visits.spawn(async move {
                let visit = visit.await;
                drop(place);
                visit
            });
            while let Some(visit) = visits.try_join_next() {
                done.push(visit.unwrap());
            }
        }
        done.extend(visits.join_all().await);
        done
    }

    /// How many are awake now, by the host's own marks.
    pub fn awake(&self) -> usize {
        std::fs::read_dir(self.data.join("host/awake")).map_or(0, Iterator::count)
    }

    /// Waits until nobody is awake.
    pub async fn all_asleep(&self) {
        let asleep = async {
            while self.awake() > 0 {
                for pid in self.installation.assistants() {
                    ended(pid).await;
                }
                // The host takes its mark away a moment later.
                tokio::task::yield_now().await;
            }
        };
        let asleep = tokio::time::timeout(PATIENCE, asleep).await;
        assert!(asleep.is_ok(), "{} do not fall asleep", self.awake());
    }

    /// Bytes on the disk of those who sleep, each with what the host keeps of them: the middle of at most a hundred.
    pub fn disk_of_one(&self) -> u64 {
        let mut sizes: Vec<u64> = self
            .people
            .iter()
            .filter(|person| kind(&self.data, person.server) == Kind::Asleep)
            .take(100)
            .map(|person| {
                let server = person.server;
                let kept = [format!("host/keys/{server}.key"), format!("host/servers/{server}.json")];
                let kept: u64 = kept.iter().map(|file| blocks(&self.data.join(file))).sum();
                kept + tree(&self.data.join("people").join(server.to_string()))
            })
            .collect();
        sizes.sort_unstable();
        sizes.get(sizes.len() / 2).copied().unwrap_or(0)
    }
}

/// Looks until there is something, and lets others go on in between.
async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} is not there");
        tokio::task::yield_now().await;
    }
}

/// Waits until the kernel says that this process has ended.
async fn ended(pid: u32) {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    let watched = Pid::from_raw(pid.cast_signed()).and_then(|pid| pidfd_open(pid, PidfdFlags::NONBLOCK).ok());
    if let Some(process) = watched {
        ally_sandbox::readable(&process).await.unwrap();
    }
}

fn kind(data: &Path, server: ServerId) -> Kind {
    if data.join(format!("host/awake/{server}")).exists() {
        Kind::Awake
    } else if data.join(format!("people/{server}/ally.db")).exists() {
        Kind::Asleep
    } else {
        Kind::New
    }
}

fn blocks(path: &Path) -> u64 {
    std::fs::symlink_metadata(path).map_or(0, |found| found.blocks() * 512)
}

fn tree(path: &Path) -> u64 {
    let below: u64 = std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| tree(&entry.path())).sum();
    blocks(path) + below
}

/// Writes everybody's rows into the platform's database and a line for each into the host's list; the host makes what
/// is missing when it starts.
fn enrol(data: &Path, number: usize) -> Vec<Person> {
    let key = keys::root(&data.join("host/platform.key"), &SystemChance).unwrap();
    let sessions = Sessions::new(&keys::derive(&key, "session"));
    let mut database = rusqlite::Connection::open(data.join("platform/platform.db")).unwrap();
    let mut list = std::fs::OpenOptions::new().append(true).read(true).open(data.join("host/uids")).unwrap();
    let last = std::fs::read_to_string(data.join("host/uids")).unwrap();
    let last: u32 = last.lines().last().and_then(|line| line.split(' ').next()).unwrap().parse().unwrap();
    let tx = database.transaction().unwrap();
    let (mut people, mut lines) = (Vec::new(), String::new());
    for (uid, at) in (last + 1..).zip(0..number) {
        let (clock, random) = (&SystemClock, &SystemChance);
        let (account, session) = (AccountId::new(clock, random), SessionId::new(clock, random));
        let server = ServerId::new(clock, random);
        let (now, jti) = (clock.now(), chance::hex::<12>(random as &dyn Chance));
        let subject = Subject { account, session, server, administrator: false, authenticated_at: now.as_seconds() };
        lines.push_str(&format!("{uid} {server}\n"));
        people.push(Person { server, cookie: sessions.sign_as(clock, &jti, subject) });
        let (account, session, server) = (account.to_string(), session.to_string(), server.to_string());
        let (email, now) = (format!("p{at}@example.org"), now.as_millis());
        tx.execute(
            "INSERT INTO account (id, email, email_typed, administrator, created, not_before) VALUES (?, ?, ?, 0, ?, 0)",
            (&account, &email, &email, now),
        )
        .unwrap();
        tx.execute("INSERT INTO server (id, created, ready) VALUES (?, ?, ?)", (&server, now, now)).unwrap();
        let sql = "INSERT INTO membership (account, server, role, created) VALUES (?, ?, 'owner', ?)";
        tx.execute(sql, (&account, &server, now)).unwrap();
        let sql = "INSERT INTO session (id, account, created, last_used, authenticated_at, agent, jti, renewed, ends) \
                   VALUES (?, ?, ?, ?, ?, 'a test', ?, ?, ?)";
        let ends = now + 7 * 24 * 3_600_000;
        tx.execute(sql, (&session, &account, now, now, now / 1000, &jti, now, ends)).unwrap();
    }
    tx.commit().unwrap();
    list.write_all(lines.as_bytes()).unwrap();
    people
}
