//! The commands of a busybox: one program with many names. It is asked for them itself, on a machine
//! of its own.

use crate::kernel::boot::Config;
use crate::kernel::boot::ENVP_INIT;
use crate::kernel::fork::SpawnArgs;
use crate::kernel::fs::Stream;
use crate::kernel::syscall::ExecArgs;
use crate::machine::{Command, Machine, Reply, Stop};

/// What every busybox contains.
const BANNER: &[u8] = b"BusyBox v";
/// How long it may take to answer, in ticks of the default length.
const PATIENCE: u64 = 1_000;

/// The names of the commands, if a program is a busybox and is called so.
pub(super) fn applets(name: &str, program: &[u8]) -> Vec<String> {
    let is_busybox =
        name.starts_with("busybox") && program.windows(BANNER.len()).any(|bytes| bytes == BANNER);
    if !is_busybox {
        return Vec::new();
    }
    let list = list(program).unwrap_or_default();
    let names = String::from_utf8_lossy(&list);
    let names = names.lines().map(str::trim);
    names
        .filter(|name| !name.is_empty() && !name.contains('/'))
        .map(str::to_owned)
        .collect()
}

/// What `busybox --list` prints; `None` if it cannot run.
fn list(program: &[u8]) -> Option<Vec<u8>> {
    let mut machine = Machine::boot(Config {
        compat: true,
        ..Config::default()
    })
    .ok()?;
    machine.kernel.log.set_capacity(1);
    let path = "/busybox".to_owned();
    let put = Command::PutFile {
        path: path.clone(),
        mode: 0o755,
        bytes: program.into(),
    };
    machine.apply(put).ok()?;
    let spawn = Command::SpawnFile {
        args: SpawnArgs::new("busybox", machine.kernel.config.uid),
        exec: ExecArgs {
            path,
            argv: vec![b"busybox".to_vec(), b"--list".to_vec()],
            envp: ENVP_INIT.map(|text| text.as_bytes().to_vec()).to_vec(),
        },
        stdio: [
            Stream::Input([].into()),
            Stream::Printer(0),
            Stream::Printer(1),
        ],
    };
    machine.apply(spawn).ok()?;
    let mut printed = Vec::new();
    loop {
        let reply = machine.apply(Command::Run(PATIENCE.saturating_sub(machine.kernel.tick())));
        let papers = machine.kernel.take_printed().into_iter();
        let on_first = papers.filter(|(printer, _)| *printer == 0);
        printed.extend(on_first.flat_map(|(_, bytes)| bytes));
        if !matches!(reply, Ok(Reply::Stopped(Stop::Console))) {
            return Some(printed);
        }
    }
}
