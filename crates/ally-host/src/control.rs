//! The pipe on which an assistant speaks to its host.
//!
//! Who speaks there may be in somebody else's hands. So it is heard at a measured pace, whatever it says, and no longer
//! at all once it says what no assistant would say.

use crate::pipe::{MOST_LEFT_OVER, Pipe};
use ally_types::host::FromAssistant;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Far more than any line of an assistant that is in its right mind.
const LONGEST: usize = 1024;
/// A newer assistant may say a few things that this host does not understand.
const MOST_STRANGE: u32 = 16;
/// So many reads and lines together are there for each second: about twenty lines that were written one by one.
const TURNS: u32 = 40;
const A_SECOND: Duration = Duration::from_secs(1);

/// The reading end.
#[derive(Debug)]
pub(crate) struct Control {
    pipe: Pipe,
    text: Vec<u8>,
    /// So much of the text was heard already.
    heard: usize,
    strange: u32,
    /// When the pace begins anew, and what there is until then.
    renewed: Instant,
    turns: u32,
}

impl Control {
    /// A pipe: the reading end, and what the child gets.
    pub(crate) fn new() -> io::Result<(Self, OwnedFd)> {
        let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        // Only this end must not block: the child's end is a description of its own.
        rustix::io::ioctl_fionbio(&reader, true)?;
        let pipe = Pipe::new(reader)?;
        let renewed = Instant::now() + A_SECOND;
        Ok((Self { pipe, text: Vec::new(), heard: 0, strange: 0, renewed, turns: TURNS }, writer))
    }

    /// The next line that can be understood; never answers again after the end. Can be cancelled and asked again.
    pub(crate) async fn next(&mut self) -> FromAssistant {
        loop {
            // Whoever finds something to read each time would otherwise never let anybody else have a turn.
            tokio::task::consume_budget().await;
            self.turn().await;
            if let Some(line) = self.take_line() {
                self.turns = self.turns.saturating_sub(1);
                return line;
            }
            self.pipe.readable().await;
            if self.add(Pipe::read) > 0 {
                self.turns = self.turns.saturating_sub(1);
            }
        }
    }

    /// A line that is there already: for what a child said just before it ended.
    pub(crate) async fn left_over(&mut self, read: &mut usize) -> Option<FromAssistant> {
        loop {
            tokio::task::consume_budget().await;
            if let Some(line) = self.take_line() {
                return Some(line);
            }
            // Beyond that, somebody is still writing.
            if *read > MOST_LEFT_OVER {
                return None;
            }
            match self.add(Pipe::read_now) {
                0 => return None,
                more => *read += more,
            }
        }
    }

    /// Waits until there is a turn.
    async fn turn(&mut self) {
        if self.turns == 0 {
            if Instant::now() < self.renewed {
                sleep_until(self.renewed).await;
            }
            self.turns = TURNS;
            self.renewed = Instant::now() + A_SECOND;
        }
    }

    /// Reads what is there; answers how much that was. A line that does not end is the last thing that is heard.
    fn add(&mut self, read: impl FnOnce(&mut Pipe, &mut Vec<u8>) -> usize) -> usize {
        self.text.drain(..std::mem::take(&mut self.heard));
        let before = self.text.len();
        let read = read(&mut self.pipe, &mut self.text);
        if read > 0 && before > LONGEST {
            self.text.truncate(before);
            self.pipe.close();
            return 0;
        }
        read
    }

    fn take_line(&mut self) -> Option<FromAssistant> {
        while let Some(length) = self.text[self.heard..].iter().position(|byte| *byte == b'\n') {
            let line = &self.text[self.heard..self.heard + length];
            self.heard += length + 1;
            match serde_json::from_slice(line) {
                Ok(line) if length <= LONGEST => return Some(line),
                _ => self.strange += 1,
            }
            if self.strange > MOST_STRANGE {
                self.pipe.close();
                self.text = Vec::new();
                self.heard = 0;
            }
        }
        None
    }
}

