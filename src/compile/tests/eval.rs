//! A reference interpreter: evaluates a checked program with 32-bit numbers and a memory of its
//! own. The behaviour of the machine code is compared with it.

use super::super::checked::{
    Atomic, Base, Block, Callee, Expr, ExprKind, For, Place, Program, Size, Stmt, StmtKind, VarId,
    Word,
};
use super::super::tree::{BinOp, UnOp};
use super::super::types::Type;

/// What a program did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Result {
    pub(super) output: String,
    /// Whether it divided by zero, or computed a quotient that does not fit.
    pub(super) faulted: bool,
    /// Whether some result did not fit in 32 bits.
    pub(super) wrapped: bool,
    /// The return value of the first function.
    pub(super) value: i32,
}

/// Why an evaluation does not continue with the next statement.
enum Leave {
    Break(i32),
    Continue,
    Return(i32),
    Fault,
}

type Step<T> = std::result::Result<T, Leave>;

/// Function values are numbers from here on; there is no memory at these addresses.
const FUNCTIONS: i32 = 0x0800_0000;

struct Machine<'p> {
    program: &'p Program,
    memory: Vec<u8>,
    globals: Vec<i32>,
    output: String,
    wrapped: bool,
}

struct Frame {
    /// The address of each variable.
    vars: Vec<i32>,
}

/// Evaluates a program from its first function.
pub(super) fn evaluate(program: &Program) -> Result {
    let mut machine = Machine {
        program,
        memory: vec![0; 64],
        globals: Vec::new(),
        output: String::new(),
        wrapped: false,
    };
    machine.make_globals();
    let value = machine.call(program.entry, &[0, 0, 0], 0);
    Result {
        faulted: value.is_err(),
        value: value.unwrap_or(0),
        output: machine.output,
        wrapped: machine.wrapped,
    }
}

