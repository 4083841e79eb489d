//! Compares instructions with the host's processor. The same program runs as a process of the host
//! and on the emulated CPU, and must write the same results.
//!
//! The program is a table of cases laid out as code. Each case sets registers, flags and a few
//! words of memory, executes one instruction, and stores the results, without the flags that the
//! instruction leaves undefined.

use super::*;
use crate::hw::host_program::{self, Segment};
use fastrand::Rng;
use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};
use std::fmt::Display;
use std::io::{Write, stderr};
use std::sync::Once;

pub(super) const IMAGE: u32 = 0x0804_8000;
/// Memory that the cases read, write and push to; then the results.
const ARENA: u32 = 0x0900_0000;
pub(super) const MEMORY: u32 = ARENA + 0x1800;
const OWN_STACK: u32 = ARENA + 0x4800;
pub(super) const RESULTS: u32 = ARENA + 0x5000;
const RECORD: u32 = 4 * 13;
const CASES: usize = 6000;
pub(super) const HEADER: u32 = 116;

struct Case {
    registers: [u32; 8],
    eflags: u32,
    memory: [u32; 4],
    code: Vec<u8>,
    defined: u32,
}

/// Whether the instruction can be compared.
#[allow(clippy::too_many_lines, reason = "a list")]
fn is_compared(i: &Instruction) -> bool {
    use Mnemonic::*;
    let special = (0..i.op_count()).any(|n| {
        let register = i.op_register(n);
        i.op_kind(n) == OpKind::Register && !register.is_gpr()
    });
    let plain = matches!(
        i.mnemonic(),
        Add | Or
            | Adc
            | Sbb
            | And
            | Sub
            | Xor
            | Cmp
            | Test
            | Inc
            | Dec
            | Not
            | Neg
            | Rol
            | Ror
            | Rcl
            | Rcr
            | Shl
            | Sal
            | Shr
            | Sar
            | Shld
            | Shrd
            | Mul
            | Imul
            | Div
            | Idiv
            | Mov
            | Movzx
            | Movsx
            | Lea
            | Xchg
            | Xadd
            | Cmpxchg
            | Cmpxchg8b
            | Bswap
            | Cbw
            | Cwde
            | Cwd
            | Cdq
            | Lahf
            | Sahf
            | Nop
            | Clc
            | Stc
            | Cmc
            | Cld
            | Std
            | Bt
            | Bts
            | Btr
            | Btc
            | Bsf
            | Bsr
            | Daa
            | Das
            | Aaa
            | Aas
            | Aam
            | Aad
            | Push
            | Pop
            | Pusha
            | Pushad
            | Popa
            | Popad
            | Enter
            | Leave
            | Movsb
            | Movsw
            | Movsd
            | Stosb
            | Stosw
            | Stosd
            | Lodsb
            | Lodsw
            | Lodsd
            | Scasb
            | Scasw
            | Scasd
            | Cmpsb
            | Cmpsw
            | Cmpsd
            | Xlatb
    );
    let conditional = i.condition_code() != iced_x86::ConditionCode::None
        && i.op_kinds()
            .all(|kind| matches!(kind, OpKind::Register | OpKind::Memory));
    !special && !i.has_lock_prefix() && !i.is_invalid() && (plain || conditional) && !is_vague(i)
}

/// Whether more than flags is undefined.
fn is_vague(i: &Instruction) -> bool {
    let of_16_bits = i.op0_register().size() == 2 || i.memory_size().size() == 2;
    match i.mnemonic() {
        Mnemonic::Bswap => of_16_bits,
        Mnemonic::Shld | Mnemonic::Shrd => {
            of_16_bits && (i.op2_kind() == OpKind::Register || i.immediate8() & 31 > 16)
        }
        _ => false,
    }
}

/// The flags that are the same on every processor.
fn defined_flags(i: &Instruction) -> u32 {
    use Mnemonic::*;
    let bits = iced_x86::RflagsBits::OF
        | iced_x86::RflagsBits::SF
        | iced_x86::RflagsBits::ZF
        | iced_x86::RflagsBits::AF
        | iced_x86::RflagsBits::CF
        | iced_x86::RflagsBits::PF;
    let undefined = i.rflags_undefined() & bits;
    let named = [
        (iced_x86::RflagsBits::OF, 0x800),
        (iced_x86::RflagsBits::SF, 0x80),
        (iced_x86::RflagsBits::ZF, 0x40),
        (iced_x86::RflagsBits::AF, 0x10),
        (iced_x86::RflagsBits::CF, 1),
        (iced_x86::RflagsBits::PF, 4),
    ];
    let vague = named.iter().filter(|(bit, _)| undefined & bit != 0);
    let mut mask = 0xcd5 & !vague.fold(0, |mask, (_, flag)| mask | flag);
    let shift = matches!(
        i.mnemonic(),
        Shl | Sal | Shr | Sar | Shld | Shrd | Rol | Ror | Rcl | Rcr
    );
    if shift {
        // The count is only known at run time, or exceeds the operand; by one OF is defined.
        let by_one = (1..i.op_count()).any(|n| i.try_immediate(n).is_ok_and(|count| count == 1));
        mask &= if by_one { !0x10 } else { !0x810 };
        let small = i.op0_register().size() < 4 && i.memory_size().size() < 4;
        mask &= if small { !1 } else { !0 };
    }
    mask
}

