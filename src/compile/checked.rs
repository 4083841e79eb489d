//! A program that has been checked: names are resolved, operations are those of the machine, and
//! whatever the language has two words for is here once.

use super::tree::{BinOp, Pos, UnOp};
use super::types::{Ty, Types};
use std::sync::Arc;

/// A function of [`Program::functions`].
pub(super) type FunctionId = usize;
/// A variable of its function's [`Function::vars`].
pub(super) type VarId = usize;
/// A variable of [`Program::globals`].
pub(super) type GlobalId = usize;

/// A program.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) functions: Vec<Function>,
    pub(super) globals: Vec<Global>,
    pub(super) entry: FunctionId,
    /// Some closure captures variables, so a function value may be that of a closure.
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

/// A function.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) name: Arc<str>,
    pub(super) pos: Pos,
    pub(super) end: Pos,
    /// Parameters, then captured variables, then locals in the order of the source.
    pub(super) vars: Vec<Var>,
    pub(super) body: Block,
    /// Its caller gets a value.
    pub(super) ret: Ty,
    pub(super) library: bool,
    /// Variables stay in memory, where a child in the same memory finds them.
    pub(super) in_memory: bool,
}

/// A variable of a function.
#[derive(Clone, Debug)]
pub(super) struct Var {
    /// Its name; empty for one that the compiler needs for itself.
    pub(super) name: Arc<str>,
    pub(super) ty: Ty,
    /// Words that it takes up in the frame.
    pub(super) words: u32,
    pub(super) kind: VarKind,
    /// Its address is known to somebody.
    pub(super) addressed: bool,
    /// How often it is used, where a use in a loop counts more.
    pub(super) weight: u32,
}

/// What a variable is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum VarKind {
    Param,
    /// It holds the address of a variable of the closure's maker.
    Captured,
    Local,
}

/// Statements, and the value they come to.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    pub(super) stmts: Vec<Stmt>,
    pub(super) value: Option<Box<Expr>>,
    /// Variables that exist in it.
    pub(super) vars: Vec<VarId>,
}

/// A statement.
#[derive(Clone, Debug)]
pub(super) struct Stmt {
    pub(super) pos: Pos,
    pub(super) kind: StmtKind,
}

/// What a statement does.
#[derive(Clone, Debug)]
pub(super) enum StmtKind {
    /// A variable begins to exist here.
    Declare(VarId),
    Store(Place, Expr),
    Update(BinOp, Place, Expr),
    /// An array gets its elements.
    Fill(VarId, Vec<Expr>),
    /// An array becomes all zeros.
    Clear(VarId),
    Expr(Expr),
    While(Expr, Block),
    Do {
        body: Block,
        cond: Expr,
        /// Goes on while the condition is this.
        again: bool,
    },
    For(Box<For>),
    Break(Option<Expr>),
    Continue,
    Return(Option<Expr>),
}

/// `for counter in from..to { element = ..; body }`; the counter has its first value already.
#[derive(Clone, Debug)]
pub(super) struct For {
    pub(super) counter: VarId,
    pub(super) from: Expr,
    pub(super) to: Expr,
    pub(super) inclusive: bool,
    /// What each turn begins with.
    pub(super) first: Vec<Stmt>,
    pub(super) body: Block,
    /// Variables that exist in it.
    pub(super) vars: Vec<VarId>,
}

/// An expression.
#[derive(Clone, Debug)]
pub(super) struct Expr {
    pub(super) pos: Pos,
    pub(super) ty: Ty,
    pub(super) kind: ExprKind,
}

/// What an expression is.
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
    /// A closure with the places it captures; the record that represents it is that variable.
    Closure(FunctionId, VarId, Vec<Place>),
    /// Shows pieces and a new line.
    Print(Vec<Expr>),
    Atomic(Atomic, Vec<Expr>),
    /// No value; nothing happens.
    Nothing,
}

/// An operation that no other CPU can come between.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Atomic {
    /// `(addr, old, new)`: stores `new` if there is `old`, gives what there was.
    CompareExchange,
    /// `(addr, value)`: stores, gives what there was.
    Exchange,
    /// `(addr, value)`: adds, gives what there was.
    Add,
}

/// Who is called.
#[derive(Clone, Debug)]
pub(super) enum Callee {
    Function(FunctionId),
    /// Machine code of ours, by name.
    Stub(&'static str),
    /// The function that a value is.
    Value(Box<Expr>),
}

/// What can be read, and mostly written.
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

/// Where an address begins.
#[derive(Clone, Debug)]
pub(super) enum Base {
    Var(VarId),
    Global(GlobalId),
    Value(Expr),
}

/// How much is read or written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Size {
    Byte,
    Half,
    Word,
}

impl Size {
    /// In bytes.
    pub(super) const fn bytes(self) -> u32 {
        match self {
            Self::Byte => 1,
            Self::Half => 2,
            Self::Word => 4,
        }
    }
}
