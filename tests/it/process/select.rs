//! `select` and `poll`: which files are ready, how long a call waits, and what a signal does to it.
//! "Example N" is a worked example of `docs/fidelity.md`.

use super::terminals::handler;
use crate::lab::{Lab, errno};
use crate::programs::printed;
use forklab::abi::{
    CloneFlags, Errno, O_RDWR, POLLERR, POLLHUP, POLLIN, POLLOUT, SaFlags, Signal, TaskId,
    VirtAddr, poll_mask,
};
use forklab::kernel::syscall::Syscall;
use forklab::machine::{Acted, Command};

const O_NONBLOCK: u32 = 0o4000;
const SETFL: u32 = 4;

const fn err(errno: Errno) -> i32 {
    -errno.code()
}

/// A shell with a page for its structures: the sets at its start, the time at 0x100, entries of
/// poll at 0x200.
struct Scene {
    lab: Lab,
    sh: TaskId,
    page: VirtAddr,
}

impl Scene {
    fn new() -> Self {
        let (mut lab, sh) = Lab::with_shell();
        let page = lab.map(sh, 1);
        Self { lab, sh, page }
    }

    fn at(&self, offset: u32) -> VirtAddr {
        VirtAddr(self.page.0 + offset)
    }

    fn set(&mut self, offset: u32, word: u32) {
        let at = self.at(offset);
        self.lab.write(self.sh, at, word);
    }

    fn get(&mut self, offset: u32) -> u32 {
        let at = self.at(offset);
        self.lab.read(self.sh, at)
    }

    /// `select(n, &sets[0], &sets[1], &sets[2], &time)`, with the sets that are given.
    fn select(&mut self, n: u32, sets: [Option<u32>; 3], time: Option<(u32, u32)>) -> Acted {
        let mut args = [n, 0, 0, 0, 0];
        for (at, word) in sets.into_iter().enumerate() {
            if let Some(word) = word {
                self.set(4 * at as u32, word);
                args[at + 1] = self.at(4 * at as u32).0;
            }
        }
        if let Some((sec, usec)) = time {
            self.set(0x100, sec);
            self.set(0x104, usec);
            args[4] = self.at(0x100).0;
        }
        self.lab.outcome(self.sh, Syscall::Select(args))
    }

    fn time(&mut self) -> (u32, u32) {
        (self.get(0x100), self.get(0x104))
    }

    fn poll(&mut self, fds: &[(i32, u32)], ms: u32) -> Acted {
        for (at, (fd, events)) in fds.iter().enumerate() {
            self.set(0x200 + 8 * at as u32, *fd as u32);
            self.set(0x204 + 8 * at as u32, *events);
        }
        let call = Syscall::Poll(self.at(0x200), fds.len() as u32, ms);
        self.lab.outcome(self.sh, call)
    }

    fn revents(&mut self, at: u32) -> u32 {
        self.get(0x204 + 8 * at) >> 16
    }

    fn pipe(&mut self) -> (u32, u32) {
        self.lab.pipe(self.sh)
    }

    fn value(&self, call: u64) -> Option<i32> {
        self.lab.returned(call).map(|(value, _)| value)
    }
}

fn waits(outcome: Acted) -> u64 {
    match outcome {
        Acted::Blocks(call) => call,
        other => panic!("{other:?}"),
    }
}

fn done(outcome: Acted) -> i32 {
    match outcome {
        Acted::Returned(value) => value as i32,
        Acted::Refused(error) => -error.errno().code(),
        other => panic!("{other:?}"),
    }
}

/// Examples 14 and 15.
#[test]
fn a_handler_ends_select_whatever_its_flags_say() {
    for flags in [SaFlags::RESTART, SaFlags::empty()] {
        let mut scene = Scene::new();
        let other = scene.lab.spawn("other");
        let (from, _) = scene.pipe();
        assert_eq!(scene.lab.call(scene.sh, handler(Signal::SIGUSR1, flags)), 0);
        let sets = [Some(1 << from), None, None];
        let call = waits(scene.select(from + 1, sets, Some((10, 0))));
        scene.lab.tick(4000);
        let pid = scene.lab.pid(scene.sh);
        assert_eq!(scene.lab.kill(other, pid, 10), 0);
        assert_eq!(scene.value(call), Some(err(Errno::EINTR)));
        assert_eq!(scene.time(), (6, 0));
        assert_eq!(scene.get(0), 1 << from, "the set is as before");
    }
}

/// Example 16.
#[test]
fn select_goes_on_with_the_rest_of_its_time_after_a_stop() {
    let mut scene = Scene::new();
    let other = scene.lab.spawn("other");
    let (from, _) = scene.pipe();
    let sets = [Some(1 << from), None, None];
    let call = waits(scene.select(from + 1, sets, Some((10, 0))));
    let pid = scene.lab.pid(scene.sh);
    scene.lab.tick(4000);
    assert_eq!(scene.lab.kill(other, pid, 19), 0);
    scene.lab.tick(3000);
    assert_eq!(scene.lab.kill(other, pid, 18), 0);
    scene.lab.tick(5999);
    assert_eq!(scene.value(call), None);
    scene.lab.tick(1);
    assert_eq!(scene.value(call), Some(0));
    assert_eq!((scene.time(), scene.get(0)), ((0, 0), 0));
}

