//! A worker: runs cases in turn, each of them twice if it can be repeated, and tells its supervisor how far it is.
//!
//! A line `begin SEED` stands before each case, and `end SEED` or `failed SEED WHY` after it. A
//! worker that panics or overflows its stack ends between the two.

use crate::case::{self, Case, Kind};
use forklab::Session;
use forklab::front::{Colors, Shell, draw};
use forklab::script::{Host, Limit, Limits, Output};
use std::io;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// The limits of a case: low, because a case should be short.
fn limits() -> Limits {
    Limits::default()
        .with(Limit::Operations, 300_000)
        .with(Limit::Ticks, 20_000)
        .with(Limit::Work, 20_000_000)
        .with(Limit::Output, 1 << 20)
        .with(Limit::String, 1 << 18)
        .with(Limit::Trace, 1 << 14)
        .with(Limit::Memory, 1 << 30)
}

/// Runs so many cases of a kind, from a seed on.
///
/// # Errors
/// If there is no thread for them, or its last case ended the thread.
pub fn run(kind: Kind, seed: u64, cases: u64) -> io::Result<()> {
    let work = move || {
        for seed in (seed..).take(usize::try_from(cases).unwrap_or(usize::MAX)) {
            println!("begin {seed}");
            match run_case(&case::make(kind, seed)) {
                Ok(()) => println!("end {seed}"),
                Err(why) => println!("failed {seed} {}", why.replace('\n', " | ")),
            }
        }
    };
    let stack = limits().stack();
    let thread = thread::Builder::new().stack_size(stack).spawn(work)?;
    let ended = thread.join();
    ended.map_err(|_| io::Error::other("a case panicked"))
}

/// Runs a case; says what is wrong if something is.
fn run_case(case: &Case) -> Result<(), String> {
    let run = || match case {
        Case::Script(text) => run_script(text),
        Case::Lines(lines) => run_lines(lines),
        Case::Code(code) => code.run(),
        Case::Elf(elf) => elf.run(),
        Case::CommandLine(line) => line.run(),
        Case::Prompt(prompt) => prompt.run(),
    };
    let first = run()?;
    // When a signal reaches a prompt depends on the host.
    if matches!(case, Case::Prompt(_)) {
        return Ok(());
    }
    let second = run()?;
    if first == second {
        Ok(())
    } else {
        Err(difference(&first, &second))
    }
}

/// Where two runs part.
fn difference(first: &str, second: &str) -> String {
    let lines = first.lines().zip(second.lines());
    let parting = lines.into_iter().find(|(first, second)| first != second);
    let (first, second) = parting.unwrap_or(("", "(one of them is longer)"));
    format!("the second run differs: {first:?} and then {second:?}")
}

/// A host that keeps what is printed.
fn host() -> (Host, Receiver<String>) {
    let (sender, printed) = channel();
    let out: Output = Box::new(move |line| {
        let sent = sender.send(line.to_owned());
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    });
    let host = Host {
        memory: Some(crate::allocated),
        ..Host::printing(out)
    };
    (host, printed)
}

fn run_script(text: &str) -> Result<String, String> {
    let (host, printed) = host();
    let mut session = Session::with_host(limits(), host)?;
    let failure = session.run(text).err();
    let mut out: Vec<String> = printed.try_iter().collect();
    if let Some(failure) = failure {
        out.push(draw(&failure, "script", session.document(), Colors::Off));
    }
    // A machine that has panicked keeps its state as it was found.
    let checked = session.machine(|machine| match machine.kernel.panicked() {
        Some(_) => Ok(()),
        None => machine.kernel.check(),
    });
    checked.map_err(|why| format!("the kernel's invariants do not hold: {why}"))?;
    Ok(out.join("\n"))
}

fn run_lines(lines: &[String]) -> Result<String, String> {
    let (host, printed) = host();
    let mut shell = Shell::new(limits(), host, Colors::Off)?;
    let mut out = Vec::new();
    for line in lines {
        out.push(shell.prompt());
        let answer = shell.submit(line);
        out.extend(printed.try_iter());
        out.push(answer.text);
        if answer.quit {
            break;
        }
    }
    Ok(out.join("\n"))
}
