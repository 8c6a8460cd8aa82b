//! A running installation: the real binary with its own data directory and port.

use crate::browser::Browser;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// `ally serve` in a directory of its own. Ends with the test.
pub struct Installation {
    pub address: SocketAddr,
    pub data: PathBuf,
    child: Child,
    /// Everything that was written to standard output and standard error.
    pub log: Arc<Mutex<String>>,
    _directory: Arc<TempDir>,
}

/// How to start it.
pub struct Setup {
    environment: Vec<(String, String)>,
    without_root: bool,
    program: Option<PathBuf>,
    listen: Option<SocketAddr>,
    directory: Arc<TempDir>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            environment: Vec::new(),
            without_root: false,
            program: None,
            listen: None,
            directory: Arc::new(tempfile::tempdir().unwrap()),
        }
    }
}

impl Setup {
    /// Sets an environment variable of `ally serve`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// With a stand-in for Anthropic at this address.
    #[must_use]
    pub fn with_anthropic(self, base_url: &str) -> Self {
        self.with("ANTHROPIC_API_KEY", ally_llm::stand_in::KEY).with("ANTHROPIC_BASE_URL", base_url)
    }

    /// Starts it as a user without rights, whoever runs the test.
    #[must_use]
    pub fn without_root(mut self) -> Self {
        self.without_root = true;
        self
    }

    /// Starts another binary than the one that was built for the tests.
    #[must_use]
    pub fn program(mut self, program: PathBuf) -> Self {
        self.program = Some(program);
        self
    }

    /// Listens here. Needed where the public address is another one, so that the printed one does not say.
    #[must_use]
    pub fn listening_on(mut self, address: SocketAddr) -> Self {
        self.listen = Some(address);
        self
    }

    /// Where its data will be.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("ally-data")
    }

    /// Starts it and waits until it says that it is ready.
    pub fn start(self) -> Installation {
        let directory = Arc::clone(&self.directory);
        let data = directory.path().join("ally-data");
        let built = self.program.or_else(|| std::env::var_os("ALLY_BENCH_PROGRAM").map(PathBuf::from));
        let built = built.unwrap_or_else(|| env!("CARGO_BIN_EXE_ally").into());
        let mut program = built.clone();
        let mut options = Vec::new();
        if self.without_root && rustix::process::geteuid().is_root() {
            // The build directory may be closed to others, so that user gets a copy.
            program = directory.path().join("ally");
            std::fs::copy(&built, &program).unwrap();
            std::os::unix::fs::chown(directory.path(), Some(65534), Some(65534)).unwrap();
            options.extend(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        }
        // A test that is killed cannot clean up; the kernel does it then.
        options.extend(can_die_with_the_test().then_some("--pdeathsig=KILL"));
        let mut command = if options.is_empty() {
            Command::new(program)
        } else {
            let mut command = Command::new("setpriv");
            command.args(options).arg("--").arg(program);
            command
        };
        let listen = self.listen.map_or_else(|| "127.0.0.1:0".to_owned(), |address| address.to_string());
        command.args(["serve", "--listen", &listen, "--data-dir"]).arg(&data);
        command.current_dir(directory.path()).env_clear().env("PATH", "/usr/bin:/bin").envs(self.environment);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (ready, is_ready) = std::sync::mpsc::channel();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let seen = Arc::clone(&log);
        std::thread::spawn(move || follow(err, &seen, |_| ()));
        let seen = Arc::clone(&log);
        std::thread::spawn(move || {
            follow(out, &seen, |line| {
                if let Some(url) = line.trim().strip_prefix("Ally is ready: ") {
                    let printed = || url.strip_prefix("http://").unwrap().parse().unwrap();
                    let _ = ready.send(self.listen.unwrap_or_else(printed));
                }
            });
        });
        let address = is_ready.recv_timeout(crate::browser::PATIENCE).unwrap_or_else(|_| {
            panic!("the installation did not get ready:\n{}", log.lock().unwrap());
        });
        Installation { address, data, child, log, _directory: directory }
    }
}

fn can_die_with_the_test() -> bool {
    let help = Command::new("setpriv").arg("--help").output();
    help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains("--pdeathsig"))
}

fn follow(stream: impl std::io::Read, log: &Mutex<String>, mut each: impl FnMut(&str)) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line).into_owned();
        each(&text);
        log.lock().unwrap().push_str(&text);
        line.clear();
    }
}

