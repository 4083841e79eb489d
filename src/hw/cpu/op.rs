//! The operations that decoded code consists of: frequent instructions, in 20 bytes each.

use super::state::ZERO;
use crate::abi::PAGE_SIZE;

/// What an operation does. The letters name its operands: register, immediate, memory; the first is
/// the destination. Without a number, the operands have 32 bits.
#[allow(missing_docs, reason = "mnemonics and operands")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[rustfmt::skip]
pub(super) enum Code {
    /// An instruction after which the next one is fetched again: `imm` is its index among the others
    /// of the frame.
    Any,
    AddRr, AddRi, AddRm, AddMr, AddMi,
    OrRr, OrRi, OrRm, OrMr, OrMi,
    AdcRr, AdcRi, AdcRm, AdcMr, AdcMi,
    SbbRr, SbbRi, SbbRm, SbbMr, SbbMi,
    AndRr, AndRi, AndRm, AndMr, AndMi,
    SubRr, SubRi, SubRm, SubMr, SubMi,
    XorRr, XorRi, XorRm, XorMr, XorMi,
    CmpRr, CmpRi, CmpRm, CmpMr, CmpMi,
    TestRr, TestRi, TestRm, TestMr, TestMi,
    /// The operation is in the high half of `dst`.
    Alu8Rr, Alu8Ri, Alu8Rm, Alu8Mr, Alu8Mi,
    Alu16Rr, Alu16Ri, Alu16Rm, Alu16Mr, Alu16Mi,
    IncR, DecR, IncM, DecM, NegR, NotR,
    MovRr, MovRi, MovRm, MovMr, MovMi,
    Mov8Rr, Mov8Ri, Mov8Rm, Mov8Mr, Mov8Mi,
    Mov16Rr, Mov16Ri, Mov16Rm, Mov16Mr, Mov16Mi,
    Movzx8Rr, Movzx8Rm, Movzx16Rr, Movzx16Rm,
    Movsx8Rr, Movsx8Rm, Movsx16Rr, Movsx16Rm,
    Lea,
    PushR, PushI, PushM, PopR, Leave,
    ShlRi, ShrRi, SarRi, ShlRc, ShrRc, SarRc, RolRi, RorRi, RolRc, RorRc,
    ShldRri, ShrdRri,
    ImulRr, ImulRm, ImulRri, ImulRmi, MulR, ImulR, DivR, IdivR,
    Cdq, Cwde, BswapR, Nop,
    /// An instruction of the FPU: `imm` is its index among the others of the frame.
    X87,
    /// Any other instruction that the following one follows; `imm` as above.
    Within,
    /// The condition is in `src`.
    SetccR, CmovRr, CmovRm,
    /// Instructions that often follow each other, as one operation: see [`fuse`](super::fuse).
    MovAdd, MovSub, MovAnd,
    /// Operations whose flags nobody sees: see [`quiet`](super::quiet).
    QuietAdd, QuietSub, QuietAnd, QuietOr, QuietXor,
    QuietShl, QuietShr, QuietSar, QuietRol, QuietRor, RolXor,
    QuietAddRm, QuietSubRm, QuietAndRm, QuietOrRm, QuietXorRm,
    /// Operations on memory in the window of the block: see [`window`](super::window).
    LoadW, LoadZx8W, StoreW, StoreIW, Store8W, Store8IW, AddToW,
    AddW, SubW, AndW, OrW, XorW,
    QuietAddW, QuietSubW, QuietAndW, QuietOrW, QuietXorW, QuietAddToW,
    /// The first operand is in the window.
    WQuietAdd, WQuietSub, WQuietAnd, WQuietOr, WQuietXor, WQuietRol, WRolXor,
    /// `mov` within the window: to `imm`.
    CopyW,
    /// Several operations in a row, in `disp` [strides](super::straight) from number `imm`.
    Straight,
    /// `mov` with memory at a register plus `disp`.
    LoadAt, StoreAt, Store8IAt,
    /// `mov` from there through `dst` to memory at `src` plus `imm`.
    Copy,
    LoadAdd, LoadSub, LoadAnd, LoadInc, LoadDec,
    Enter, CallEnter, PushCallEnter,
    Push2, Pop2, DropPush, DropPop,
    /// A call of code that stands behind it in its block; `imm` is where it returns to.
    CallOn,
    CmpJ, CmpMJ, CmpRmJ, TestJ, StepJ, LeaveRet,
    /// A byte in a register or in memory is compared with `imm`.
    Cmp8J, Cmp8MJ,
    /// To offset `target` in the linear page, which may be outside of it.
    Jo, Jno, Jb, Jae, Je, Jne, Jbe, Ja, Js, Jns, Jp, Jnp, Jl, Jge, Jle, Jg,
    Jmp, JmpR, JmpM, Call, CallR, CallM, Ret, RetI,
}

