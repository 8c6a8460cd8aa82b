//! The catalogue of attacks: name, words, the walls that promise to refuse it, who can do it without walls.

use super::Who::{self, Neighbour, Root};
use super::{Attempt, Outcome, Target, bombs, files, kernel, neighbour, network, rights};

/// Files that are closed to strangers.
const FILES_OF_OTHERS: &[&str] = &["own_user", "empty_root", "landlock"];
/// Files that anybody may read.
const OPEN_FILES: &[&str] = &["empty_root", "landlock"];
/// Which processes there are.
const PROCESSES_SEEN: &[&str] = &["empty_root", "landlock"];
/// A process of another user.
const PROCESSES: &[&str] = &["own_user", "pid_namespace"];
/// A process that is known by its number, whosever it is.
const PROCESSES_FOUND: &[&str] = &["pid_namespace", "seccomp"];
/// Objects that are shared by number.
const OBJECTS: &[&str] = &["own_user", "ipc_namespace"];
/// Whatever has an address.
const NETWORK: &[&str] = &["network_namespace"];
/// What needs a right of the machine's administrator.
const RIGHTS: &[&str] = &["own_user", "no_capabilities", "seccomp"];
/// What anybody may do where no filter of system calls stands.
const CALLS: &[&str] = &["seccomp"];
/// The same, where some systems ask for a right.
const CALLS_OF_ROOT: &[&str] = &["seccomp"];
/// A process that may start none is as good as one that may start few.
const PROCESS_LIMIT: &[&str] = &["process_limit", "seccomp"];

