//! A program as it was written: a small tree with the position of everything. Names are not
//! resolved yet, and only what the tree cannot express has been rejected.

use std::fmt;

/// A position in the source: line and column in characters, both from 1. Line 0 means no position.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Pos {
    /// Line number, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl fmt::Debug for Pos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A problem that keeps a text from being compiled, with its position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// Where the problem is.
    pub pos: Pos,
    /// What is wrong.
    pub message: String,
    /// What to use instead.
    pub help: Option<String>,
    /// A second position that matters, with a label.
    pub other: Option<(Pos, String)>,
}

impl Diagnostic {
    /// A message about a position.
    pub fn new(pos: Pos, message: impl Into<String>) -> Self {
        Self {
            pos,
            message: message.into(),
            help: None,
            other: None,
        }
    }

    /// Adds what to use instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a second position.
    #[must_use]
    pub fn other(mut self, pos: Pos, text: impl Into<String>) -> Self {
        self.other = Some((pos, text.into()));
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.pos, self.message)?;
        if let Some((pos, text)) = &self.other {
            write!(f, " ({text} at {pos:?})")?;
        }
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

/// A function as written.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) params: Vec<String>,
    pub(super) body: Block,
    /// Whether its last statement ends with a semicolon, so that its value is not meant.
    pub(super) ends_with_semicolon: bool,
    /// Whether it comes from our library rather than from the user.
    pub(super) library: bool,
}

/// Statements between braces.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    pub(super) pos: Pos,
    pub(super) end: Pos,
    pub(super) stmts: Vec<Stmt>,
}

/// A statement and its position.
#[derive(Clone, Debug)]
pub(super) struct Stmt {
    pub(super) pos: Pos,
    pub(super) kind: StmtKind,
}

/// The kinds of statements.
#[derive(Clone, Debug)]
pub(super) enum StmtKind {
    /// `let` or `const`.
    Let {
        name: String,
        name_pos: Pos,
        constant: bool,
        value: Option<Expr>,
    },
    /// `target = value`, or with an operator.
    Assign {
        op: Option<BinOp>,
        target: Expr,
        value: Expr,
    },
    /// An expression, whose value may be that of the block.
    Expr(Expr),
    /// A `while` loop.
    While {
        cond: Expr,
        body: Block,
    },
    /// A `do` loop, with `while` or `until`.
    Do {
        body: Block,
        cond: Expr,
        until: bool,
    },
    /// A `for` loop.
    For {
        name: (String, Pos),
        counter: Option<(String, Pos)>,
        over: Expr,
        body: Block,
    },
    Break(Option<Expr>),
    Continue,
    Return(Option<Expr>),
}

/// An expression and its position.
#[derive(Clone, Debug)]
pub(super) struct Expr {
    /// Position of its first character.
    pub(super) pos: Pos,
    pub(super) kind: ExprKind,
}

/// The kinds of expressions.
#[derive(Clone, Debug)]
pub(super) enum ExprKind {
    Int(i64),
    Bool(bool),
    Char(char),
    Str(String),
    /// A string in backticks: its pieces.
    Format(Vec<Expr>),
    Array(Vec<Expr>),
    Unit,
    Name(String),
    Unary(UnOp, Box<Expr>),
    Binary(BinOp, Box<Expr>, Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Call(String, Vec<Expr>),
    /// `object.name(args)`.
    Method(Box<Expr>, String, Vec<Expr>),
    Index(Box<Expr>, Box<Expr>),
    If {
        cond: Box<Expr>,
        then: Block,
        otherwise: Option<Block>,
    },
    Block(Block),
    /// `loop`, whose value is that of its `break`.
    Loop(Block),
    /// A function value by name, with the variables that it captures.
    Closure {
        function: String,
        captures: Vec<(String, Pos)>,
    },
    /// `from..to` or `from..=to`.
    Range {
        from: Box<Expr>,
        to: Box<Expr>,
        inclusive: bool,
    },
    /// Something that has already been rejected.
    Refused,
}

/// An operator with one operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum UnOp {
    Neg,
    Not,
}

