//! The system calls that each part of Ally needs; every other one is refused with `EPERM`.
//!
//! The lists are for glibc and for the three things below everything here: Rust's standard library, tokio and SQLite.
//! A call that is missing shows as "operation not permitted" in a test, not as a death. Calls of another architecture
//! end the process.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, sock_filter,
};
use std::collections::BTreeMap;
use std::io;

/// Which part of Ally confines itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// One person's server: files below its directory and Unix sockets.
    Assistant,
    /// The edge: beside those, the network.
    Gateway,
    /// The operator's side: the same as the gateway, for PostgreSQL and mail.
    Platform,
}

impl Part {
    const fn has_network(self) -> bool {
        !matches!(self, Self::Assistant)
    }
}

/// Files, and descriptors of every kind.
const FILES: &[libc::c_long] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_preadv,
    libc::SYS_pwritev,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_lseek,
    libc::SYS_openat,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_mkdirat,
    libc::SYS_unlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_utimensat,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_flock,
    libc::SYS_pipe2,
];

/// The same by names that only the oldest architecture has.
#[cfg(target_arch = "x86_64")]
const OLD_NAMES: &[libc::c_long] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_mkdir,
    libc::SYS_rmdir,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_chmod,
    libc::SYS_poll,
    libc::SYS_epoll_wait,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const OLD_NAMES: &[libc::c_long] = &[];

/// Memory, threads, time, waiting.
const SELF: &[libc::c_long] = &[
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_sysinfo,
    libc::SYS_ppoll,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
];

/// Sockets that are there, and answering on them.
const SOCKETS: &[libc::c_long] = &[
    libc::SYS_connect,
    libc::SYS_accept4,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    libc::SYS_sendto,
    libc::SYS_recvfrom,
];

/// What only parts with a network do: names are looked up by glibc, files arrive from the host over a socket.
const NETWORK: &[libc::c_long] = &[
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_ftruncate,
    libc::SYS_shutdown,
    libc::SYS_bind,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_recvmsg,
    libc::SYS_uname,
    libc::SYS_getppid,
    libc::SYS_umask,
    libc::SYS_chdir,
    libc::SYS_linkat,
    libc::SYS_fadvise64,
    libc::SYS_membarrier,
];

const LISTS: [&[libc::c_long]; 5] = [FILES, OLD_NAMES, SELF, SOCKETS, NETWORK];

/// A call is allowed if one of these alternatives holds.
type Alternatives = Vec<Vec<Test>>;
type Test = (u8, SeccompCmpArgLen, SeccompCmpOp, u64);

fn is(argument: u8, value: impl TryInto<u64>) -> Test {
    // Arguments of the kernel's type `int`: what stands in the upper half of the register is not looked at by it either.
    (argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value.try_into().unwrap_or(u64::MAX))
}

fn bits(argument: u8, mask: i32, value: i32) -> Test {
    let (mask, value) = (u64::from(mask.cast_unsigned()), u64::from(value.cast_unsigned()));
    (argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask), value)
}

/// The first descriptor that a person's process opens itself. Below are its way to the log, which is everybody's, and
/// what it shares with the host: the listening socket and the control pipe. It reads and writes them, and nothing else:
/// no cutting, closing for others, changing how they wait, nor a second number for one of them.
const OWN: u64 = 5;

