//! Calls that only a machine's administrator needs, and those through which kernels were broken into.

use super::call::{call, checked, needs_right, number, opened, outcome};
use super::{Outcome, Target};

pub(super) fn io_uring(_: &Target) -> Outcome {
    io_uring_gently()
}

pub(super) fn io_uring_gently() -> Outcome {
    let parameters = [0_u64; 15];
    // SAFETY: the kernel reads and fills a structure of ours that is as long as it knows.
    opened(unsafe { call(libc::SYS_io_uring_setup, [1, (&raw const parameters) as usize, 0, 0, 0, 0]) })
}

pub(super) fn kernel_program(_: &Target) -> Outcome {
    kernel_program_gently()
}

/// A table for programs in the kernel: an array of one number.
pub(super) fn kernel_program_gently() -> Outcome {
    let mut wish = [0_u32; 32];
    (wish[0], wish[1], wish[2], wish[3]) = (2, 4, 4, 1);
    // SAFETY: the kernel reads a structure of ours that is as long as told.
    opened(unsafe { call(libc::SYS_bpf, [0, (&raw const wish) as usize, size_of_val(&wish), 0, 0, 0]) })
}

pub(super) fn measure_machine(_: &Target) -> Outcome {
    measure_machine_gently()
}

pub(super) fn measure_machine_gently() -> Outcome {
    let mut wish = [0_u32; 16];
    // A software counter, 64 bytes, switched off, without kernel and hypervisor.
    (wish[0], wish[1], wish[10]) = (1, 64, 1 | 1 << 5 | 1 << 6);
    let any = number(-1);
    // SAFETY: the kernel reads a structure of ours that says how long it is.
    opened(unsafe { call(libc::SYS_perf_event_open, [(&raw const wish) as usize, 0, any, any, 0, 0]) })
}

pub(super) fn kernel_keys(_: &Target) -> Outcome {
    let (kind, name) = (c"user".as_ptr() as usize, c"ally-probe".as_ptr() as usize);
    // SAFETY: texts that end with null and one byte; the key goes with this process.
    outcome(unsafe { call(libc::SYS_add_key, [kind, name, name, 1, number(PROCESS_KEYRING), 0]) })
}

const PROCESS_KEYRING: i64 = -2;

/// Asks for a ring of keys that was never made.
pub(super) fn kernel_keys_gently() -> Outcome {
    // SAFETY: plain numbers.
    needs_right(unsafe { call(libc::SYS_keyctl, [0, number(PROCESS_KEYRING), 0, 0, 0, 0]) })
}

pub(super) fn page_faults(_: &Target) -> Outcome {
    page_faults_gently()
}

pub(super) fn page_faults_gently() -> Outcome {
    const OWN_CODE_ONLY: i64 = 1;
    let flags = number(i64::from(libc::O_CLOEXEC) | OWN_CODE_ONLY);
    // SAFETY: plain numbers.
    opened(unsafe { call(libc::SYS_userfaultfd, [flags, 0, 0, 0, 0, 0]) })
}

pub(super) fn load_module(_: &Target) -> Outcome {
    load_module_gently()
}

/// An empty module.
pub(super) fn load_module_gently() -> Outcome {
    // SAFETY: nothing of length nothing, and an empty text.
    needs_right(unsafe { call(libc::SYS_init_module, [0, 0, c"".as_ptr() as usize, 0, 0, 0]) })
}

pub(super) fn replace_kernel(_: &Target) -> Outcome {
    replace_kernel_gently()
}

/// With more pieces than a kernel can have.
pub(super) fn replace_kernel_gently() -> Outcome {
    // SAFETY: the number of pieces is refused before any is read.
    needs_right(unsafe { call(libc::SYS_kexec_load, [0, usize::MAX, 0, 0, 0, 0]) })
}

pub(super) fn restart_machine(_: &Target) -> Outcome {
    restart_machine_gently()
}

/// Without the two numbers that a real wish must carry.
pub(super) fn restart_machine_gently() -> Outcome {
    // SAFETY: plain numbers.
    needs_right(unsafe { call(libc::SYS_reboot, [0; 6]) })
}

pub(super) fn rename_machine(_: &Target) -> Outcome {
    rename_machine_gently()
}

/// To what it is called already.
pub(super) fn rename_machine_gently() -> Outcome {
    let mut name = [0 as libc::c_char; 65];
    // SAFETY: the kernel fills a text of ours, of which one byte more than told ends it, and then reads it.
    unsafe {
        if let Err(error) = checked(libc::gethostname(name.as_mut_ptr(), name.len() - 1)) {
            return outcome::<()>(Err(error));
        }
        outcome(checked(libc::sethostname(name.as_ptr(), libc::strlen(name.as_ptr()))))
    }
}

pub(super) fn set_clock(_: &Target) -> Outcome {
    set_clock_gently()
}

/// To nothing at all, which changes nothing.
pub(super) fn set_clock_gently() -> Outcome {
    // SAFETY: no time and no zone are given.
    outcome(unsafe { call(libc::SYS_settimeofday, [0; 6]) })
}
