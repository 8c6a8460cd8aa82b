//! What other people's crates may say in our log: that something happened, how bad, and where in their code.
//!
//! Their messages can hold addresses, SQL and bodies, so their text and fields are never formatted. Below WARN they
//! say nothing, whatever `RUST_LOG` asks for. The panic hook follows the same rule: only the place.

use ally_types::log::{self, Level, Loggable};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, Interest, LevelFilter, Metadata, Subscriber};

/// Receives the events of `tracing` and keeps their target and place.
struct Foreign;

/// Static text of somebody else's code: a target or a file name.
struct Place(&'static str, Option<u32>);

impl Loggable for Place {
    fn write(&self, line: &mut String) {
        self.0.write(line);
        if let Some(number) = self.1 {
            line.push(':');
            number.write(line);
        }
    }
}

impl Subscriber for Foreign {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= tracing_core::Level::WARN
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::WARN)
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let level = if *metadata.level() == tracing_core::Level::ERROR { Level::Error } else { Level::Warn };
        // The target of a macro is static text, but its type does not say so; the call site's name is both.
        log::line(level, "foreign", &[("place", &Place(metadata.name(), None))]);
    }

    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

/// Installs both, once at the start of a process.
pub fn install(level: Level) {
    log::set_level(level);
    // Already installed only in a test that starts two roles in one process.
    let _ = tracing_core::dispatcher::set_global_default(tracing_core::Dispatch::new(Foreign));
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|at| (at.line(), at.column(), name_of(at.file())));
        match place {
            Some((line, column, file)) => {
                log::error("panic", &[("file", &File(file)), ("line", &line), ("column", &column)]);
            }
            None => log::error("panic", &[]),
        }
    }));
}

/// A file name from a panic's location: compiled in, so it cannot hold what a person wrote.
struct File(String);

impl Loggable for File {
    fn write(&self, line: &mut String) {
        line.push_str(&self.0);
    }
}

/// A source path from its crate on, or its last three parts; the rest says where somebody built it.
fn name_of(path: &str) -> String {
    if let Some((_, of_ours)) = path.rsplit_once("crates/") {
        return of_ours.to_owned();
    }
    let mut parts: Vec<&str> = path.rsplit('/').take(3).collect();
    parts.reverse();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const WORD: &str = "Qz78CanaryVq9";

    /// In a process of its own, because what is installed stays.
    #[test]
    fn foreign_crates_say_where_and_how_bad_and_never_what() {
        if let Ok(level) = std::env::var("ALLY_LOG") {
            install(serde_json::from_value(level.into()).expect("a level"));
            tracing::error!(target: "sqlx::query", statement = WORD, "{WORD} failed");
            tracing::warn!(target: "hyper::proto", address = WORD, "{WORD} was slow");
            tracing::info!(target: "reqwest::connect", address = WORD, "{WORD} is called");
            tracing::debug!("{WORD}");
            let span = tracing::error_span!("request", path = WORD);
            return span.in_scope(|| tracing::trace!("{WORD}"));
        }
        let name = "foreign::tests::foreign_crates_say_where_and_how_bad_and_never_what";
        for (level, lines) in [("error", 1), ("warn", 2), ("info", 2), ("debug", 2), ("trace", 2)] {
            let mut command = Command::new(std::env::current_exe().expect("this program"));
            command.args(["--exact", name, "--nocapture"]).env("ALLY_LOG", level).env("RUST_LOG", "trace");
            let output = command.output().expect("starts");
            assert!(output.status.success(), "{level}");
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert!(!said.contains(WORD), "{level}: {said}");
            let told: Vec<&str> = said.lines().filter(|line| line.contains(" foreign place=")).collect();
            assert_eq!(told.len(), lines, "{level}: {said}");
            for (line, how_bad) in told.iter().zip([" Error ", " Warn "]) {
                assert!(line.contains(how_bad) && line.contains("src/foreign.rs:"), "{level}: {line}");
            }
        }
    }
}
