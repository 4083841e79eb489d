//! Sleeping on words of user memory, for a time, and for a line of the console.

use crate::lab::{Lab, THREAD, errno};
use forklab::abi::{
    CloneFlags, Errno, FUTEX_CMP_REQUEUE, FUTEX_REQUEUE, FUTEX_WAIT, FUTEX_WAKE, MapFlags, O_CREAT,
    O_RDWR, Prot, SigAction, Signal, TaskId, VirtAddr,
};
use forklab::kernel::syscall::{FutexArgs, MmapArgs, Syscall};
use forklab::machine::{Acted, Command};

fn futex(addr: VirtAddr, op: u32, val: u32) -> FutexArgs {
    FutexArgs {
        addr,
        op,
        val,
        timeout: 0,
        addr2: VirtAddr(0),
        val3: 0,
    }
}

fn call(lab: &mut Lab, task: TaskId, args: FutexArgs) -> i32 {
    lab.call(task, Syscall::Futex(args))
}

/// The number of the call that sleeps.
fn waits(lab: &mut Lab, task: TaskId, args: FutexArgs) -> u64 {
    match lab.outcome(task, Syscall::Futex(args)) {
        Acted::Blocks(call) => call,
        other => panic!("{other:?}"),
    }
}

fn value(lab: &Lab, call: u64) -> Option<i32> {
    lab.returned(call).map(|(value, _)| value)
}

/// A process of threads that share a page: they, and the page.
fn threads(count: usize) -> (Lab, Vec<TaskId>, VirtAddr) {
    let (mut lab, sh) = Lab::with_shell();
    let page = lab.map(sh, 1);
    let mut all = vec![sh];
    for _ in 1..count {
        all.push(lab.clone(sh, THREAD).unwrap());
    }
    (lab, all, page)
}

#[test]
fn waiters_are_woken_in_the_order_in_which_they_came() {
    let (mut lab, tasks, word) = threads(4);
    let calls: Vec<u64> = tasks[1..]
        .iter()
        .map(|task| waits(&mut lab, *task, futex(word, FUTEX_WAIT, 0)))
        .collect();
    // A count of 0 wakes one all the same.
    for (count, woken, done) in [(0, 1, 1), (9, 2, 3), (1, 0, 3)] {
        let args = futex(word, FUTEX_WAKE, count);
        assert_eq!(call(&mut lab, tasks[0], args), woken);
        let values: Vec<_> = calls.iter().map(|call| value(&lab, *call)).collect();
        let expected: Vec<_> = (0..3).map(|i| (i < done).then_some(0)).collect();
        assert_eq!(values, expected);
    }
}

#[test]
fn what_futex_refuses() {
    let (mut lab, tasks, word) = threads(1);
    let sh = tasks[0];
    let dark = lab.call(
        sh,
        Syscall::Mmap2(MmapArgs {
            addr: 0,
            len: 4096,
            prot: Prot::empty().bits(),
            flags: (MapFlags::PRIVATE | MapFlags::ANONYMOUS).bits(),
            fd: None,
            pgoff: 0,
        }),
    );
    for (args, expected) in [
        (futex(VirtAddr(word.0 + 2), FUTEX_WAIT, 0), Errno::EINVAL),
        (futex(VirtAddr(16), FUTEX_WAIT, 0), Errno::EFAULT),
        (futex(VirtAddr(dark as u32), FUTEX_WAIT, 0), Errno::EACCES),
        (futex(word, FUTEX_WAIT, 7), Errno::EAGAIN),
        (futex(word, 5, 0), Errno::ENOSYS),
        (futex(word, 128, 0), Errno::ENOSYS),
    ] {
        assert_eq!(errno(call(&mut lab, sh, args)), expected, "{args:?}");
    }
}

#[test]
fn processes_meet_on_a_shared_page_and_not_on_a_private_one() {
    for (kind, woken) in [(MapFlags::SHARED, 1), (MapFlags::PRIVATE, 0)] {
        let (mut lab, sh) = Lab::with_shell();
        let word = lab.call(
            sh,
            Syscall::Mmap2(MmapArgs {
                addr: 0,
                len: 4096,
                prot: (Prot::READ | Prot::WRITE).bits(),
                flags: (kind | MapFlags::ANONYMOUS).bits(),
                fd: None,
                pgoff: 0,
            }),
        );
        let word = VirtAddr(word as u32);
        let child = lab.fork(sh);
        waits(&mut lab, child, futex(word, FUTEX_WAIT, 0));
        assert_eq!(call(&mut lab, sh, futex(word, FUTEX_WAKE, 1)), woken);
    }
}

