//! `ukai sample-shop`: the demo's shop alone, as something to scrape from another machine or container.

use std::net::SocketAddr;

use clap::Args;
use ukai_boot::Shutdown;
use ukai_testkit::shop::Shop;

use crate::exit::Failure;
use crate::output::Output;

/// Where it is served.
#[derive(Args, Debug)]
pub(crate) struct SampleShop {
    /// Its address.
    #[arg(long, default_value = "127.0.0.1:8090", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
}

impl SampleShop {
    /// Serves until it is told to stop.
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        let shutdown = Shutdown::new();
        shutdown.listen()?;
        let (url, shop) = Shop::start(self.listen).await?;
        output.say(&format!("sample shop   {url}"));
        shutdown.stopping().await;
        Ok(shop.stop().await?)
    }
}
