//! ptrace: attaching, stops, requests, events, and what becomes of tracees.

use super::handlers::{begin, handle};
use crate::lab::{ALL_SHARED, Lab, THREAD, USER, Waited, errno};
use forklab::abi::{
    CloneFlags, CloneFlags as F, Errno, MapFlags, Prot, PtFlags, SaFlags, Signal, TaskId,
    TaskState, VirtAddr, si_code,
};
use forklab::kernel::syscall::{ForkArgs, MmapArgs, PtraceArgs, Syscall};
use forklab::kernel::task::SignalFlags;
use forklab::machine::{Acted, BufferCall};

const TRACEME: u32 = 0;
const PEEK: u32 = 2;
const PEEKUSER: u32 = 3;
const POKETEXT: u32 = 4;
const POKEUSER: u32 = 6;
const CONT: u32 = 7;
const KILL: u32 = 8;
const GETREGS: u32 = 12;
const SETREGS: u32 = 13;
const ATTACH: u32 = 16;
const DETACH: u32 = 17;
const SYSCALL: u32 = 24;
const GET_THREAD_AREA: u32 = 25;
const SET_THREAD_AREA: u32 = 26;
const SETOPTIONS: u32 = 0x4200;
const GETEVENTMSG: u32 = 0x4201;
const GETSIGINFO: u32 = 0x4202;
const SETSIGINFO: u32 = 0x4203;

/// The offset of the debug registers in the user area.
const DEBUG_REGISTERS: u32 = 252;

const NOHANG: u32 = 1;
const UNTRACED: u32 = 2;

fn ptrace(lab: &mut Lab, tracer: TaskId, request: u32, child: TaskId, data: u32) -> i32 {
    at(lab, tracer, request, child, 0, data)
}

fn at(lab: &mut Lab, tracer: TaskId, request: u32, child: TaskId, addr: u32, data: u32) -> i32 {
    let pid = lab.pid(child);
    let args = PtraceArgs {
        request,
        pid,
        addr,
        data,
    };
    lab.call(tracer, Syscall::Ptrace(args))
}

fn words(
    lab: &mut Lab,
    tracer: TaskId,
    request: u32,
    child: TaskId,
    addr: u32,
    words: u32,
) -> Result<Vec<u32>, Errno> {
    let pid = lab.pid(child);
    let call = BufferCall::Ptrace { request, pid, addr };
    match lab.on_stack(tracer, call, 4 * words, &[]) {
        Acted::Filled(0, bytes) => {
            let word = |b: &[u8]| u32::from_le_bytes(b.try_into().unwrap());
            Ok(bytes.chunks(4).map(word).collect())
        }
        Acted::Refused(error) => Err(error.errno()),
        other => panic!("{other:?}"),
    }
}

/// A request that takes words from the tracer's memory.
fn give(lab: &mut Lab, tracer: TaskId, request: u32, child: TaskId, words: &[u32]) -> i32 {
    let pid = lab.pid(child);
    let addr = 0;
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let call = BufferCall::Ptrace { request, pid, addr };
    match lab.on_stack(tracer, call, bytes.len() as u32, &bytes) {
        Acted::Filled(value, _) => value as i32,
        Acted::Refused(error) => -error.errno().code(),
        other => panic!("{other:?}"),
    }
}

fn word(
    lab: &mut Lab,
    tracer: TaskId,
    request: u32,
    child: TaskId,
    addr: u32,
) -> Result<u32, Errno> {
    words(lab, tracer, request, child, addr, 1).map(|words| words[0])
}

fn traceme(lab: &mut Lab, task: TaskId) -> i32 {
    ptrace(lab, task, TRACEME, task, 0)
}

/// Attaches, and waits for the stop.
fn attach(lab: &mut Lab, tracer: TaskId, child: TaskId) {
    assert_eq!(ptrace(lab, tracer, ATTACH, child, 0), 0);
    stopped(lab, tracer, child, 0x137f);
}

fn stopped(lab: &mut Lab, tracer: TaskId, child: TaskId, status: u32) {
    let pid = lab.pid(child);
    assert_eq!(lab.wait(tracer, pid, 0), Waited::Reaped(pid, status));
    assert_eq!(lab.sched(child).state, TaskState::TRACED);
}

fn cont(lab: &mut Lab, tracer: TaskId, child: TaskId) {
    assert_eq!(ptrace(lab, tracer, CONT, child, 0), 0);
}

