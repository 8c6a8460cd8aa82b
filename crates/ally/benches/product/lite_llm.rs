//! LiteLLM's proxy before the same stand-in, for comparison. `ALLY_BENCH_LITELLM` names its program, as
//! `pip install 'litellm[proxy]'` puts it into a virtual environment; without it, this arm is left out and says so.

use crate::machine;
use ally_llm::stand_in::KEY;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// A proxy that runs.
pub struct LiteLlm {
    child: Child,
    address: SocketAddr,
    _directory: tempfile::TempDir,
}

impl LiteLlm {
    /// Starts it before a provider for one model, and waits until it answers.
    pub async fn start(provider: &str, model: &str) -> Option<Self> {
        let program = std::env::var_os("ALLY_BENCH_LITELLM")?;
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("config.yaml");
        let text = format!(
            "model_list:\n  - model_name: {model}\n    litellm_params:\n      model: anthropic/{model}\n      \
             api_base: {provider}\n      api_key: {KEY}\ngeneral_settings:\n  master_key: {KEY}\n"
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(program);
        command.arg("--config").arg(&config).args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        command.env("LITELLM_LOCAL_MODEL_COST_MAP", "True").env("LITELLM_LOG", "ERROR");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let started = Self { child, address: SocketAddr::from(([127, 0, 0, 1], port)), _directory: directory };
        let deadline = Instant::now() + Duration::from_secs(90);
        while TcpStream::connect(started.address).await.is_err() {
            assert!(Instant::now() < deadline, "LiteLLM does not answer");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Some(started)
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Proportional memory of its process.
    pub fn pss_megabytes(&self) -> f64 {
        machine::pss_megabytes(self.child.id())
    }
}

impl Drop for LiteLlm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
