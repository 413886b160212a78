//! Starts a browser, prints its process id and holds it until it is killed: what the tests kill without warning.

use std::{io::Write, path::PathBuf, time::Duration};

use ukai_browser::{Browser, Config};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let profiles = std::env::args_os().nth(1).map(PathBuf::from);
    let browser = Browser::launch(Config { profiles, ..Config::default() }).await?;
    writeln!(std::io::stdout(), "{}", browser.pid().await.unwrap_or_default())?;
    std::io::stdout().flush()?;
    tokio::time::sleep(Duration::from_secs(60)).await;
    Ok(())
}
