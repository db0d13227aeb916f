//! `make bench`: starts servers, measures them, prints a table and writes bench/results.json.
//!
//! What depends on the machine is given as a ratio to something measured in the same run: a bare axum handler that
//! returns the same bytes, or the same container made straight through bollard.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]

mod bare;
mod client;
mod containers;
mod dependencies;
mod inside;
mod logs;
mod placement;
mod process;
mod report;
mod services;
mod startup;
mod throughput;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use report::Report;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure everything
    Run {
        /// The localecs binary, built for release
        #[arg(long)]
        localecs: PathBuf,
        /// Where to write the results
        #[arg(long, default_value = "bench/results.json")]
        results: PathBuf,
        /// Leave out what needs a container engine
        #[arg(long)]
        no_engine: bool,
        /// Measure only groups whose name contains this
        #[arg(long)]
        only: Option<String>,
    },
    /// Serve the bytes of a file to every request: what throughput is compared with
    Bare { body: PathBuf },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Bare { body } => bare::serve(&body).await,
        Command::Run { localecs, results, no_engine, only } => {
            let mut report = Report::default();
            let wanted = |group: &str| only.as_deref().is_none_or(|only| group.contains(only));
            if wanted("startup") {
                startup::measure(&localecs, !no_engine, &mut report).await?;
            }
            if wanted("throughput") {
                throughput::measure(&localecs, &mut report).await?;
            }
            if wanted("services") {
                services::measure(&localecs, &mut report).await?;
            }
            if wanted("placement") {
                placement::measure(&localecs, &mut report).await?;
            }
            if wanted("containers") && !no_engine {
                containers::measure(&localecs, &mut report).await?;
            }
            if wanted("inside") && !no_engine {
                inside::measure(&localecs, &mut report).await?;
            }
            if wanted("logs") && !no_engine {
                logs::measure(&localecs, &mut report).await?;
            }
            if wanted("dependencies") && !no_engine {
                dependencies::measure(&localecs, &mut report).await?;
            }
            report.write(&results)
        }
    }
}
