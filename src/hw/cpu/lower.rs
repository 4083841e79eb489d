//! From decoded instructions to operations.

use super::alu::{Alu, Width};
use super::fpu::is_x87;
use super::interpret::{condition, is_far, is_hint};
use super::op::{Code, Op};
use super::operand::{has_16_bit_address, width};
use super::segment::{CS, FS, GS};
use super::state::ZERO;
use iced_x86::{Code as Iced, Instruction, Mnemonic, OpKind, Register};

/// The codes of an operation for the operands `rr`, `ri`, `rm`, `mr` and `mi`.
type Forms = [Code; 5];

#[rustfmt::skip]
const ALU: [Forms; 9] = {
    use Code::*;
    [
        [AddRr, AddRi, AddRm, AddMr, AddMi],
        [OrRr, OrRi, OrRm, OrMr, OrMi],
        [AdcRr, AdcRi, AdcRm, AdcMr, AdcMi],
        [SbbRr, SbbRi, SbbRm, SbbMr, SbbMi],
        [AndRr, AndRi, AndRm, AndMr, AndMi],
        [SubRr, SubRi, SubRm, SubMr, SubMi],
        [XorRr, XorRi, XorRm, XorMr, XorMi],
        [CmpRr, CmpRi, CmpRm, CmpMr, CmpMi],
        [TestRr, TestRi, TestRm, TestMr, TestMi],
    ]
};

#[rustfmt::skip]
const JUMPS: [Code; 16] = {
    use Code::*;
    [Jo, Jno, Jb, Jae, Je, Jne, Jbe, Ja, Js, Jns, Jp, Jnp, Jl, Jge, Jle, Jg]
};

/// The operation for an instruction, if it has one of its own.
pub(super) fn lower(i: &Instruction) -> Option<Op> {
    use Mnemonic::*;
    if i.has_lock_prefix() {
        return None;
    }
    match i.mnemonic() {
        Add => alu(i, Alu::Add),
        Or => alu(i, Alu::Or),
        Adc => alu(i, Alu::Adc),
        Sbb => alu(i, Alu::Sbb),
        And => alu(i, Alu::And),
        Sub => alu(i, Alu::Sub),
        Xor => alu(i, Alu::Xor),
        Cmp => alu(i, Alu::Cmp),
        Test => alu(i, Alu::Test),
        Mov => mov(i),
        Inc | Dec | Neg | Not => unary(i),
        Shl | Sal | Shr | Sar | Rol | Ror => shift(i),
        Shld | Shrd => double_shift(i),
        Imul | Mul | Div | Idiv => multiply(i),
        Movzx | Movsx => extend(i),
        Lea => lea(i),
        Push | Pop => stack(i),
        Jmp | Call | Ret => control(i),
        Cdq => Some(Op::new(Code::Cdq)),
        Cwde => Some(Op::new(Code::Cwde)),
        Leave if i.code() == Iced::Leaved => Some(Op::new(Code::Leave)),
        _ if is_x87(i) => Some(Op::new(Code::X87)),
        _ if is_hint(i) => Some(Op::new(Code::Nop)),
        _ => conditional(i),
    }
}

/// The number of a register operand.
fn register(i: &Instruction, operand: u32) -> Option<u8> {
    let register = i.op_register(operand);
    let is_register = i.op_kind(operand) == OpKind::Register && register.is_gpr();
    is_register.then(|| register.number() as u8)
}

/// An operation with the address of the memory operand.
fn address(i: &Instruction, code: Code) -> Option<Op> {
    if has_16_bit_address(i) || matches!(i.memory_segment().number(), CS | FS | GS) {
        return None;
    }
    let number = |register: Register| match register {
        Register::None => ZERO,
        register => register.number() as u8,
    };
    Some(Op {
        base: number(i.memory_base()),
        index: number(i.memory_index()) | (i.memory_index_scale().trailing_zeros() as u8) << 4,
        disp: i.memory_displacement32(),
        ..Op::new(code)
    })
}

/// An operation with two operands.
fn binary(i: &Instruction, [rr, ri, rm, mr, mi]: Forms) -> Option<Op> {
    use OpKind::{Memory, Register};
    let op = match (i.op0_kind(), i.op1_kind()) {
        (Register, Register) => Op {
            dst: register(i, 0)?,
            src: register(i, 1)?,
            ..Op::new(rr)
        },
        (Register, Memory) => Op {
            dst: register(i, 0)?,
            ..address(i, rm)?
        },
        (Memory, Register) => Op {
            dst: 0,
            src: register(i, 1)?,
            ..address(i, mr)?
        },
        (Register, _) => Op {
            dst: register(i, 0)?,
            imm: i.try_immediate(1).ok()? as u32,
            ..Op::new(ri)
        },
        (Memory, _) => Op {
            dst: 0,
            imm: i.try_immediate(1).ok()? as u32,
            ..address(i, mi)?
        },
        _ => return None,
    };
    Some(op)
}

