//! CONNECT: after the answer, bytes go both ways until both sides are done, somebody breaks off, or time is up.

use super::call::{Call, Metered};
use crate::door::BoxedIo;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::io::copy_bidirectional;

/// Says yes, and carries the bytes once that was heard. What the caller sent already is the beginning of the tunnel.
pub fn open(io: BoxedIo, call: Arc<Call>, mut request: Request) -> Response {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut far = Metered::new(io, Arc::clone(&call));
        let carry = async {
            let Ok(near) = upgrade.await else { return };
            // One side may be done while the other still speaks. Why a side broke off is its own business.
            let _ = copy_bidirectional(&mut TokioIo::new(near), &mut far).await;
        };
        tokio::select! {
            () = carry => {}
            why = call.over() => call.end(why),
        }
    });
    Response::new(Body::empty())
}