fn options(lab: &mut Lab, tracer: TaskId, child: TaskId, options: u32) {
    assert_eq!(ptrace(lab, tracer, SETOPTIONS, child, options), 0);
}

/// A shell, and a child of it that is traced with options and runs.
fn traced_child(chosen: u32) -> (Lab, TaskId, TaskId) {
    let (mut lab, sh) = Lab::with_shell();
    let child = lab.fork(sh);
    attach(&mut lab, sh, child);
    options(&mut lab, sh, child, chosen);
    cont(&mut lab, sh, child);
    (lab, sh, child)
}

/// Process example 18.
#[test]
fn the_trace_word_after_traceme_options_and_attach() {
    let (mut lab, sh) = Lab::with_shell();
    let child = lab.fork(sh);
    assert_eq!(traceme(&mut lab, child), 0);
    assert_eq!(errno(traceme(&mut lab, child)), Errno::EPERM);
    assert_eq!(lab.task(child).ptrace(), PtFlags::PTRACED);
    assert_eq!(lab.call(child, Syscall::Execve("sh".into())), 0);
    stopped(&mut lab, sh, child, 0x057f);
    options(&mut lab, sh, child, 0x7f);
    assert_eq!(lab.task(child).ptrace().bits(), 0x3f5);
    let value = ptrace(&mut lab, sh, SETOPTIONS, child, 0x82);
    assert_eq!(errno(value), Errno::EINVAL);
    assert_eq!(lab.task(child).ptrace().bits(), 0x11);

    let root = lab.spawn_as("root", 0);
    let other = lab.spawn("other");
    let own = lab.fork(other);
    for (tracer, target, word) in [(other, own, 0x001), (sh, other, 0x401), (root, sh, 0x409)] {
        assert_eq!(ptrace(&mut lab, tracer, ATTACH, target, 0), 0);
        assert_eq!(lab.task(target).ptrace().bits(), word);
        lab.check();
    }
}

#[test]
fn who_may_not_be_attached_to() {
    let (mut lab, sh) = Lab::with_shell();
    let other = lab.spawn_as("other", 501);
    let root = lab.spawn_as("root", 0);
    let init = lab.kernel().init();
    let eperm = -Errno::EPERM.code();
    for target in [sh, other, root, init] {
        assert_eq!(ptrace(&mut lab, sh, ATTACH, target, 0), eperm);
    }
    let zombie = lab.fork(sh);
    lab.exit(zombie, 0);
    assert_eq!(ptrace(&mut lab, sh, ATTACH, zombie, 0), eperm);
    let child = lab.fork(sh);
    attach(&mut lab, sh, child);
    assert_eq!(ptrace(&mut lab, root, ATTACH, child, 0), eperm);
    let args = PtraceArgs {
        request: ATTACH,
        pid: 4711,
        addr: 0,
        data: 0,
    };
    let value = lab.call(sh, Syscall::Ptrace(args));
    assert_eq!(errno(value), Errno::ESRCH);
}

/// Whoever is not traced by the caller, or has not stopped, is out of reach.
#[test]
fn requests_need_a_stopped_tracee() {
    let (mut lab, sh) = Lab::with_shell();
    let child = lab.fork(sh);
    let esrch = -Errno::ESRCH.code();
    for request in [PEEK, CONT, KILL, DETACH, SETOPTIONS, 99] {
        assert_eq!(ptrace(&mut lab, sh, request, child, 0), esrch);
    }
    attach(&mut lab, sh, child);
    assert_eq!(ptrace(&mut lab, sh, 99, child, 0), -Errno::EIO.code());
    assert_eq!(ptrace(&mut lab, sh, CONT, child, 65), -Errno::EIO.code());
    assert_eq!(lab.sched(child).state, TaskState::TRACED);
    cont(&mut lab, sh, child);
    assert_eq!(ptrace(&mut lab, sh, CONT, child, 0), esrch);
    // Of a running task KILL means nothing.
    assert_eq!(ptrace(&mut lab, sh, KILL, child, 0), 0);
    assert!(!lab.machine.has_ended(child));
}

#[test]
fn a_signal_is_shown_first_and_replaced_or_dropped() {
    let (mut lab, sh, child) = traced_child(0);
    let usr1 = Syscall::Kill(lab.pid(child), 10);
    lab.call(sh, usr1.clone());
    stopped(&mut lab, sh, child, 0x0a7f);
    let info = words(&mut lab, sh, GETSIGINFO, child, 0, 32).unwrap();
    assert_eq!(info[..4], [10, 0, 0, lab.pid(sh) as u32]);
    cont(&mut lab, sh, child);
    assert_eq!(lab.sched(child).state, TaskState::INTERRUPTIBLE);
    lab.call(sh, usr1);
    stopped(&mut lab, sh, child, 0x0a7f);
    assert_eq!(ptrace(&mut lab, sh, CONT, child, 15), 0);
    let pid = lab.pid(child);
    assert_eq!(lab.wait(sh, pid, 0), Waited::Reaped(pid, 15));
}

