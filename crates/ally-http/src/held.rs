//! A request that is on its way before it may be answered: all of its body is sent but the end.
//!
//! Whoever has to wait for a disk before a question may be asked sends it first and ends it afterwards. Meanwhile the other
//! side can read it, and knows from the missing end that it is not asked yet. If it is dropped instead, the connection
//! breaks and it was never asked.

use crate::socket::{self, CallError};
use axum::body::Body;
use http::{HeaderName, HeaderValue, Request, Response};
use hyper::body::Incoming;
use std::io::{self, Write as _};
use std::os::unix::net;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::UnixStream;

/// What ends a body in chunks (RFC 9112, section 7.1).
const END: &[u8] = b"0\r\n\r\n";

/// A request to a Unix socket, sent but not ended.
#[derive(Debug)]
pub struct Held {
    stream: net::UnixStream,
    /// What did not fit into the socket.
    rest: Vec<u8>,
}

impl Held {
    /// Sends a `POST` over a fresh connection to `path`, as far as the socket takes it without waiting.
    ///
    /// # Errors
    /// Nobody listens there, or the connection breaks.
    pub fn post(path: &Path, target: &str, headers: &[(HeaderName, HeaderValue)], body: &[u8]) -> io::Result<Self> {
        let mut stream = socket::connect_outside(path)?;
        let mut head = format!("POST {target} HTTP/1.1\r\nhost: ally\r\ntransfer-encoding: chunked\r\n").into_bytes();
        for (name, value) in headers {
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        write!(head, "\r\n{:x}\r\n", body.len())?;
        let mut bytes = head;
        bytes.extend_from_slice(body);
        bytes.extend_from_slice(b"\r\n");
        let sent = match stream.write(&bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            sent => sent?,
        };
        bytes.drain(..sent);
        Ok(Self { stream, rest: bytes })
    }

    /// Ends the request and answers as soon as the head of the response is there, like [`socket::call`].
    ///
    /// # Errors
    /// The connection broke.
    pub async fn end(self) -> Result<Response<Incoming>, CallError> {
        let mut rest = self.rest;
        rest.extend_from_slice(END);
        let mut stream = UnixStream::from_std(self.stream).map_err(CallError::Connect)?;
        stream.write_all(&rest).await.map_err(CallError::Connect)?;
        socket::call_over(Answer(stream), Request::new(Body::empty())).await
    }
}

/// A connection on which a request was sent already: what is written now is not.
struct Answer(UnixStream);

impl AsyncRead for Answer {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Answer {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::post;
    use http::header;
    use http_body_util::BodyExt as _;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Answers each request with the length of its body, and counts the bodies that came to their end.
    fn serve(path: &Path) -> Arc<AtomicUsize> {
        let heard = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&heard);
        let answer = post(move |body: bytes::Bytes| async move {
            counter.fetch_add(1, Ordering::SeqCst);
            body.len().to_string()
        });
        let router = Router::new().route("/say", answer).layer(axum::extract::DefaultBodyLimit::disable());
        let listener = socket::listen(socket::bind(path).expect("binds")).expect("listens");
        tokio::spawn(async move { axum::serve(listener, router).await });
        heard
    }

    fn hold(path: &Path, size: usize) -> Held {
        let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"))];
        Held::post(path, "/say", &headers, &vec![b'x'; size]).expect("is sent")
    }

    #[tokio::test]
    async fn a_request_counts_when_it_is_ended_however_large_it_is() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("s");
        let heard = serve(&path);
        for size in [1, 100, 4 << 20] {
            let response = hold(&path, size).end().await.expect("an answer");
            let body = response.into_body().collect().await.expect("a body").to_bytes();
            assert_eq!(body, size.to_string());
        }
        assert_eq!(heard.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_request_that_is_dropped_was_never_made() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("s");
        let heard = serve(&path);
        drop(hold(&path, 100));
        // Whoever comes behind it on the same socket is served after it.
        hold(&path, 1).end().await.expect("an answer");
        assert_eq!(heard.load(Ordering::SeqCst), 1);
    }
}
