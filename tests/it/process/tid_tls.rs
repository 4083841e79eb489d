//! The stored tids, and the TLS descriptors.

use crate::lab::{Lab, THREAD, errno};
use forklab::abi::{CloneFlags as F, Errno, TaskId, VirtAddr};
use forklab::hw::{SegmentDescriptor, UserDesc};
use forklab::kernel::syscall::{ForkArgs, Syscall};
use forklab::trace::TraceEvent;

fn clone_words(lab: &mut Lab, task: TaskId, flags: F, parent: u32, child: u32) -> TaskId {
    let args = ForkArgs {
        parent_tid: VirtAddr(parent),
        child_tid: VirtAddr(child),
        ..ForkArgs::default()
    };
    lab.clone_with(task, flags, args).unwrap()
}

/// PARENT_SETTID is stored before the memory is copied, CHILD_SETTID by the child afterwards.
#[test]
fn who_sees_which_tid() {
    for (flags, parent_sees, child_sees) in [
        (F::FORK, [false, false], [false, false]),
        (
            F::FORK | F::CLONE_PARENT_SETTID,
            [true, false],
            [true, false],
        ),
        (
            F::FORK | F::CLONE_CHILD_SETTID,
            [false, false],
            [false, true],
        ),
        (
            F::FORK | F::CLONE_VM | F::CLONE_PARENT_SETTID,
            [true, false],
            [true, false],
        ),
        (
            F::FORK | F::CLONE_VM | F::CLONE_CHILD_SETTID,
            [false, true],
            [false, true],
        ),
        (
            F::CLONE_CHILD_CLEARTID | F::CLONE_CHILD_SETTID | F::FORK,
            [false, false],
            [false, true],
        ),
    ] {
        let (mut lab, sh) = Lab::with_shell();
        let page = lab.map(sh, 1);
        let words = [page, VirtAddr(page.0 + 8)];
        let child = clone_words(&mut lab, sh, flags, words[0].0, words[1].0);
        let tid = lab.pid(child) as u32;
        let mut sees = |task| words.map(|word| lab.read(task, word) == tid);
        assert_eq!(sees(sh), parent_sees, "{flags:#x}");
        assert_eq!(sees(child), child_sees, "{flags:#x}");
    }
}

/// A child that cannot store its tid starts all the same.
#[test]
fn a_fault_of_the_child_s_store_is_ignored() {
    let (mut lab, sh) = Lab::with_shell();
    let mark = lab.mark();
    let child = clone_words(&mut lab, sh, F::FORK | F::CLONE_CHILD_SETTID, 0, 16);
    let writes = lab.events(mark, |record| match record.event {
        TraceEvent::TidWrite { addr, failed, .. } => Some((addr.0, failed)),
        _ => None,
    });
    assert_eq!(writes, [(16, true)]);
    assert_eq!(lab.call(child, Syscall::Gettid), lab.pid(child));
}

/// Examples 6 and 7: the word is cleared only while somebody shares the memory.
#[test]
fn the_tid_is_cleared_while_others_can_see_it() {
    for (flags, cleared) in [
        (THREAD | F::FORK | F::CLONE_CHILD_CLEARTID, true),
        (F::FORK | F::CLONE_VM | F::CLONE_CHILD_CLEARTID, true),
        (
            F::CLONE_CHILD_CLEARTID | F::CLONE_CHILD_SETTID | F::FORK,
            false,
        ),
    ] {
        let (mut lab, sh) = Lab::with_shell();
        let word = lab.map(sh, 1);
        lab.write(sh, word, 7);
        let child = clone_words(&mut lab, sh, flags, 0, word.0);
        let mark = lab.mark();
        lab.exit(child, 0);
        let writes = lab.events(mark, |record| match record.event {
            TraceEvent::TidWrite { value, .. } => Some(value.0),
            _ => None,
        });
        assert_eq!(writes, if cleared { vec![0] } else { vec![] }, "{flags:#x}");
        assert_eq!(lab.read(sh, word) == 0, cleared, "{flags:#x}");
    }
}

/// An exec of one who shares clears the word; of one who does not, leaves the address armed.
#[test]
fn an_address_that_was_not_needed_survives_an_exec() {
    for (flags, armed) in [
        (F::FORK | F::CLONE_VM | F::CLONE_CHILD_CLEARTID, false),
        (F::FORK | F::CLONE_CHILD_CLEARTID, true),
    ] {
        let (mut lab, sh) = Lab::with_shell();
        let word = lab.map(sh, 1);
        lab.write(sh, word, 7);
        let child = clone_words(&mut lab, sh, flags, 0, word.0);
        assert_eq!(lab.call(child, Syscall::Execve("sh".into())), 0);
        let kept = if armed { word } else { VirtAddr(0) };
        assert_eq!(lab.task(child).clear_child_tid, kept);
        assert_eq!(lab.read(sh, word), if armed { 7 } else { 0 });
        let tid = lab.pid(child);
        assert_eq!(lab.call(child, Syscall::SetTidAddress(VirtAddr(64))), tid);
        assert_eq!(lab.task(child).clear_child_tid, VirtAddr(64));
    }
}