/// Example 17.
#[test]
fn poll_fails_after_a_stop() {
    let mut scene = Scene::new();
    let other = scene.lab.spawn("other");
    let (from, _) = scene.pipe();
    let call = waits(scene.poll(&[(from as i32, POLLIN)], 10_000));
    let pid = scene.lab.pid(scene.sh);
    scene.lab.tick(4000);
    assert_eq!(scene.lab.kill(other, pid, 19), 0);
    scene.lab.tick(3000);
    assert_eq!(scene.lab.kill(other, pid, 18), 0);
    // The call has come to this before the stop; the program sees it now.
    assert_eq!(scene.value(call), Some(err(Errno::EINTR)));
}

/// Example 18.
#[test]
fn select_of_a_closed_descriptor_writes_the_time_back() {
    let mut scene = Scene::new();
    let outcome = scene.select(4, [Some(1 << 3), None, None], Some((2, 1500)));
    assert_eq!(done(outcome), err(Errno::EBADF));
    assert_eq!((scene.time(), scene.get(0)), ((2, 2000), 1 << 3));
}

/// Example 19.
#[test]
fn poll_tells_of_each_entry_what_there_is_to_tell() {
    let mut scene = Scene::new();
    let null = scene.lab.call(
        scene.sh,
        Syscall::Open("/dev/null".to_owned(), O_RDWR, 0o644),
    );
    let fds = [(-1, POLLIN), (9, POLLIN), (null, POLLIN | POLLOUT)];
    assert_eq!(done(scene.poll(&fds, 0)), 2);
    assert_eq!([0, 1, 2].map(|at| scene.revents(at)), [0, 0x20, 0x05]);
    assert_eq!(done(scene.poll(&[], 0)), 0);
    let call = Syscall::Poll(VirtAddr(16), 1025, 0);
    assert_eq!(errno(scene.lab.call(scene.sh, call)), Errno::EINVAL);
    let call = Syscall::Poll(VirtAddr(16), 1, 0);
    assert_eq!(errno(scene.lab.call(scene.sh, call)), Errno::EFAULT);
}

/// Example 20.
#[test]
fn a_pipe_without_readers_is_ready_for_everything() {
    let mut scene = Scene::new();
    let (from, to) = scene.pipe();
    assert_eq!(
        scene
            .lab
            .call(scene.sh, Syscall::Fcntl(to, SETFL, O_NONBLOCK)),
        0
    );
    let buffer = scene.lab.map(scene.sh, 17);
    let write = Syscall::Write(to, buffer, 17 << 12);
    assert_eq!(scene.lab.call(scene.sh, write), 16 << 12);
    let sets = [Some(1 << to), Some(1 << to), None];
    let time = Some((0, 0));
    assert_eq!(done(scene.select(to + 1, sets, time)), 0);
    assert_eq!(scene.lab.call(scene.sh, Syscall::Close(from)), 0);
    assert_eq!(done(scene.select(to + 1, sets, time)), 2);
    assert_eq!((scene.get(0), scene.get(4)), (1 << to, 1 << to));
    assert_eq!(done(scene.poll(&[(to as i32, 0)], 0)), 1);
    assert_eq!(scene.revents(0), POLLERR);
}

/// Example 21.
#[test]
fn select_waits_a_tick_and_poll_two() {
    let mut scene = Scene::new();
    let (from, _) = scene.pipe();
    let call = waits(scene.select(from + 1, [Some(1 << from), None, None], Some((0, 1))));
    scene.lab.tick(1);
    assert_eq!(scene.value(call), Some(0));
    let call = waits(scene.poll(&[(from as i32, POLLIN)], 1));
    scene.lab.tick(1);
    assert_eq!(scene.value(call), None);
    scene.lab.tick(1);
    assert_eq!(scene.value(call), Some(0));
}

/// What is checked first.
#[test]
fn select_checks_the_time_before_the_number_and_that_before_the_sets() {
    let mut scene = Scene::new();
    let (n, none) = (u32::MAX, [None; 3]);
    for (n, sets, time, expected) in [
        (n, none, Some((u32::MAX, 0)), Errno::EINVAL),
        (n, none, None, Errno::EINVAL),
        (n, none, Some((0, u32::MAX)), Errno::EINVAL),
    ] {
        assert_eq!(done(scene.select(n, sets, time)), err(expected));
    }
    for (args, expected) in [
        ([u32::MAX, 16, 0, 0, 16], Errno::EFAULT),
        ([u32::MAX, 16, 0, 0, 0], Errno::EINVAL),
        ([1, 16, 0, 0, 0], Errno::EFAULT),
    ] {
        let value = scene.lab.call(scene.sh, Syscall::Select(args));
        assert_eq!(errno(value), expected, "{args:?}");
    }
}

