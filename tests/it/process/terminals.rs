//! Terminals: job control, lines and single characters, the end of a session. "Example N" is a
//! worked example of `docs/fidelity.md`.

use super::signals::take;
use crate::lab::{Lab, Waited, errno};
use forklab::abi::{
    ECHO, Errno, FIONREAD, ICANON, ISIG, KSigaction, O_NOCTTY, O_RDWR, SaFlags, SigAction, SigSet,
    Signal, TCFLSH, TCGETS, TCOOFF, TCOON, TCSETS, TCXONC, TIOCGPGRP, TIOCGSID, TIOCGWINSZ,
    TIOCNOTTY, TIOCSCTTY, TIOCSPGRP, TIOCSTI, TIOCSWINSZ, TOSTOP, TaskId, TaskState, VMIN, VTIME,
    VirtAddr, si_code,
};
use forklab::kernel::syscall::{SigactionArgs, Syscall};
use forklab::kernel::tty::Termios;
use forklab::machine::{Acted, Command};
use forklab::trace::TraceEvent;

const UNTRACED: u32 = 2;
const NOHANG: u32 = 1;

const fn err(errno: Errno) -> i32 {
    -errno.code()
}

/// What a test does on the terminal.
trait Terminal {
    fn type_keys(&mut self, keys: &str);
    fn open_tty(&mut self, task: TaskId, name: &str, flags: u32) -> i32;
    fn ioctl(&mut self, task: TaskId, fd: u32, cmd: u32, arg: u32) -> i32;
    fn ioctl_word(&mut self, task: TaskId, fd: u32, cmd: u32, word: u32) -> i32;
    fn screen(&self) -> String;
    fn change(&mut self, task: TaskId, fd: u32, change: fn(&mut Termios)) -> i32;
    fn settings(&mut self, task: TaskId, fd: u32) -> Termios;
    fn is_stopped(&self, task: TaskId) -> bool;
}

impl Terminal for Lab {
    fn type_keys(&mut self, keys: &str) {
        let bytes = keys.as_bytes().to_vec();
        self.machine.apply(Command::Type(bytes)).unwrap();
    }

    fn open_tty(&mut self, task: TaskId, name: &str, flags: u32) -> i32 {
        self.call(task, Syscall::Open(name.to_owned(), flags, 0o644))
    }

    fn ioctl(&mut self, task: TaskId, fd: u32, cmd: u32, arg: u32) -> i32 {
        self.call(task, Syscall::Ioctl(fd, cmd, arg))
    }

    fn ioctl_word(&mut self, task: TaskId, fd: u32, cmd: u32, word: u32) -> i32 {
        let page = self.map(task, 1);
        self.write(task, page, word);
        let value = self.ioctl(task, fd, cmd, page.0);
        let answers = [TIOCGPGRP, TIOCGSID, FIONREAD].contains(&cmd) && value == 0;
        if answers {
            self.read(task, page) as i32
        } else {
            value
        }
    }

    fn screen(&self) -> String {
        String::from_utf8(self.kernel().tty().output().screen()).unwrap()
    }

    fn settings(&mut self, task: TaskId, fd: u32) -> Termios {
        let page = self.map(task, 1);
        assert_eq!(self.ioctl(task, fd, TCGETS, page.0), 0);
        let words = (0..9).flat_map(|at| self.read(task, VirtAddr(page.0 + 4 * at)).to_le_bytes());
        let bytes: Vec<u8> = words.collect();
        Termios::from_bytes(&bytes.try_into().unwrap())
    }

    fn change(&mut self, task: TaskId, fd: u32, change: fn(&mut Termios)) -> i32 {
        let mut settings = self.settings(task, fd);
        change(&mut settings);
        let page = self.map(task, 1);
        for (at, word) in settings.to_bytes().chunks_exact(4).enumerate() {
            let word = u32::from_le_bytes(word.try_into().unwrap());
            self.write(task, VirtAddr(page.0 + 4 * at as u32), word);
        }
        self.ioctl(task, fd, TCSETS, page.0)
    }

