//! Types of values, and their inference by unification. Types matter for the output of `print`, for
//! debuggers, and for catching mistakes; in the machine every value is a word.

use super::tree::Pos;
use std::fmt;

/// A type that is being inferred: an index into [`Types`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ty(u32);

/// The type of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Type {
    /// Unknown so far; what stays unknown is shown as a number.
    Unknown,
    /// No value.
    Unit,
    Int,
    Bool,
    Char,
    Str,
    /// A function that returns a value of that type.
    Function(Ty),
    /// The address of words of that type, with their number if it is always the same.
    Array(Ty, Option<u32>),
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown | Self::Int => "a number",
            Self::Unit => "nothing",
            Self::Bool => "a boolean",
            Self::Char => "a character",
            Self::Str => "a string",
            Self::Function(_) => "a function",
            Self::Array(..) => "an array",
        })
    }
}

/// Two types that should be equal: each type, and where it became known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Conflict {
    pub(super) left: (Type, Pos),
    pub(super) right: (Type, Pos),
}

#[derive(Clone, Copy, Debug)]
enum Node {
    Same(Ty),
    Is(Type, Pos),
}

/// All types of a program.
#[derive(Clone, Debug, Default)]
pub(super) struct Types {
    nodes: Vec<Node>,
}

impl Types {
    /// A type that is known from a position on.
    pub(super) fn known(&mut self, what: Type, pos: Pos) -> Ty {
        self.nodes.push(Node::Is(what, pos));
        Ty(self.nodes.len() as u32 - 1)
    }

    /// A type that nothing is known about.
    pub(super) fn fresh(&mut self) -> Ty {
        self.known(Type::Unknown, Pos::default())
    }

    fn root(&self, mut ty: Ty) -> Ty {
        while let Some(Node::Same(next)) = self.nodes.get(ty.0 as usize) {
            ty = *next;
        }
        ty
    }

    /// What is known about a type, and since where.
    pub(super) fn whence(&self, ty: Ty) -> (Type, Pos) {
        match self.nodes.get(self.root(ty).0 as usize) {
            Some(Node::Is(what, pos)) => (*what, *pos),
            _ => (Type::Unknown, Pos::default()),
        }
    }

    /// What is known about a type.
    pub(super) fn get(&self, ty: Ty) -> Type {
        self.whence(ty).0
    }

    fn set(&mut self, ty: Ty, node: Node) {
        if let Some(slot) = self.nodes.get_mut(ty.0 as usize) {
            *slot = node;
        }
    }

    /// Unifies two types.
    pub(super) fn unify(&mut self, left: Ty, right: Ty) -> Result<(), Conflict> {
        let (left, right) = (self.root(left), self.root(right));
        if left == right {
            return Ok(());
        }
        let (a, b) = (self.whence(left), self.whence(right));
        match (a.0, b.0) {
            (Type::Unknown, _) => self.set(left, Node::Same(right)),
            (_, Type::Unknown) => self.set(right, Node::Same(left)),
            (Type::Array(of_a, len_a), Type::Array(of_b, len_b)) => {
                let len = if len_a == len_b { len_a } else { None };
                self.set(right, Node::Same(left));
                self.set(left, Node::Is(Type::Array(of_a, len), a.1));
                self.unify_loosely(of_a, of_b);
            }
            (Type::Function(of_a), Type::Function(of_b)) => {
                self.set(right, Node::Same(left));
                self.unify_loosely(of_a, of_b);
            }
            (x, y) if x == y => self.set(right, Node::Same(left)),
            _ => return Err(Conflict { left: a, right: b }),
        }
        Ok(())
    }

    /// Unifies two types if possible; words of different types become numbers.
    pub(super) fn unify_loosely(&mut self, left: Ty, right: Ty) {
        if let Err(conflict) = self.unify(left, right) {
            let root = self.root(left);
            self.set(root, Node::Is(Type::Int, conflict.left.1));
            let other = self.root(right);
            self.set(other, Node::Same(root));
        }
    }
}
