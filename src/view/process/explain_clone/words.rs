//! The words of the explanation: one line per question, in three columns that fit on one screen.

use super::{
    ChildEnd, ChildPlan, CloneObject, EndNotice, ExplainClone, ObjectRow, ParentOf, Queued, Reaped,
    RunsNext, TestOutcome, TracerHears,
};
use crate::abi::{CloneFlags, later_than};
use crate::kernel::fork::ObjectFate;
use crate::view::text::{Align, Line, Role, Table, Text, cell, task_tag};
use textwrap::{Options, wrap};

/// Columns that the names of the flags may take before they continue on the next line.
const FLAGS_WIDTH: usize = 76;

/// What the exit of a thread means to others.
const NOBODY: &str = "nobody is notified; it reaps itself";

/// What an object's fate means to a program.
pub(super) const fn meaning(object: CloneObject, fate: ObjectFate, cow: bool) -> &'static str {
    let shared = fate.is_shared();
    match object {
        CloneObject::Mm if shared => "a write by one is seen by both",
        CloneObject::Mm => "a write by one is not seen by the other",
        CloneObject::PageTables if shared => "an mmap or munmap by one affects both",
        CloneObject::PageTables if cow => "private pages read-only in both: a write copies one",
        CloneObject::PageTables => "and every private page too: cow is off",
        CloneObject::Files if shared => "an fd opened by one appears in the other",
        CloneObject::Files => "fds opened later are its own; offsets are shared",
        CloneObject::Fs if shared => "chdir and umask by one affect both",
        CloneObject::Fs => "chdir and umask by one do not affect the other",
        CloneObject::Sighand if shared => "sigaction by one affects both",
        CloneObject::Sighand => "sigaction by one does not affect the other",
        CloneObject::Signal if shared => "a tid of its own, the caller's getpid",
        CloneObject::Signal => "getpid returns its new pid; the limits are copied",
        CloneObject::SemUndo if shared => "undone when the last of them exits",
        CloneObject::SemUndo => "it starts with nothing to undo",
        CloneObject::Namespace if shared => "a mount by one is seen by both",
        CloneObject::Namespace => "a mount by one is not seen by the other",
        CloneObject::Tls => match fate {
            ObjectFate::Fresh => "one descriptor is the user_desc at tls",
            _ => "the caller's three descriptors",
        },
        CloneObject::OwnAnyway => "no pending signal inherited, times 0, no I/O context",
    }
}

impl CloneObject {
    const fn title(self) -> &'static str {
        match self {
            Self::Mm => "memory",
            Self::PageTables => "page tables",
            Self::Files => "open files",
            Self::Fs => "cwd, umask",
            Self::Sighand => "actions",
            Self::Signal => "process",
            Self::SemUndo => "sem undo",
            Self::Namespace => "mounts",
            Self::Tls => "TLS",
            Self::OwnAnyway => "the rest",
        }
    }
}

/// The lines of a screen: the explanation itself has at most so many, and what later kernels do is
/// told where there is room.
const SCREEN: usize = 24;
/// The columns of a screen.
const WIDTH: usize = 80;

/// A line: the question, the answer, and what it means.
type Row = [Line; 3];

fn row(title: &str, answer: Line, words: Line) -> Row {
    [cell(Role::Heading, title), answer, words]
}

/// An explanation, preceded by the flag that decided.
fn because(flag: &str, words: &str) -> Line {
    cell(Role::Flag, flag).plain(": ").plain(words)
}

impl ExplainClone {
    /// The names of the flags, then one line per question: at most 24 lines.
    pub fn text(&self) -> Text {
        let mut text = Text::from(self.heading());
        text.lines.extend(self.flags_lines());
        let mut table = Table::new(&[("", Align::Left); 3]);
        for row in self.rows() {
            table.row(row);
        }
        text.lines.extend(table.text().lines.into_iter().skip(1));
        let room = SCREEN.saturating_sub(text.lines.len());
        text.lines.extend(self.later_lines().take(room));
        text
    }

