//! Code for places: variables, and memory at a computed address.

use super::super::checked::{Base, Expr, ExprKind, Memory, Place, Size, VarId};
use super::super::tree::BinOp;
use super::Emit;
use super::alloc::Spot;
use super::expr::has_effects;
use super::function::FunctionGen;
use super::operand::{Op, Operand, Reg, SCRATCH, low_byte, low_half, without};
use iced_x86::code_asm::{
    AsmMemoryOperand, AsmRegister32, byte_ptr, dword_ptr, eax, ebp, ecx, edx, esp, word_ptr,
};

/// The parts of an address: `base + index * scale + offset`.
#[derive(Clone, Copy, Default)]
struct Parts {
    base: Option<AsmRegister32>,
    index: Option<AsmRegister32>,
    scale: i32,
    offset: i32,
}

impl Parts {
    fn operand(self) -> AsmMemoryOperand {
        match (self.base, self.index) {
            (Some(base), Some(index)) => base + index * self.scale + self.offset,
            (Some(base), None) => base + self.offset,
            (None, Some(index)) => index * self.scale + self.offset,
            (None, None) => AsmMemoryOperand::from(self.offset as u32),
        }
    }
}

impl FunctionGen<'_, '_> {
    /// A variable as an operand.
    pub(super) fn var(&self, var: VarId) -> Operand {
        match self.spots[var] {
            Spot::Register(register) => Operand::Register(register),
            Spot::Frame(offset) => Operand::Memory(dword_ptr(ebp + offset)),
        }
    }

    fn register_of(&self, expr: &Expr) -> Option<Reg> {
        match &expr.kind {
            ExprKind::Read(Place::Var(var)) => match self.spots[*var] {
                Spot::Register(register) => Some(register),
                Spot::Frame(_) => None,
            },
            _ => None,
        }
    }

    /// Whether a place is a register.
    pub(super) fn is_register(&self, place: &Place) -> bool {
        matches!(place, Place::Var(var) if matches!(self.spots[*var], Spot::Register(_)))
    }

    /// Whether computing its address takes all scratch registers.
    pub(super) fn is_fixed_place(&self, place: &Place) -> bool {
        match place {
            Place::Memory(memory) => {
                let base = match &memory.base {
                    Base::Value(value) => self.fixed(value),
                    Base::Var(_) | Base::Global(_) => false,
                };
                base || memory.index.as_ref().is_some_and(|index| self.fixed(index))
            }
            Place::Var(_) | Place::Global(_) => false,
        }
    }

    /// The address of a variable outside functions.
    pub(super) fn global(&self, id: usize) -> i32 {
        (self.code.at.data + self.code.data.offset(id)) as i32
    }

    /// A place that can be an operand as it is.
    pub(super) fn direct(&self, place: &Place) -> Option<Operand> {
        match place {
            Place::Var(var) => Some(self.var(*var)),
            Place::Global(id) => {
                let parts = Parts {
                    offset: self.global(*id),
                    ..Parts::default()
                };
                Some(Operand::Memory(dword_ptr(parts.operand())))
            }
            Place::Memory(memory) if memory.size == Size::Word => {
                let parts = self.direct_parts(memory)?;
                Some(Operand::Memory(dword_ptr(parts.operand())))
            }
            Place::Memory(_) => None,
        }
    }

    /// An address that needs no computation.
    fn direct_parts(&self, memory: &Memory) -> Option<Parts> {
        let mut parts = Parts {
            scale: memory.size.bytes() as i32,
            ..Parts::default()
        };
        self.begin(memory, &mut parts);
        match &memory.base {
            Base::Value(value) => match value.kind {
                ExprKind::Const(address) => parts.offset = parts.offset.wrapping_add(address),
                _ => parts.base = Some(self.register_of(value)?),
            },
            Base::Var(_) | Base::Global(_) => {}
        }
        let (index, offset) = split_index(memory);
        parts.offset = parts.offset.wrapping_add(offset);
        if let Some(index) = index {
            parts.index = Some(self.register_of(index)?);
        }
        Some(parts)
    }

    /// The part of an address that is known at compile time.
    fn begin(&self, memory: &Memory, parts: &mut Parts) {
        match &memory.base {
            Base::Var(var) => {
                parts.base = Some(ebp);
                if let Spot::Frame(offset) = self.spots[*var] {
                    parts.offset = offset;
                }
            }
            Base::Global(id) => parts.offset = self.global(*id),
            Base::Value(_) => {}
        }
    }

