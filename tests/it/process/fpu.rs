//! The FPU of tasks: lazy switching, fork, exec, signal frames, tracers and exceptions. The programs
//! are machine code, as a compiler cannot be expected here.

use crate::lab::{Lab, Waited};
use forklab::abi::{PfFlags, Signal, TaskId, VirtAddr};
use forklab::kernel::fork::SpawnArgs;
use forklab::kernel::fs::{ProgramImage, TEXT_START};
use forklab::machine::{Acted, BufferCall, Command, Reply};
use iced_x86::code_asm::*;
use std::sync::Arc;

/// Two pages that start as zeros.
const DATA: u32 = TEXT_START + 0x1000;
/// Where handlers are.
const HANDLER: u32 = TEXT_START + 0x800;
/// A stack pointer as in the examples.
const STACK: u32 = 0xbfff_f000;
const SIGUSR1: u32 = 10;
const SIGFPE: u32 = 8;
const SA_SIGINFO: u32 = 4;

const SIGACTION: u32 = 67;
const PAUSE: u32 = 29;
const GETPID: u32 = 20;
const KILL: u32 = 37;
const EXECVE: u32 = 11;
const FORK: u32 = 2;
const NANOSLEEP: u32 = 162;

type Write<'a> = &'a dyn Fn(&mut CodeAssembler);

/// A word of memory.
fn at(addr: u32) -> AsmMemoryOperand {
    dword_ptr(addr)
}

fn assembled(start: u32, write: Write<'_>) -> Vec<u8> {
    let mut a = CodeAssembler::new(32).unwrap();
    write(&mut a);
    a.assemble(start.into()).unwrap()
}

