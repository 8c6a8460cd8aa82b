//! A PostgreSQL for this test program: started once, a fresh database for each test, gone when the program ends.

use sqlx::{AnyConnection, Connection as _};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Stops the server and removes its directory when its standard input ends, that is, when this program does.
const KEEPER: &str = r#"pg_ctl start -w -s -D "$0/data" -l "$0/log" \
  -o "-k $0 -c listen_addresses= -c fsync=off -c shared_buffers=16MB -c max_connections=40" && echo ready
  read _; pg_ctl stop -s -m immediate -D "$0/data"; rm -rf "$0""#;

struct Server {
    directory: PathBuf,
    /// Holds the keeper's standard input open.
    _keeper: Child,
}

/// The address of a new, empty database; `None` where there is no PostgreSQL.
pub async fn fresh_database() -> Option<String> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let Some(server) = SERVER.get_or_init(start) else {
        crate::skipped::skipped("initdb and postgres");
        return None;
    };
    let name = format!("ally{}", COUNT.fetch_add(1, Ordering::SeqCst));
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(&address(server, "postgres")).await.expect("PostgreSQL answers");
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::raw_sql(create).execute(&mut connection).await.expect("a database");
    Some(address(server, &name))
}

fn address(server: &Server, database: &str) -> String {
    format!("postgres://postgres@localhost/{database}?host={}", server.directory.display())
}

fn start() -> Option<Server> {
    if ["initdb", "postgres", "pg_ctl"].iter().any(|program| Command::new(program).arg("--version").output().is_err()) {
        return None;
    }
    let template = template();
    // Kept by its name and removed by the keeper, because this value lives until the program ends.
    let directory = tempfile::Builder::new().prefix("ally-pg").tempdir_in("/tmp").expect("a directory").keep();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).expect("open to the server's user");
    run(Command::new("cp").arg("-a").arg(template.join("data")).arg(&directory));
    if is_root() {
        run(Command::new("chown").arg("65534:65534").arg(&directory));
    }
    let mut keeper = unprivileged("sh");
    keeper.arg("-c").arg(KEEPER).arg(&directory);
    let mut keeper =
        keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the keeper");
    let mut line = String::new();
    let said = BufReader::new(keeper.stdout.take().expect("piped")).read_line(&mut line);
    assert_eq!((said.ok(), line.as_str()), (Some(6), "ready\n"), "PostgreSQL starts");
    Some(Server { directory, _keeper: keeper })
}

/// A cluster that was initialised once; copying it is ten times faster than making one.
fn template() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let template = home.join("platform-postgres");
    let lock = fs::File::create(home.join("platform-postgres.lock")).expect("a lock file");
    lock.lock().expect("locked");
    if !template.join("ready").exists() {
        let _ = fs::remove_dir_all(&template);
        // Made under /tmp, because the server's user may not reach into the target directory.
        let made = tempfile::Builder::new().prefix("ally-pg").tempdir_in("/tmp").expect("a directory");
        fs::set_permissions(made.path(), fs::Permissions::from_mode(0o755)).expect("open to the server's user");
        if is_root() {
            run(Command::new("chown").arg("65534:65534").arg(made.path()));
        }
        let mut initdb = unprivileged("initdb");
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"]);
        run(initdb.arg(made.path().join("data")));
        run(Command::new("cp").arg("-a").arg(made.path()).arg(&template));
        fs::write(template.join("ready"), "").expect("marked");
    }
    template
}

/// `initdb` and `postgres` refuse to run as root.
fn unprivileged(program: &str) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", program]).current_dir("/tmp");
    command
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

fn run(command: &mut Command) {
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
