//! `/proc/PID/maps`: the memory areas of an address space, character for character as 2.6.12 prints
//! them.

use crate::abi::{TaskId, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::fs::InodeKind;
use crate::kernel::mm::Vma;
pub use crate::kernel::proc::MapsRow;
use crate::kernel::proc::name_blanks;
use crate::machine::Machine;
use crate::view::text::{Line, Role, Text};
use serde::Serialize;

/// The minor device number of the hidden file system behind shared anonymous memory.
const SHMEM_MINOR: u32 = 5;

/// The areas of an address space; empty without one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Maps {
    /// In ascending order of address.
    pub rows: Vec<MapsRow>,
}

/// The areas of a task, whose files are named as they are listed: without the usual directories of
/// programs and devices.
pub fn maps(machine: &Machine, task: TaskId) -> Maps {
    let rows = machine.kernel.proc_maps(task).into_iter();
    Maps {
        rows: rows.map(with_short_name).collect(),
    }
}

fn with_short_name(mut row: MapsRow) -> MapsRow {
    let short = row.name.as_deref().and_then(|name| {
        let file = name.strip_prefix("/bin/").or(name.strip_prefix("/dev/"))?;
        (!row.is_shared_memory()).then(|| format!("/{file}"))
    });
    row.name = short.or(row.name);
    row
}

/// Whether an area is shared anonymous memory. Its pages belong to an object of its own, which
/// lives in the page cache like those of a file.
pub(in crate::view) fn is_shared_memory(kernel: &Kernel, vma: &Vma) -> bool {
    let inode = vma
        .vm_file
        .map(|file| &kernel.inodes()[kernel.open_files()[file].inode()]);
    inode.is_some_and(|inode| matches!(inode.kind, InodeKind::Shmem(_)))
}

impl Maps {
    /// The file's text, or a remark if there is no address space. Lines without a name end in a
    /// blank, as in the kernel.
    pub fn text(&self) -> Text {
        if self.rows.is_empty() {
            return [Line::default().plain("no address space")]
                .into_iter()
                .collect();
        }
        self.rows.iter().map(MapsRow::line).collect()
    }
}

impl MapsRow {
    /// Whether it is shared anonymous memory.
    pub(in crate::view) fn is_shared_memory(&self) -> bool {
        self.minor == SHMEM_MINOR
    }

    /// Whether the address is in the area.
    pub fn contains(&self, addr: VirtAddr) -> bool {
        (self.start..self.end).contains(&addr.0)
    }

    pub(in crate::view) fn line(&self) -> Line {
        let Self {
            start,
            end,
            perms,
            offset,
            minor,
            ino,
            name,
        } = self;
        let line = Line::default()
            .add(Role::Address, format_args!("{start:08x}-{end:08x}"))
            .plain(" ")
            .add(Role::Flag, perms)
            .plain(format_args!(" {offset:08x} 00:{minor:02x} {ino} "));
        match name {
            None => line,
            Some(name) => {
                let blanks = name_blanks(line.width());
                line.plain(blanks).add(Role::Name, name)
            }
        }
    }
}
