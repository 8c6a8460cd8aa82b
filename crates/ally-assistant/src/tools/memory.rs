//! The memory tool: the published contract of six commands under `/memories` (`rename` follows), with its result texts.

use super::{Action, Asking, Planned, Planning, Shown, Tool, refused_if_temporary, text};
use crate::fault::Done;
use crate::memory::path::{NotePath, Place};
use crate::memory::store::File;
use crate::memory::{AtDesk, Change, LARGEST_FILE};
use ally_durable::Effect;
use ally_monitor::{Sink, Touches};
use ally_types::{Content, Label};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The person's memory files.
pub struct Memory;

/// Lines shown around an edit.
const AROUND: usize = 4;

impl Tool for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn description(&self) -> &'static str {
        "Reads and changes the person's memory: Markdown files under /memories. `view` shows a directory or a file with \
         line numbers; `create` makes a new file; `str_replace` replaces a text that occurs exactly once; `insert` puts \
         text behind a line (0 is the top); `delete` removes a file or directory. Files end with .md and hold at most 64 \
         KB. One fact per bullet. Look before you write; change what is there rather than adding it twice."
    }

    fn schema(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "command": { "type": "string", "enum": ["view", "create", "str_replace", "insert", "delete"] },
                "path": { "type": "string", "description": "Such as /memories/people/ana.md" },
                "view_range": { "type": "array", "items": { "type": "integer" }, "minItems": 2, "maxItems": 2,
                    "description": "view: first and last line" },
                "file_text": { "type": "string", "description": "create: the whole text" },
                "old_str": { "type": "string", "description": "str_replace: the text to replace" },
                "new_str": { "type": "string", "description": "str_replace: what to put in its place" },
                "insert_line": { "type": "integer", "description": "insert: the line behind which to insert" },
                "insert_text": { "type": "string", "description": "insert: the text" }
            },
            "required": ["command", "path"]
        })
    }

    fn action(&self, input: &Value) -> Action {
        match text(input, "command") {
            Some("view") => Action { effect: Effect::Read, sink: Sink::Read, touches: Touches::Memory },
            // The change is committed together with its result, so repeating it after a crash does it once.
            // Deleting is a version like any other and can be undone.
            _ => Action { effect: Effect::Idempotent, sink: Sink::Local, touches: Touches::Memory },
        }
    }

    fn shown(&self, input: &Value) -> Shown {
        let at = |title| Shown::new(title).with("File", input, "path");
        match text(input, "command") {
            Some("view") => at("Read your memory").with_value("Lines", input.get("view_range")),
            Some("create") => at("Write a new memory file").with("Text", input, "file_text"),
            Some("str_replace") => {
                at("Change a memory file").with("Instead of", input, "old_str").with("Write", input, "new_str")
            }
            Some("insert") => at("Add to a memory file").with_value("Behind line", input.get("insert_line")).with(
                "Text",
                input,
                "insert_text",
            ),
            Some("delete") => at("Delete from memory"),
            _ => at("Use your memory").with("Command", input, "command"),
        }
    }

    fn plan<'a>(&'a self, asking: &'a Asking, input: &'a Value) -> Planning<'a> {
        Box::pin(async move {
            if let Some(refused) = refused_if_temporary(asking).await? {
                return Ok(refused);
            }
            let Some(path) = text(input, "path") else {
                return Ok(Planned::refused("Error: `path` is missing."));
            };
            let Ok(place) = Place::parse(path) else {
                return Ok(Planned::refused(format!(
                    "Error: {path} is not a path of memory. Paths begin with /memories, and files end with .md."
                )));
            };
            let desk = asking.app.memory().sit(&asking.app).await?;
            match (text(input, "command"), place) {
                (Some("view"), Place::Directory(directory)) => view_directory(asking, &desk, &directory).await,
                (Some("view"), Place::File(file)) => view(asking, &desk, &file, input).await,
                (Some("create"), Place::File(file)) => create(asking, desk, file, input).await,
                (Some("str_replace"), Place::File(file)) => str_replace(asking, desk, file, input).await,
                (Some("insert"), Place::File(file)) => insert(asking, desk, file, input).await,
                (Some("delete"), place) => delete(asking, desk, place, path).await,
                (Some("create"), Place::Directory(_)) => Ok(Planned::refused(format!(
                    "Error: {path} does not end with .md. Memory holds Markdown files only."
                ))),
                (Some("str_replace"), Place::Directory(_)) => Ok(Planned::refused(no_valid(path))),
                (Some("insert"), Place::Directory(_)) => Ok(Planned::refused(no_path(path))),
                _ => Ok(Planned::refused("Error: `command` is view, create, str_replace, insert or delete.")),
            }
        })
    }
}

