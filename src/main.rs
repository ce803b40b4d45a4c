//! The `leeward` command.

fn main() -> std::process::ExitCode {
    leeward::cli::run(std::env::args_os())
}