/// What a tracer writes into the signal of a stop reaches the handler, unless it lets the task go on
/// with another signal: that one comes from the tracer.
#[test]
fn a_tracer_can_change_what_a_signal_says() {
    let said = |signal| {
        let mut words: Vec<u32> = (0..32).map(|n| 0x0403_0201 + n).collect();
        (words[0], words[2]) = (signal, si_code::SI_QUEUE as u32);
        words
    };
    for (signal, go_on_with) in [(10, 10), (12, 12), (12, 10)] {
        let (mut lab, sh, child) = traced_child(0);
        for (number, taken) in [Signal::SIGUSR1, Signal::SIGUSR2].into_iter().enumerate() {
            handle(&mut lab, child, taken, number, SaFlags::SIGINFO);
        }
        let usr1 = Syscall::Kill(lab.pid(child), 10);
        lab.call(sh, usr1);
        stopped(&mut lab, sh, child, 0x0a7f);
        let words_set = said(signal);
        assert_eq!(give(&mut lab, sh, SETSIGINFO, child, &words_set), 0);
        let shown = words(&mut lab, sh, GETSIGINFO, child, 0, 32);
        assert_eq!(shown, Ok(words_set.clone()));
        assert_eq!(ptrace(&mut lab, sh, CONT, child, go_on_with), 0);
        assert_eq!(begin(&mut lab).unwrap().signal.number(), go_on_with);
        // The second argument of a handler is the address of what the signal says.
        let esp = lab.task(child).thread.regs.esp;
        let info = lab.read(child, VirtAddr(esp + 8));
        let told: Vec<u32> = (0..5)
            .map(|word| lab.read(child, VirtAddr(info + 4 * word)))
            .collect();
        let by_tracer = [10, 0, si_code::SI_USER as u32, lab.pid(sh) as u32, USER];
        let expected = if signal == go_on_with {
            &words_set[..5]
        } else {
            &by_tracer
        };
        assert_eq!(told, expected, "{signal} {go_on_with}");
    }
}

/// Only a task that has stopped to take a signal has one to read and change.
#[test]
fn a_stop_without_a_signal_says_nothing() {
    let (mut lab, sh) = Lab::with_shell();
    let child = lab.fork(sh);
    let pid = lab.pid(child);
    assert_eq!(lab.kill(sh, pid, 19), 0);
    assert_eq!(ptrace(&mut lab, sh, ATTACH, child, 0), 0);
    let none = words(&mut lab, sh, GETSIGINFO, child, 0, 32);
    assert_eq!(none, Err(Errno::EINVAL));
    let refused = give(&mut lab, sh, SETSIGINFO, child, &[10; 32]);
    assert_eq!(errno(refused), Errno::EINVAL);
}

#[test]
fn sigkill_is_shown_to_nobody() {
    let (mut lab, sh, child) = traced_child(0);
    let pid = lab.pid(child);
    let kill = Syscall::Kill(pid, 9);
    lab.call(sh, kill);
    assert_eq!(lab.wait(sh, pid, 0), Waited::Reaped(pid, 9));
}

/// Process example 19: stops before and after each call, with the values in `eax`.
#[test]
fn system_calls_stop_before_and_after() {
    for (good, status) in [(0, 0x057f), (1, 0x857f)] {
        let (mut lab, sh, child) = traced_child(good);
        let usr1 = Syscall::Kill(lab.pid(child), 10);
        lab.call(sh, usr1);
        stopped(&mut lab, sh, child, 0x0a7f);
        assert_eq!(ptrace(&mut lab, sh, SYSCALL, child, 0), 0);
        let Acted::Blocks(call) = lab.outcome(child, Syscall::Gettid) else {
            panic!("no stop");
        };
        stopped(&mut lab, sh, child, status);
        let regs = words(&mut lab, sh, GETREGS, child, 0, 17).unwrap();
        assert_eq!((regs[6] as i32, regs[11]), (-38, 224));
        assert_eq!(ptrace(&mut lab, sh, SYSCALL, child, 0), 0);
        stopped(&mut lab, sh, child, status);
        let pid = lab.pid(child);
        assert_eq!(word(&mut lab, sh, PEEKUSER, child, 24), Ok(pid as u32));
        assert_eq!(lab.returned(call), None);
        cont(&mut lab, sh, child);
        assert_eq!(lab.returned(call), Some((pid, None)));
        assert_eq!(lab.call(child, Syscall::Gettid), pid);
    }
}

