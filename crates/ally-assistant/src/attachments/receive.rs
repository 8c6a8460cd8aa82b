//! Taking a file in: it is looked at as it arrives, and kept when all of it is on the disk.
//!
//! Pictures and texts are small and held until they are checked, so that nothing of a picture's metadata ever reaches the
//! disk. A PDF goes to the disk as it comes. Two files are taken in at a time; the others wait outside.

use super::disk::Writing;
use super::kind::{self, Looks};
use super::{Attachment, limits, pdf, store};
use crate::app::App;
use crate::fault::{Done, Fault};
use crate::idempotency::{self, Claim};
use crate::owner::Owner;
use ally_types::{AttachmentId, Content, Label, Problem};
use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use ring::digest;

/// A file on its way.
pub struct Upload {
    /// Its name, as [`named`] has it.
    pub name: Content,
    /// The client's name for this act, so that repeating it changes nothing.
    pub idempotency_key: Option<String>,
    /// The bytes.
    pub body: Body,
}

/// Takes a file in. Whoever gets an answer may close the window.
pub async fn receive(app: &App, owner: Owner, upload: Upload) -> Done<Attachment> {
    let _place = app.uploads().acquire().await;
    let Upload { name, idempotency_key, body } = upload;
    let id = AttachmentId::new(app.clock(), app.chance());
    let mut incoming = Incoming { body, digest: digest::Context::new(&digest::SHA256) };
    let kept = keep(app, owner, id, &name, &mut incoming).await;
    let kept = match kept {
        Ok(file) => {
            let print = ally_types::chance::encode_hex(incoming.digest.finish().as_ref());
            let print = idempotency::fingerprint(&[file.name.expose(), &print]);
            settle(app, owner, file, idempotency_key, print).await
        }
        Err(fault) => {
            // Whoever is still sending would not hear why it was refused.
            while let Ok(Some(_)) = incoming.next().await {}
            Err(fault)
        }
    };
    match kept {
        Ok((file, is_new)) => {
            if !is_new {
                discard(app, id).await;
            }
            app.look_at_alarms();
            Ok(file)
        }
        Err(fault) => {
            discard(app, id).await;
            Err(fault)
        }
    }
}

/// Says that the file is whole; or finds that it was taken in before, which is the answer then.
async fn settle(
    app: &App,
    owner: Owner,
    file: Attachment,
    key: Option<String>,
    print: String,
) -> Done<(Attachment, bool)> {
    let now = app.clock().now();
    app.store()
        .write(move |tx| {
            let claim = Claim { account: owner.account, door: "attachments", key: key.as_deref(), fingerprint: &print };
            if let Some(made) = idempotency::look_up(tx, &claim)? {
                let known = made.parse().ok().map(|id| store::whole(tx, id)).transpose()?.flatten();
                return Ok((known.ok_or_else(super::not_found)?.file, false));
            }
            store::set_whole(tx, &file)?;
            idempotency::keep(tx, &claim, &file.id.to_string(), now)?;
            Ok((file, true))
        })
        .await
}

/// Nothing of it stays. What cannot be taken away now goes when it has expired.
async fn discard(app: &App, id: AttachmentId) {
    let gone = async {
        app.store().write(move |tx| store::set_expired(tx, id)).await?;
        super::sweep(app).await
    };
    if gone.await.is_err() {
        ally_types::log::warn("a file that was not taken in could not be taken away yet", &[]);
    }
}

