//! Where answers and remarks are written: what was answered to standard output, all else to standard error.

use super::{Fault, clean, terminal};
use crate::config::Environment;
use ally_types::Problem;
use std::io::{self, IsTerminal as _, Write};

/// Both outputs.
pub(super) struct Screen {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    /// Whether a remark appears in the middle of an answer, so that the line has to end before it.
    is_shared: bool,
    /// What begins and ends a quiet line.
    quiet: (&'static str, &'static str),
    width: usize,
    is_at_line_start: bool,
}

impl Screen {
    /// The outputs of this process.
    pub(super) fn new(environment: &Environment) -> Self {
        let is_on = |name: &str| environment.get(name).is_some_and(|value| !value.is_empty());
        let is_dumb = environment.get("TERM").is_some_and(|term| term == "dumb");
        let has_colours = io::stderr().is_terminal() && !is_on("NO_COLOR") && !is_dumb;
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            is_shared: io::stdout().is_terminal() && io::stderr().is_terminal(),
            quiet: if has_colours { ("\x1b[2m", "\x1b[0m") } else { ("", "") },
            width: terminal::width(),
            is_at_line_start: true,
        }
    }

    /// Writes more of an answer, which has been cleaned.
    pub(super) fn answer(&mut self, clean: &str) -> Result<(), Fault> {
        let Some(last) = clean.chars().next_back() else { return Ok(()) };
        self.is_at_line_start = last == '\n';
        // Whoever read it is gone: nobody is left to tell.
        self.out.write_all(clean.as_bytes()).and_then(|()| self.out.flush()).map_err(|_| Fault::Left)
    }

    /// Ends the line of the answer, if it has begun one.
    pub(super) fn end_line(&mut self) -> Result<(), Fault> {
        if self.is_at_line_start { Ok(()) } else { self.answer("\n") }
    }

    /// A remark of one line, less visible than the answer.
    pub(super) fn remark(&mut self, text: &str) -> Result<(), Fault> {
        if self.is_shared {
            self.end_line()?;
        }
        let line = clean::one_line(text, self.width.saturating_sub(1).max(20));
        let (on, off) = self.quiet;
        let _ = writeln!(self.err, "{on}{line}{off}");
        Ok(())
    }

    /// Text beside the answer that comes in pieces, less visible; it has been cleaned.
    pub(super) fn aside(&mut self, clean: &str) {
        let (on, off) = self.quiet;
        let _ = write!(self.err, "{on}{clean}{off}").and_then(|()| self.err.flush());
    }

    /// Something the person has to read, whole.
    pub(super) fn say(&mut self, text: &str) -> Result<(), Fault> {
        if self.is_shared {
            self.end_line()?;
        }
        let text = clean::Cleaner::default().clean(text);
        let _ = writeln!(self.err, "{text}");
        Ok(())
    }

    /// What did not work, and what to do next.
    pub(super) fn problem(&mut self, problem: &Problem) -> Result<(), Fault> {
        self.say(&problem.title)?;
        problem.next_step.as_deref().map_or(Ok(()), |next_step| self.say(next_step))
    }
}

/// What was written to a [`Screen`] of a test.
#[cfg(test)]
pub(super) mod seen {
    use super::{Screen, Write, io};
    use std::sync::{Arc, Mutex, PoisonError};

    /// One output, kept.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct Seen(Arc<Mutex<Vec<u8>>>);

    impl Seen {
        /// All of it.
        pub(crate) fn text(&self) -> String {
            String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
        }
    }

    impl Write for Seen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A terminal: both outputs are one.
    pub(crate) fn terminal(width: usize) -> (Screen, Seen) {
        let seen = Seen::default();
        let (out, err) = (Box::new(seen.clone()), Box::new(seen.clone()));
        let screen = Screen { out, err, is_shared: true, quiet: ("", ""), width, is_at_line_start: true };
        (screen, seen)
    }
}