    /// A place as an operand, with the help of scratch registers.
    pub(super) fn place(&mut self, place: &Place, free: &[Reg]) -> Emit<Operand> {
        if let Some(operand) = self.direct(place) {
            return Ok(operand);
        }
        match place {
            Place::Memory(memory) => {
                let address = self.memory(memory, free)?;
                Ok(Operand::Memory(dword_ptr(address)))
            }
            Place::Var(var) => Ok(self.var(*var)),
            Place::Global(_) => Ok(Operand::Number(0)),
        }
    }

    /// The address of memory, computed in at most two scratch registers.
    pub(super) fn memory(&mut self, memory: &Memory, free: &[Reg]) -> Emit<AsmMemoryOperand> {
        if let Some(parts) = self.direct_parts(memory) {
            return Ok(parts.operand());
        }
        let mut parts = Parts {
            scale: memory.size.bytes() as i32,
            ..Parts::default()
        };
        self.begin(memory, &mut parts);
        let (index, offset) = split_index(memory);
        parts.offset = parts.offset.wrapping_add(offset);
        let base = match &memory.base {
            Base::Value(value) => match (self.register_of(value), &value.kind) {
                (Some(register), _) => {
                    parts.base = Some(register);
                    None
                }
                (None, ExprKind::Const(address)) => {
                    parts.offset = parts.offset.wrapping_add(*address);
                    None
                }
                _ => Some(value),
            },
            Base::Var(_) | Base::Global(_) => None,
        };
        let index = match index.map(|index| (self.register_of(index), index)) {
            Some((Some(register), _)) => {
                parts.index = Some(register);
                None
            }
            Some((None, index)) => Some(index),
            None => None,
        };
        match (base, index) {
            (None, None) => {}
            (Some(base), None) => {
                self.into(base, free[0], &free[1..])?;
                parts.base = Some(free[0]);
            }
            (None, Some(index)) => {
                self.into(index, free[0], &free[1..])?;
                parts.index = Some(free[0]);
            }
            (Some(base), Some(index)) => self.base_and_index(base, index, free, &mut parts)?,
        }
        Ok(parts.operand())
    }

    fn base_and_index(
        &mut self,
        base: &Expr,
        index: &Expr,
        free: &[Reg],
        parts: &mut Parts,
    ) -> Emit {
        if let [a, b, rest @ ..] = free {
            self.pair(base, index, *a, *b, rest)?;
            (parts.base, parts.index) = (Some(*a), Some(*b));
            return Ok(());
        }
        let register = free[0];
        self.into(index, register, &[])?;
        if parts.scale != 1 {
            self.code.asm.shl(register, parts.scale.trailing_zeros())?;
        }
        self.push(Operand::Register(register))?;
        self.into(base, register, &[])?;
        self.code.asm.add(register, dword_ptr(esp))?;
        self.drop_words(1)?;
        parts.base = Some(register);
        Ok(())
    }

    /// Reads memory into a register.
    pub(super) fn read(&mut self, memory: &Memory, to: Reg, others: &[Reg]) -> Emit {
        let mut free = vec![to];
        if !SCRATCH.contains(&to) {
            free.clear();
        }
        free.extend_from_slice(others);
        let address = self.memory(memory, &free)?;
        match memory.size {
            Size::Word => self.code.asm.mov(to, dword_ptr(address)),
            Size::Half => self.code.asm.movzx(to, word_ptr(address)),
            Size::Byte => self.code.asm.movzx(to, byte_ptr(address)),
        }
    }

    /// Loads the address of a place.
    pub(super) fn address_of(&mut self, place: &Place, to: Reg, others: &[Reg]) -> Emit {
        match place {
            Place::Var(var) => match self.spots[*var] {
                Spot::Frame(offset) => self.code.asm.lea(to, dword_ptr(ebp + offset)),
                Spot::Register(_) => self.code.asm.ud2(),
            },
            Place::Global(id) => {
                let address = self.global(*id);
                self.code.asm.mov(to, address)
            }
            Place::Memory(memory) => {
                if let (Base::Value(base), None) = (&memory.base, &memory.index) {
                    return self.into(base, to, others);
                }
                let mut free = vec![to];
                free.extend_from_slice(others);
                let address = self.memory(memory, &free)?;
                self.code.asm.lea(to, dword_ptr(address))
            }
        }
    }

    /// Stores the value of an expression in a place.
    pub(super) fn store(&mut self, place: &Place, value: &Expr) -> Emit {
        match place {
            Place::Memory(memory) => self.store_memory(memory, value),
            Place::Var(_) | Place::Global(_) => {
                let Some(to) = self.direct(place) else {
                    return Ok(());
                };
                self.store_word(to, place, value)
            }
        }
    }

