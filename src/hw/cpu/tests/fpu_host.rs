//! Compares x87 instructions with the host's processor, in the same way as [`host`](super::host)
//! compares the others. Each case loads a random state of the FPU, executes one instruction and
//! stores the state.
//!
//! Not compared are the pointers to the last instruction, which processors treat differently, and
//! the exact results of transcendental instructions, which may differ by one unit of the last place.

use super::host::{HEADER, IMAGE, MEMORY, RESULTS, epilogue, rig, run_on_host};
use super::*;
use fastrand::Rng;
use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic};

const CASES: usize = 12_000;
/// The state, three words of memory, EAX and the flags.
const RECORD: u32 = FSAVE_SIZE as u32 + 4 * 5;
/// The offsets of the pointers in the image.
const POINTERS: std::ops::Range<usize> = 12..28;

struct Case {
    state: [u8; FSAVE_SIZE],
    memory: [u32; 3],
    eflags: u32,
    code: Vec<u8>,
}

fn is_transcendental(i: &Instruction) -> bool {
    use Mnemonic::*;
    matches!(
        i.mnemonic(),
        Fsin | Fcos | Fsincos | Fptan | Fpatan | F2xm1 | Fyl2x | Fyl2xp1
    )
}

/// Whether the instruction changes the state or memory in a way that can be compared.
fn is_compared(i: &Instruction) -> bool {
    use Mnemonic::*;
    let stored = matches!(
        i.mnemonic(),
        Fldenv | Frstor | Fnsave | Fnstenv | Fldcw | Fisttp
    );
    !i.is_invalid() && !stored && i.mnemonic() != Wait
}

/// Ten bytes that often are at the edges of the formats.
fn random_number(dice: &mut Rng) -> [u8; 10] {
    let sign = dice.u16(..) & 0x8000;
    let exponent = match dice.u32(..10) {
        0 => [0, 0, 1, 2, 0x7ffe, 0x7fff][dice.usize(..6)],
        1 => 0x3fff - 1023 - 53 + dice.u16(..60),
        2 => 0x3fff - 127 - 24 + dice.u16(..30),
        3 => [0x3fff + 1023, 0x3fff + 127, 0x3fff + 1024, 0x3fff + 128][dice.usize(..4)],
        4 => dice.u16(..) & 0x7fff,
        5 | 6 => 0x3fff + dice.u16(..66),
        7 => 0x3fff - dice.u16(..66),
        _ => 0x3ff0 + dice.u16(..32),
    };
    let integer = if exponent == 0 && dice.u32(..2) == 0 {
        0
    } else {
        1u64 << 63
    };
    let fraction = match dice.u32(..8) {
        0 => 0,
        1 => u64::MAX >> 1,
        2 => 1 << dice.u32(..63),
        3 => dice.u64(..) << 40,
        4 => dice.u64(..) << 11,
        5 => (dice.u64(..) << 11) | 0x400,
        _ => dice.u64(..),
    };
    let mut mantissa = integer | fraction & (u64::MAX >> 1);
    if dice.u32(..60) == 0 {
        mantissa ^= 1 << 63;
    }
    if exponent == 0 && dice.u32(..3) == 0 {
        mantissa = 0;
    }
    if exponent == 0x7fff && dice.u32(..3) == 0 {
        mantissa = 1 << 63;
    }
    F80 {
        mantissa,
        sign_exponent: sign | exponent,
    }
    .to_bytes()
}

fn random_state(dice: &mut Rng) -> [u8; FSAVE_SIZE] {
    let masks = match dice.u32(..3) {
        0 => 0x3f & dice.u16(..),
        _ => 0x3f,
    };
    let control = 0x40 | masks | (dice.u16(..) & 0xc00);
    let precision = [0x300, 0x300, 0x200, 0x000][dice.usize(..4)];
    let status = dice.u16(..) & 0x7f00 | dice.u16(..) & masks & dice.u16(..);
    let tags = match dice.u32(..4) {
        0 => dice.u16(..),
        1 => 0xffff,
        _ => dice.u16(..) & dice.u16(..) & dice.u16(..) & 0xaaaa,
    };
    let mut state = [0; FSAVE_SIZE];
    let words = [
        control | precision,
        status,
        tags | (tags >> 1 & 0x5555) & dice.u16(..),
    ];
    for (n, word) in words.into_iter().enumerate() {
        state[4 * n..4 * n + 2].copy_from_slice(&word.to_le_bytes());
    }
    for n in 0..8 {
        state[28 + 10 * n..38 + 10 * n].copy_from_slice(&random_number(dice));
    }
    if dice.u32(..4) == 0 {
        // Equal numbers, or such as differ in the sign only.
        let (first, second) = (28, 28 + 10 * dice.usize(1..8));
        state.copy_within(first..first + 10, second);
        state[second + 9] ^= 0x80 & dice.u8(..);
    }
    state
}

