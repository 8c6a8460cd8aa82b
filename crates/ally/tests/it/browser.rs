//! A small HTTP client that behaves as a browser does: one cookie, an `Origin`, event streams.

use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

/// Nothing in a test takes so long; it only keeps a broken one from hanging for ever.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// One browser of one person.
pub struct Browser {
    pub address: SocketAddr,
    pub cookie: Mutex<Option<String>>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as JSON; `null` when it is empty.
    pub fn json(&self) -> Value {
        if self.body.is_empty() { Value::Null } else { serde_json::from_slice(&self.body).expect("a JSON body") }
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Insists on a status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

impl Browser {
    /// A browser that is not signed in.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, cookie: Mutex::new(None) }
    }

    /// Another browser with the same session, as a second tab has.
    pub fn second_tab(&self) -> Self {
        Self { address: self.address, cookie: Mutex::new(self.cookie.lock().unwrap().clone()) }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        self.send(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, None).await
    }

    /// Sends a request as this browser and reads the whole answer.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let request = self.request(method, path, body);
        self.send_raw(request).await
    }

    /// The request that [`Browser::send`] would send.
    pub fn request(&self, method: Method, path: &str, body: Option<Value>) -> Request<Body> {
        let mut request = Request::builder().method(method.clone()).uri(path);
        request = request.header(header::HOST, self.address.to_string());
        if !method.is_safe() {
            request = request.header(header::ORIGIN, format!("http://{}", self.address));
        }
        if let Some(cookie) = &*self.cookie.lock().unwrap() {
            request = request.header(header::COOKIE, format!("ally_session={cookie}"));
        }
        match body {
            Some(body) => request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        }
        .unwrap()
    }

    /// Sends a request as it is.
    pub async fn send_raw(&self, request: Request<Body>) -> Reply {
        let response = self.open(request).await;
        let (head, body) = response.into_parts();
        for line in head.headers.get_all(header::SET_COOKIE) {
            if let Some(value) = line.to_str().unwrap().strip_prefix("ally_session=") {
                let value = value.split(';').next().unwrap();
                *self.cookie.lock().unwrap() = (!value.is_empty()).then(|| value.to_owned());
            }
        }
        let body =
            tokio::time::timeout(PATIENCE, body.collect()).await.expect("an end").map(|body| body.to_bytes().to_vec());
        Reply { status: head.status.as_u16(), headers: head.headers, body: body.unwrap_or_default() }
    }

    /// Sends a request and answers when the head of the response is there.
    pub async fn open(&self, request: Request<Body>) -> http::Response<Incoming> {
        let stream = tokio::net::TcpStream::connect(self.address).await.expect("the edge listens");
        tokio::time::timeout(PATIENCE, ally_http::socket::call_over(stream, request))
            .await
            .expect("an answer")
            .expect("a head")
    }

    /// Opens the event stream at `path`.
    pub async fn events(&self, path: &str, last: Option<&str>) -> Events {
        let mut request = self.request(Method::GET, path, None);
        request.headers_mut().insert(header::ACCEPT, "text/event-stream".parse().unwrap());
        if let Some(last) = last {
            request.headers_mut().insert("last-event-id", last.parse().unwrap());
        }
        let response = self.open(request).await;
        assert_eq!(response.status(), StatusCode::OK);
        Events { body: response.into_body(), buffer: String::new(), last_id: None }
    }

    /// Opens an event stream, unless whoever answers is not there yet.
    pub async fn try_events(&self, mut request: Request<Body>) -> Option<Events> {
        request.headers_mut().insert(header::ACCEPT, "text/event-stream".parse().unwrap());
        let stream = tokio::net::TcpStream::connect(self.address).await.expect("the edge listens");
        let response = tokio::time::timeout(PATIENCE, ally_http::socket::call_over(stream, request)).await;
        let response = response.expect("an answer or a broken connection").ok()?;
        let is_open = response.status() == StatusCode::OK;
        is_open.then(|| Events { body: response.into_body(), buffer: String::new(), last_id: None })
    }

    /// Makes the first account of an installation, or one by the given invitation.
    pub async fn sign_up(&self, email: &str, invitation: Option<&str>) -> Value {
        let mut body = serde_json::json!({
            "email": email, "password": "correct horse battery staple", "adult": true, "timezone": "Europe/Berlin",
        });
        if let Some(invitation) = invitation {
            body["invitation"] = invitation.into();
            body["accepts"] = serde_json::json!(["privacy", "terms"]);
        }
        self.post("/api/v1/auth/sign-up", body).await.expect(201).json()
    }

    /// Starts a chat and answers its id.
    pub async fn chat(&self) -> String {
        let chat = self.post("/api/v1/chats", serde_json::json!({})).await.expect(201).json();
        chat["id"].as_str().unwrap().to_owned()
    }

    /// Uploads a file and answers what it is.
    pub async fn attach(&self, name: &str, bytes: impl Into<Body>) -> Value {
        let mut request = self.request(Method::POST, "/api/v1/attachments", None);
        request.headers_mut().insert("attachment-name", name.parse().unwrap());
        *request.body_mut() = bytes.into();
        self.send_raw(request).await.expect(201).json()
    }

    /// Sends a message and answers what was accepted.
    pub async fn say(&self, chat: &str, text: &str) -> Value {
        let path = format!("/api/v1/chats/{chat}/messages");
        self.post(&path, serde_json::json!({ "text": text })).await.expect(202).json()
    }

    /// Sends a message, waits until its answer is finished, and gives the answer.
    pub async fn ask(&self, chat: &str, text: &str) -> Value {
        let mut events = self.events(&format!("/api/v1/chats/{chat}/events"), None).await;
        let sent = self.say(chat, text).await;
        events.answer(sent["answer"]["id"].as_str().unwrap()).await
    }
}

/// An open event stream.
pub struct Events {
    body: Incoming,
    buffer: String,
    /// The id of the newest event.
    pub last_id: Option<String>,
}

impl Events {
    /// The next event; `None` when the stream has ended.
    pub async fn next(&mut self) -> Option<Value> {
        tokio::time::timeout(PATIENCE, self.read()).await.expect("an event")
    }

    async fn read(&mut self) -> Option<Value> {
        loop {
            while let Some(end) = self.buffer.find("\n\n") {
                let block: String = self.buffer.drain(..end + 2).collect();
                let mut data = None;
                for line in block.lines() {
                    if let Some(id) = line.strip_prefix("id: ") {
                        self.last_id = Some(id.to_owned());
                    } else if let Some(text) = line.strip_prefix("data: ") {
                        data = Some(serde_json::from_str(text).expect("JSON data"));
                    }
                    assert!(!line.contains("parked"), "a browser must not see that its assistant sleeps");
                }
                if data.is_some() {
                    return data;
                }
            }
            let frame = self.body.frame().await?.ok()?;
            if let Ok(bytes) = frame.into_data() {
                self.buffer.push_str(std::str::from_utf8(&bytes).expect("UTF-8"));
            }
        }
    }

    /// Reads on until an event of this type comes.
    pub async fn until(&mut self, kind: &str) -> Value {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event["type"] == kind {
                return event;
            }
        }
    }

    /// Reads on until the given answer is finished, and gives it.
    pub async fn answer(&mut self, message: &str) -> Value {
        loop {
            let event = self.next().await.expect("the stream goes on");
            let answer = &event["message"];
            let is_whole = event["type"] == "message.completed" || event["type"] == "message.snapshot";
            let is_done = !matches!(answer["status"].as_str(), Some("queued" | "streaming"));
            if is_whole && answer["id"] == message && is_done {
                return answer.clone();
            }
        }
    }
}