    fn is_stopped(&self, task: TaskId) -> bool {
        self.sched(task).state == TaskState::STOPPED
    }
}

/// A shell that leads a session on `/dev/tty1`, which is its descriptor 3.
fn session() -> (Lab, TaskId) {
    let (mut lab, first) = Lab::with_shell();
    let sh = lab.fork(first);
    let pid = lab.pid(sh);
    assert_eq!(lab.call(sh, Syscall::Setsid), pid);
    assert_eq!(lab.open_tty(sh, "/dev/tty1", O_RDWR), 3);
    assert!(lab.signal(sh).tty());
    assert_eq!(lab.kernel().tty().pgrp().0, pid);
    (lab, sh)
}

/// A child in a group of its own.
fn job(lab: &mut Lab, sh: TaskId) -> TaskId {
    let kid = lab.fork(sh);
    let call = Syscall::Setpgid(lab.pid(kid), 0);
    assert_eq!(lab.call(sh, call), 0);
    kid
}

fn read(lab: &mut Lab, task: TaskId, fd: u32, len: u32) -> Result<String, u64> {
    lab.read_fd(task, fd, len).map(|read| read.unwrap())
}

/// The call that sets a handler.
pub(super) fn handler(signal: Signal, flags: SaFlags) -> Syscall {
    let action = KSigaction {
        handler: SigAction::Handler(VirtAddr(0x0804_8000)),
        flags,
        mask: SigSet::default(),
        ..KSigaction::default()
    };
    Syscall::Sigaction(SigactionArgs {
        signal: signal.number(),
        new: Some(action),
        old: VirtAddr(0),
    })
}

/// What a read that fails comes to.
fn read_error(lab: &mut Lab, task: TaskId, fd: u32) -> Errno {
    let page = lab.map(task, 1);
    errno(lab.call(task, Syscall::Read(fd, page, 10)))
}

fn value_of(lab: &Lab, call: u64) -> Option<i32> {
    lab.returned(call).map(|(value, _)| value)
}

fn blocks(lab: &mut Lab, task: TaskId, call: Syscall) -> u64 {
    match lab.outcome(task, call) {
        Acted::Blocks(call) => call,
        other => panic!("{other:?}"),
    }
}

/// Example 51.
#[test]
fn a_background_read_stops_the_whole_job_and_starts_again_in_the_foreground() {
    let (mut lab, sh) = session();
    let kid = job(&mut lab, sh);
    let other = lab.fork(kid);
    let page = lab.map(kid, 1);
    let reads = blocks(&mut lab, kid, Syscall::Read(3, page, 10));
    assert!(lab.is_stopped(kid) && lab.is_stopped(other));
    let pid = lab.pid(kid);
    let stopped = lab.wait(sh, pid, UNTRACED | NOHANG);
    assert_eq!(stopped, Waited::Reaped(pid, 0x157f));
    assert_eq!(lab.ioctl_word(sh, 3, TIOCSPGRP, pid as u32), 0);
    assert_eq!(lab.kill(sh, -pid, 18), 0);
    assert!(!lab.is_stopped(kid));
    assert_eq!(value_of(&lab, reads), None, "it waits for a line");
    lab.type_keys("ab\n");
    assert_eq!(value_of(&lab, reads), Some(3));
}

/// Example 52.
#[test]
fn a_background_read_of_a_job_that_ignores_or_blocks_sigttin_fails() {
    for ignores in [true, false] {
        let (mut lab, sh) = session();
        let kid = job(&mut lab, sh);
        if ignores {
            let call = Syscall::sigaction(21, Some(SigAction::Ignore));
            assert_eq!(lab.call(kid, call), 0);
        } else {
            lab.block(kid, SigSet::of(&[Signal::SIGTTIN]));
        }
        assert_eq!(read_error(&mut lab, kid, 3), Errno::EIO);
        assert!(!lab.is_stopped(kid));
    }
}

