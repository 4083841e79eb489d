//! The outputs that a program can have: it runs many times, with ticks at other moments and with one
//! or two CPUs, and the kernel takes its decisions accordingly.

use super::exit_code::{FINE, INTERRUPTED, USAGE};
use super::print::{complain, output_failed, print_line};
use super::process::Process;
use super::program::{Loaded, Program, machine_for};
use crate::abi::TaskId;
use crate::kernel::fs::Stream;
use crate::machine::{Command, Machine, Progress, Reply, Stop};
use crate::script::Limit;
use std::collections::BTreeMap;
use std::thread;

/// How many different outputs are shown.
const MAX_SHOWN: usize = 20;
/// How many bytes of an output are shown.
const MAX_TEXT: usize = 200;

/// How a run came out: what was written, and how the program ended.
type Outcome = (Vec<u8>, String);

/// How often there was an outcome, and the first seed that led to it.
#[derive(Clone, Copy)]
struct Seen {
    times: u64,
    seed: u64,
}

/// Prints every output; returns the exit code.
pub(super) fn run(process: &Process, program: &Program, runs: u64) -> u8 {
    let found = Loaded::new(program).and_then(|loaded| all(process, &loaded, runs));
    match found {
        Ok(_) if process.interrupt.is_raised() => INTERRUPTED,
        Ok(found) => {
            let command = format!("forklab run {}", program.path.display());
            match lines(&found, runs, &command)
                .iter()
                .try_for_each(|line| print_line(line))
            {
                Ok(()) => FINE,
                Err(error) => output_failed(error.kind()),
            }
        }
        Err(why) => {
            complain(&format!("forklab: {}: {why}", program.path.display()));
            USAGE
        }
    }
}

/// How many instructions the program executes if no tick disturbs it.
///
/// # Errors
/// Why it cannot run.
pub(super) fn length(process: &Process, loaded: &Loaded) -> Result<u64, String> {
    let run = run_with(process, loaded, None, 0)?;
    Ok(run.machine.kernel.stat.instructions)
}

/// The outcomes of that many runs, on all cores. They are the same in whichever order the runs end.
fn all(process: &Process, loaded: &Loaded, runs: u64) -> Result<BTreeMap<Outcome, Seen>, String> {
    let length = length(process, loaded)?;
    let workers = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let work = |worker: u64| {
        let mut found: BTreeMap<Outcome, Seen> = BTreeMap::new();
        for seed in (1 + worker..=runs).step_by(workers as usize) {
            if process.interrupt.is_raised() {
                break;
            }
            let outcome = run_with(process, loaded, Some(seed), length)?.outcome();
            let seen = found.entry(outcome).or_insert(Seen { times: 0, seed });
            seen.times += 1;
        }
        Ok(found)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..workers)
            .map(|worker| scope.spawn(move || work(worker)))
            .collect();
        let mut all: BTreeMap<Outcome, Seen> = BTreeMap::new();
        for thread in threads {
            let part: Result<BTreeMap<Outcome, Seen>, String> = match thread.join() {
                Ok(part) => part,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            for (outcome, seen) in part? {
                let entry = all.entry(outcome).or_insert(Seen { times: 0, ..seen });
                entry.times += seen.times;
                entry.seed = entry.seed.min(seen.seed);
            }
        }
        Ok(all)
    })
}

/// Runs the program once, until nothing is left to happen.
fn run_with(
    process: &Process,
    loaded: &Loaded,
    seed: Option<u64>,
    length: u64,
) -> Result<Run, String> {
    let mut machine = Machine::boot(machine_for(loaded, seed, length))?;
    machine.kernel.log.set_capacity(1);
    let stdio = [
        Stream::Input([].into()),
        Stream::Printer(0),
        Stream::Printer(0),
    ];
    let task = loaded.start(&mut machine, stdio)?;
    let mut run = Run {
        machine,
        task,
        written: Vec::new(),
    };
    let most = process.limits.get(Limit::Ticks);
    let mut progress = run.machine.begin(Command::Run(most));
    loop {
        run.fetch();
        match progress {
            Progress::Done(Ok(Reply::Stopped(Stop::Console))) => {
                progress = run.machine.begin(Command::Run(most));
            }
            Progress::Done(Ok(_)) => return Ok(run),
            Progress::Done(Err(refusal)) => return Err(refusal.to_string()),
            Progress::Paused => {
                let written = run.written.len() as u64;
                if process.check(&run.machine, written).is_err() {
                    return Ok(run);
                }
                progress = run.machine.go_on();
            }
        }
    }
}

/// A run of the program.
struct Run {
    machine: Machine,
    task: TaskId,
    written: Vec<u8>,
}

impl Run {
    /// Takes what was written meanwhile, which the next command would drop.
    fn fetch(&mut self) {
        self.written
            .extend(self.machine.kernel.take_console_output());
        for (_, bytes) in self.machine.kernel.take_printed() {
            self.written.extend(bytes);
        }
    }

    fn outcome(self) -> Outcome {
        let end = match self.machine.kernel.ended(self.task) {
            Some(ended) if ended.status.0 == 0 => String::new(),
            Some(ended) => format!(", {}", ended.status),
            None => ", does not end".to_owned(),
        };
        (self.written, end)
    }
}

/// The outcomes, the most frequent one first.
fn lines(found: &BTreeMap<Outcome, Seen>, runs: u64, command: &str) -> Vec<String> {
    let mut outcomes: Vec<(&Outcome, &Seen)> = found.iter().collect();
    outcomes.sort_by_key(|(_, seen)| (std::cmp::Reverse(seen.times), seen.seed));
    let plural = if found.len() == 1 { "" } else { "s" };
    let mut lines = vec![format!(
        "{} output{plural} in {runs} interleavings",
        found.len()
    )];
    for ((written, end), seen) in outcomes.iter().take(MAX_SHOWN) {
        let percent = seen.times as f64 * 100.0 / runs as f64;
        let shown = &written[..written.len().min(MAX_TEXT)];
        let more = if written.len() > MAX_TEXT { ".." } else { "" };
        let text = String::from_utf8_lossy(shown);
        lines.push(format!("{percent:>5.1} %  {text:?}{more}{end}"));
        lines.push(format!("         {command} --seed {}", seen.seed));
    }
    if outcomes.len() > MAX_SHOWN {
        lines.push(format!("and {} more", outcomes.len() - MAX_SHOWN));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_output_comes_first() {
        let outcome = |text: &str, end: &str| (text.as_bytes().to_vec(), end.to_owned());
        let found = BTreeMap::from([
            (outcome("a\n", ""), Seen { times: 1, seed: 4 }),
            (outcome("b\n", ", exited 3"), Seen { times: 3, seed: 1 }),
        ]);
        assert_eq!(
            lines(&found, 4, "forklab run x.c"),
            [
                "2 outputs in 4 interleavings",
                " 75.0 %  \"b\\n\", exited 3",
                "         forklab run x.c --seed 1",
                " 25.0 %  \"a\\n\"",
                "         forklab run x.c --seed 4",
            ]
        );
    }
}