impl Installation {
    /// An installation without a provider.
    pub fn start() -> Self {
        Setup::default().start()
    }

    /// A browser that is not signed in.
    pub fn browser(&self) -> Browser {
        Browser::new(self.address)
    }

    /// The administrator's browser; makes the first account.
    pub async fn administrator(&self) -> Browser {
        let browser = self.browser();
        browser.sign_up("mira@example.org", None).await;
        browser
    }

    /// Another person, by invitation.
    pub async fn guest(&self, administrator: &Browser, email: &str) -> Browser {
        let invitation = administrator.post("/api/v1/invitations", serde_json::json!({})).await.expect(201).json();
        let url = invitation["url"].as_str().unwrap();
        let token = url.rsplit_once('=').unwrap().1;
        let browser = self.browser();
        browser.sign_up(email, Some(token)).await;
        browser
    }

    /// Stops it as Ctrl-C does and gives back what it said.
    pub fn stop(mut self) -> String {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), rustix::process::Signal::TERM)
            .unwrap();
        self.child.wait().unwrap();
        self.log.lock().unwrap().clone()
    }

    /// Stops it and starts it again over the same data.
    pub fn restart(self, setup: Setup) -> Self {
        self.stop_for(setup).start()
    }

    /// Stops it; what comes back starts it again over the same data.
    #[must_use]
    pub fn stop_for(self, setup: Setup) -> Setup {
        let directory = Arc::clone(&self._directory);
        self.stop();
        Setup { directory, ..setup }
    }

    /// The process ids of all assistants that are awake.
    pub fn assistants(&self) -> Vec<u32> {
        self.processes("assistant")
    }

    /// The process ids of a role.
    pub fn processes(&self, role: &str) -> Vec<u32> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let is_of_role = std::fs::read(entry.path().join("cmdline"))
                .is_ok_and(|line| line.split(|byte| *byte == 0).nth(1) == Some(role.as_bytes()));
            if is_of_role && descends_from(pid, self.child.id()) {
                found.push(pid);
            }
        }
        found
    }

    /// Every file below the data directory, with its content.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        collect(&self.data, &mut files);
        files
    }
}

fn descends_from(mut pid: u32, ancestor: u32) -> bool {
    while pid > 1 {
        if pid == ancestor {
            return true;
        }
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        pid = after_name.split_whitespace().nth(1).and_then(|parent| parent.parse().ok()).unwrap_or(0);
    }
    false
}

fn collect(directory: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            collect(&entry.path(), files);
        } else if kind.is_file() {
            let mut bytes = Vec::new();
            if std::fs::File::open(entry.path()).and_then(|mut file| file.read_to_end(&mut bytes)).is_ok() {
                files.push((entry.path(), bytes));
            }
        }
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        // Its children die with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_installation_does_not_outlive_a_test_that_is_killed() {
    let inner = "ALLY_TEST_WAITS_TO_BE_KILLED";
    if std::env::var_os(inner).is_some() {
        let installation = Installation::start();
        // A line of its own, after what the test program has said by itself.
        let _ = std::io::Write::write_all(&mut std::io::stdout(), format!("\n{}\n", installation.address).as_bytes());
        let _ = std::io::stdin().read(&mut [0]);
        return;
    }
    if !can_die_with_the_test() {
        crate::skipped::skipped("setpriv --pdeathsig");
        return;
    }
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args(["--exact", "installation::an_installation_does_not_outlive_a_test_that_is_killed", "--nocapture"]);
    // What it cannot clean up lies in here.
    let directory = tempfile::tempdir().unwrap();
    let test = test.env(inner, "1").env("TMPDIR", directory.path());
    let mut test = test.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(test.stdout.take().unwrap()).lines();
    let address: SocketAddr = lines.find_map(|line| line.unwrap().parse().ok()).unwrap();
    let mut connection = std::net::TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(crate::browser::PATIENCE)).unwrap();
    test.kill().unwrap();
    test.wait().unwrap();
    let read = connection.read(&mut [0]).map_err(|error| error.kind());
    assert!(matches!(read, Ok(0) | Err(std::io::ErrorKind::ConnectionReset)), "it is still running: {read:?}");
    // The gateway and the parent, which holds the socket, end one after the other.
    let deadline = std::time::Instant::now() + crate::browser::PATIENCE;
    while std::net::TcpStream::connect(address).is_ok() {
        assert!(std::time::Instant::now() < deadline, "it still listens");
        std::thread::yield_now();
    }
}
