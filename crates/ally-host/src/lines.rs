//! What an assistant writes to its log: lines of our own code, at a measured pace, and never taken for those of others.
//!
//! Its standard output and error are one pipe. The host passes on what comes out of it as lines of its own that name the
//! server. Whoever has an assistant in hand can so forge nobody's line, flood nothing, and tell nobody what its person
//! wrote: what is no line of ours, or comes too fast, is counted instead. The pipe is never waited for at either end.

mod catalogue;

use crate::pipe::{MOST_LEFT_OVER, Pipe};
use ally_types::log::{Level, Loggable};
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// A longer line is not a line of ours.
const LONGEST: usize = 4096;
/// So many lines pass at once, and then so many in a second.
const BURST: u32 = 100;
const REFILL: Duration = Duration::from_millis(100);
/// So often it is said how many lines did not pass.
const SAID_AGAIN: Duration = Duration::from_secs(60);
/// So much is read in one go; after a go that found more, there is a rest. No pipe of ours holds more than that.
const GO: usize = 64 << 10;
const REST: Duration = Duration::from_millis(100);

/// Something to be written to the log for an assistant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// A line of its own.
    Line { level: Level, text: Text },
    /// So many lines did not pass since this was said last.
    Dropped(u64),
}

/// What stood in a line, as far as it may pass: nothing that would end a quotation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Text(String);

impl Loggable for Text {
    fn write(&self, line: &mut String) {
        line.push('"');
        line.push_str(&self.0);
        line.push('"');
    }
}

/// How many lines may still pass. It outlives the process: whoever ends and comes back has no new burst.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// How many have passed that do not count as passed long ago yet.
    spent: u32,
    since: Option<Instant>,
    dropped: u64,
    said: Option<Instant>,
}

impl Pace {
    /// Whether one more line may pass now. If not, it is counted.
    fn admit(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        let refilled = (now - since).as_millis() / REFILL.as_millis();
        self.spent = self.spent.saturating_sub(u32::try_from(refilled).unwrap_or(u32::MAX));
        self.since =
            Some(now - Duration::from_nanos(u64::try_from((now - since).as_nanos() % REFILL.as_nanos()).unwrap_or(0)));
        let may = self.spent < BURST;
        if may {
            self.spent += 1;
        } else {
            self.dropped += 1;
        }
        may
    }

    /// When it is to be said how many lines did not pass, if there are any.
    fn due(&self, now: Instant) -> Option<Instant> {
        (self.dropped > 0).then(|| self.said.map_or(now, |said| said + SAID_AGAIN))
    }

    /// How many did not pass, if it is time to say so.
    fn say(&mut self, now: Instant) -> Option<Said> {
        self.due(now).filter(|due| *due <= now)?;
        self.said = Some(now);
        Some(Said::Dropped(std::mem::take(&mut self.dropped)))
    }
}

/// The reading end.
#[derive(Debug)]
pub(crate) struct Lines {
    pipe: Pipe,
    text: Vec<u8>,
    /// So much of the text was taken already.
    taken: usize,
    /// The line that is coming in is too long, and is passed over to its end.
    is_too_long: bool,
    pace: Pace,
    /// Nothing is read before.
    rests_until: Option<Instant>,
    /// How much was read since the last rest.
    go: usize,
}

impl Lines {
    /// A pipe: the reading end, and what the child gets. Neither end ever waits: whoever writes more than is read loses
    /// it and goes on.
    pub(crate) fn new(pace: Pace) -> io::Result<(Self, OwnedFd)> {
        use rustix::pipe::PipeFlags;
        let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let pipe = Pipe::new(reader)?;
        Ok((Self { pipe, text: Vec::new(), taken: 0, is_too_long: false, pace, rests_until: None, go: 0 }, writer))
    }

