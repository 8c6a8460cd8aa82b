// The walls of the fake backend: what stands at each level, and what an assistant tries against them.

const WALLS = {
  own_user: ["own_user", "no_capabilities", "no_new_privs", "empty_root", "mount_namespace", "ipc_namespace", "uts_namespace", "network_namespace", "no_core_dumps"],
  user_namespace: ["user_namespace", "no_new_privs", "empty_root", "mount_namespace", "ipc_namespace", "uts_namespace", "network_namespace"],
  full: ["own_user", "no_capabilities", "no_new_privs", "empty_root", "mount_namespace", "landlock", "pid_namespace", "ipc_namespace", "uts_namespace", "network_namespace", "seccomp", "no_core_dumps", "memory_limit", "process_limit", "cpu_limit", "disk_quota"],
};
const ALL = [...new Set(Object.values(WALLS).flat())];

export function spaceAt(level) {
  const walls = WALLS[level];
  const missing = ALL.filter((wall) => !walls.includes(wall) && wall !== "user_namespace").map((wall) => ({ wall, why: wall === "landlock" ? "The kernel of this machine is older than Landlock." : null }));
  return { level, walls, missing };
}

/** Name, words, the error that refuses it, and the wall without which it goes through. */
const ATTEMPTS = [
  ["read_password_file", "Read the machine’s password file", "ENOENT", "empty_root"],
  ["list_home_folders", "List the home folders of this machine", "ENOENT", "empty_root"],
  ["read_neighbour_database", "Open another person’s database", "ENOENT", "empty_root"],
  ["write_program", "Overwrite the program that it runs", "EROFS", "empty_root"],
  ["list_processes", "See which processes run", "ENOENT", "empty_root"],
  ["signal_parent", "Stop the process that started it", "EPERM", "own_user"],
  ["trace_other", "Look into another process’s memory", "EPERM", "seccomp"],
  ["tcp_outside", "Connect to a server on the internet", "ENETUNREACH", "network_namespace"],
  ["udp_outside", "Send a packet to the internet", "ENETUNREACH", "network_namespace"],
  ["dns", "Look up a name past the gateway", "ENETUNREACH", "network_namespace"],
  ["metadata_address", "Ask the cloud’s metadata address for keys", "ENETUNREACH", "network_namespace"],
  ["abstract_socket", "Reach another program’s hidden socket", "ECONNREFUSED", "network_namespace"],
  ["exec_shell", "Start a shell", "ENOENT", "empty_root"],
  ["new_namespace", "Make a space inside its space", "EPERM", "seccomp"],
  ["mount", "Attach another disk", "EPERM", "no_capabilities"],
  ["io_uring", "Use a back door for files (io_uring)", "EPERM", "seccomp"],
  ["become_root", "Become the administrator of the system", "EPERM", "no_capabilities"],
  ["core_dump", "Ask for a memory file when it fails", "EPERM", "no_core_dumps"],
];

function attempts(level) {
  const walls = WALLS[level];
  const own = ATTEMPTS.map(([name, words, by, wall]) => (walls.includes(wall) || level === "full" ? { name, words, outcome: "refused", by } : { name, words, outcome: "succeeded", by: null }));
  return [...own, { name: "kernel_keys", words: "Read the kernel’s key rings", outcome: "skipped", by: null }];
}

/** Tries the walls: each attempt as it ends, then the closing line. A test can hold and cut it, or keep it from beginning. */
export async function tryWalls(response, home, fail, Refusal) {
  const { refuse, hold_after, between = home.speed } = home.walls;
  if (refuse) fail(new Refusal(429, "test_running", "A test of your walls is running already.", "Wait until it has ended, then start again.", { retry_after: 5 }));
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  const all = attempts(home.level);
  for (const [at, attempt] of all.entries()) {
    if (at === hold_after) return void (home.held = response);
    if (response.destroyed) return;
    response.write(`data: ${JSON.stringify({ type: "attempt", ...attempt })}\n\n`);
    await new Promise((resolve) => setTimeout(resolve, between));
  }
  const of = (outcome) => all.filter((attempt) => attempt.outcome === outcome).length;
  response.end(`data: ${JSON.stringify({ type: "finished", tried: of("refused") + of("succeeded"), refused: of("refused"), succeeded: of("succeeded") })}\n\n`);
}