/// A program with its parts at addresses; between them is `nop`.
fn image(parts: &[(u32, Write<'_>)]) -> Arc<ProgramImage> {
    let mut text = Vec::new();
    for (start, write) in parts {
        text.resize((start - TEXT_START) as usize, 0x90);
        text.extend(assembled(*start, *write));
    }
    Arc::new(ProgramImage {
        text,
        bss: 0x2000,
        entry: TEXT_START,
        ..ProgramImage::default()
    })
}

/// Starts a program, and lets time pass until it sleeps.
fn run(parts: &[(u32, Write<'_>)]) -> (Lab, TaskId) {
    let mut lab = Lab::boot();
    let spawn = Command::SpawnProgram {
        args: SpawnArgs::new("fpu", 500),
        image: image(parts),
        argv: vec![b"fpu".to_vec()],
    };
    let Ok(Reply::Spawned { task, .. }) = lab.machine.apply(spawn) else {
        panic!("it was not spawned");
    };
    lab.tick(10);
    lab.check();
    (lab, task)
}

fn peek(lab: &Lab, task: TaskId, addr: u32) -> u32 {
    lab.machine.peek(task, VirtAddr(addr)).unwrap()
}

fn peeks<const N: usize>(lab: &Lab, task: TaskId, addr: u32) -> [u32; N] {
    std::array::from_fn(|n| peek(lab, task, addr + 4 * n as u32))
}

fn used_math(lab: &Lab, task: TaskId) -> bool {
    lab.task(task).flags().contains(PfFlags::USED_MATH)
}

/// A system call with its number in EAX and arguments in registers.
fn call(a: &mut CodeAssembler, number: u32) {
    a.mov(eax, number).unwrap();
    a.int(0x80).unwrap();
}

fn sigaction(a: &mut CodeAssembler, signal: u32, flags: u32) {
    for word in [0, flags, 0, HANDLER] {
        a.push(word as i32).unwrap();
    }
    a.mov(ebx, signal).unwrap();
    a.mov(ecx, esp).unwrap();
    a.xor(edx, edx).unwrap();
    call(a, SIGACTION);
}

fn raise(a: &mut CodeAssembler, signal: u32) {
    call(a, GETPID);
    a.mov(ebx, eax).unwrap();
    a.mov(ecx, signal).unwrap();
    call(a, KILL);
}

fn control(a: &mut CodeAssembler, word: u32) {
    a.mov(at(DATA + 0x1000), word).unwrap();
    a.fldcw(word_ptr(DATA + 0x1000)).unwrap();
}

/// Sleeps for good.
fn pause(a: &mut CodeAssembler) {
    call(a, PAUSE);
}

/// Copies words from the stack of a handler.
fn copy(a: &mut CodeAssembler, to: u32, offsets: &[i32]) {
    for (n, offset) in (0..).zip(offsets) {
        a.mov(eax, dword_ptr(esp + *offset)).unwrap();
        a.mov(at(to + 4 * n), eax).unwrap();
    }
}

fn task_with_parent(lab: &Lab, parent: TaskId) -> TaskId {
    let tasks = lab.kernel().tasks();
    let mut children = tasks.iter().filter(|(_, task)| task.parent() == parent);
    children.next().unwrap().0
}

/// Example 34.
#[test]
fn a_child_has_its_own_copy_of_the_registers() {
    let (lab, parent) = run(&[(TEXT_START, &|a| {
        control(a, 0x27f);
        a.fld1().unwrap();
        call(a, FORK);
        let mut parent = a.create_label();
        a.test(eax, eax).unwrap();
        a.jne(parent).unwrap();
        a.fnstcw(word_ptr(DATA)).unwrap();
        a.fst(qword_ptr(DATA + 8)).unwrap();
        a.fldz().unwrap();
        control(a, 0x37f);
        pause(a);
        a.set_label(&mut parent).unwrap();
        // After the child.
        a.mov(at(DATA + 0x20), 0).unwrap();
        a.mov(at(DATA + 0x24), 3_000_000).unwrap();
        a.mov(ebx, DATA + 0x20).unwrap();
        a.xor(ecx, ecx).unwrap();
        call(a, NANOSLEEP);
        a.fnstcw(word_ptr(DATA)).unwrap();
        a.fst(qword_ptr(DATA + 8)).unwrap();
        pause(a);
    })]);
    let child = task_with_parent(&lab, parent);
    for task in [parent, child] {
        assert!(used_math(&lab, task));
        assert_eq!(peek(&lab, task, DATA), 0x27f);
        assert_eq!(peeks(&lab, task, DATA + 8), [0, 0x3ff0_0000]);
    }
    assert!(lab.kernel().cpus[0].fpu.task_switched);
}

/// Examples 35 and 36. Without FXSR the magic number is the upper half of the status word.
#[test]
fn a_handler_begins_with_a_fresh_fpu_and_its_frame_keeps_the_old_one() {
    // The words of the frame that point to something: two arguments, and the FPU state.
    let plain: (u32, [i32; 3], i32) = (0, [4, 8, 8 + 4 * 19], 96);
    let rt = (SA_SIGINFO, [8, 12, 164 + 4 * 19], 260);
    for ((flags, words, fpstate), expected) in [
        (plain, [SIGUSR1, 0, 0xbfff_ed80]),
        (rt, [0xbfff_ec90, 0xbfff_ed10, 0xbfff_ed84]),
    ] {
        let (lab, task) = run(&[
            (TEXT_START, &|a| {
                sigaction(a, SIGUSR1, flags);
                control(a, 0x27f);
                a.fld1().unwrap();
                a.mov(esp, STACK).unwrap();
                raise(a, SIGUSR1);
                a.fnstcw(word_ptr(DATA + 0x100)).unwrap();
                a.fstp(qword_ptr(DATA + 0x108)).unwrap();
                pause(a);
            }),
            (HANDLER, &|a| {
                a.mov(at(DATA), esp).unwrap();
                copy(a, DATA + 4, &words);
                let image = [0, 1, 2, 7, 8, 9, 27].map(|n| fpstate + 4 * n);
                copy(a, DATA + 0x20, &image);
                a.fnstenv(dword_ptr(DATA + 0x40)).unwrap();
                a.fldpi().unwrap();
                a.ret().unwrap();
            }),
        ]);
        let frame = if flags == 0 { 0xbfff_ed20 } else { 0xbfff_ec80 };
        assert_eq!(peek(&lab, task, DATA), frame);
        let mut words: [u32; 3] = peeks(&lab, task, DATA + 4);
        if flags == 0 {
            // The second word is the first register of the context, `gs`.
            words[1] = 0;
        }
        assert_eq!(words, expected);
        let image = [0xffff_027f, 0xffff_3800, 0xffff_3fff];
        assert_eq!(peeks(&lab, task, DATA + 0x20), image);
        assert_eq!(peeks(&lab, task, DATA + 0x2c), [0, 0x8000_0000, 0x3fff]);
        assert_eq!(peek(&lab, task, DATA + 0x38), 0xffff_3800);
        let fresh = [0xffff_037f, 0xffff_0000, 0xffff_ffff];
        assert_eq!(peeks(&lab, task, DATA + 0x40), fresh);
        assert_eq!(peek(&lab, task, DATA + 0x100), 0x27f);
        assert_eq!(peeks(&lab, task, DATA + 0x108), [0, 0x3ff0_0000]);
    }
}

/// Example 37.
#[test]
fn what_a_handler_computes_is_lost_if_the_program_never_used_the_fpu() {
    let (mut lab, task) = run(&[
        (TEXT_START, &|a| {
            sigaction(a, SIGUSR1, 0);
            raise(a, SIGUSR1);
            a.mov(at(DATA + 0x24), 30_000_000).unwrap();
            a.mov(ebx, DATA + 0x20).unwrap();
            a.xor(ecx, ecx).unwrap();
            call(a, NANOSLEEP);
            a.fnstcw(word_ptr(DATA + 4)).unwrap();
            pause(a);
        }),
        (HANDLER, &|a| {
            copy(a, DATA, &[8 + 4 * 19]);
            control(a, 0x27f);
            a.ret().unwrap();
        }),
    ]);
    assert_eq!(peeks(&lab, task, DATA), [0, 0]);
    assert!(!used_math(&lab, task));
    lab.tick(50);
    assert_eq!(peek(&lab, task, DATA + 4), 0x37f);
    assert!(used_math(&lab, task));
}

/// Example 38.
#[test]
fn exec_drops_the_fpu() {
    let (mut lab, task) = run(&[(TEXT_START, &|a| {
        control(a, 0x27f);
        a.mov(at(DATA + 4), u32::from_le_bytes(*b"next")).unwrap();
        a.mov(at(DATA + 0x24), 30_000_000).unwrap();
        a.mov(ebx, DATA + 0x20).unwrap();
        a.xor(ecx, ecx).unwrap();
        call(a, NANOSLEEP);
        a.mov(ebx, DATA + 4).unwrap();
        a.xor(edx, edx).unwrap();
        call(a, EXECVE);
        pause(a);
    })]);
    assert!(used_math(&lab, task));
    let next = image(&[(TEXT_START, &|a| {
        a.mov(at(DATA + 0x24), 60_000_000).unwrap();
        a.mov(ebx, DATA + 0x20).unwrap();
        a.xor(ecx, ecx).unwrap();
        call(a, NANOSLEEP);
        a.fnstcw(word_ptr(DATA)).unwrap();
        pause(a);
    })]);
    let name = "next".to_owned();
    let install = Command::Install {
        name,
        image: Ok(next),
    };
    lab.machine.apply(install).unwrap();
    lab.tick(40);
    assert!(lab.task(task).did_exec);
    assert!(!used_math(&lab, task));
    lab.tick(60);
    assert!(used_math(&lab, task));
    assert_eq!(peek(&lab, task, DATA), 0x37f);
}

const ATTACH: u32 = 16;
const GETFPREGS: u32 = 14;
const SETFPREGS: u32 = 15;
const GETFPXREGS: u32 = 18;

fn ptrace(lab: &mut Lab, tracer: TaskId, request: u32, child: TaskId, words: &[u32]) -> Vec<u32> {
    let (pid, addr) = (lab.pid(child), 0);
    let call = BufferCall::Ptrace { request, pid, addr };
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    match lab.on_stack(tracer, call, bytes.len() as u32, &bytes) {
        Acted::Filled(0, bytes) => bytes
            .as_chunks()
            .0
            .iter()
            .map(|b| u32::from_le_bytes(*b))
            .collect(),
        Acted::Refused(error) => panic!("{:?}", error.errno()),
        other => panic!("{other:?}"),
    }
}

/// Example 39.
#[test]
fn a_tracer_that_reads_the_fpu_of_a_task_gives_it_one() {
    let (mut lab, sh) = Lab::with_shell();
    let kid = lab.fork(sh);
    let pid = lab.pid(kid);
    ptrace(&mut lab, sh, ATTACH, kid, &[]);
    assert_eq!(lab.wait(sh, pid, 0), Waited::Reaped(pid, 0x137f));
    assert!(!used_math(&lab, kid));
    let mut words = [0; 27];
    words[0] = 0xffff_037f;
    words[1] = 0xffff_0000;
    words[2] = 0xffff_ffff;
    words[6] = 0xffff_0000;
    assert_eq!(ptrace(&mut lab, sh, GETFPREGS, kid, &[1; 27]), words);
    assert!(used_math(&lab, kid));
    // What is set is read back as it is, whatever the CPU would make of it.
    let set: [u32; 27] = std::array::from_fn(|n| n as u32 * 0x0123_4567);
    ptrace(&mut lab, sh, SETFPREGS, kid, &set);
    assert_eq!(ptrace(&mut lab, sh, GETFPREGS, kid, &[1; 27]), set);
}

#[test]
#[should_panic(expected = "EIO")]
fn a_cpu_without_fxsr_has_no_extended_state() {
    let (mut lab, sh) = Lab::with_shell();
    let kid = lab.fork(sh);
    let pid = lab.pid(kid);
    ptrace(&mut lab, sh, ATTACH, kid, &[]);
    lab.wait(sh, pid, 0);
    ptrace(&mut lab, sh, GETFPXREGS, kid, &[0; 128]);
}

/// The handler of a floating-point exception: counts, and stores `si_code`, `si_addr`, `trapno` and
/// `err`.
fn store_siginfo(a: &mut CodeAssembler) {
    a.inc(at(DATA)).unwrap();
    copy(a, DATA + 4, &[16 + 8, 16 + 12, 164 + 4 * 12, 164 + 4 * 13]);
}

/// Example 40.
#[test]
fn an_exception_arrives_at_the_next_instruction_until_the_frame_is_edited() {
    for by_mask in [true, false] {
        let (lab, task) = run(&[
            (TEXT_START, &|a| {
                sigaction(a, SIGFPE, SA_SIGINFO);
                control(a, 0x37b);
                a.fld1().unwrap();
                a.fldz().unwrap();
                a.fdivp(st1, st0).unwrap();
            }),
            (0x0804_8123, &|a| {
                a.fld1().unwrap();
                a.mov(at(DATA + 0x40), 1).unwrap();
                pause(a);
            }),
            (HANDLER, &|a| {
                store_siginfo(a);
                let mut end = a.create_label();
                a.cmp(at(DATA), 2).unwrap();
                a.jl(end).unwrap();
                if by_mask {
                    a.or(dword_ptr(esp + 260), 4).unwrap();
                } else {
                    a.and(dword_ptr(esp + 264), !0x80ff_i32).unwrap();
                }
                a.set_label(&mut end).unwrap();
                a.ret().unwrap();
            }),
        ]);
        assert_eq!(peeks(&lab, task, DATA), [2, 3, 0x0804_8123, 16, 0]);
        assert_eq!(peek(&lab, task, DATA + 0x40), 1);
    }
}

/// Example 41.
#[test]
fn an_inexact_result_that_is_rounded_up_has_no_code() {
    for (word, code) in [(0x35f, 0), (0x75f, 6)] {
        let (lab, task) = run(&[
            (TEXT_START, &|a| {
                sigaction(a, SIGFPE, SA_SIGINFO);
                a.mov(at(DATA + 0x80), 3).unwrap();
                control(a, word);
                a.fld1().unwrap();
                a.fidiv(dword_ptr(DATA + 0x80)).unwrap();
                a.wait().unwrap();
            }),
            (HANDLER, &|a| {
                store_siginfo(a);
                pause(a);
            }),
        ]);
        assert_eq!(peeks(&lab, task, DATA), [1, code]);
    }
}

/// Example 42.
#[test]
fn an_integer_division_by_zero_tells_its_address() {
    let (lab, task) = run(&[
        (TEXT_START, &|a| {
            sigaction(a, SIGFPE, SA_SIGINFO);
            a.xor(ecx, ecx).unwrap();
        }),
        (0x0804_8200, &|a| a.idiv(ecx).unwrap()),
        (HANDLER, &|a| {
            store_siginfo(a);
            pause(a);
        }),
    ]);
    assert_eq!(peeks(&lab, task, DATA), [1, 1, 0x0804_8200, 0, 0]);
}

#[test]
fn an_instruction_that_the_cpu_lacks_is_named_with_the_way_to_avoid_it() {
    for (code, words) in [
        (
            [0x0f, 0x28, 0xc1],
            "SIGILL: `movaps xmm0,xmm1` needs SSE, which this i686 lacks; compile with -march=i686 \
             -mno-sse",
        ),
        (
            [0x0f, 0x0b, 0x90],
            "SIGILL: ud2, which compilers put where a program must not get to",
        ),
    ] {
        let (mut lab, _) = run(&[(TEXT_START, &|a| a.db(&code).unwrap())]);
        let crashes = lab.machine.take_crashes();
        let text = forklab::view::crash(&lab.machine, &crashes[0]);
        assert!(text.contains(words), "{text}");
    }
}

/// A blocked or ignored exception kills.
#[test]
fn a_floating_point_exception_cannot_be_ignored() {
    let (mut lab, sh) = Lab::with_shell();
    let spawn = Command::SpawnProgram {
        args: SpawnArgs::new("fpu", 500),
        image: image(&[(TEXT_START, &|a| {
            // SIG_IGN.
            for word in [0, 0, 0, 1] {
                a.push(word).unwrap();
            }
            a.mov(ebx, SIGFPE).unwrap();
            a.mov(ecx, esp).unwrap();
            a.xor(edx, edx).unwrap();
            call(a, SIGACTION);
            control(a, 0x37a);
            a.fld1().unwrap();
            a.fldz().unwrap();
            a.fdivp(st1, st0).unwrap();
            a.wait().unwrap();
            pause(a);
        })]),
        argv: vec![b"fpu".to_vec()],
    };
    let Ok(Reply::Spawned { task, .. }) = lab.machine.apply(spawn) else {
        panic!("it was not spawned");
    };
    lab.tick(10);
    let killed = !lab.exists(task) || lab.task(task).exit_code() & 0x7f == Signal::SIGFPE.number();
    assert!(killed);
    assert!(lab.exists(sh));
}
