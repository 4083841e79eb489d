//! Injected failures in making tasks: at each step of `copy_process`, and at each allocation of
//! frames and of kernel objects. The right error, nothing left behind, and a machine that goes on.

use crate::lab::{ALL_SHARED, Footprint, Lab, PTHREAD, THREAD, Waited};
use forklab::abi::{CloneFlags as F, Errno, PAGE_SIZE, TaskId, TaskState, VirtAddr};
use forklab::kernel::boot::Config;
use forklab::kernel::fail::{COPY_STEPS, FailPoint};
use forklab::kernel::fork::SpawnArgs;
use forklab::kernel::syscall::{ForkArgs, Syscall};
use forklab::trace::{Allocation, CloneRefusal, CopyStage, NoMemory, TraceEvent};

/// Each flag with what it needs, and some usual sets.
const FLAGS: [F; 24] = [
    F::FORK,
    F::FORK.union(F::CLONE_VM),
    F::FORK.union(F::CLONE_FS),
    F::FORK.union(F::CLONE_FILES),
    F::FORK.union(F::CLONE_SIGHAND).union(F::CLONE_VM),
    F::FORK.union(THREAD),
    F::FORK.union(F::CLONE_NEWNS),
    F::FORK.union(F::CLONE_NEWNS).union(THREAD),
    F::FORK.union(F::CLONE_SYSVSEM),
    F::FORK.union(F::CLONE_PTRACE),
    F::FORK.union(F::CLONE_VFORK),
    F::VFORK,
    F::FORK.union(F::CLONE_PARENT),
    F::FORK.union(F::CLONE_SETTLS),
    F::FORK.union(F::CLONE_PARENT_SETTID),
    F::FORK.union(F::CLONE_CHILD_CLEARTID),
    F::FORK.union(F::CLONE_DETACHED),
    F::FORK.union(F::CLONE_UNTRACED),
    F::FORK.union(F::CLONE_CHILD_SETTID),
    F::FORK.union(F::CLONE_STOPPED),
    F::FORK.union(ALL_SHARED),
    PTHREAD,
    PTHREAD.union(F::CLONE_DETACHED),
    F::FORK
        .union(F::CLONE_CHILD_SETTID)
        .union(F::CLONE_CHILD_CLEARTID),
];

/// Little memory, which is quickly booted.
pub fn small() -> Config {
    Config {
        mem: 8 << 20,
        ..Config::default()
    }
}

/// A machine with a shell of root that has a dirty page, and a `user_desc` in it.
fn shell() -> (Lab, TaskId, ForkArgs) {
    let mut lab = Lab::with(small());
    let sh = lab.spawn_as("sh", 0);
    let page = lab.map(sh, 1);
    lab.write(sh, page, 6);
    lab.write(sh, VirtAddr(page.0 + 12), 0x51);
    let args = ForkArgs {
        parent_tid: VirtAddr(page.0 + 64),
        child_tid: VirtAddr(page.0 + 68),
        tls: page,
        ..ForkArgs::default()
    };
    (lab, sh, args)
}

/// Ends a child and reaps it, however it was cloned.
fn end(lab: &mut Lab, parent: TaskId, child: TaskId) {
    if lab.sched(child).state.contains(TaskState::STOPPED) {
        lab.continue_stopped(child);
    }
    let pid = lab.pid(child);
    lab.exit(child, 0);
    if lab.exists(child) && lab.task(child).parent() == parent {
        assert_eq!(lab.wait(parent, -1, 0x4000_0000), Waited::Reaped(pid, 0));
    }
}

/// Whether a step of `copy_process` makes an object of its own under these flags.
fn allocates(stage: CopyStage, flags: F) -> bool {
    let without = |flag| !flags.contains(flag);
    match stage {
        CopyStage::SemUndo => flags.contains(F::CLONE_SYSVSEM),
        CopyStage::Files => without(F::CLONE_FILES),
        CopyStage::Fs => without(F::CLONE_FS),
        CopyStage::Sighand => without(F::CLONE_SIGHAND),
        CopyStage::Signal => without(F::CLONE_THREAD),
        CopyStage::Mm => without(F::CLONE_VM),
        CopyStage::Namespace => flags.contains(F::CLONE_NEWNS),
        _ => true,
    }
}

/// What a clone leaves behind on purpose that failed after a stage: a list of semaphore
/// adjustments for the caller.
fn with_undo_list(before: &Footprint, reached: CopyStage, flags: F) -> Footprint {
    let mut after = before.clone();
    after.arenas[10] +=
        usize::from(flags.contains(F::CLONE_SYSVSEM) && reached >= CopyStage::SemUndo);
    after
}

/// How far the last `copy_process` came, why no further, and what was made to fail.
fn told(lab: &Lab, mark: u64) -> (Vec<Allocation>, CopyStage, Option<CloneRefusal>) {
    let what = lab.events(mark, |record| match record.event {
        TraceEvent::FailInjected { what } => Some(what),
        _ => None,
    });
    let copies = lab.events(mark, |record| match record.event {
        TraceEvent::CopyProcess { reached, refusal } => Some((reached, refusal)),
        _ => None,
    });
    let (reached, refusal) = copies[0];
    (what, reached, refusal)
}