const fn desc(entry_number: i32, base: u32, limit: u32, flags: u32) -> UserDesc {
    UserDesc {
        entry_number,
        base,
        limit,
        flags,
    }
}

fn tls(lab: &Lab, task: TaskId) -> [(u32, u32); 3] {
    let words = |d: SegmentDescriptor| (d.low, d.high);
    lab.task(task).thread.tls_array.map(words)
}

const EXAMPLE: (u32, u32) = (0x5678_ffff, 0x12df_f234);

/// Example 24, the part of CLONE_SETTLS.
#[test]
fn clone_takes_one_descriptor_for_an_explicit_entry() {
    for (entry, base, limit, flags, slot) in [
        (6, 0x1234_5678, 0xf_ffff, 0x51, Ok(0)),
        (7, 0x1234_5678, 0xf_ffff, 0x51, Ok(1)),
        (8, 0x1234_5678, 0xf_ffff, 0x51, Ok(2)),
        (5, 0x1234_5678, 0xf_ffff, 0x51, Err(Errno::EINVAL)),
        (9, 0x1234_5678, 0xf_ffff, 0x51, Err(Errno::EINVAL)),
        (-1, 0x1234_5678, 0xf_ffff, 0x51, Err(Errno::EINVAL)),
        (i32::MIN, 0x1234_5678, 0xf_ffff, 0x51, Err(Errno::EINVAL)),
        (6, 0, 0, 0x28, Err(Errno::EINVAL)),
    ] {
        let (mut lab, sh) = Lab::with_shell();
        let child = lab.clone_tls(sh, desc(entry, base, limit, flags));
        match (child, slot) {
            (Ok(child), Ok(slot)) => {
                let mut expected = [(0, 0); 3];
                expected[slot] = EXAMPLE;
                assert_eq!(tls(&lab, child), expected, "{entry}");
                assert_eq!(tls(&lab, sh), [(0, 0); 3], "the caller keeps its own");
            }
            (child, slot) => assert_eq!(child.err(), slot.err(), "{entry} {flags:#x}"),
        }
    }
}

fn set_thread_area(lab: &mut Lab, task: TaskId, at: VirtAddr, desc: UserDesc) -> i32 {
    let words = [desc.entry_number as u32, desc.base, desc.limit, desc.flags];
    for (i, word) in (0..).zip(words) {
        lab.write(task, VirtAddr(at.0 + 4 * i), word);
    }
    lab.call(task, Syscall::SetThreadArea(at))
}

/// Example 24, the part of `set_thread_area`; then what children inherit and exec clears.
#[test]
fn set_thread_area_chooses_fills_and_clears_entries() {
    let (mut lab, sh) = Lab::with_shell();
    let at = lab.map(sh, 1);
    let any = desc(-1, 0x1234_5678, 0xf_ffff, 0x51);
    for entry in 6..=8 {
        assert_eq!(set_thread_area(&mut lab, sh, at, any), 0);
        assert_eq!(lab.read(sh, at), entry);
    }
    let full = set_thread_area(&mut lab, sh, at, any);
    assert_eq!(errno(full), Errno::ESRCH);
    let clear = desc(7, 0, 0, 0x28);
    assert_eq!(set_thread_area(&mut lab, sh, at, clear), 0);
    assert_eq!(tls(&lab, sh), [EXAMPLE, (0, 0), EXAMPLE]);
    for entry in [5, 9, -2] {
        let bad = set_thread_area(&mut lab, sh, at, desc(entry, 1, 1, 0));
        assert_eq!(errno(bad), Errno::EINVAL);
    }
    let unreadable = lab.call(sh, Syscall::SetThreadArea(VirtAddr(16)));
    assert_eq!(errno(unreadable), Errno::EFAULT);
    let child = lab.fork(sh);
    assert_eq!(tls(&lab, child), tls(&lab, sh));
    assert_eq!(lab.call(child, Syscall::Execve("sh".into())), 0);
    assert_eq!(tls(&lab, child), [(0, 0); 3]);
}

/// The child's registers: the caller's, but for eax and a stack of its own.
#[test]
fn a_child_has_the_caller_s_registers_and_its_own_stack() {
    for stack in [0, 0xa000_0000] {
        let (mut lab, sh) = Lab::with_shell();
        let args = ForkArgs {
            stack: VirtAddr(stack),
            ..ForkArgs::default()
        };
        let child = lab.clone_with(sh, F::FORK | F::CLONE_VM, args).unwrap();
        let (mine, its) = (&lab.task(sh).thread.regs, &lab.task(child).thread.regs);
        let esp = if stack == 0 { mine.esp } else { stack };
        assert_eq!((its.esp, its.eax, its.eip), (esp, 0, mine.eip));
        assert_eq!(mine.eax, lab.pid(child) as u32);
    }
}