/// Example 53.
#[test]
fn a_read_after_the_leader_has_ended_gives_nothing_and_one_of_an_orphaned_group_fails() {
    let (mut lab, sh) = session();
    let middle = job(&mut lab, sh);
    let kid = job(&mut lab, middle);
    lab.exit(middle, 0);
    assert_eq!(read_error(&mut lab, kid, 3), Errno::EIO);
    lab.exit(sh, 0);
    assert_eq!(read(&mut lab, kid, 3, 10).unwrap(), "");
    assert!(!lab.is_stopped(kid));
}

/// Example 54.
#[test]
fn a_background_write_stops_the_job_only_with_tostop() {
    let (mut lab, sh) = session();
    let kid = job(&mut lab, sh);
    assert_eq!(lab.write_fd(kid, 3, b"one\n"), Ok(4));
    assert_eq!(lab.change(sh, 3, |settings| settings.lflag |= TOSTOP), 0);
    // The console and standard output, which is the console, are free of job control.
    assert_eq!(lab.write_fd(kid, 1, b"two\n"), Ok(4));
    let page = lab.map(kid, 1);
    let writes = blocks(&mut lab, kid, Syscall::Write(3, page, 4));
    let pid = lab.pid(kid);
    let stopped = lab.wait(sh, pid, UNTRACED | NOHANG);
    assert_eq!(stopped, Waited::Reaped(pid, 0x167f));
    assert_eq!(value_of(&lab, writes), None);
    let other = job(&mut lab, sh);
    let call = Syscall::sigaction(22, Some(SigAction::Ignore));
    assert_eq!(lab.call(other, call), 0);
    assert_eq!(lab.write_fd(other, 3, b"three\n"), Ok(6));
    assert_eq!(lab.screen(), "one\r\ntwo\r\nthree\r\n");
}

/// Example 55.
#[test]
fn a_background_job_cannot_put_itself_into_the_foreground() {
    let (mut lab, sh) = session();
    let kid = job(&mut lab, sh);
    let (page, pid) = (lab.map(kid, 1), lab.pid(kid) as u32);
    lab.write(kid, page, pid);
    let call = Syscall::Ioctl(3, TIOCSPGRP, page.0);
    blocks(&mut lab, kid, call.clone());
    assert!(lab.is_stopped(kid));
    let other = job(&mut lab, sh);
    lab.block(other, SigSet::of(&[Signal::SIGTTOU]));
    let pid = lab.pid(other) as u32;
    assert_eq!(lab.ioctl_word(other, 3, TIOCSPGRP, pid), 0);
    assert_eq!(lab.ioctl_word(sh, 3, TIOCGPGRP, 0), pid as i32);
    let middle = job(&mut lab, sh);
    let orphan = job(&mut lab, middle);
    lab.exit(middle, 0);
    let pid = lab.pid(orphan) as u32;
    assert_eq!(
        lab.ioctl_word(orphan, 3, TIOCSPGRP, pid),
        err(Errno::ENOTTY)
    );
}

/// What `TIOCSPGRP` accepts, tested in the kernel's order.
#[test]
fn the_foreground_group_must_be_of_the_session() {
    let (mut lab, sh) = session();
    let kid = lab.fork(sh);
    let pid = lab.pid(kid) as u32;
    assert_eq!(lab.ioctl(sh, 3, TIOCSPGRP, 16), err(Errno::EFAULT));
    for (group, expected) in [
        (u32::MAX, err(Errno::EINVAL)),
        (1, err(Errno::EPERM)),
        (999, err(Errno::EPERM)),
        // No group has that number, but a task of the session does.
        (pid, 0),
    ] {
        assert_eq!(lab.ioctl_word(sh, 3, TIOCSPGRP, group), expected, "{group}");
    }
    let sid = lab.pid(sh);
    assert_eq!(lab.ioctl_word(sh, 3, TIOCGSID, 0), sid);
    let stranger = lab.spawn("stranger");
    assert_eq!(lab.open_tty(stranger, "/dev/tty1", O_RDWR), 3);
    assert_eq!(
        lab.ioctl_word(stranger, 3, TIOCGPGRP, 0),
        err(Errno::ENOTTY)
    );
    assert_eq!(
        lab.ioctl_word(stranger, 3, TIOCSPGRP, 5),
        err(Errno::ENOTTY)
    );
}