impl Machine<'_> {
    fn make_globals(&mut self) {
        for global in &self.program.globals {
            let at = self.memory.len() as i32;
            self.globals.push(at);
            for word in &global.init {
                let word = match word {
                    Word::Number(number) => *number,
                    Word::Function(id) => FUNCTIONS + *id as i32,
                    Word::Text(_) => 0,
                };
                self.memory.extend(word.to_le_bytes());
            }
        }
    }

    fn read(&self, at: i32, size: Size) -> i32 {
        let at = at as usize;
        match size {
            Size::Byte => i32::from(self.memory[at]),
            Size::Half => i32::from(u16::from_le_bytes([self.memory[at], self.memory[at + 1]])),
            Size::Word => i32::from_le_bytes(self.memory[at..at + 4].try_into().unwrap()),
        }
    }

    fn write(&mut self, at: i32, size: Size, value: i32) {
        let at = at as usize;
        let bytes = value.to_le_bytes();
        let count = size.bytes() as usize;
        self.memory[at..at + count].copy_from_slice(&bytes[..count]);
    }

    /// Calls a function; `record` is the address of what a closure captured.
    fn call(&mut self, id: usize, args: &[i32], record: i32) -> Step<i32> {
        use super::super::checked::VarKind;
        let function = &self.program.functions[id];
        let before = self.memory.len();
        let (mut params, mut captured) = (0, 0);
        let mut frame = Frame { vars: Vec::new() };
        for var in &function.vars {
            let at = self.memory.len() as i32;
            frame.vars.push(at);
            self.memory.resize(at as usize + 4 * var.words as usize, 0);
            match var.kind {
                VarKind::Param => {
                    self.write(at, Size::Word, args[params]);
                    params += 1;
                }
                VarKind::Captured => {
                    captured += 4;
                    let address = self.read(record + captured, Size::Word);
                    self.write(at, Size::Word, address);
                }
                VarKind::Local => {}
            }
        }
        let value = match self.block(&frame, &function.body) {
            Err(Leave::Return(value)) => Ok(value),
            Err(Leave::Fault) => Err(Leave::Fault),
            Ok(value) => Ok(value),
            Err(Leave::Break(_) | Leave::Continue) => Ok(0),
        };
        self.memory.truncate(before);
        value
    }

    fn block(&mut self, frame: &Frame, block: &Block) -> Step<i32> {
        self.stmts(frame, &block.stmts)?;
        match &block.value {
            Some(value) => self.expr(frame, value),
            None => Ok(0),
        }
    }

    fn stmts(&mut self, frame: &Frame, stmts: &[Stmt]) -> Step<()> {
        for stmt in stmts {
            self.stmt(frame, stmt)?;
        }
        Ok(())
    }

    fn stmt(&mut self, frame: &Frame, stmt: &Stmt) -> Step<()> {
        match &stmt.kind {
            StmtKind::Declare(_) => {}
            StmtKind::Store(place, value) => {
                let value = self.expr(frame, value)?;
                let (at, size) = self.place(frame, place)?;
                self.write(at, size, value);
            }
            StmtKind::Update(op, place, value) => {
                let value = self.expr(frame, value)?;
                let (at, size) = self.place(frame, place)?;
                let now = self.read(at, size);
                let value = self.apply(*op, now, value)?;
                self.write(at, size, value);
            }
            StmtKind::Fill(var, items) => {
                for (at, item) in items.iter().enumerate() {
                    let value = self.expr(frame, item)?;
                    self.write(frame.vars[*var] + 4 * at as i32, Size::Word, value);
                }
            }
            StmtKind::Clear(var) => {
                // An array is cleared where it is declared, because the frame may have been used
                // before.
                let at = frame.vars[*var] as usize;
                let words = self.words(frame, *var);
                self.memory[at..at + 4 * words].fill(0);
            }
            StmtKind::Expr(expr) => {
                self.expr(frame, expr)?;
            }
            StmtKind::While(cond, body) => {
                while self.expr(frame, cond)? != 0 {
                    if self.turn(frame, body)?.is_some() {
                        break;
                    }
                }
            }
            StmtKind::Do { body, cond, again } => loop {
                if self.turn(frame, body)?.is_some() || (self.expr(frame, cond)? != 0) != *again {
                    break;
                }
            },
            StmtKind::For(turns) => self.turns(frame, turns)?,
            StmtKind::Break(value) => {
                let value = match value {
                    Some(value) => self.expr(frame, value)?,
                    None => 0,
                };
                return Err(Leave::Break(value));
            }
            StmtKind::Continue => return Err(Leave::Continue),
            StmtKind::Return(value) => {
                let value = match value {
                    Some(value) => self.expr(frame, value)?,
                    None => 0,
                };
                return Err(Leave::Return(value));
            }
        }
        Ok(())
    }

    fn words(&self, frame: &Frame, var: VarId) -> usize {
        let functions = &self.program.functions;
        let function = functions
            .iter()
            .find(|function| function.vars.len() == frame.vars.len());
        let from = frame.vars[var] as usize;
        match frame.vars.get(var + 1) {
            Some(to) => (*to as usize - from) / 4,
            None => function.map_or(0, |function| function.vars[var].words as usize),
        }
    }

    /// One iteration of a loop; returns the value of a `break` if the loop ends there.
    fn turn(&mut self, frame: &Frame, body: &Block) -> Step<Option<i32>> {
        match self.block(frame, body) {
            Ok(_) | Err(Leave::Continue) => Ok(None),
            Err(Leave::Break(value)) => Ok(Some(value)),
            Err(leave) => Err(leave),
        }
    }

    fn turns(&mut self, frame: &Frame, turns: &For) -> Step<()> {
        let counter = frame.vars[turns.counter];
        let to = self.expr(frame, &turns.to)?;
        loop {
            let now = self.read(counter, Size::Word);
            if now > to || (now == to && !turns.inclusive) {
                return Ok(());
            }
            self.stmts(frame, &turns.first)?;
            if self.turn(frame, &turns.body)?.is_some() || self.read(counter, Size::Word) == to {
                return Ok(());
            }
            let next = self.read(counter, Size::Word) + 1;
            self.write(counter, Size::Word, next);
        }
    }

    fn apply(&mut self, op: BinOp, a: i32, b: i32) -> Step<i32> {
        self.wrapped |= op.wraps(a, b);
        op.apply(a, b).ok_or(Leave::Fault)
    }

    fn place(&mut self, frame: &Frame, place: &Place) -> Step<(i32, Size)> {
        Ok(match place {
            Place::Var(var) => (frame.vars[*var], Size::Word),
            Place::Global(id) => (self.globals[*id], Size::Word),
            Place::Memory(memory) => {
                let base = match &memory.base {
                    Base::Var(var) => frame.vars[*var],
                    Base::Global(id) => self.globals[*id],
                    Base::Value(value) => self.expr(frame, value)?,
                };
                let index = match &memory.index {
                    Some(index) => self.expr(frame, index)?,
                    None => 0,
                };
                let bytes = memory.size.bytes() as i32;
                (base + index.wrapping_mul(bytes), memory.size)
            }
        })
    }

    fn expr(&mut self, frame: &Frame, expr: &Expr) -> Step<i32> {
        Ok(match &expr.kind {
            ExprKind::Const(number) => *number,
            ExprKind::Text(_) | ExprKind::Nothing => 0,
            ExprKind::Function(id) => FUNCTIONS + *id as i32,
            ExprKind::Read(place) => {
                let (at, size) = self.place(frame, place)?;
                self.read(at, size)
            }
            ExprKind::AddressOf(place) => self.place(frame, place)?.0,
            ExprKind::Unary(UnOp::Neg, operand) => {
                let value = self.expr(frame, operand)?;
                self.apply(BinOp::Sub, 0, value)?
            }
            ExprKind::Unary(UnOp::Not, operand) => self.expr(frame, operand)? ^ 1,
            ExprKind::Binary(op, left, right) => {
                let left = self.expr(frame, left)?;
                let right = self.expr(frame, right)?;
                self.apply(*op, left, right)?
            }
            ExprKind::And(left, right) => match self.expr(frame, left)? {
                0 => 0,
                _ => self.expr(frame, right)?,
            },
            ExprKind::Or(left, right) => match self.expr(frame, left)? {
                0 => self.expr(frame, right)?,
                yes => yes,
            },
            ExprKind::Call(callee, args) => self.call_expr(frame, callee, args)?,
            ExprKind::If(cond, then, otherwise) => {
                let holds = self.expr(frame, cond)? != 0;
                match (holds, otherwise) {
                    (true, _) => self.block(frame, then)?,
                    (false, Some(otherwise)) => self.block(frame, otherwise)?,
                    (false, None) => 0,
                }
            }
            ExprKind::Block(block) => self.block(frame, block)?,
            ExprKind::Loop(body) => loop {
                if let Some(value) = self.turn(frame, body)? {
                    break value;
                }
            },
            ExprKind::Closure(id, record, places) => {
                let at = frame.vars[*record];
                self.write(at, Size::Word, FUNCTIONS + *id as i32);
                for (number, place) in places.iter().enumerate() {
                    let (address, _) = self.place(frame, place)?;
                    self.write(at + 4 + 4 * number as i32, Size::Word, address);
                }
                at
            }
            ExprKind::Print(pieces) => self.print(frame, pieces)?,
            ExprKind::Atomic(op, args) => self.atomic(frame, *op, args)?,
        })
    }

    fn call_expr(&mut self, frame: &Frame, callee: &Callee, args: &[Expr]) -> Step<i32> {
        let mut values = Vec::new();
        for arg in args {
            values.push(self.expr(frame, arg)?);
        }
        match callee {
            Callee::Function(id) => self.call(*id, &values, 0),
            Callee::Stub(name) => panic!("the reference makes no system calls, as {name}"),
            Callee::Value(value) => {
                let value = self.expr(frame, value)?;
                if value >= FUNCTIONS {
                    return self.call((value - FUNCTIONS) as usize, &values, 0);
                }
                let id = self.read(value, Size::Word) - FUNCTIONS;
                self.call(id as usize, &values, value)
            }
        }
    }

    fn atomic(&mut self, frame: &Frame, op: Atomic, args: &[Expr]) -> Step<i32> {
        let mut values = Vec::new();
        for arg in args {
            values.push(self.expr(frame, arg)?);
        }
        let at = values[0];
        let was = self.read(at, Size::Word);
        let new = match op {
            Atomic::CompareExchange if was == values[1] => values[2],
            Atomic::CompareExchange => was,
            Atomic::Exchange => values[1],
            Atomic::Add => was.wrapping_add(values[1]),
        };
        self.write(at, Size::Word, new);
        Ok(was)
    }

    fn print(&mut self, frame: &Frame, pieces: &[Expr]) -> Step<i32> {
        let mut line = String::new();
        for piece in pieces {
            if let ExprKind::Text(text) = &piece.kind {
                line += text;
                continue;
            }
            let value = self.expr(frame, piece)?;
            line += &match self.program.types.get(piece.ty) {
                Type::Bool => (value != 0).to_string(),
                Type::Char => char::from_u32(value as u32).unwrap_or('?').to_string(),
                _ => value.to_string(),
            };
        }
        self.output += &line;
        self.output.push('\n');
        Ok(0)
    }
}
