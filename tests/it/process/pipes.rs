//! Pipes: what fits, who waits, who is woken, and what the end of one side means for the other.

use crate::lab::{Lab, exit_signal};
use forklab::abi::{CloneFlags as F, Errno, F_SETFL, O_NONBLOCK, Resource, TaskId};
use forklab::kernel::fs::Pipe;
use forklab::kernel::syscall::Syscall;
use forklab::machine::{Acted, BufferCall};
use forklab::trace::{SwitchReason, TraceEvent};

const PAGE: usize = 4096;
const SIGUSR1: u32 = 10;

fn only_pipe(lab: &Lab) -> &Pipe {
    lab.kernel().pipes().values().next().unwrap()
}

fn text(text: &str) -> Result<Result<String, Errno>, u64> {
    Ok(Ok(text.to_owned()))
}

fn close(lab: &mut Lab, task: TaskId, fd: u32) {
    assert_eq!(lab.call(task, Syscall::Close(fd)), 0);
}

#[test]
fn what_is_written_is_read_in_order() {
    let (mut lab, sh) = Lab::with_shell();
    let before = lab.footprint();
    let (r, w) = lab.pipe(sh);
    assert_eq!((r, w), (3, 4));
    assert_eq!(lab.write_fd(sh, w, b"abc"), Ok(3));
    assert_eq!(lab.write_fd(sh, w, b"def"), Ok(3));
    assert_eq!(lab.read_fd(sh, r, 2), text("ab"));
    assert_eq!(lab.read_fd(sh, r, 99), text("cdef"));
    // Its page is kept for the next write, until the pipe goes.
    assert_eq!(only_pipe(&lab).frames().count(), 1);
    assert_eq!(lab.write_fd(sh, r, b"x"), Ok(-Errno::EBADF.code()));
    assert_eq!(lab.read_fd(sh, w, 1), Ok(Err(Errno::EBADF)));
    close(&mut lab, sh, r);
    close(&mut lab, sh, w);
    assert_eq!(lab.footprint(), before);
}

/// Sixteen buffers of a page each: small writes share a page only as long as they fit.
#[test]
fn a_pipe_holds_sixteen_pages() {
    let (mut lab, sh) = Lab::with_shell();
    let (r, w) = lab.pipe(sh);
    assert_eq!(
        lab.write_fd(sh, w, &vec![b'x'; 16 * PAGE]),
        Ok(16 * PAGE as i32)
    );
    let nonblock = |lab: &mut Lab, fd| lab.call(sh, Syscall::Fcntl(fd, F_SETFL, O_NONBLOCK));
    nonblock(&mut lab, w);
    assert_eq!(lab.write_fd(sh, w, b"y"), Ok(-Errno::EAGAIN.code()));
    // Room is made by the page.
    assert_eq!(lab.read_fd(sh, r, 4095).unwrap().unwrap().len(), 4095);
    assert_eq!(lab.write_fd(sh, w, b"y"), Ok(-Errno::EAGAIN.code()));
    assert_eq!(lab.read_fd(sh, r, 1), text("x"));
    assert_eq!(lab.write_fd(sh, w, b"y"), Ok(1));
    // The odd bytes of a write go into the last page first, ahead of the whole pages.
    assert_eq!(
        lab.read_fd(sh, r, PAGE as u32).unwrap().unwrap().len(),
        PAGE
    );
    let mut mixed = vec![b'a'; 10];
    mixed.extend(vec![b'b'; PAGE]);
    assert_eq!(lab.write_fd(sh, w, &mixed), Ok(10 + PAGE as i32));
    let lens: Vec<u32> = only_pipe(&lab).buffers().map(|b| b.len).collect();
    assert_eq!(lens[lens.len() - 2..], [11, 4096]);
}

#[test]
fn sixteen_small_writes_that_do_not_fit_together_fill_it() {
    let (mut lab, sh) = Lab::with_shell();
    let (_, w) = lab.pipe(sh);
    lab.call(sh, Syscall::Fcntl(w, F_SETFL, O_NONBLOCK));
    for _ in 0..16 {
        assert_eq!(lab.write_fd(sh, w, &[b'x'; 2049]), Ok(2049));
    }
    assert_eq!(
        lab.write_fd(sh, w, &[b'x'; 2049]),
        Ok(-Errno::EAGAIN.code())
    );
    assert_eq!(lab.write_fd(sh, w, &[b'x'; 2047]), Ok(2047));
}

