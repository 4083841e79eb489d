//! Code for calls, closures, `print` and atomic operations. As in C, arguments are pushed on the
//! stack, the first one last, and the caller pops them.

use super::super::checked::{Atomic, Callee, Expr, ExprKind, FunctionId, Place, VarId};
use super::super::types::Type;
use super::Emit;
use super::alloc::Spot;
use super::expr::{has_effects, is_constant};
use super::function::FunctionGen;
use super::operand::{Op, Operand};
use iced_x86::code_asm::{dword_ptr, eax, ebp, ecx, edx, esp};

impl FunctionGen<'_, '_> {
    pub(super) fn call(&mut self, callee: &Callee, args: &[Expr]) -> Emit {
        let args: Vec<&Expr> = args.iter().collect();
        self.arguments(&args)?;
        match callee {
            Callee::Function(id) => {
                let label = self.code.functions[*id];
                self.code.asm.call(label)?;
            }
            Callee::Stub(name) => self.call_stub(name)?,
            Callee::Value(value) => self.call_value(value)?,
        }
        self.drop_words(args.len() as i32)
    }

    fn call_stub(&mut self, name: &'static str) -> Emit {
        let label = self.code.stub(name);
        self.code.asm.call(label)
    }

    fn call_value(&mut self, value: &Expr) -> Emit {
        if let ExprKind::Function(id) = &value.kind {
            let label = self.code.functions[*id];
            return self.code.asm.call(label);
        }
        if self.code.program.has_captures {
            self.value(value)?;
            return self.call_stub("call_closure");
        }
        match self.leaf(value) {
            Some(Operand::Register(register)) => self.code.asm.call(register),
            Some(Operand::Memory(memory)) => self.code.asm.call(memory),
            _ => {
                self.value(value)?;
                self.code.asm.call(eax)
            }
        }
    }

    /// Pushes arguments. They are evaluated from left to right, or from right to left if the order
    /// makes no difference, so that each can be pushed at once.
    fn arguments(&mut self, args: &[&Expr]) -> Emit {
        let with_effects = args.iter().filter(|arg| has_effects(arg)).count();
        let constant = args.iter().filter(|arg| is_constant(arg)).count();
        if with_effects == 0 || (with_effects == 1 && constant + 1 == args.len()) {
            for arg in args.iter().rev() {
                match self.leaf(arg) {
                    Some(operand) => self.push(operand)?,
                    None => {
                        self.value(arg)?;
                        self.push(Operand::Register(eax))?;
                    }
                }
            }
            return Ok(());
        }
        let words = args.len() as i32;
        self.code.asm.sub(esp, 4 * words)?;
        self.depth += words;
        for (at, arg) in args.iter().enumerate() {
            let home = Operand::Memory(dword_ptr(esp + 4 * at as i32));
            match self.leaf(arg) {
                Some(from @ (Operand::Number(_) | Operand::Register(_))) => {
                    self.op(Op::Mov, home, from)?;
                }
                _ => {
                    self.value(arg)?;
                    self.op(Op::Mov, home, Operand::Register(eax))?;
                }
            }
        }
        Ok(())
    }

    /// Builds the record of a closure: the function, and the addresses of what it captures.
    pub(super) fn closure(&mut self, id: FunctionId, record: VarId, captures: &[Place]) -> Emit {
        let Spot::Frame(offset) = self.spots[record] else {
            return Ok(());
        };
        let function = self.code.at.functions[id] as i32;
        // The record grows upwards, like an array.
        self.code.asm.mov(dword_ptr(ebp + offset), function)?;
        for (at, place) in captures.iter().enumerate() {
            self.address_of(place, eax, &[ecx, edx])?;
            let home = dword_ptr(ebp + (offset + 4 + 4 * at as i32));
            self.code.asm.mov(home, eax)?;
        }
        self.code.asm.lea(eax, dword_ptr(ebp + offset))
    }

    /// Code for `print`: a call of `write` for a constant string, otherwise of `printf`.
    pub(super) fn print(&mut self, pieces: &[Expr]) -> Emit {
        let mut pattern = String::new();
        let mut args = Vec::new();
        for piece in pieces {
            match &piece.kind {
                ExprKind::Text(text) => pattern.push_str(&text.replace('%', "%%")),
                _ => {
                    args.push(piece);
                    pattern.push_str(match self.code.program.types.get(piece.ty) {
                        Type::Str => "%s",
                        Type::Char => "%c",
                        Type::Bool => "%b",
                        _ => "%d",
                    });
                }
            }
        }
        if args.is_empty() {
            let text = pattern.replace("%%", "%") + "\n";
            let address = self.code.text(&text);
            self.push(Operand::Number(text.len() as i32))?;
            self.push(Operand::Number(address))?;
            self.push(Operand::Number(1))?;
            self.call_stub("write")?;
            return self.drop_words(3);
        }
        pattern.push('\n');
        let address = self.code.text(&pattern);
        self.arguments(&args)?;
        self.push(Operand::Number(address))?;
        self.call_stub("printf")?;
        self.drop_words(args.len() as i32 + 1)
    }

    pub(super) fn atomic(&mut self, op: Atomic, args: &[Expr]) -> Emit {
        match (op, args) {
            (Atomic::CompareExchange, [addr, old, new]) => {
                self.three(addr, old, new)?;
                self.code.asm.lock().cmpxchg(dword_ptr(ecx), edx)
            }
            (Atomic::Exchange, [addr, value]) => {
                self.pair(addr, value, ecx, eax, &[edx])?;
                self.code.asm.xchg(dword_ptr(ecx), eax)
            }
            (Atomic::Add, [addr, value]) => {
                self.pair(addr, value, ecx, eax, &[edx])?;
                self.code.asm.lock().xadd(dword_ptr(ecx), eax)
            }
            _ => Ok(()),
        }
    }

    /// The operands of `cmpxchg`: address in ecx, expected value in eax, new value in edx.
    fn three(&mut self, addr: &Expr, old: &Expr, new: &Expr) -> Emit {
        if !self.fixed(old) && !self.fixed(new) {
            self.into(addr, ecx, &[eax, edx])?;
            self.into(old, eax, &[edx])?;
            return self.into(new, edx, &[]);
        }
        for operand in [addr, old, new] {
            self.value(operand)?;
            self.push(Operand::Register(eax))?;
        }
        self.pop(edx)?;
        self.pop(eax)?;
        self.pop(ecx)
    }
}