/// Example 56.
#[test]
fn the_end_of_a_leader_hangs_up_and_spares_running_background_jobs() {
    let (mut lab, sh) = session();
    let stopped = job(&mut lab, sh);
    let runs = job(&mut lab, sh);
    let pids = [sh, stopped, runs].map(|task| lab.pid(task));
    assert_eq!(lab.kill(sh, pids[1], 20), 0);
    lab.exit(sh, 0);
    assert!(
        !lab.exists(stopped),
        "it died of SIGHUP and init has reaped it"
    );
    assert!(lab.exists(runs) && !lab.is_stopped(runs));
    assert_eq!(read(&mut lab, runs, 3, 10).unwrap(), "");
    let page = lab.map(runs, 1);
    let write = Syscall::Write(3, page, 1);
    assert_eq!(errno(lab.call(runs, write)), Errno::EIO);
    assert_eq!(lab.ioctl(runs, 3, TCGETS, page.0), err(Errno::EIO));
    assert_eq!(lab.ioctl(runs, 3, TIOCSPGRP, page.0), err(Errno::ENOTTY));
    assert!(!lab.signal(runs).tty());
    assert_eq!(lab.open_tty(runs, "/dev/tty", O_RDWR), err(Errno::ENXIO));
    let ended = lab.kernel().ended(stopped).unwrap();
    assert_eq!(ended.status.0, 1);
}

/// Example 57.
#[test]
fn the_end_of_a_leader_kills_the_foreground_group_without_continuing_it() {
    for stops in [false, true] {
        let (mut lab, sh) = session();
        let kid = job(&mut lab, sh);
        let pid = lab.pid(kid);
        assert_eq!(lab.ioctl_word(sh, 3, TIOCSPGRP, pid as u32), 0);
        if stops {
            assert_eq!(lab.kill(sh, pid, 19), 0);
        }
        let mark = lab.mark();
        lab.exit(sh, 0);
        assert!(!lab.exists(kid), "{stops}");
        let sent = lab.events(mark, |record| match record.event {
            TraceEvent::SignalGenerate { pid: to, signal }
            | TraceEvent::SignalIgnored {
                pid: to, signal, ..
            } if to.0 == pid => Some(signal),
            _ => None,
        });
        let (hup, cont) = (Signal::SIGHUP, Signal::SIGCONT);
        let expected: &[Signal] = if stops { &[hup, cont] } else { &[hup] };
        assert_eq!(sent, expected);
    }
}

/// Example 58.
#[test]
fn a_leader_that_gives_its_terminal_up_wakes_the_foreground_group() {
    let (mut lab, sh) = session();
    let kid = job(&mut lab, sh);
    lab.block(kid, SigSet::of(&[Signal::SIGHUP, Signal::SIGCONT]));
    let pid = lab.pid(kid) as u32;
    assert_eq!(lab.ioctl_word(sh, 3, TIOCSPGRP, pid), 0);
    assert_eq!(lab.ioctl(sh, 3, TIOCNOTTY, 0), 0);
    let pending = lab.signal(kid).shared_pending.set();
    assert!(pending.contains(Signal::SIGHUP) && pending.contains(Signal::SIGCONT));
    for task in [sh, kid] {
        assert_eq!(lab.write_fd(task, 3, b"x"), Ok(1));
        assert_eq!(lab.open_tty(task, "/dev/tty", O_RDWR), err(Errno::ENXIO));
    }
    assert_eq!(lab.ioctl(sh, 3, TIOCNOTTY, 0), err(Errno::ENOTTY));
}