fn interesting(dice: &mut Rng) -> u32 {
    match dice.u32(..6) {
        0 => dice.u32(..40),
        1 => [0, u32::MAX, 0x8000_0000, 0x7fff_ffff, 0x80, 0xff80, 0x8000][dice.u32(..7) as usize],
        2 => 1 << dice.u32(..32),
        _ => dice.u32(..),
    }
}

/// Bytes that may be an instruction; a memory operand is at [`MEMORY`].
fn random_code(dice: &mut Rng) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    match dice.u32(..8) {
        0 | 1 => bytes.push(0x66),
        2 => bytes.push(0xf2 + dice.u32(..2) as u8),
        _ => {}
    }
    if dice.u32(..2) == 0 {
        bytes.push(0x0f);
    }
    bytes.push(dice.u8(..));
    let mode = dice.u8(..);
    let in_memory = mode & 0xc0 != 0xc0;
    bytes.push(if in_memory { mode & 0x38 | 5 } else { mode });
    if in_memory {
        bytes.extend((MEMORY + 4).to_le_bytes());
    }
    bytes.extend(dice.u32(..).to_le_bytes());
    bytes.push(dice.u8(..));
    let i = Decoder::with_ip(32, &bytes, 0, DecoderOptions::NONE).decode();
    bytes.truncate(i.len());
    let addressed = i.op_kinds().any(|kind| kind == OpKind::Memory);
    let placed = i.memory_base() == Register::None && i.memory_displacement32() == MEMORY + 4;
    (is_compared(&i) && (!addressed || placed || i.mnemonic() == Mnemonic::Xlatb)).then_some(bytes)
}

fn random_case(dice: &mut Rng) -> Option<Case> {
    let code = random_code(dice)?;
    let i = Decoder::with_ip(32, &code, 0, DecoderOptions::NONE).decode();
    let mut registers = [0; 8].map(|_: u32| interesting(dice));
    registers[4] = OWN_STACK;
    registers[5] = OWN_STACK - 64;
    if i.is_string_instruction() {
        (registers[6], registers[7]) = (MEMORY, MEMORY + 8);
        registers[1] = dice.u32(..4);
    } else if i.mnemonic() == Mnemonic::Xlatb {
        registers[3] = MEMORY;
    }
    let case = Case {
        registers,
        eflags: dice.u32(..) & 0xcd5 | 0x202,
        memory: [0; 4].map(|_: u32| interesting(dice)),
        defined: defined_flags(&i),
        code,
    };
    // A fault would kill the process on the host.
    let mut rig = rig(&case_code(&case, 0), RECORD);
    let exit = rig.run(200);
    (exit.event == Event::Exception(Exception::Breakpoint)).then_some(case)
}

/// A case as code. Registers are stored in the order of their numbers, then flags and memory.
fn case_code(case: &Case, number: u32) -> Vec<u8> {
    let mut code = Vec::new();
    let mut emit = |opcode: &[u8], words: &[u32]| {
        code.extend_from_slice(opcode);
        words
            .iter()
            .for_each(|word| code.extend(word.to_le_bytes()));
    };
    let results = RESULTS + number * RECORD;
    emit(&[0xbc], &[OWN_STACK]);
    for (n, value) in (0..).zip(case.memory) {
        emit(&[0xc7, 0x05], &[MEMORY + 4 * n, value]);
    }
    emit(&[0x68], &[case.eflags]);
    emit(&[0x9d], &[]);
    for (n, value) in (0..).zip(case.registers) {
        emit(&[0xb8 + n], &[value]);
    }
    emit(&case.code, &[]);
    for n in 0..8u32 {
        emit(&[0x89, 0x05 | (n as u8) << 3], &[results + 4 * n]);
    }
    emit(&[0xbc], &[OWN_STACK]);
    emit(&[0x9c, 0x58, 0xfc, 0x25], &[case.defined]);
    emit(&[0xa3], &[results + 32]);
    for n in 0..4 {
        emit(&[0xa1], &[MEMORY + 4 * n]);
        emit(&[0xa3], &[results + 36 + 4 * n]);
    }
    if number == 0 {
        emit(&[0xcc], &[]);
    }
    code
}

