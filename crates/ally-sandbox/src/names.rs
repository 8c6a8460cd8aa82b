//! How the names of hosts are looked up by a program that has its C library in it.

/// Looks names up in `/etc/hosts` and by DNS only, in a static program; call it before the first look-up.
///
/// The C library does this with plug-ins, which `/etc/nsswitch.conf` names. A static program has the two for files and
/// DNS in it. Any other it would load from the machine, together with a second C library, and where that is of another
/// version than the one it was built with, it crashes.
pub fn look_up_names_without_plugins() {
    #[cfg(all(target_os = "linux", target_env = "gnu", target_feature = "crt-static"))]
    {
        unsafe extern "C" {
            fn __nss_configure_lookup(database: *const libc::c_char, services: *const libc::c_char) -> libc::c_int;
        }
        // SAFETY: a function of glibc since 2.0, which reads two strings that end in zero and copies them. It is refused
        // for a database that does not exist, and then everything stays as it was.
        unsafe { __nss_configure_lookup(c"hosts".as_ptr(), c"files dns".as_ptr()) };
    }
}