async fn view_directory(asking: &Asking, desk: &AtDesk, directory: &str) -> Done<Planned> {
    let below = if directory.is_empty() { String::new() } else { format!("{directory}/") };
    let mut files = desk.list(&asking.app).await?;
    files.retain(|file| file.path.as_str().starts_with(&below));
    if files.is_empty() && !directory.is_empty() {
        return Ok(Planned::refused(format!(
            "The path /memories/{directory} does not exist. Please provide a valid path."
        )));
    }
    let root = format!("/memories/{directory}").trim_end_matches('/').to_owned();
    let total: usize = files.iter().map(|file| file.text.len()).sum();
    let mut listing = format!(
        "Here're the files and directories up to 2 levels deep in {root}, excluding hidden items and node_modules:\n{}\t{root}",
        human(total)
    );
    let mut shown_directory = "";
    for file in &files {
        let relative = &file.path.as_str()[below.len()..];
        let mut names = relative.splitn(3, '/');
        let (first, second, third) = (names.next().unwrap_or_default(), names.next(), names.next());
        if second.is_some() && first != shown_directory {
            shown_directory = first;
            let inside = format!("{below}{first}/");
            let size =
                files.iter().filter(|file| file.path.as_str().starts_with(&inside)).map(|file| file.text.len()).sum();
            let _ = write!(listing, "\n{}\t{root}/{first}", human(size));
        }
        if third.is_none() {
            let _ = write!(listing, "\n{}\t{root}/{relative}", human(file.text.len()));
        }
    }
    let summary = if files.len() == 1 { "1 file".to_owned() } else { format!("{} files", files.len()) };
    // Names can carry words too.
    let label = files.iter().fold(Label::TRUSTED, |all, file| all.join(file.label));
    Ok(Planned::done(listing, summary, label))
}

async fn view(asking: &Asking, desk: &AtDesk, path: &NotePath, input: &Value) -> Done<Planned> {
    let Some(file) = desk.read(&asking.app, path).await? else {
        return Ok(Planned::refused(format!("The path {} does not exist. Please provide a valid path.", path.shown())));
    };
    let lines: Vec<_> = file.text.expose().lines().collect();
    let bound = |at: usize| input.get("view_range").and_then(|range| range.get(at)).and_then(Value::as_i64);
    let first = bound(0).and_then(|line| usize::try_from(line).ok()).unwrap_or(1).max(1);
    let last = bound(1).and_then(|line| usize::try_from(line).ok()).unwrap_or(lines.len()).min(lines.len());
    let mut shown = format!("Here's the content of {} with line numbers:", path.shown());
    for number in first..=last {
        let _ = write!(shown, "\n{number:>6}\t{}", lines[number - 1]);
    }
    Ok(Planned::done(shown, format!("Read {}", path.as_str()), file.label))
}

async fn create(asking: &Asking, desk: AtDesk, path: NotePath, input: &Value) -> Done<Planned> {
    let Some(new) = text(input, "file_text") else {
        return Ok(Planned::refused("Error: `file_text` is missing."));
    };
    if desk.read(&asking.app, &path).await?.is_some() {
        return Ok(Planned::refused(format!("Error: File {} already exists", path.shown())));
    }
    if !desk.is_free(&path)? {
        return Ok(Planned::refused(format!("Error: {} cannot be a file: something else stands there", path.shown())));
    }
    let said = format!("File created successfully at: {}", path.shown());
    Ok(changed(asking, desk, (path, Label::TRUSTED), new.to_owned(), said, "Created"))
}

async fn str_replace(asking: &Asking, desk: AtDesk, path: NotePath, input: &Value) -> Done<Planned> {
    let Some(file) = desk.read(&asking.app, &path).await? else {
        return Ok(Planned::refused(no_valid(&path.shown())));
    };
    let (Some(old), new) =
        (text(input, "old_str").filter(|old| !old.is_empty()), text(input, "new_str").unwrap_or_default())
    else {
        return Ok(Planned::refused("Error: `old_str` is missing."));
    };
    let whole = file.text.expose();
    let found: Vec<_> = whole.match_indices(old).map(|(at, _)| at).collect();
    match found.as_slice() {
        [] => Ok(Planned::refused(format!(
            "No replacement was performed, old_str `{old}` did not appear verbatim in {}.",
            path.shown()
        ))
        .labelled(file.label)),
        [at] => {
            let changed_text = format!("{}{new}{}", &whole[..*at], &whole[at + old.len()..]);
            let first = whole[..*at].lines().count().saturating_sub(AROUND).max(1);
            let last = whole[..*at].lines().count() + new.lines().count() + AROUND;
            let mut said = "The memory file has been edited.".to_owned();
            for (number, line) in (1..).zip(changed_text.lines()).take_while(|(number, _)| *number <= last) {
                if number >= first {
                    let _ = write!(said, "\n{number:>6}\t{line}");
                }
            }
            Ok(changed(asking, desk, (path, file.label), changed_text, said, "Changed"))
        }
        many => {
            let lines: Vec<_> = many.iter().map(|at| (whole[..*at].matches('\n').count() + 1).to_string()).collect();
            Ok(Planned::refused(format!(
                "No replacement was performed. Multiple occurrences of old_str `{old}` in lines: {}. Please ensure it is unique",
                lines.join(", ")
            ))
            .labelled(file.label))
        }
    }
}

