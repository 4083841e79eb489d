//! Random lives of processes: whatever is done in whatever order, also without memory and on two
//! CPUs, the invariants hold after every step, and nothing is left when all have ended.

use crate::dice::Dice;
use crate::lab::Lab;
use forklab::abi::{CloneFlags, TaskId, VirtAddr};
use forklab::kernel::boot::Config;
use forklab::kernel::fork::ForkArgs;
use forklab::kernel::signal::SigAction;
use forklab::kernel::syscall::Syscall;
use forklab::kernel::wait::WaitArgs;
use forklab::machine::{Action, Command};

/// A page that every program has: its data.
const DATA: VirtAddr = VirtAddr(0x0804_9000);

fn random_clone(dice: &mut Dice) -> Syscall {
    let common = [0x11, 0x11, 0x0111, 0x4111, 0x0f11, 0x0001_0f11, 0x003d_0f00];
    let mut flags = dice.pick(&common);
    if dice.roll(3) == 0 {
        // Any flag but CLONE_STOPPED: nobody could wake the child.
        flags ^= 1 << dice.pick(&[8, 9, 10, 11, 14, 15, 16, 17, 18, 20, 21, 23, 24]);
    }
    if dice.roll(8) == 0 {
        // Init does not wait for children with another signal than SIGCHLD.
        flags = flags & !0x80ff | dice.pick(&[0, 10, 12, 17, 65]);
    }
    let args = ForkArgs {
        parent_tid: dice.pick(&[DATA, DATA, DATA, VirtAddr(16)]),
        child_tid: dice.pick(&[DATA, VirtAddr(DATA.0 + 8), VirtAddr(16)]),
        tls: DATA,
        ..ForkArgs::with_flags(CloneFlags::from_bits_retain(flags))
    };
    Syscall::Clone(args)
}

fn random_action(dice: &mut Dice) -> Action {
    let small = |dice: &mut Dice| dice.roll(6) as u32;
    let call = match dice.roll(20) {
        0..6 => random_clone(dice),
        6 => Syscall::Exit(small(dice) as i32),
        7 => Syscall::ExitGroup(small(dice) as i32),
        8..11 => Syscall::Wait4(WaitArgs {
            pid: -1,
            status: dice.pick(&[VirtAddr(0), DATA, VirtAddr(16)]),
            options: dice.pick(&[0, 1, 0x4000_0001, 0x4000_0000, 0x8000_0001, 0x2000_0001]),
        }),
        11 => Syscall::Execve(dice.pick(&["sh", "sh", "nobody", "null"]).to_owned()),
        12 => Syscall::Open(dice.pick(&["f", "g", "console"]).to_owned(), 0o100),
        13 => Syscall::Close(small(dice)),
        14 => Syscall::Fcntl(small(dice), small(dice) % 3, small(dice)),
        15 => {
            let handler = SigAction::Handler(DATA);
            let action = dice.pick(&[SigAction::Default, SigAction::Ignore, handler]);
            // Not SIGCHLD: a thread that ignores it leaves the zombies it inherits lying for good.
            Syscall::Sigaction(dice.pick(&[10, 12]), Some(action))
        }
        16 => Syscall::SchedYield,
        17 => Syscall::Nice(small(dice) as i32),
        _ => {
            let addr = VirtAddr(DATA.0 + 4 * small(dice));
            return match dice.roll(3) {
                0 => Action::Compute(1 + dice.roll(5)),
                1 => Action::Read { addr, len: 4 },
                _ => Action::Touch { addr, pages: 1 },
            };
        }
    };
    Action::Syscall(call)
}

/// Tasks that can still be told something, init aside.
fn living(lab: &Lab) -> Vec<TaskId> {
    let tasks = lab.kernel().pid_hash.tasks().map(|(_, task)| task);
    tasks
        .filter(|task| !lab.machine.has_ended(*task))
        .skip(1)
        .collect()
}

fn random_life(config: Config, seed: u64, steps: u32) {
    let cpus = u64::from(config.cpus);
    let mut lab = Lab::with(config);
    lab.machine.apply(Command::Patience(300)).unwrap();
    let mut dice = Dice(seed);
    let observer = lab.spawn_as("observer", 0);
    let before = lab.footprint();
    for step in 0..steps {
        let tasks: Vec<TaskId> = living(&lab)
            .into_iter()
            .filter(|task| lab.task(*task).call.is_none())
            .collect();
        if dice.roll(10) == 0 {
            let cpu = (cpus > 1).then(|| dice.roll(cpus) as u32);
            lab.machine.apply(Command::ForkCpu(cpu)).unwrap();
            lab.tick(dice.roll(20));
        } else if tasks.len() < 3 {
            let uid = dice.pick(&[0, 500, 501]);
            let args = forklab::kernel::spawn::SpawnArgs::new("sh", uid);
            let spins = dice.roll(4) == 0;
            lab.try_spawn(args, spins).ok();
        } else {
            let chance = dice.roll(5) == 0;
            let passes = chance.then(|| dice.roll(6));
            lab.fail(forklab::kernel::fail::FailPoint::Frame(passes));
            let task = dice.pick(&tasks[1..]);
            // Refusals are fine: the task may be computing.
            lab.act(task, random_action(&mut dice)).ok();
        }
        lab.machine.kernel.fail.clear();
        let holds = lab.kernel().check();
        assert_eq!(holds, Ok(()), "seed {seed}, step {step}");
    }
    end_everything(&mut lab);
    lab.tick(1);
    lab.call(observer, Syscall::Getpid);
    let mut after = lab.footprint();
    // The files that were made stay, with their cached pages; on a second CPU the idle task may
    // still borrow a dead address space.
    (after.frames, after.inode_refs) = (before.frames, before.inode_refs);
    after.arenas[5] = before.arenas[5];
    if cpus > 1 {
        after.arenas[1] = before.arenas[1];
    }
    assert_eq!(after, before, "seed {seed}");
    let forks = lab.kernel().total_forks;
    assert!(forks > u64::from(steps / 20), "only {forks} forks");
}

/// Ends all but the observer. Those inside a call come free when others have ended.
fn end_everything(lab: &mut Lab) {
    for _ in 0..100 {
        let tasks = living(lab);
        if tasks.len() == 1 {
            return;
        }
        for task in &tasks[1..] {
            lab.act(*task, Action::Syscall(Syscall::ExitGroup(0))).ok();
        }
        lab.tick(100);
    }
    panic!("{} tasks do not end", living(lab).len());
}

#[test]
fn random_lives_on_one_cpu() {
    for seed in 0..6 {
        let config = Config {
            mem: 8 << 20,
            pid_max: 400,
            ..Config::default()
        };
        random_life(config, seed, 700);
    }
}

#[test]
fn random_lives_on_two_cpus() {
    for seed in 10..14 {
        let config = Config {
            mem: 8 << 20,
            cpus: 2,
            ..Config::default()
        };
        random_life(config, seed, 700);
    }
}