/// Calls that are allowed with some arguments only.
fn narrowed(part: Part) -> Vec<(libc::c_long, Alternatives)> {
    let any = |argument: u8, values: &[i64]| values.iter().map(|value| vec![is(argument, *value)]).collect();
    let me = std::process::id();
    let threads = libc::CLONE_VM | libc::CLONE_THREAD;
    let namespaces = libc::CLONE_NEWUSER | libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWNET;
    let mut domains = vec![vec![is(0, libc::AF_UNIX)]];
    let mut memory = vec![vec![bits(2, libc::PROT_EXEC, 0)]];
    let mut requests: Vec<libc::Ioctl> = vec![libc::FIONBIO, libc::FIOCLEX, libc::TCGETS];
    let others = [libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_GETLK, libc::F_SETLK, libc::F_SETLKW];
    let others: Alternatives = any(1, &others.map(i64::from));
    let copying = [libc::F_DUPFD, libc::F_DUPFD_CLOEXEC, libc::F_SETFL];
    let mut all = Vec::new();
    let own = (0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ge, if part.has_network() { 0 } else { OWN });
    let no_stream = (0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ge, if part.has_network() { 0 } else { 3 });
    if !part.has_network() {
        all.extend([(libc::SYS_ftruncate, vec![vec![own.clone()]]), (libc::SYS_shutdown, vec![vec![own.clone()]])]);
    }
    if part.has_network() {
        domains.extend([vec![is(0, libc::AF_INET)], vec![is(0, libc::AF_INET6)]]);
        // The list of this machine's addresses, for sorting what a name leads to.
        domains.push(vec![is(0, libc::AF_NETLINK), is(2, libc::NETLINK_ROUTE)]);
        // The libraries that nsswitch.conf names are loaded when a name is looked up. Still nothing is both written and run.
        memory.push(vec![bits(2, libc::PROT_WRITE, 0)]);
        requests.push(libc::FIONREAD);
        all.push((libc::SYS_setsockopt, socket_options()));
    }
    all.extend([
        (libc::SYS_clone, vec![vec![bits(0, threads | namespaces, threads)]]),
        (libc::SYS_socket, domains),
        (libc::SYS_socketpair, vec![vec![is(0, libc::AF_UNIX)]]),
        (libc::SYS_mmap, memory),
        (libc::SYS_mprotect, vec![vec![bits(2, libc::PROT_EXEC, 0)]]),
        (libc::SYS_ioctl, requests.into_iter().map(|request| vec![no_stream.clone(), is(1, request)]).collect()),
        (libc::SYS_fcntl, copying.map(|command| vec![own.clone(), is(1, command)]).into_iter().chain(others).collect()),
        (libc::SYS_prctl, any(0, &[libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_SET_VMA].map(i64::from))),
        // Its own limits may be read.
        (libc::SYS_prlimit64, vec![vec![is(0, 0), (2, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0)]]),
        // Only itself: this is how a program aborts.
        (libc::SYS_tgkill, vec![vec![is(0, me)]]),
        (libc::SYS_kill, vec![vec![is(0, me)]]),
    ]);
    all
}

/// Not among them: programs of one's own that run in the kernel for each packet.
fn socket_options() -> Alternatives {
    let whole = [libc::IPPROTO_TCP, libc::IPPROTO_IP, libc::IPPROTO_IPV6];
    let some = [
        libc::SO_REUSEADDR,
        libc::SO_KEEPALIVE,
        libc::SO_LINGER,
        libc::SO_SNDBUF,
        libc::SO_RCVBUF,
        libc::SO_SNDTIMEO,
        libc::SO_RCVTIMEO,
    ];
    let some = some.into_iter().map(|option| vec![is(1, libc::SOL_SOCKET), is(2, option)]);
    whole.into_iter().map(|level| vec![is(1, level)]).chain(some).collect()
}

