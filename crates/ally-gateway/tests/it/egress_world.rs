//! The outside world as a test wants it, and an assistant that calls out.

use crate::world::{Choice, Person, World};
use ally_gateway::{BoxedIo, Door, EgressLimits, Limits, Outlet, Outside, Target};
use futures_util::future::BoxFuture;
use serde_json::json;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

/// A public address for tests; nothing ever goes there.
pub const PUBLIC: &str = "93.184.216.34";

type Serves = Arc<dyn Fn(DuplexStream) -> BoxFuture<'static, ()> + Send + Sync>;

/// Names, and who listens where. Everything that is asked of it is remembered.
#[derive(Default)]
pub struct Script {
    names: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    listening: Mutex<HashMap<SocketAddr, Serves>>,
    here: Mutex<Vec<IpAddr>>,
    stalls: Mutex<Vec<String>>,
    pub looked_up: Mutex<Vec<String>>,
    pub dialed: Mutex<Vec<String>>,
}

impl Outside for Script {
    fn resolve(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        self.looked_up.lock().unwrap().push(name.clone());
        let stalls = self.stalls.lock().unwrap().contains(&name);
        let mut names = self.names.lock().unwrap();
        let found = names.get_mut(&name).and_then(|answers| match answers.len() {
            0 | 1 => answers.front().cloned(),
            _ => answers.pop_front(),
        });
        Box::pin(async move {
            if stalls {
                std::future::pending::<()>().await;
            }
            found.ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }

    fn is_here(&self, address: IpAddr) -> bool {
        self.here.lock().unwrap().contains(&address)
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<BoxedIo>> {
        self.dialed.lock().unwrap().push(address.to_string());
        let stalls = self.stalls.lock().unwrap().contains(&address.to_string());
        let serves = self.listening.lock().unwrap().get(&address).cloned();
        Box::pin(async move {
            if stalls {
                std::future::pending::<()>().await;
            }
            let serves = serves.ok_or(io::ErrorKind::ConnectionRefused)?;
            let (near, far) = tokio::io::duplex(1 << 16);
            tokio::spawn(serves(far));
            Ok(Box::new(near) as BoxedIo)
        })
    }
}

impl Script {
    /// A name leads to these addresses.
    pub fn name(&self, name: &str, addresses: &[&str]) -> &Self {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        self.names.lock().unwrap().entry(name.to_owned()).or_default().push_back(addresses);
        self
    }

    /// Looking this name up, or connecting to this address, never ends.
    pub fn stalls(&self, what: &str) {
        self.stalls.lock().unwrap().push(what.to_owned());
    }

    /// The address is one of this machine's own.
    pub fn here(&self, address: &str) {
        self.here.lock().unwrap().push(address.parse().unwrap());
    }

    /// Somebody listens at an address.
    pub fn listen<F>(&self, address: &str, serve: impl Fn(DuplexStream) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let serve: Serves = Arc::new(move |stream| Box::pin(serve(stream)));
        self.listening.lock().unwrap().insert(address.parse().unwrap(), serve);
    }

    /// Somebody listens who keeps what arrives, and answers this once the head of a request is there.
    pub fn answers(&self, address: &str, answer: &'static str) -> Arc<Mutex<String>> {
        let heard = Arc::new(Mutex::new(String::new()));
        let hears = heard.clone();
        self.listen(address, move |mut stream| {
            let hears = hears.clone();
            async move {
                let mut buffer = [0; 4096];
                let mut is_answered = false;
                loop {
                    match stream.read(&mut buffer).await {
                        Ok(read) if read > 0 => {
                            hears.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..read]));
                        }
                        _ => return,
                    }
                    if !is_answered && hears.lock().unwrap().contains("\r\n\r\n") {
                        is_answered = true;
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                }
            }
        });
        heard
    }

    pub fn dialed(&self) -> Vec<String> {
        self.dialed.lock().unwrap().clone()
    }

    pub fn looked_up(&self) -> usize {
        self.looked_up.lock().unwrap().len()
    }
}

/// A world whose outside is scripted, and one person in it.
pub struct Out {
    pub world: World,
    pub script: Arc<Script>,
    pub mira: Person,
}

impl Out {
    pub async fn new() -> Self {
        Self::with(EgressLimits::default(), &[], None).await
    }

    pub async fn limited(egress: EgressLimits) -> Self {
        Self::with(egress, &[], None).await
    }

    pub async fn with(egress: EgressLimits, private: &[&str], listen: Option<&str>) -> Self {
        let limits = Some(Limits { egress, ..Limits::default() });
        Self::of(Choice { limits, ..Choice::default() }, private, listen).await
    }

    /// With a provider of its own, or another way to one.
    pub async fn choosing(choice: Choice, private: &[&str]) -> Self {
        Self::of(choice, private, None).await
    }

    async fn of(choice: Choice, private: &[&str], listen: Option<&str>) -> Self {
        let script = Arc::new(Script::default());
        let outlet = Outlet {
            outside: script.clone(),
            private: private.iter().map(|place| place.parse::<Target>().unwrap()).collect(),
            listen: listen.map(|address| address.parse().unwrap()),
        };
        let world = World::with(Choice { egress: outlet, ..choice }).await;
        let mira = world.person();
        Self { world, script, mira }
    }

    /// Mira allows a host in her browser.
    pub async fn allow(&self, host: &str, port: u16) {
        let add = self.world.ask("POST", "/api/v1/egress/hosts").by(&self.mira).here();
        let (status, text) = add.json(&json!({"host": host, "port": port})).text().await;
        assert_eq!(status, 201, "{text}");
    }

    /// A name that is allowed and leads to an address.
    pub async fn site(&self, name: &str, address: &str) {
        self.script.name(name, &[address]);
        self.allow(name, 443).await;
    }

    /// A fresh connection of Mira's assistant to the gateway.
    pub async fn open(&self) -> BoxedIo {
        let (gateway, server) = (self.world.gateway.clone(), self.mira.server);
        Door::to_router(move |()| Some(gateway.outbound(server))).open(()).await.unwrap()
    }

    /// Sends bytes and reads to the end.
    pub async fn raw(&self, bytes: &str) -> String {
        let mut stream = self.open().await;
        // Whoever is refused in the middle of a long head hears why.
        let _ = stream.write_all(bytes.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub async fn connect(&self, target: &str) -> String {
        self.raw(&format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n\r\n")).await
    }

    pub async fn get(&self, url: &str) -> String {
        self.raw(&format!("GET {url} HTTP/1.1\r\nhost: x\r\n\r\n")).await
    }

    /// Opens a tunnel.
    pub async fn tunnel(&self, target: &str) -> BoxedIo {
        let mut stream = self.open().await;
        stream.write_all(format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n\r\n").as_bytes()).await.unwrap();
        let head = head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        stream
    }

    /// What Mira sees under "Where my data went".
    pub async fn went(&self) -> Vec<serde_json::Value> {
        let (status, text) = self.world.get("/api/v1/egress").by(&self.mira).text().await;
        assert_eq!(status, 200, "{text}");
        let page: serde_json::Value = serde_json::from_str(&text).unwrap();
        page["items"].as_array().unwrap().clone()
    }
}

/// The head of a request or an answer.
pub async fn head(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Status and kind of a problem.
pub fn problem(answer: &str) -> (u16, String) {
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let problem: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    if problem.is_object() {
        assert!(problem["next_step"].is_string(), "{answer}");
    }
    (status, problem["type"].as_str().unwrap_or_default().to_owned())
}

pub fn refused(status: u16, kind: &str) -> (u16, String) {
    (status, kind.to_owned())
}
