//! The story of programs: what they executed, which children they made, which pages were copied and
//! by which line, what they wrote, which signals reached them and how they ended.

use super::strace::{Told, end_in_words, quoted, who_sent};
use crate::abi::{CloneFlags, InodeId, Pid, VirtAddr};
use crate::kernel::fs::DebugInfo;
use crate::kernel::syscall::nr;
use crate::machine::Machine;
use crate::trace::{AreaKind, CallRecord, Memory, Pointed, Seen};
use std::collections::BTreeMap;

/// Turns records into the lines of a story, and counts.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// The tick of the latest line.
    tick: Option<u64>,
    /// What was copied for the child that a task is making.
    tables: BTreeMap<Pid, (u32, u32)>,
    /// What a task is executing, until it runs.
    programs: BTreeMap<Pid, Vec<u8>>,
    /// What a task is writing, until it is written.
    writes: BTreeMap<Pid, (u32, Vec<u8>)>,
    forks: u32,
    copies: BTreeMap<AreaKind, u32>,
}

/// The story so far.
pub fn story(machine: &Machine) -> Told {
    let mut story = Story::default();
    let records = machine.kernel.calls.iter();
    let mut lines: Vec<String> = records
        .filter_map(|record| story.line_of(machine, record))
        .collect();
    lines.push(story.ending(machine));
    Told { lines }
}

impl Story {
    /// The line of a record, if it matters.
    pub fn line_of(&mut self, machine: &Machine, record: &CallRecord) -> Option<String> {
        // It made the first task before the story began.
        if record.pid == Pid::INIT {
            return None;
        }
        let what = self.what(machine, record)?;
        let time = match self.tick.replace(record.tick) {
            Some(tick) if tick == record.tick => String::new(),
            _ => format!("{} ms", record.tick),
        };
        let name = machine.kernel.names.get(record.name);
        Some(format!("{time:>8}  {}:{name}  {what}", record.pid))
    }

    fn what(&mut self, machine: &Machine, record: &CallRecord) -> Option<String> {
        let pid = record.pid;
        match &record.seen {
            Seen::Enter { nr, words, memory } => {
                self.enters(pid, *nr, words[0], memory);
                None
            }
            Seen::Leave { ret, .. } => {
                let (fd, bytes) = self.writes.remove(&pid)?;
                let written = usize::try_from(*ret).ok()?;
                let shown = &bytes[..bytes.len().min(written)];
                Some(format!("write({fd}, {})", quoted(shown)))
            }
            Seen::CopiedTables { ptes, frames } => {
                self.tables.insert(pid, (*ptes, *frames));
                None
            }
            Seen::Forked { child, flags } => {
                self.forks += 1;
                let copied = match self.tables.remove(&pid) {
                    Some((ptes, frames)) => {
                        format!("PTEs copied {ptes}, frames copied {frames}")
                    }
                    None => "the memory is shared".to_owned(),
                };
                Some(format!("{} -> {child}   {copied}", fork_name(*flags)))
            }
            Seen::Executed => {
                let path = self.programs.remove(&pid);
                let name = machine.kernel.names.get(record.name);
                let path = path.unwrap_or_else(|| name.as_bytes().to_vec());
                Some(format!("execve({})", quoted(&path)))
            }
            Seen::CopiedPage {
                addr,
                area,
                old,
                new,
                by,
            } => {
                *self.copies.entry(*area).or_default() += 1;
                let place = place(machine, record.exe, *addr, *area, *by);
                Some(format!("writes {addr}{place}: cow_copy {old} -> {new}"))
            }
            // The call that printed it tells more: where to, and all of it at once.
            Seen::Printed(_) => None,
            Seen::Released { child } if *child == pid => None,
            Seen::Released { child } => Some(format!("reaps {child}")),
            Seen::Signal(info) => Some(format!("gets {}{}", info.signal, who_sent(info))),
            Seen::Exit(status) => Some(end_in_words(*status)),
        }
    }

    fn enters(&mut self, pid: Pid, call: u32, first: u32, memory: &Memory) {
        let Some((_, pointed)) = memory.first() else {
            return;
        };
        match (call as u16, pointed) {
            (nr::execve, Pointed::String(path)) => {
                self.programs.insert(pid, path.clone());
            }
            (nr::write, Pointed::Bytes(bytes)) => {
                self.writes.insert(pid, (first, bytes.clone()));
            }
            (nr::writev, Pointed::Strings(buffers)) => {
                self.writes.insert(pid, (first, buffers.concat()));
            }
            _ => {}
        }
    }

    /// What it comes to: processes, forks, copies, and what nobody has reaped.
    pub fn ending(&self, machine: &Machine) -> String {
        let copies: u32 = self.copies.values().sum();
        let by_area: Vec<String> = self
            .copies
            .iter()
            .map(|(area, count)| format!("{count} {}", area_name(*area)))
            .collect();
        let by_area = match by_area.len() {
            0 => String::new(),
            _ => format!(" ({})", by_area.join(", ")),
        };
        let unreaped = machine.zombies().count();
        let unreaped = match unreaped {
            0 => "nobody left unreaped".to_owned(),
            count => format!("{count} left unreaped"),
        };
        format!(
            "{}, {} copied{by_area}, {unreaped}",
            count(self.forks, "fork"),
            count(copies, "frame"),
        )
    }
}

fn count(number: u32, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

const fn area_name(area: AreaKind) -> &'static str {
    match area {
        AreaKind::File => "data",
        AreaKind::Heap => "heap",
        AreaKind::Stack => "stack",
        AreaKind::Anonymous => "anonymous",
    }
}

/// The call that makes a child with these flags.
fn fork_name(flags: CloneFlags) -> String {
    match flags {
        CloneFlags::FORK => "fork".to_owned(),
        CloneFlags::VFORK => "vfork".to_owned(),
        flags => format!("clone({})", flags.describe()),
    }
}

/// What lies at an address, and which line has written there.
fn place(
    machine: &Machine,
    exe: Option<InodeId>,
    addr: VirtAddr,
    area: AreaKind,
    by: Option<VirtAddr>,
) -> String {
    let debug = exe.and_then(|exe| machine.debug_info_of(exe));
    let what = debug.and_then(|debug| object(debug, addr.0));
    let what = what.unwrap_or_else(|| area_name(area).to_owned());
    let line = match by {
        None => Some("by the kernel".to_owned()),
        Some(eip) => debug.and_then(|debug| source_place(debug, eip.0)),
    };
    match line {
        Some(line) => format!(" ({what}, {line})"),
        None => format!(" ({what})"),
    }
}

fn object(debug: &DebugInfo, addr: u32) -> Option<String> {
    if let Some(object) = debug.object_at(addr) {
        return Some(match &*object.file {
            "" => object.name.to_string(),
            file => format!("{} of {file}", object.name),
        });
    }
    let global = debug.globals.iter().find(|global| global.addr == addr)?;
    Some(global.name.to_string())
}

/// `puzzle.c:7`, or the function if it has no lines.
fn source_place(debug: &DebugInfo, eip: u32) -> Option<String> {
    let line = debug.line_at(eip);
    let file = line.map(|entry| debug.file_name(entry));
    match (line, file) {
        (Some(entry), Some(file)) if !file.is_empty() => Some(format!("{file}:{}", entry.line)),
        (Some(entry), _) => Some(format!("line {}", entry.line)),
        (None, _) => debug
            .function_at(eip)
            .map(|function| format!("in {}()", function.name)),
    }
}
