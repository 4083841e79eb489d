//! Code generation for a function: its frame, its variables, and the state of the generator.

use super::super::checked::{Function, FunctionId, StmtKind, VarId, VarKind};
use super::super::tree::Pos;
use super::alloc::{self, Frame, Spot};
use super::debug::{self, Begins, LocalMarks, Marks};
use super::operand::{Op, Operand, Reg, two};
use super::{Code, Emit};
use crate::kernel::fs::Place;
use iced_x86::code_asm::{CodeLabel, dword_ptr, eax, ebp, ecx, esp};

/// A loop around the current place.
pub(super) struct Loop {
    pub(super) end: CodeLabel,
    pub(super) next: CodeLabel,
    /// Words on the stack at its entry.
    pub(super) depth: i32,
}

/// The generator of one function.
pub(super) struct FunctionGen<'c, 'p> {
    pub(super) code: &'c mut Code<'p>,
    pub(super) function: &'p Function,
    pub(super) spots: Vec<Spot>,
    /// Words pushed below the frame.
    pub(super) depth: i32,
    pub(super) loops: Vec<Loop>,
    /// The label of the epilogue.
    pub(super) leave: CodeLabel,
    pub(super) leaves: bool,
    exist: Vec<(Option<usize>, Option<usize>)>,
}

impl<'c, 'p> FunctionGen<'c, 'p> {
    /// Generates the code of a function.
    pub(super) fn generate(code: &'c mut Code<'p>, id: FunctionId) -> Emit {
        let function = code.function(id);
        let Frame { spots, size, saved } = alloc::frame(function);
        let leave = code.asm.create_label();
        let mut this = Self {
            code,
            function,
            spots,
            depth: 0,
            loops: Vec::new(),
            leave,
            leaves: false,
            exist: vec![(None, None); function.vars.len()],
        };
        let start = this.code.here();
        let pos = if function.library {
            Pos::default()
        } else {
            function.pos
        };
        this.code.line(pos, Begins::Nothing);
        this.enter(id, size, &saved)?;
        let body = this.code.here();
        let gives = this.body()?;
        this.end(gives, &saved)?;
        let end = this.code.here();
        this.mark(start, body, end);
        Ok(())
    }

    fn enter(&mut self, id: FunctionId, size: i32, saved: &[Reg]) -> Emit {
        let mut label = self.code.functions[id];
        let asm = &mut self.code.asm;
        asm.set_label(&mut label)?;
        self.code.functions[id] = label;
        asm.push(ebp)?;
        asm.mov(ebp, esp)?;
        if size != 0 {
            asm.sub(esp, size)?;
        }
        for register in saved {
            asm.push(*register)?;
        }
        self.take_captures()?;
        self.take_params()
    }

    /// Loads the parameters that are kept in registers from the stack.
    fn take_params(&mut self) -> Emit {
        let mut at = 4;
        for (var, spot) in self.function.vars.iter().zip(&self.spots) {
            if var.kind == VarKind::Param {
                at += 4;
                if let Spot::Register(register) = spot {
                    self.code.asm.mov(*register, dword_ptr(ebp + at))?;
                }
            }
        }
        Ok(())
    }

    /// Loads the captured addresses. The caller of a closure passes its record in ecx: function,
    /// then captured addresses.
    fn take_captures(&mut self) -> Emit {
        let mut at = 0;
        for (var, spot) in self.function.vars.iter().zip(&self.spots) {
            if let (VarKind::Captured, Spot::Frame(home)) = (var.kind, spot) {
                at += 4;
                self.code.asm.mov(eax, dword_ptr(ecx + at))?;
                self.code.asm.mov(dword_ptr(ebp + *home), eax)?;
            }
        }
        Ok(())
    }

