//! The variables of a program and their values.

use super::c_value::c_value;
use crate::abi::{TaskId, VirtAddr};
use crate::hw::Regs;
use crate::kernel::fs::{DebugInfo, FunctionInfo, Held, LocalInfo, Place, ValueKind};
use crate::machine::Machine;
use crate::view::text::{Align, Role, Table, Text, cell};
use serde::Serialize;

/// The most characters of a string that are shown.
pub(super) const MAX_STRING: usize = 40;

/// A variable of a program.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct VariableView {
    /// Name of the variable.
    pub name: String,
    /// The word that it holds; `None` if it cannot be read.
    pub value: Option<i32>,
    /// Its type in C; empty in scripts, whose variables have none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The value that the word stands for.
    pub shown: String,
    /// Its location: a register, or an address relative to the frame.
    pub place: String,
}

/// The variables of a function, and the globals.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Variables {
    /// Name of the function.
    pub function: String,
    /// Its parameters and local variables.
    pub locals: Vec<VariableView>,
    /// The global variables of the program.
    pub globals: Vec<VariableView>,
}

/// The variables of the function that a program is executing.
pub fn variables(machine: &Machine, task: TaskId) -> Option<Variables> {
    let program = machine.debug_info(task)?;
    let regs = machine.kernel.task(task).thread.regs;
    let function = program.function_at(regs.eip);
    let shower = Shower {
        machine,
        task,
        program,
    };
    let locals = function.map(|f| shower.locals(f, &regs));
    let globals = program.globals.iter().map(|global| VariableView {
        name: global.name.to_string(),
        value: machine
            .peek(task, VirtAddr(global.addr))
            .map(|word| word as i32),
        kind: shower.kind(global.kind),
        shown: shower.shown(global.kind, Held::At(global.addr)),
        place: format!("{:#010x}", global.addr),
    });
    Some(Variables {
        function: function.map_or_else(|| "?".to_owned(), |f| f.name.to_string()),
        locals: locals.unwrap_or_default(),
        globals: globals.collect(),
    })
}

/// The address of a variable that a task can see where it is now: a local one of its function, or
/// else a global one.
pub fn variable_address(machine: &Machine, task: TaskId, name: &str) -> Option<u32> {
    let program = machine.debug_info(task)?;
    let regs = machine.kernel.task(task).thread.regs;
    let function = program.function_at(regs.eip);
    let locals = function.iter().flat_map(|function| &function.locals);
    let local = locals
        .filter(|local| &*local.name == name && (local.from..local.to).contains(&regs.eip))
        .find_map(|local| match held(program, local, &regs).0 {
            Held::At(addr) => Some(addr),
            Held::Word(_) => None,
        });
    let global = program.globals.iter().find(|global| &*global.name == name);
    local.or(global.map(|global| global.addr))
}

/// What holds a local variable, and its place in words.
fn held(program: &DebugInfo, local: &LocalInfo, regs: &Regs) -> (Held, String) {
    let distance = |register: &str, offset: i32| {
        let sign = if offset < 0 { '-' } else { '+' };
        format!("[{register}{sign}{}]", offset.unsigned_abs())
    };
    let held = program.held(local.place, regs);
    let words = match (local.place, held) {
        (Place::Frame(offset), _) => distance("ebp", offset),
        (Place::Based(register, offset), _) => distance(register_name(register), offset),
        (Place::Register(register), _) => register_name(register).to_owned(),
        (Place::Known(_), _) => "a constant".to_owned(),
        (_, Held::At(addr)) => format!("{addr:#010x}"),
        (_, Held::Word(word)) => word.to_string(),
    };
    (held, words)
}

/// The name of a register by its number in machine code.
const fn register_name(number: u8) -> &'static str {
    match number {
        0 => "eax",
        1 => "ecx",
        2 => "edx",
        3 => "ebx",
        4 => "esp",
        5 => "ebp",
        6 => "esi",
        _ => "edi",
    }
}

/// Shows the variables of a task.
pub(super) struct Shower<'m> {
    pub(super) machine: &'m Machine,
    pub(super) task: TaskId,
    pub(super) program: &'m DebugInfo,
}

