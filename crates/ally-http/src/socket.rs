//! HTTP/1 over Unix sockets: bind, connect, and one request over a fresh connection.

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustix::fs::{Mode, OFlags};
use rustix::net;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

/// Longest path that fits into `sockaddr_un` (108 bytes with its end).
const LONGEST: usize = 107;

/// Runs `with` on a path that fits into a socket address: the path itself, or one through the descriptor of its
/// directory when it is too long.
fn short<T>(path: &Path, with: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    if path.as_os_str().len() <= LONGEST {
        return with(path);
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let directory: OwnedFd =
        rustix::fs::open(parent, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let through: PathBuf = format!("/proc/self/fd/{}", directory.as_raw_fd()).into();
    with(&through.join(name))
}

/// Binds a listening socket, replacing one that a dead process left behind.
///
/// # Errors
/// The directory is missing or not writable.
pub fn bind(path: &Path) -> io::Result<std::os::unix::net::UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = short(path, |path| std::os::unix::net::UnixListener::bind(path))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Gives a bound listener to the reactor.
///
/// # Errors
/// There is no reactor, or it is out of descriptors.
pub fn listen(listener: std::os::unix::net::UnixListener) -> io::Result<UnixListener> {
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

/// Connects to a listening socket.
///
/// # Errors
/// Nobody listens there, or the caller may not connect.
pub fn connect(path: &Path) -> io::Result<UnixStream> {
    UnixStream::from_std(connect_outside(path)?)
}

/// The same without a reactor. The end does not block.
pub(crate) fn connect_outside(path: &Path) -> io::Result<std::os::unix::net::UnixStream> {
    let socket = net::socket_with(
        net::AddressFamily::UNIX,
        net::SocketType::STREAM,
        net::SocketFlags::NONBLOCK | net::SocketFlags::CLOEXEC,
        None,
    )?;
    // Such a socket is connected at once or not at all: nobody needs to be woken to hear that it is.
    short(path, |path| Ok(net::connect(&socket, &net::SocketAddrUnix::new(path)?)?))?;
    Ok(socket.into())
}

/// Why a call over a socket did not get an answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody listens.
    #[error("could not connect")]
    Connect(#[source] io::Error),
    /// The connection broke before the head of the answer.
    #[error("the connection broke")]
    Broken(#[source] hyper::Error),
}

/// Sends one request over a fresh connection to `path` and answers as soon as the head of the response is there;
/// the body streams. Dropping the body closes the connection.
///
/// # Errors
/// See [`CallError`]. After [`CallError::Connect`] nothing was sent.
pub async fn call(path: &Path, request: Request<Body>) -> Result<Response<Incoming>, CallError> {
    let stream = connect(path).map_err(CallError::Connect)?;
    call_over(stream, request).await
}

/// Like [`call`], over a connection that is already open.
///
/// # Errors
/// See [`CallError`].
pub async fn call_over<S>(stream: S, mut request: Request<Body>) -> Result<Response<Incoming>, CallError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    request.headers_mut().entry(http::header::HOST).or_insert(http::HeaderValue::from_static("ally"));
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(CallError::Broken)?;
    // The task ends with the connection: when the body is read to its end or dropped.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    sender.send_request(request).await.map_err(CallError::Broken)
}