    /// The next line that may pass, or how many did not; never answers again after the end. Can be cancelled and asked
    /// again.
    pub(crate) async fn next(&mut self) -> Said {
        loop {
            // Whoever finds something to read each time would otherwise never let anybody else have a turn.
            tokio::task::consume_budget().await;
            if let Some(said) = self.take() {
                return said;
            }
            let now = Instant::now();
            let due = self.pace.due(now).into_iter().chain(self.rests_until).min();
            match self.rests_until {
                None if self.pipe.is_open() => tokio::select! {
                    () = self.pipe.readable() => {}
                    () = at(due) => continue,
                },
                _ => {
                    at(due).await;
                    if self.rests_until.is_none_or(|until| Instant::now() < until) {
                        continue;
                    }
                    (self.rests_until, self.go) = (None, 0);
                }
            }
            self.go += self.add(Pipe::read);
            if self.go >= GO {
                self.rests_until = Some(Instant::now() + REST);
            }
        }
    }

    /// A line that is there already: for what a child said just before it ended. The last one need not be whole.
    pub(crate) fn left_over(&mut self, read: &mut usize) -> Option<Said> {
        loop {
            if let Some(said) = self.take() {
                return Some(said);
            }
            // Beyond that, somebody is still writing.
            let more = if *read > MOST_LEFT_OVER { 0 } else { self.add(Pipe::read_now) };
            *read += more;
            if more == 0 {
                if self.text[self.taken..].is_empty() {
                    return None;
                }
                self.text.push(b'\n');
            }
        }
    }

    /// What the next process may still say.
    pub(crate) fn into_pace(self) -> Pace {
        self.pace
    }

    /// Reads what is there, up to a chunk; answers how much that was.
    fn add(&mut self, read: impl FnOnce(&mut Pipe, &mut Vec<u8>) -> usize) -> usize {
        self.text.drain(..std::mem::take(&mut self.taken));
        read(&mut self.pipe, &mut self.text)
    }