async fn insert(asking: &Asking, desk: AtDesk, path: NotePath, input: &Value) -> Done<Planned> {
    let Some(file) = desk.read(&asking.app, &path).await? else {
        return Ok(Planned::refused(no_path(&path.shown())));
    };
    let Some(new) = text(input, "insert_text") else {
        return Ok(Planned::refused("Error: `insert_text` is missing."));
    };
    let mut lines: Vec<_> = file.text.expose().split_inclusive('\n').collect();
    let wanted = input.get("insert_line").and_then(Value::as_i64);
    let Some(at) = wanted.and_then(|line| usize::try_from(line).ok()).filter(|at| *at <= lines.len()) else {
        let shown = input.get("insert_line").map_or_else(|| "(none)".to_owned(), Value::to_string);
        return Ok(Planned::refused(format!(
            "Error: Invalid `insert_line` parameter: {shown}. It should be within the range of lines of the file: [0, {}]",
            lines.len()
        )));
    };
    let new = if new.ends_with('\n') { new.to_owned() } else { format!("{new}\n") };
    // The line before must end before ours can begin.
    let break_before = if at > 0 && !lines[at - 1].ends_with('\n') { "\n" } else { "" };
    let inserted = format!("{break_before}{new}");
    lines.insert(at, &inserted);
    let said = format!("The file {} has been edited.", path.shown());
    Ok(changed(asking, desk, (path, file.label), lines.concat(), said, "Changed"))
}

async fn delete(asking: &Asking, desk: AtDesk, place: Place, shown: &str) -> Done<Planned> {
    let paths: Vec<_> = match place {
        Place::File(file) => desk.read(&asking.app, &file).await?.map(|file| file.path).into_iter().collect(),
        Place::Directory(directory) if directory.is_empty() => {
            return Ok(Planned::refused("Error: /memories itself cannot be deleted."));
        }
        Place::Directory(directory) => {
            let below = format!("{directory}/");
            let files: Vec<File> = desk.list(&asking.app).await?;
            files.into_iter().map(|file| file.path).filter(|path| path.as_str().starts_with(&below)).collect()
        }
    };
    if paths.is_empty() {
        return Ok(Planned::refused(no_path(shown)));
    }
    let summary = format!("Deleted {}", shown.trim_start_matches("/memories/"));
    let changes = paths.into_iter().map(|path| change(asking, path, None, "Deleted")).collect();
    let mut planned = Planned::done(format!("Successfully deleted {shown}"), summary, Label::TRUSTED);
    planned.changes = Some((desk, changes));
    Ok(planned)
}

/// A change of one file, unless it would be too large. `label` is that of the text which is there already.
fn changed(
    asking: &Asking,
    desk: AtDesk,
    (path, label): (NotePath, Label),
    new: String,
    said: String,
    done: &str,
) -> Planned {
    if new.len() > LARGEST_FILE {
        return Planned::refused(format!(
            "Error: {} would have {} bytes; a memory file holds at most {LARGEST_FILE}. Put some of it into another file.",
            path.shown(),
            new.len()
        ))
        .labelled(label);
    }
    let mut planned = Planned::done(said, format!("{done} {}", path.as_str()), label);
    let reason = if done == "Created" { "Created" } else { "Changed" };
    let mut change = change(asking, path, Some(new.into()), reason);
    change.label = change.label.join(label);
    planned.changes = Some((desk, vec![change]));
    planned
}

fn change(asking: &Asking, path: NotePath, text: Option<Content>, reason: &'static str) -> Change {
    Change {
        path,
        text,
        author: asking.by,
        reason,
        run: Some(asking.run),
        account: None,
        label: asking.label.join(Label::TRUSTED),
        chat: Some(asking.chat),
    }
}

fn no_valid(path: &str) -> String {
    format!("Error: The path {path} does not exist. Please provide a valid path.")
}

fn no_path(path: &str) -> String {
    format!("Error: The path {path} does not exist")
}

/// A size as `du -h` writes it.
fn human(bytes: usize) -> String {
    const UNITS: [&str; 3] = ["K", "M", "G"];
    let mut tenths = bytes.saturating_mul(10).div_ceil(1024).max(usize::from(bytes > 0));
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths = tenths.div_ceil(1024);
        unit += 1;
    }
    format!("{}.{}{}", tenths / 10, tenths % 10, UNITS[unit])
}
