//! Loops that are run round by round in a hurry, and what interrupts them: the result is the same as
//! instruction by instruction.

use super::*;
use iced_x86::code_asm::*;

/// Runs code that begins with these registers, kept decoded and not.
fn compare(budget: u64, from: &Regs, write: impl Fn(&mut CodeAssembler)) -> RunExit {
    let mut rig = Rig::assembled(write);
    rig.regs = Regs {
        eip: CODE,
        esp: STACK,
        ..*from
    };
    // The first page only, so that others displace it.
    rig.cpu.mmu.tlb = crate::hw::Tlb::new(1, crate::hw::TlbPolicy::DirectMapped);
    let mut other = rig.clone();
    other.cpu.decoded.enabled = false;
    let exits = [rig.run(budget), other.run(budget)];
    assert_eq!(exits[0], exits[1]);
    assert_eq!(rig.regs, other.regs);
    let counts = |rig: &Rig| (rig.cpu.mmu.tlb.hits, rig.cpu.mmu.tlb.misses);
    assert_eq!(counts(&rig), counts(&other));
    exits[0]
}

fn registers(address: u32, count: u32) -> Regs {
    Regs {
        esi: address,
        ecx: count,
        eax: 7,
        ebx: 3,
        edx: 1,
        ebp: STACK - 64,
        ..Regs::default()
    }
}

#[test]
fn a_round_that_faults_leaves_the_flags_of_the_last_comparison() {
    for first in [READ_ONLY - 64, READ_ONLY - 4, READ_ONLY] {
        let exit = compare(1000, &registers(first, 0), |a| {
            let mut again = a.create_label();
            a.set_label(&mut again).unwrap();
            a.mov(dword_ptr(esi), eax).unwrap();
            a.add(esi, 4).unwrap();
            // Never equal, but first below and then above.
            a.cmp(esi, (READ_ONLY - 31) as i32).unwrap();
            a.jne(again).unwrap();
        });
        assert!(matches!(
            exit.event,
            Event::Exception(Exception::PageFault(_))
        ));
    }
}

#[test]
fn what_is_compared_may_change_before_the_fault() {
    // Among these is what it is at the fault.
    for other in 5..30 {
        compare(1000, &registers(READ_ONLY - 64, 5), |a| {
            let mut again = a.create_label();
            a.set_label(&mut again).unwrap();
            a.lea(ecx, dword_ptr(ecx + 1)).unwrap();
            a.mov(dword_ptr(esi), eax).unwrap();
            a.add(esi, 4).unwrap();
            a.cmp(ecx, other).unwrap();
            a.jne(again).unwrap();
        });
        // Here it has been set anew when the store faults.
        compare(1000, &registers(READ_ONLY - 64, 5), |a| {
            let mut again = a.create_label();
            a.set_label(&mut again).unwrap();
            a.add(esi, 4).unwrap();
            a.mov(dword_ptr(esi - 4), eax).unwrap();
            a.inc(ecx).unwrap();
            a.cmp(ecx, other).unwrap();
            a.jne(again).unwrap();
        });
    }
}

#[test]
fn a_budget_ends_a_loop_in_any_round_and_at_any_instruction() {
    for budget in 1..60 {
        let exit = compare(budget, &registers(DATA, 0), |a| {
            let mut again = a.create_label();
            a.set_label(&mut again).unwrap();
            a.mov(edx, eax).unwrap();
            a.xor(edx, ecx).unwrap();
            a.add(ebx, edx).unwrap();
            a.inc(ecx).unwrap();
            a.cmp(ecx, 10).unwrap();
            a.jne(again).unwrap();
            a.ud2().unwrap();
        });
        assert_eq!(exit.used, budget);
    }
}

#[test]
fn an_access_that_displaces_the_page_of_a_window_closes_it() {
    for budget in [5, 6, 7, 1000] {
        compare(budget, &registers(DATA, 0), |a| {
            let mut again = a.create_label();
            a.set_label(&mut again).unwrap();
            a.mov(eax, dword_ptr(ebp)).unwrap();
            a.imul_2(eax, dword_ptr(esi)).unwrap();
            a.add(eax, dword_ptr(ebp + 4)).unwrap();
            a.mov(dword_ptr(ebp + 8), eax).unwrap();
            a.or(dword_ptr(esi + 4), eax).unwrap();
            a.mov(edx, dword_ptr(ebp + 8)).unwrap();
            a.mov(dword_ptr(ebp + 12), edx).unwrap();
            a.jmp(again).unwrap();
        });
    }
}
