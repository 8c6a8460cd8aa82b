//! Asking the person at the terminal, also where the question itself came by a pipe.

use super::Fault;
use ally_types::Secret;
use rustix::termios::{self, LocalModes, OptionalActions, SpecialCodeIndex, Termios};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};

/// The terminal while it is asked. What is typed is not shown by itself, and Ctrl-C is a key.
pub(super) struct Terminal {
    device: File,
    before: Termios,
}

impl Terminal {
    /// The terminal of this process, if it has one.
    pub(super) fn open() -> Option<Self> {
        let device = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
        let before = termios::tcgetattr(&device).ok()?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        termios::tcsetattr(&device, OptionalActions::Now, &quiet).ok()?;
        Some(Self { device, before })
    }

    /// Shows a line.
    pub(super) fn say(&mut self, line: &str) {
        let _ = writeln!(self.device, "{line}");
    }

    /// Asks for a line that may be seen.
    pub(super) fn ask(&mut self, prompt: &str) -> Result<String, Fault> {
        self.read(prompt, true)
    }

    /// Asks for a line that nobody may see.
    pub(super) fn ask_secret(&mut self, prompt: &str) -> Result<Secret, Fault> {
        self.read(prompt, false).map(Secret::new)
    }

    fn read(&mut self, prompt: &str, is_shown: bool) -> Result<String, Fault> {
        self.type_line(prompt, is_shown).map_err(|_| Fault::Left)
    }

    fn type_line(&mut self, prompt: &str, is_shown: bool) -> io::Result<String> {
        self.device.write_all(prompt.as_bytes())?;
        let mut typed: Vec<u8> = Vec::new();
        loop {
            let mut key = [0];
            self.device.read_exact(&mut key)?;
            match key[0] {
                b'\n' | b'\r' => break,
                // Ctrl-C and Ctrl-D.
                3 | 4 => {
                    self.device.write_all(b"\n")?;
                    return Err(io::ErrorKind::Interrupted.into());
                }
                8 | 127 => {
                    let had_one = !typed.is_empty();
                    while typed.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
                    if is_shown && had_one {
                        self.device.write_all(b"\x08 \x08")?;
                    }
                }
                0..32 => {}
                byte => {
                    typed.push(byte);
                    if is_shown {
                        self.device.write_all(&[byte])?;
                    }
                }
            }
        }
        self.device.write_all(b"\n")?;
        String::from_utf8(typed).map_err(|_| io::ErrorKind::InvalidData.into())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = termios::tcsetattr(&self.device, OptionalActions::Now, &self.before);
    }
}

/// How many characters fit beside each other.
pub(super) fn width() -> usize {
    let size = termios::tcgetwinsize(io::stderr()).map_or(0, |size| usize::from(size.ws_col));
    if size == 0 { 80 } else { size }
}