/// All attacks, in the order in which they are tried.
pub static ALL: &[Attempt] = &[
    // The neighbour's files.
    rough(
        "read_neighbour_database",
        "Read another person's database",
        FILES_OF_OTHERS,
        Neighbour,
        files::read_neighbour_database,
    ),
    rough(
        "change_neighbour_database",
        "Open another person's database for writing",
        FILES_OF_OTHERS,
        Neighbour,
        files::change_neighbour_database,
    ),
    rough(
        "list_neighbour_files",
        "List another person's files",
        FILES_OF_OTHERS,
        Neighbour,
        files::list_neighbour_files,
    ),
    rough(
        "link_neighbour_database",
        "Link another person's database into my own files",
        FILES_OF_OTHERS,
        Neighbour,
        files::link_neighbour_database,
    ),
    // The installation's files.
    rough(
        "read_neighbour_key",
        "Read the wrapped key of another person",
        FILES_OF_OTHERS,
        Root,
        files::read_neighbour_key,
    ),
    rough("read_root_keys", "Read the installation's root keys", FILES_OF_OTHERS, Root, files::read_root_keys),
    rough("read_gateway_files", "Read the gateway's files", FILES_OF_OTHERS, Root, files::read_gateway_files),
    rough(
        "read_platform_database",
        "Read the database of accounts",
        FILES_OF_OTHERS,
        Root,
        files::read_platform_database,
    ),
    rough("list_people", "List who else has a space here", FILES_OF_OTHERS, Root, files::list_people),
    // The machine's files.
    gentle(
        "read_password_file",
        "Read the machine's password file",
        FILES_OF_OTHERS,
        Root,
        files::read_password_file,
        files::read_password_file_gently,
    ),
    gentle(
        "read_machine_name",
        "Read the machine's name from its file",
        OPEN_FILES,
        Neighbour,
        files::read_machine_name,
        files::read_machine_name_gently,
    ),
    gentle(
        "list_home_of_root",
        "List the home of the machine's administrator",
        FILES_OF_OTHERS,
        Root,
        files::list_home_of_root,
        files::list_home_of_root_gently,
    ),
    gentle(
        "write_in_root",
        "Put a file beside the system's",
        FILES_OF_OTHERS,
        Root,
        files::write_in_root,
        files::write_in_root_gently,
    ),
    gentle(
        "write_in_system",
        "Put a file among the system's programs",
        FILES_OF_OTHERS,
        Root,
        files::write_in_system,
        files::write_in_system_gently,
    ),
    gentle(
        "write_in_temporary",
        "Leave a file where all programs look",
        OPEN_FILES,
        Neighbour,
        files::write_in_temporary,
        files::write_in_temporary_gently,
    ),
    rough(
        "follow_planted_link",
        "Read the password file through a link in my own files",
        FILES_OF_OTHERS,
        Root,
        files::follow_planted_link,
    ),
    gentle(
        "change_kernel_settings",
        "Open the kernel's settings for writing",
        FILES_OF_OTHERS,
        Root,
        files::change_kernel_settings,
        files::change_kernel_settings_gently,
    ),
    gentle(
        "change_own_limits",
        "Lift my own limits",
        FILES_OF_OTHERS,
        Root,
        files::change_own_limits,
        files::change_own_limits_gently,
    ),
    gentle(
        "read_machine_memory",
        "Open the machine's memory",
        FILES_OF_OTHERS,
        Root,
        files::read_machine_memory,
        files::read_machine_memory_gently,
    ),
    gentle(
        "read_kernel_log",
        "Open the kernel's log",
        FILES_OF_OTHERS,
        Root,
        files::read_kernel_log,
        files::read_kernel_log_gently,
    ),
    rough("make_device", "Make a device of my own", RIGHTS, Root, rights::make_device),
    // Other processes.
    gentle(
        "list_processes",
        "List the programs that run on this machine",
        PROCESSES_SEEN,
        Neighbour,
        neighbour::list_processes,
        neighbour::list_processes_gently,
    ),
    gentle(
        "read_environment",
        "Read the settings of another program",
        PROCESSES,
        Neighbour,
        neighbour::read_environment,
        neighbour::read_environment_gently,
    ),
    rough(
        "read_arguments",
        "Read how another program was started",
        PROCESSES_SEEN,
        Neighbour,
        neighbour::read_arguments,
    ),
    rough("read_maps", "Read where another program keeps its data", PROCESSES, Neighbour, neighbour::read_maps),
    rough(
        "read_memory_file",
        "Read another program's memory through its file",
        PROCESSES,
        Neighbour,
        neighbour::read_memory_file,
    ),
    gentle(
        "read_memory",
        "Read another program's memory directly",
        PROCESSES,
        Neighbour,
        neighbour::read_memory,
        neighbour::read_memory_gently,
    ),
    rough("change_memory", "Change another program's memory", PROCESSES, Neighbour, neighbour::change_memory),
    rough(
        "list_descriptors",
        "See which files another program has open",
        PROCESSES,
        Neighbour,
        neighbour::list_descriptors,
    ),
    rough(
        "take_descriptor",
        "Take an open file from another program",
        PROCESSES,
        Neighbour,
        neighbour::take_descriptor,
    ),
    gentle(
        "watch_process",
        "Take hold of another program",
        PROCESSES_FOUND,
        Neighbour,
        neighbour::watch_process,
        neighbour::watch_process_gently,
    ),
    gentle(
        "find_process",
        "Find another program that I could send signals to",
        PROCESSES,
        Neighbour,
        neighbour::find_process,
        neighbour::find_process_gently,
    ),
    rough("end_process", "End another program", PROCESSES, Neighbour, neighbour::end_process),
    rough("trace", "Follow another program step by step", PROCESSES, Neighbour, neighbour::trace),
    rough("join_namespaces", "Move into another program's space", RIGHTS, Root, neighbour::join_namespaces),
    rough(
        "change_limits_of_process",
        "Change the limits of another program",
        PROCESSES,
        Neighbour,
        neighbour::change_limits_of_process,
    ),
    rough(
        "attach_shared_memory",
        "Read memory that another program shares",
        OBJECTS,
        Neighbour,
        neighbour::attach_shared_memory,
    ),
    rough(
        "send_to_message_queue",
        "Write to another program's message queue",
        OBJECTS,
        Neighbour,
        neighbour::send_to_message_queue,
    ),
    // Sockets of this machine.
    rough("abstract_socket", "Call another person's socket by its name", NETWORK, Neighbour, network::abstract_socket),
    rough("path_socket", "Call a socket of another person", FILES_OF_OTHERS, Neighbour, network::path_socket),
    rough(
        "inbound_socket",
        "Call another person's assistant, past the gateway",
        FILES_OF_OTHERS,
        Root,
        network::inbound_socket,
    ),
    rough(
        "outbound_socket",
        "Call the gateway as another person",
        FILES_OF_OTHERS,
        Neighbour,
        network::outbound_socket,
    ),
    rough("gateway_socket", "Call the host as the gateway", FILES_OF_OTHERS, Root, network::gateway_socket),
    rough("platform_socket", "Call the platform as the gateway", FILES_OF_OTHERS, Root, network::platform_socket),
    rough("host_socket", "Call the host as the platform", FILES_OF_OTHERS, Root, network::host_socket),
    // The network.
    gentle(
        "tcp_loopback",
        "Call a program on this machine (TCP)",
        NETWORK,
        Neighbour,
        network::tcp_loopback,
        network::tcp_loopback_gently,
    ),
    gentle(
        "udp_loopback",
        "Send to a program on this machine (UDP)",
        NETWORK,
        Neighbour,
        network::udp_loopback,
        network::udp_loopback_gently,
    ),
    rough("name_server", "Ask this machine for a name (DNS)", NETWORK, Neighbour, network::name_server),
    gentle(
        "tcp_outside",
        "Call a machine on the internet (TCP)",
        NETWORK,
        Neighbour,
        network::tcp_outside,
        network::tcp_outside_gently,
    ),
    gentle(
        "udp_outside",
        "Send to a machine on the internet (UDP)",
        NETWORK,
        Neighbour,
        network::udp_outside,
        network::udp_outside_gently,
    ),
    gentle(
        "name_server_outside",
        "Ask the internet for a name (DNS)",
        NETWORK,
        Neighbour,
        network::name_server_outside,
        network::name_server_outside_gently,
    ),
    gentle(
        "cloud_metadata",
        "Ask the cloud for this machine's credentials",
        NETWORK,
        Neighbour,
        network::cloud_metadata,
        network::cloud_metadata_gently,
    ),
    gentle("listen", "Open a port for others to call", NETWORK, Neighbour, network::listen, network::listen_gently),
    gentle(
        "network_addresses",
        "Find this machine's addresses",
        NETWORK,
        Neighbour,
        network::network_addresses,
        network::network_addresses_gently,
    ),
    gentle("raw_socket", "Forge packets", RIGHTS, Root, network::raw_socket, network::raw_socket_gently),
    gentle(
        "packet_socket",
        "Listen to this machine's network",
        RIGHTS,
        Root,
        network::packet_socket,
        network::packet_socket_gently,
    ),
    gentle(
        "machine_socket",
        "Call the machine that this one runs on",
        CALLS,
        Neighbour,
        network::machine_socket,
        network::machine_socket_gently,
    ),
    gentle(
        "cipher_socket",
        "Reach the kernel's ciphers",
        CALLS,
        Neighbour,
        network::cipher_socket,
        network::cipher_socket_gently,
    ),
    // Programs and spaces.
    gentle("run_shell", "Run a shell", CALLS, Neighbour, rights::run_shell, rights::run_shell_gently),
    rough("run_own_file", "Run a program that I wrote myself", CALLS, Neighbour, rights::run_own_file),
    rough("run_from_memory", "Run a program from memory", CALLS, Neighbour, rights::run_from_memory),
    gentle(
        "start_process",
        "Start another process",
        CALLS,
        Neighbour,
        rights::start_process,
        rights::start_process_gently,
    ),
    gentle(
        "new_user_namespace",
        "Make a space in which I am the administrator",
        CALLS,
        Root,
        rights::new_user_namespace,
        rights::new_user_namespace_gently,
    ),
    gentle(
        "new_mount_namespace",
        "Make a space with files of my choice",
        RIGHTS,
        Root,
        rights::new_mount_namespace,
        rights::new_mount_namespace_gently,
    ),
    gentle(
        "new_network_namespace",
        "Make a network of my own",
        RIGHTS,
        Root,
        rights::new_network_namespace,
        rights::new_network_namespace_gently,
    ),
    gentle("mount", "Put a file system over another", RIGHTS, Root, rights::mount, rights::mount_gently),
    gentle(
        "new_file_system",
        "Make a file system",
        RIGHTS,
        Root,
        rights::new_file_system,
        rights::new_file_system_gently,
    ),
    gentle(
        "escape_root",
        "Climb out of my root directory",
        RIGHTS,
        Root,
        rights::escape_root,
        rights::change_root_gently,
    ),
    gentle("swap_root", "Exchange my root directory", RIGHTS, Root, rights::swap_root, rights::swap_root_gently),
    // Rights.
    gentle(
        "become_root",
        "Become the machine's administrator",
        RIGHTS,
        Root,
        rights::become_root,
        rights::become_root_gently,
    ),
    gentle(
        "join_root_group",
        "Join the administrator's group",
        RIGHTS,
        Root,
        rights::join_root_group,
        rights::join_root_group_gently,
    ),
    gentle("gain_rights", "Give myself more rights", RIGHTS, Root, rights::gain_rights, rights::gain_rights_gently),
    gentle(
        "give_away_file",
        "Give a file to somebody else",
        RIGHTS,
        Root,
        rights::give_away_file,
        rights::give_away_file_gently,
    ),
    gentle("raise_limit", "Allow myself core dumps", RIGHTS, Root, rights::raise_limit, rights::raise_limit_gently),
    gentle(
        "raise_priority",
        "Put myself before other programs",
        RIGHTS,
        Root,
        rights::raise_priority,
        rights::raise_priority_gently,
    ),
    rough("type_into_terminal", "Type into the administrator's terminal", RIGHTS, Root, rights::type_into_terminal),
    // The kernel.
    gentle(
        "io_uring",
        "Queue work in the kernel (io_uring)",
        CALLS,
        Neighbour,
        kernel::io_uring,
        kernel::io_uring_gently,
    ),
    gentle(
        "kernel_program",
        "Load a program into the kernel (bpf)",
        CALLS_OF_ROOT,
        Root,
        kernel::kernel_program,
        kernel::kernel_program_gently,
    ),
    gentle(
        "measure_machine",
        "Measure other programs (perf)",
        CALLS,
        Root,
        kernel::measure_machine,
        kernel::measure_machine_gently,
    ),
    gentle(
        "kernel_keys",
        "Use the kernel's keyring",
        CALLS,
        Neighbour,
        kernel::kernel_keys,
        kernel::kernel_keys_gently,
    ),
    gentle(
        "page_faults",
        "Handle memory faults myself (userfaultfd)",
        CALLS,
        Neighbour,
        kernel::page_faults,
        kernel::page_faults_gently,
    ),
    gentle(
        "load_module",
        "Load a module into the kernel",
        RIGHTS,
        Root,
        kernel::load_module,
        kernel::load_module_gently,
    ),
    gentle("replace_kernel", "Replace the kernel", RIGHTS, Root, kernel::replace_kernel, kernel::replace_kernel_gently),
    gentle(
        "restart_machine",
        "Restart the machine",
        RIGHTS,
        Root,
        kernel::restart_machine,
        kernel::restart_machine_gently,
    ),
    gentle("rename_machine", "Rename the machine", RIGHTS, Root, kernel::rename_machine, kernel::rename_machine_gently),
    gentle("set_clock", "Set the machine's clock", RIGHTS, Root, kernel::set_clock, kernel::set_clock_gently),
    // More than a share.
    rough("memory", "Use more memory than allowed", &["memory_limit"], Root, bombs::memory),
    rough("processes", "Start more processes than allowed", PROCESS_LIMIT, Root, bombs::processes),
    rough("threads", "Start more threads than allowed", &["process_limit"], Root, bombs::threads),
    rough("disk", "Use more disk than allowed", &["disk_quota"], Root, bombs::disk),
    rough("processor", "Use more of the processor than allowed", &["cpu_limit"], Root, bombs::processor),
];

/// An attack that may end, replace or fill something.
const fn rough(
    name: &'static str,
    words: &'static str,
    walls: &'static [&'static str],
    control: Who,
    full: fn(&Target) -> Outcome,
) -> Attempt {
    Attempt { name, words, walls, control, full, gentle: None }
}

/// An attack that has a form that harms nobody.
const fn gentle(
    name: &'static str,
    words: &'static str,
    walls: &'static [&'static str],
    control: Who,
    full: fn(&Target) -> Outcome,
    gentle: fn() -> Outcome,
) -> Attempt {
    Attempt { name, words, walls, control, full, gentle: Some(gentle) }
}
