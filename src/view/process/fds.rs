//! The open files of a task: its descriptors, and the open file descriptions behind them, which
//! others may share.

use crate::abi::{FileId, O_APPEND, O_NONBLOCK, Pid, TaskId};
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::view::text::task_tag;
use crate::view::text::{Align, Line, Role, Table, Text, cell};
use serde::Serialize;

/// The descriptors of a task.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Fds {
    /// The task's pid.
    pub pid: Pid,
    /// The task's name.
    pub name: String,
    /// `files.count`: the number of tasks that share the table.
    pub count: u32,
    /// In ascending order.
    pub rows: Vec<FdRow>,
}

/// A file descriptor.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FdRow {
    /// The descriptor's number.
    pub fd: u32,
    /// `r`, `w`, `rw`, or `-` for neither.
    pub access: &'static str,
    /// Other flags of the open file description.
    pub flags: Vec<&'static str>,
    /// Offset of the next read or write; `None` if the file has no offset.
    pub pos: Option<u64>,
    /// Whether exec closes it.
    pub close_on_exec: bool,
    /// `f_count` of the open file description.
    pub f_count: u32,
    /// Path of the file.
    pub path: String,
    /// For a pipe, the number of bytes in it.
    pub in_pipe: Option<u32>,
    /// Other tasks whose separate tables have a descriptor for the same open file description.
    pub shared_with: Vec<Pid>,
}

/// The open files of a task; `None` if it no longer has a table.
pub fn fds(machine: &Machine, task: TaskId) -> Option<Fds> {
    let kernel = &machine.kernel;
    let table = kernel.tasks().get(task)?.files()?;
    let files = &kernel.files()[table];
    let rows = files.open().map(|(fd, open)| {
        let file = &kernel.open_files()[open.file];
        let pipe = kernel.pipes().get(file.inode());
        let seekable = kernel.inodes()[file.inode()].kind.is_seekable();
        FdRow {
            fd: fd as u32,
            access: match (file.can_read(), file.can_write()) {
                (true, true) => "rw",
                (true, false) => "r",
                (false, true) => "w",
                (false, false) => "-",
            },
            flags: flag_names(file.flags()),
            pos: seekable.then_some(file.pos),
            close_on_exec: open.close_on_exec,
            f_count: file.f_count(),
            path: kernel.inodes()[file.inode()].path.clone(),
            in_pipe: pipe.map(crate::kernel::fs::Pipe::len),
            shared_with: sharers(kernel, task, open.file),
        }
    });
    Some(Fds {
        pid: kernel.pid(task),
        name: kernel.names.get(kernel.comm(task)).to_owned(),
        count: files.count(),
        rows: rows.collect(),
    })
}

fn flag_names(flags: u32) -> Vec<&'static str> {
    [(O_APPEND, "O_APPEND"), (O_NONBLOCK, "O_NONBLOCK")]
        .into_iter()
        .filter(|(flag, _)| flags & flag != 0)
        .map(|(_, name)| name)
        .collect()
}

/// The tasks with other tables that have the same open file description, by pid. Of tasks that
/// share a table only the first is listed, and init is left out, because everybody has its console.
fn sharers(kernel: &Kernel, task: TaskId, file: FileId) -> Vec<Pid> {
    let mut tables = vec![kernel.task(task).files()];
    let mut found = Vec::new();
    for (pid, other) in kernel
        .pid_hash()
        .tasks()
        .filter(|(_, id)| *id != kernel.init())
    {
        let table = kernel.task(other).files();
        let Some(files) = table.and_then(|table| kernel.files().get(table)) else {
            continue;
        };
        if !tables.contains(&table) && files.open().any(|(_, open)| open.file == file) {
            tables.push(table);
            found.push(pid);
        }
    }
    found
}

impl Fds {
    /// The descriptors as a table.
    pub fn text(&self) -> Text {
        let sharing = match self.count {
            1 => String::new(),
            count => format!(", a table of {count} tasks"),
        };
        let mut text = Text::from(task_tag(self.pid, &self.name).plain(sharing));
        let mut table = Table::new(&[
            ("fd", Align::Right),
            ("access", Align::Left),
            ("offset", Align::Right),
            ("f_count", Align::Right),
            ("file", Align::Left),
            ("", Align::Left),
        ]);
        for row in &self.rows {
            let pos = row.pos.map_or("-".to_owned(), |pos| pos.to_string());
            table.row([
                cell(Role::Number, row.fd),
                cell(Role::Plain, row.access),
                cell(Role::Number, pos),
                cell(Role::Number, row.f_count),
                cell(Role::Plain, &row.path),
                row.remarks(),
            ]);
        }
        text.lines.extend(table.text().lines);
        text
    }
}

impl FdRow {
    fn remarks(&self) -> Line {
        let mut words: Vec<String> = self.flags.iter().map(ToString::to_string).collect();
        if self.close_on_exec {
            words.push("close-on-exec".to_owned());
        }
        if let Some(bytes) = self.in_pipe {
            words.push(format!("{bytes} bytes in it"));
        }
        if !self.shared_with.is_empty() {
            let pids = self.shared_with.iter().map(ToString::to_string);
            words.push(format!("also of {}", pids.collect::<Vec<_>>().join(", ")));
        }
        Line::default().add(Role::Dim, words.join("; "))
    }
}