impl Shower<'_> {
    fn locals(&self, function: &FunctionInfo, regs: &Regs) -> Vec<VariableView> {
        let alive = |local: &&LocalInfo| (local.from..local.to).contains(&regs.eip);
        let view = |local: &LocalInfo| {
            let (held, place) = held(self.program, local, regs);
            VariableView {
                name: local.name.to_string(),
                value: self.word(held).map(|word| word as i32),
                kind: self.kind(local.kind),
                shown: self.shown(local.kind, held),
                place,
            }
        };
        function.locals.iter().filter(alive).map(view).collect()
    }

    /// The name of a type of C.
    fn kind(&self, kind: ValueKind) -> String {
        match kind {
            ValueKind::C(of) => self.program.type_name(of),
            _ => String::new(),
        }
    }

    fn word(&self, held: Held) -> Option<u32> {
        match held {
            Held::At(addr) => self.machine.peek(self.task, VirtAddr(addr)),
            Held::Word(word) => Some(word),
        }
    }

    /// The value of a variable.
    fn shown(&self, kind: ValueKind, held: Held) -> String {
        if let ValueKind::C(of) = kind {
            return c_value(self, of, held);
        }
        let Some(word) = self.word(held) else {
            return "not in memory".to_owned();
        };
        match kind {
            ValueKind::Int | ValueKind::C(_) => (word as i32).to_string(),
            ValueKind::Bool => (word != 0).to_string(),
            ValueKind::Char => format!("{:?}", char::from_u32(word).unwrap_or('\u{fffd}')),
            ValueKind::Str => format!("{word:#010x} {:?}", self.string_at(word)),
            ValueKind::Array(len) => self.array(held, len),
            ValueKind::Captured => {
                let value = self.machine.peek(self.task, VirtAddr(word));
                let value = value.map_or_else(|| "?".to_owned(), |word| (word as i32).to_string());
                format!("{value} (at {word:#010x})")
            }
            ValueKind::Function => self.function(word),
        }
    }

    fn array(&self, held: Held, len: u32) -> String {
        let words = (0..len.min(16)).map(|i| {
            let word = match held {
                Held::At(addr) => self.word(Held::At(addr.wrapping_add(4 * i))),
                Held::Word(_) => None,
            };
            word.map_or_else(|| "?".to_owned(), |word| (word as i32).to_string())
        });
        let words: Vec<String> = words.collect();
        let more = if len > 16 { ", .." } else { "" };
        format!("[{}{more}]", words.join(", "))
    }

    /// The address of a function with its name.
    pub(super) fn function(&self, addr: u32) -> String {
        let function = self.program.function_at(addr);
        format!("{addr:#010x} {}", function.map_or("?", |f| &f.name))
    }

    /// The string at an address, or its beginning.
    pub(super) fn string_at(&self, addr: u32) -> String {
        let bytes = (0..MAX_STRING as u32)
            .map_while(|i| {
                let at = VirtAddr(addr.wrapping_add(i));
                self.machine.peek_byte(self.task, at)
            })
            .take_while(|byte| *byte != 0);
        String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned()
    }
}

impl Variables {
    /// One line per variable.
    pub fn text(&self) -> Text {
        let rows = self.locals.iter().map(|variable| (variable, ""));
        let globals = self.globals.iter().map(|variable| (variable, " global"));
        let typed = self.locals.iter().chain(&self.globals);
        let typed = typed.into_iter().any(|variable| !variable.kind.is_empty());
        let kind = [("type", Align::Left)];
        let kind = if typed { &kind[..] } else { &[] };
        let columns = [
            &[("variable", Align::Left)],
            kind,
            &[("value", Align::Left), ("place", Align::Left)],
        ];
        let mut table = Table::new(&columns.concat());
        for (variable, note) in rows.chain(globals) {
            let kind = typed.then(|| cell(Role::Plain, &variable.kind));
            let name = [cell(Role::Name, &variable.name)];
            let value = [
                cell(Role::Number, &variable.shown),
                cell(Role::Address, &variable.place).add(Role::Dim, note),
            ];
            let row = name.into_iter().chain(kind).chain(value);
            table.row(row.collect::<Vec<_>>());
        }
        table.text()
    }
}
