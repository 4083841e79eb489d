//! The kinds of cases, and what a case is: everything that a run is made from.

use crate::dice::Dice;
use crate::{code, command_line, elf, program, prompt, script, workload};
use clap::ValueEnum;
use std::fmt;

/// A kind of cases.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Kind {
    /// Scripts by grammar and the documented functions
    Script,
    /// Programs in the dialect, with wild arguments to all its calls
    Program,
    /// Random machine code as the text of a program
    Code,
    /// Damaged ELF files, executed and looked at with the debugger
    Elf,
    /// Workload files
    Workload,
    /// Command lines
    CommandLine,
    /// Sessions at the prompt, piped or on a pseudo-terminal, with signals
    Prompt,
}

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::Script,
        Self::Program,
        Self::Code,
        Self::Elf,
        Self::Workload,
        Self::CommandLine,
        Self::Prompt,
    ];

    /// Its name on the command line.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// How many of 100 cases are of this kind. Those that start processes are slow.
    pub const fn share(self) -> u64 {
        match self {
            Self::Script => 40,
            Self::Program => 20,
            Self::Code | Self::Workload => 15,
            Self::Elf => 5,
            Self::CommandLine => 4,
            Self::Prompt => 1,
        }
    }
}

/// A case, ready to be run.
pub enum Case {
    /// A script in one piece.
    Script(String),
    /// Lines at the prompt, without a process of their own.
    Lines(Vec<String>),
    Code(code::Code),
    Elf(elf::Elf),
    CommandLine(command_line::CommandLine),
    Prompt(prompt::Prompt),
}

/// Makes a case. The same kind and seed always make the same case.
pub fn make(kind: Kind, seed: u64) -> Case {
    let dice = &mut Dice::new(seed);
    match kind {
        Kind::Script if dice.percent(50) => Case::Lines(script::lines(dice)),
        Kind::Script => Case::Script(script::script(dice)),
        Kind::Program => Case::Script(program::script(dice)),
        Kind::Code => Case::Code(code::code(dice)),
        Kind::Elf => Case::Elf(elf::elf(dice)),
        Kind::Workload => Case::Script(workload::script(dice)),
        Kind::CommandLine => Case::CommandLine(command_line::command_line(dice)),
        Kind::Prompt => Case::Prompt(prompt::prompt(dice)),
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Script(text) => f.write_str(text),
            Self::Lines(lines) => f.write_str(&lines.join("\n")),
            Self::Code(code) => write!(f, "{code:#x?}"),
            Self::Elf(elf) => write!(f, "{elf:#x?}"),
            Self::CommandLine(line) => write!(f, "{line:#?}"),
            Self::Prompt(prompt) => write!(f, "{prompt:#?}"),
        }
    }
}
