//! The `ukai` binary: parses the command line, runs the command, ends with its exit code.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ukai::run(ukai_boot::parse())
}
