//! How another role is reached: over a Unix socket, or in memory when a test joins the roles in one process.

use ally_http::socket::{self, CallError};
use ally_types::ServerId;
use axum::Router;
use axum::body::Body;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};

/// Something to read from and write to.
pub trait Io: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Io for T {}

/// A connection of any kind.
pub type BoxedIo = Box<dyn Io>;

type Opens<K> = dyn Fn(K) -> BoxFuture<'static, io::Result<BoxedIo>> + Send + Sync;

/// Opens a fresh connection to the role that `K` names: `()` for the platform, a [`ServerId`] for an assistant.
pub struct Door<K>(Arc<Opens<K>>);

impl<K> Clone for Door<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Send + 'static> Door<K> {
    /// Opens connections with a function.
    pub fn by<F>(open: impl Fn(K) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<BoxedIo>> + Send + 'static,
    {
        Self(Arc::new(move |key| Box::pin(open(key))))
    }

    /// Speaks HTTP/1 in memory with the router that `find` gives; without one, nobody listens there.
    pub fn to_router(find: impl Fn(K) -> Option<Router> + Send + Sync + 'static) -> Self {
        Self::by(move |key| {
            let router = find(key);
            async move {
                let router = router.ok_or(io::ErrorKind::NotFound)?;
                let (near, far) = tokio::io::duplex(64 << 10);
                tokio::spawn(crate::listen::connection(far, router, None));
                Ok(Box::new(near) as BoxedIo)
            }
        })
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn open(&self, key: K) -> io::Result<BoxedIo> {
        (self.0)(key).await
    }

    /// Opens a connection and sends one request over it.
    pub(crate) async fn call(&self, key: K, request: Request<Body>) -> Result<Response<Incoming>, CallError> {
        let connection = self.open(key).await.map_err(CallError::Connect)?;
        socket::call_over(connection, request).await
    }
}

impl Door<()> {
    /// The socket at this path.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        let path: Arc<PathBuf> = Arc::new(path.into());
        Self::by(move |()| {
            let path = Arc::clone(&path);
            async move { Ok(Box::new(socket::connect(&path)?) as BoxedIo) }
        })
    }
}

impl Door<ServerId> {
    /// The sockets `<server>.sock` in this directory.
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        let directory: PathBuf = directory.into();
        Self::by(move |server: ServerId| {
            let path = directory.join(format!("{server}.sock"));
            async move { Ok(Box::new(socket::connect(&path)?) as BoxedIo) }
        })
    }
}