#[test]
fn requeueing_wakes_some_and_moves_others() {
    for (op, wake, move_at_most, val3, returned, woken) in [
        (FUTEX_REQUEUE, 1, 1, 0, 2, 1),
        (FUTEX_REQUEUE, 0, 0, 0, 1, 0),
        (FUTEX_CMP_REQUEUE, 1, 9, 0, 3, 1),
        (FUTEX_CMP_REQUEUE, 1, 9, 5, -Errno::EAGAIN.code(), 0),
    ] {
        let (mut lab, tasks, word) = threads(4);
        let other = VirtAddr(word.0 + 64);
        let calls: Vec<u64> = tasks[1..]
            .iter()
            .map(|task| waits(&mut lab, *task, futex(word, FUTEX_WAIT, 0)))
            .collect();
        let args = FutexArgs {
            timeout: move_at_most,
            addr2: other,
            val3,
            ..futex(word, op, wake)
        };
        assert_eq!(call(&mut lab, tasks[0], args), returned);
        let done = calls.iter().filter(|call| value(&lab, **call).is_some());
        assert_eq!(done.count(), woken);
        let moved = (returned - woken as i32).max(0);
        let args = futex(other, FUTEX_WAKE, 9);
        assert_eq!(call(&mut lab, tasks[0], args), moved);
    }
}

#[test]
fn a_wait_ends_by_itself_after_its_time() {
    let (mut lab, tasks, word) = threads(1);
    let (sh, time) = (tasks[0], VirtAddr(word.0 + 64));
    // 10 ms are 11 ticks, and one more.
    lab.write(sh, VirtAddr(time.0 + 4), 10_000_000);
    let args = FutexArgs {
        timeout: time.0,
        ..futex(word, FUTEX_WAIT, 0)
    };
    let wait = waits(&mut lab, sh, args);
    lab.tick(11);
    assert_eq!(value(&lab, wait), None);
    lab.tick(1);
    assert_eq!(value(&lab, wait), Some(-Errno::ETIMEDOUT.code()));
}

/// Whoever waits is met once, also when the two words are one, and whatever the counts are.
#[test]
fn requeueing_to_the_same_word_ends() {
    for (wake, most, returned, woken) in [
        (0, i32::MAX as u32, 3, 0),
        (1, i32::MAX as u32, 3, 1),
        (0, 0, 1, 0),
        (i32::MIN as u32, u32::MAX, 3, 0),
        (u32::MAX, 2, 1, 0),
    ] {
        let (mut lab, tasks, word) = threads(4);
        let calls: Vec<u64> = tasks[1..]
            .iter()
            .map(|task| waits(&mut lab, *task, futex(word, FUTEX_WAIT, 0)))
            .collect();
        let args = FutexArgs {
            timeout: most,
            addr2: word,
            ..futex(word, FUTEX_REQUEUE, wake)
        };
        assert_eq!(call(&mut lab, tasks[0], args), returned, "{wake} {most}");
        let done = calls.iter().filter(|call| value(&lab, **call).is_some());
        assert_eq!(done.count(), woken);
        let rest = call(&mut lab, tasks[0], futex(word, FUTEX_WAKE, 9));
        assert_eq!(rest, 3 - woken as i32, "nobody is lost");
    }
}

