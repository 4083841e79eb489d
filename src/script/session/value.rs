//! Values that scripts hold: handles to tasks and calls, and views.

use crate::abi::{Pid, TaskId};
use crate::export::Drawing;
use crate::view::Text;
use rhai::Dynamic;
use std::fmt;

/// A handle to a task. It stays a handle to that very task even when the task is gone.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    pub(in crate::script) id: TaskId,
    pub(in crate::script) pid: Pid,
    /// The boot of the session that it belongs to: ids start over at every boot.
    pub(in crate::script) boot: u64,
}

impl PartialEq for Task {
    /// Whether both refer to the same task, whenever they were made.
    fn eq(&self, other: &Self) -> bool {
        (self.id, self.boot) == (other.id, other.boot)
    }
}

impl Eq for Task {}

/// A system call that a puppet has not returned from yet, or had not when it was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    pub(in crate::script) id: u64,
    /// The boot of the session that it belongs to.
    pub(in crate::script) boot: u64,
}

/// A view: text to read, and the same as data.
#[derive(Clone, Debug)]
pub struct View {
    pub(in crate::script) text: Text,
    pub(in crate::script) data: Dynamic,
    /// The same in a short form, if it has one.
    pub(in crate::script) brief: Option<Box<View>>,
    /// How it is drawn.
    pub(in crate::script) drawing: Drawing,
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}
