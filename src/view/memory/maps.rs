//! `/proc/PID/maps`: the memory areas of an address space, character for character as 2.6.12 prints
//! them.

use crate::abi::{PAGE_SHIFT, TaskId, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::fs::InodeKind;
use crate::kernel::mm::{Mm, VmFlags, Vma};
use crate::kernel::task::Task;
use crate::machine::Machine;
use crate::view::text::{Line, Role, Text};
use serde::Serialize;

/// Column of the name, counted from 0.
const NAME_COLUMN: usize = 49;
/// The vsyscall page with the system call entry code, above everything else.
const VDSO: (u32, u32) = (0xffff_e000, 0xffff_f000);
/// Minor device numbers of file systems without a disk: that of the root directory, and the hidden
/// one behind shared anonymous memory. The major number is 0.
const ROOTFS_MINOR: u32 = 1;
const SHMEM_MINOR: u32 = 5;

/// The areas of an address space; empty without one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Maps {
    /// In ascending order of address.
    pub rows: Vec<MapsRow>,
}

/// A memory area.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct MapsRow {
    /// First address of the area.
    pub start: u32,
    /// First address after the area.
    pub end: u32,
    /// Permissions, then `s` if it was mapped with MAP_SHARED and `p` if not: `rw-p`.
    pub perms: String,
    /// Offset in the file, in bytes; for anonymous memory, the address where it was mapped.
    pub offset: u32,
    /// Minor device number.
    pub minor: u32,
    /// Inode number, 0 if there is no file.
    pub ino: u32,
    /// Path, or `[heap]`, `[stack]`, `[vdso]`.
    pub name: Option<String>,
}

/// The areas of a task.
///
/// Linux 2.6.12: `fs/proc/task_mmu.c`, `show_map()`.
pub fn maps(machine: &Machine, task: TaskId) -> Maps {
    let kernel = &machine.kernel;
    let mm = kernel.tasks().get(task).and_then(Task::mm);
    let rows = mm.map(|mm| {
        let mm = &kernel.mms()[mm];
        let areas = mm.areas().map(|vma| maps_row(kernel, mm, vma));
        areas.chain([vdso()]).collect()
    });
    Maps {
        rows: rows.unwrap_or_default(),
    }
}

/// Whether an area is shared anonymous memory. Its pages belong to an object of its own, which
/// lives in the page cache like those of a file.
pub(in crate::view) fn is_shared_memory(kernel: &Kernel, vma: &Vma) -> bool {
    let inode = vma
        .vm_file
        .map(|file| &kernel.inodes()[kernel.open_files()[file].inode()]);
    inode.is_some_and(|inode| matches!(inode.kind, InodeKind::Shmem(_)))
}

fn maps_row(kernel: &Kernel, mm: &Mm, vma: &Vma) -> MapsRow {
    let inode = vma
        .vm_file
        .map(|file| &kernel.inodes()[kernel.open_files()[file].inode()]);
    let shmem = is_shared_memory(kernel, vma);
    let path = inode.map(|inode| {
        let gone = if shmem { " (deleted)" } else { "" };
        format!("/{}{gone}", inode.path)
    });
    MapsRow {
        start: vma.vm_start,
        end: vma.vm_end,
        perms: perms(vma.vm_flags),
        offset: vma.vm_pgoff << PAGE_SHIFT,
        minor: match inode {
            None => 0,
            Some(_) if shmem => SHMEM_MINOR,
            Some(_) => ROOTFS_MINOR,
        },
        ino: inode.map_or(0, |inode| inode.ino),
        name: path.or_else(|| special_name(mm, vma).map(str::to_owned)),
    }
}

fn perms(flags: VmFlags) -> String {
    let letter = |flag, yes, no| if flags.contains(flag) { yes } else { no };
    String::from_iter([
        letter(VmFlags::READ, 'r', '-'),
        letter(VmFlags::WRITE, 'w', '-'),
        letter(VmFlags::EXEC, 'x', '-'),
        letter(VmFlags::MAYSHARE, 's', 'p'),
    ])
}

/// The name of an area without a file, if it is the heap or the initial stack.
fn special_name(mm: &Mm, vma: &Vma) -> Option<&'static str> {
    if vma.vm_start <= mm.start_brk && vma.vm_end >= mm.brk {
        Some("[heap]")
    } else if vma.vm_start <= mm.start_stack && vma.vm_end >= mm.start_stack {
        Some("[stack]")
    } else {
        None
    }
}

fn vdso() -> MapsRow {
    MapsRow {
        start: VDSO.0,
        end: VDSO.1,
        perms: "---p".to_owned(),
        offset: 0,
        minor: 0,
        ino: 0,
        name: Some("[vdso]".to_owned()),
    }
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
                let blanks = NAME_COLUMN.saturating_sub(line.width()).max(1);
                line.plain(" ".repeat(blanks)).add(Role::Name, name)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ino: u32, name: Option<&str>) -> MapsRow {
        MapsRow {
            start: 0x0804_8000,
            end: 0x0804_9000,
            perms: "r-xp".to_owned(),
            offset: 0,
            minor: 1,
            ino,
            name: name.map(str::to_owned),
        }
    }

    #[test]
    fn names_start_in_column_49_but_are_always_set_off_by_a_blank_more() {
        for (row, expected) in [
            (row(0, None), "08048000-08049000 r-xp 00000000 00:01 0 "),
            (
                row(4, Some("/sh")),
                "08048000-08049000 r-xp 00000000 00:01 4          /sh",
            ),
            (
                row(u32::MAX, Some("/sh")),
                "08048000-08049000 r-xp 00000000 00:01 4294967295  /sh",
            ),
            (
                vdso(),
                "ffffe000-fffff000 ---p 00000000 00:00 0          [vdso]",
            ),
        ] {
            assert_eq!(row.line().to_string(), expected);
        }
    }

    #[test]
    fn an_area_is_marked_shared_by_how_it_was_mapped() {
        let rw = VmFlags::READ | VmFlags::WRITE;
        assert_eq!(perms(rw), "rw-p");
        assert_eq!(perms(VmFlags::READ | VmFlags::MAYSHARE), "r--s");
        assert_eq!(perms(rw | VmFlags::SHARED), "rw-p");
    }
}