/// An operator with two operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BinOp {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Pow,
    And,
    Or,
    Xor,
    Shl,
    Shr,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    /// Unsigned `<`.
    Below,
    /// Unsigned `/`.
    UDiv,
    /// Unsigned `%`.
    URem,
}

/// The operators by their symbols.
const SYMBOLS: [(&str, BinOp); 17] = [
    ("+", BinOp::Add),
    ("-", BinOp::Sub),
    ("*", BinOp::Mul),
    ("/", BinOp::Div),
    ("%", BinOp::Rem),
    ("**", BinOp::Pow),
    ("&", BinOp::And),
    ("|", BinOp::Or),
    ("^", BinOp::Xor),
    ("<<", BinOp::Shl),
    (">>", BinOp::Shr),
    ("==", BinOp::Eq),
    ("!=", BinOp::Ne),
    ("<", BinOp::Lt),
    ("<=", BinOp::Le),
    (">", BinOp::Gt),
    (">=", BinOp::Ge),
];

impl BinOp {
    /// The operator with that symbol.
    pub(super) fn of(symbol: &str) -> Option<Self> {
        let found = SYMBOLS.iter().find(|(other, _)| *other == symbol);
        found.map(|(_, op)| *op)
    }

    /// Its symbol; empty for those that are written as calls.
    pub(super) fn symbol(self) -> &'static str {
        let found = SYMBOLS.iter().find(|(_, op)| *op == self);
        found.map_or("", |(symbol, _)| symbol)
    }

    /// Whether its result is a boolean.
    pub(super) const fn compares(self) -> bool {
        matches!(
            self,
            Self::Eq | Self::Ne | Self::Lt | Self::Le | Self::Gt | Self::Ge | Self::Below
        )
    }

    /// Whether the operands may be exchanged.
    pub(super) const fn commutes(self) -> bool {
        matches!(
            self,
            Self::Add | Self::Mul | Self::And | Self::Or | Self::Xor | Self::Eq | Self::Ne
        )
    }

    /// Whether its result on numbers overflows 32 bits.
    pub(super) fn wraps(self, a: i32, b: i32) -> bool {
        let (x, y) = (i64::from(a), i64::from(b));
        let wide = match self {
            Self::Add => x + y,
            Self::Sub => x - y,
            Self::Mul => x * y,
            Self::Shl => x << (y & 31),
            _ => 0,
        };
        i32::try_from(wide).is_err()
    }

    /// Its result on numbers, in 32 bits; `None` where the machine faults.
    pub(super) fn apply(self, a: i32, b: i32) -> Option<i32> {
        let (ua, ub) = (a as u32, b as u32);
        Some(match self {
            Self::Add => a.wrapping_add(b),
            Self::Sub => a.wrapping_sub(b),
            Self::Mul => a.wrapping_mul(b),
            Self::Div => a.checked_div(b)?,
            Self::Rem => a.checked_rem(b)?,
            Self::Pow => power(a, b),
            Self::And => a & b,
            Self::Or => a | b,
            Self::Xor => a ^ b,
            // The machine takes the shift count modulo 32.
            Self::Shl => a.wrapping_shl(ub),
            Self::Shr => a.wrapping_shr(ub),
            Self::Eq => i32::from(a == b),
            Self::Ne => i32::from(a != b),
            Self::Lt => i32::from(a < b),
            Self::Le => i32::from(a <= b),
            Self::Gt => i32::from(a > b),
            Self::Ge => i32::from(a >= b),
            Self::Below => i32::from(ua < ub),
            Self::UDiv => ua.checked_div(ub)? as i32,
            Self::URem => ua.checked_rem(ub)? as i32,
        })
    }
}

/// Like the library's `pow`: a negative exponent gives 0.
fn power(base: i32, exponent: i32) -> i32 {
    u32::try_from(exponent).map_or(0, |exponent| base.wrapping_pow(exponent))
}