    /// Generates the body; returns whether its value is in eax.
    fn body(&mut self) -> Emit<bool> {
        let function = self.function;
        let body = &function.body;
        let (stmts, value) = match (body.stmts.split_last(), &body.value) {
            // A `return` at the end needs no jump.
            (Some((last, stmts)), None) => match &last.kind {
                StmtKind::Return(value) => (stmts, value.as_ref()),
                _ => (&*body.stmts, None),
            },
            (_, value) => (&*body.stmts, value.as_deref()),
        };
        self.stmts(stmts)?;
        let Some(value) = value else {
            return Ok(false);
        };
        self.line(value.pos);
        self.value(value)?;
        Ok(true)
    }

    fn end(&mut self, gives: bool, saved: &[Reg]) -> Emit {
        if !gives {
            self.line(self.function.end);
            // Falling off the end returns 0, as in C's main.
            if self.gives_value() {
                self.code.asm.xor(eax, eax)?;
            }
        }
        if self.leaves {
            let mut leave = self.leave;
            self.set(&mut leave)?;
        }
        for register in saved.iter().rev() {
            self.code.asm.pop(*register)?;
        }
        self.code.asm.leave()?;
        self.code.asm.ret()
    }

    fn gives_value(&self) -> bool {
        use super::super::types::Type;
        self.code.program.types.get(self.function.ret) != Type::Unit
    }

    fn mark(&mut self, start: usize, body: usize, end: usize) {
        let types = &self.code.program.types;
        let mut locals = Vec::new();
        for (id, var) in self.function.vars.iter().enumerate() {
            if var.name.is_empty() {
                continue;
            }
            let (from, to) = self.exist[id];
            let place = match self.spots[id] {
                Spot::Register(register) => {
                    let register: iced_x86::Register = register.into();
                    Place::Register(register.number() as u8)
                }
                Spot::Frame(offset) => Place::Frame(offset),
            };
            locals.push(LocalMarks {
                name: var.name.clone(),
                kind: debug::kind(var, types),
                place,
                from: from.unwrap_or(body),
                to: to.unwrap_or(end),
            });
        }
        self.code.marks.push(Marks {
            name: super::shown(&self.function.name),
            start,
            body,
            end,
            locals,
        });
    }

    /// Begins the scope of a variable.
    pub(super) fn declare(&mut self, var: VarId) {
        self.exist[var].0 = Some(self.code.here());
    }

    /// Ends the scope of variables.
    pub(super) fn forget(&mut self, vars: &[VarId]) {
        for var in vars {
            self.exist[*var].1 = Some(self.code.here());
        }
    }

    /// Attributes the following instructions to a place in the source.
    pub(super) fn line(&mut self, pos: Pos) {
        if !self.function.library && pos.line != 0 {
            self.code.line(pos, Begins::Statement);
        }
    }

    pub(super) fn label(&mut self) -> CodeLabel {
        self.code.asm.create_label()
    }

    /// Places a label here. An instruction can have only one label, so several are
    /// separated by an empty data directive.
    pub(super) fn set(&mut self, label: &mut CodeLabel) -> Emit {
        if self.code.asm.set_label(label).is_err() {
            self.code.asm.zero_bytes()?;
            self.code.asm.set_label(label)?;
        }
        Ok(())
    }

    pub(super) fn op(&mut self, op: Op, to: Operand, from: Operand) -> Emit {
        two(&mut self.code.asm, op, to, from)
    }

    pub(super) fn push(&mut self, what: Operand) -> Emit {
        self.depth += 1;
        match what {
            Operand::Register(register) => self.code.asm.push(register),
            Operand::Number(number) => self.code.asm.push(number),
            Operand::Memory(memory) => self.code.asm.push(memory),
        }
    }

    pub(super) fn pop(&mut self, register: Reg) -> Emit {
        self.depth -= 1;
        self.code.asm.pop(register)
    }

    /// Pops words off the stack.
    pub(super) fn drop_words(&mut self, words: i32) -> Emit {
        self.depth -= words;
        self.unwind(words)
    }

    /// Pops words off the stack on a path that leaves this place.
    pub(super) fn unwind(&mut self, words: i32) -> Emit {
        match words {
            0 => Ok(()),
            _ => self.code.asm.add(esp, 4 * words),
        }
    }
}
