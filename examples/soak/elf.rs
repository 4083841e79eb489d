//! Damaged ELF files: their headers, their code and their debug information. They are executed, and
//! looked at with the debugger as far as it gets.

use crate::dice::Dice;
use forklab::Machine;
use forklab::dwarf::debug_info;
use forklab::kernel::boot::Config;
use forklab::kernel::fork::SpawnArgs;
use forklab::kernel::fs::Stream;
use forklab::kernel::syscall::ExecArgs;
use forklab::machine::{Command, Reply};
use forklab::view;
use std::sync::Arc;

/// Programs with debug information of two compilers, and without.
const PROGRAMS: [&[u8]; 5] = [
    include_bytes!("../../scripts/c/list"),
    include_bytes!("../../scripts/c/cow_frames"),
    include_bytes!("../../scripts/c/fork_puzzle"),
    include_bytes!("../../tests/fixtures/dwarf/shapes.gcc"),
    include_bytes!("../../tests/fixtures/dwarf/shapes.gcc-O1"),
];
/// How many bytes at the start of a file have the headers.
const HEADERS: usize = 0x34 + 8 * 0x20;

/// A file, and how long it runs.
pub struct Elf {
    cpus: u32,
    ticks: u64,
    bytes: Vec<u8>,
    /// Which bytes are damaged, for whoever looks at the case.
    damaged: Vec<usize>,
}

impl std::fmt::Debug for Elf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Elf")
            .field("cpus", &self.cpus)
            .field("ticks", &self.ticks)
            .field("len", &self.bytes.len())
            .field("damaged", &self.damaged)
            .finish()
    }
}

pub fn elf(dice: &mut Dice) -> Elf {
    let mut bytes = dice.pick(&PROGRAMS).to_vec();
    let mut damaged = Vec::new();
    for _ in 0..dice.below(24) {
        let within = if dice.percent(40) {
            HEADERS.min(bytes.len())
        } else {
            bytes.len()
        };
        let at = dice.below(within);
        bytes[at] = dice.byte();
        damaged.push(at);
    }
    if dice.percent(20) {
        bytes.truncate(dice.below(bytes.len() + 1));
    }
    Elf {
        cpus: 1 + dice.below(2) as u32,
        ticks: 1 + dice.below(30) as u64,
        bytes,
        damaged,
    }
}

impl Elf {
    /// Executes it and looks at it; what is seen, in words.
    ///
    /// # Errors
    /// If the kernel's invariants do not hold afterwards.
    pub fn run(&self) -> Result<String, String> {
        let mut machine = Machine::boot(Config {
            cpus: self.cpus,
            mem: 16 << 20,
            strace: true,
            ..Config::default()
        })?;
        let path = "/damaged".to_owned();
        let bytes: Arc<[u8]> = self.bytes.as_slice().into();
        let debug = debug_info(&self.bytes, &mut |_| Some("line\n".repeat(50)));
        let commands = [
            Command::PutFile {
                path: path.clone(),
                mode: 0o755,
                bytes,
            },
            Command::Describe {
                path: path.clone(),
                debug: Arc::new(debug),
            },
        ];
        let mut out = String::new();
        for command in commands {
            out += &format!("{:?}\n", machine.apply(command));
        }
        let spawned = machine.apply(Command::SpawnFile {
            args: SpawnArgs::new("damaged", 500),
            exec: ExecArgs::from(path.as_str()),
            stdio: [Stream::Console, Stream::Console, Stream::Console],
        });
        out += &format!("{spawned:?}\n");
        for _ in 0..self.ticks {
            if let Ok(Reply::Spawned { task, .. }) = spawned
                && machine.kernel.tasks().contains_key(task)
            {
                out += &look(&machine, task);
            }
            out += &format!("{:?}\n", machine.apply(Command::Tick(1)));
            for crash in machine.take_crashes() {
                out += &view::crash(&machine, &crash);
            }
            machine.kernel.check()?;
        }
        out += &view::strace(&machine, None).text().to_string();
        out += &view::story(&machine).text().to_string();
        Ok(out)
    }
}

/// Where a task is, with its variables and its code.
fn look(machine: &Machine, task: forklab::abi::TaskId) -> String {
    let chain = view::call_chain(machine, task).map(|chain| chain.text());
    let variables = view::variables(machine, task).map(|variables| variables.text());
    let listing = view::listing(machine, task).map(|listing| listing.text());
    let code = view::disassembly(machine, task, None).map(|code| code.text());
    [chain, variables, listing, code]
        .into_iter()
        .flatten()
        .map(|text| text.to_string())
        .collect()
}
