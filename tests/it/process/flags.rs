//! What the flags of clone share, copy and count; and every combination of them.

use crate::lab::{Lab, PTHREAD, THREAD, USER, Waited};
use forklab::abi::{CloneFlags as F, Errno, TaskId, VirtAddr, WaitOptions};
use forklab::hw::UserDesc;
use forklab::kernel::boot::Config;
use forklab::kernel::syscall::{ForkArgs, Syscall};
use forklab::machine::{Acted, Action};
use forklab::trace::TraceFilter;

/// The resources that parent and child have in common, by name.
fn shared(lab: &Lab, parent: TaskId, child: TaskId) -> Vec<&'static str> {
    let (p, c) = (lab.task(parent), lab.task(child));
    [
        ("mm", p.mm() == c.mm()),
        ("fs", p.fs() == c.fs()),
        ("files", p.files() == c.files()),
        ("sighand", p.sighand() == c.sighand()),
        ("signal", p.signal() == c.signal()),
        ("namespace", p.namespace() == c.namespace()),
        (
            "sem_undo",
            c.sem_undo().is_some() && p.sem_undo() == c.sem_undo(),
        ),
    ]
    .into_iter()
    .filter_map(|(name, same)| same.then_some(name))
    .collect()
}

/// mm_users, fs.count, files.count, sighand.count, signal.count, signal.live.
fn counts(lab: &Lab, task: TaskId) -> [u32; 6] {
    [
        lab.mm(task).mm_users(),
        lab.fs(task).count(),
        lab.files(task).count(),
        lab.sighand(task).count(),
        lab.signal(task).count(),
        lab.signal(task).live(),
    ]
}

const NS: &str = "namespace";

/// Flags, what is shared, and the counts of the parent and of the child.
type Sharing = (F, &'static [&'static str], [u32; 6], [u32; 6]);

const SHARING: &[Sharing] = &[
    (F::FORK, &[NS], [1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]),
    (
        F::CLONE_VM.union(F::FORK),
        &["mm", NS],
        [2, 1, 1, 1, 1, 1],
        [2, 1, 1, 1, 1, 1],
    ),
    (
        F::CLONE_FS.union(F::FORK),
        &["fs", NS],
        [1, 2, 1, 1, 1, 1],
        [1, 2, 1, 1, 1, 1],
    ),
    (
        F::CLONE_FILES.union(F::FORK),
        &["files", NS],
        [1, 1, 2, 1, 1, 1],
        [1, 1, 2, 1, 1, 1],
    ),
    (
        F::CLONE_VM.union(F::CLONE_SIGHAND).union(F::FORK),
        &["mm", "sighand", NS],
        [2, 1, 1, 2, 1, 1],
        [2, 1, 1, 2, 1, 1],
    ),
    (
        THREAD.union(F::FORK),
        &["mm", "sighand", "signal", NS],
        [2, 1, 1, 2, 2, 2],
        [2, 1, 1, 2, 2, 2],
    ),
    (
        F::CLONE_PARENT.union(F::FORK),
        &[NS],
        [1, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1, 1],
    ),
    (
        F::CLONE_NEWNS.union(F::FORK),
        &[],
        [1, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1, 1],
    ),
    (
        F::CLONE_SYSVSEM.union(F::FORK),
        &[NS, "sem_undo"],
        [1, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1, 1],
    ),
    (
        F::CLONE_DETACHED.union(F::FORK),
        &[NS],
        [1, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1, 1],
    ),
    (
        F::CLONE_UNTRACED.union(F::FORK),
        &[NS],
        [1, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1, 1],
    ),
    (
        F::FORK.union(F::from_bits_retain(0xfc00_1000)),
        &[NS],
        [1, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1, 1],
    ),
    (
        PTHREAD,
        &["mm", "fs", "files", "sighand", "signal", NS, "sem_undo"],
        [2, 2, 2, 2, 2, 2],
        [2, 2, 2, 2, 2, 2],
    ),
];

#[test]
fn each_flag_shares_its_resource_and_raises_its_count() {
    for &(flags, common, parent_counts, child_counts) in SHARING {
        let mut lab = Lab::boot();
        let sh = lab.spawn_as("sh", 0);
        let addr = lab.map(sh, 1);
        let args = ForkArgs {
            parent_tid: addr,
            child_tid: addr,
            ..ForkArgs::default()
        };
        let child = match flags.contains(F::CLONE_SETTLS) {
            true => clone_tls(&mut lab, sh, flags, args).unwrap(),
            false => lab.clone_with(sh, flags, args).unwrap(),
        };
        assert_eq!(shared(&lab, sh, child), common, "{flags:#x}");
        assert_eq!(counts(&lab, sh), parent_counts, "{flags:#x}");
        assert_eq!(counts(&lab, child), child_counts, "{flags:#x}");
        lab.check();
    }
}