fn alu(i: &Instruction, operation: Alu) -> Option<Op> {
    use Code::*;
    let small = match width(i, 0).ok()? {
        Width::W32 => return binary(i, ALU[operation as usize]),
        Width::W8 => [Alu8Rr, Alu8Ri, Alu8Rm, Alu8Mr, Alu8Mi],
        Width::W16 => [Alu16Rr, Alu16Ri, Alu16Rm, Alu16Mr, Alu16Mi],
    };
    let mut op = binary(i, small)?;
    op.dst |= (operation as u8) << 4;
    op.imm &= width(i, 0).ok()?.mask();
    Some(op)
}

fn mov(i: &Instruction) -> Option<Op> {
    use Code::*;
    let forms = match width(i, 0).ok()? {
        Width::W8 => [Mov8Rr, Mov8Ri, Mov8Rm, Mov8Mr, Mov8Mi],
        Width::W16 => [Mov16Rr, Mov16Ri, Mov16Rm, Mov16Mr, Mov16Mi],
        Width::W32 => [MovRr, MovRi, MovRm, MovMr, MovMi],
    };
    binary(i, forms)
}

fn unary(i: &Instruction) -> Option<Op> {
    if width(i, 0).ok()? != Width::W32 {
        return None;
    }
    let (in_register, in_memory) = match i.mnemonic() {
        Mnemonic::Inc => (Code::IncR, Some(Code::IncM)),
        Mnemonic::Dec => (Code::DecR, Some(Code::DecM)),
        Mnemonic::Neg => (Code::NegR, None),
        _ => (Code::NotR, None),
    };
    match register(i, 0) {
        Some(dst) => Some(Op {
            dst,
            ..Op::new(in_register)
        }),
        None => address(i, in_memory?),
    }
}

fn shift(i: &Instruction) -> Option<Op> {
    use Mnemonic::*;
    if width(i, 0).ok()? != Width::W32 {
        return None;
    }
    let dst = register(i, 0)?;
    let immediate = i.try_immediate(1).ok();
    let code = match (i.mnemonic(), immediate.is_some()) {
        (Shl | Sal, true) => Code::ShlRi,
        (Shr, true) => Code::ShrRi,
        (Sar, true) => Code::SarRi,
        (Rol, true) => Code::RolRi,
        (Ror, true) => Code::RorRi,
        (Shl | Sal, false) => Code::ShlRc,
        (Shr, false) => Code::ShrRc,
        (Sar, false) => Code::SarRc,
        _ => return None,
    };
    Some(Op {
        dst,
        imm: immediate.unwrap_or(0) as u32,
        ..Op::new(code)
    })
}

fn double_shift(i: &Instruction) -> Option<Op> {
    if width(i, 0).ok()? != Width::W32 {
        return None;
    }
    let code = match i.mnemonic() {
        Mnemonic::Shld => Code::ShldRri,
        _ => Code::ShrdRri,
    };
    Some(Op {
        dst: register(i, 0)?,
        src: register(i, 1)?,
        imm: i.try_immediate(2).ok()? as u32,
        ..Op::new(code)
    })
}

fn multiply(i: &Instruction) -> Option<Op> {
    if width(i, 0).ok()? != Width::W32 {
        return None;
    }
    let factor = |rr, rm| match register(i, 1) {
        Some(src) => Some(Op { src, ..Op::new(rr) }),
        None => address(i, rm),
    };
    let single = |code| Some(Op::new(code));
    let op = match (i.mnemonic(), i.op_count()) {
        (Mnemonic::Imul, 2) => factor(Code::ImulRr, Code::ImulRm),
        (Mnemonic::Imul, 3) => factor(Code::ImulRri, Code::ImulRmi),
        (Mnemonic::Imul, _) => single(Code::ImulR),
        (Mnemonic::Mul, _) => single(Code::MulR),
        (Mnemonic::Div, _) => single(Code::DivR),
        _ => single(Code::IdivR),
    }?;
    let imm = if i.op_count() == 3 {
        i.try_immediate(2).ok()?
    } else {
        0
    };
    Some(Op {
        dst: register(i, 0)?,
        imm: imm as u32,
        ..op
    })
}

