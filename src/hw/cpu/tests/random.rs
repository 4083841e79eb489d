//! Random programs, run in one go, in slices, and without keeping decoded code: all must have the
//! same result.

use super::*;
use crate::hw::cpu::fetch::{Decoded, decode};
use crate::hw::cpu::op::Code;
use crate::hw::{Tlb, TlbBits, TlbPolicy};
use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet};

const TRIALS: u64 = 2000;
const BUDGET: u64 = 300;

/// How code at random is made: its bytes, and where instructions begin.
type Program = fn(&mut Rng) -> (Vec<u8>, Vec<u32>);

/// Random code of valid instructions, and the addresses of the instructions.
fn random_program(dice: &mut Rng) -> (Vec<u8>, Vec<u32>) {
    let (mut code, mut starts) = (Vec::new(), Vec::new());
    while code.len() < 600 {
        let mut bytes = [0; 12].map(|_: u8| dice.u8(..));
        match dice.u32(..7) {
            0 => bytes[0] = 0x0f,
            1 => bytes[0] = 0x66,
            2 => bytes[0] = 0xf3,
            3 => bytes[0] = 0x70 + dice.u32(..16) as u8,
            4 => bytes[0] = 0xd8 + dice.u32(..8) as u8,
            _ => {}
        }
        if let Decoded::Instruction(instruction) = decode(&bytes, 0) {
            starts.push(CODE + code.len() as u32);
            code.extend(&bytes[..instruction.len()]);
        }
    }
    (code, starts)
}

/// Code that consists of what compilers write, and what is fused.
fn idiomatic_program(dice: &mut Rng) -> (Vec<u8>, Vec<u32>) {
    let (mut code, mut starts) = (Vec::new(), Vec::new());
    let mut functions = Vec::new();
    while code.len() < 600 {
        let first = code.len();
        for _ in 0..1 + dice.u32(..2) {
            if dice.u32(..8) == 0 {
                functions.push(code.len());
                code.extend([0x55, 0x89, 0xe5]); // push ebp; mov ebp, esp
            }
            match dice.u32(..5) {
                3 => code.extend(variable_idiom(dice)),
                4 => {
                    // Enough of them for a window.
                    for _ in 0..2 + dice.u32(..4) {
                        code.extend(variable_idiom(dice));
                        code.extend(arithmetic_idiom(dice));
                    }
                }
                0 => code.extend(stack_idiom(dice)),
                1 => code.extend(arithmetic_idiom(dice)),
                _ => {
                    code.extend(arithmetic_idiom(dice));
                    code.extend(decision(dice));
                }
            }
        }
        if dice.u32(..4) == 0 {
            code.extend(end_of_loop(dice));
            let distance = first as i32 - (code.len() as i32 + 2);
            if let Ok(distance) = i8::try_from(distance) {
                code.extend([0x70 | dice.u32(..16) as u8, distance as u8]);
            }
        }
        if let Some(function) = functions.get(dice.u32(..9) as usize) {
            // A call of it, or of what follows its first instruction.
            let entry = *function as i32 + i32::from(dice.u32(..4) == 0);
            let distance = entry - (code.len() as i32 + 5);
            code.push(0xe8);
            code.extend(distance.to_le_bytes());
        }
        starts.push(CODE + first as u32);
    }
    (code, starts)
}

/// A register for the low bits of an opcode or a ModRM byte.
fn register(dice: &mut Rng) -> u8 {
    dice.u32(..8) as u8
}

fn small(dice: &mut Rng) -> u8 {
    (dice.u32(..24) as u8).wrapping_sub(8)
}

fn stack_idiom(dice: &mut Rng) -> Vec<u8> {
    let (a, b) = (register(dice), register(dice));
    match dice.u32(..8) {
        0 => vec![0xc9, 0xc3],
        1 => vec![0x50 | a, 0x50 | b],
        2 => vec![0x58 | a, 0x58 | b],
        3 => vec![0x83, 0xc4, small(dice), 0x50 | a],
        4 => vec![0x83, 0xc4, small(dice), 0x58 | a],
        5 => vec![0x50 | a],
        6 => vec![0x6a, small(dice)],
        // A jump that only skips what is never carried out.
        _ => vec![0xeb, 0x01, 0xf4],
    }
}