#[test]
fn a_tracer_can_change_the_call_and_its_value() {
    let (mut lab, sh, child) = traced_child(0);
    attach_again(&mut lab, sh, child);
    ptrace(&mut lab, sh, SYSCALL, child, 0);
    let Acted::Blocks(call) = lab.outcome(child, Syscall::Gettid) else {
        panic!("no stop");
    };
    stopped(&mut lab, sh, child, 0x057f);
    // getppid instead of gettid.
    assert_eq!(at(&mut lab, sh, POKEUSER, child, 4 * 11, 64), 0);
    ptrace(&mut lab, sh, SYSCALL, child, 0);
    stopped(&mut lab, sh, child, 0x057f);
    let ppid = lab.pid(sh) as u32;
    assert_eq!(word(&mut lab, sh, PEEKUSER, child, 24), Ok(ppid));
    assert_eq!(at(&mut lab, sh, POKEUSER, child, 24, 7), 0);
    cont(&mut lab, sh, child);
    assert_eq!(lab.returned(call), Some((7, None)));
}

/// Stops a tracee that runs.
fn attach_again(lab: &mut Lab, sh: TaskId, child: TaskId) {
    let stop = Syscall::Kill(lab.pid(child), 10);
    lab.call(sh, stop);
    stopped(lab, sh, child, 0x0a7f);
}

/// Process example 20.
#[test]
fn only_the_events_asked_for_and_their_children_are_traced() {
    let (mut lab, sh, child) = traced_child(0x02);
    let thread = lab
        .clone(child, ALL_SHARED | F::CLONE_THREAD | F::CLONE_SYSVSEM)
        .unwrap();
    assert!(lab.task(thread).ptrace().is_empty());
    lab.exit(thread, 0);
    let pid = lab.pid(child);
    assert_eq!(lab.wait(sh, pid, NOHANG), Waited::Nothing(0));
    let grandchild = lab.vfork(child);
    assert!(lab.task(grandchild).ptrace().is_empty());
    lab.exit(grandchild, 0);
    // That SIGCHLD is ignored makes no difference: a tracer sees every signal.
    stopped(&mut lab, sh, child, 0x117f);
    cont(&mut lab, sh, child);

    let grandchild = lab.fork(child);
    stopped(&mut lab, sh, child, 0x1057f);
    let new = lab.pid(grandchild) as u32;
    assert_eq!(word(&mut lab, sh, GETEVENTMSG, child, 0), Ok(new));
    assert_eq!(lab.task(grandchild).ptrace(), lab.task(child).ptrace());
    stopped(&mut lab, sh, grandchild, 0x137f);
    assert_eq!(lab.task(grandchild).parent(), sh);
    assert_eq!(lab.task(grandchild).real_parent(), child);
    cont(&mut lab, sh, child);
    cont(&mut lab, sh, grandchild);
    assert_eq!(lab.call(grandchild, Syscall::Getppid), pid);
    lab.check();
}

#[test]
fn vfork_events_before_and_after_the_wait() {
    let (mut lab, sh, child) = traced_child(0x04 | 0x20);
    let grandchild = lab.vfork(child);
    stopped(&mut lab, sh, child, 0x2057f);
    stopped(&mut lab, sh, grandchild, 0x137f);
    cont(&mut lab, sh, grandchild);
    // The child can be done before the parent begins to wait for it.
    assert_eq!(lab.call(grandchild, Syscall::Execve("sh".into())), 0);
    cont(&mut lab, sh, child);
    stopped(&mut lab, sh, child, 0x5057f);
    cont(&mut lab, sh, child);
    let pid = lab.pid(child);
    assert_eq!(lab.call(child, Syscall::Gettid), pid);
    stopped(&mut lab, sh, grandchild, 0x057f);
}

