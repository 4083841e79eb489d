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
/// (`sgdt`, `sidt`, `sldt`, `str`, `smsw`).
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

/// Whether it does nothing: the opcodes 0F 18 to 0F 1F with any operand, which later processors have
/// given meanings that may be ignored, such as `prefetcht0` and `endbr32`. The operand is not read.
pub(in crate::hw::cpu) fn is_hint(i: &Instruction) -> bool {
    use Mnemonic::*;
    matches!(
        i.mnemonic(),
        Nop | Reservednop
            | Prefetchnta
            | Prefetcht0
            | Prefetcht1
            | Prefetcht2
            | Prefetchit0
            | Prefetchit1
            | Cldemote
            | Endbr32
            | Endbr64
            | Rdsspd
            | Pause
    )
}

/// What the processor can do (`cpuid` 1, EDX): FPU, 4 MiB pages, `rdtsc`, `cmpxchg8b`, global pages,
/// `cmovcc`. Of the real features, those that neither the kernel nor user mode can use here are
/// missing.
pub const CPUID_FEATURES: u32 = 1 | 1 << 3 | 1 << 4 | 1 << 8 | 1 << 13 | 1 << 15;

/// What a Pentium Pro tells of itself, in EAX, EBX, ECX and EDX: family 6, model 1, stepping 9. A leaf
/// that does not exist reads like the last one.
pub const fn cpuid(leaf: u32) -> [u32; 4] {
    const SIGNATURE: u32 = 0x619;
    let word = u32::from_le_bytes;
    match leaf {
        0 => [2, word(*b"Genu"), word(*b"ntel"), word(*b"ineI")],
        1 => [SIGNATURE, 0, 0, CPUID_FEATURES],
        // The TLBs, and caches of 8 KiB for code, 8 KiB for data and 256 KiB for both.
        _ => [0x0302_0101, 0, 0, 0x0604_0a42],
    }
}