/// The filter as the kernel wants it: first a search among the numbers that are allowed with every argument, then one
/// after the other those whose arguments matter. The kernel tries every number once when it takes a filter, so a list
/// that is only searched from its beginning would cost a good part of a millisecond at each wake.
pub(crate) fn program(part: Part) -> io::Result<BpfProgram> {
    let narrowed = narrowed(part);
    let lists = if part.has_network() { &LISTS[..] } else { &LISTS[..4] };
    let mut answers: BTreeMap<u32, Answer> = BTreeMap::new();
    let number = |number: libc::c_long| u32::try_from(number).map_err(io::Error::other);
    for call in lists.iter().copied().flatten() {
        answers.insert(number(*call)?, Answer::Allowed);
    }
    for (call, _) in &narrowed {
        answers.insert(number(*call)?, Answer::Depends);
    }
    // `clone3` takes its flags from memory, where no filter can look. Told that the kernel does not know it, glibc falls
    // back on `clone`; "not permitted" would be the end.
    answers.insert(number(libc::SYS_clone3)?, Answer::Unknown);
    let search = search(&segments(&answers));
    let mut program = vec![
        statement(LOAD, ARCHITECTURE_AT),
        jump(JUMP_IF_EQUAL, HERE, 1, 0),
        statement(ANSWER, u32::from(SeccompAction::KillProcess)),
        statement(LOAD, NUMBER_AT),
    ];
    let length = search.len();
    for (at, step) in search.into_iter().enumerate() {
        program.push(match step {
            Step::Compare { with, skip_if_less } => jump(JUMP_IF_AT_LEAST, with, 0, skip_if_less),
            Step::Say(Answer::Allowed) => statement(ANSWER, u32::from(SeccompAction::Allow)),
            Step::Say(Answer::Unknown) => statement(ANSWER, refused_with(libc::ENOSYS)),
            Step::Say(Answer::Refused) => statement(ANSWER, refused_with(libc::EPERM)),
            // To the rules behind the search.
            Step::Say(Answer::Depends) => statement(JUMP, u32::try_from(length - at - 1).map_err(io::Error::other)?),
        });
    }
    program.extend(rules(narrowed)?);
    Ok(program)
}

/// What is said about one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Allowed,
    Refused,
    Unknown,
    Depends,
}

/// One step of the search. Who is not less goes on with the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Compare { with: u32, skip_if_less: u8 },
    Say(Answer),
}

/// Where each stretch of numbers with the same answer begins. All others are refused.
fn segments(answers: &BTreeMap<u32, Answer>) -> Vec<(u32, Answer)> {
    let mut segments = vec![(0, Answer::Refused)];
    let mut begin = |at: u32, answer: Answer| match segments.last_mut() {
        Some((last, is)) if *last == at => *is = answer,
        Some((_, is)) if *is == answer => {}
        _ => segments.push((at, answer)),
    };
    for (number, answer) in answers {
        begin(*number, *answer);
        begin(number + 1, Answer::Refused);
    }
    // A stretch that was cut at its end by a neighbour with the same answer goes on.
    segments.dedup_by_key(|(_, answer)| *answer);
    segments
}

/// A tree of comparisons, its larger half first.
fn search(segments: &[(u32, Answer)]) -> Vec<Step> {
    if let [(_, answer)] = segments {
        return vec![Step::Say(*answer)];
    }
    let (less, more) = segments.split_at(segments.len() / 2);
    let (less, more) = (search(less), (more[0].0, search(more)));
    // The whole is far smaller than what one jump can skip; see the test.
    let skip_if_less = u8::try_from(more.1.len()).unwrap_or(u8::MAX);
    [vec![Step::Compare { with: more.0, skip_if_less }], more.1, less].concat()
}

/// The rules about arguments, as a program of their own.
fn rules(narrowed: Vec<(libc::c_long, Alternatives)>) -> io::Result<BpfProgram> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for (number, alternatives) in narrowed {
        let alternatives = alternatives.into_iter().map(|tests| {
            let conditions =
                tests.into_iter().map(|(at, length, is, value)| SeccompCondition::new(at, length, is, value));
            SeccompRule::new(conditions.collect::<Result<_, _>>()?)
        });
        rules.insert(number, alternatives.collect::<Result<_, _>>().map_err(io::Error::other)?);
    }
    let here = TargetArch::try_from(std::env::consts::ARCH).map_err(io::Error::other)?;
    let refused = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let filter = SeccompFilter::new(rules, refused, SeccompAction::Allow, here).map_err(io::Error::other)?;
    BpfProgram::try_from(filter).map_err(io::Error::other)
}

const LOAD: u16 = 0x20;
const JUMP: u16 = 0x05;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const ANSWER: u16 = 0x06;
/// Where a call's number and its architecture stand in what the filter is shown.
const NUMBER_AT: u32 = 0;
const ARCHITECTURE_AT: u32 = 4;
#[cfg(target_arch = "x86_64")]
const HERE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const HERE: u32 = 0xC000_00B7;