/// Process example 21.
#[test]
fn the_exit_event_comes_first_and_the_status_later() {
    let (mut lab, sh, child) = traced_child(0x40);
    let pid = lab.pid(child);
    lab.outcome(child, Syscall::Exit(3));
    stopped(&mut lab, sh, child, 0x6057f);
    assert_eq!(word(&mut lab, sh, GETEVENTMSG, child, 0), Ok(0x300));
    assert!(lab.task(child).mm().is_some());
    cont(&mut lab, sh, child);
    assert_eq!(lab.wait(sh, pid, 0), Waited::Reaped(pid, 0x300));
}

#[test]
fn the_exec_event_comes_with_the_new_program() {
    let (mut lab, sh, child) = traced_child(0x10);
    let Acted::Blocks(call) = lab.outcome(child, Syscall::Execve("sh".into())) else {
        panic!("no stop");
    };
    assert!(!lab.task(child).did_exec);
    stopped(&mut lab, sh, child, 0x4057f);
    cont(&mut lab, sh, child);
    assert!(lab.task(child).did_exec);
    assert_eq!(lab.returned(call), Some((0, None)));
}

#[test]
fn peek_and_poke() {
    let (mut lab, sh) = Lab::with_shell();
    let page = lab.map(sh, 3);
    lab.write(sh, page, 42);
    let child = lab.fork(sh);
    attach(&mut lab, sh, child);
    assert_eq!(word(&mut lab, sh, PEEK, child, page.0), Ok(42));
    assert_eq!(word(&mut lab, sh, PEEK, child, 8), Err(Errno::EIO));
    assert_eq!(
        at(&mut lab, sh, PEEK, child, page.0, 8),
        -Errno::EFAULT.code()
    );
    assert_eq!(at(&mut lab, sh, POKETEXT, child, 8, 0), -Errno::EIO.code());
    assert_eq!(at(&mut lab, sh, POKETEXT, child, page.0, 7), 0);
    assert_eq!(lab.read(sh, page), 42);
    // Across pages, and where nobody has written.
    let last = page.0 + 4096 - 2;
    assert_eq!(at(&mut lab, sh, POKETEXT, child, last, 0x0403_0201), 0);
    assert_eq!(word(&mut lab, sh, PEEK, child, last), Ok(0x0403_0201));
    assert_eq!(word(&mut lab, sh, PEEK, child, page.0 + 8192), Ok(0));
    cont(&mut lab, sh, child);
    assert_eq!(lab.read(child, page), 7);
    assert_eq!(lab.read(child, VirtAddr(page.0 + 4096)) & 0xffff, 0x0403);
    lab.check();
}

/// A breakpoint: the page of text is copied for the tracee, and nobody else sees the change.
#[test]
fn a_poke_into_text_copies_the_page_privately() {
    let (mut lab, sh) = Lab::with_shell();
    let child = lab.fork(sh);
    let text = VirtAddr(lab.mm(child).start_code);
    let before = lab.read(sh, text);
    attach(&mut lab, sh, child);
    assert_eq!(at(&mut lab, sh, POKETEXT, child, text.0, 0xcccc_cccc), 0);
    assert_eq!(word(&mut lab, sh, PEEK, child, text.0), Ok(0xcccc_cccc));
    assert_eq!(lab.read(sh, text), before);
    // Once more, on the page that is its own by now.
    assert_eq!(at(&mut lab, sh, POKETEXT, child, text.0, 0x9090_9090), 0);
    cont(&mut lab, sh, child);
    assert_eq!(lab.read(child, text), 0x9090_9090);
    // It may not write there itself.
    let bytes = vec![0];
    let action = forklab::machine::Action::Write { addr: text, bytes };
    assert!(matches!(lab.act(child, action).unwrap(), Acted::Fault(_)));
    lab.check();
}

#[test]
fn shared_memory_that_may_not_be_written_cannot_be_poked() {
    let (mut lab, sh) = Lab::with_shell();
    let child = lab.fork(sh);
    let map = |flags: MapFlags| {
        Syscall::Mmap2(MmapArgs {
            addr: 0,
            len: 4096,
            prot: Prot::READ.bits(),
            flags: (flags | MapFlags::ANONYMOUS).bits(),
            fd: None,
            pgoff: 0,
        })
    };
    let private = lab.call(child, map(MapFlags::PRIVATE)) as u32;
    attach(&mut lab, sh, child);
    assert_eq!(at(&mut lab, sh, POKETEXT, child, private, 5), 0);
    cont(&mut lab, sh, child);
    assert_eq!(lab.read(child, VirtAddr(private)), 5);
    lab.check();
}