/// An operation on a register, often one that has just been copied.
fn arithmetic_idiom(dice: &mut Rng) -> Vec<u8> {
    let (a, b) = (register(dice), register(dice));
    let mut code = match dice.u32(..4) {
        0 => vec![0x89, 0xc0 | b << 3 | a],
        // mov a, [ebp + small]
        1 => vec![0x8b, 0x45 | a << 3, small(dice)],
        _ => Vec::new(),
    };
    let operation = [0x00, 0x28, 0x20, 0x38, 0x08, 0x30][dice.u32(..6) as usize];
    // Not those that rotate through CF.
    let shift = [0x00, 0x08, 0x20, 0x28, 0x38][dice.u32(..5) as usize];
    match dice.u32(..8) {
        0 => code.push(0x40 | a),
        1 => code.push(0x48 | a),
        2 => code.extend([0x83, 0xc0 | operation | a, small(dice)]),
        3 => code.extend([0xc1, 0xc0 | shift | a, small(dice)]),
        4 => code.extend([0xd3, 0xc0 | shift | a]),
        // rol a, small; xor a, b
        5 => code.extend([0xc1, 0xc0 | a, small(dice), 0x31, 0xc0 | b << 3 | a]),
        // not, neg
        6 => code.extend([0xf7, 0xd0 | (dice.u32(..2) as u8 * 8) | a]),
        _ => code.extend([0x01 | operation, 0xc0 | register(dice) << 3 | a]),
    }
    if dice.u32(..8) == 0 {
        // mov a, [ebp + small]
        code.extend([0x8b, 0x45 | a << 3, small(dice)]);
    }
    if dice.u32(..8) == 0 {
        // mov [ebp + small], b
        code.extend([0x89, 0x45 | b << 3, small(dice)]);
    }
    code
}

/// Operations on variables: in memory, mostly at a small distance from EBP.
fn variable_idiom(dice: &mut Rng) -> Vec<u8> {
    let (a, b) = (register(dice), register(dice));
    let alu = [0x00, 0x08, 0x20, 0x28, 0x30][dice.u32(..5) as usize];
    // ModRM bytes, SIB and distance of the operand: [ebp + small], or [ebp + b*2 + small].
    let operand = |dice: &mut Rng, field: u8| {
        let distance = small(dice);
        if dice.u32(..6) == 0 && b != 4 {
            vec![0x44 | field << 3, 0x45 | b << 3, distance]
        } else {
            vec![0x45 | field << 3, distance]
        }
    };
    let mut code = match dice.u32(..11) {
        // or [...], a; imul a, [...]
        9 => vec![0x09],
        10 => vec![0x0f, 0xaf],
        0 => vec![0x89],
        1 => vec![0x01],
        2 => vec![0x88],
        3 => vec![0x0f, 0xb6],
        4 => {
            let mut code = vec![0xc7];
            code.extend(operand(dice, 0));
            code.extend([small(dice), 0, 0, 0]);
            return code;
        }
        5 => {
            let mut code = vec![0xc6];
            code.extend(operand(dice, 0));
            code.push(small(dice));
            return code;
        }
        6 => vec![0x03 | alu],
        _ => vec![0x8b],
    };
    let loads = code == [0x8b];
    code.extend(operand(dice, a));
    if loads {
        match dice.u32(..4) {
            // mov [ebp + small], a
            0 => code.extend([0x89, 0x45 | a << 3, small(dice)]),
            1 => code.extend([0x01 | alu, 0xc0 | b << 3 | a]),
            2 => code.extend([0xc1, 0xc0 | a, small(dice)]),
            _ => code.extend([0xc1, 0xc0 | a, small(dice), 0x31, 0xc0 | b << 3 | a]),
        }
    }
    code
}