/// Example 59.
#[test]
fn a_terminal_of_another_session_is_taken_only_by_root() {
    for (uid, taken) in [(500, err(Errno::EPERM)), (0, 0)] {
        let (mut lab, sh) = session();
        let root = lab.spawn_as("root", uid);
        let kid = lab.fork(root);
        lab.call(kid, Syscall::Setsid);
        assert_eq!(lab.open_tty(kid, "/dev/tty1", O_RDWR), 3);
        assert!(!lab.signal(kid).tty());
        assert_eq!(lab.ioctl(kid, 3, TIOCSCTTY, 0), err(Errno::EPERM));
        assert_eq!(lab.ioctl(kid, 3, TIOCSCTTY, 1), taken);
        assert_eq!(lab.signal(kid).tty(), taken == 0);
        assert_eq!(lab.signal(sh).tty(), taken != 0);
        assert_eq!(
            lab.ioctl(sh, 3, TIOCSCTTY, 0),
            if taken == 0 { err(Errno::EPERM) } else { 0 }
        );
    }
}

/// Which opens make the terminal the controlling one.
#[test]
fn only_a_leader_without_terminal_gets_one_by_opening_it() {
    for (name, flags, setsid, gets) in [
        ("/dev/tty1", O_RDWR, true, true),
        ("/dev/tty1", O_RDWR | O_NOCTTY, true, false),
        ("/dev/tty1", O_RDWR, false, false),
        ("/dev/console", O_RDWR, true, false),
        ("/dev/tty0", O_RDWR, true, false),
    ] {
        let (mut lab, first) = Lab::with_shell();
        let sh = lab.fork(first);
        if setsid {
            lab.call(sh, Syscall::Setsid);
        }
        let early = lab.fork(sh);
        assert_eq!(lab.open_tty(sh, name, flags), 3);
        assert_eq!(lab.signal(sh).tty(), gets, "{name}");
        assert!(!lab.signal(early).tty(), "it was there before");
        let late = lab.fork(sh);
        assert_eq!(lab.signal(late).tty(), gets);
        let fd = lab.open_tty(late, "/dev/tty", O_RDWR);
        assert_eq!(fd, if gets { 4 } else { err(Errno::ENXIO) });
        lab.call(late, Syscall::Setsid);
        assert!(!lab.signal(late).tty());
    }
}

/// Example 60.
#[test]
fn a_line_is_edited_while_it_is_typed_and_shown() {
    let (mut lab, sh) = session();
    lab.type_keys("ab\x7fc\n");
    assert_eq!(read(&mut lab, sh, 3, 100).unwrap(), "ac\n");
    assert_eq!(lab.screen(), "ab\x08 \x08c\r\n");
}

/// Example 61 and 62.
#[test]
fn the_end_of_the_input_is_told_once_and_swallowed_after_a_full_buffer() {
    let (mut lab, sh) = session();
    lab.type_keys("ab\x04");
    assert_eq!(read(&mut lab, sh, 3, 10).unwrap(), "ab");
    lab.type_keys("ab\x04");
    assert_eq!(read(&mut lab, sh, 3, 2).unwrap(), "ab");
    let waits = read(&mut lab, sh, 3, 2).unwrap_err();
    lab.type_keys("\n");
    assert_eq!(value_of(&lab, waits), Some(1));
    lab.type_keys("\x04");
    assert_eq!(read(&mut lab, sh, 3, 2).unwrap(), "");
    assert!(read(&mut lab, sh, 3, 2).is_err());
    assert_eq!(lab.screen(), "abab\r\n", "it is not shown");
}

/// Example 63.
#[test]
fn the_interrupt_character_kills_the_foreground_group_and_discards_the_line() {
    let (mut lab, sh) = session();
    let kid = job(&mut lab, sh);
    let pid = lab.pid(kid) as u32;
    assert_eq!(lab.ioctl_word(sh, 3, TIOCSPGRP, pid), 0);
    lab.block(kid, SigSet::of(&[Signal::SIGINT]));
    lab.type_keys("ab\x03");
    let info = take(&mut lab, kid, SigSet::of(&[Signal::SIGINT])).unwrap();
    assert_eq!(info.code, si_code::SI_KERNEL);
    assert_eq!(lab.screen(), "ab");
    assert_eq!(lab.ioctl_word(kid, 3, FIONREAD, 0), 0);
    lab.unblock(kid, SigSet::of(&[Signal::SIGINT]));
    lab.type_keys("\x1a");
    assert!(lab.is_stopped(kid) && !lab.is_stopped(sh));
    assert_eq!(lab.kill(sh, -(pid as i32), 18), 0);
    lab.type_keys("\x1c");
    let pid = lab.pid(kid);
    assert_eq!(lab.wait(sh, pid, NOHANG), Waited::Reaped(pid, 3));
}

