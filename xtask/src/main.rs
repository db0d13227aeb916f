//! The project's own tools, run as `cargo xtask <command>`.

mod codegen;
mod config;
mod import;
mod model;
mod names;
mod patch;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "LocalECS's own tools")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The AWS API models.
    #[command(subcommand)]
    Models(ModelsCommand),
    /// Generates code and the coverage table from the models.
    Codegen {
        /// Changes nothing; fails if the generated files are not up to date.
        #[arg(long)]
        check: bool,
        /// Fails if an operation is on and its file is missing (--check does, too).
        #[arg(long)]
        strict: bool,
    },
    /// Checks the rules of the house: file sizes, imports, time, JSON.
    Tidy,
}

#[derive(Subcommand)]
enum ModelsCommand {
    /// Downloads the pinned package and writes models/<service>.json, facts only.
    Import {
        /// Accepts what differs from the recorded sha256 sums, and records the new ones.
        #[arg(long)]
        update: bool,
        /// Uses this wheel instead of downloading it.
        #[arg(long)]
        wheel: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let root = root();
    match command {
        Command::Models(ModelsCommand::Import { update, wheel }) => import::run(&root, wheel.as_deref(), update),
        Command::Codegen { check, strict } => codegen::run(&root, check, strict),
        Command::Tidy => tidy::run(&root),
    }
}

/// The root of the repository: where xtask was built from.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lives in the repository").to_owned()
}
