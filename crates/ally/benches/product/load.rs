//! The load: people who ask again and again, through Ally or the provider itself. Plain bytes over connections that
//! stay open, so that it costs little, and the same in both arms.

use ally_llm::stand_in::KEY;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How the moments of asking lie to one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rhythm {
    /// The first questions are spread over the length of an answer; each person asks again when the answer is whole.
    Spread,
    /// All ask at the same instant, once.
    Burst,
}

/// About how long a turn takes: 200 ms to the first token, 19 pauses of 10 ms behind it.
const TURN: Duration = Duration::from_millis(390);

/// One person with her connections.
pub struct Asker {
    asks: Connection,
    /// Where the answer comes from, if not over the connection that asks.
    hears: Option<Connection>,
    question: Vec<u8>,
    first: &'static [u8],
    last: &'static [u8],
}

struct Connection {
    stream: TcpStream,
    heard: Vec<u8>,
}

impl Asker {
    /// Asks Ally, and hears the answer on the chat's event stream.
    pub async fn of_ally(address: SocketAddr, cookie: &str, chat: &str) -> Self {
        let host = format!("host: {address}\r\norigin: http://{address}\r\ncookie: ally_session={cookie}\r\n");
        let mut hears = Connection::open(address).await;
        let watch = format!("GET /api/v1/chats/{chat}/events HTTP/1.1\r\naccept: text/event-stream\r\n{host}\r\n");
        hears.stream.write_all(watch.as_bytes()).await.unwrap();
        hears.until(b"\r\n\r\n").await;
        let body = r#"{"text":"Go on"}"#;
        let question = format!(
            "POST /api/v1/chats/{chat}/messages HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             {host}\r\n{body}",
            body.len()
        );
        Self {
            asks: Connection::open(address).await,
            hears: Some(hears),
            question: question.into_bytes(),
            first: br#""type":"text.delta""#,
            last: br#""type":"run.finished""#,
        }
    }

    /// Asks the provider for what Ally would ask it.
    pub async fn of_provider(address: SocketAddr, body: &str) -> Self {
        let question = format!(
            "POST /v1/messages HTTP/1.1\r\nhost: {address}\r\nx-api-key: {KEY}\r\nanthropic-version: {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            ally_llm::anthropic::VERSION,
            body.len()
        );
        Self {
            asks: Connection::open(address).await,
            hears: None,
            question: question.into_bytes(),
            first: b"content_block_delta",
            last: b"\r\n0\r\n\r\n",
        }
    }

    /// Asks once; milliseconds from the first byte of the question to the first piece of the answer's text.
    async fn ask(&mut self) -> f64 {
        let begun = Instant::now();
        self.asks.stream.write_all(&self.question).await.unwrap();
        let hears = self.hears.as_mut().unwrap_or(&mut self.asks);
        hears.until(self.first).await;
        let taken = begun.elapsed().as_secs_f64() * 1e3;
        hears.until(self.last).await;
        if self.hears.is_some() {
            self.asks.accepted().await;
        }
        taken
    }
}

impl Connection {
    async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, heard: Vec::with_capacity(64 << 10) }
    }

    /// Reads on until these bytes have come, and answers everything up to their end.
    async fn until(&mut self, wanted: &[u8]) -> Vec<u8> {
        let mut searched = 0;
        loop {
            if let Some(at) = find(&self.heard[searched..], wanted) {
                return self.heard.drain(..searched + at + wanted.len()).collect();
            }
            searched = self.heard.len().saturating_sub(wanted.len());
            self.more().await;
        }
    }

    async fn more(&mut self) {
        let read = self.stream.read_buf(&mut self.heard).await.unwrap();
        assert!(read > 0, "it closed: {}", String::from_utf8_lossy(&self.heard));
    }

    /// Reads the answer that says that a question was taken in.
    async fn accepted(&mut self) {
        let head = String::from_utf8(self.until(b"\r\n\r\n").await).unwrap();
        assert!(head.starts_with("HTTP/1.1 202 "), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("its length");
        let length: usize = length.parse().unwrap();
        while self.heard.len() < length {
            self.more().await;
        }
        self.heard.drain(..length);
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let (first, rest) = wanted.split_first()?;
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| byte == first) {
        let behind = from + at + 1;
        if bytes.len() >= behind + rest.len() && &bytes[behind..behind + rest.len()] == rest {
            return Some(from + at);
        }
        from = behind;
    }
    None
}

/// Everybody asks so many times; all waiting times in milliseconds.
pub async fn ask_all(askers: Vec<Asker>, times: usize, rhythm: Rhythm) -> (Vec<f64>, Vec<Asker>) {
    let number = askers.len();
    let begun = tokio::time::Instant::now() + Duration::from_millis(20);
    let mut tasks = JoinSet::new();
    for (at, mut asker) in askers.into_iter().enumerate() {
        let spread = match rhythm {
            Rhythm::Spread => TURN.mul_f64(at as f64 / number as f64),
            Rhythm::Burst => Duration::ZERO,
        };
        tasks.spawn(async move {
            tokio::time::sleep_until(begun + spread).await;
            let mut taken = Vec::with_capacity(times);
            for _ in 0..times {
                taken.push(asker.ask().await);
            }
            (taken, asker)
        });
    }
    let (mut all, mut askers) = (Vec::with_capacity(number * times), Vec::with_capacity(number));
    for (taken, asker) in tasks.join_all().await {
        all.extend(taken);
        askers.push(asker);
    }
    (all, askers)
}