/// A comparison and a short jump.
fn decision(dice: &mut Rng) -> Vec<u8> {
    let (a, b) = (register(dice), register(dice));
    let mut code = match dice.u32(..9) {
        // cmp and test of a byte register, cmp of a byte in memory
        6 => vec![0x80, 0xf8 | a, small(dice)],
        7 => vec![0x84, 0xc0 | a << 3 | a],
        8 => vec![0x80, 0x7d, small(dice), small(dice)],
        0 => vec![0x39, 0xc0 | b << 3 | a],
        1 => vec![0x83, 0xf8 | a, small(dice)],
        2 => vec![0x85, 0xc0 | b << 3 | a],
        3 => vec![0x83, 0x7d, small(dice), small(dice)],
        4 => vec![0x39, 0x45 | a << 3, small(dice)],
        _ => vec![0x3b, 0x45 | a << 3, small(dice)],
    };
    code.extend([0x70 | dice.u32(..16) as u8, small(dice).wrapping_mul(4)]);
    code
}

/// A step and a comparison, as before a jump to the beginning of a loop.
fn end_of_loop(dice: &mut Rng) -> Vec<u8> {
    let (a, b) = (register(dice), register(dice));
    let mut code = match dice.u32(..6) {
        0 => vec![0x40 | a],
        1 => vec![0x48 | a],
        2 => vec![0x83, 0xc0 | a, small(dice)],
        3 => vec![0x01, 0xc0 | b << 3 | a],
        _ => Vec::new(),
    };
    match dice.u32(..4) {
        0 => code.extend([0x39, 0xc0 | b << 3 | a]),
        1 => code.extend([0x85, 0xc0 | a << 3 | a]),
        _ => code.extend([0x83, 0xf8 | a, small(dice)]),
    }
    code
}

fn random_register(dice: &mut Rng) -> u32 {
    match dice.u32(..8) {
        0 => dice.u32(..),
        1 => dice.u32(..20),
        // The code itself.
        2 => CODE + dice.u32(..600),
        3 => STACK - dice.u32(..0x1000),
        4 => READ_ONLY + dice.u32(..8) - 4,
        _ => DATA + dice.u32(..0x4000),
    }
}

fn scramble(regs: &mut Regs, dice: &mut Rng, starts: &[u32]) {
    for register in [
        &mut regs.eax,
        &mut regs.ebx,
        &mut regs.ecx,
        &mut regs.edx,
        &mut regs.esi,
        &mut regs.edi,
        &mut regs.ebp,
    ] {
        *register = random_register(dice);
    }
    regs.esp = match dice.u32(..8) {
        // Around the end of a page, to one that can be written or to one that cannot.
        0 => STACK - 0x1000 + dice.u32(..16),
        1 => READ_ONLY + dice.u32(..16),
        _ => STACK - dice.u32(..0x800),
    };
    if dice.u32(..2) == 0 {
        regs.ebp = regs.esp.wrapping_add(dice.u32(..32));
    }
    regs.eflags = dice.u32(..) & 0xcd5 | 0x202 | if dice.u32(..30) == 0 { 0x100 } else { 0 };
    regs.eip = starts[dice.usize(..starts.len())];
    (regs.ds, regs.es, regs.ss) = (0x7b, 0x7b, 0x7b);
    regs.fs = *dice.choice(&[0, 0x7b, 0x33]).unwrap();
    regs.gs = *dice.choice(&[0, 0x33, 0x3b]).unwrap();
    if dice.u32(..20) == 0 {
        regs.ds = 0x33;
    }
}

/// Runs in slices of random lengths, until an event other than the end of a slice.
fn run_sliced(rig: &mut Rig, dice: &mut Option<Rng>) -> RunExit {
    let mut used = 0;
    loop {
        let left = BUDGET - used;
        let slice = dice
            .as_mut()
            .map_or(left, |dice| left.min(dice.u32(..9).into()));
        let exit = rig.cpu.run(&mut rig.ram, &mut rig.regs, slice, used);
        used += exit.used;
        if exit.event != Event::Budget || used == BUDGET {
            return RunExit { used, ..exit };
        }
    }
}

