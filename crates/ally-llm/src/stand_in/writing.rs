//! Sends the pieces of an answer, at the pace and with the fault that were asked for.

use super::http::Connection;
use super::{Fault, Pace};
use crate::script::Gate;
use serde_json::Value;
use std::io;
use tokio::time::Instant;

/// A piece of a streamed answer.
#[derive(Debug)]
pub(super) enum Piece {
    /// An event; the name is left out in formats that have none.
    Event { name: Option<&'static str>, data: Value },
    /// A part of the answer itself: faults and pace count these.
    Delta { name: Option<&'static str>, data: Value },
    /// Bytes as they are.
    Raw(String),
    /// Waits.
    Hold(Gate),
    /// Nothing more comes, and the connection stays open.
    Stall,
    /// The connection closes.
    Cut,
    /// The stream ends.
    End,
}

/// Puts the fault in its place among the pieces. `error` makes the format's own error event.
pub(super) fn spoil(pieces: &mut Vec<Piece>, fault: &Fault, error: impl Fn(&str) -> Piece) {
    let (after, spoilt) = match fault {
        Fault::StallBeforeToken => (0, Piece::Stall),
        Fault::StallAfter(after) => (*after, Piece::Stall),
        Fault::CutAfter(after) => (*after, Piece::Cut),
        Fault::EndAfter(after) => (*after, Piece::End),
        Fault::ErrorAfter(after, kind) => (*after, error(kind)),
        Fault::MalformedAfter(after) => (*after, Piece::Raw("event: message_delta\ndata: {\"type\":\n\n".to_owned())),
        _ => return,
    };
    let deltas = pieces.iter().enumerate().filter(|(_, piece)| matches!(piece, Piece::Delta { .. }));
    let at = match after {
        // After the head of the answer.
        0 => Some(1),
        _ => deltas.map(|(at, _)| at + 1).nth(after - 1),
    };
    let at = at.unwrap_or(pieces.len()).min(pieces.len());
    pieces.insert(at, spoilt);
}

/// Sends all pieces. The connection is of no more use if the answer broke off: then this is an error.
pub(super) async fn send(
    connection: &mut Connection,
    pieces: Vec<Piece>,
    pace: Option<Pace>,
    fault: Option<&Fault>,
) -> io::Result<()> {
    let begun = Instant::now();
    let mut deltas = 0;
    connection.begin_stream().await?;
    for piece in pieces {
        let text = match piece {
            Piece::Event { name, data } => event(name, &data),
            Piece::Delta { name, data } => {
                if let Some(pace) = pace {
                    // From the beginning, not from the last token: being late once must not add up.
                    tokio::time::sleep_until(begun + pace.first() + pace.between() * deltas).await;
                    deltas += 1;
                }
                event(name, &data)
            }
            Piece::Raw(text) => text,
            Piece::Hold(gate) => {
                gate.passed().await;
                continue;
            }
            Piece::Stall => {
                connection.until_closed().await;
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            Piece::Cut => return Err(io::ErrorKind::ConnectionAborted.into()),
            Piece::End => break,
        };
        if fault == Some(&Fault::Drip) {
            for byte in text.as_bytes() {
                connection.piece(&[*byte]).await?;
                tokio::task::yield_now().await;
            }
        } else {
            connection.piece(text.as_bytes()).await?;
        }
    }
    connection.end_stream().await
}

fn event(name: Option<&str>, data: &Value) -> String {
    match name {
        Some(name) => format!("event: {name}\ndata: {data}\n\n"),
        None => format!("data: {data}\n\n"),
    }
}
