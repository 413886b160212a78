//! The command line and the environment as one set of settings, read the same way by every binary.

use clap::builder::{BoolishValueParser, Resettable};
use clap::{Arg, ArgAction, Command, Parser};
use std::ffi::OsStr;

/// Parses the command line and the environment; a refusal, `--help` and `--version` end the process.
///
/// A variable that is empty counts as not set, as `${NAME:-}` of a shell or of Compose leaves it. A flag is set by `true`,
/// `yes`, `on` and `1`, and not by `false`, `no`, `off` and `0`, in any case.
#[must_use]
pub fn parse<A: Parser>() -> A {
    let command = read_like_a_shell(A::command(), &is_empty);
    A::from_arg_matches_mut(&mut command.get_matches())
        .unwrap_or_else(|error| error.format(&mut A::command()).exit())
}

fn is_empty(variable: &OsStr) -> bool {
    std::env::var_os(variable).is_some_and(|value| value.is_empty())
}

fn read_like_a_shell(command: Command, is_empty: &dyn Fn(&OsStr) -> bool) -> Command {
    let argument = |argument: Arg| {
        let Some(variable) = argument.get_env() else { return argument };
        if is_empty(variable) {
            return argument.env(Resettable::Reset);
        }
        match argument.get_action() {
            ArgAction::SetTrue => argument.value_parser(BoolishValueParser::new()),
            _ => argument,
        }
    };
    command.mut_args(argument).mut_subcommands(|command| read_like_a_shell(command, is_empty))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{FromArgMatches, Subcommand};

    /// Cargo sets these for each test.
    #[derive(Debug, Parser, PartialEq)]
    struct Line {
        #[arg(long, env = "CARGO_PKG_NAME", global = true)]
        name: Option<String>,
        #[arg(long, env = "CARGO_PKG_VERSION", default_value = "none")]
        version_of: String,
        /// `1`, as the crate's version begins.
        #[arg(long, env = "CARGO_PKG_VERSION_MAJOR")]
        flag: bool,
        /// `0`, as it ends.
        #[arg(long, env = "CARGO_PKG_VERSION_PATCH")]
        other: bool,
        #[command(subcommand)]
        command: Option<Inner>,
    }

    #[derive(Debug, Subcommand, PartialEq)]
    enum Inner {
        Run {
            #[arg(long, env = "CARGO_PKG_NAME")]
            of: Option<String>,
        },
    }

    const EMPTY: Line =
        Line { name: None, version_of: String::new(), flag: false, other: false, command: None };

    fn parsed(is_empty: &dyn Fn(&OsStr) -> bool, line: &[&str]) -> Result<Line, String> {
        let matches = read_like_a_shell(<Line as clap::CommandFactory>::command(), is_empty)
            .try_get_matches_from(line)
            .map_err(|error| error.to_string())?;
        Line::from_arg_matches(&matches).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_variable_is_none() {
        let crate_name = Some(env!("CARGO_PKG_NAME").to_owned());
        let set = parsed(&|_| false, &["line", "run"]).unwrap();
        assert_eq!(set.name, crate_name);
        assert_eq!(set.version_of, env!("CARGO_PKG_VERSION"));
        assert_eq!(set.command, Some(Inner::Run { of: crate_name }));
        let empty = parsed(&|_| true, &["line", "run"]).unwrap();
        let command = Some(Inner::Run { of: None });
        assert_eq!(empty, Line { name: None, version_of: "none".to_owned(), command, ..EMPTY });
        let given = parsed(&|_| true, &["line", "--name", "a", "--flag"]).unwrap();
        assert_eq!((given.name.as_deref(), given.flag), (Some("a"), true));
    }

    #[test]
    fn a_flag_is_read_as_people_write_it() {
        let line = parsed(&|_| false, &["line"]).unwrap();
        assert_eq!((line.flag, line.other), (true, false));
        assert!(parsed(&|_| false, &["line", "--other"]).unwrap().other);
    }
}