fn random_memory(dice: &mut Rng) -> [u32; 3] {
    match dice.u32(..4) {
        0 => {
            let digits = |dice: &mut Rng| (0..8).fold(0, |word, _| word << 4 | dice.u32(..10));
            [digits(dice), digits(dice), dice.u32(..) & 0x8099]
        }
        1 => {
            let number = random_number(dice);
            let word = |n: usize| {
                u32::from_le_bytes([0, 1, 2, 3].map(|k| *number.get(n + k).unwrap_or(&0)))
            };
            [word(0), word(4), word(8)]
        }
        2 => {
            // Exponents at the edges of single and double precision.
            let edge = |dice: &mut Rng, bits: u32| {
                let exponent =
                    [0, 0, 1, u32::MAX, u32::MAX - 1][dice.usize(..5)] & ((1 << bits) - 1);
                let fraction = dice.u32(..) & dice.u32(..) & [u32::MAX, 0, 1][dice.usize(..3)];
                (dice.u32(..) & 1) << 31
                    | exponent << (31 - bits)
                    | fraction & ((1 << (31 - bits)) - 1)
            };
            let bits = if dice.u32(..2) == 0 { 8 } else { 11 };
            [edge(dice, 8), edge(dice, bits), dice.u32(..)]
        }
        _ => [dice.u32(..), dice.u32(..), dice.u32(..)],
    }
}

fn random_code(dice: &mut Rng) -> Option<Vec<u8>> {
    let mode = dice.u8(..);
    let in_memory = dice.u32(..2) == 0;
    let mut bytes = vec![0xd8 + dice.u8(..8)];
    bytes.push(if in_memory {
        mode & 0x38 | 5
    } else {
        mode | 0xc0
    });
    if in_memory {
        bytes.extend((MEMORY + dice.u32(..2)).to_le_bytes());
    }
    let i = decoded(&bytes);
    is_compared(&i).then_some(bytes)
}

fn decoded(bytes: &[u8]) -> Instruction {
    Decoder::with_ip(32, bytes, 0, DecoderOptions::NONE).decode()
}

fn random_case(dice: &mut Rng) -> Option<Case> {
    Some(Case {
        code: random_code(dice)?,
        state: random_state(dice),
        memory: random_memory(dice),
        eflags: dice.u32(..) & 0x8d5 | 0x202,
    })
}

/// A case as code for an address. The state stands behind a jump.
fn case_code(case: &Case, number: u32, at: u32) -> Vec<u8> {
    let mut code = vec![0xeb, FSAVE_SIZE as u8];
    code.extend(case.state);
    let mut emit = |opcode: &[u8], words: &[u32]| {
        code.extend_from_slice(opcode);
        words
            .iter()
            .for_each(|word| code.extend(word.to_le_bytes()));
    };
    let results = RESULTS + number * RECORD;
    for (n, value) in (0..).zip(case.memory) {
        emit(&[0xc7, 0x05], &[MEMORY + 4 * n, value]);
    }
    emit(&[0xbc], &[MEMORY + 0x1000]);
    emit(&[0x68], &[case.eflags]);
    emit(&[0x9d], &[]);
    emit(&[0xb8], &[0x1234_5678]);
    emit(&[0xdd, 0x25], &[at + 2]); // frstor
    emit(&case.code, &[]);
    emit(&[0xdd, 0x35], &[results]); // fnsave
    let results = results + FSAVE_SIZE as u32;
    emit(&[0xa3], &[results]);
    emit(&[0x9c, 0x58, 0xa3], &[results + 4]);
    for n in 0..3 {
        emit(&[0xa1], &[MEMORY + 4 * n]);
        emit(&[0xa3], &[results + 8 + 4 * n]);
    }
    code
}

