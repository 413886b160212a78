//! What `ukai-faults` does with its command line.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;

use crate::{Row, Size, Trial, report, row, rows};

/// Tries faults on real processes and measures what comes of them.
#[derive(Parser)]
#[command(name = "ukai-faults", version)]
pub struct Arguments {
    /// Rows to run, as `F03`; all of them without any.
    rows: Vec<String>,

    /// Runs of each row, each with a seed of its own.
    #[arg(long, default_value_t = 3)]
    seeds: u64,

    /// The first seed.
    #[arg(long, default_value_t = 1)]
    first: u64,

    /// The document whose table is written; rows that are not run keep what it says of them.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Ten times the tasks; of all rows those under load are run, and the second table is written.
    #[arg(long)]
    large: bool,

    /// Names the rows and ends.
    #[arg(long)]
    list: bool,
}

/// Runs the rows, one after the other; fails where one doesn't hold.
///
/// # Errors
/// A row that there isn't, or a document that can't be written.
pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout();
    if arguments.list {
        for row in rows() {
            writeln!(out, "{:5} {}", row.name, row.fault)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let (size, table) =
        if arguments.large { (Size::LARGE, report::LARGE) } else { (Size::USUAL, report::USUAL) };
    let chosen: Vec<Row> = if arguments.rows.is_empty() {
        rows().into_iter().filter(|row| row.is_under_load || !arguments.large).collect()
    } else {
        let named = arguments
            .rows
            .iter()
            .map(|name| row(name).ok_or_else(|| anyhow::anyhow!("no row {name}: see --list")));
        named.collect::<Result<_, _>>()?
    };
    let mut tried = Vec::new();
    for row in chosen {
        let mut outcomes = Vec::new();
        for seed in arguments.first..arguments.first + arguments.seeds {
            let begun = Instant::now();
            let outcome = row.run(Trial { seed, size }, Duration::ZERO).await;
            match &outcome {
                Ok(measures) => {
                    for measure in measures {
                        writeln!(
                            out,
                            "{} seed {seed}: {} {:.2?} (bound {:?})",
                            row.name, measure.what, measure.took, measure.bound
                        )?;
                    }
                    writeln!(out, "{} seed {seed}: holds, in {:.0?}", row.name, begun.elapsed())?;
                }
                Err(error) => writeln!(out, "{} seed {seed}: FAILS: {error:#}", row.name)?,
            }
            outcomes.push((seed, outcome));
        }
        tried.push(report::Tried { row, outcomes });
    }
    writeln!(out, "\n{}", report::table(&tried))?;
    if let Some(path) = arguments.report {
        let document = std::fs::read_to_string(&path)?;
        let written = report::put(&document, &tried, &rows(), table)
            .ok_or_else(|| anyhow::anyhow!("{} has no marks for the table", path.display()))?;
        std::fs::write(&path, written)?;
    }
    Ok(if tried.iter().all(report::Tried::holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
