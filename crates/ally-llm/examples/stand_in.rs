//! Starts the stand-in server and prints its address: `cargo run -p ally-llm --example stand_in [address]`.

use ally_llm::stand_in::StandIn;
use std::io::Write as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let address = address.parse().map_err(|_| std::io::Error::other("the address has to look like 127.0.0.1:4010"))?;
    let server = StandIn::start_on(address).await?;
    writeln!(std::io::stdout(), "{}", server.url())?;
    std::io::stdout().flush()?;
    server.forever().await;
    Ok(())
}