/// Who was moved is woken at the new word only, and its time goes on.
#[test]
fn a_moved_waiter_times_out_and_is_interrupted_at_its_new_word() {
    let (mut lab, tasks, word) = threads(3);
    let time = VirtAddr(word.0 + 64);
    lab.write(tasks[0], VirtAddr(time.0 + 4), 10_000_000);
    let timed = FutexArgs {
        timeout: time.0,
        ..futex(word, FUTEX_WAIT, 0)
    };
    let first = waits(&mut lab, tasks[1], timed);
    let second = waits(&mut lab, tasks[2], futex(word, FUTEX_WAIT, 0));
    let other = VirtAddr(word.0 + 128);
    let args = FutexArgs {
        timeout: 9,
        addr2: other,
        ..futex(word, FUTEX_REQUEUE, 0)
    };
    assert_eq!(call(&mut lab, tasks[0], args), 2);
    assert_eq!(call(&mut lab, tasks[0], futex(word, FUTEX_WAKE, 9)), 0);
    lab.tick(12);
    assert_eq!(value(&lab, first), Some(-Errno::ETIMEDOUT.code()));
    let usr1 = Signal::SIGUSR1.number();
    let handler = Some(SigAction::Handler(VirtAddr(0x1000)));
    lab.call(tasks[0], Syscall::sigaction(usr1, handler));
    let tid = lab.pid(tasks[2]);
    lab.call(tasks[0], Syscall::Tkill(tid, usr1 as i32));
    assert_eq!(value(&lab, second), Some(-Errno::EINTR.code()));
    assert_eq!(call(&mut lab, tasks[0], futex(other, FUTEX_WAKE, 9)), 0);
}

/// 2.6.12 converts any time without a look at it, and a tick too many may make it negative.
#[test]
fn the_time_of_a_wait_is_not_checked() {
    for (sec, nsec, ticks) in [
        (0, 2_000_000_000, Some(2002)),
        (u32::MAX, 0, None),
        (0, (-999_847_i32) as u32, Some(1)),
    ] {
        let (mut lab, tasks, word) = threads(1);
        let (sh, time) = (tasks[0], VirtAddr(word.0 + 64));
        lab.write(sh, time, sec);
        lab.write(sh, VirtAddr(time.0 + 4), nsec);
        let args = FutexArgs {
            timeout: time.0,
            ..futex(word, FUTEX_WAIT, 0)
        };
        let wait = waits(&mut lab, sh, args);
        let ticks = ticks.unwrap_or(1_000_000_000);
        lab.tick(ticks - 1);
        assert_eq!(value(&lab, wait), None, "{sec} {nsec}");
        if ticks < 1_000_000_000 {
            lab.tick(1);
            assert_eq!(value(&lab, wait), Some(-Errno::ETIMEDOUT.code()));
        }
    }
}

/// The child of a fork waits for nothing, and does not share the word; the end of the group and an
/// exec take every waiter out of the queue.
#[test]
fn fork_exec_and_exit_while_others_wait() {
    let (mut lab, tasks, word) = threads(3);
    waits(&mut lab, tasks[1], futex(word, FUTEX_WAIT, 0));
    let child = lab.fork(tasks[0]);
    assert_eq!(call(&mut lab, child, futex(word, FUTEX_WAKE, 9)), 0);
    assert_eq!(call(&mut lab, tasks[0], futex(word, FUTEX_WAKE, 9)), 1);
    // One thread waits, another calls exec: the waiter ends.
    waits(&mut lab, tasks[1], futex(word, FUTEX_WAIT, 0));
    assert_eq!(lab.kernel().futexes().waiters().count(), 1);
    lab.outcome(tasks[0], Syscall::Execve("sh".into()));
    assert!(!lab.exists(tasks[1]) && !lab.exists(tasks[2]));
    assert_eq!(lab.kernel().futexes().waiters().count(), 0);
    // The same at the end of a process.
    let (mut lab, tasks, word) = threads(3);
    waits(&mut lab, tasks[1], futex(word, FUTEX_WAIT, 0));
    lab.exit_group(tasks[2], 3);
    assert_eq!(lab.kernel().futexes().waiters().count(), 0);
    lab.check();
}

/// Process example 6: the word is cleared and one who waits there is woken.
#[test]
fn the_exit_of_a_thread_wakes_the_waiters_for_its_tid() {
    let (mut lab, sh) = Lab::with_shell();
    let word = lab.map(sh, 1);
    let flags = THREAD | CloneFlags::CLONE_CHILD_CLEARTID;
    let args = forklab::kernel::syscall::ForkArgs {
        child_tid: word,
        ..Default::default()
    };
    let thread = lab.clone_with(sh, flags, args).unwrap();
    lab.write(sh, word, 42);
    let join = waits(&mut lab, sh, futex(word, FUTEX_WAIT, 42));
    lab.exit(thread, 5);
    assert_eq!(value(&lab, join), Some(0));
    assert_eq!(lab.read(sh, word), 0);
}

