//! The least of HTTP/1.1 that clients need: requests with a length, answers with a length or in chunks.

use serde_json::Value;
use std::io;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// Most bytes of a body, as the service has it.
const BODY: usize = 32 << 20;

/// A request.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// One connection; several requests may come over it, one after the other.
#[derive(Debug)]
pub(super) struct Connection {
    read: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Self {
        // Each token has to leave at once.
        let _ = stream.set_nodelay(true);
        let (read, write) = stream.into_split();
        Self { read: BufReader::new(read), write }
    }

    /// The next request; `None` when the client is done.
    pub(super) async fn next(&mut self) -> io::Result<Option<Asked>> {
        let Some(first) = self.line().await? else { return Ok(None) };
        let mut words = first.split(' ');
        let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(None) };
        let mut asked =
            Asked { method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body: Vec::new() };
        while let Some(line) = self.line().await?.filter(|line| !line.is_empty()) {
            if let Some((name, value)) = line.split_once(':') {
                asked.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        let length: usize = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if length > BODY {
            let error = super::rules::Refusal::new(413, "request_too_large", "Request exceeds the maximum size").body();
            self.json(413, &[], &error).await?;
            return Ok(None);
        }
        if asked.header("expect").is_some() {
            self.write.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        asked.body.resize(length, 0);
        self.read.read_exact(&mut asked.body).await?;
        Ok(Some(asked))
    }

    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        if (&mut self.read).take(64 << 10).read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()))
    }

    pub(super) async fn json(&mut self, status: u16, headers: &[(&str, String)], body: &Value) -> io::Result<()> {
        self.whole(status, "application/json", headers, body.to_string().as_bytes()).await
    }

    pub(super) async fn whole(
        &mut self,
        status: u16,
        kind: &str,
        headers: &[(&str, String)],
        body: &[u8],
    ) -> io::Result<()> {
        let mut answer = head(status, kind, headers);
        answer.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let mut answer = answer.into_bytes();
        answer.extend_from_slice(body);
        self.write.write_all(&answer).await
    }

    /// Begins an event stream.
    pub(super) async fn begin_stream(&mut self) -> io::Result<()> {
        let mut answer = head(200, "text/event-stream; charset=utf-8", &[("cache-control", "no-cache".to_owned())]);
        answer.push_str("transfer-encoding: chunked\r\n\r\n");
        self.write.write_all(answer.as_bytes()).await
    }

    /// Sends a piece of a stream as one chunk, in one write.
    pub(super) async fn piece(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend_from_slice(bytes);
        chunk.extend_from_slice(b"\r\n");
        self.write.write_all(&chunk).await
    }

    pub(super) async fn end_stream(&mut self) -> io::Result<()> {
        self.write.write_all(b"0\r\n\r\n").await
    }

    /// Waits until the client hangs up.
    pub(super) async fn until_closed(&mut self) {
        let mut one = [0];
        let _ = self.read.read(&mut one).await;
    }
}

fn head(status: u16, kind: &str, headers: &[(&str, String)]) -> String {
    let reason =
        http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Other");
    let mut head = format!("HTTP/1.1 {status} {reason}\r\ncontent-type: {kind}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head
}
