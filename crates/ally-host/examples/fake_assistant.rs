//! Stands in for the `ally` program in the host's tests: an assistant that does what each line it is sent says.

use ally_sandbox::{inherited, read_boot};
use ally_types::host::{AssistantBoot, FromAssistant};
use ally_types::{SystemChance, SystemClock, Timestamp};
use std::io::{self, Write};
use std::os::unix::net::UnixStream as Outbound;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = arguments.get(2).and_then(|number| number.parse().ok()).ok_or(io::ErrorKind::InvalidInput)?;
    if arguments[0] == "host" {
        let done = ally_host::run(read_boot(number)?, Arc::new(SystemClock), Arc::new(SystemChance)).await;
        return done.map_err(io::Error::other);
    }
    assert_eq!(arguments[..2], ["assistant", "--boot-fd"]);
    assert_eq!(std::env::vars_os().count(), 0);
    live(read_boot(number)?).await
}

async fn live(boot: AssistantBoot) -> io::Result<()> {
    if boot.data_dir.join("crash_at_start").exists() {
        std::fs::File::options().create(true).append(true).open(boot.data_dir.join("starts"))?.write_all(b".")?;
        std::process::exit(9);
    }
    if boot.data_dir.join("start_slowly").exists() {
        std::fs::write(boot.data_dir.join("starting"), "")?;
        while boot.data_dir.join("start_slowly").exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::fs::remove_file(boot.data_dir.join("starting"))?;
    }
    let listener = std::os::unix::net::UnixListener::from(inherited(boot.listener_fd)?);
    let listener = UnixListener::from_std(listener)?;
    let mut host = std::fs::File::from(inherited(boot.control_fd.expect("a control pipe"))?);
    let mut term = signal(SignalKind::terminate())?;
    tell(&mut host, &FromAssistant::Ready)?;
    let patience = Duration::from_secs(if boot.idle_exit_seconds == 0 { 1 << 30 } else { boot.idle_exit_seconds });
    loop {
        tokio::select! {
            call = listener.accept() => answer(&boot, &mut host, &listener, call?.0).await?,
            _ = term.recv() => return note(&boot, "told to stop"),
            () = tokio::time::sleep(patience) => return Ok(()),
        }
    }
}

/// Whoever tests may look this up in the person's directory.
fn note(boot: &AssistantBoot, text: &str) -> io::Result<()> {
    std::fs::write(boot.data_dir.join("note"), text)
}