#[test]
fn a_reader_waits_for_a_writer_and_both_know_the_end() {
    let (mut lab, sh) = Lab::with_shell();
    let (r, w) = lab.pipe(sh);
    let child = lab.fork(sh);
    let call = lab.read_fd(sh, r, 99).unwrap_err();
    assert_eq!(lab.read_late(call), None);
    assert_eq!(lab.write_fd(child, w, b"hello"), Ok(5));
    assert_eq!(lab.read_late(call), Some("hello".to_owned()));
    // As long as the reader can write itself, there is no end.
    let call = lab.read_fd(child, r, 99).unwrap_err();
    close(&mut lab, sh, w);
    assert_eq!(lab.read_late(call), None);
    lab.exit(sh, 0);
    assert_eq!(lab.read_late(call), None);
    drop(lab);

    let (mut lab, sh) = Lab::with_shell();
    let (r, w) = lab.pipe(sh);
    let child = lab.fork(sh);
    close(&mut lab, sh, w);
    let call = lab.read_fd(sh, r, 99).unwrap_err();
    lab.exit(child, 0);
    assert_eq!(lab.read_late(call), Some(String::new()));
    assert_eq!(lab.read_fd(sh, r, 99), text(""));
}

/// `fs/pipe.c`: only who is about to sleep wakes the other side synchronously; the end of a write
/// and of a descriptor let a better reader preempt.
#[test]
fn a_better_reader_preempts_who_ends_a_write_or_closes_the_pipe() {
    for closes in [false, true] {
        let (mut lab, sh) = Lab::with_shell();
        let (r, w) = lab.pipe(sh);
        let reader = lab.fork(sh);
        close(&mut lab, reader, w);
        lab.call(sh, Syscall::Nice(19));
        lab.read_fd(reader, r, 9).unwrap_err();
        let mark = lab.mark();
        if closes {
            close(&mut lab, sh, w);
        } else {
            assert_eq!(lab.write_fd(sh, w, b"x"), Ok(1));
        }
        let preempted = lab.events(mark, |record| match record.event {
            // The puppet itself preempts the idle task when it is woken to act.
            TraceEvent::SchedSwitch {
                prev, next, why, ..
            } if prev.0 != 0 => (why == SwitchReason::Preempted).then_some(next.0),
            _ => None,
        });
        assert!(preempted.contains(&lab.pid(reader)), "closes: {closes}");
    }
}

#[test]
fn a_writer_waits_for_room_and_gets_all_of_it_through() {
    let (mut lab, sh) = Lab::with_shell();
    let (r, w) = lab.pipe(sh);
    let child = lab.fork(sh);
    let call = lab.write_fd(child, w, &vec![b'x'; 18 * PAGE]).unwrap_err();
    assert_eq!(only_pipe(&lab).waiting_writers(), 1);
    // A writer sleeps, so a read that finds less than it wants waits for more.
    let read = lab.read_fd(sh, r, 17 * PAGE as u32);
    let read = match read {
        Ok(read) => read.unwrap(),
        Err(call) => lab.read_late(call).unwrap(),
    };
    assert_eq!(read.len(), 17 * PAGE);
    assert_eq!(lab.returned(call), Some((18 * PAGE as i32, None)));
    assert_eq!(lab.read_fd(sh, r, 99999).unwrap().unwrap().len(), PAGE);
    assert_eq!(only_pipe(&lab).waiting_writers(), 0);
}

#[test]
fn nobody_to_read_is_sigpipe_and_epipe() {
    let (mut lab, sh) = Lab::with_shell();
    let (r, w) = lab.pipe(sh);
    let child = lab.fork(sh);
    close(&mut lab, sh, r);
    close(&mut lab, child, r);
    let ignore = Syscall::sigaction(13, Some(forklab::abi::SigAction::Ignore));
    lab.call(sh, ignore);
    assert_eq!(lab.write_fd(sh, w, b"x"), Ok(-Errno::EPIPE.code()));
    let pid = lab.pid(child);
    assert_eq!(lab.write_fd(child, w, b"x"), Ok(-Errno::EPIPE.code()));
    assert_eq!(lab.wait(sh, -1, 0), crate::lab::Waited::Reaped(pid, 13));
}

