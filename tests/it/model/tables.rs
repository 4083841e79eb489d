//! What tables of open files must hold: by descriptor the file and its close-on-exec flag.

use forklab::abi::{Errno, InodeId};
use forklab::kernel::Kernel;
use forklab::kernel::fs::FilesStruct;
use forklab::kernel::syscall::Syscall;
use std::collections::BTreeMap;

pub type Table = BTreeMap<u32, (InodeId, bool)>;

/// The table of the kernel in the model's words.
pub fn read(kernel: &Kernel, files: &FilesStruct) -> Table {
    let entry = |fd: usize, file, close| (fd as u32, (kernel.open_files()[file].inode(), close));
    let open = files.open();
    open.map(|(fd, open)| entry(fd, open.file, open.close_on_exec))
        .collect()
}

/// What spawned tasks begin with.
pub fn of_init(kernel: &Kernel) -> Table {
    read(
        kernel,
        &kernel.files()[kernel.task(kernel.init()).files().unwrap()],
    )
}

pub fn kept_by_exec(table: &Table) -> Table {
    let kept = table.iter().filter(|(_, (_, close))| !close);
    kept.map(|(fd, entry)| (*fd, *entry)).collect()
}

fn lowest_free(table: &Table) -> u32 {
    (0..).find(|fd| !table.contains_key(fd)).unwrap()
}

/// What a call on descriptors does, and that it returned what it had to.
pub fn apply(table: &mut Table, call: &Syscall, value: i32, opened: InodeId) {
    let fresh = lowest_free(table);
    let entry = |fd: &u32| table.get(fd).copied();
    let (expected, change) = match call {
        Syscall::Open(..) => (fresh as i32, Some((fresh, Some((opened, false))))),
        Syscall::Dup(fd) => match entry(fd) {
            Some((inode, _)) => (fresh as i32, Some((fresh, Some((inode, false))))),
            None => (-Errno::EBADF.code(), None),
        },
        Syscall::Close(fd) => match entry(fd) {
            Some(_) => (0, Some((*fd, None))),
            None => (-Errno::EBADF.code(), None),
        },
        Syscall::Fcntl(fd, ..) => match entry(fd) {
            Some((inode, _)) => (0, Some((*fd, Some((inode, true))))),
            None => (-Errno::EBADF.code(), None),
        },
        other => panic!("{other:?}"),
    };
    assert_eq!(value, expected, "{call:?}");
    match change {
        Some((fd, Some(entry))) => drop(table.insert(fd, entry)),
        Some((fd, None)) => drop(table.remove(&fd)),
        None => {}
    }
}
