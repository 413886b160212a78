//! `ukai migrate`: the schema of a PostgreSQL database, brought up to this version.

use clap::Args;
use ukai_store::StoreError;

use crate::exit::Failure;
use crate::output::Output;

/// Brings a PostgreSQL database up to this version's schema. Harmless when repeated; services do the same at their start.
#[derive(Args, Debug)]
pub(crate) struct Migrate {
    #[command(flatten)]
    database: ukai_boot::config::Database,
}

impl Migrate {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        self.database.check()?;
        let migrated =
            ukai_store::migrate(&self.database.database_url).await.map_err(|error| match error {
                StoreError::Address(_) => Failure::usage(format!("--database-url: {error}")),
                _ => anyhow::Error::from(error).into(),
            })?;
        let (from, to) = (migrated.from, migrated.to);
        let text = match from {
            _ if from == to => format!("the schema is at version {to} already"),
            0 => format!("the schema was made: version {to}"),
            _ => format!("the schema was brought from version {from} to {to}"),
        };
        output.item(&serde_json::json!({ "from": from, "to": to }), |_| text);
        Ok(())
    }
}
