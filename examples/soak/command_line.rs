//! Command lines: commands, flags and files of all kinds, and what comes on standard input.

use crate::dice::Dice;
use crate::process::{self, Running};
use crate::{program, script, workload};
use std::fs;
use std::io;

/// A command line, the files of the folder that it is typed in, and its standard input.
#[derive(Debug)]
pub struct CommandLine {
    args: Vec<String>,
    files: Vec<(&'static str, String)>,
    input: String,
}

/// Low limits, which other flags may override.
const LIMITS: [&str; 5] = [
    "--max-operations=300000",
    "--max-ticks=20000",
    "--max-work=20000000",
    "--max-output=1000000",
    "--max-memory=1000000000",
];

pub fn command_line(dice: &mut Dice) -> CommandLine {
    let files = vec![
        ("a.rhai", script::script(dice)),
        ("b.rhai", program::script(dice)),
        ("c.workload", workload::file(dice)),
        ("scripts/d.rhai", script::script(dice)),
        ("damaged", String::from("\u{feff}#!x\n\0")),
    ];
    let mut args = command(dice);
    while dice.percent(30) {
        let at = dice.below(args.len() + 1);
        args.insert(at, flag(dice));
    }
    if !args.iter().any(|arg| arg == "doc") {
        let mut limits = LIMITS.map(str::to_owned).to_vec();
        limits.retain(|limit| {
            let flag = limit.split('=').next().unwrap_or_default();
            !args.iter().any(|arg| arg.starts_with(flag))
        });
        args.extend(limits);
    }
    let input = match dice.below(3) {
        0 => workload::file(dice),
        1 => script::lines(dice).join("\n"),
        _ => program::script(dice),
    };
    CommandLine { args, files, input }
}

fn command(dice: &mut Dice) -> Vec<String> {
    let mut words = match dice.below(8) {
        0 | 1 => vec!["run".to_owned(), path(dice)],
        2 => vec!["-e".to_owned(), script::script(dice).replace('\0', "")],
        3 => vec!["test".to_owned(), path(dice)],
        4 => vec!["replay".to_owned(), path(dice)],
        5 => vec!["doc".to_owned(), dice.constant()],
        6 => Vec::new(),
        _ => vec![
            dice.pick(&["run", "doc", "help", "nothing", "replay", "--help"])
                .to_owned(),
        ],
    };
    if dice.percent(20) {
        words.push(path(dice));
    }
    words
}

fn path(dice: &mut Dice) -> String {
    let paths = [
        "a.rhai",
        "b.rhai",
        "c.workload",
        "scripts",
        "scripts/d.rhai",
        ".",
        "-",
        "none",
        "damaged",
        "/dev/null",
        "",
        "a.rhai/b",
    ];
    dice.pick(&paths).to_owned()
}

fn flag(dice: &mut Dice) -> String {
    let flag = dice.pick(&[
        "--max-call-depth",
        "--max-expression-depth",
        "--max-variables",
        "--max-string",
        "--max-array",
        "--max-map",
        "--max-nesting",
        "--max-trace",
        "--max-output",
        "--cpus",
        "--color",
        "--ask",
        "--accept",
        "--markdown",
        "--version",
        "--nothing",
        "-e",
        "--",
    ]);
    let value = match flag {
        "--color" => dice.pick(&["always", "never", "auto", "red"]).to_owned(),
        _ if flag.starts_with("--max") || flag == "--cpus" => dice.wide_number().to_string(),
        _ => return flag.to_owned(),
    };
    format!("{flag}={value}")
}

impl CommandLine {
    /// Runs it in a fresh folder; what it prints, and its exit code.
    ///
    /// # Errors
    /// If it hangs or panics, or the folder cannot be made.
    pub fn run(&self) -> Result<String, String> {
        let folder = self.folder().map_err(|error| error.to_string())?;
        // The command prints the name of its folder: all runs have the same.
        let home = folder.path().join("home");
        let mut command = process::command(&home).map_err(|error| error.to_string())?;
        command.args(&self.args);
        let mut running = Running::start(command).map_err(|error| error.to_string())?;
        running.write(self.input.as_bytes());
        let ended = running.end()?;
        let text = format!("{}\n{}\n{}", ended.status, ended.out, ended.err);
        Ok(text.replace(&folder.path().display().to_string(), "FOLDER"))
    }

    fn folder(&self) -> io::Result<tempfile::TempDir> {
        let folder = tempfile::tempdir()?;
        let home = folder.path().join("home");
        fs::create_dir_all(home.join("scripts"))?;
        for (name, text) in &self.files {
            fs::write(home.join(name), text)?;
        }
        Ok(folder)
    }
}