/// A clone that also takes a TLS descriptor for entry 6.
pub(super) fn clone_tls(
    lab: &mut Lab,
    task: TaskId,
    flags: F,
    args: ForkArgs,
) -> Result<TaskId, Errno> {
    let desc = UserDesc {
        entry_number: 6,
        base: 0x1234_5678,
        limit: 0xf_ffff,
        flags: 0x51,
    };
    let action = Action::CloneTls(ForkArgs { flags, ..args }, desc);
    match lab.act(task, action).unwrap() {
        Acted::Forked { child, .. } => Ok(child),
        Acted::Refused(error) => Err(error.errno()),
        other => panic!("{other:?}"),
    }
}

/// Examples 4 and 5.
#[test]
fn a_fork_makes_a_process_and_a_thread_does_not() {
    for (flags, processes) in [(F::FORK, 1), (THREAD | F::FORK, 0)] {
        let (mut lab, sh) = Lab::with_shell();
        let before = lab.footprint();
        let forks = lab.kernel().total_forks();
        let child = lab.clone(sh, flags).unwrap();
        let after = lab.footprint();
        assert_eq!(after.nr_threads, before.nr_threads + 1);
        assert_eq!(after.process_counts, before.process_counts + processes);
        assert_eq!(lab.kernel().total_forks(), forks + 1);
        assert_eq!(lab.kernel().users().processes(USER), 2);
        let tgid = if processes == 1 { child } else { sh };
        let (tid, tgid) = (lab.pid(child), lab.pid(tgid));
        assert_eq!(lab.call(child, Syscall::Gettid), tid);
        assert_eq!(lab.call(child, Syscall::Getpid), tgid);
    }
}

/// Every file of a copied table has a reference more; a shared table adds none.
#[test]
fn a_copied_table_of_files_counts_every_file_once_more() {
    for (flags, expected) in [(F::FORK, 2), (F::CLONE_FILES | F::FORK, 1)] {
        let (mut lab, sh) = Lab::with_shell();
        let fd = lab.call(sh, Syscall::Open("f".to_owned(), 0o100, 0o666)) as usize;
        let child = lab.clone(sh, flags).unwrap();
        let file = lab.files(sh).get(fd).unwrap().file;
        assert_eq!(lab.kernel().open_files()[file].f_count(), expected);
        lab.exit(child, 0);
        assert_eq!(lab.kernel().open_files()[file].f_count(), 1);
    }
}

/// Example 5: an undo list is made for the caller; each sharer counts, and the list goes last.
#[test]
fn a_semaphore_undo_list_is_made_on_demand_and_counted() {
    let (mut lab, sh) = Lab::with_shell();
    let first = lab.clone(sh, F::CLONE_SYSVSEM | F::FORK).unwrap();
    let undo = lab.task(sh).sem_undo().unwrap();
    assert_eq!(lab.kernel().sem_undos()[undo].refcnt(), 2);
    let second = lab.clone(first, F::CLONE_SYSVSEM | F::FORK).unwrap();
    let without = lab.fork(sh);
    assert_eq!(lab.kernel().sem_undos()[undo].refcnt(), 3);
    assert_eq!(lab.task(without).sem_undo(), None);
    for task in [sh, second, first] {
        assert!(lab.kernel().sem_undos().contains_key(undo));
        lab.exit(task, 0);
    }
    assert!(!lab.kernel().sem_undos().contains_key(undo));
}