/// Example 64.
#[test]
fn without_lines_a_read_waits_for_as_many_bytes_as_were_asked_for() {
    let (mut lab, sh) = session();
    let change = |settings: &mut Termios| {
        settings.lflag &= !ICANON;
        settings.cc[VMIN as usize] = 3;
    };
    assert_eq!(lab.change(sh, 3, change), 0);
    lab.type_keys("ab");
    let reads = read(&mut lab, sh, 3, 10).unwrap_err();
    lab.type_keys("c");
    assert_eq!(value_of(&lab, reads), Some(3));
}

/// Example 65, and the other ways of waiting without lines.
#[test]
fn without_lines_a_read_waits_as_long_as_was_asked_for() {
    let (mut lab, sh) = session();
    let change = |settings: &mut Termios| {
        settings.lflag &= !ICANON;
        settings.cc[VMIN as usize] = 0;
        settings.cc[VTIME as usize] = 5;
    };
    assert_eq!(lab.change(sh, 3, change), 0);
    let reads = read(&mut lab, sh, 3, 10).unwrap_err();
    lab.tick(499);
    assert_eq!(value_of(&lab, reads), None);
    lab.tick(1);
    assert_eq!(value_of(&lab, reads), Some(0));
    assert_eq!(
        lab.change(sh, 3, |settings| settings.cc[VTIME as usize] = 0),
        0
    );
    assert_eq!(read(&mut lab, sh, 3, 10).unwrap(), "");
    // Both: without limit for the first byte, then a while after each batch.
    let both = |settings: &mut Termios| {
        settings.cc[VMIN as usize] = 5;
        settings.cc[VTIME as usize] = 1;
    };
    assert_eq!(lab.change(sh, 3, both), 0);
    let reads = read(&mut lab, sh, 3, 10).unwrap_err();
    lab.tick(1000);
    lab.type_keys("a");
    lab.tick(99);
    lab.type_keys("b");
    lab.tick(99);
    assert_eq!(value_of(&lab, reads), None);
    lab.tick(1);
    assert_eq!(value_of(&lab, reads), Some(2));
}

/// Example 66.
#[test]
fn a_reader_gets_the_unfinished_line_when_lines_cease_to_count() {
    let (mut lab, sh) = session();
    let kid = lab.fork(sh);
    let reads = read(&mut lab, kid, 3, 100).unwrap_err();
    lab.type_keys("ab");
    assert_eq!(value_of(&lab, reads), None);
    assert_eq!(lab.change(sh, 3, |settings| settings.lflag &= !ICANON), 0);
    assert_eq!(lab.read_late(reads).unwrap(), "ab");
}

/// Example 85.
#[test]
fn each_kind_of_file_has_its_answer_to_requests_of_terminals() {
    let (mut lab, sh) = session();
    let notes = lab.open_tty(sh, "notes", 0o102) as u32;
    let null = lab.open_tty(sh, "/dev/null", 0) as u32;
    let (pipe, _) = lab.pipe(sh);
    let page = lab.map(sh, 1);
    for (fd, expected) in [
        (3, 0),
        (0, 0),
        (notes, err(Errno::ENOTTY)),
        (pipe, err(Errno::EINVAL)),
        (null, err(Errno::ENOTTY)),
        (99, err(Errno::EBADF)),
    ] {
        assert_eq!(lab.ioctl(sh, fd, TCGETS, page.0), expected, "{fd}");
    }
    assert_eq!(lab.ioctl(sh, 3, 0x1234, 0), err(Errno::EINVAL));
    assert_eq!(lab.ioctl(sh, 3, TCGETS, 16), err(Errno::EFAULT));
    assert_eq!(lab.settings(sh, 3), Termios::INITIAL);
}