    /// The next line that is there whole and may pass. Never holds more than a chunk beside the longest line.
    fn take(&mut self) -> Option<Said> {
        let now = Instant::now();
        while let Some(length) = self.text[self.taken..].iter().position(|byte| *byte == b'\n') {
            let line = &self.text[self.taken..self.taken + length];
            self.taken += length + 1;
            let is_too_long = std::mem::take(&mut self.is_too_long) || length > LONGEST;
            match catalogue::read(line).filter(|_| !is_too_long) {
                None => self.pace.dropped += 1,
                Some((level, text)) if self.pace.admit(now) => return Some(Said::Line { level, text }),
                Some(_) => {}
            }
        }
        if self.text.len() - self.taken > LONGEST {
            self.is_too_long = true;
            self.taken = self.text.len();
        }
        self.pace.say(now)
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn pipe() -> (Lines, std::fs::File) {
        let (lines, writer) = Lines::new(Pace::default()).expect("a pipe");
        (lines, writer.into())
    }

    const LINE: &[u8] = b"2026-11-21T12:00:00.000Z Warn connections were cut\n";

    fn cut() -> Said {
        Said::Line { level: Level::Warn, text: Text("connections were cut".to_owned()) }
    }

    async fn is_silent(lines: &mut Lines) -> bool {
        tokio::time::timeout(Duration::ZERO, lines.next()).await.is_err()
    }

    #[tokio::test]
    async fn a_line_of_ours_keeps_its_level_and_loses_its_time_and_all_else_is_counted() {
        tokio::time::pause();
        let (mut lines, mut pipe) = pipe();
        pipe.write_all(b"2026-11-21T12:00:00.000Z Error a wall does not stand wall=seccomp kind=x\n").expect("writes");
        let text = Text("a wall does not stand wall=seccomp kind=?".to_owned());
        assert_eq!(lines.next().await, Said::Line { level: Level::Error, text });
        // A carriage return, an escape sequence, a letter that turns the writing around, a quotation mark, plain words.
        pipe.write_all("a\rb\x1b[2Jc\u{202e}d\"e\0\nplain words\n".as_bytes()).expect("writes");
        pipe.write_all(LINE).expect("writes");
        assert_eq!([lines.next().await, lines.next().await], [cut(), Said::Dropped(2)]);
        assert!(is_silent(&mut lines).await);
        let mut written = String::new();
        Text("x server=y".to_owned()).write(&mut written);
        assert_eq!(written, "\"x server=y\"");
    }

    #[tokio::test]
    async fn what_comes_too_fast_is_counted_and_said_once_a_minute() {
        tokio::time::pause();
        let (mut lines, mut pipe) = pipe();
        let flood = |pipe: &mut std::fs::File, number| {
            for _ in 0..number {
                pipe.write_all(LINE).expect("there is room");
            }
        };
        flood(&mut pipe, 1000);
        for _ in 0..BURST {
            assert_eq!(lines.next().await, cut());
        }
        // So many as were read by then; the others with what is said next.
        let Said::Dropped(said) = lines.next().await else { panic!("it is said") };
        assert!(is_silent(&mut lines).await);
        // Ten more a second.
        tokio::time::advance(Duration::from_secs(1)).await;
        flood(&mut pipe, 30);
        for _ in 0..10 {
            assert_eq!(lines.next().await, cut());
        }
        assert!(is_silent(&mut lines).await, "it was said within the minute");
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(lines.next().await, Said::Dropped(900 - said + 20));
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert!(is_silent(&mut lines).await, "nothing more to say");
        // Whoever comes back has no new burst.
        flood(&mut pipe, 200);
        let mut read = 0;
        let passed = std::iter::from_fn(|| lines.left_over(&mut read)).filter(|said| *said == cut()).count();
        assert_eq!(passed, 100);
        let (mut next, mut pipe) =
            Lines::new(lines.into_pace()).map(|(lines, writer)| (lines, writer.into())).expect("a pipe");
        flood(&mut pipe, 1);
        assert!(is_silent(&mut next).await);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_counted_once_and_nothing_of_it_is_kept() {
        tokio::time::pause();
        let (mut lines, mut pipe) = pipe();
        let writer = std::thread::spawn(move || {
            let mut left: &[u8] = &[b'x'; 1 << 20];
            while !left.is_empty() {
                match pipe.write(left) {
                    Ok(written) => left = &left[written..],
                    Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
                }
            }
            while pipe.write(&[&b"\n"[..], LINE].concat()).is_err() {}
        });
        assert_eq!(lines.next().await, cut());
        writer.join().expect("writes");
        assert_eq!(lines.next().await, Said::Dropped(1));
        assert!(lines.text.capacity() <= 8 * crate::pipe::CHUNK, "{}", lines.text.capacity());
        let (mut lines, mut pipe) = self::pipe();
        for length in [LONGEST, LONGEST + 1] {
            let mut line = [&LINE[..LINE.len() - 1], b" code="].concat();
            line.resize(length, b'1');
            pipe.write_all(&[&line[..], b"\n"].concat()).expect("writes");
        }
        let text = Text("connections were cut code=?".to_owned());
        assert_eq!(lines.next().await, Said::Line { level: Level::Warn, text });
        assert_eq!(lines.next().await, Said::Dropped(1));
    }

    #[tokio::test]
    async fn half_a_line_waits_for_its_end_and_is_said_at_the_death() {
        let (mut lines, mut pipe) = pipe();
        pipe.write_all(&[LINE, &LINE[..LINE.len() - 1]].concat()).expect("writes");
        assert_eq!(lines.next().await, cut());
        assert!(is_silent(&mut lines).await);
        drop(pipe);
        let mut read = 0;
        assert_eq!(lines.left_over(&mut read), Some(cut()));
        assert_eq!(lines.left_over(&mut read), None);
        assert!(is_silent(&mut lines).await, "and at its end it does not spin");
    }

    #[tokio::test]
    async fn whoever_writes_without_end_is_read_at_a_pace_and_waits_for_nobody() {
        tokio::time::pause();
        let (mut lines, mut pipe) = pipe();
        let mut written = 0;
        loop {
            match pipe.write(&[b'\n'; 4096]) {
                Ok(more) => written += more,
                Err(error) => break assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
        assert!(written >= GO);
        assert!(matches!(lines.next().await, Said::Dropped(_)));
        // Still there is something to read, but it rests.
        while !is_silent(&mut lines).await {}
        pipe.write_all(b"\n").expect("there is room again");
        assert!(lines.rests_until.is_some() && is_silent(&mut lines).await);
    }
}
