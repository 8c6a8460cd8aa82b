//! The proxies that people put in front of Ally, with the files that docs/self-hosting.md gives them.

use crate::browser::PATIENCE;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use tempfile::TempDir;

/// The name in the documentation.
pub const NAME: &str = "ally.example";

/// What the documentation gives an example for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Nginx,
    Caddy,
}

/// A proxy that runs until it is dropped.
pub struct Proxy {
    pub http: SocketAddr,
    pub https: SocketAddr,
    /// The certificate that it shows, as PEM.
    pub certificate: Vec<u8>,
    child: Child,
    folder: TempDir,
}

/// The example of this kind in the documentation on self-hosting.
pub fn example(kind: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/self-hosting.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut examples = page.split("\n```").filter_map(|block| block.strip_prefix(&format!("{kind}\n")));
    let example = examples.next().unwrap_or_else(|| panic!("docs/self-hosting.md has no example in {kind}"));
    assert_eq!(examples.next(), None, "docs/self-hosting.md has two examples in {kind}");
    example.to_owned()
}

/// Puts something in the place of what the documentation says, which must be there.
pub fn with(text: &str, said: &str, instead: &str) -> String {
    assert!(text.contains(said), "\"{said}\" is not in the example:\n{text}");
    text.replace(said, instead)
}

/// An address on which nobody listens. It lies below those that the kernel gives to outgoing connections.
pub fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = u16::try_from(std::process::id() % 1000).unwrap() * 10;
    loop {
        let port = 20_000 + (own + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

impl Proxy {
    /// Starts it in front of an address; `None`, noted as a skip, where the program or `openssl` is absent.
    pub fn start(kind: Kind, ally: SocketAddr) -> Option<Self> {
        let name = if kind == Kind::Nginx { "nginx" } else { "caddy" };
        for program in [name, "openssl"] {
            if !is_installed(program) {
                crate::skipped::skipped(program);
                return None;
            }
        }
        let folder = tempfile::tempdir().unwrap();
        // Nginx gives up being root and must still find its files.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let (certificate, key) = certificate(folder.path());
        let (http, https) = (free_address(), free_address());
        let mut command = match kind {
            Kind::Nginx => nginx(folder.path(), ally, http, https, &certificate, &key),
            Kind::Caddy => caddy(folder.path(), ally, http, https, &certificate, &key),
        };
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        command.current_dir(folder.path()).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap();
        let mut proxy = Self { http, https, certificate: std::fs::read(certificate).unwrap(), child, folder };
        proxy.wait();
        Some(proxy)
    }

    /// Everything that it wrote.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.path().join("log")).unwrap()).into_owned()
    }

    fn wait(&mut self) {
        let deadline = std::time::Instant::now() + PATIENCE;
        while [self.http, self.https].iter().any(|address| TcpStream::connect(address).is_err()) {
            let has_ended = self.child.try_wait().unwrap().is_some();
            assert!(!has_ended && std::time::Instant::now() < deadline, "it does not start:\n{}", self.log());
            std::thread::yield_now();
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_installed(program: &str) -> bool {
    // Debian keeps servers where only root looks.
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// A program that ends with this test, however this test ends.
fn tied(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig=KILL", "--", program]);
    command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
    command
}

fn nginx(
    folder: &Path,
    ally: SocketAddr,
    http: SocketAddr,
    https: SocketAddr,
    certificate: &Path,
    key: &Path,
) -> Command {
    let given = example("nginx");
    let given = with(&given, "listen 80;", &format!("listen {http};"));
    let given = with(&given, "listen 443 ssl", &format!("listen {https} ssl"));
    let given = with(&given, "127.0.0.1:8080", &ally.to_string());
    let given = with(&given, "/etc/letsencrypt/live/ally.example/fullchain.pem", certificate.to_str().unwrap());
    let given = with(&given, "/etc/letsencrypt/live/ally.example/privkey.pem", key.to_str().unwrap());
    let folder = folder.display();
    let places: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
        .concat();
    // One process, so that nothing is left when it is killed.
    let file = format!(
        "daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\n\
         http {{\n{places}{given}\n}}\n"
    );
    let path = format!("{folder}/nginx.conf");
    std::fs::write(&path, file).unwrap();
    let mut command = tied("nginx");
    command.args(["-p", &folder.to_string(), "-e", "stderr", "-c", &path]);
    command
}

fn caddy(
    folder: &Path,
    ally: SocketAddr,
    http: SocketAddr,
    https: SocketAddr,
    certificate: &Path,
    key: &Path,
) -> Command {
    let given = example("caddyfile");
    let tls = format!("{NAME} {{\n\ttls {} {}\n", certificate.display(), key.display());
    let given = with(&given, &format!("{NAME} {{\n"), &tls);
    let given = with(&given, "127.0.0.1:8080", &ally.to_string());
    let (http, https) = (http.port(), https.port());
    let ports = format!("{{\n\tadmin off\n\tdefault_bind 127.0.0.1\n\thttp_port {http}\n\thttps_port {https}\n}}\n");
    let path = folder.join("Caddyfile");
    std::fs::write(&path, ports + &given).unwrap();
    let mut command = tied("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(path);
    command.env("HOME", folder).env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
    command
}

/// A certificate that nobody has signed, and its key.
fn certificate(folder: &Path) -> (PathBuf, PathBuf) {
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-batch"]);
    openssl.args(["-days", "2", "-subj", &format!("/CN={NAME}"), "-addext"]).arg(format!("subjectAltName=DNS:{NAME}"));
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"]).arg(&key).arg("-out").arg(&certificate);
    let done = openssl.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    (certificate, key)
}