fn extend(i: &Instruction) -> Option<Op> {
    use Code::*;
    if width(i, 0).ok()? != Width::W32 {
        return None;
    }
    let signed = i.mnemonic() == Mnemonic::Movsx;
    let (rr, rm) = match (width(i, 1).ok()?, signed) {
        (Width::W8, false) => (Movzx8Rr, Movzx8Rm),
        (Width::W8, true) => (Movsx8Rr, Movsx8Rm),
        (Width::W16, false) => (Movzx16Rr, Movzx16Rm),
        (Width::W16, true) => (Movsx16Rr, Movsx16Rm),
        (Width::W32, _) => return None,
    };
    binary(i, [rr, Any, rm, Any, Any])
}

fn lea(i: &Instruction) -> Option<Op> {
    if i.op1_kind() != OpKind::Memory || width(i, 0).ok()? != Width::W32 {
        return None;
    }
    let op = address(i, Code::Lea)?;
    Some(Op {
        dst: register(i, 0)?,
        ..op
    })
}

fn stack(i: &Instruction) -> Option<Op> {
    if i.stack_pointer_increment().unsigned_abs() != 4 {
        return None;
    }
    let push = i.mnemonic() == Mnemonic::Push;
    match (i.op0_kind(), push) {
        (OpKind::Register, true) => Some(Op {
            src: register(i, 0)?,
            ..Op::new(Code::PushR)
        }),
        (OpKind::Register, false) => Some(Op {
            dst: register(i, 0)?,
            ..Op::new(Code::PopR)
        }),
        (OpKind::Memory, true) => address(i, Code::PushM),
        (OpKind::Memory, false) => None,
        _ => Some(Op {
            imm: i.try_immediate(0).ok()? as u32,
            ..Op::new(Code::PushI)
        }),
    }
}

fn control(i: &Instruction) -> Option<Op> {
    if is_far(i) {
        return None;
    }
    let (near, in_register, in_memory) = match i.mnemonic() {
        Mnemonic::Jmp => (Code::Jmp, Code::JmpR, Code::JmpM),
        Mnemonic::Call => (Code::Call, Code::CallR, Code::CallM),
        _ => return ret(i),
    };
    match i.op0_kind() {
        OpKind::NearBranch32 => Some(Op {
            target: i.near_branch32(),
            ..Op::new(near)
        }),
        OpKind::Register if width(i, 0).ok()? == Width::W32 => Some(Op {
            src: register(i, 0)?,
            ..Op::new(in_register)
        }),
        OpKind::Memory if width(i, 0).ok()? == Width::W32 => address(i, in_memory),
        _ => None,
    }
}

fn ret(i: &Instruction) -> Option<Op> {
    match i.code() {
        Iced::Retnd => Some(Op::new(Code::Ret)),
        Iced::Retnd_imm16 => Some(Op {
            imm: i.immediate16().into(),
            ..Op::new(Code::RetI)
        }),
        _ => None,
    }
}

/// `jcc`, `setcc` and `cmovcc`.
fn conditional(i: &Instruction) -> Option<Op> {
    let condition = condition(i)?;
    if i.is_jcc_short_or_near() {
        let op = Op::new(JUMPS[usize::from(condition)]);
        return (i.op0_kind() == OpKind::NearBranch32).then(|| Op {
            target: i.near_branch32(),
            ..op
        });
    }
    if i.op_count() == 1 {
        return Some(Op {
            dst: register(i, 0)?,
            src: condition,
            ..Op::new(Code::SetccR)
        });
    }
    if width(i, 0).ok()? != Width::W32 {
        return None;
    }
    let mut op = binary(
        i,
        [Code::CmovRr, Code::Any, Code::CmovRm, Code::Any, Code::Any],
    )?;
    // The source register and the condition share a field.
    op.imm = condition.into();
    Some(op)
}

#[cfg(test)]
mod tests {
    use super::super::fetch::{Decoded, decode};
    use super::*;

    fn code(bytes: &[u8]) -> Option<Code> {
        let Decoded::Instruction(instruction) = decode(bytes, 0) else {
            panic!("{bytes:x?} is no instruction");
        };
        lower(&instruction).map(|op| op.code)
    }