    fn store_word(&mut self, to: Operand, place: &Place, value: &Expr) -> Emit {
        match (to, self.leaf(value)) {
            (_, Some(from @ (Operand::Number(_) | Operand::Register(_)))) => {
                self.op(Op::Mov, to, from)
            }
            (Operand::Register(_), Some(from)) => self.op(Op::Mov, to, from),
            (Operand::Register(register), None) if self.goes_into(place, value) => {
                self.into(value, register, &SCRATCH)
            }
            _ => {
                self.value(value)?;
                self.op(Op::Mov, to, Operand::Register(eax))
            }
        }
    }

    fn store_memory(&mut self, memory: &Memory, value: &Expr) -> Emit {
        let place_is_fixed = self.is_fixed_place(&Place::Memory(Box::new(memory.clone())));
        match self.leaf(value) {
            Some(Operand::Number(number)) => {
                let address = self.memory(memory, &SCRATCH)?;
                return match memory.size {
                    Size::Word => self.code.asm.mov(dword_ptr(address), number),
                    Size::Half => self.code.asm.mov(word_ptr(address), number & 0xffff),
                    Size::Byte => self.code.asm.mov(byte_ptr(address), number & 0xff),
                };
            }
            Some(Operand::Register(register)) if memory.size == Size::Word && !place_is_fixed => {
                let address = self.memory(memory, &SCRATCH)?;
                return self.code.asm.mov(dword_ptr(address), register);
            }
            _ => {}
        }
        self.value(value)?;
        if !place_is_fixed {
            let address = self.memory(memory, &[ecx, edx])?;
            return self.store_register(memory.size, address, eax);
        }
        self.push(Operand::Register(eax))?;
        let address = self.memory(memory, &[eax, ecx, edx])?;
        self.pop(edx)?;
        self.store_register(memory.size, address, edx)
    }

    fn store_register(&mut self, size: Size, address: AsmMemoryOperand, from: Reg) -> Emit {
        match (size, low_byte(from), low_half(from)) {
            (Size::Byte, Some(byte), _) => self.code.asm.mov(byte_ptr(address), byte),
            (Size::Half, _, Some(half)) => self.code.asm.mov(word_ptr(address), half),
            _ => self.code.asm.mov(dword_ptr(address), from),
        }
    }

    /// An update by way of the stack: works for any value and address.
    pub(super) fn update_slowly(&mut self, op: BinOp, place: &Place, value: &Expr) -> Emit {
        if !matches!(place, Place::Memory(_)) {
            if has_effects(value) {
                // The old value is read after the new operand has been computed.
                let place = self.place(place, &[])?;
                self.value(value)?;
                self.code.asm.mov(ecx, eax)?;
                self.op(Op::Mov, Operand::Register(eax), place)?;
                self.combine(op)?;
                return self.op(Op::Mov, place, Operand::Register(eax));
            }
            let kind = ExprKind::Read(place.clone());
            let now = Expr {
                kind,
                ..value.clone()
            };
            let kind = ExprKind::Binary(op, Box::new(now), Box::new(value.clone()));
            let value = Expr {
                kind,
                ..value.clone()
            };
            return self.store(place, &value);
        }
        self.value(value)?;
        self.push(Operand::Register(eax))?;
        self.address_of(place, eax, &without(&SCRATCH, &[eax]))?;
        self.push(Operand::Register(eax))?;
        self.code.asm.mov(eax, dword_ptr(eax))?;
        self.code.asm.mov(ecx, dword_ptr(esp + 4))?;
        self.combine(op)?;
        self.pop(ecx)?;
        self.code.asm.mov(dword_ptr(ecx), eax)?;
        self.drop_words(1)
    }
}

/// Splits an index into the part to be computed and the constant bytes.
fn split_index(memory: &Memory) -> (Option<&Expr>, i32) {
    let bytes = memory.size.bytes() as i32;
    let Some(index) = &memory.index else {
        return (None, 0);
    };
    match &index.kind {
        ExprKind::Const(at) => (None, at.wrapping_mul(bytes)),
        ExprKind::Binary(op @ (BinOp::Add | BinOp::Sub), left, right) => match right.kind {
            ExprKind::Const(at) if *op == BinOp::Add => (Some(left), at.wrapping_mul(bytes)),
            ExprKind::Const(at) => (Some(left), at.wrapping_neg().wrapping_mul(bytes)),
            _ => (Some(index), 0),
        },
        _ => (Some(index), 0),
    }
}