#[test]
fn registers_are_read_and_set_as_a_whole() {
    let (mut lab, sh) = Lab::with_shell();
    let child = lab.fork(sh);
    attach(&mut lab, sh, child);
    let mut regs = words(&mut lab, sh, GETREGS, child, 0, 17).unwrap();
    assert_eq!(regs[15], lab.task(child).thread.regs.esp);
    regs[0] = 0x0403_0201;
    // A selector of the kernel is passed over.
    regs[13] = 0x60;
    assert_eq!(give(&mut lab, sh, SETREGS, child, &regs), 0);
    let now = lab.task(child).thread.regs;
    assert_eq!((now.ebx, now.cs), (0x0403_0201, 0x73));
    assert_eq!(
        at(&mut lab, sh, GETREGS, child, 0, 0xc000_0000),
        -Errno::EIO.code()
    );
    assert_eq!(word(&mut lab, sh, PEEKUSER, child, 284), Err(Errno::EIO));
}

/// They are inherited, and exec clears them.
#[test]
fn a_tracer_sets_and_reads_debug_registers() {
    let (mut lab, sh) = Lab::with_shell();
    let child = lab.fork(sh);
    attach(&mut lab, sh, child);
    let poke = |lab: &mut Lab, nr: u32, value: u32| {
        at(lab, sh, POKEUSER, child, DEBUG_REGISTERS + 4 * nr, value)
    };
    let eio = -Errno::EIO.code();
    assert_eq!(poke(&mut lab, 0, 0x0804_8000), 0);
    assert_eq!(poke(&mut lab, 1, 0xbfff_fffd), eio);
    assert_eq!(poke(&mut lab, 4, 0), eio);
    assert_eq!(poke(&mut lab, 7, 0xd_fc01), 0);
    assert_eq!(poke(&mut lab, 7, 0x2_0001), eio);
    let peek = |lab: &mut Lab, task: TaskId| {
        let word = |nr: u32| word(lab, sh, PEEKUSER, task, DEBUG_REGISTERS + 4 * nr);
        (0..8).map(word).collect::<Result<Vec<u32>, Errno>>()
    };
    let set = Ok(vec![0x0804_8000, 0, 0, 0, 0, 0, 0, 0xd_0001]);
    assert_eq!(peek(&mut lab, child), set);

    cont(&mut lab, sh, child);
    let grandchild = lab.fork(child);
    attach(&mut lab, sh, grandchild);
    assert_eq!(peek(&mut lab, grandchild), set);
    cont(&mut lab, sh, grandchild);
    let _stops = lab.outcome(grandchild, Syscall::Execve("sh".into()));
    // The new program begins with the signal of exec, which the tracer sees.
    stopped(&mut lab, sh, grandchild, 0x57f);
    assert_eq!(peek(&mut lab, grandchild), Ok(vec![0; 8]));
}

#[test]
fn a_tracer_sets_and_reads_descriptors_of_thread_areas() {
    let (mut lab, sh) = Lab::with_shell();
    let child = lab.fork(sh);
    attach(&mut lab, sh, child);
    let set = |lab: &mut Lab, entry: u32, desc: [u32; 4]| {
        let bytes: Vec<u8> = desc.iter().flat_map(|word| word.to_le_bytes()).collect();
        let call = BufferCall::Ptrace {
            request: SET_THREAD_AREA,
            pid: lab.pid(child),
            addr: entry,
        };
        match lab.on_stack(sh, call, 16, &bytes) {
            Acted::Filled(value, _) => Ok(value),
            Acted::Refused(error) => Err(error.errno()),
            other => panic!("{other:?}"),
        }
    };
    // The number in the descriptor does not matter.
    assert_eq!(set(&mut lab, 7, [6, 0x1234_5678, 0xf_ffff, 0x51]), Ok(0));
    let get = |lab: &mut Lab, entry| words(lab, sh, GET_THREAD_AREA, child, entry, 4);
    let filled = Ok(vec![7, 0x1234_5678, 0xf_ffff, 0x51]);
    assert_eq!(get(&mut lab, 7), filled);
    let empty = Ok(vec![6, 0, 0, 0x28]);
    assert_eq!(get(&mut lab, 6), empty);
    for entry in [5, 9] {
        assert_eq!(set(&mut lab, entry, [6, 0, 0, 0x28]), Err(Errno::EINVAL));
        assert_eq!(get(&mut lab, entry), Err(Errno::EINVAL));
    }
    // Of two errors, setting finds the bad address first, and reading the bad number.
    let bad = 0xc000_0000;
    let (efault, einval) = (-Errno::EFAULT.code(), -Errno::EINVAL.code());
    assert_eq!(at(&mut lab, sh, SET_THREAD_AREA, child, 9, bad), efault);
    assert_eq!(at(&mut lab, sh, GET_THREAD_AREA, child, 9, bad), einval);
    assert_eq!(at(&mut lab, sh, GET_THREAD_AREA, child, 7, bad), efault);
    // The pattern that means nothing clears the entry.
    assert_eq!(set(&mut lab, 7, [7, 0, 0, 0x28]), Ok(0));
    let tls = lab.task(child).thread.tls_array;
    assert_eq!(tls, [forklab::hw::SegmentDescriptor::default(); 3]);
}