#[test]
fn every_step_of_copy_process_can_fail_and_is_undone() {
    for flags in FLAGS {
        for (stage, cache) in COPY_STEPS {
            let name = format!("{flags:#x} at {}", stage.name());
            let (mut lab, sh, args) = shell();
            let (before, pid, slice) = (lab.footprint(), lab.last_pid(), lab.sched(sh).time_slice);
            let mark = lab.mark();
            lab.fail(FailPoint::Copy(Some(stage)));
            let result = lab.clone_with(sh, flags, args);
            let (what, reached, refusal) = told(&lab, mark);
            if !allocates(stage, flags) {
                assert!(result.is_ok() && what.is_empty(), "{name}: {result:?}");
                assert!(lab.kernel().fail.is_armed(), "{name}");
                continue;
            }
            assert_eq!(result, Err(Errno::ENOMEM), "{name}");
            assert_eq!(what, [Allocation::Slab(cache)], "{name}");
            assert_eq!(
                refusal,
                Some(CloneRefusal::NoMemory(NoMemory::Forced(what[0]))),
                "{name}"
            );
            assert!(reached < stage && !lab.kernel().fail.is_armed(), "{name}");
            let expected = with_undo_list(&before, reached, flags);
            assert_eq!(lab.footprint(), expected, "{name}");
            assert_eq!(lab.last_pid(), pid + 1, "{name}");
            assert_eq!(lab.sched(sh).time_slice, slice, "{name}");
            // Only a late failure leaves the thread that never was counted as alive.
            let live =
                1 + u32::from(flags.contains(F::CLONE_THREAD) && reached >= CopyStage::Signal);
            assert_eq!(lab.signal(sh).live(), live, "{name}");
            assert!(lab.task(sh).children().is_empty(), "{name}");
            lab.check();
            let child = lab.clone_with(sh, flags, args).unwrap();
            end(&mut lab, sh, child);
        }
    }
}

#[test]
fn every_allocation_of_every_clone_can_fail_and_is_undone() {
    for flags in FLAGS {
        for point in [FailPoint::Frame, FailPoint::Slab] {
            let (mut lab, sh, args) = shell();
            let before = lab.footprint();
            let mut failed = 0;
            let child = loop {
                let mark = lab.mark();
                lab.fail(point(Some(failed)));
                let result = lab.clone_with(sh, flags, args);
                let (what, reached, _) = told(&lab, mark);
                let name = format!("{flags:#x}, allocation {failed} {what:?}");
                match result {
                    Ok(child) => break child,
                    Err(errno) => assert_eq!(errno, Errno::ENOMEM, "{name}"),
                }
                let expected = with_undo_list(&before, reached, flags);
                assert_eq!(lab.footprint(), expected, "{name}");
                lab.check();
                failed += 1;
                if flags.contains(F::CLONE_SYSVSEM) {
                    // The list is there by now, and is not allocated again.
                    (lab, ..) = shell();
                }
            };
            lab.machine.kernel.fail.clear();
            end(&mut lab, sh, child);
            let steps = COPY_STEPS.iter();
            let own = steps.filter(|(stage, _)| allocates(*stage, flags)).count() as u64;
            let copied = !flags.contains(F::CLONE_VM);
            let least = match point(None) {
                // The kernel stack; a page directory, and tables for the page of memory and for the
                // stack. The program has not been touched.
                FailPoint::Frame(_) => 1 + if copied { 3 } else { 0 },
                // The areas: text, data, the page of memory, the stack.
                _ => own + if copied { 4 } else { 0 },
            };
            assert_eq!(failed, least, "{flags:#x} {:?}", point(None));
        }
    }
}

#[test]
fn every_page_of_a_full_copy_can_fail_and_is_undone() {
    let config = Config {
        cow: false,
        ..small()
    };
    for (point, expected) in [
        // As with copy on write, and a frame for each page: three here, one of arguments.
        (FailPoint::Frame as fn(_) -> _, 4 + 4),
        (FailPoint::Slab, 6 + 4),
    ] {
        let mut lab = Lab::with(config.clone());
        let sh = lab.spawn("sh");
        let page = lab.map(sh, 3);
        for nr in 0..3 {
            lab.write(sh, VirtAddr(page.0 + nr * PAGE_SIZE), nr);
        }
        let before = lab.footprint();
        let mut failed = 0;
        loop {
            lab.fail(point(Some(failed)));
            match lab.clone(sh, F::FORK) {
                Ok(_) => break,
                Err(errno) => assert_eq!(errno, Errno::ENOMEM),
            }
            assert_eq!(lab.footprint(), before, "allocation {failed}");
            lab.check();
            failed += 1;
        }
        assert_eq!(failed, expected);
        lab.machine.kernel.fail.clear();
    }
}

#[test]
fn every_allocation_of_a_spawn_can_fail_and_is_undone() {
    for (point, expected) in [
        // Kernel stack; page directory, page table and argument page of the program.
        (FailPoint::Frame as fn(_) -> _, 4),
        // task_struct, files, fs, sighand, signal; five objects of exec.
        (FailPoint::Slab, 10),
    ] {
        let mut lab = Lab::with(small());
        let other = lab.spawn("sh");
        let before = lab.footprint();
        let mut failed = 0;
        loop {
            lab.fail(point(Some(failed)));
            match lab.try_spawn(SpawnArgs::new("new", 500), false) {
                Ok(_) => break,
                Err(refusal) => assert_eq!(refusal.errno(), Some(Errno::ENOMEM)),
            }
            lab.call(other, Syscall::Getpid);
            assert_eq!(lab.footprint(), before, "allocation {failed}");
            failed += 1;
        }
        assert_eq!(failed, expected);
        lab.machine.kernel.fail.clear();
    }
}
