//! What a process can still do once it has confined itself. Each test confines the thread that it runs in.

use crate::skipped::skipped;
use ally_sandbox::{Cgroups, Confinement, Part, Wall, confine, survey};
use rustix::io::Errno;
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::Path;

const BOTH: [Wall; 2] = [Wall::Landlock, Wall::Seccomp];

/// Runs `attempt` in a thread that has confined itself, if this kernel can.
fn confined(part: Part, walls: &[Wall], data: &Path, attempt: impl FnOnce() + Send) {
    // As in a real one: these numbers are the listening socket and the control pipe.
    let _shared = [3, 4].map(|_| std::fs::File::open("/dev/null").expect("opens"));
    let reached = survey(261_001, &Cgroups::none());
    if !walls.iter().all(|wall| reached.has(*wall)) {
        return skipped("Landlock and the filter of system calls");
    }
    let confinement = Confinement::new(part).read_write(data).read("/usr/share/zoneinfo").read("/etc");
    std::thread::scope(|scope| {
        let done = scope.spawn(|| {
            confine(&confinement, walls).expect("is confined");
            attempt();
        });
        done.join().expect("does as the test says");
    });
}

#[test]
fn only_the_own_directory_can_be_read_and_written() {
    let home = tempfile::tempdir().expect("a directory");
    let (mine, theirs) = (home.path().join("mine"), home.path().join("theirs"));
    for path in [&mine, &theirs] {
        std::fs::create_dir(path).expect("makes");
        std::fs::write(path.join("file"), "text").expect("writes");
    }
    confined(Part::Assistant, &BOTH, &mine, || {
        let kind = |error: std::io::Error| error.kind();
        assert_eq!(std::fs::read_to_string(mine.join("file")).expect("reads"), "text");
        assert_eq!(std::fs::read(theirs.join("file")).map_err(kind), Err(ErrorKind::PermissionDenied));
        assert_eq!(std::fs::read("/bin/sh").map_err(kind).map(drop), Err(ErrorKind::PermissionDenied));
        assert_eq!(std::fs::read_dir("/proc").map_err(kind).map(drop), Err(ErrorKind::PermissionDenied));
        assert_eq!(std::fs::write("/tmp/new", "x").map_err(kind), Err(ErrorKind::PermissionDenied));
        std::fs::create_dir(mine.join("below")).expect("makes");
        std::fs::rename(mine.join("file"), mine.join("below/file")).expect("moves");
        assert!(std::fs::rename(mine.join("below/file"), theirs.join("new")).is_err());
        assert!(std::os::unix::fs::symlink("/etc", mine.join("link")).is_err());
        assert!(std::os::unix::net::UnixListener::bind(mine.join("sock")).is_err());
        std::fs::remove_dir_all(mine.join("below")).expect("removes");
        std::fs::File::options().write(true).open("/dev/null").expect("opens").write_all(b"x").expect("writes");
        std::fs::File::open("/dev/urandom").expect("opens").read_exact(&mut [0; 8]).expect("reads");
    });
}

#[test]
fn files_threads_and_sockets_work_as_before() {
    let home = tempfile::tempdir().expect("a directory");
    let path = home.path().join("out.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("binds");
    confined(Part::Assistant, &BOTH, home.path(), || {
        let mut out = std::os::unix::net::UnixStream::connect(&path).expect("calls out");
        let (mut call, _) = listener.accept().expect("is called");
        std::thread::spawn(move || out.write_all(b"hello").expect("writes")).join().expect("a thread");
        let mut text = String::new();
        call.read_to_string(&mut text).expect("reads");
        assert_eq!(text, "hello");
        let mut file = std::fs::File::options().read(true).write(true).create_new(true).open(home.path().join("file"));
        let file = file.as_mut().expect("opens");
        file.write_all(b"hello").and_then(|()| file.sync_all()).and_then(|()| file.set_len(2)).expect("writes");
        file.rewind().expect("rewinds");
        rustix::fs::flock(&*file, rustix::fs::FlockOperation::NonBlockingLockExclusive).expect("locks");
        rustix::fs::fcntl_lock(&*file, rustix::fs::FlockOperation::NonBlockingLockExclusive).expect("locks a range");
        let reactor = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a reactor");
        reactor.block_on(async {
            let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).expect("a handler");
            rustix::process::kill_process(rustix::process::getpid(), ally_sandbox::Signal::HUP).expect("itself");
            term.recv().await.expect("a signal");
            let (mut one, mut other) = tokio::net::UnixStream::pair().expect("a pair");
            tokio::io::AsyncWriteExt::write_all(&mut one, b"hi").await.expect("writes");
            tokio::io::AsyncReadExt::read_exact(&mut other, &mut [0; 2]).await.expect("reads");
            let sum = tokio::task::spawn_blocking(|| (0..10).sum::<u64>()).await.expect("a blocking thread");
            assert_eq!(sum, 45);
            let moment = std::time::Duration::from_millis(1);
            let timer = tokio::time::timeout(moment, std::future::pending::<()>()).await;
            assert!(timer.is_err(), "the timer rings");
        });
    });
}