/// Examples 1 to 3, with the rules that they stand for: the errno, and the pid that is lost.
#[test]
fn a_refused_clone_uses_up_a_pid() {
    for (flags, uid, expected) in [
        (F::CLONE_THREAD | F::FORK, 0, Err(Errno::EINVAL)),
        (F::CLONE_SIGHAND | F::FORK, 0, Err(Errno::EINVAL)),
        (
            F::CLONE_SIGHAND | F::CLONE_THREAD | F::FORK,
            0,
            Err(Errno::EINVAL),
        ),
        (
            F::CLONE_VM | F::CLONE_THREAD | F::FORK,
            0,
            Err(Errno::EINVAL),
        ),
        (
            F::CLONE_FS | F::CLONE_NEWNS | F::FORK,
            0,
            Err(Errno::EINVAL),
        ),
        (
            F::CLONE_FS | F::CLONE_NEWNS | F::FORK,
            USER,
            Err(Errno::EINVAL),
        ),
        (F::CLONE_NEWNS | F::FORK, USER, Err(Errno::EPERM)),
        (
            F::CLONE_NEWNS | F::CLONE_PARENT_SETTID | F::FORK,
            USER,
            Err(Errno::EPERM),
        ),
        (THREAD | F::CLONE_NEWNS | F::FORK, USER, Err(Errno::EPERM)),
        (F::CLONE_NEWNS | F::FORK, 0, Ok(())),
        (F::CLONE_VM | F::CLONE_NEWNS | F::FORK, 0, Ok(())),
        (F::FORK | F::from_bits_retain(0x1000_0000), USER, Ok(())),
    ] {
        let mut lab = Lab::boot();
        let sh = lab.spawn_as("sh", uid);
        let word = lab.map(sh, 1);
        let (before, next) = (lab.footprint(), lab.pid(sh) + 1);
        let args = ForkArgs {
            parent_tid: word,
            ..ForkArgs::default()
        };
        let result = lab.clone_with(sh, flags, args);
        assert_eq!(result.map(|_| ()), expected, "{flags:#x}");
        assert_eq!(lab.last_pid(), next as u32, "{flags:#x}");
        let stored = flags.contains(F::CLONE_PARENT_SETTID);
        if expected.is_err() && !stored {
            assert_eq!(lab.footprint(), before, "{flags:#x}");
        }
        assert_eq!(lab.read(sh, word) == next as u32, stored, "{flags:#x}");
        if expected.is_err() {
            let child = lab.fork(sh);
            assert_eq!(lab.pid(child), next + 1, "{flags:#x}");
        }
    }
}

/// The parents of a task: getppid asks the leader's real parent.
#[test]
fn parents_of_children_threads_and_siblings() {
    for (flags, own_child) in [
        (F::FORK, true),
        (F::CLONE_PARENT | F::FORK, false),
        (THREAD | F::FORK, false),
    ] {
        let (mut lab, sh) = Lab::with_shell();
        let caller = lab.fork(sh);
        let new = lab.clone(caller, flags).unwrap();
        let parent = if own_child { caller } else { sh };
        assert_eq!(lab.task(new).real_parent(), parent);
        assert_eq!(lab.task(new).parent(), parent);
        assert!(
            lab.task(parent)
                .children()
                .values()
                .any(|task| *task == new)
        );
        let parent = lab.pid(parent);
        assert_eq!(lab.call(new, Syscall::Getppid), parent);
    }
}

/// The flags that the generated tests combine.
pub(super) const COMBINED: [F; 15] = [
    F::CLONE_VM,
    F::CLONE_FS,
    F::CLONE_FILES,
    F::CLONE_SIGHAND,
    F::CLONE_THREAD,
    F::CLONE_PARENT,
    F::CLONE_NEWNS,
    F::CLONE_SYSVSEM,
    F::CLONE_VFORK,
    F::CLONE_SETTLS,
    F::CLONE_PARENT_SETTID,
    F::CLONE_CHILD_SETTID,
    F::CLONE_CHILD_CLEARTID,
    F::CLONE_STOPPED,
    F::CLONE_UNTRACED,
];

/// The errno by the table of conditions, for a caller without privileges.
fn expected_errno(flags: F) -> Option<Errno> {
    let has = |flag| flags.contains(flag);
    let illegal = (has(F::CLONE_NEWNS) && has(F::CLONE_FS))
        || (has(F::CLONE_THREAD) && !has(F::CLONE_SIGHAND))
        || (has(F::CLONE_SIGHAND) && !has(F::CLONE_VM));
    match illegal {
        true => Some(Errno::EINVAL),
        false => has(F::CLONE_NEWNS).then_some(Errno::EPERM),
    }
}

/// What has to be shared.
fn expected_sharing(flags: F) -> Vec<&'static str> {
    [
        ("mm", F::CLONE_VM),
        ("fs", F::CLONE_FS),
        ("files", F::CLONE_FILES),
        ("sighand", F::CLONE_SIGHAND),
        ("signal", F::CLONE_THREAD),
        ("namespace", F::empty()),
        ("sem_undo", F::CLONE_SYSVSEM),
    ]
    .into_iter()
    .filter_map(|(name, flag)| flags.contains(flag).then_some(name))
    .collect()
}

pub(super) const UNTOUCHED: u32 = 0xaaaa_aaaa;

