//! What the service demands of pictures and documents, and what they weigh.

use super::rules::{Refusal, refuse};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

/// Letters of a picture; the service counts them as they are sent, not the bytes that they stand for.
const LARGEST_PICTURE: usize = 5 << 20;
/// Pictures of a question from which on smaller ones are demanded.
const MANY: usize = 20;
/// Letters of a whole question.
const LARGEST_QUESTION: usize = 32 << 20;
/// Pages of all documents.
const MOST_PAGES: usize = 100;

/// Checks one block of a message.
pub(super) fn check(at: usize, place: usize, block: &Value) -> Result<(), Refusal> {
    let of = format!("messages.{at}.content.{place}.{}.source", block["type"].as_str().unwrap_or_default());
    let source = &block["source"];
    let kind = source["type"].as_str().unwrap_or_default();
    let media_type = source["media_type"].as_str().unwrap_or_default();
    let Some(data) = source["data"].as_str().filter(|_| matches!(kind, "base64" | "text")) else {
        return refuse(format!("{of}: Input should be a base64 or text source"));
    };
    match (block["type"].as_str(), kind, media_type) {
        (Some("document"), "text", "text/plain") if data.trim().is_empty() => {
            refuse(format!("{of}.text: text content blocks must contain non-whitespace text"))
        }
        (Some("document"), "text", "text/plain") => Ok(()),
        (Some("document"), "base64", "application/pdf") => {
            let bytes = decoded(&of, data)?;
            if bytes.starts_with(b"%PDF-") { Ok(()) } else { refuse(format!("{of}.base64: The PDF is not valid.")) }
        }
        (Some("image"), "base64", "image/png" | "image/jpeg" | "image/gif" | "image/webp") => {
            if data.len() > LARGEST_PICTURE {
                return refuse(format!(
                    "{of}.base64: image exceeds 5 MB maximum: {} bytes > {LARGEST_PICTURE} bytes",
                    data.len()
                ));
            }
            let bytes = decoded(&of, data)?;
            let found = match bytes.as_slice() {
                [0x89, b'P', b'N', b'G', ..] => "image/png",
                [0xff, 0xd8, 0xff, ..] => "image/jpeg",
                [b'G', b'I', b'F', b'8', ..] => "image/gif",
                [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
                _ => return refuse("Could not process image"),
            };
            if found == media_type {
                return Ok(());
            }
            refuse(format!("{of}.base64: the image was specified using the {media_type} media type, but is {found}"))
        }
        _ => refuse(format!("{of}.{kind}.media_type: Input should be one of the supported media types")),
    }
}

fn decoded(of: &str, data: &str) -> Result<Vec<u8>, Refusal> {
    match BASE64_STANDARD.decode(data) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => refuse(format!("{of}.base64: invalid base64 data")),
    }
}

/// Checks all files of a question together.
pub(super) fn check_all(messages: &Value) -> Result<(), Refusal> {
    let all = || {
        let content = messages.as_array().into_iter().flatten().map(|message| &message["content"]);
        content.filter_map(Value::as_array).flatten().filter(|block| block["source"].is_object())
    };
    let letters: usize = all().filter_map(|block| block["source"]["data"].as_str()).map(str::len).sum();
    if letters > LARGEST_QUESTION {
        return Err(Refusal::new(413, "request_too_large", "Request exceeds the maximum size"));
    }
    if all().filter(|block| block["type"] == "image").count() > MANY {
        return refuse("At least one of the image dimensions may exceed max allowed size for many-image requests");
    }
    if all().map(pages).sum::<usize>() > MOST_PAGES {
        return refuse(format!("A maximum of {MOST_PAGES} PDF pages may be provided."));
    }
    Ok(())
}

fn pages(block: &Value) -> usize {
    if block["source"]["media_type"] != "application/pdf" {
        return 0;
    }
    let bytes = BASE64_STANDARD.decode(block["source"]["data"].as_str().unwrap_or_default()).unwrap_or_default();
    let page = b"/Type /Page";
    bytes.windows(page.len() + 1).filter(|window| window.starts_with(page) && window[page.len()] != b's').count()
}

/// Letters that stand for a block where tokens are counted: files count as what is read of them.
pub(super) fn weight(block: &Value) -> usize {
    match block["type"].as_str() {
        Some("image") => 4 * 1500,
        Some("document") if block["source"]["type"] == "base64" => 4 * 3000 * pages(block).max(1),
        _ => block.to_string().len(),
    }
}
