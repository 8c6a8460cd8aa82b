//! System calls by number, and what their refusals are called.

use super::Outcome;
use std::io;

/// Makes a system call and answers what the kernel said, without anything of the C library in between.
///
/// # Safety
/// As for the call itself: what is passed as an address must be one that the kernel may use in this way.
pub(super) unsafe fn call(number: libc::c_long, arguments: [usize; 6]) -> Result<usize, i32> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: the caller's promise.
    let answer = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    usize::try_from(answer).map_err(|_| last_error())
}

/// What the last call of the C library in this thread was refused with.
pub(super) fn last_error() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or_default()
}

/// An answer of the C library that is negative when it refuses.
pub(super) fn checked(answer: libc::c_int) -> Result<libc::c_int, i32> {
    if answer < 0 { Err(last_error()) } else { Ok(answer) }
}

/// A number or a length of this process as an argument. What is negative goes as the kernel expects it.
pub(super) const fn number(value: i64) -> usize {
    value as usize
}

/// A success, or the kernel's word for the refusal.
pub(super) fn outcome<T>(answer: Result<T, i32>) -> Outcome {
    match answer {
        Ok(_) => Outcome::Succeeded,
        Err(error) => Outcome::refused(&errno_name(error)),
    }
}

/// The same for the standard library.
pub(super) fn io_outcome<T>(answer: io::Result<T>) -> Outcome {
    outcome(answer.map_err(|error| error.raw_os_error().unwrap_or_default()))
}

/// A call that needs a right, made so that nothing changes: if the kernel complains about anything but the right, it
/// would have done it.
pub(super) fn needs_right<T>(answer: Result<T, i32>) -> Outcome {
    match answer {
        Err(error @ (libc::EPERM | libc::EACCES | libc::ENOSYS)) => Outcome::refused(&errno_name(error)),
        _ => Outcome::Succeeded,
    }
}

/// Closes a descriptor that a call answered and calls it a success.
pub(super) fn opened(answer: Result<usize, i32>) -> Outcome {
    if let Ok(descriptor) = answer {
        // SAFETY: the kernel just made it and nobody else knows it.
        unsafe { libc::close(descriptor as libc::c_int) };
    }
    outcome(answer)
}

pub(crate) fn errno_name(number: i32) -> String {
    let name = NAMES.iter().find(|(known, _)| *known == number).map(|(_, name)| (*name).to_owned());
    name.unwrap_or_else(|| format!("error {number}"))
}

const NAMES: &[(i32, &str)] = &[
    (libc::EPERM, "EPERM"),
    (libc::ENOENT, "ENOENT"),
    (libc::ESRCH, "ESRCH"),
    (libc::EIO, "EIO"),
    (libc::ENXIO, "ENXIO"),
    (libc::EBADF, "EBADF"),
    (libc::EAGAIN, "EAGAIN"),
    (libc::ENOMEM, "ENOMEM"),
    (libc::EACCES, "EACCES"),
    (libc::EFAULT, "EFAULT"),
    (libc::EBUSY, "EBUSY"),
    (libc::EEXIST, "EEXIST"),
    (libc::EXDEV, "EXDEV"),
    (libc::ENODEV, "ENODEV"),
    (libc::ENOTDIR, "ENOTDIR"),
    (libc::EINVAL, "EINVAL"),
    (libc::ENFILE, "ENFILE"),
    (libc::EMFILE, "EMFILE"),
    (libc::ENOTTY, "ENOTTY"),
    (libc::ETXTBSY, "ETXTBSY"),
    (libc::EFBIG, "EFBIG"),
    (libc::ENOSPC, "ENOSPC"),
    (libc::EROFS, "EROFS"),
    (libc::EDQUOT, "EDQUOT"),
    (libc::ELOOP, "ELOOP"),
    (libc::ENOSYS, "ENOSYS"),
    (libc::EIDRM, "EIDRM"),
    (libc::ENOTSOCK, "ENOTSOCK"),
    (libc::EPROTONOSUPPORT, "EPROTONOSUPPORT"),
    (libc::ESOCKTNOSUPPORT, "ESOCKTNOSUPPORT"),
    (libc::EOPNOTSUPP, "EOPNOTSUPP"),
    (libc::EAFNOSUPPORT, "EAFNOSUPPORT"),
    (libc::EADDRINUSE, "EADDRINUSE"),
    (libc::EADDRNOTAVAIL, "EADDRNOTAVAIL"),
    (libc::ENETDOWN, "ENETDOWN"),
    (libc::ENETUNREACH, "ENETUNREACH"),
    (libc::ETIMEDOUT, "ETIMEDOUT"),
    (libc::ECONNREFUSED, "ECONNREFUSED"),
    (libc::EHOSTUNREACH, "EHOSTUNREACH"),
];
