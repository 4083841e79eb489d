//! The table of system calls against what the kernel does with each number, against the methods of
//! puppets, and against the list in the documents.

use crate::lab::Lab;
use forklab::abi::Errno;
use forklab::kernel::syscall::{SYSCALLS, Status, SyscallInfo};
use std::collections::BTreeSet;

/// What `int 0x80` with that number and these arguments leaves in `eax`.
fn int_80(nr: u16, args: [u32; 2]) -> u32 {
    let mut lab = Lab::boot();
    let current = lab.spawn_spinning("sh");
    let kernel = &mut lab.machine.kernel;
    assert_eq!(kernel.current(), current);
    let regs = &mut kernel.task_mut(current).thread.regs;
    [regs.eax, regs.ebx, regs.ecx] = [nr.into(), args[0], args[1]];
    kernel.int_80(current);
    kernel
        .tasks()
        .get(current)
        .map_or(0, |task| task.thread.regs.eax)
}

#[test]
fn the_calls_that_the_table_has_are_the_calls_that_the_kernel_makes() {
    let enosys = Errno::ENOSYS.code().wrapping_neg() as u32;
    for info in &SYSCALLS {
        // `ipc` is many calls: 2 is semget.
        let args = if info.name == "ipc" { [2, 0] } else { [0, 0] };
        let is_there = matches!(info.status, Status::Exact | Status::Simplified);
        let found = int_80(info.nr, args) != enosys;
        assert_eq!(found, is_there, "{} {}", info.nr, info.name);
    }
    assert_eq!(int_80(289, [0, 0]), enosys);
}

/// Functions of the groups with system calls that make none.
const NO_CALLS: [&str; 3] = ["compute", "semadj", "fill"];

#[test]
fn the_methods_of_puppets_are_those_of_the_table() {
    let reference = std::fs::read_to_string("docs/reference.md").unwrap();
    let mut group = "";
    let mut methods = BTreeSet::new();
    for line in reference.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            group = title;
        }
        let signature = line
            .strip_prefix("### `task.")
            .and_then(|rest| rest.split_once('('));
        if let Some((name, _)) = signature {
            methods.insert((group, name));
        }
    }
    let listed: BTreeSet<&str> = SYSCALLS
        .iter()
        .flat_map(|info| info.puppets.iter().copied())
        .collect();
    let names: BTreeSet<&str> = methods.iter().map(|(_, name)| *name).collect();
    let missing: Vec<_> = listed.difference(&names).collect();
    assert!(missing.is_empty(), "puppets have no {missing:?}");
    let of_calls = methods
        .iter()
        .filter(|(group, _)| ["System calls", "Files", "Tracing"].contains(group));
    let unlisted: Vec<_> = of_calls
        .map(|(_, name)| *name)
        .filter(|name| !listed.contains(name) && !NO_CALLS.contains(name))
        .collect();
    assert!(unlisted.is_empty(), "the table has no {unlisted:?}");
}

fn code(names: impl Iterator<Item = &'static str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn row(info: &SyscallInfo) -> String {
    let status = match info.status {
        Status::Exact => "exact",
        Status::Simplified => "simplified",
        Status::Absent => "absent",
        Status::Hole => "none in 2.6.12",
    };
    let params = match info.params {
        "" => String::new(),
        params => format!("`{params}`"),
    };
    format!(
        "| {} | `{}` | {params} | {status} | {} | {} |\n",
        info.nr,
        info.name,
        code(info.puppets.iter().copied()),
        code(info.programs.iter().map(|word| word.name)),
    )
}

fn page() -> String {
    let count = |status| SYSCALLS.iter().filter(|info| info.status == status).count();
    let mut text = format!(
        "# System calls\n\n\
         The {} numbers that 2.6.12 has on i386, as `int 0x80` takes them.\n\
         Of these, {} are exact, {} simplified, {} absent, and {} are holes in 2.6.12 itself; \
         absent calls and holes return `ENOSYS`.\n\
         What is simplified stands in [the ledger](fidelity.md).\n\
         The last columns name the methods of puppets and the words of programs that make the \
         call; a program reaches all of them with `syscall(number, ..)`.\n\n\
         This page is made from the kernel's table: `UPDATE_DOCS=1 cargo test --test it syscalls`.\n\n\
         | number | name | parameters | status | puppets | programs |\n|---|---|---|---|---|---|\n",
        SYSCALLS.len(),
        count(Status::Exact),
        count(Status::Simplified),
        count(Status::Absent),
        count(Status::Hole),
    );
    text.extend(SYSCALLS.iter().map(row));
    text
}

#[test]
fn the_list_in_the_documents_is_the_table() {
    const PATH: &str = "docs/syscalls.md";
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PATH, &page).unwrap();
    }
    let written = std::fs::read_to_string(PATH).unwrap_or_default();
    let stale = page
        .lines()
        .zip(written.lines())
        .find(|(new, old)| new != old);
    assert!(
        written == page,
        "stale: UPDATE_DOCS=1 cargo test --test it syscalls; first {stale:?}"
    );
}