/// The instruction at which a run ended.
fn at_eip(rig: &Rig) -> String {
    let offset = rig.regs.eip.wrapping_sub(CODE) as usize;
    let bytes = rig.ram.frame(Pfn(8)).get(offset..).unwrap_or_default();
    let lines = disassemble(&bytes[..bytes.len().min(15)], rig.regs.eip);
    lines
        .first()
        .map_or(String::new(), |line| line.text.clone())
}

/// The TLB entries, without the bit that is not part of the emulated hardware.
fn entries(rig: &Rig) -> impl Iterator<Item = (u32, Pfn, TlbBits)> {
    let entries = rig.cpu.mmu.tlb.entries();
    entries.map(|entry| (entry.page, entry.pfn, entry.bits - TlbBits::FAST_WRITE))
}

/// Events that were seen, with how many instructions led to them.
type Seen = BTreeMap<String, u64>;

/// Holds three ways to run programs against each other; gives the fused operations as well.
fn compare_ways(program: Program) -> (Seen, BTreeSet<u8>) {
    let (mut seen, mut fused) = (Seen::new(), BTreeSet::new());
    for seed in 1..=TRIALS {
        let mut dice = Rng::with_seed(seed);
        let (code, starts) = program(&mut dice);
        let mut rig = Rig::new(&code);
        rig.cpu.gdt_tls[0] = segment(DATA, 0x3fff, 0x41);
        rig.cpu.gdt_tls[1] = segment(DATA, 0x3, 0x51);
        // In a small TLB pages displace each other.
        let size = [64, 4, 1, 0][(seed % 4) as usize];
        rig.cpu.mmu.tlb = Tlb::new(size, TlbPolicy::DirectMapped);
        rig.cpu.fpu.task_switched = seed % 5 == 0;
        let mut rigs = [rig.clone(), rig.clone(), rig];
        rigs[1].cpu.decoded.enabled = false;
        for round in 0..6 {
            let mut regs = Regs::default();
            scramble(&mut regs, &mut dice, &starts);
            let sliced = dice.fork();
            let mut cuts = [None, None, Some(sliced)];
            let mut exits = [0, 1, 2].map(|n| {
                rigs[n].regs = regs;
                run_sliced(&mut rigs[n], &mut cuts[n])
            });
            let name = format!("{:?}", exits[0].event);
            let name = name
                .split(['(', '{', ' '])
                .take(2)
                .collect::<Vec<_>>()
                .join(" ");
            *seen.entry(name).or_insert(0) += exits[0].used.max(1);
            let [first, others @ ..] = &mut exits;
            for (other, exit) in others.iter().enumerate() {
                let (a, b) = (&rigs[0], &rigs[other + 1]);
                let place = format!(
                    "seed {seed} round {round} variant {other} from {regs:x?}, at {}",
                    at_eip(a)
                );
                assert_eq!((exit, b.regs), (&*first, a.regs), "{place}");
                assert_eq!(b.cpu.fpu.x87, a.cpu.fpu.x87, "{place}");
                assert!(entries(b).eq(entries(a)), "{place}");
                let counts = |rig: &Rig| (rig.cpu.mmu.tlb.hits, rig.cpu.mmu.tlb.misses);
                assert_eq!(counts(b), counts(a), "{place}");
                for pfn in 0..64 {
                    assert!(
                        a.ram.frame(Pfn(pfn)) == b.ram.frame(Pfn(pfn)),
                        "{place}: {pfn}"
                    );
                }
            }
        }
        fused.extend(rigs[0].cpu.decoded.fused_codes().map(|code| code as u8));
    }
    (seen, fused)
}

#[test]
fn slices_and_decoded_code_make_no_difference() {
    let (seen, _) = compare_ways(random_program);
    assert!(seen.len() > 8, "{seen:?}");
}

#[test]
fn fused_operations_do_what_their_instructions_do() {
    let (seen, fused) = compare_ways(idiomatic_program);
    let all: BTreeSet<u8> = (Code::MovAdd as u8..=Code::Cmp8MJ as u8).collect();
    let missing: Vec<u8> = all.difference(&fused).copied().collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(seen.len() > 3, "{seen:?}");
}
