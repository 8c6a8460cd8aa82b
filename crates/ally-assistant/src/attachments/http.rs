//! The doors of attachments.

use super::receive::{self, Upload};
use super::{Attachment, disk, kind, store};
use crate::app::App;
use crate::door::Path;
use crate::idempotency;
use crate::owner::Owner;
use ally_http::{Answer, Created};
use ally_store::StoreError;
use ally_types::{AttachmentId, Content, Problem};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::fmt::Write as _;

/// The header with the name of the file, in UTF-8 and percent-encoded: an address is kept in too many places.
const NAME: &str = "attachment-name";

/// Takes in a file for a message that is yet to be sent. What it is, its bytes say; of pictures everything goes that is not
/// the picture: where, when and with what they were taken. What is not sent within a day is removed.
#[utoipa::path(post, path = "/api/v1/attachments", tag = "attachments", operation_id = "attach",
    params(("idempotency-key" = Option<String>, Header),
        ("attachment-name" = Option<String>, Header, description = "The name of the file, percent-encoded UTF-8")),
    request_body(content = String, content_type = "application/octet-stream", description = "The bytes of the file"),
    responses((status = 201, body = Attachment), (status = 400, body = Problem), (status = 409, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem),
        (status = 507, body = Problem)))]
pub async fn attach(State(app): State<App>, owner: Owner, request: Request) -> Answer<Created<Attachment>> {
    let (parts, body) = request.into_parts();
    let name = named(&parts.headers);
    let upload = Upload { name, idempotency_key: idempotency::key(&parts.headers)?, body };
    Ok(Created(receive::receive(&app, owner, upload).await?))
}

/// The bytes of a file: pictures to look at, everything else to be stored.
#[utoipa::path(get, path = "/api/v1/attachments/{attachment}", tag = "attachments", operation_id = "get_attachment",
    params(("attachment" = AttachmentId, Path)),
    responses((status = 200, body = String, content_type = "application/octet-stream"), (status = 404, body = Problem)))]
pub async fn get(State(app): State<App>, owner: Owner, Path(id): Path<AttachmentId>) -> Answer<Response> {
    let found = app.store().read(move |tx| store::whole(tx, id)).await?;
    let found = found.filter(|found| found.account == owner.account).ok_or_else(super::not_found)?;
    let Attachment { name, media_type, size, .. } = found.file;
    let file = disk::open(app.attachments(), id).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => super::not_found(),
        _ => StoreError::from(error).into(),
    })?;
    let is_picture = kind::format(media_type).is_some();
    // What could be a page, a script or a form is never shown as one.
    let (media_type, how) =
        if is_picture { (media_type, "inline") } else { ("application/octet-stream", "attachment") };
    let mut response = Response::new(Body::from_stream(disk::stream(file, size)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let disposition = format!("{how}; filename*=UTF-8''{}", encoded(name.expose()));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::try_from(disposition).map_err(|_| Problem::internal())?);
    Ok(response)
}

/// Removes a file that was not sent.
#[utoipa::path(delete, path = "/api/v1/attachments/{attachment}", tag = "attachments", operation_id = "remove_attachment",
    params(("attachment" = AttachmentId, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn remove(State(app): State<App>, owner: Owner, Path(id): Path<AttachmentId>) -> Answer<StatusCode> {
    super::remove(&app, owner, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn named(headers: &HeaderMap) -> Content {
    let said = headers.get(NAME).map(|name| decoded(name.as_bytes())).unwrap_or_default();
    receive::named(&said)
}

/// What is not encoded as it should be is taken as it is.
fn decoded(said: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(said.len());
    let mut rest = said;
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn encoded(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            encoded.push(byte.into());
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_survives_the_way_in_a_header() {
        for name in ["cat.png", "Grüße, \"Ana\".pdf", "東京 100%.txt", "a/b;c"] {
            assert_eq!(decoded(encoded(name).as_bytes()), name);
        }
        for odd in ["100%", "%zz", "%", "%4", "%ff"] {
            let _ = decoded(odd.as_bytes());
        }
        assert_eq!(decoded(b"100%"), "100%");
    }
}