/// A grandparent that reaps siblings, the caller, and a page for two tids.
pub(super) struct Bench {
    pub(super) lab: Lab,
    pub(super) grandparent: TaskId,
    pub(super) caller: TaskId,
    pub(super) words: VirtAddr,
}

impl Bench {
    pub(super) fn of_user(uid: u32) -> Self {
        let mut lab = Lab::with(Config {
            pid_max: 600,
            mem: 8 << 20,
            ..Config::default()
        });
        lab.machine.kernel.log.filter = TraceFilter::NONE;
        let grandparent = lab.spawn_as("sh", uid);
        let caller = lab.fork(grandparent);
        let words = lab.map(caller, 1);
        // From now on the caller has an undo list.
        let child = lab.clone(caller, F::CLONE_SYSVSEM | F::FORK).unwrap();
        lab.exit(child, 0);
        assert!(matches!(lab.wait(caller, -1, 0), Waited::Reaped(..)));
        Self {
            lab,
            grandparent,
            caller,
            words,
        }
    }

    pub(super) fn args(&self) -> ForkArgs {
        ForkArgs {
            parent_tid: self.words,
            child_tid: VirtAddr(self.words.0 + 4),
            ..ForkArgs::default()
        }
    }

    /// Clones, looks, lets the child end and be reaped.
    fn try_flags(&mut self, flags: F) {
        let (caller, args) = (self.caller, self.args());
        for addr in [args.parent_tid, args.child_tid] {
            self.lab.write(caller, addr, UNTOUCHED);
        }
        let with_signal = flags | F::FORK;
        let result = match flags.contains(F::CLONE_SETTLS) {
            true => clone_tls(&mut self.lab, caller, with_signal, args),
            false => self.lab.clone_with(caller, with_signal, args),
        };
        let tid = self.lab.last_pid();
        assert_eq!(result.err(), expected_errno(flags));
        if let Ok(child) = result {
            assert_eq!(shared(&self.lab, caller, child), expected_sharing(flags));
            self.end(child, flags);
        }
        self.check_words(flags, tid, result.is_ok());
    }

    /// Lets a child end and be reaped, unless it reaps itself.
    pub(super) fn end(&mut self, child: TaskId, flags: F) {
        let pid = self.lab.pid(child);
        let lab = &mut self.lab;
        if flags.contains(F::CLONE_STOPPED) {
            lab.continue_stopped(child);
        }
        lab.exit(child, 3);
        assert_eq!(lab.exists(child), !flags.contains(F::CLONE_THREAD));
        if lab.exists(child) {
            let reaper = match flags.contains(F::CLONE_PARENT) {
                true => self.grandparent,
                false => self.caller,
            };
            let any = WaitOptions::ALL.bits();
            assert_eq!(lab.wait(reaper, pid, any), Waited::Reaped(pid, 0x300));
        }
    }

    /// The tids as the caller sees them at the end.
    fn check_words(&mut self, flags: F, tid: u32, made: bool) {
        let args = self.args();
        let legal = expected_errno(flags) != Some(Errno::EINVAL);
        let parent_word = match legal && flags.contains(F::CLONE_PARENT_SETTID) {
            true => tid,
            false => UNTOUCHED,
        };
        let seen = made && flags.contains(F::CLONE_VM);
        let child_word = if seen && flags.contains(F::CLONE_CHILD_CLEARTID) {
            0
        } else if seen && flags.contains(F::CLONE_CHILD_SETTID) {
            tid
        } else {
            UNTOUCHED
        };
        assert_eq!(self.lab.read(self.caller, args.parent_tid), parent_word);
        assert_eq!(self.lab.read(self.caller, args.child_tid), child_word);
    }
}

/// All 32,768 of them. Whatever a clone shares, copies or refuses, nothing is left when the child
/// has ended and was reaped.
#[test]
fn every_combination_of_flags_obeys_the_rules_and_leaves_nothing_behind() {
    let mut bench = Bench::of_user(USER);
    // The first user_desc takes a page of stack.
    bench.try_flags(F::CLONE_SETTLS);
    let before = bench.lab.footprint();
    for combination in 0..1 << COMBINED.len() {
        let chosen = COMBINED.iter().enumerate();
        let chosen = chosen.filter(|(bit, _)| combination >> bit & 1 != 0);
        let flags: F = chosen.map(|(_, flag)| *flag).collect();
        bench.try_flags(flags);
        assert_eq!(bench.lab.footprint(), before, "{flags:?}");
        if combination % 2048 == 0 {
            bench.lab.check();
        }
    }
}
