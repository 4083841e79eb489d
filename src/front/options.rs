//! Options that every command takes: limits and colour.

use crate::script::{Limit, Limits};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, value_parser};

/// The limits that the command line sets; the flags are made from the table of limits.
#[derive(Clone, Default, Debug)]
pub(super) struct LimitArgs {
    given: Vec<(Limit, u64)>,
}

impl LimitArgs {
    /// The limits, where the command line does not say otherwise.
    pub(super) fn over(&self, base: Limits) -> Limits {
        let given = self.given.iter();
        given.fold(base, |limits, (limit, value)| limits.with(*limit, *value))
    }
}

impl FromArgMatches for LimitArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut limits = Self::default();
        limits.update_from_arg_matches(matches)?;
        Ok(limits)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for limit in Limit::ALL {
            if let Some(value) = matches.get_one::<u64>(limit.flag()) {
                self.given.push((limit, *value));
            }
        }
        Ok(())
    }
}

impl Args for LimitArgs {
    fn augment_args(command: Command) -> Command {
        let flag = |limit: Limit| {
            Arg::new(limit.flag())
                .long(limit.flag())
                .value_name("N")
                .value_parser(value_parser!(u64).range(1..=limit.max_value()))
                .global(true)
                .help_heading("Limits")
                .help(format!(
                    "{} [default: {}]",
                    limit.about(),
                    limit.default_value()
                ))
        };
        command.args(Limit::ALL.map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