/// Image and arena in memory, one page after the other in frames.
pub(super) fn rig(code: &[u8], results: u32) -> Rig {
    let arena = RESULTS - ARENA + results;
    let frames = |bytes: u32| bytes.div_ceil(0x1000);
    let image = frames(HEADER + code.len() as u32);
    let mut rig = Rig::new(&[]);
    rig.ram = Ram::new(64 + image + frames(arena));
    let tables = [(IMAGE, Pfn(2), image), (ARENA, Pfn(3), frames(arena))];
    let mut frame = 8;
    for (start, table, pages) in tables {
        let pde = pde_phys(DIRECTORY.phys(), VirtAddr(start));
        rig.ram.write_u32(pde, Pde::new(table, 0x067).0);
        for page in 0..pages {
            let pte = pte_phys(table, VirtAddr(start + page * 0x1000));
            rig.ram.write_u32(pte, Pte::new(Pfn(frame), 0x067).0);
            frame += 1;
        }
    }
    rig.poke(IMAGE + HEADER, code);
    rig.regs.eip = IMAGE + HEADER;
    rig
}

/// A static executable with a single segment, and the arena as zero-filled memory.
fn executable(code: &[u8], results: u32) -> Vec<u8> {
    let size = HEADER + code.len() as u32;
    let image = Segment {
        offset: 0,
        addr: IMAGE,
        file_size: size,
        mem_size: size,
        flags: 7,
    };
    let arena = Segment {
        offset: 0,
        addr: ARENA,
        file_size: 0,
        mem_size: RESULTS - ARENA + results,
        flags: 6,
    };
    let mut elf = host_program::elf_header(IMAGE + HEADER, &[image, arena]);
    elf.extend_from_slice(code);
    elf
}

/// Runs the code on the host, where it writes its results to standard output; `None` if it
/// does not run i386 programs.
pub(super) fn run_on_host(code: &[u8], results: u32) -> Option<Vec<u8>> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        skipped("it is no Linux on x86-64");
        return None;
    }
    let output = match host_program::run(&executable(code, results)) {
        Ok(output) => output,
        Err(why) => {
            skipped(why);
            return None;
        }
    };
    assert!(
        output.status.success(),
        "{:?} of the program on the host",
        output.status
    );
    Some(output.stdout)
}

/// `write(1, RESULTS, len)`, then `exit(0)`.
pub(super) fn epilogue(len: u32) -> Vec<u8> {
    assemble(0, |a| {
        use iced_x86::code_asm::*;
        a.mov(eax, 4).unwrap();
        a.mov(ebx, 1).unwrap();
        a.mov(ecx, RESULTS).unwrap();
        a.mov(edx, len).unwrap();
        a.int(0x80).unwrap();
        a.mov(eax, 1).unwrap();
        a.xor(ebx, ebx).unwrap();
        a.int(0x80).unwrap();
    })
}

/// Says that a comparison with the host was skipped, once for all tests, and past the test runner,
/// which hides what passing tests print.
pub(crate) fn skipped(why: impl Display) {
    static NOTICE: Once = Once::new();
    let notice = format!("\nSKIPPED: comparisons with i386 programs on this host: {why}\n");
    NOTICE.call_once(|| stderr().write_all(notice.as_bytes()).unwrap());
}

#[test]
fn instructions_do_what_they_do_on_the_host() {
    let len = CASES as u32 * RECORD;
    if run_on_host(&epilogue(0), len).is_none() {
        return;
    }
    let mut dice = Rng::with_seed(0x1234_5678_9abc_def1);
    let mut cases = Vec::new();
    while cases.len() < CASES {
        cases.extend(random_case(&mut dice));
    }
    let mut code = Vec::new();
    for (number, case) in (0..).zip(&cases) {
        let mut bytes = case_code(case, number);
        if number == 0 {
            bytes.pop();
        }
        code.extend(bytes);
    }
    code.extend(epilogue(len));
    let host = run_on_host(&code, len).unwrap();
    let mut rig = rig(&code, len);
    let exit = rig.run(u64::MAX);
    assert_eq!(exit.event, Event::Syscall, "{:?}", rig.regs);
    for (number, case) in (0..).zip(&cases) {
        let at = number as usize * RECORD as usize;
        let theirs = host[at..at + RECORD as usize].as_chunks().0;
        let theirs: Vec<u32> = theirs
            .iter()
            .map(|word| u32::from_le_bytes(*word))
            .collect();
        let ours: Vec<u32> = (0..13)
            .map(|n| rig.peek(RESULTS + number * RECORD + 4 * n))
            .collect();
        let text = disassemble(&case.code, 0);
        assert!(
            ours == theirs,
            "case {number}: {}\nregisters {:x?} flags {:x} memory {:x?}\nours   {ours:x?}\ntheirs {theirs:x?}",
            text[0].text,
            case.registers,
            case.eflags,
            case.memory
        );
    }
}
