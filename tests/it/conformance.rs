//! The programs in `tests/c`, which check system calls from inside: each on a fresh machine, as root.

use crate::cli::skipped;
use forklab::Machine;
use forklab::abi::WaitStatus;
use forklab::kernel::boot::Config;
use forklab::kernel::fork::SpawnArgs;
use forklab::kernel::fs::Stream;
use forklab::kernel::syscall::ExecArgs;
use forklab::machine::{Command, Reply, Stop};
use std::fs;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Ticks after which a program has hung.
const MOST_TICKS: u64 = 60_000;

/// The names of the programs.
fn names() -> Vec<String> {
    let list = fs::read_to_string("tests/c/programs.h").unwrap();
    let name = |line: &str| Some(line.strip_prefix("PROGRAM(")?.strip_suffix(')')?.to_owned());
    list.lines().filter_map(name).collect()
}

/// A machine of root's, with one CPU.
fn config() -> Config {
    Config {
        uid: 0,
        cycles_per_tick: 1_000_000,
        ..Config::default()
    }
}

/// Runs one of the programs; what it found wrong.
fn check(conform: &Arc<[u8]>, name: &str, config: Config) -> Result<(), String> {
    let mut machine = Machine::boot(config)?;
    let put = Command::PutFile {
        path: "/conform".to_owned(),
        mode: 0o755,
        bytes: conform.clone(),
    };
    machine.apply(put).map_err(|refusal| refusal.to_string())?;
    let spawn = Command::SpawnFile {
        args: SpawnArgs::new("conform", 0),
        exec: ExecArgs {
            path: "/conform".to_owned(),
            argv: vec![b"/conform".to_vec(), name.as_bytes().to_vec()],
            envp: vec![b"HOME=/".to_vec()],
        },
        stdio: [Stream::Console, Stream::Console, Stream::Console],
    };
    let task = match machine.apply(spawn) {
        Ok(Reply::Spawned { task, .. }) => task,
        other => return Err(format!("{other:?}")),
    };
    let stop = machine.apply(Command::Run(MOST_TICKS));
    let said = String::from_utf8_lossy(&machine.kernel.take_console_output()).replace('\r', "");
    let status = machine.kernel.ended(task).map(|ended| ended.status);
    machine.kernel.check()?;
    match (stop, status) {
        (Ok(Reply::Stopped(Stop::Idle)), Some(WaitStatus(0))) if said.is_empty() => Ok(()),
        (stop, status) => Err(format!("{said}{stop:?}, {status:?}")),
    }
}

/// Runs all of them; what they found wrong.
fn check_all(conform: &[u8], config: &Config) -> String {
    let (names, conform) = (names(), Arc::from(conform));
    let next = AtomicUsize::new(0);
    let mut failed = thread::scope(|scope| {
        let worker = || {
            let mut failed = Vec::new();
            while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(why) = check(&conform, name, config.clone()) {
                    failed.push(format!("{name}: {why}\n"));
                }
            }
            failed
        };
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
        let failed = workers.into_iter().map(|worker| worker.join().unwrap());
        failed.flatten().collect::<Vec<String>>()
    });
    failed.sort();
    failed.concat()
}

#[test]
fn the_programs_find_nothing_wrong() {
    assert!(names().len() >= 40);
    let failed = check_all(&fs::read("tests/c/conform").unwrap(), &config());
    assert!(failed.is_empty(), "{failed}");
}

/// Ticks fall in the middle of everything, and tasks run side by side.
#[test]
fn the_programs_find_nothing_wrong_on_two_cpus_with_short_ticks() {
    let config = Config {
        cpus: 2,
        cycles_per_tick: 3000,
        jitter: Some(1),
        ..config()
    };
    let failed = check_all(&fs::read("tests/c/conform").unwrap(), &config);
    assert!(failed.is_empty(), "{failed}");
}

/// The programs as a compiler makes them now; nothing if it is not to be had.
fn built_by(compiler: &str) -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let (probe, out) = (folder.path().join("probe.c"), folder.path().join("conform"));
    fs::write(&probe, "#include <stdio.h>\nint main(void) { return 0; }\n").unwrap();
    let words: Vec<&str> = compiler.split(' ').collect();
    let probed = process::Command::new(words[0])
        .args(&words[1..])
        .args(["-static", "-o"])
        .args([&out, &probe])
        .output();
    if !probed.is_ok_and(|output| output.status.success()) {
        skipped(&format!("{compiler} does not make programs for i386"));
        return None;
    }
    let built = process::Command::new("sh")
        .arg("tests/c/build.sh")
        .env("CC", compiler)
        .env("OUT", &out)
        .output()
        .unwrap();
    let messages = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{messages}");
    Some(fs::read(out).unwrap())
}

#[test]
fn the_programs_can_be_rebuilt() {
    let compiler =
        "python3 -m ziglang cc -target x86-linux-musl -mcpu=i686 -fno-sanitize=undefined";
    if let Some(conform) = built_by(compiler) {
        let failed = check_all(&conform, &config());
        assert!(failed.is_empty(), "{failed}");
    }
}

/// A C library of today needs calls that came later.
#[test]
fn the_programs_of_a_later_c_library() {
    if let Some(conform) = built_by("gcc -m32") {
        let config = Config {
            compat: true,
            ..config()
        };
        let failed = check_all(&conform, &config);
        assert!(failed.is_empty(), "{failed}");
    }
}