/// Process example 30.
#[test]
fn a_tracee_is_reaped_twice() {
    let (mut lab, sh) = Lab::with_shell();
    let child = lab.fork(sh);
    let tracer = lab.spawn("tracer");
    attach(&mut lab, tracer, child);
    cont(&mut lab, tracer, child);
    let pid = lab.pid(child);
    lab.exit(child, 3);
    assert_eq!(lab.wait(sh, pid, NOHANG), Waited::Nothing(0));
    let Waited::Sleeps(call) = lab.wait(sh, pid, 0) else {
        panic!("nothing to hope for");
    };
    assert_eq!(lab.wait(tracer, pid, 0), Waited::Reaped(pid, 0x300));
    assert_eq!(lab.returned(call), Some((pid, Some(0x300))));
    assert!(!lab.exists(child));
    assert_eq!(errno(i32::from(-10i16)), Errno::ECHILD);
    assert_eq!(lab.wait(tracer, pid, 0), Waited::Nothing(-10));
}

/// How a tracee came to stand still.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Stands {
    /// By the signal of the attach, of which nobody knows yet.
    Unreported,
    /// By the signal of the attach, for which the tracer has waited.
    Reported,
    /// Its process had been stopped before.
    WithItsProcess,
}

/// A trace stop ends with the tracer, whether that is the father or not. But what nobody has waited
/// for is obeyed, and a stopped process stays stopped.
#[test]
fn a_tracee_of_a_dead_tracer_goes_back_and_on() {
    for (stands, state) in [
        (Stands::Unreported, TaskState::STOPPED),
        (Stands::Reported, TaskState::INTERRUPTIBLE),
        (Stands::WithItsProcess, TaskState::STOPPED),
    ] {
        for by_father in [false, true] {
            let (mut lab, sh) = Lab::with_shell();
            let child = lab.fork(sh);
            let tracer = if by_father { sh } else { lab.spawn("tracer") };
            if stands == Stands::WithItsProcess {
                let pid = lab.pid(child);
                assert_eq!(lab.kill(sh, pid, 19), 0);
            }
            assert_eq!(ptrace(&mut lab, tracer, ATTACH, child, 0), 0);
            if stands != Stands::Unreported {
                // The first request makes a trace stop of any other.
                let pid = lab.pid(child);
                assert_eq!(lab.wait(tracer, pid, 0), Waited::Reaped(pid, 0x137f));
                options(&mut lab, tracer, child, 0);
            }
            assert_eq!(lab.sched(child).state, TaskState::TRACED);
            lab.exit(tracer, 0);
            assert!(lab.task(child).ptrace().is_empty());
            let init = lab.kernel().init();
            assert_eq!(lab.task(child).parent(), if by_father { init } else { sh });
            assert_eq!(lab.sched(child).state, state, "{stands:?} {by_father}");
            lab.check();
        }
    }
}

#[test]
fn a_tracee_whose_father_dies_stays_with_its_tracer() {
    let (mut lab, sh) = Lab::with_shell();
    let child = lab.fork(sh);
    let tracer = lab.spawn("tracer");
    attach(&mut lab, tracer, child);
    lab.exit(sh, 0);
    let init = lab.kernel().init();
    assert_eq!(lab.task(child).parent(), tracer);
    assert_eq!(lab.task(child).real_parent(), init);
    lab.check();
    cont(&mut lab, tracer, child);
    let pid = lab.pid(child);
    lab.exit(child, 1);
    assert_eq!(lab.wait(tracer, pid, 0), Waited::Reaped(pid, 0x100));
    assert!(!lab.exists(child));
}

