//! The command line as a whole: which commands there are, and how one of them is run.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands;
use crate::exit::{self, Failure};
use crate::output::Output;

/// A fleet of real browsers on machines that you own, fed from one durable queue.
#[derive(Debug, Parser)]
#[command(name = "ukai", version, after_help = exit::HELP, max_term_width = 110)]
pub struct Cli {
    /// Answers as JSON: one document, or one line an item.
    #[arg(long, global = true)]
    json: bool,

    /// Log levels, as in info,ukai_scheduler=debug. Logs go to standard error.
    #[arg(long, env = "UKAI_LOG", global = true, value_name = "FILTER")]
    log: Option<String>,

    /// Logs as JSON lines.
    #[arg(long, env = "UKAI_LOG_JSON", global = true)]
    log_json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs Ukai on this machine: queue, sockets and REST on one address.
    Up(Box<commands::up::Up>),
    /// Runs a worker: a real Chromium that takes tasks from a server.
    Worker(Box<commands::worker::Worker>),
    /// Scrapes pages at once and prints their records; needs no running server.
    Scrape(commands::scrape::Scrape),
    /// Reads a page or a price and prints the record; needs no browser.
    Extract(commands::extract::Extract),
    /// Tasks: add, list, show, cancel, retry, why.
    #[command(subcommand)]
    Task(commands::task::Task),
    /// Jobs: add, list, show, pause, resume, cancel.
    #[command(subcommand)]
    Job(commands::job::Job),
    /// Politeness towards a host: get, set.
    #[command(subcommand)]
    Host(commands::host::Host),
    /// Workers' tokens: create, list, revoke.
    #[command(subcommand)]
    WorkerToken(commands::worker_token::WorkerToken),
    /// Shows events as they happen.
    Tail(commands::tail::Tail),
    /// Measures a server of its own: tasks a second and latency.
    Bench(commands::bench::Bench),
    /// Scrapes a sample shop with two browsers and shows the records.
    Demo(commands::demo::Demo),
    /// Brings a PostgreSQL database up to this version.
    Migrate(commands::migrate::Migrate),
    /// Looks for what could be wrong on this machine and says what to do.
    Doctor(commands::doctor::Doctor),
    /// The worker clients of a benchmark.
    #[command(hide = true)]
    BenchWorkers(commands::bench_workers::BenchWorkers),
    /// The demo's shop alone.
    #[command(hide = true)]
    SampleShop(commands::sample_shop::SampleShop),
}

impl Command {
    /// Services tell what they do; the other commands only what goes wrong.
    fn default_log(&self) -> &'static str {
        match self {
            Self::Up(_) | Self::Worker(_) => "info",
            Self::Scrape(_)
            | Self::Extract(_)
            | Self::Task(_)
            | Self::Job(_)
            | Self::Host(_)
            | Self::WorkerToken(_)
            | Self::Tail(_)
            | Self::Bench(_)
            | Self::Demo(_)
            | Self::Migrate(_)
            | Self::Doctor(_)
            | Self::BenchWorkers(_)
            | Self::SampleShop(_) => "warn",
        }
    }
}

/// Runs the command and says with which code the process ends. A failure stands on standard error.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    ukai_boot::init_tls();
    let output = Output { json: cli.json };
    let log = cli.log.as_deref().unwrap_or(cli.command.default_log());
    if let Err(usage) = ukai_boot::init_log(log, cli.log_json) {
        return report(output, &Failure::from(usage));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(output, &Failure::from(error)),
    };
    let ended = runtime.block_on(Box::pin(dispatch(cli.command, output)));
    // Whatever still hangs in a blocking call doesn't hold up the end.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(output, &failure),
    }
}

async fn dispatch(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Up(up) => up.run().await,
        Command::Worker(worker) => worker.run().await,
        Command::Scrape(scrape) => scrape.run(output).await,
        Command::Extract(extract) => extract.run(output).await,
        Command::Task(task) => task.run(output).await,
        Command::Job(job) => job.run(output).await,
        Command::Host(host) => host.run(output).await,
        Command::WorkerToken(token) => token.run(output).await,
        Command::Tail(tail) => tail.run(output).await,
        Command::Bench(bench) => bench.run(output).await,
        Command::Demo(demo) => demo.run(output).await,
        Command::Migrate(migrate) => migrate.run(output).await,
        Command::Doctor(doctor) => doctor.run(output).await,
        Command::BenchWorkers(workers) => workers.run().await,
        Command::SampleShop(shop) => shop.run(output).await,
    }
}

fn report(output: Output, failure: &Failure) -> ExitCode {
    use std::io::Write;
    let text = if output.json {
        serde_json::json!({ "error": failure.message() }).to_string()
    } else {
        format!("ukai: {}", failure.message())
    };
    let _nowhere_to_write = writeln!(std::io::stderr().lock(), "{text}");
    failure.code()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
