//! The real binary for the browser tests: a fresh installation in a folder of its own, with the stand-in as provider.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The key that the stand-in accepts (`ally_llm::stand_in::KEY`).
pub const KEY: &str = "sk-ant-stand-in";

/// A running installation. It ends, and its folder goes, when this is dropped.
pub struct Installation {
    pub url: String,
    /// Where the stand-in can be told what to answer.
    pub model: String,
    processes: Vec<Child>,
    folder: PathBuf,
}

impl Installation {
    /// Starts both programs and waits until the address is printed.
    pub fn start(programs: &Path) -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("ally-browser-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let mut installation = Self { url: String::new(), model: String::new(), processes: Vec::new(), folder };
        installation.model = installation.spawn(Command::new(programs.join("examples/stand_in")).arg("127.0.0.1:0"))?;
        let mut serve = Command::new(programs.join("ally"));
        serve.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&installation.folder);
        serve
            .args(["--anthropic-base-url", &installation.model])
            .env_remove("ANTHROPIC_API_KEY")
            .env("ALLY_LOG", "warn");
        installation.url = installation.spawn(&mut serve)?;
        Ok(installation)
    }

    /// Starts a program and gives the first address that it prints.
    fn spawn(&mut self, command: &mut Command) -> Result<String, String> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| format!("{name} cannot be started: {error}"))?;
        let printed = child.stdout.take();
        self.processes.push(child);
        let mut lines = BufReader::new(printed.ok_or("no output")?).lines().map_while(Result::ok);
        let url =
            lines.find_map(|line| line.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned));
        // Whoever goes on printing must not find a closed pipe.
        std::thread::spawn(move || lines.for_each(drop));
        url.map(|url| url.trim_end_matches('/').to_owned())
            .ok_or_else(|| format!("{name} ended before it printed its address"))
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        for child in self.processes.iter_mut().rev() {
            // A term signal, so that the children of `ally serve` end as well; the kill is for what does not listen.
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
