//! System calls, signals and ends of tasks, as `strace -f` prints them.

mod names;
mod values;

use crate::abi::{O_CREAT, Pid, SigInfo, SigOrigin, WaitStatus, si_code};
use crate::kernel::syscall::{Shape, SyscallInfo};
use crate::machine::Machine;
use crate::trace::{CallRecord, Memory, Pointed, Seen};
use crate::view::text::{Line, Text};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use values::Argument;

/// What was recorded, in lines.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    /// The lines, in the order in which they were completed.
    pub lines: Vec<String>,
}

impl Told {
    /// One line below the other.
    pub fn text(&self) -> Text {
        self.lines
            .iter()
            .map(|line| Line::of(line.clone()))
            .collect()
    }
}

/// The system calls, signals and ends that were recorded.
pub fn strace(machine: &Machine, of: Option<Pid>) -> Told {
    let calls = &machine.kernel.calls;
    let mut strace = Strace::default();
    let mut lines = Vec::new();
    for record in calls.iter() {
        if of.is_none_or(|pid| pid == record.pid) {
            strace.follow(record, &mut lines);
        }
    }
    lines.extend(strace.rest());
    Told { lines }
}

/// A call that has been entered.
#[derive(Clone, Debug)]
struct Entered {
    nr: u32,
    words: [u32; 6],
    /// Its line, as far as it is known; empty if another task's has cut it off.
    text: String,
    /// How many of its arguments have been told.
    told: usize,
    /// What the others point to.
    memory: Memory,
}

/// Turns records into lines. It remembers the calls that have not returned.
#[derive(Clone, Debug, Default)]
pub struct Strace {
    /// For each task that was seen, the call that it is in.
    open: BTreeMap<Pid, Option<Entered>>,
    /// The task whose call was entered last, with nothing seen since.
    latest: Option<Pid>,
}

impl Strace {
    /// Adds the lines that a record completes. A call has one line unless something else is seen
    /// before it returns.
    pub fn follow(&mut self, record: &CallRecord, lines: &mut Vec<String>) {
        let pid = record.pid;
        if !record.seen.is_for_tracers() {
            return;
        }
        if self.latest.is_some_and(|latest| latest != pid) {
            lines.extend(self.cut_off());
        }
        match &record.seen {
            Seen::Enter { nr, words, memory } => {
                lines.extend(self.ends(pid, "? ERESTARTSYS (To be restarted)"));
                let entered = Entered::new(pid, *nr, *words, memory);
                self.open.insert(pid, Some(entered));
                self.latest = Some(pid);
            }
            Seen::Leave { ret, memory, .. } => lines.extend(self.returns(pid, *ret, memory)),
            Seen::Signal(info) => {
                lines.extend(self.cut_off());
                lines.push(format!("{}--- {} ---", Head(pid), signal(info)));
            }
            Seen::Exit(status) => {
                lines.extend(self.ends(pid, "?"));
                self.open.remove(&pid);
                lines.push(format!("{}+++ {} +++", Head(pid), end(*status)));
            }
            _ => {}
        }
    }

    /// The lines of the calls that have not returned.
    pub fn rest(&mut self) -> Vec<String> {
        self.cut_off().into_iter().collect()
    }

    /// The beginning of the line of the call that was entered last.
    fn cut_off(&mut self) -> Option<String> {
        let pid = self.latest.take()?;
        let entered = self.open.get_mut(&pid)?.as_mut()?;
        let mut text = std::mem::take(&mut entered.text);
        if entered.told < entered.shapes().len() {
            separate(&mut text, entered.told);
        }
        text.push_str(" <unfinished ...>");
        Some(text)
    }

    fn returns(&mut self, pid: Pid, ret: i32, memory: &Memory) -> Option<String> {
        let entered = self.open.get(&pid)?.as_ref()?;
        let address = info(entered.nr).is_some_and(SyscallInfo::returns_address);
        match names::error(ret) {
            Some(error) => self.finish(pid, error, memory),
            None if address => self.finish(pid, format_args!("{ret:#x}"), memory),
            None => self.finish(pid, ret, memory),
        }
    }

    /// The call does not return, or not yet.
    fn ends(&mut self, pid: Pid, value: &str) -> Option<String> {
        self.finish(pid, value, &Memory::new())
    }

