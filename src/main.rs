//! The `localecs` command. See `localecs --help`, or src/cli.

use std::process::ExitCode;

fn main() -> ExitCode {
    localecs::cli::main()
}