/// What each kind of file tells.
#[test]
fn what_files_are_ready_for() {
    let mut scene = Scene::new();
    let (from, to) = scene.pipe();
    let all = 0x3ff;
    let notes = scene
        .lab
        .call(scene.sh, Syscall::Open("notes".to_owned(), 0o102, 0o644));
    for (fd, mask) in [
        (notes, poll_mask::DEFAULT),
        (0, poll_mask::WRITABLE),
        (to as i32, poll_mask::WRITABLE),
    ] {
        assert_eq!(done(scene.poll(&[(fd, all)], 0)), 1, "{fd}");
        assert_eq!(scene.revents(0), mask, "{fd}");
    }
    assert_eq!(done(scene.poll(&[(from as i32, all)], 0)), 0);
    assert_eq!(scene.lab.write_fd(scene.sh, to, b"x"), Ok(1));
    scene
        .lab
        .machine
        .apply(Command::Type(b"a\n".to_vec()))
        .unwrap();
    for (fd, mask) in [(from as i32, poll_mask::READABLE), (0, poll_mask::DEFAULT)] {
        assert_eq!(done(scene.poll(&[(fd, all)], 0)), 1, "{fd}");
        assert_eq!(scene.revents(0), mask, "{fd}");
    }
    assert_eq!(scene.lab.call(scene.sh, Syscall::Close(to)), 0);
    assert_eq!(scene.lab.read_fd(scene.sh, from, 1), Ok(Ok("x".to_owned())));
    assert_eq!(done(scene.poll(&[(from as i32, POLLIN)], 0)), 1);
    assert_eq!(scene.revents(0), POLLHUP);
}

/// A wake-up of any of the files lets the call look at all of them again.
#[test]
fn the_first_file_that_is_ready_ends_the_wait() {
    for typed in [true, false] {
        let mut scene = Scene::new();
        let (from, to) = scene.pipe();
        let other = scene.lab.fork(scene.sh);
        let sets = [Some(1 << from | 1), None, None];
        let call = waits(scene.select(from + 1, sets, None));
        scene
            .lab
            .machine
            .apply(Command::Type(b"a".to_vec()))
            .unwrap();
        assert_eq!(scene.value(call), None);
        let ready = if typed {
            scene
                .lab
                .machine
                .apply(Command::Type(b"\n".to_vec()))
                .unwrap();
            1
        } else {
            assert_eq!(scene.lab.write_fd(other, to, b"x"), Ok(1));
            1 << from
        };
        assert_eq!(scene.value(call), Some(1));
        assert_eq!(scene.get(0), ready);
    }
}

/// A descriptor that a sharer closes is no longer told of, and its file lives as long as the call.
#[test]
fn a_descriptor_that_is_closed_meanwhile_is_forgotten() {
    let mut scene = Scene::new();
    let (from, to) = scene.pipe();
    let sharer = scene.lab.clone(scene.sh, CloneFlags::CLONE_FILES).unwrap();
    let sets = [Some(1 << from), None, None];
    let call = waits(scene.select(from + 1, sets, Some((0, 5000))));
    for fd in [from, to] {
        assert_eq!(scene.lab.call(sharer, Syscall::Close(fd)), 0);
    }
    scene.lab.tick(5);
    assert_eq!(scene.value(call), Some(0));
    assert_eq!(scene.get(0), 0);
}

/// The methods of puppets: what they return at once, and later.
#[test]
fn puppets_wait_for_files_until_their_time_is_over() {
    let lines = printed(
        "let sh = spawn(\"sh\");
        let ends = sh.pipe();
        print(sh.poll([[ends[0], POLLIN], [99, POLLIN], [ends[1], POLLOUT]], -1));
        try { sh.select([99], [], [], 0) } catch (e) { print(e) }
        try { sh.poll([[1]], 0) } catch (e) { print(e) }
        try { sh.select([1024], [], [], 0) } catch (e) { print(e) }
        let kid = sh.fork();
        let call = kid.poll([[ends[0], POLLIN]], 10);
        tick(10);
        print(call.done);
        tick(1);
        print(call.value);
        call = kid.select([ends[0]], [], [0], 10);
        tick(20);
        print(call.value);
        call = kid.select([ends[0]], [ends[0]], [], -1);
        sh.sys_write(ends[1], \"x\");
        print(call.value);",
    );
    assert_eq!(
        lines,
        [
            "[0, 32, 4]",
            "select failed: EBADF: bad file descriptor",
            "[1] is not a file to poll",
            "a descriptor is 1024, but must be 0 to 1023",
            "false",
            "[0]",
            "#{\"except\": [], \"left\": 0, \"read\": [], \"write\": []}",
            "#{\"except\": [], \"read\": [3], \"write\": []}",
        ]
    );
}
