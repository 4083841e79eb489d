//! The table of system calls against what the kernel does with each number, against the methods of
//! puppets, and against the list in the documents.

use forklab::kernel::syscall::{SYSCALLS, Status, SyscallInfo};
use std::collections::BTreeSet;

/// Every number is asked for by a process of its own, which says by its exit status whether it got
/// `ENOSYS`; whoever is kept waiting dies by SIGALRM.
#[cfg(unix)]
#[test]
fn the_calls_that_the_table_has_are_the_calls_that_the_kernel_makes() {
    let absent = crate::programs::printed(
        "fn main() {
            let status = [0];
            for nr in 0..290 {
                let pid = fork();
                if pid == 0 {
                    alarm(1);
                    // `ipc` is many calls: 2 is semget.
                    let first = 0;
                    if nr == 117 { first = 2; }
                    let value = syscall(nr, first, 0, 0, 0, 0, 0);
                    if value == -38 { exit(1); }
                    exit(0);
                }
                waitpid(pid, addr(status), 0);
                if status[0] == 0x100 { print(nr); }
            }
            0
        }
        spawn(\"p\", main);
        run();",
    );
    let is_absent = |info: &&SyscallInfo| matches!(info.status, Status::Absent | Status::Hole);
    let listed = SYSCALLS.iter().filter(is_absent).map(|info| info.nr);
    let expected: Vec<String> = listed.chain([289]).map(|nr| nr.to_string()).collect();
    assert_eq!(absent, expected);
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