    fn finish(&mut self, pid: Pid, value: impl fmt::Display, after: &Memory) -> Option<String> {
        if self.latest == Some(pid) {
            self.latest = None;
        }
        let mut entered = self.open.get_mut(&pid)?.take()?;
        let mut text = std::mem::take(&mut entered.text);
        let mut shown = entered.told;
        // Writing to a string cannot fail.
        if text.is_empty() {
            let _ = write!(text, "{}<... {} resumed> ", Head(pid), CallName(entered.nr));
            shown = 0;
        }
        for at in entered.told..entered.shapes().len() {
            separate(&mut text, shown);
            entered
                .argument(at, &entered.memory, after)
                .write(&mut text);
            shown += 1;
        }
        let _ = write!(text, ") = {value}");
        Some(text)
    }
}

impl Entered {
    /// A call with what can be told of it before it returns.
    fn new(pid: Pid, nr: u32, words: [u32; 6], memory: &Memory) -> Self {
        let mut entered = Self {
            nr,
            words,
            text: String::with_capacity(USUAL),
            told: 0,
            memory: Memory::new(),
        };
        // Writing to a string cannot fail.
        let _ = write!(entered.text, "{}{}(", Head(pid), CallName(nr));
        let (mut text, nothing) = (std::mem::take(&mut entered.text), Memory::new());
        for at in 0..entered.shapes().len() {
            let argument = entered.argument(at, memory, &nothing);
            if !argument.is_told() {
                break;
            }
            separate(&mut text, at);
            argument.write(&mut text);
            entered.told += 1;
        }
        entered.text = text;
        let rest = |(of, _): &&(u8, Pointed)| usize::from(*of) >= entered.told;
        entered.memory = memory.iter().filter(rest).cloned().collect();
        entered
    }

    /// What its arguments are.
    fn shapes(&self) -> &'static [Shape] {
        let shapes = u16::try_from(self.nr).ok().and_then(SyscallInfo::shapes);
        let shapes = shapes.unwrap_or(&[Shape::Address; 6]);
        // A mode is only for a file that is created.
        match shapes {
            [_, Shape::OpenFlags, _] if self.words[1] & O_CREAT == 0 => &shapes[..2],
            shapes => shapes,
        }
    }

    /// An argument, with what was in memory when it was entered and when it returned.
    fn argument<'a>(&self, at: usize, before: &'a Memory, after: &'a Memory) -> Argument<'a> {
        Argument {
            shape: self.shapes()[at],
            word: self.words[at],
            before: pointed(before, at as u8),
            after: pointed(after, at as u8),
        }
    }
}

/// The length of most lines, in bytes.
const USUAL: usize = 64;

/// Writes what stands between arguments.
fn separate(text: &mut String, shown: usize) {
    if shown > 0 {
        text.push_str(", ");
    }
}

fn info(nr: u32) -> Option<&'static SyscallInfo> {
    u16::try_from(nr).ok().and_then(SyscallInfo::of)
}

/// The name of a call, or its number if there is none.
struct CallName(u32);

impl fmt::Display for CallName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match info(self.0) {
            Some(info) => f.write_str(info.name),
            None => write!(f, "syscall_{:#x}", self.0),
        }
    }
}

fn pointed(memory: &Memory, at: u8) -> Option<&Pointed> {
    memory.iter().find(|(of, _)| *of == at).map(|(_, it)| it)
}

/// What each line begins with.
struct Head(Pid);

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[pid {:>5}] ", self.0.0)
    }
}

/// `SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=3, ...}`.
fn signal(info: &SigInfo) -> String {
    let name = info.signal.to_string();
    let code = |code_name: Option<&str>| code_name.map_or(info.code.to_string(), str::to_owned);
    let (code, fields) = match info.origin {
        SigOrigin::Sender { pid, uid } => (
            code(si_code::name(info.code)),
            format!("si_pid={pid}, si_uid={uid}"),
        ),
        SigOrigin::Child {
            pid,
            uid,
            status,
            utime,
            stime,
        } => {
            let status = match info.code {
                si_code::CLD_EXITED => status.to_string(),
                _ => names::signal(status.cast_unsigned()),
            };
            (
                code(si_code::child_name(info.code)),
                format!(
                    "si_pid={pid}, si_uid={uid}, si_status={status}, si_utime={utime}, \
                     si_stime={stime}"
                ),
            )
        }
        SigOrigin::Fault(addr) => (code(info.code_name()), format!("si_addr={:#x}", addr.0)),
        SigOrigin::Timer {
            id, overrun, value, ..
        } => (
            code(si_code::name(info.code)),
            format!("si_timerid={id}, si_overrun={overrun}, si_value={value}"),
        ),
        SigOrigin::Queued(..) => (
            code(si_code::name(info.code)),
            format!("si_pid={}, si_uid={}", info.pid(), info.uid()),
        ),
    };
    format!("{name} {{si_signo={name}, si_code={code}, {fields}}}")
}

