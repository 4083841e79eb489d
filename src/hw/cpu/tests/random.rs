//! Random programs, run in one go, in slices, and without keeping decoded code: all must have the
//! same result.

use super::*;
use crate::hw::TlbBits;
use crate::hw::cpu::fetch::{Decoded, decode};

const TRIALS: u64 = 2000;
const BUDGET: u64 = 300;

/// Random code of valid instructions, and the addresses of the instructions.
fn random_program(dice: &mut Dice) -> (Vec<u8>, Vec<u32>) {
    let (mut code, mut starts) = (Vec::new(), Vec::new());
    while code.len() < 600 {
        let mut bytes = [0; 12].map(|_: u8| dice.next() as u8);
        match dice.below(6) {
            0 => bytes[0] = 0x0f,
            1 => bytes[0] = 0x66,
            2 => bytes[0] = 0xf3,
            3 => bytes[0] = 0x70 + dice.below(16) as u8,
            _ => {}
        }
        if let Decoded::Instruction(instruction) = decode(&bytes, 0) {
            starts.push(CODE + code.len() as u32);
            code.extend(&bytes[..instruction.len()]);
        }
    }
    (code, starts)
}

fn random_register(dice: &mut Dice) -> u32 {
    match dice.below(8) {
        0 => dice.next(),
        1 => dice.below(20),
        // The code itself.
        2 => CODE + dice.below(600),
        3 => STACK - dice.below(0x1000),
        4 => READ_ONLY + dice.below(8) - 4,
        _ => DATA + dice.below(0x4000),
    }
}

fn scramble(regs: &mut Regs, dice: &mut Dice, starts: &[u32]) {
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
    regs.esp = STACK - dice.below(0x800);
    regs.eflags = dice.next() & 0xcd5 | 0x202 | if dice.below(30) == 0 { 0x100 } else { 0 };
    regs.eip = starts[dice.below(starts.len() as u32) as usize];
    (regs.ds, regs.es, regs.ss) = (0x7b, 0x7b, 0x7b);
    regs.fs = [0, 0x7b, 0x33][dice.below(3) as usize];
    regs.gs = [0, 0x33, 0x3b][dice.below(3) as usize];
    if dice.below(20) == 0 {
        regs.ds = 0x33;
    }
}

/// Runs in slices of random lengths, until an event other than the end of a slice.
fn run_sliced(rig: &mut Rig, dice: &mut Option<Dice>) -> RunExit {
    let mut used = 0;
    loop {
        let left = BUDGET - used;
        let slice = dice
            .as_mut()
            .map_or(left, |dice| left.min(dice.below(9).into()));
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

#[test]
fn slices_and_decoded_code_make_no_difference() {
    let mut seen = std::collections::BTreeMap::new();
    for seed in 1..=TRIALS {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (code, starts) = random_program(&mut dice);
        let mut rig = Rig::new(&code);
        rig.cpu.gdt_tls[0] = segment(DATA, 0x3fff, 0x41);
        rig.cpu.gdt_tls[1] = segment(DATA, 0x3, 0x51);
        let mut rigs = [rig.clone(), rig.clone(), rig];
        rigs[1].cpu.decoded.enabled = false;
        for round in 0..6 {
            let mut regs = Regs::default();
            scramble(&mut regs, &mut dice, &starts);
            let sliced = Dice(dice.0 | 1);
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
    }
    assert!(seen.len() > 8, "{seen:?}");
}