async fn keep(app: &App, owner: Owner, id: AttachmentId, name: &Content, incoming: &mut Incoming) -> Done<Attachment> {
    let mut held = Vec::new();
    while held.len() < kind::ENOUGH
        && let Some(bytes) = incoming.next().await?
    {
        held.extend_from_slice(&bytes);
    }
    if held.is_empty() {
        return Err(kind::empty().into());
    }
    let mut file = Attachment {
        id,
        name: name.clone(),
        media_type: kind::TEXT,
        size: 0,
        width: None,
        height: None,
        pages: None,
        label: Label::OUTSIDE,
    };
    let looks = kind::looks(&held);
    match looks {
        Looks::Picture(format) => {
            incoming.hold(&mut held, limits::LARGEST_PICTURE, looks).await?;
            let picture = kind::picture(format, &held)?;
            drop(held);
            file.media_type = format.media_type();
            (file.width, file.height) = (Some(picture.width), Some(picture.height));
            let mut writing = begin(app, owner, &file).await?;
            writing.write(&picture.bytes)?;
            file.size = writing.finish().await?;
        }
        Looks::Pdf => {
            file.media_type = kind::PDF;
            let mut writing = begin(app, owner, &file).await?;
            let mut scan = pdf::Scan::default();
            let mut next = Some(Bytes::from(held));
            let mut size = 0;
            while let Some(bytes) = next {
                size += bytes.len();
                if size > limits::LARGEST_PDF {
                    return Err(kind::too_large(looks).into());
                }
                scan.read(&bytes);
                writing.write(&bytes)?;
                next = incoming.next().await?;
            }
            file.pages = scan.finish()?;
            file.size = writing.finish().await?;
        }
        Looks::Other => {
            incoming.hold(&mut held, limits::LARGEST_TEXT, looks).await?;
            let text = kind::text(&held)?;
            let mut writing = begin(app, owner, &file).await?;
            writing.write(text.as_bytes())?;
            file.size = writing.finish().await?;
        }
    }
    Ok(file)
}

/// The row first, so that there is never a file that no row knows.
async fn begin(app: &App, owner: Owner, file: &Attachment) -> Done<Writing> {
    let (now, id, name) = (app.clock().now(), file.id, file.name.clone());
    app.store().write(move |tx| store::insert(tx, id, &name, owner.account, now)).await?;
    Writing::begin(app.attachments(), id)
}

/// Bytes that are coming in.
struct Incoming {
    body: Body,
    digest: digest::Context,
}

impl Incoming {
    /// The next bytes; `None` at the end.
    async fn next(&mut self) -> Done<Option<Bytes>> {
        while let Some(frame) = self.body.frame().await {
            let Ok(data) = frame.map_err(|_| torn())?.into_data() else { continue };
            if !data.is_empty() {
                self.digest.update(&data);
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// Everything to the end, if it is not too much.
    async fn hold(&mut self, held: &mut Vec<u8>, most: usize, looks: Looks) -> Done<()> {
        loop {
            if held.len() > most {
                return Err(match looks {
                    // Something large that is no text either is refused for what it is.
                    Looks::Other => {
                        kind::text(&held[..most / 2]).err().filter(|problem| problem.kind == "attachment_type")
                    }
                    _ => None,
                }
                .unwrap_or_else(|| kind::too_large(looks))
                .into());
            }
            let Some(bytes) = self.next().await? else { return Ok(()) };
            held.extend_from_slice(&bytes);
        }
    }
}

/// A name that can be shown and be the name of a file: no path, nothing that is not seen, not too long.
pub fn named(said: &str) -> Content {
    let bare = said.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_hidden = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let shown: String = bare.chars().filter(|letter| !is_hidden(*letter)).collect();
    let shown = shown.trim().trim_start_matches('.');
    let letters = shown.chars().count();
    if letters == 0 {
        return "file".into();
    }
    if letters <= limits::LONGEST_NAME {
        return shown.into();
    }
    // The end says what kind of file it is.
    let end = shown.rsplit_once('.').map(|(_, end)| end).filter(|end| end.len() <= 10);
    let rest: String = shown.chars().take(limits::LONGEST_NAME - 12).collect();
    end.map_or_else(|| rest.clone(), |end| format!("{rest}….{end}")).into()
}

fn torn() -> Fault {
    Problem::new(400, "upload_broken", "Only a part of this file arrived, so nothing of it was kept.")
        .next("Attach it again.")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_can_be_shown() {
        for (said, name) in [
            ("cat.png", "cat.png"),
            ("/home/mira/Kätzchen.png", "Kätzchen.png"),
            ("C:\\Users\\mira\\cat.png", "cat.png"),
            ("../../.profile", "profile"),
            ("gpj.\u{202e}exe\n", "gpj.exe"),
            ("  ", "file"),
            ("..", "file"),
            ("", "file"),
        ] {
            assert_eq!(named(said).expose(), name, "{said}");
        }
        let long = named(&format!("{}.pdf", "ä".repeat(500)));
        assert!(long.expose().ends_with("….pdf") && long.expose().chars().count() <= limits::LONGEST_NAME);
    }
}