#[test]
fn fionread_counts_what_can_be_read() {
    let (mut lab, sh) = session();
    lab.type_keys("abc\nde\x04f");
    assert_eq!(lab.ioctl_word(sh, 3, FIONREAD, 0), 6);
    assert_eq!(lab.change(sh, 3, |settings| settings.lflag &= !ICANON), 0);
    assert_eq!(lab.ioctl_word(sh, 3, FIONREAD, 0), 8);
    assert_eq!(lab.ioctl(sh, 3, TCFLSH, 0), 0);
    assert_eq!(lab.ioctl_word(sh, 3, FIONREAD, 0), 0);
    assert_eq!(lab.ioctl(sh, 3, TCFLSH, 3), err(Errno::EINVAL));
    let (from, to) = lab.pipe(sh);
    assert_eq!(lab.write_fd(sh, to, b"12345"), Ok(5));
    assert_eq!(lab.ioctl_word(sh, from, FIONREAD, 0), 5);
}

#[test]
fn a_new_window_size_is_told_to_the_foreground_group() {
    let (mut lab, sh) = session();
    let page = lab.map(sh, 1);
    assert_eq!(lab.ioctl(sh, 3, TIOCGWINSZ, page.0), 0);
    assert_eq!(lab.read(sh, page), 80 << 16 | 25);
    let winch = SigSet::of(&[Signal::SIGWINCH]);
    lab.block(sh, winch);
    assert_eq!(lab.ioctl(sh, 3, TIOCSWINSZ, page.0), 0);
    assert!(
        !lab.signal(sh)
            .shared_pending
            .set()
            .contains(Signal::SIGWINCH)
    );
    lab.write(sh, page, 100 << 16 | 40);
    assert_eq!(lab.ioctl(sh, 3, TIOCSWINSZ, page.0), 0);
    assert!(take(&mut lab, sh, winch).is_ok());
    lab.write(sh, page, u32::MAX);
    assert_eq!(lab.ioctl(sh, 3, TIOCSWINSZ, page.0), err(Errno::ENXIO));
}

#[test]
fn a_stopped_output_holds_writers_until_it_goes_on() {
    let (mut lab, sh) = session();
    let kid = lab.fork(sh);
    lab.type_keys("\x13");
    let page = lab.map(kid, 1);
    let writes = blocks(&mut lab, kid, Syscall::Write(3, page, 4));
    let second = lab.fork(sh);
    let page = lab.map(second, 1);
    let waits = blocks(&mut lab, second, Syscall::Write(3, page, 3));
    lab.type_keys("\x11");
    assert_eq!(
        (value_of(&lab, writes), value_of(&lab, waits)),
        (Some(4), Some(3))
    );
    assert_eq!(lab.ioctl(sh, 3, TCXONC, TCOOFF), 0);
    let page = lab.map(kid, 1);
    let writes = blocks(&mut lab, kid, Syscall::Write(3, page, 4));
    lab.type_keys("\x11");
    assert_eq!(
        value_of(&lab, writes),
        None,
        "only TCOON starts what TCOOFF has stopped"
    );
    assert_eq!(lab.ioctl(sh, 3, TCXONC, TCOON), 0);
    assert_eq!(value_of(&lab, writes), Some(4));
}

#[test]
fn one_task_reads_at_a_time_in_the_order_of_arrival() {
    let (mut lab, sh) = session();
    let tasks = [(); 3].map(|()| lab.fork(sh));
    let calls = tasks.map(|task| read(&mut lab, task, 3, 10).unwrap_err());
    lab.type_keys("one\n");
    assert_eq!(
        calls.map(|call| value_of(&lab, call)),
        [Some(4), None, None]
    );
    lab.type_keys("two\nthree\n");
    assert_eq!(lab.read_late(calls[1]).unwrap(), "two\n");
    assert_eq!(lab.read_late(calls[2]).unwrap(), "three\n");
}