    /// What later kernels make of the flags that are set.
    fn later_lines(&self) -> impl Iterator<Item = Line> {
        let of_flag = |flag: &&'static str| {
            let flag = *flag;
            later_than(flag).flat_map(move |later| {
                let words = format!("since {}: {flag}: {}", later.version, later.there);
                let shape = Options::new(WIDTH)
                    .initial_indent("  ")
                    .subsequent_indent("    ");
                let lines = wrap(&words, shape).into_iter();
                lines.map(|line| cell(Role::Dim, line)).collect::<Vec<_>>()
            })
        };
        self.names.iter().flat_map(of_flag)
    }

    fn heading(&self) -> Line {
        let line = cell(Role::Heading, "clone")
            .plain("(")
            .add(Role::Number, format_args!("{:#x}", self.flags))
            .plain(")");
        let line = match &self.caller {
            Some(caller) => line.plain(" by ").join(task_tag(caller.pid, &caller.name)),
            None => line,
        };
        let line = line.plain(" is ");
        match (self.error, self.needs) {
            (Some(error), _) => line.plain("refused: ").add(Role::Bad, error),
            (None, Some(needs)) if self.caller.is_none() => line
                .add(Role::Good, "legal")
                .plain(" with ")
                .add(Role::Flag, needs)
                .plain(", else ")
                .add(Role::Bad, "EPERM"),
            (None, _) => line.add(Role::Good, "legal"),
        }
    }

    /// The names of the flags, broken before a `|` where they are too long for a line.
    fn flags_lines(&self) -> Vec<Line> {
        let words = CloneFlags::from_bits_retain(self.flags).describe();
        let mut lines = vec![String::new()];
        for (nr, word) in words.split('|').enumerate() {
            let bar = if nr == 0 { "" } else { "|" };
            match lines.last_mut() {
                Some(line) if line.len() + bar.len() + word.len() <= FLAGS_WIDTH => {
                    *line += bar;
                    *line += word;
                }
                _ => lines.push(format!("{bar}{word}")),
            }
        }
        let indented = |words: String| Line::default().plain("  ").add(Role::Flag, words);
        lines.into_iter().map(indented).collect()
    }

    fn rows(&self) -> Vec<Row> {
        let Some(child) = &self.child else {
            return self.refused_rows();
        };
        let flags = CloneFlags::from_bits_retain(self.flags);
        let mut rows = Vec::new();
        if self.ignored != 0 {
            let bits = cell(Role::Number, format_args!("{:#x}", self.ignored));
            let words = bits.plain(" means nothing to 2.6.12");
            rows.push(row("bits", cell(Role::Dim, "ignored"), words));
        }
        rows.extend(child.objects.iter().map(ObjectRow::row));
        rows.push(child.tid_row());
        rows.push(child.parent_row());
        rows.push(child.caller_row());
        rows.push(child.queue_row());
        rows.push(child.next_row());
        rows.push(child.end.row());
        rows.push(child.tracer.row("tracer", "if requested", flags));
        rows.extend(
            child
                .traced_now
                .map(|now| now.row("this tracer", "as requested", flags)),
        );
        rows
    }

    fn refused_rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for (nr, test) in self.tests.iter().enumerate() {
            let answer = match test.outcome {
                TestOutcome::Passed => cell(Role::Good, "passed"),
                TestOutcome::Refused => cell(Role::Bad, self.error.unwrap_or_default()),
                TestOutcome::NotReached => cell(Role::Dim, "not reached"),
            };
            let rule = cell(Role::Plain, &test.rule);
            rows.push(row(&format!("test {}", nr + 1), answer, rule));
        }
        match self.corrected {
            Some(flags) => {
                let flags = cell(Role::Number, format_args!("{flags:#x}"));
                rows.push(row("try", flags, cell(Role::Plain, "would be legal")));
            }
            None => {
                let error = cell(Role::Bad, self.error.unwrap_or_default());
                let rule = self.refusal.as_deref().unwrap_or_default();
                rows.push(row("caller", error, cell(Role::Plain, rule)));
            }
        }
        let words = "already allocated: the next child gets the one after it";
        let lost = cell(Role::Dim, "lost");
        rows.push(row("pid", lost, cell(Role::Plain, words)));
        rows
    }
}

impl ObjectRow {
    fn row(&self) -> Row {
        let answer = match self.fate {
            ObjectFate::Shared => cell(Role::Good, "shared"),
            ObjectFate::Copied => cell(Role::Plain, "copied"),
            ObjectFate::Fresh => cell(Role::Plain, "new"),
            ObjectFate::Absent => cell(Role::Dim, "none"),
        };
        let words = match self.flag {
            Some(flag) if self.given => because(flag, self.meaning),
            _ => cell(Role::Plain, self.meaning),
        };
        row(self.object.title(), answer, words)
    }
}

impl ChildPlan {
    /// Which addresses hold the tid, and when it is stored or cleared.
    fn tid_row(&self) -> Row {
        let shared = self.fate(CloneObject::Mm) == Some(ObjectFate::Shared);
        let by_the_child = match (self.tid_stores.child, self.tid_stores.clear, shared) {
            (false, false, _) => None,
            (true, false, _) => Some("child_tid by the child"),
            (true, true, true) => Some("child_tid by the child, cleared at exit"),
            (true, true, false) => Some("child_tid by the child and kept"),
            (false, true, true) => Some("child_tid cleared at exit"),
            (false, true, false) => Some("child_tid kept at exit"),
        };
        let at_once = self.tid_stores.parent.then_some("parent_tid now");
        let parts: Vec<&str> = at_once.into_iter().chain(by_the_child).collect();
        let answer = if parts.is_empty() {
            cell(Role::Dim, "none")
        } else {
            cell(Role::Plain, "stored")
        };
        row("tid", answer, cell(Role::Plain, parts.join(", ")))
    }

