//! `/proc/PID/maps`: the memory areas of an address space.

use crate::abi::{PAGE_SHIFT, PAGE_SIZE, TaskId};
use crate::kernel::Kernel;
use crate::kernel::mm::{Mm, VSYSCALL, VmFlags, Vma};
use crate::kernel::task::Task;
use serde::Serialize;

/// Column of the name, counted from 0.
const NAME_COLUMN: usize = 49;

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
    /// Minor device number; the major number is 0.
    pub minor: u32,
    /// Inode number, 0 if there is no file.
    pub ino: u32,
    /// Path, or `[heap]`, `[stack]`, `[vdso]`.
    pub name: Option<String>,
}

/// The blanks between the inode number and the name, in a line that is that long up to there.
pub fn name_blanks(width: usize) -> String {
    " ".repeat(NAME_COLUMN.saturating_sub(width).max(1))
}

impl MapsRow {
    /// The line. Without a name it ends in a blank.
    ///
    /// Linux 2.6.12: `fs/proc/task_mmu.c`, `show_map()`.
    pub(super) fn text(&self) -> String {
        let Self {
            start,
            end,
            perms,
            offset,
            minor,
            ino,
            name,
        } = self;
        let mut line = format!("{start:08x}-{end:08x} {perms} {offset:08x} 00:{minor:02x} {ino} ");
        if let Some(name) = name {
            line += &name_blanks(line.len());
            line += name;
        }
        line
    }

    /// The vsyscall page with the system call entry code, above everything else.
    ///
    /// Linux 2.6.12: `include/linux/mm.h`, `get_gate_vma()`.
    fn vdso() -> Self {
        Self {
            start: VSYSCALL.0,
            end: VSYSCALL.0 + PAGE_SIZE,
            perms: "---p".to_owned(),
            offset: 0,
            minor: 0,
            ino: 0,
            name: Some("[vdso]".to_owned()),
        }
    }
}

/// What may be done with an area, and whether its changes are shared.
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

impl Kernel {
    /// The areas of a task, in ascending order of address; none without an address space.
    ///
    /// Linux 2.6.12: `fs/proc/task_mmu.c`, `m_start()` and `m_next()`.
    pub fn proc_maps(&self, task: TaskId) -> Vec<MapsRow> {
        let mm = self.tasks.get(task).and_then(Task::mm);
        let Some(mm) = mm.map(|mm| &self.mms[mm]) else {
            return Vec::new();
        };
        let areas = mm.areas().map(|vma| self.maps_row(mm, vma));
        areas.chain([MapsRow::vdso()]).collect()
    }

    fn maps_row(&self, mm: &Mm, vma: &Vma) -> MapsRow {
        let inode = vma.vm_file.map(|file| self.open_files[file].inode());
        let path = inode.map(|inode| self.d_path(inode));
        MapsRow {
            start: vma.vm_start,
            end: vma.vm_end,
            perms: perms(vma.vm_flags),
            offset: vma.vm_pgoff << PAGE_SHIFT,
            minor: inode.map_or(0, |inode| self.inodes[inode].dev() & 0xff),
            ino: inode.map_or(0, |inode| self.inodes[inode].ino),
            name: path.or_else(|| special_name(mm, vma).map(str::to_owned)),
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
                MapsRow::vdso(),
                "ffffe000-fffff000 ---p 00000000 00:00 0          [vdso]",
            ),
        ] {
            assert_eq!(row.text(), expected);
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