const fn statement(code: u16, value: u32) -> sock_filter {
    sock_filter { code, jt: 0, jf: 0, k: value }
}

const fn jump(code: u16, value: u32, if_so: u8, if_not: u8) -> sock_filter {
    sock_filter { code, jt: if_so, jf: if_not, k: value }
}

fn refused_with(error: libc::c_int) -> u32 {
    u32::from(SeccompAction::Errno(error.cast_unsigned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the search says about a number, step by step, as the kernel would.
    fn found(steps: &[Step], number: u32) -> Answer {
        let mut at = 0;
        loop {
            match steps[at] {
                Step::Say(answer) => return answer,
                Step::Compare { with, skip_if_less } if number < with => at += usize::from(skip_if_less) + 1,
                Step::Compare { .. } => at += 1,
            }
        }
    }

    #[test]
    fn the_search_finds_for_every_number_what_the_lists_say() {
        let answers = BTreeMap::from([
            (0, Answer::Allowed),
            (1, Answer::Allowed),
            (2, Answer::Depends),
            (3, Answer::Allowed),
            (5, Answer::Unknown),
            (7, Answer::Allowed),
            (8, Answer::Allowed),
        ]);
        let small = search(&segments(&answers));
        for number in 0..12 {
            let wanted = answers.get(&number).copied().unwrap_or(Answer::Refused);
            assert_eq!(found(&small, number), wanted, "{number} in {small:?}");
        }
        assert_eq!(found(&small, u32::MAX), Answer::Refused);
        let mut all: BTreeMap<u32, Answer> = BTreeMap::new();
        for call in LISTS.iter().copied().flatten() {
            all.insert(u32::try_from(*call).expect("a number"), Answer::Allowed);
        }
        let steps = search(&segments(&all));
        assert!(steps.len() < usize::from(u8::MAX), "every jump is short enough");
        for number in 0..600 {
            assert_eq!(found(&steps, number) == Answer::Allowed, all.contains_key(&number), "{number}");
        }
    }

    #[test]
    fn no_list_holds_what_starts_programs_or_reaches_other_processes() {
        let never = [
            libc::SYS_execve,
            libc::SYS_execveat,
            libc::SYS_ptrace,
            libc::SYS_process_vm_readv,
            libc::SYS_process_vm_writev,
            libc::SYS_unshare,
            libc::SYS_setns,
            libc::SYS_mount,
            libc::SYS_umount2,
            libc::SYS_pivot_root,
            libc::SYS_chroot,
            libc::SYS_open_tree,
            libc::SYS_move_mount,
            libc::SYS_fsopen,
            libc::SYS_io_uring_setup,
            libc::SYS_bpf,
            libc::SYS_perf_event_open,
            libc::SYS_keyctl,
            libc::SYS_add_key,
            libc::SYS_userfaultfd,
            libc::SYS_kcmp,
            libc::SYS_pidfd_open,
            libc::SYS_pidfd_getfd,
            libc::SYS_pidfd_send_signal,
            libc::SYS_memfd_create,
            libc::SYS_setuid,
            libc::SYS_setresuid,
            libc::SYS_seccomp,
            libc::SYS_init_module,
            libc::SYS_kexec_load,
            libc::SYS_reboot,
            libc::SYS_name_to_handle_at,
            libc::SYS_open_by_handle_at,
            libc::SYS_mknodat,
            libc::SYS_inotify_init1,
        ];
        for part in [Part::Assistant, Part::Gateway, Part::Platform] {
            let narrowed: Vec<_> = narrowed(part).into_iter().map(|(number, _)| number).collect();
            for number in never {
                assert!(!LISTS.iter().any(|list| list.contains(&number)) && !narrowed.contains(&number), "{number}");
            }
            let program = program(part).expect("a program");
            assert!(program.len() < 4096, "the kernel takes no more");
        }
    }
}