    /// What has no operation of its own is interpreted: the result is the same, but not the speed.
    #[test]
    fn which_instructions_have_an_operation_of_their_own() {
        use Code::*;
        let cases: [(&[u8], Option<Code>); 62] = [
            (&[0x01, 0xc8], Some(AddRr)),            // add eax,ecx
            (&[0x03, 0x06], Some(AddRm)),            // add eax,[esi]
            (&[0x01, 0x06], Some(AddMr)),            // add [esi],eax
            (&[0x83, 0xc0, 1], Some(AddRi)),         // add eax,1
            (&[0x83, 0x06, 1], Some(AddMi)),         // add dword [esi],1
            (&[0xf0, 0x01, 0x06], None),             // lock add [esi],eax
            (&[0x67, 0x03, 0x04], None),             // add eax,[si]
            (&[0x00, 0xc8], Some(Alu8Rr)),           // add al,cl
            (&[0x66, 0x01, 0xc8], Some(Alu16Rr)),    // add ax,cx
            (&[0x89, 0xc8], Some(MovRr)),            // mov eax,ecx
            (&[0x88, 0xc8], Some(Mov8Rr)),           // mov al,cl
            (&[0x66, 0x89, 0xc8], Some(Mov16Rr)),    // mov ax,cx
            (&[0x8c, 0xd8], None),                   // mov eax,ds
            (&[0x40], Some(IncR)),                   // inc eax
            (&[0x66, 0x40], None),                   // inc ax
            (&[0xff, 0x06], Some(IncM)),             // inc dword [esi]
            (&[0xf7, 0xd8], Some(NegR)),             // neg eax
            (&[0xf7, 0x1e], None),                   // neg dword [esi]
            (&[0xc1, 0xe0, 3], Some(ShlRi)),         // shl eax,3
            (&[0xd3, 0xe0], Some(ShlRc)),            // shl eax,cl
            (&[0xc1, 0xc0, 3], Some(RolRi)),         // rol eax,3
            (&[0xd3, 0xc0], None),                   // rol eax,cl
            (&[0x66, 0xc1, 0xe0, 3], None),          // shl ax,3
            (&[0xc1, 0x26, 3], None),                // shl dword [esi],3
            (&[0x0f, 0xa4, 0xc8, 3], Some(ShldRri)), // shld eax,ecx,3
            (&[0x0f, 0xac, 0xc8, 3], Some(ShrdRri)), // shrd eax,ecx,3
            (&[0x66, 0x0f, 0xa4, 0xc8, 3], None),    // shld ax,cx,3
            (&[0x0f, 0xa5, 0xc8], None),             // shld eax,ecx,cl
            (&[0x0f, 0xaf, 0xc1], Some(ImulRr)),     // imul eax,ecx
            (&[0x0f, 0xaf, 0x06], Some(ImulRm)),     // imul eax,[esi]
            (&[0x6b, 0xc1, 3], Some(ImulRri)),       // imul eax,ecx,3
            (&[0x6b, 0x06, 3], Some(ImulRmi)),       // imul eax,[esi],3
            (&[0xf7, 0xe1], Some(MulR)),             // mul ecx
            (&[0xf7, 0xf9], Some(IdivR)),            // idiv ecx
            (&[0x66, 0x0f, 0xaf, 0xc1], None),       // imul ax,cx
            (&[0x0f, 0xb6, 0xc1], Some(Movzx8Rr)),   // movzx eax,cl
            (&[0x0f, 0xbf, 0x06], Some(Movsx16Rm)),  // movsx eax,word [esi]
            (&[0x66, 0x0f, 0xb6, 0xc1], None),       // movzx ax,cl
            (&[0x8d, 0x06], Some(Lea)),              // lea eax,[esi]
            (&[0x66, 0x8d, 0x06], None),             // lea ax,[esi]
            (&[0x50], Some(PushR)),                  // push eax
            (&[0x66, 0x50], None),                   // push ax
            (&[0x6a, 1], Some(PushI)),               // push 1
            (&[0xff, 0x36], Some(PushM)),            // push dword [esi]
            (&[0x1e], None),                         // push ds
            (&[0x58], Some(PopR)),                   // pop eax
            (&[0x8f, 0x06], None),                   // pop dword [esi]
            (&[0xc9], Some(Leave)),                  // leave
            (&[0x66, 0xc9], None),                   // leavew
            (&[0xeb, 0], Some(Jmp)),                 // jmp
            (&[0xff, 0xe0], Some(JmpR)),             // jmp eax
            (&[0xff, 0x16], Some(CallM)),            // call dword [esi]
            (&[0x66, 0xff, 0xe0], None),             // jmp ax
            (&[0xff, 0x2e], None),                   // jmp far [esi]
            (&[0xc3], Some(Ret)),                    // ret
            (&[0xc2, 4, 0], Some(RetI)),             // ret 4
            (&[0x66, 0xc3], None),                   // retw
            (&[0x75, 0], Some(Jne)),                 // jne
            (&[0x66, 0x75, 0], None),                // jne with a 16-bit target
            (&[0x0f, 0x94, 0xc0], Some(SetccR)),     // sete al
            (&[0x0f, 0x44, 0xc1], Some(CmovRr)),     // cmove eax,ecx
            (&[0x66, 0x0f, 0x44, 0xc1], None),       // cmove ax,cx
        ];
        for (bytes, expected) in cases {
            assert_eq!(code(bytes), expected, "{bytes:x?}");
        }
    }
}