/// Scheduler example W20: nanosleep of 10 ms and of 1 ms.
#[test]
fn nanosleep_takes_the_ticks_rounded_up_and_one_more() {
    for (nsec, ticks) in [(10_000_000, 12), (1_000_000, 3), (1, 2)] {
        let (mut lab, sh) = Lab::with_shell();
        let time = lab.map(sh, 1);
        lab.write(sh, VirtAddr(time.0 + 4), nsec);
        let call = Syscall::Nanosleep(time, VirtAddr(0));
        let Acted::Blocks(sleep) = lab.outcome(sh, call) else {
            panic!("it does not sleep");
        };
        lab.tick(ticks - 1);
        assert_eq!(value(&lab, sleep), None, "{nsec}");
        lab.tick(1);
        assert_eq!(value(&lab, sleep), Some(0), "{nsec}");
    }
}

#[test]
fn nanosleep_of_nothing_returns_and_of_nonsense_is_refused() {
    let (mut lab, sh) = Lab::with_shell();
    let time = lab.map(sh, 1);
    for (sec, nsec) in [(u32::MAX, 0), (0, 1_000_000_000), (0, u32::MAX)] {
        lab.write(sh, time, sec);
        lab.write(sh, VirtAddr(time.0 + 4), nsec);
        let value = lab.call(sh, Syscall::Nanosleep(time, VirtAddr(0)));
        assert_eq!(errno(value), Errno::EINVAL);
    }
}

#[test]
fn a_read_of_the_console_gets_a_line_at_a_time() {
    let (mut lab, sh) = Lab::with_shell();
    let page = lab.map(sh, 1);
    let read = |len| Syscall::Read(0, page, len);
    let Acted::Blocks(waiting) = lab.outcome(sh, read(100)) else {
        panic!("nothing was typed yet");
    };
    lab.machine.apply(Command::Type(b"ab".to_vec())).unwrap();
    assert_eq!(value(&lab, waiting), None, "no line yet");
    lab.machine
        .apply(Command::Type(b"c\nnext\n".to_vec()))
        .unwrap();
    assert_eq!(value(&lab, waiting), Some(4));
    assert_eq!(lab.read(sh, page), u32::from_le_bytes(*b"abc\n"));
    assert_eq!(lab.call(sh, read(2)), 2, "a short buffer takes a part");
    assert_eq!(lab.call(sh, read(100)), 3);
    lab.machine.apply(Command::EndInput).unwrap();
    assert_eq!(lab.call(sh, read(100)), 0);
}

#[test]
fn what_is_written_to_the_console_and_to_files() {
    let (mut lab, sh) = Lab::with_shell();
    let page = lab.map(sh, 1);
    lab.write(sh, page, u32::from_le_bytes(*b"hey\n"));
    assert_eq!(lab.call(sh, Syscall::Write(1, page, 4)), 4);
    assert_eq!(lab.machine.kernel.console().output(), b"hey\n");
    let write_only = 0o101;
    let fd = lab.call(sh, Syscall::Open("notes".to_owned(), write_only, 0o666)) as u32;
    for (call, expected) in [
        (Syscall::Write(fd, page, 3), 3),
        (Syscall::Lseek(fd, 4, 1), 7),
        (Syscall::Write(fd, page, 1), 1),
        (Syscall::Lseek(fd, -8, 2), 0),
        (Syscall::Lseek(fd, -1, 0), -Errno::EINVAL.code()),
        (Syscall::Lseek(1, 0, 0), -Errno::ESPIPE.code()),
        (Syscall::Read(fd, page, 1), -Errno::EBADF.code()),
        (Syscall::Write(9, page, 1), -Errno::EBADF.code()),
        (Syscall::Write(1, VirtAddr(16), 1), -Errno::EFAULT.code()),
        (Syscall::Write(1, page, u32::MAX), -Errno::EFAULT.code()),
    ] {
        assert_eq!(lab.call(sh, call.clone()), expected, "{call:?}");
    }
    let fd = lab.call(sh, Syscall::Open("notes".to_owned(), 0, 0o666)) as u32;
    assert_eq!(lab.call(sh, Syscall::Read(fd, page, 100)), 8);
    assert_eq!(
        lab.read(sh, VirtAddr(page.0 + 4)),
        u32::from_le_bytes(*b"\0\0\0h")
    );
}