#[test]
fn no_program_can_be_started_and_no_refused_call_does_anything() {
    let home = tempfile::tempdir().expect("a directory");
    let pid = rustix::process::Pid::from_raw(1).expect("a number");
    confined(Part::Assistant, &[Wall::Seccomp], home.path(), || {
        let started = std::process::Command::new("/bin/true").spawn().map(drop).map_err(|error| error.raw_os_error());
        assert_eq!(started, Err(Some(Errno::PERM.raw_os_error())));
        let socket = |domain, kind| rustix::net::socket(domain, kind, None).map(drop);
        for domain in [
            rustix::net::AddressFamily::INET,
            rustix::net::AddressFamily::INET6,
            rustix::net::AddressFamily::NETLINK,
            rustix::net::AddressFamily::PACKET,
        ] {
            assert_eq!(socket(domain, rustix::net::SocketType::DGRAM), Err(Errno::PERM));
        }
        assert_eq!(rustix::process::kill_process(pid, ally_sandbox::Signal::TERM), Err(Errno::PERM));
        assert_eq!(rustix::process::test_kill_process(pid), Err(Errno::PERM));
        assert_eq!(rustix::fs::memfd_create(c"x", rustix::fs::MemfdFlags::empty()).map(drop), Err(Errno::PERM));
        assert_eq!(rustix::process::chroot(c"/"), Err(Errno::PERM));
        assert_eq!(rustix::mount::unmount(c"/proc", rustix::mount::UnmountFlags::DETACH), Err(Errno::PERM));
        assert_eq!(rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).map(drop), Err(Errno::PERM));
    });
}

#[test]
fn the_way_to_everybodys_log_and_what_the_host_shares_are_written_and_read_and_nothing_else() {
    let home = tempfile::tempdir().expect("a directory");
    confined(Part::Assistant, &[Wall::Seccomp], home.path(), || {
        let error = std::io::stderr();
        let flags = rustix::fs::fcntl_getfl(&error).expect("flags");
        assert_eq!(rustix::fs::fcntl_setfl(&error, flags), Err(Errno::PERM));
        assert_eq!(rustix::io::ioctl_fionbio(&error, true), Err(Errno::PERM));
        assert_eq!(rustix::fs::ftruncate(&error, 0), Err(Errno::PERM));
        assert_eq!(rustix::net::shutdown(&error, rustix::net::Shutdown::Both), Err(Errno::PERM));
        assert_eq!(rustix::io::dup(&error).map(drop), Err(Errno::PERM));
        assert_eq!(rustix::io::fcntl_dupfd_cloexec(&error, 20).map(drop), Err(Errno::PERM));
        let file = std::fs::File::create(home.path().join("mine")).expect("makes");
        assert_eq!(
            rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, 1 << 20),
            Err(Errno::PERM),
            "space is taken by writing, so that it is seen"
        );
        let high = rustix::io::fcntl_dupfd_cloexec(&file, 20).expect("a second number for what is mine");
        rustix::fs::ftruncate(&high, 3).expect("cuts");
    });
}

#[test]
fn the_gateway_can_use_the_network_and_look_up_names_but_start_nothing() {
    let home = tempfile::tempdir().expect("a directory");
    let server = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = server.local_addr().expect("an address");
    for part in [Part::Gateway, Part::Platform] {
        confined(part, &BOTH, home.path(), || {
            use std::net::ToSocketAddrs as _;
            let mut call = std::net::TcpStream::connect(address).expect("connects");
            call.set_nodelay(true).expect("is set");
            call.write_all(b"x").expect("writes");
            assert!(("localhost", 1).to_socket_addrs().expect("is found").next().is_some());
            assert!(std::process::Command::new("/bin/true").spawn().is_err());
            let socket = rustix::net::socket(rustix::net::AddressFamily::PACKET, rustix::net::SocketType::RAW, None);
            assert_eq!(socket.map(drop), Err(Errno::PERM));
            let listed = std::fs::read_dir("/sys").map(drop).map_err(|error| error.kind());
            assert_eq!(listed, Err(ErrorKind::PermissionDenied));
        });
    }
}