#[cfg(test)]
impl Code {
    /// Whether it stands for several instructions, or for a call into its own block.
    pub(super) const fn is_fused(self) -> bool {
        self as u8 >= Self::MovAdd as u8 && self as u8 <= Self::Cmp8MJ as u8
    }
}

/// A decoded operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Op {
    pub(super) code: Code,
    /// The destination register, or a number whose meaning depends on the code.
    pub(super) dst: u8,
    pub(super) src: u8,
    /// The base of the address, [`ZERO`] for none. The segment is a flat one.
    pub(super) base: u8,
    /// Low half: the index of the address. High half: its shift count.
    pub(super) index: u8,
    /// Which instruction of its block it is, or begins with.
    pub(super) at: u8,
    /// The offset of the next instruction in the page.
    pub(super) next: u16,
    pub(super) disp: u32,
    pub(super) imm: u32,
    /// Where it jumps to: the offset in the linear page.
    pub(super) target: u32,
}

const _: () = assert!(size_of::<Op>() == 20);

impl Op {
    /// An operation without operands.
    pub(super) const fn new(code: Code) -> Self {
        Self {
            code,
            dst: ZERO,
            src: ZERO,
            base: ZERO,
            index: ZERO,
            at: 0,
            next: 0,
            disp: 0,
            imm: 0,
            target: 0,
        }
    }

    /// How often a plain operation accesses memory, as far as that is charged with its block: not
    /// where it is interpreted, or has several accesses of which the first may fault.
    const fn accesses(&self) -> u64 {
        use Code::*;
        match self.code {
            AddRm | AddMr | AddMi | OrRm | OrMr | OrMi | AdcRm | AdcMr | AdcMi | SbbRm | SbbMr
            | SbbMi | AndRm | AndMr | AndMi | SubRm | SubMr | SubMi | XorRm | XorMr | XorMi
            | CmpRm | CmpMr | CmpMi | TestRm | TestMr | TestMi | Alu8Rm | Alu8Mr | Alu8Mi
            | Alu16Rm | Alu16Mr | Alu16Mi | IncM | DecM | MovRm | MovMr | MovMi | Mov8Rm
            | Mov8Mr | Mov8Mi | Mov16Rm | Mov16Mr | Mov16Mi | Movzx8Rm | Movzx16Rm | Movsx8Rm
            | Movsx16Rm | PushR | PushI | PopR | Leave | ImulRm | ImulRmi | CmovRm | JmpM
            | CallOn | Call | CallR | Ret | RetI => 1,
            _ => 0,
        }
    }

    /// A jump or call that always goes to the same place in this page: the block goes on there.
    pub(super) const fn go_on_at_target(&mut self) {
        if self.target >= PAGE_SIZE {
            return;
        }
        match self.code {
            Code::Jmp => self.code = Code::Nop,
            Code::Call => {
                self.code = Code::CallOn;
                self.imm = self.next as u32;
            }
            _ => return,
        }
        self.next = self.target as u16;
    }

    /// Whether the next instruction need not be the following one, or must be fetched again.
    pub(super) const fn ends_block(&self) -> bool {
        self.code as u8 >= Code::Jo as u8 || matches!(self.code, Code::Any)
    }
}

/// How often plain operations access memory.
pub(super) fn accesses(ops: &[Op]) -> u64 {
    ops.iter().map(Op::accesses).sum()
}