pub(in crate::view) use values::quoted;

/// Who sent a signal, if a task did.
pub(super) fn who_sent(info: &SigInfo) -> String {
    match info.origin {
        SigOrigin::Sender { pid, .. } if pid > 0 => format!(" from {pid}"),
        SigOrigin::Child { pid, .. } => format!(" about {pid}"),
        SigOrigin::Fault(addr) => format!(" for its access to {addr}"),
        SigOrigin::Timer { .. } => " from a timer".to_owned(),
        SigOrigin::Sender { .. } | SigOrigin::Queued(..) => String::new(),
    }
}

/// How a task ended.
pub(super) fn end_in_words(status: WaitStatus) -> String {
    match status.0 & 0x7f {
        0 => format!("exits with {}", status.0 >> 8 & 0xff),
        _ => format!("is {}", end(status)),
    }
}

/// `exited with 0` or `killed by SIGKILL`.
fn end(WaitStatus(status): WaitStatus) -> String {
    match (status & 0x7f, status & 0x80) {
        (0, _) => format!("exited with {}", status >> 8 & 0xff),
        (by, 0) => format!("killed by {}", names::signal(by)),
        (by, _) => format!("killed by {} (core dumped)", names::signal(by)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::Name;

    fn record(pid: i32, seen: Seen) -> CallRecord {
        CallRecord {
            tick: 0,
            since_tick: 0,
            pid: Pid(pid),
            name: Name::default(),
            exe: None,
            seen,
        }
    }

    fn enter(nr: u32, words: [u32; 6], memory: Memory) -> Seen {
        Seen::Enter { nr, words, memory }
    }

    fn leave(nr: u32, ret: i32, memory: Memory) -> Seen {
        Seen::Leave { nr, ret, memory }
    }

    fn lines(records: Vec<CallRecord>) -> Vec<String> {
        let mut strace = Strace::default();
        let mut lines: Vec<String> = Vec::new();
        for record in &records {
            strace.follow(record, &mut lines);
        }
        lines.extend(strace.rest());
        lines
    }

    #[test]
    fn a_call_is_cut_off_when_another_task_is_seen_before_it_returns() {
        let bytes = |text: &str| Pointed::Bytes(text.as_bytes().to_vec());
        let status = Pointed::Bytes(0x700u32.to_le_bytes().to_vec());
        let records = vec![
            record(2, enter(114, [u32::MAX, 0xbfff_0000, 0, 0, 0, 0], vec![])),
            record(
                3,
                enter(4, [1, 0x8000, 3, 0, 0, 0], vec![(1, bytes("hi\n"))]),
            ),
            record(3, leave(4, 3, vec![])),
            record(3, enter(252, [7, 0, 0, 0, 0, 0], vec![])),
            record(3, Seen::Exit(WaitStatus::exited(7))),
            record(2, leave(114, 3, vec![(1, status)])),
            record(2, enter(5, [0x8000, 0, 0, 0, 0, 0], vec![])),
            record(2, leave(5, -14, vec![])),
        ];
        insta::assert_snapshot!(lines(records).join("\n"), @r#"
        [pid     2] wait4(-1,  <unfinished ...>
        [pid     3] write(1, "hi\n", 3) = 3
        [pid     3] exit_group(7) = ?
        [pid     3] +++ exited with 7 +++
        [pid     2] <... wait4 resumed> [{WIFEXITED(s) && WEXITSTATUS(s) == 7}], 0, NULL) = 3
        [pid     2] open(0x8000, O_RDONLY) = -1 EFAULT (Bad address)
        "#);
    }

    #[test]
    fn calls_that_a_signal_interrupts_are_made_again() {
        use crate::abi::Signal;
        let info = SigInfo::sent(Signal::SIGUSR1, si_code::SI_USER, 3, 500);
        let pause = || enter(29, [0; 6], vec![]);
        let records = vec![
            record(2, pause()),
            record(2, Seen::Signal(info)),
            record(2, pause()),
        ];
        insta::assert_snapshot!(lines(records).join("\n"), @r"
        [pid     2] pause( <unfinished ...>
        [pid     2] --- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_USER, si_pid=3, si_uid=500} ---
        [pid     2] <... pause resumed> ) = ? ERESTARTSYS (To be restarted)
        [pid     2] pause( <unfinished ...>
        ");
    }
}
