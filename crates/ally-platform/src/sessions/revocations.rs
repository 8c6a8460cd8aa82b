//! Revocations: told to every gateway that holds the stream, the moment they are committed.

use ally_types::SessionId;
use bytes::Bytes;
use futures_util::Stream;
use serde::Serialize;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// One line of the stream.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Revocation {
    /// The first line: from here on nothing is missed.
    Hello,
    /// One session ended.
    Revoked { session: SessionId },
    /// Somebody has another plan now: ask who has which.
    Plans,
    /// The platform goes away: the stream ends here. Not sent.
    #[serde(skip)]
    Closing,
}

/// To whom revocations are told.
pub(crate) struct Revocations(broadcast::Sender<Revocation>);

impl Revocations {
    pub(crate) fn new() -> Self {
        Self(broadcast::channel(1024).0)
    }

    /// Tells all gateways. Call it after the commit and before the answer.
    pub(crate) fn tell(&self, revocation: Revocation) {
        // No gateway listening is fine: it asks for each session until it holds the stream again.
        let _ = self.0.send(revocation);
    }

    /// Ends all streams.
    pub(crate) fn close(&self) {
        self.tell(Revocation::Closing);
    }

    /// A stream of JSON lines. A reader that falls behind is cut off, so that it asks again instead of believing an
    /// incomplete picture.
    pub(crate) fn listen(&self) -> impl Stream<Item = Bytes> + Send + use<> {
        let receiver = self.0.subscribe();
        futures_util::stream::unfold((Some(Revocation::Hello), receiver), |(first, mut receiver)| async move {
            let next = match first {
                Some(first) => first,
                None => match receiver.recv().await {
                    Ok(Revocation::Closing) | Err(RecvError::Closed | RecvError::Lagged(_)) => return None,
                    Ok(revocation) => revocation,
                },
            };
            let mut line = serde_json::to_vec(&next).ok()?;
            line.push(b'\n');
            Some((Bytes::from(line), (None, receiver)))
        })
    }
}
