//! Runs decoded operations as long as they are in one page.
//!
//! Faults are precise, because an operation changes nothing before its last memory access has
//! succeeded.
//!
//! What is [smooth](super::smooth) is run there, as far as it goes; here are operations of any kind.

use super::alu::{Alu, Shift, Width};
use super::cache::{Block, FrameCode, Way};
use super::flags::Flags;
use super::interpret::Executed;
use super::op::{Code, Op, accesses};
use super::state::{Core, EAX, EBP, ECX, EDX, ESP, Step};
use super::straight::{self, Straight, Stride};
use super::{Event, Exception};
use crate::abi::{PAGE_SIZE, VirtAddr};
use iced_x86::Instruction;

/// Why a run through a page ended.
pub(super) enum Exit {
    /// Another page, another mode, changed code, or no instructions left.
    Elsewhere,
    /// The instruction at `eip` is not decoded.
    Undecoded,
    Event(Event),
}

impl Core<'_> {
    /// Runs the code in the page of `eip`, as far as it is decoded.
    #[allow(
        clippy::too_many_lines,
        reason = "a row for each operation, in one loop"
    )]
    pub(super) fn run_page(&mut self, code: &FrameCode) -> Exit {
        let page = self.eip & !(PAGE_SIZE - 1);
        let mut eip = self.eip;
        self.page = page;
        self.forget_pages();
        'block: loop {
            let stop = self.run_smoothly(code, page, eip);
            eip = stop.eip;
            let offset = eip.wrapping_sub(page);
            if offset >= PAGE_SIZE {
                self.eip = eip;
                return Exit::Elsewhere;
            }
            let block = code.block(offset as usize);
            let mut ops = &*block.plain;
            let mut strides: &[Stride] = &[];
            let mut rest;
            if let Some(at) = stop.within {
                rest = ops[usize::from(at)..].iter();
            } else {
                let mut charged = block.accesses;
                if ops.len() as u64 > self.left {
                    ops = first(ops, self.left);
                    rest = ops.iter();
                    charged = accesses(ops);
                } else {
                    let fewer;
                    (fewer, strides) = self.fewest(block);
                    rest = fewer.iter();
                }
                if ops.is_empty() {
                    self.eip = eip;
                    return if self.left == 0 {
                        Exit::Elsewhere
                    } else {
                        Exit::Undecoded
                    };
                }
                // The whole block is charged in advance; leaving it early refunds the rest.
                self.left -= ops.len() as u64;
                self.hits = self.hits.wrapping_add(charged);
            }
            'op: while let Some(op) = rest.next() {
                // The value, or an exit with the state as it was before this operation.
                macro_rules! fallible {
                    ($result:expr) => {
                        match $result {
                            Ok(value) => value,
                            Err(exception) => {
                                return self.stop(exception, ops, op.at, eip);
                            }
                        }
                    };
                }
                // The value of the memory operand. What is slow is kept apart from what is quick, so that
                // a value that is there at once never goes through a `Result`.
                macro_rules! load {
                    ($width:ident) => {
                        load!(self.effective(op), $width)
                    };
                    ($offset:expr, $width:ident) => {{
                        let va = VirtAddr($offset);
                        match self.load_quickly(va, Width::$width) {
                            Some(value) => value,
                            None => {
                                // The window may be closed.
                                rest = ops[usize::from(op.at) + 1..].iter();
                                fallible!(self.load_slowly(va, Width::$width))
                            }
                        }
                    }};
                }
                // The operation is complete except for the check whether it has changed code.
                macro_rules! stored {
                    ($result:expr) => {
                        if fallible!($result) {
                            let undone = &ops[usize::from(op.at) + 1..];
                            if !self.is_current() {
                                return self.leave_page(undone, page.wrapping_add(op.next.into()));
                            }
                            rest = undone.iter();
                        }
                    };
                }
                macro_rules! go {
                    ($target:expr) => {{
                        eip = $target;
                        continue 'block;
                    }};
                }
                // Like `stored`, for an operation that jumps.
                macro_rules! stored_and_go {
                    ($result:expr, $target:expr) => {{
                        let noticed = fallible!($result);
                        if noticed && !self.is_current() {
                            return self.leave_page(&[], $target);
                        }
                        go!($target);
                    }};
                }
                // Carries a fused operation out, or its instructions one by one if that does not
                // go smoothly.
                macro_rules! smoothly {
                    ($result:expr) => {
                        match $result {
                            Some(value) => value,
                            None => {
                                rest = ops[usize::from(op.at)..].iter();
                                continue;
                            }
                        }
                    };
                }
                macro_rules! jump {
                    ($taken:expr) => {
                        if $taken {
                            go!(page.wrapping_add(op.target))
                        } else {
                            go!(page.wrapping_add(op.next.into()))
                        }
                    };
                }
                macro_rules! moved {
                    ($op:ident) => {{
                        let (a, b) = (self.r(op.src), self.r(op.index).wrapping_add(op.imm));
                        let result = self.flags.alu(Alu::$op, a, b, Width::W32);
                        self.set(op.dst, result);
                    }};
                }
                macro_rules! loaded {
                    ($op:ident) => {{
                        let a = smoothly!(self.load_hit(op));
                        let b = self.r(op.src).wrapping_add(op.imm);
                        let result = self.flags.alu(Alu::$op, a, b, Width::W32);
                        self.set(op.dst, result);
                    }};
                }
                macro_rules! rr {
                    ($op:ident) => {{
                        let (a, b) = (self.r(op.dst), self.r(op.src));
                        let result = self.flags.alu(Alu::$op, a, b, Width::W32);
                        self.set(op.dst, result);
                    }};
                }
                macro_rules! ri {
                    ($op:ident) => {{
                        let a = self.r(op.dst);
                        let result = self.flags.alu(Alu::$op, a, op.imm, Width::W32);
                        self.set(op.dst, result);
                    }};
                }
                macro_rules! rm {
                    ($op:ident) => {{
                        let b = load!(W32);
                        let a = self.r(op.dst);
                        let result = self.flags.alu(Alu::$op, a, b, Width::W32);
                        self.set(op.dst, result);
                    }};
                }
                macro_rules! mr {
                    ($op:ident) => {{
                        let b = self.r(op.src);
                        stored!(self.update(op, Width::W32, |flags, a| {
                            flags.alu(Alu::$op, a, b, Width::W32)
                        }))
                    }};
                }
                macro_rules! mi {
                    ($op:ident) => {
                        stored!(self.update(op, Width::W32, |flags, a| {
                            flags.alu(Alu::$op, a, op.imm, Width::W32)
                        }))
                    };
                }
                macro_rules! compare_rr {
                    ($op:ident) => {{
                        let (a, b) = (self.r(op.dst), self.r(op.src));
                        self.flags.alu(Alu::$op, a, b, Width::W32);
                    }};
                }
                macro_rules! compare_ri {
                    ($op:ident) => {{
                        let a = self.r(op.dst);
                        self.flags.alu(Alu::$op, a, op.imm, Width::W32);
                    }};
                }
                macro_rules! compare_rm {
                    ($op:ident) => {{
                        let b = load!(W32);
                        let a = self.r(op.dst);
                        self.flags.alu(Alu::$op, a, b, Width::W32);
                    }};
                }
                macro_rules! compare_mr {
                    ($op:ident) => {{
                        let a = load!(W32);
                        let b = self.r(op.src);
                        self.flags.alu(Alu::$op, a, b, Width::W32);
                    }};
                }
                macro_rules! compare_mi {
                    ($op:ident) => {{
                        let a = load!(W32);
                        self.flags.alu(Alu::$op, a, op.imm, Width::W32);
                    }};
                }
                macro_rules! small {
                    (rr $width:ident) => {{
                        let b = self.reg(op.src.into(), Width::$width);
                        self.small_to_register(op, Width::$width, b);
                    }};
                    (ri $width:ident) => {
                        self.small_to_register(op, Width::$width, op.imm)
                    };
                    (rm $width:ident) => {{
                        let b = load!($width);
                        self.small_to_register(op, Width::$width, b);
                    }};
                    (mr $width:ident) => {{
                        let b = self.reg(op.src.into(), Width::$width);
                        stored!(self.small_to_memory(op, Width::$width, b))
                    }};
                    (mi $width:ident) => {
                        stored!(self.small_to_memory(op, Width::$width, op.imm))
                    };
                }
                macro_rules! mov {
                    (rr $width:ident) => {{
                        let value = self.reg(op.src.into(), Width::$width);
                        self.set_reg(op.dst.into(), Width::$width, value);
                    }};
                    (ri $width:ident) => {
                        self.set_reg(op.dst.into(), Width::$width, op.imm)
                    };
                    (rm $width:ident) => {{
                        let value = load!($width);
                        self.set_reg(op.dst.into(), Width::$width, value);
                    }};
                    (mr $width:ident) => {{
                        let value = self.reg(op.src.into(), Width::$width);
                        stored!(self.store_operand(op, Width::$width, value))
                    }};
                    (mi $width:ident) => {
                        stored!(self.store_operand(op, Width::$width, op.imm))
                    };
                }
                macro_rules! zero_extend {
                    (rr $width:ident) => {
                        self.set(op.dst, self.reg(op.src.into(), Width::$width))
                    };
                    (rm $width:ident) => {{
                        let value = load!($width);
                        self.set(op.dst, value);
                    }};
                }
                macro_rules! sign_extend {
                    (rr $width:ident) => {{
                        let value = self.reg(op.src.into(), Width::$width);
                        self.set(op.dst, Width::$width.sign_extend(value));
                    }};
                    (rm $width:ident) => {{
                        let value = load!($width);
                        self.set(op.dst, Width::$width.sign_extend(value));
                    }};
                }
                macro_rules! shift {
                    ($op:ident, $count:expr) => {{
                        let (a, count) = (self.r(op.dst), $count);
                        let result = self.flags.shift(Shift::$op, a, count, Width::W32);
                        self.set(op.dst, result);
                    }};
                }
                macro_rules! straight {
                    ($name:ident) => {
                        smoothly!(straight::$name::run(self, op))
                    };
                }
                // An operation whose second operand is in memory.
                macro_rules! quiet_rm {
                    ($f:expr) => {{
                        let b = smoothly!(self.load_hit(op));
                        self.set(op.dst, $f(self.r(op.src), b));
                    }};
                }
                // ... in the window, with its flags.
                macro_rules! rw {
                    ($op:ident) => {{
                        let b = self.word_inside(op.disp);
                        let a = self.r(op.dst);
                        let result = self.flags.alu(Alu::$op, a, b, Width::W32);
                        self.set(op.dst, result);
                    }};
                }
                macro_rules! unary {
                    ($f:expr) => {{
                        let a = self.r(op.dst);
                        let result = $f(&mut self.flags, a);
                        self.set(op.dst, result);
                    }};
                }
                macro_rules! interpret {
                    ($how:ident) => {{
                        self.eip = start_of(ops, op.at, eip, page);
                        let Some(instruction) = code.other(op.imm) else {
                            return Exit::Undecoded;
                        };
                        fallible!(self.$how(instruction));
                        if !self.is_current() {
                            let undone = &ops[usize::from(op.at) + 1..];
                            return self.leave_page(undone, page.wrapping_add(op.next.into()));
                        }
                    }};
                }
                match op.code {
                    Code::Any => {
                        self.left += 1;
                        self.eip = start_of(ops, op.at, eip, page);
                        let Some(instruction) = code.other(op.imm) else {
                            return Exit::Undecoded;
                        };
                        self.forget_pages();
                        match self.execute(instruction) {
                            Ok(Executed::Done) if self.is_plain() && self.is_current() => {
                                eip = self.eip;
                                continue 'block;
                            }
                            outcome => return self.after(outcome),
                        }
                    }
                    Code::X87 => interpret!(x87_in_block),
                    Code::Within => interpret!(execute_in_block),
                    Code::AddRr => rr!(Add),
                    Code::AddRi => ri!(Add),
                    Code::AddRm => rm!(Add),
                    Code::AddMr => mr!(Add),
                    Code::AddMi => mi!(Add),
                    Code::OrRr => rr!(Or),
                    Code::OrRi => ri!(Or),
                    Code::OrRm => rm!(Or),
                    Code::OrMr => mr!(Or),
                    Code::OrMi => mi!(Or),
                    Code::AdcRr => rr!(Adc),
                    Code::AdcRi => ri!(Adc),
                    Code::AdcRm => rm!(Adc),
                    Code::AdcMr => mr!(Adc),
                    Code::AdcMi => mi!(Adc),
                    Code::SbbRr => rr!(Sbb),
                    Code::SbbRi => ri!(Sbb),
                    Code::SbbRm => rm!(Sbb),
                    Code::SbbMr => mr!(Sbb),
                    Code::SbbMi => mi!(Sbb),
                    Code::AndRr => rr!(And),
                    Code::AndRi => ri!(And),
                    Code::AndRm => rm!(And),
                    Code::AndMr => mr!(And),
                    Code::AndMi => mi!(And),
                    Code::SubRr => rr!(Sub),
                    Code::SubRi => ri!(Sub),
                    Code::SubRm => rm!(Sub),
                    Code::SubMr => mr!(Sub),
                    Code::SubMi => mi!(Sub),
                    Code::XorRr => rr!(Xor),
                    Code::XorRi => ri!(Xor),
                    Code::XorRm => rm!(Xor),
                    Code::XorMr => mr!(Xor),
                    Code::XorMi => mi!(Xor),
                    Code::CmpRr => compare_rr!(Cmp),
                    Code::CmpRi => compare_ri!(Cmp),
                    Code::CmpRm => compare_rm!(Cmp),
                    Code::CmpMr => compare_mr!(Cmp),
                    Code::CmpMi => compare_mi!(Cmp),
                    Code::TestRr => compare_rr!(Test),
                    Code::TestRi => compare_ri!(Test),
                    Code::TestRm => compare_rm!(Test),
                    Code::TestMr => compare_mr!(Test),
                    Code::TestMi => compare_mi!(Test),
                    Code::Alu8Rr => small!(rr W8),
                    Code::Alu8Ri => small!(ri W8),
                    Code::Alu8Rm => small!(rm W8),
                    Code::Alu8Mr => small!(mr W8),
                    Code::Alu8Mi => small!(mi W8),
                    Code::Alu16Rr => small!(rr W16),
                    Code::Alu16Ri => small!(ri W16),
                    Code::Alu16Rm => small!(rm W16),
                    Code::Alu16Mr => small!(mr W16),
                    Code::Alu16Mi => small!(mi W16),
                    Code::IncR => unary!(|flags: &mut Flags, a| flags.inc(a, Width::W32)),
                    Code::DecR => unary!(|flags: &mut Flags, a| flags.dec(a, Width::W32)),
                    Code::NegR => {
                        unary!(|flags: &mut Flags, a| flags.sub(0, a, Width::W32));
                    }
                    Code::NotR => self.set(op.dst, !self.r(op.dst)),
                    Code::IncM => stored!(
                        self.update(op, Width::W32, |flags, a| { flags.inc(a, Width::W32) })
                    ),
                    Code::DecM => stored!(
                        self.update(op, Width::W32, |flags, a| { flags.dec(a, Width::W32) })
                    ),
                    Code::MovRr => straight!(MovRr),
                    Code::MovRi => straight!(MovRi),
                    Code::MovRm => mov!(rm W32),
                    Code::MovMr => mov!(mr W32),
                    Code::MovMi => mov!(mi W32),
                    Code::Mov8Rr => mov!(rr W8),
                    Code::Mov8Ri => mov!(ri W8),
                    Code::Mov8Rm => mov!(rm W8),
                    Code::Mov8Mr => mov!(mr W8),
                    Code::Mov8Mi => mov!(mi W8),
                    Code::Mov16Rr => mov!(rr W16),
                    Code::Mov16Ri => mov!(ri W16),
                    Code::Mov16Rm => mov!(rm W16),
                    Code::Mov16Mr => mov!(mr W16),
                    Code::Mov16Mi => mov!(mi W16),
                    Code::Movzx8Rr => zero_extend!(rr W8),
                    Code::Movzx8Rm => zero_extend!(rm W8),
                    Code::Movzx16Rr => zero_extend!(rr W16),
                    Code::Movzx16Rm => zero_extend!(rm W16),
                    Code::Movsx8Rr => sign_extend!(rr W8),
                    Code::Movsx8Rm => sign_extend!(rm W8),
                    Code::Movsx16Rr => sign_extend!(rr W16),
                    Code::Movsx16Rm => sign_extend!(rm W16),
                    Code::Lea => straight!(Lea),
                    Code::PushR => stored!(self.push32(self.r(op.src))),
                    Code::PushI => stored!(self.push32(op.imm)),
                    Code::PushM => {
                        self.hits = self.hits.wrapping_add(1);
                        let value = load!(W32);
                        self.hits = self.hits.wrapping_add(1);
                        stored!(self.push32(value));
                    }
                    Code::PopR => {
                        let value = load!(self.gpr[ESP], W32);
                        self.gpr[ESP] = self.gpr[ESP].wrapping_add(4);
                        self.set(op.dst, value);
                    }
                    Code::Leave => {
                        let ebp = self.gpr[EBP];
                        let saved = load!(ebp, W32);
                        self.gpr[ESP] = ebp.wrapping_add(4);
                        self.gpr[EBP] = saved;
                    }
                    Code::ShlRi => shift!(Shl, op.imm),
                    Code::ShrRi => shift!(Shr, op.imm),
                    Code::SarRi => shift!(Sar, op.imm),
                    Code::ShlRc => shift!(Shl, self.gpr[ECX]),
                    Code::ShrRc => shift!(Shr, self.gpr[ECX]),
                    Code::SarRc => shift!(Sar, self.gpr[ECX]),
                    Code::RolRi => shift!(Rol, op.imm),
                    Code::RorRi => shift!(Ror, op.imm),
                    Code::RolRc => shift!(Rol, self.gpr[ECX]),
                    Code::RorRc => shift!(Ror, self.gpr[ECX]),
                    Code::ShldRri => {
                        let (a, b) = (self.r(op.dst), self.r(op.src));
                        let result = self.flags.shld(a, b, op.imm, Width::W32);
                        self.set(op.dst, result);
                    }
                    Code::ShrdRri => {
                        let (a, b) = (self.r(op.dst), self.r(op.src));
                        let result = self.flags.shrd(a, b, op.imm, Width::W32);
                        self.set(op.dst, result);
                    }
                    Code::ImulRr => {
                        let (a, b) = (self.r(op.dst), self.r(op.src));
                        let result = self.flags.imul(a, b, Width::W32);
                        self.set(op.dst, result);
                    }
                    Code::ImulRm => {
                        let b = load!(W32);
                        let result = self.flags.imul(self.r(op.dst), b, Width::W32);
                        self.set(op.dst, result);
                    }
                    Code::ImulRri => {
                        let result = self.flags.imul(self.r(op.src), op.imm, Width::W32);
                        self.set(op.dst, result);
                    }
                    Code::ImulRmi => {
                        let a = load!(W32);
                        let result = self.flags.imul(a, op.imm, Width::W32);
                        self.set(op.dst, result);
                    }
                    Code::MulR => {
                        let (a, b) = (self.gpr[EAX], self.r(op.dst));
                        (self.gpr[EAX], self.gpr[EDX]) = self.flags.multiply(a, b, Width::W32);
                    }
                    Code::ImulR => {
                        let (a, b) = (self.gpr[EAX], self.r(op.dst));
                        (self.gpr[EAX], self.gpr[EDX]) =
                            self.flags.multiply_signed(a, b, Width::W32);
                    }
                    Code::DivR => fallible!(self.divide_pair(op)),
                    Code::IdivR => fallible!(self.divide_pair_signed(op)),
                    Code::Cdq => self.gpr[EDX] = (self.gpr[EAX] as i32 >> 31) as u32,
                    Code::Cwde => self.gpr[EAX] = Width::W16.sign_extend(self.gpr[EAX]),
                    Code::BswapR => straight!(BswapR),
                    Code::Nop => {}
                    Code::SetccR => {
                        let value = self.flags.condition(op.src).into();
                        self.set_reg(op.dst.into(), Width::W8, value);
                    }
                    Code::CmovRr => {
                        if self.flags.condition(op.imm as u8) {
                            self.set(op.dst, self.r(op.src));
                        }
                    }
                    Code::CmovRm => {
                        let value = load!(W32);
                        if self.flags.condition(op.imm as u8) {
                            self.set(op.dst, value);
                        }
                    }
                    Code::MovAdd => moved!(Add),
                    Code::MovSub => moved!(Sub),
                    Code::MovAnd => moved!(And),
                    Code::QuietAdd => straight!(QuietAdd),
                    Code::QuietSub => straight!(QuietSub),
                    Code::QuietAnd => straight!(QuietAnd),
                    Code::QuietOr => straight!(QuietOr),
                    Code::QuietXor => straight!(QuietXor),
                    Code::QuietShl => straight!(QuietShl),
                    Code::QuietShr => straight!(QuietShr),
                    Code::QuietSar => straight!(QuietSar),
                    Code::QuietRol => straight!(QuietRol),
                    Code::QuietRor => straight!(QuietRor),
                    Code::RolXor => straight!(RolXor),
                    Code::QuietAddRm => quiet_rm!(u32::wrapping_add),
                    Code::QuietSubRm => quiet_rm!(u32::wrapping_sub),
                    Code::QuietAndRm => quiet_rm!(|a, b| a & b),
                    Code::QuietOrRm => quiet_rm!(|a, b| a | b),
                    Code::QuietXorRm => quiet_rm!(|a, b| a ^ b),
                    Code::LoadW => straight!(LoadW),
                    Code::LoadZx8W => straight!(LoadZx8W),
                    Code::StoreW => straight!(StoreW),
                    Code::StoreIW => straight!(StoreIW),
                    Code::Store8W => straight!(Store8W),
                    Code::Store8IW => straight!(Store8IW),
                    Code::QuietAddToW => straight!(QuietAddToW),
                    Code::QuietAddW => straight!(QuietAddW),
                    Code::QuietSubW => straight!(QuietSubW),
                    Code::QuietAndW => straight!(QuietAndW),
                    Code::QuietOrW => straight!(QuietOrW),
                    Code::QuietXorW => straight!(QuietXorW),
                    Code::WQuietAdd => straight!(WQuietAdd),
                    Code::WQuietSub => straight!(WQuietSub),
                    Code::WQuietAnd => straight!(WQuietAnd),
                    Code::WQuietOr => straight!(WQuietOr),
                    Code::WQuietXor => straight!(WQuietXor),
                    Code::WQuietRol => straight!(WQuietRol),
                    Code::WRolXor => straight!(WRolXor),
                    Code::CopyW => straight!(CopyW),
                    Code::AddToW => {
                        let (a, b) = (self.word_inside(op.disp), self.r(op.src));
                        let sum = self.flags.add(a, b, Width::W32);
                        self.store_inside(op.disp, sum.to_le_bytes());
                    }
                    Code::AddW => rw!(Add),
                    Code::SubW => rw!(Sub),
                    Code::AndW => rw!(And),
                    Code::OrW => rw!(Or),
                    Code::XorW => rw!(Xor),
                    Code::Straight => {
                        let start = op.imm as usize;
                        for stride in &strides[start..start + op.disp as usize] {
                            if let Some(at) = stride.run(self) {
                                rest = ops[usize::from(at)..].iter();
                                continue 'op;
                            }
                        }
                    }
                    Code::LoadAt => {
                        let value = load!(self.r(op.base).wrapping_add(op.disp), W32);
                        self.set(op.dst, value);
                    }
                    Code::StoreAt => {
                        let va = VirtAddr(self.r(op.base).wrapping_add(op.disp));
                        stored!(self.store_at(va, Width::W32, self.r(op.src)));
                    }
                    Code::Store8IAt => straight!(Store8IAt),
                    Code::Copy => smoothly!(self.copy_word(op)),
                    Code::LoadAdd => loaded!(Add),
                    Code::LoadSub => loaded!(Sub),
                    Code::LoadAnd => loaded!(And),
                    Code::LoadInc => {
                        let a = smoothly!(self.load_hit(op));
                        let result = self.flags.inc(a, Width::W32);
                        self.set(op.dst, result);
                    }
                    Code::LoadDec => {
                        let a = smoothly!(self.load_hit(op));
                        let result = self.flags.dec(a, Width::W32);
                        self.set(op.dst, result);
                    }
                    Code::Enter => smoothly!(self.enter_frame()),
                    Code::CallEnter => smoothly!(self.call_and_enter(page.wrapping_add(op.imm))),
                    Code::PushCallEnter => {
                        let value = self.r(op.src).wrapping_add(op.imm);
                        let back = page.wrapping_add(op.target);
                        smoothly!(self.push_call_and_enter(value, back));
                    }
                    Code::Push2 => smoothly!(self.push_two(op)),
                    Code::Pop2 => smoothly!(self.pop_two(op)),
                    Code::DropPush => smoothly!(self.drop_and_push(op)),
                    Code::DropPop => smoothly!(self.drop_and_pop(op)),
                    Code::CallOn => stored!(self.push32(page.wrapping_add(op.imm))),
                    Code::CmpJ => {
                        let (a, b) = (self.r(op.dst), self.r(op.src).wrapping_add(op.imm));
                        jump!(self.decide(a, b, op.index));
                    }
                    Code::CmpMJ => {
                        let a = smoothly!(self.load_hit(op));
                        let b = self.r(op.src).wrapping_add(op.imm);
                        jump!(self.decide(a, b, op.dst));
                    }
                    Code::CmpRmJ => {
                        let b = smoothly!(self.load_hit(op));
                        jump!(self.decide(self.r(op.dst), b, op.src));
                    }
                    Code::TestJ => {
                        let b = self.r(op.src).wrapping_add(op.imm);
                        // What `and` gives has the flags of its difference from 0.
                        jump!(self.decide(self.r(op.dst) & b, 0, op.index));
                    }
                    Code::StepJ => {
                        let step = self.r(op.src).wrapping_add(op.disp);
                        let a = self.r(op.dst).wrapping_add(step);
                        self.set(op.dst, a);
                        let b = self.r(op.index).wrapping_add(op.imm);
                        jump!(self.decide(a, b, op.base));
                    }
                    Code::Cmp8J => {
                        let a = self.reg(op.dst.into(), Width::W8);
                        jump!(self.decide_byte(a, op.imm, op.index));
                    }
                    Code::Cmp8MJ => {
                        let a =
                            smoothly!(self.load_quickly(VirtAddr(self.effective(op)), Width::W8));
                        jump!(self.decide_byte(a, op.imm, op.dst));
                    }
                    Code::LeaveRet => go!(smoothly!(self.leave_and_return())),
                    Code::Jo => jump!(self.flags.condition(0)),
                    Code::Jno => jump!(self.flags.condition(1)),
                    Code::Jb => jump!(self.flags.condition(2)),
                    Code::Jae => jump!(self.flags.condition(3)),
                    Code::Je => jump!(self.flags.condition(4)),
                    Code::Jne => jump!(self.flags.condition(5)),
                    Code::Jbe => jump!(self.flags.condition(6)),
                    Code::Ja => jump!(self.flags.condition(7)),
                    Code::Js => jump!(self.flags.condition(8)),
                    Code::Jns => jump!(self.flags.condition(9)),
                    Code::Jp => jump!(self.flags.condition(10)),
                    Code::Jnp => jump!(self.flags.condition(11)),
                    Code::Jl => jump!(self.flags.condition(12)),
                    Code::Jge => jump!(self.flags.condition(13)),
                    Code::Jle => jump!(self.flags.condition(14)),
                    Code::Jg => jump!(self.flags.condition(15)),
                    Code::Jmp => go!(page.wrapping_add(op.target)),
                    Code::JmpR => go!(self.r(op.src)),
                    Code::JmpM => go!(fallible!(self.load(op, Width::W32))),
                    Code::Call => {
                        let back = page.wrapping_add(op.next.into());
                        stored_and_go!(self.push32(back), page.wrapping_add(op.target))
                    }
                    Code::CallR => {
                        let (back, target) = (page.wrapping_add(op.next.into()), self.r(op.src));
                        stored_and_go!(self.push32(back), target)
                    }
                    Code::CallM => {
                        self.hits = self.hits.wrapping_add(1);
                        let target = fallible!(self.load(op, Width::W32));
                        self.hits = self.hits.wrapping_add(1);
                        let back = page.wrapping_add(op.next.into());
                        stored_and_go!(self.push32(back), target)
                    }
                    Code::Ret => {
                        let target = fallible!(self.pop32());
                        go!(target)
                    }
                    Code::RetI => {
                        let target = fallible!(self.pop32());
                        self.gpr[ESP] = self.gpr[ESP].wrapping_add(op.imm);
                        go!(target)
                    }
                }
            }
            eip = end_of(ops, page);
        }
    }

    /// The fewest operations that do what a block does, with their strides.
    fn fewest<'b>(&mut self, block: &'b Block) -> (&'b [Op], &'b [Stride]) {
        match self.quickest(block) {
            Way::Mixed(ops, strides) => (ops, strides),
            Way::Smooth(_) => (&block.plain, &[]),
        }
    }

    /// Executes an instruction between decoded ones, which remember the pages that they used.
    #[inline(never)]
    fn execute_in_block(&mut self, i: &Instruction) -> Step<()> {
        self.forget_pages();
        // It was charged with its block.
        self.left += 1;
        let outcome = self.execute(i);
        if outcome.is_err() {
            self.left -= 1;
        }
        debug_assert!(matches!(outcome, Err(_) | Ok(Executed::Done)));
        outcome.map(drop)
    }

    /// Handles a fault in the operation `at` of a block.
    #[cold]
    #[inline(never)]
    fn stop(&mut self, exception: Exception, ops: &[Op], at: u8, eip: u32) -> Exit {
        self.left += 1;
        self.refund(&ops[usize::from(at) + 1..]);
        self.eip = start_of(ops, at, eip, eip & !(PAGE_SIZE - 1));
        Exit::Event(Event::Exception(exception))
    }

    /// Leaves a block with its last operations undone, because code has changed.
    #[cold]
    #[inline(never)]
    fn leave_page(&mut self, undone: &[Op], next: u32) -> Exit {
        self.refund(undone);
        self.eip = next;
        Exit::Elsewhere
    }

    /// Operations that a block was charged with are not carried out.
    fn refund(&mut self, undone: &[Op]) {
        self.left += undone.len() as u64;
        self.hits = self.hits.wrapping_sub(accesses(undone));
    }

    fn after(&self, outcome: Step<Executed>) -> Exit {
        match outcome {
            Err(exception) | Ok(Executed::Trap(exception)) => {
                Exit::Event(Event::Exception(exception))
            }
            Ok(Executed::Syscall) => Exit::Event(Event::Syscall),
            Ok(Executed::Done | Executed::Unfinished) => Exit::Elsewhere,
        }
    }
}

/// The part of a block for which a budget is enough.
#[cold]
#[inline(never)]
fn first(ops: &[Op], budget: u64) -> &[Op] {
    &ops[..budget as usize]
}

/// Where the instruction `at` of a block begins; the block begins at `eip`.
#[inline]
fn start_of(ops: &[Op], at: u8, eip: u32, page: u32) -> u32 {
    match usize::from(at)
        .checked_sub(1)
        .and_then(|before| ops.get(before))
    {
        Some(before) => page.wrapping_add(before.next.into()),
        None => eip,
    }
}

#[inline]
fn end_of(ops: &[Op], page: u32) -> u32 {
    let next = ops.last().map_or(0, |op| op.next);
    page.wrapping_add(next.into())
}