/// Whether the result is the same on all processors.
fn is_defined(case: &Case, i: &Instruction) -> bool {
    // Logarithms of numbers below zero.
    let [.., low, high] = top_of_stack(&case.state);
    i.mnemonic() != Mnemonic::Fyl2xp1 || u16::from_le_bytes([low, high]) < 0xbfff
}

fn top_of_stack(state: &[u8]) -> [u8; 10] {
    state[28..38].try_into().unwrap()
}

/// Whether two results agree as far as they are compared.
fn agree(i: &Instruction, ours: &[u8], theirs: &[u8]) -> bool {
    use Mnemonic::*;
    if !is_transcendental(i) {
        // Intel's processors clear C1, AMD's leave it.
        let vague = matches!(i.mnemonic(), Fcomi | Fcomip | Fucomi | Fucomip);
        let mask = |n: usize| if vague && n == 5 { 0xfd } else { 0xff };
        let mut compared = (0..ours.len()).filter(|n| !POINTERS.contains(n));
        return compared.all(|n| (ours[n] ^ theirs[n]) & mask(n) == 0);
    }
    // Whether it was rounded up depends on the last place.
    let status = |bytes: &[u8]| u16::from_le_bytes([bytes[4], bytes[5]]) & !0x200;
    let mut registers = (28..FSAVE_SIZE).step_by(10);
    let near = |at: usize| is_near(&ours[at..at + 10], &theirs[at..at + 10]);
    status(ours) == status(theirs) && ours[8..10] == theirs[8..10] && registers.all(near)
}

/// Whether two numbers differ by one unit of the last place at most.
fn is_near(a: &[u8], b: &[u8]) -> bool {
    let place = |bytes: &[u8]| {
        let low = u64::from_le_bytes(bytes[..8].try_into().unwrap()) & (u64::MAX >> 1);
        let high = u16::from_le_bytes([bytes[8], bytes[9] & 0x7f]);
        i128::from(high) << 63 | i128::from(low)
    };
    a[9] & 0x80 == b[9] & 0x80 && (place(a) - place(b)).abs() <= 1
}

fn describe(case: &Case, ours: &[u8], theirs: &[u8]) -> String {
    let text = &disassemble(&case.code, 0)[0].text;
    let state = |bytes: &[u8]| {
        let word = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let registers = (28..FSAVE_SIZE).step_by(10).map(|at| {
            let low = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
            format!(" {:04x}:{low:016x}", word(at + 8))
        });
        let registers: String = registers.collect();
        let rest = &bytes[FSAVE_SIZE..];
        format!(
            "cw {:04x} sw {:04x} tw {:04x}{registers} {rest:02x?}",
            word(0),
            word(4),
            word(8)
        )
    };
    format!(
        "{text}, memory {:08x?}, flags {:x}\nbefore {}\nours   {}\ntheirs {}\n",
        case.memory,
        case.eflags,
        state(&case.state),
        state(ours),
        state(theirs)
    )
}

#[test]
fn x87_instructions_do_what_they_do_on_the_host() {
    let len = CASES as u32 * RECORD;
    if run_on_host(&epilogue(0), len).is_none() {
        return;
    }
    let mut dice = Rng::with_seed(0x8087_0387);
    let mut cases = Vec::new();
    while cases.len() < CASES {
        cases.extend(random_case(&mut dice));
    }
    let mut code = Vec::new();
    for (number, case) in (0..).zip(&cases) {
        let at = IMAGE + HEADER + code.len() as u32;
        code.extend(case_code(case, number, at));
    }
    code.extend(epilogue(len));
    let host = run_on_host(&code, len).unwrap();
    let mut rig = rig(&code, len);
    rig.cpu.fpu.task_switched = false;
    let exit = rig.run(u64::MAX);
    assert_eq!(exit.event, Event::Syscall, "{:x?}", rig.regs);
    for (number, case) in (0..).zip(&cases) {
        let at = number as usize * RECORD as usize;
        let theirs = &host[at..at + RECORD as usize];
        let words = (0..RECORD / 4).map(|n| rig.peek(RESULTS + number * RECORD + 4 * n));
        let ours: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
        let i = decoded(&case.code);
        assert!(
            !is_defined(case, &i) || agree(&i, &ours, theirs),
            "case {number}: {}",
            describe(case, &ours, theirs)
        );
    }
}
