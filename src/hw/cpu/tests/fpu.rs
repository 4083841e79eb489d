//! When x87 instructions run, report exceptions and point at themselves, and what the processor says
//! of itself.

use super::*;
use iced_x86::code_asm::*;

/// Code that may use the FPU.
fn with_fpu(write: impl FnOnce(&mut CodeAssembler)) -> Rig {
    let mut rig = Rig::assembled(write);
    rig.cpu.fpu.task_switched = false;
    rig
}

#[test]
fn an_exception_that_is_not_masked_is_reported_by_the_next_instruction_that_waits() {
    let mut rig = with_fpu(|a| {
        a.fldcw(word_ptr(DATA)).unwrap();
        a.fld1().unwrap();
        a.fldz().unwrap();
        a.fdivp(st1, st0).unwrap();
        a.mov(ebx, 7).unwrap();
        a.fnstsw(ax).unwrap();
        a.fnstcw(word_ptr(DATA + 4)).unwrap();
        a.fld1().unwrap();
    });
    rig.poke(DATA, &[0x7b, 0x03]);
    let exit = rig.run(10);
    let event = Event::Exception(Exception::CoprocessorError);
    assert_eq!(exit, RunExit { used: 7, event });
    // ES and ZE; nothing was popped, and the operands are still there.
    assert_eq!(rig.regs.eax & 0xffff, 0xb084);
    assert_eq!(rig.regs.ebx, 7);
    assert_eq!(rig.peek(DATA + 4) & 0xffff, 0x37b);
    // It comes back until the exception is cleared or masked.
    assert_eq!(rig.run(10).event, event);
    rig.poke(rig.regs.eip, &[0xdb, 0xe2]); // fnclex
    assert_eq!(rig.run(1).event, Event::Budget);
}

#[test]
fn the_pointers_show_the_last_instruction_and_its_operand() {
    let mut rig = with_fpu(|a| {
        a.fld(dword_ptr(DATA + 8)).unwrap();
        a.fnstenv(dword_ptr(DATA + 64)).unwrap();
        a.fld(dword_ptr(DATA + 16)).unwrap();
        a.fldcw(word_ptr(DATA)).unwrap();
        a.fsqrt().unwrap();
        a.fnstenv(dword_ptr(DATA + 64)).unwrap();
    });
    rig.poke(DATA, &[0x7e, 0x03]);
    rig.poke(DATA + 16, &(-1f32).to_le_bytes());
    let environment = |rig: &Rig| [0, 1, 2, 3, 4, 5, 6].map(|n| rig.peek(DATA + 64 + 4 * n));
    rig.run(2);
    let pointers = [CODE, 0x73, DATA + 8, 0xffff_007b];
    assert_eq!(environment(&rig)[3..], pointers);
    rig.run(4);
    // The invalid operation is not masked, so its opcode is stored: D9 FA.
    let pointers = [CODE + 24, 0x73 | 0x1fa << 16, DATA + 16, 0xffff_007b];
    assert_eq!(environment(&rig)[3..], pointers);
    // `fnstenv` has stored the control word before it masked everything.
    assert_eq!(environment(&rig)[0], 0xffff_037e);
    assert!(!rig.cpu.fpu.x87.is_pending());
}

#[test]
fn a_store_that_faults_leaves_the_stack_as_it_was() {
    for (place, used) in [(READ_ONLY, 2), (UNMAPPED - 4, 2), (DATA, 3)] {
        let mut rig = with_fpu(|a| {
            a.fld1().unwrap();
            a.fldpi().unwrap();
            a.fstp(qword_ptr(place)).unwrap();
            a.nop().unwrap();
        });
        let exit = rig.run(3);
        assert_eq!(exit.used, used, "{place:x}");
        let top = rig.cpu.fpu.x87.status() >> 11 & 7;
        assert_eq!(top, if used == 2 { 6 } else { 7 });
    }
}

#[test]
fn the_processor_is_a_pentium_pro_without_mmx_and_sse() {
    for (leaf, expected) in [
        (0, [2, 0x756e_6547, 0x6c65_746e, 0x4965_6e69]),
        (1, [0x619, 0, 0, 0xa119]),
        (2, [0x0302_0101, 0, 0, 0x0604_0a42]),
        (0x8000_0000u32, [0x0302_0101, 0, 0, 0x0604_0a42]),
    ] {
        let mut rig = Rig::assembled(|a| {
            a.mov(eax, leaf).unwrap();
            a.cpuid().unwrap();
        });
        rig.run(2);
        let regs = rig.regs;
        let told = [regs.eax, regs.ebx, regs.ecx, regs.edx];
        assert_eq!(told, expected, "{leaf:x}");
    }
}

/// The operand is not read, so it may be anywhere.
#[test]
fn hints_do_nothing() {
    for opcode in 0x18..=0x1f {
        for mode in 0..=0xffu8 {
            for prefix in [&[][..], &[0x66], &[0xf3], &[0xf2]] {
                let mut code = prefix.to_vec();
                code.extend([0x0f, opcode, mode, 0, 0, 0, 0, 0]);
                let mut rig = Rig::new(&code);
                let before = rig.regs;
                assert_eq!(rig.run(1).event, Event::Budget, "{code:x?}");
                rig.regs.eip = before.eip;
                assert_eq!(rig.regs, before, "{code:x?}");
            }
        }
    }
}

/// Compilers write `rep bsf` for a count of trailing zeros: without BMI it is `bsf`.
#[test]
fn the_prefix_of_tzcnt_and_lzcnt_is_ignored() {
    for (opcode, result) in [(0xbc, 4), (0xbd, 9)] {
        let mut rig = Rig::new(&[0xf3, 0x0f, opcode, 0xc1]);
        rig.regs.ecx = 0x210;
        rig.run(1);
        assert_eq!(rig.regs.eax, result);
    }
}