#[test]
fn detaching_gives_the_task_back() {
    let (mut lab, sh) = Lab::with_shell();
    let child = lab.fork(sh);
    let tracer = lab.spawn("tracer");
    attach(&mut lab, tracer, child);
    assert_eq!(
        ptrace(&mut lab, tracer, DETACH, child, 65),
        -Errno::EIO.code()
    );
    assert_eq!(ptrace(&mut lab, tracer, DETACH, child, 0), 0);
    assert_eq!(lab.task(child).parent(), sh);
    assert!(lab.task(child).ptrace().is_empty());
    let pid = lab.pid(child);
    assert_eq!(lab.call(child, Syscall::Gettid), pid);
}

#[test]
fn kill_ends_a_task_that_has_stopped_with_a_signal() {
    let (mut lab, sh) = Lab::with_shell();
    let child = lab.fork(sh);
    attach(&mut lab, sh, child);
    assert_eq!(ptrace(&mut lab, sh, KILL, child, 0), 0);
    let pid = lab.pid(child);
    assert_eq!(lab.wait(sh, pid, 0), Waited::Reaped(pid, 9));
}

/// A thread that stands for its tracer counts as stopped: the others do not wait for it, and the
/// parent hears at once that the process has stopped.
#[test]
fn a_group_stop_does_not_wait_for_a_thread_in_a_trace_stop() {
    let (mut lab, sh) = Lab::with_shell();
    let leader = lab.fork(sh);
    let threads = [(); 2].map(|()| lab.clone(leader, THREAD).unwrap());
    let tracer = lab.spawn("tracer");
    assert_eq!(ptrace(&mut lab, tracer, ATTACH, threads[0], 0), 0);
    let pid = lab.pid(leader);
    assert_eq!(lab.kill(sh, pid, 19), 0);
    assert_eq!(lab.sched(threads[0]).state, TaskState::TRACED);
    for task in [leader, threads[1]] {
        assert_eq!(lab.sched(task).state, TaskState::STOPPED);
    }
    assert_eq!(lab.signal(leader).flags(), SignalFlags::STOP_STOPPED);
    assert_eq!(lab.wait(sh, pid, UNTRACED), Waited::Reaped(pid, 0x137f));
}

#[test]
fn threads_of_the_own_process_can_be_traced() {
    let (mut lab, sh) = Lab::with_shell();
    let thread = lab.clone(sh, ALL_SHARED | F::CLONE_THREAD).unwrap();
    assert_eq!(ptrace(&mut lab, sh, ATTACH, thread, 0), 0);
    let pid = lab.pid(thread);
    // A thread is a clone child.
    assert_eq!(lab.wait(sh, pid, 0x4000_0000), Waited::Reaped(pid, 0x137f));
    cont(&mut lab, sh, thread);
    lab.exit(thread, 0);
    assert_eq!(lab.wait(sh, pid, 0x4000_0000), Waited::Reaped(pid, 0));
}

/// As `strace -f` traces: calls stop at their entry, so that the child comes when the tracer lets
/// its parent go on. It is a puppet as it would have been at once.
#[test]
fn a_puppet_that_is_held_up_before_it_forks_has_a_puppet_for_a_child() {
    let with_files = CloneFlags::CLONE_FILES | CloneFlags::FORK;
    for (call, event) in [
        (Syscall::Fork, 0x1057f),
        (Syscall::Vfork, 0x2057f),
        (Syscall::Clone(ForkArgs::with_flags(with_files)), 0x1057f),
    ] {
        let (mut lab, sh, child) = traced_child(0x01 | 0x02 | 0x04 | 0x08);
        attach_again(&mut lab, sh, child);
        ptrace(&mut lab, sh, SYSCALL, child, 0);
        let Acted::Blocks(open) = lab.outcome(child, call) else {
            panic!("no stop");
        };
        stopped(&mut lab, sh, child, 0x857f);
        assert_eq!(lab.machine.call(open).unwrap().child, None);
        ptrace(&mut lab, sh, SYSCALL, child, 0);
        stopped(&mut lab, sh, child, event);
        let grandchild = lab.machine.call(open).unwrap().child.unwrap();
        assert_eq!(lab.machine.user_mode(grandchild), "puppet");
        stopped(&mut lab, sh, grandchild, 0x137f);
        cont(&mut lab, sh, grandchild);
        assert_eq!(lab.call(grandchild, Syscall::Execve("sh".into())), 0);
        ptrace(&mut lab, sh, SYSCALL, child, 0);
        stopped(&mut lab, sh, child, 0x857f);
        assert_eq!(lab.returned(open), None);
        cont(&mut lab, sh, child);
        assert_eq!(lab.returned(open), Some((lab.pid(grandchild), None)));
        lab.check();
    }
}