async fn answer(
    boot: &AssistantBoot,
    host: &mut std::fs::File,
    listener: &UnixListener,
    call: UnixStream,
) -> io::Result<()> {
    let mut call = BufReader::new(call);
    let mut line = String::new();
    call.read_line(&mut line).await?;
    let (what, with) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
    let text = match what {
        "who" => {
            format!("{} {} {} {}", std::process::id(), rustix::process::geteuid().as_raw(), boot.epoch, boot.server)
        }
        "key" => boot.key.clone(),
        "walls" => boot.walls.clone(),
        "is_full" => boot.is_space_full.to_string(),
        "grow" => match grow(&boot.data_dir.join("large"), with) {
            Ok(()) => "grown".to_owned(),
            Err(error) => format!("{:?}", error.kind()),
        },
        "grow_without_a_name" => {
            let path = boot.data_dir.join("nameless");
            let mut file = std::fs::File::create(&path)?;
            std::fs::remove_file(&path)?;
            for _ in 0..with.parse().expect("mebibytes") {
                file.write_all(&vec![1; 1 << 20])?;
            }
            std::mem::forget(file);
            "grown".to_owned()
        }
        "shrink" => format!("{:?}", std::fs::remove_file(boot.data_dir.join("large")).is_ok()),
        "take_memory" => {
            // Written to, or the kernel would give it only in words.
            let taken: Vec<Vec<u8>> = (0..with.parse().expect("mebibytes")).map(|_| vec![1; 1 << 20]).collect();
            std::hint::black_box(taken).len().to_string()
        }
        "take_threads" => {
            let (_hold, held) = std::sync::mpsc::channel::<()>();
            let held = Arc::new(std::sync::Mutex::new(held));
            let wait = |held: Arc<std::sync::Mutex<std::sync::mpsc::Receiver<()>>>| {
                let builder = std::thread::Builder::new().stack_size(1 << 16);
                builder.spawn(move || held.lock().map(|held| held.recv().is_ok()).is_ok())
            };
            let wanted = with.parse::<usize>().expect("a number");
            (0..wanted).take_while(|_| wait(Arc::clone(&held)).is_ok()).count().to_string()
        }
        "outbound" => boot.outbound.display().to_string(),
        "leave" => {
            call.write_all(b"leaving").await?;
            drop(call);
            std::process::exit(0);
        }
        "leave_slowly" => {
            call.write_all(b"leaving").await?;
            drop(call);
            // Blocks on purpose: nothing is accepted in this time.
            std::thread::sleep(Duration::from_millis(300));
            std::process::exit(0);
        }
        "shut_down_and_leave" => {
            rustix::net::shutdown(listener, rustix::net::Shutdown::Read)?;
            std::process::exit(0);
        }
        "shut_down_and_crash" => {
            rustix::net::shutdown(listener, rustix::net::Shutdown::Read)?;
            std::process::exit(3);
        }
        "say" => {
            let said = with.replace("\\n", "\n").replace("\\r", "\r").replace("\\e", "\u{1b}");
            io::stderr().write_all(said.as_bytes())?;
            "said".to_owned()
        }
        "say_without_end" => {
            std::thread::spawn(|| {
                loop {
                    let _ = io::stderr().write_all(b"2026-11-21T12:00:00.000Z Warn connections were cut\n");
                }
            });
            "saying".to_owned()
        }
        "flood_with_empty_lines" => {
            let (mut host, note) = (host.try_clone()?, boot.data_dir.join("note"));
            std::thread::spawn(move || {
                while host.write_all(&[b'\n'; 1 << 16]).is_ok() {}
                std::fs::write(note, "nobody listens")
            });
            "flooding".to_owned()
        }
        "alarms" => {
            let (from, number) = with.split_once(' ').expect("two numbers");
            let from: i64 = from.parse().expect("milliseconds");
            for more in 0..number.parse().expect("a number") {
                tell(host, &FromAssistant::Alarm { at: Some(Timestamp::from_millis(from + more)) })?;
            }
            "set".to_owned()
        }
        "crash" => std::process::exit(3),
        "alarm" => {
            let at = Timestamp::from_millis(with.parse().expect("milliseconds"));
            tell(host, &FromAssistant::Alarm { at: Some(at) })?;
            "set".to_owned()
        }
        "read" => match std::fs::read_to_string(with) {
            Ok(text) => text,
            Err(error) => format!("{:?}", error.kind()),
        },
        "list" => std::fs::read_dir(with).map_or_else(
            |error| format!("{:?}", error.kind()),
            |entries| {
                let mut names: Vec<_> =
                    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
                names.sort();
                names.join(" ")
            },
        ),
        "write" => match std::fs::write(boot.data_dir.join(with), "written") {
            Ok(()) => "written".to_owned(),
            Err(error) => format!("{:?}", error.kind()),
        },
        "send" => match std::net::UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(b"hello", with)) {
            Ok(_) => "sent".to_owned(),
            Err(error) => format!("{:?}", error.kind()),
        },
        "call_out" => match Outbound::connect(&boot.outbound).and_then(|mut out| out.write_all(with.as_bytes())) {
            Ok(()) => "called".to_owned(),
            Err(error) => format!("{:?}", error.kind()),
        },
        _ => "what?".to_owned(),
    };
    call.write_all(text.as_bytes()).await
}

fn tell(host: &mut std::fs::File, line: &FromAssistant) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    host.write_all(&text)
}

/// Makes a file of so many mebibytes longer by as many.
fn grow(path: &std::path::Path, mebibytes: &str) -> io::Result<()> {
    let mut file = std::fs::File::options().create(true).append(true).open(path)?;
    for _ in 0..mebibytes.parse().expect("mebibytes") {
        file.write_all(&vec![1; 1 << 20])?;
    }
    Ok(())
}