/// A handler interrupts the reader and the one that waits for its turn; SA_RESTART goes on.
#[test]
fn a_signal_interrupts_a_reader_unless_it_restarts() {
    for (flags, expected) in [
        (SaFlags::empty(), Some(err(Errno::EINTR))),
        (SaFlags::RESTART, None),
    ] {
        let (mut lab, sh) = session();
        let reader = lab.fork(sh);
        let second = lab.fork(sh);
        for task in [reader, second] {
            assert_eq!(lab.call(task, handler(Signal::SIGUSR1, flags)), 0);
        }
        let calls = [reader, second].map(|task| read(&mut lab, task, 3, 10).unwrap_err());
        for (task, call) in [reader, second].into_iter().zip(calls) {
            let pid = lab.pid(task);
            assert_eq!(lab.kill(sh, pid, 10), 0);
            assert_eq!(value_of(&lab, call), expected);
        }
        lab.type_keys("x\n");
        let got = calls.map(|call| value_of(&lab, call));
        if flags == SaFlags::RESTART {
            assert!(got.contains(&Some(2)) && got.contains(&None), "{got:?}");
        }
    }
}

#[test]
fn a_typed_character_can_come_from_a_program() {
    let (mut lab, sh) = session();
    for byte in *b"hi\n" {
        assert_eq!(lab.ioctl_word(sh, 3, TIOCSTI, byte.into()), 0);
    }
    assert_eq!(read(&mut lab, sh, 3, 9).unwrap(), "hi\n");
    let stranger = lab.spawn("stranger");
    assert_eq!(lab.open_tty(stranger, "/dev/tty1", O_RDWR), 3);
    assert_eq!(lab.ioctl_word(stranger, 3, TIOCSTI, 65), err(Errno::EPERM));
}

/// What each character does to the line and on the screen.
#[test]
fn what_is_typed_and_what_is_shown() {
    for (keys, line, screen) in [
        ("a\r", "a\n", "a\r\n"),
        ("ab\x15c\n", "c\n", "ab\x08 \x08\x08 \x08c\r\n"),
        (
            "a b_1\x17c\n",
            "a c\n",
            "a b_1\x08 \x08\x08 \x08\x08 \x08c\r\n",
        ),
        ("a\x16\x03\n", "a\x03\n", "a^\x08^C\r\n"),
        ("a\x01\x7f\n", "a\n", "a^A\x08 \x08\x08 \x08\r\n"),
        ("ab\x12c\n", "abc\n", "ab^R\r\nabc\r\n"),
        (
            "\ta\x7f\x7fb\n",
            "b\n",
            "\ta\x08 \x08\x08\x08\x08\x08\x08\x08\x08\x08b\r\n",
        ),
        ("\x7f\x15x\n", "x\n", "x\r\n"),
    ] {
        let (mut lab, sh) = session();
        lab.type_keys(keys);
        assert_eq!(read(&mut lab, sh, 3, 100).unwrap(), line, "{keys:?}");
        assert_eq!(lab.screen(), screen, "{keys:?}");
    }
}

#[test]
fn nothing_is_shown_without_echo_and_no_signal_is_sent_without_isig() {
    let (mut lab, sh) = session();
    let change = |settings: &mut Termios| settings.lflag &= !(ECHO | ISIG);
    assert_eq!(lab.change(sh, 3, change), 0);
    lab.type_keys("ab\x7f\x03\n");
    assert_eq!(read(&mut lab, sh, 3, 100).unwrap(), "a\x03\n");
    assert_eq!(lab.screen(), "");
}

/// More than the ring holds: what comes later is dropped with a bell.
#[test]
fn a_line_that_is_too_long_is_cut() {
    let (mut lab, sh) = session();
    lab.type_keys(&"x".repeat(5000));
    lab.type_keys("\n");
    assert!(lab.screen().ends_with("\x07\x07"));
    assert!(
        read(&mut lab, sh, 3, 10).is_err(),
        "the newline was dropped, too"
    );
}