/// A page of a file, shared by processes that are not related: the address of each one's mapping.
fn mapped_file(lab: &mut Lab, task: TaskId) -> VirtAddr {
    let fd = lab.call(task, Syscall::Open("words".into(), O_CREAT | O_RDWR, 0o666)) as u32;
    lab.call(task, Syscall::Ftruncate(fd, 8192));
    let addr = lab.call(
        task,
        Syscall::Mmap2(MmapArgs {
            addr: 0,
            len: 8192,
            prot: (Prot::READ | Prot::WRITE).bits(),
            flags: MapFlags::SHARED.bits(),
            fd: Some(fd),
            pgoff: 0,
        }),
    );
    lab.call(task, Syscall::Close(fd));
    VirtAddr(addr as u32)
}

#[test]
fn a_word_in_a_file_is_the_same_for_strangers() {
    let (mut lab, a) = Lab::with_shell();
    let b = lab.spawn("sh");
    let (ours, theirs) = (mapped_file(&mut lab, a), mapped_file(&mut lab, b));
    let call_a = waits(&mut lab, a, futex(ours, FUTEX_WAIT, 0));
    let other_word = VirtAddr(theirs.0 + 4);
    assert_eq!(call(&mut lab, b, futex(other_word, FUTEX_WAKE, 9)), 0);
    assert_eq!(call(&mut lab, b, futex(theirs, FUTEX_WAKE, 9)), 1);
    assert_eq!(value(&lab, call_a), Some(0));
}

/// `kernel/futex.c`, `get_futex_key()`: the page counts, not the place where it is mapped.
#[test]
fn a_word_in_a_nonlinear_mapping_is_that_of_its_page() {
    let (mut lab, a) = Lab::with_shell();
    let b = lab.spawn("sh");
    let (ours, theirs) = (mapped_file(&mut lab, a), mapped_file(&mut lab, b));
    let remap = Syscall::RemapFilePages([ours.0, 4096, 0, 1, 0]);
    assert_eq!(lab.call(a, remap), 0);
    let call_a = waits(&mut lab, a, futex(ours, FUTEX_WAIT, 0));
    assert_eq!(call(&mut lab, b, futex(theirs, FUTEX_WAKE, 9)), 0);
    let second = VirtAddr(theirs.0 + 4096);
    assert_eq!(call(&mut lab, b, futex(second, FUTEX_WAKE, 9)), 1);
    assert_eq!(value(&lab, call_a), Some(0));
}

/// `kernel/futex.c`, `get_key_refs()`: the file lives as long as somebody waits on a word of it.
#[test]
fn a_waiter_keeps_its_file() {
    let (mut lab, a) = Lab::with_shell();
    let thread = lab.clone(a, THREAD).unwrap();
    let word = mapped_file(&mut lab, a);
    waits(&mut lab, a, futex(word, FUTEX_WAIT, 0));
    let files = lab.kernel().inodes().len();
    lab.call(thread, Syscall::Unlink("words".into()));
    lab.call(thread, Syscall::Munmap(word.0, 8192));
    assert_eq!(lab.kernel().inodes().len(), files);
    lab.call(thread, Syscall::Kill(lab.pid(a), 10));
    lab.tick(1);
    assert!(lab.machine.has_ended(a));
    assert_eq!(lab.kernel().inodes().len(), files - 1);
}

/// A private word belongs to its address space, which has a reference more for each waiter.
#[test]
fn a_waiter_keeps_its_address_space() {
    let (mut lab, tasks, word) = threads(2);
    let mm = lab.task(tasks[0]).mm().unwrap();
    let before = lab.kernel().mms()[mm].mm_count();
    waits(&mut lab, tasks[0], futex(word, FUTEX_WAIT, 0));
    assert_eq!(lab.kernel().mms()[mm].mm_count(), before + 1);
    assert_eq!(call(&mut lab, tasks[1], futex(word, FUTEX_WAKE, 1)), 1);
    assert_eq!(lab.kernel().mms()[mm].mm_count(), before);
}
