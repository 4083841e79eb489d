//! A checked program: names are resolved, operations are those of the machine, and equivalent
//! constructs of the language have one form.

use super::tree::{BinOp, Pos, UnOp};
use super::types::{Ty, Types};
use std::sync::Arc;

/// A function, as an index into [`Program::functions`].
pub(super) type FunctionId = usize;
/// A variable, as an index into its function's [`Function::vars`].
pub(super) type VarId = usize;
/// A global variable, as an index into [`Program::globals`].
pub(super) type GlobalId = usize;

/// A whole program, ready for code generation.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) functions: Vec<Function>,
    pub(super) globals: Vec<Global>,
    pub(super) entry: FunctionId,
    /// Whether some closure captures variables, so that a function value may be a closure.
    pub(super) has_captures: bool,
    pub(super) types: Types,
}

/// A variable in data or bss.
#[derive(Clone, Debug)]
pub(super) struct Global {
    pub(super) name: Arc<str>,
    pub(super) ty: Ty,
    pub(super) init: Vec<Word>,
}

/// A word of data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Word {
    Number(i32),
    Text(Arc<str>),
    Function(FunctionId),
}

/// A function and its variables.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) name: Arc<str>,
    pub(super) pos: Pos,
    pub(super) end: Pos,
    /// Parameters, then captured variables, then locals in the order of the source.
    pub(super) vars: Vec<Var>,
    pub(super) body: Block,
    /// The type of the value that its caller gets.
    pub(super) ret: Ty,
    pub(super) library: bool,
    /// Whether variables stay in memory, so that a child sharing the memory finds them.
    pub(super) in_memory: bool,
}

/// A variable of a function.
#[derive(Clone, Debug)]
pub(super) struct Var {
    /// Its name; empty if the compiler created it.
    pub(super) name: Arc<str>,
    pub(super) ty: Ty,
    /// Words that it takes up in the frame.
    pub(super) words: u32,
    pub(super) kind: VarKind,
    /// Whether its address is taken.
    pub(super) addressed: bool,
    /// The number of its uses, where uses in loops count more.
    pub(super) weight: u32,
}

/// The kind of a variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum VarKind {
    Param,
    /// It holds the address of a variable of the function that created the closure.
    Captured,
    Local,
}

/// Statements, and the value of the block.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    pub(super) stmts: Vec<Stmt>,
    pub(super) value: Option<Box<Expr>>,
    /// Variables whose scope is the block.
    pub(super) vars: Vec<VarId>,
}

/// A statement and its place in the source.
#[derive(Clone, Debug)]
pub(super) struct Stmt {
    pub(super) pos: Pos,
    pub(super) kind: StmtKind,
}

/// The kinds of statements.
#[derive(Clone, Debug)]
pub(super) enum StmtKind {
    /// The scope of a variable begins here.
    Declare(VarId),
    Store(Place, Expr),
    Update(BinOp, Place, Expr),
    /// Sets the elements of an array.
    Fill(VarId, Vec<Expr>),
    /// Sets the elements of an array to zero.
    Clear(VarId),
    Expr(Expr),
    While(Expr, Block),
    Do {
        body: Block,
        cond: Expr,
        /// The loop repeats while the condition has this value.
        again: bool,
    },
    For(Box<For>),
    Break(Option<Expr>),
    Continue,
    Return(Option<Expr>),
}

/// `for counter in from..to { element = ..; body }`; the counter already has its first value.
#[derive(Clone, Debug)]
pub(super) struct For {
    pub(super) counter: VarId,
    pub(super) from: Expr,
    pub(super) to: Expr,
    pub(super) inclusive: bool,
    /// What each iteration begins with.
    pub(super) first: Vec<Stmt>,
    pub(super) body: Block,
    /// Variables whose scope is the loop.
    pub(super) vars: Vec<VarId>,
}

/// An expression and its place in the source.
#[derive(Clone, Debug)]
pub(super) struct Expr {
    pub(super) pos: Pos,
    pub(super) ty: Ty,
    pub(super) kind: ExprKind,
}

/// The kinds of expressions.
#[derive(Clone, Debug)]
pub(super) enum ExprKind {
    Const(i32),
    Text(Arc<str>),
    Function(FunctionId),
    Read(Place),
    AddressOf(Place),
    Unary(UnOp, Box<Expr>),
    Binary(BinOp, Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Call(Callee, Vec<Expr>),
    If(Box<Expr>, Box<Block>, Option<Box<Block>>),
    Block(Box<Block>),
    Loop(Box<Block>),
    /// A closure with the places that it captures. The variable is the record that represents it.
    Closure(FunctionId, VarId, Vec<Place>),
    /// Prints pieces and a newline.
    Print(Vec<Expr>),
    Atomic(Atomic, Vec<Expr>),
    /// No value; nothing happens.
    Nothing,
}

/// An atomic operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Atomic {
    /// `(addr, old, new)`: stores `new` if the word equals `old`; returns the previous value.
    CompareExchange,
    /// `(addr, value)`: stores; returns the previous value.
    Exchange,
    /// `(addr, value)`: adds; returns the previous value.
    Add,
}

/// The target of a call.
#[derive(Clone, Debug)]
pub(super) enum Callee {
    Function(FunctionId),
    /// One of our machine code stubs, by name.
    Stub(&'static str),
    /// The function that a value stands for.
    Value(Box<Expr>),
}

/// What can be read and, mostly, assigned to.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Var(VarId),
    Global(GlobalId),
    Memory(Box<Memory>),
}

/// Memory at `base + index * size`.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    pub(super) size: Size,
    pub(super) base: Base,
    /// In units of the size.
    pub(super) index: Option<Expr>,
}

/// The start of an address.
#[derive(Clone, Debug)]
pub(super) enum Base {
    Var(VarId),
    Global(GlobalId),
    Value(Expr),
}

/// The width of a memory access.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Size {
    Byte,
    Half,
    Word,
}

impl Size {
    /// The width in bytes.
    pub(super) const fn bytes(self) -> u32 {
        match self {
            Self::Byte => 1,
            Self::Half => 2,
            Self::Word => 4,
        }
    }
}