    fn parent_row(&self) -> Row {
        let (answer, flag, words) = match self.parent {
            ParentOf::Caller => ("caller", None, "getppid returns the caller's pid"),
            ParentOf::CallersParent if self.same_process => (
                "caller's",
                Some("CLONE_THREAD"),
                "the same getppid as the caller",
            ),
            ParentOf::CallersParent => (
                "caller's",
                Some("CLONE_PARENT"),
                "the same getppid as the caller",
            ),
        };
        let line = match flag {
            Some(flag) => because(flag, ""),
            None => Line::default(),
        };
        let line = match &self.parent_task {
            Some(task) => line.join(task_tag(task.pid, &task.name)).plain(", "),
            None => line,
        };
        row("parent", cell(Role::Plain, answer), line.plain(words))
    }

    fn caller_row(&self) -> Row {
        if self.caller_waits {
            let words = "TASK_UNINTERRUPTIBLE until exec or exit";
            let answer = cell(Role::State, "waits");
            return row("caller", answer, because("CLONE_VFORK", words));
        }
        let words = cell(Role::Plain, "clone returns the child's tid at once");
        row("caller", cell(Role::Plain, "goes on"), words)
    }

    fn queue_row(&self) -> Row {
        let (answer, words) = match self.queued {
            Queued::BeforeCaller => ("before", "just before the caller, in the same list"),
            Queued::Tail => ("last", "tail of the list of its own priority"),
            Queued::TailElsewhere => ("elsewhere", "tail of its priority's list on another CPU"),
            Queued::Nowhere => ("nowhere", "SIGSTOP pending; waits for SIGCONT"),
        };
        let vm = self.fate(CloneObject::Mm) == Some(ObjectFate::Shared);
        let words = match self.queued {
            _ if self.forced => cell(Role::Bad, "forced").plain(": ").plain(words),
            Queued::Nowhere => because("CLONE_STOPPED", words),
            Queued::Tail if vm => because("CLONE_VM", words),
            _ => cell(Role::Plain, words),
        };
        row("queued", cell(Role::Plain, answer), words)
    }

    fn stops_for_tracer(&self) -> bool {
        self.traced_now.is_some_and(|hears| hears.event.is_some())
    }

    fn next_row(&self) -> Row {
        let (answer, words) = match self.runs_next {
            RunsNext::Child => ("child", "the caller gives up the CPU"),
            RunsNext::Caller if self.begins_stopped => ("caller", "the child is stopped"),
            RunsNext::Caller => ("caller", "the child waits for its turn"),
            RunsNext::FirstInLine if self.stops_for_tracer() => (
                "first",
                "the caller stops for its tracer: first task in line",
            ),
            RunsNext::FirstInLine if self.caller_waits && !self.begins_stopped => (
                "first",
                "the caller sleeps: the child, if no task is before it",
            ),
            RunsNext::FirstInLine if self.caller_waits => {
                ("first", "the caller sleeps: first task in line")
            }
            RunsNext::FirstInLine if self.forced => (
                "first",
                "the caller is asked to give way: first task in line",
            ),
            RunsNext::FirstInLine => ("first", "the slice is over: first task in line"),
        };
        row(
            "runs next",
            cell(Role::Plain, answer),
            cell(Role::Plain, words),
        )
    }
}

impl ChildEnd {
    fn row(&self) -> Row {
        let answer = match (&self.signal, self.notice) {
            (Some(signal), _) => cell(Role::Name, signal),
            (None, EndNotice::Nobody) => cell(Role::Dim, "silent"),
            (None, EndNotice::Ignored) => cell(Role::Dim, "SIGCHLD"),
            (None, _) => cell(Role::Dim, "no signal"),
        };
        let wait = match self.reaped {
            Reaped::ByWait => "a zombie until wait4",
            Reaped::ByCloneWait => "wait4 needs __WCLONE or __WALL",
            Reaped::ByItself => "it reaps itself",
        };
        let words = match self.notice {
            EndNotice::Nobody => return row("at exit", answer, because("CLONE_THREAD", NOBODY)),
            EndNotice::Signal if self.taken_away => {
                format!("not {}: an exec lies between", self.exit_signal)
            }
            EndNotice::Signal => "to its parent".to_owned(),
            EndNotice::Ignored => "its parent ignores it".to_owned(),
            EndNotice::WakeUp if self.exit_signal > 0 => {
                format!("{} is not a signal", self.exit_signal)
            }
            EndNotice::WakeUp => "its parent is woken".to_owned(),
        };
        let words = cell(Role::Plain, format!("{words}; {wait}"));
        row("at exit", answer, words)
    }
}

impl TracerHears {
    fn row(self, title: &str, asked: &str, flags: CloneFlags) -> Row {
        let answer = match self.event {
            Some(event) => cell(
                Role::Name,
                event.strip_prefix("PTRACE_EVENT_").unwrap_or(event),
            ),
            None => cell(Role::Dim, "no event"),
        };
        let child = if self.child_traced {
            "the child is traced too: SIGSTOP first"
        } else {
            "the child is not traced"
        };
        let words = match self.event {
            Some(_) => cell(Role::Plain, format!("{asked}; {child}")),
            None if self.child_traced => because("CLONE_PTRACE", child),
            None if flags.contains(CloneFlags::CLONE_UNTRACED) => because("CLONE_UNTRACED", child),
            None => cell(Role::Plain, child),
        };
        row(title, answer, words)
    }
}