#[test]
fn a_writer_asleep_learns_that_the_reader_is_gone() {
    let (mut lab, sh) = Lab::with_shell();
    let (r, w) = lab.pipe(sh);
    let child = lab.fork(sh);
    close(&mut lab, child, r);
    let call = lab.write_fd(child, w, &vec![b'x'; 17 * PAGE]).unwrap_err();
    close(&mut lab, sh, r);
    // Sixteen pages went through, and SIGPIPE came.
    assert_eq!(lab.returned(call), Some((16 * PAGE as i32, None)));
    assert!(lab.machine.has_ended(child));
}

#[test]
fn nonblocking_reads() {
    let (mut lab, sh) = Lab::with_shell();
    let (r, w) = lab.pipe(sh);
    lab.call(sh, Syscall::Fcntl(r, F_SETFL, O_NONBLOCK));
    assert_eq!(lab.read_fd(sh, r, 9), Ok(Err(Errno::EAGAIN)));
    assert_eq!(lab.read_fd(sh, r, 0), text(""));
    lab.write_fd(sh, w, b"x").unwrap();
    assert_eq!(lab.read_fd(sh, r, 9), text("x"));
    close(&mut lab, sh, w);
    assert_eq!(lab.read_fd(sh, r, 9), text(""));
}

/// The call keeps the description, so that a thread may close the descriptor meanwhile.
#[test]
fn a_descriptor_that_another_thread_closes_during_a_read() {
    let (mut lab, sh) = Lab::with_shell();
    let (r, w) = lab.pipe(sh);
    let other = lab.clone(sh, F::CLONE_FILES | F::FORK).unwrap();
    let call = lab.read_fd(sh, r, 9).unwrap_err();
    close(&mut lab, other, r);
    lab.check();
    assert_eq!(only_pipe(&lab).readers(), 1);
    lab.write_fd(other, w, b"x").unwrap();
    assert_eq!(lab.read_late(call), Some("x".to_owned()));
    assert_eq!(only_pipe(&lab).readers(), 0);
}

#[test]
fn a_signal_interrupts_a_read_and_it_is_made_again() {
    let (mut lab, sh) = Lab::with_shell();
    let (r, _w) = lab.pipe(sh);
    // Its end sends a signal that is ignored by default, but wakes nobody; this one has a handler.
    let handler = forklab::abi::SigAction::Handler(forklab::abi::VirtAddr(0x1000));
    lab.call(sh, Syscall::sigaction(SIGUSR1, Some(handler)));
    let silent = lab.fork(sh);
    let loud = lab.clone(sh, exit_signal(SIGUSR1)).unwrap();
    let call = lab.read_fd(sh, r, 9).unwrap_err();
    lab.exit(silent, 0);
    assert_eq!(lab.read_late(call), None);
    lab.exit(loud, 0);
    assert_eq!(lab.returned(call), Some((-Errno::EINTR.code(), None)));
}

#[test]
fn a_bad_address_leaves_both_descriptors_of_a_new_pipe_open() {
    let (mut lab, sh) = Lab::with_shell();
    let value = lab.call(sh, Syscall::Pipe(forklab::abi::VirtAddr(8)));
    assert_eq!(value, -Errno::EFAULT.code());
    assert_eq!(lab.files(sh).open().count(), 5);
    *lab.rlimit_mut(sh, Resource::Nofile) = 6;
    let before = lab.footprint();
    match lab.on_stack(sh, BufferCall::Pipe, 8, &[]) {
        Acted::Refused(error) => assert_eq!(error.errno(), Errno::EMFILE),
        other => panic!("{other:?}"),
    }
    assert_eq!(lab.footprint(), before);
    assert_eq!(lab.call(sh, Syscall::Dup(0)), 5);
}

#[test]
fn a_pipe_without_memory_says_so_and_keeps_what_it_has() {
    let (mut lab, sh) = Lab::with_shell();
    let (r, w) = lab.pipe(sh);
    // The stack has its pages, the pipe one of three that it needs.
    lab.write_fd(sh, w, &vec![b'x'; 3 * PAGE]).unwrap();
    lab.read_fd(sh, r, 3 * PAGE as u32).unwrap().unwrap();
    lab.fail(forklab::kernel::fail::FailPoint::Frame(Some(0)));
    assert_eq!(lab.write_fd(sh, w, &vec![b'y'; 3 * PAGE]), Ok(PAGE as i32));
    lab.fail(forklab::kernel::fail::FailPoint::Frame(Some(0)));
    assert_eq!(
        lab.write_fd(sh, w, &vec![b'y'; PAGE]),
        Ok(-Errno::ENOMEM.code())
    );
    assert_eq!(lab.read_fd(sh, r, 9999).unwrap().unwrap().len(), PAGE);
}
