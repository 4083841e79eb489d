//! The exceptions of instructions that user mode may not execute, and instructions that query the
//! CPU.

use crate::hw::cpu::Exception;
use crate::hw::cpu::state::{Core, EAX, EBX, ECX, EDX, Step};
use iced_x86::{ConditionCode, Instruction, Mnemonic, OpKind};

/// The condition of a `jcc`, `setcc` or `cmovcc`, numbered as in its opcode.
pub(in crate::hw::cpu) fn condition(i: &Instruction) -> Option<u8> {
    let ours = match i.op0_kind() {
        OpKind::Register => i.op0_register().is_gpr(),
        OpKind::Memory => i.op_count() == 1,
        _ => i.is_jcc_short_or_near(),
    };
    match i.condition_code() {
        ConditionCode::None => None,
        code => ours.then_some(code as u8 - 1),
    }
}

/// The exception of an instruction that user mode cannot execute.
///
/// Privileged instructions, input and output, and everything that names another code segment raise
/// #GP; instructions that this CPU lacks raise #UD. Some instructions that the i386 permits in user
/// mode are missing: `arpl`, `lar`, `lsl`, `verr`, `verw`, and those that read system registers
/// (`sgdt`, `sidt`, `sldt`, `str`, `smsw`). There is no coprocessor.
pub(super) fn refusal(i: &Instruction) -> Exception {
    use Mnemonic::*;
    match i.mnemonic() {
        Hlt | Cli | Sti | In | Out | Insb | Insw | Insd | Outsb | Outsw | Outsd | Lgdt | Lidt
        | Lldt | Ltr | Lmsw | Clts | Invd | Wbinvd | Invlpg | Rdmsr | Wrmsr | Rdpmc | Iret
        | Iretd | Retf | Sysexit => Exception::GeneralProtection(0),
        _ => Exception::InvalidOpcode,
    }
}

/// Whether a jump or call names a code segment.
pub(in crate::hw::cpu) fn is_far(i: &Instruction) -> bool {
    i.is_jmp_far() || i.is_call_far() || i.is_jmp_far_indirect() || i.is_call_far_indirect()
}

/// Whether a `mov` is from or to a control, debug or test register.
pub(super) fn names_system_register(i: &Instruction) -> bool {
    let special = |operand| {
        let register = i.op_register(operand);
        i.op_kind(operand) == OpKind::Register
            && (register.is_cr() || register.is_dr() || register.is_tr())
    };
    special(0) || special(1)
}

impl Core<'_> {
    pub(super) fn information(&mut self, i: &Instruction) -> Step<()> {
        if i.mnemonic() == Mnemonic::Rdtsc {
            self.gpr[EAX] = self.tsc() as u32;
            self.gpr[EDX] = (self.tsc() >> 32) as u32;
            return Ok(());
        }
        let [eax, ebx, ecx, edx] = cpuid(self.gpr[EAX]);
        self.gpr[EAX] = eax;
        self.gpr[EBX] = ebx;
        self.gpr[ECX] = ecx;
        self.gpr[EDX] = edx;
        Ok(())
    }
}

/// What the processor can do (`cpuid` 1, EDX): 4 MiB pages, `rdtsc`, `cmpxchg8b`, global pages,
/// `cmovcc`.
pub const CPUID_FEATURES: u32 = 1 << 3 | 1 << 4 | 1 << 8 | 1 << 13 | 1 << 15;

/// A basic processor of family 6 without a coprocessor: EAX, EBX, ECX and EDX.
fn cpuid(leaf: u32) -> [u32; 4] {
    let word = u32::from_le_bytes;
    match leaf {
        0 => [1, word(*b"Genu"), word(*b"ntel"), word(*b"ineI")],
        _ => [0x633, 0, 0, CPUID_FEATURES],
    }
}