/// When what an assistant wants kept is put on the disk: once a second at most, however often it changes its mind.
#[derive(Debug, Default)]
pub(crate) struct Saving {
    last: Option<Instant>,
    due: Option<Instant>,
}

impl Saving {
    /// There is something to save; answers whether at once.
    pub(crate) fn ask(&mut self, now: Instant) -> bool {
        let soonest = self.last.map_or(now, |last| last + A_SECOND);
        *self.due.get_or_insert(soonest) <= now
    }

    /// When it is to be saved, if there is something.
    pub(crate) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// It is being saved now.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.due = None;
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ally_types::Timestamp;
    use std::io::Write;

    fn pipe() -> (Control, std::fs::File) {
        let (control, writer) = Control::new().expect("a pipe");
        (control, writer.into())
    }

    fn alarm(millis: i64) -> FromAssistant {
        FromAssistant::Alarm { at: Some(Timestamp::from_millis(millis)) }
    }

    fn write(pipe: &mut std::fs::File, line: &FromAssistant) {
        let text = serde_json::to_string(line).expect("JSON");
        writeln!(pipe, "{text}").expect("writes");
    }

    #[tokio::test]
    async fn a_few_strange_lines_are_passed_over_and_too_many_close_the_pipe_for_good() {
        let (mut control, mut pipe) = pipe();
        for strange in ["", "?", "{\"type\":\"something new\"}"] {
            writeln!(pipe, "{strange}").expect("writes");
        }
        write(&mut pipe, &FromAssistant::Ready);
        assert_eq!(control.next().await, FromAssistant::Ready);
        pipe.write_all(&[b'\n'; 14]).expect("writes");
        write(&mut pipe, &FromAssistant::Ready);
        assert_eq!(control.left_over(&mut 0).await, None);
        assert_eq!(pipe.write_all(b"\n").expect_err("nobody reads").kind(), io::ErrorKind::BrokenPipe);
    }

    #[tokio::test]
    async fn what_was_said_before_the_reactor_could_hear_of_it_is_heard_at_the_end() {
        let (mut control, mut pipe) = pipe();
        // Nothing is there: the reactor remembers that.
        assert_eq!(control.add(Pipe::read), 0);
        write(&mut pipe, &alarm(7));
        drop(pipe);
        assert_eq!(control.left_over(&mut 0).await, Some(alarm(7)));
    }

    #[tokio::test]
    async fn a_line_that_does_not_end_closes_the_pipe() {
        let (mut control, mut pipe) = pipe();
        for _ in 0..3 {
            pipe.write_all(&[b' '; LONGEST]).expect("writes");
            assert_eq!(tokio::time::timeout(Duration::ZERO, control.next()).await.ok(), None);
            assert_eq!(control.left_over(&mut 0).await, None);
            if !control.pipe.is_open() {
                return;
            }
        }
        panic!("it is still open");
    }

    #[tokio::test]
    async fn who_says_much_at_once_waits_and_what_is_left_at_the_end_is_heard_to_its_last_line() {
        let (mut control, mut pipe) = pipe();
        for at in 0..500 {
            write(&mut pipe, &alarm(at));
        }
        for at in 0..i64::from(TURNS) - 1 {
            assert_eq!(control.next().await, alarm(at));
        }
        assert_eq!(control.turns, 0, "the rest waits");
        drop(pipe);
        let (mut read, mut last) = (0, None);
        while let Some(line) = control.left_over(&mut read).await {
            last = Some(line);
        }
        assert_eq!(last, Some(alarm(499)));
    }

    #[test]
    fn however_often_something_is_to_be_saved_it_is_saved_once_a_second() {
        let (mut saving, begin, mut saves) = (Saving::default(), Instant::now(), 0);
        for millis in 0..10_000 {
            let now = begin + Duration::from_millis(millis);
            if saving.ask(now) {
                saving.begin(now);
                saves += 1;
            }
        }
        assert_eq!(saves, 10);
        assert!(saving.due().is_some(), "the last one is not forgotten");
    }
}
