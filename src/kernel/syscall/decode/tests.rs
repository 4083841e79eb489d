//! Arguments as programs pass them: in registers, and in the memory that registers point to.

use super::*;
use crate::kernel::mm::tests::lab::{Lab, RW};
use crate::kernel::syscall::{SYSCALLS, Syscall};

const EXECVE: u32 = 11;
const MKDIR: u32 = 39;

/// Where the tests have memory; nothing is mapped behind it.
const START: u32 = 0x1000_0000;
const PAGES: u32 = 64;
const END: u32 = START + PAGES * PAGE_SIZE;

fn program() -> (Lab, TaskId) {
    let (mut lab, task) = Lab::with_task();
    lab.mmap_at(task, START, PAGES, RW);
    (lab, task)
}

fn store(lab: &mut Lab, task: TaskId, at: u32, bytes: &[u8]) {
    if !bytes.is_empty() {
        lab.run(task);
        lab.k.user_write(task, VirtAddr(at), bytes).unwrap();
    }
}

/// The trace shows the first argument before it is decoded, and for puppets, which have no
/// registers, as it would be there.
#[test]
fn the_first_argument_is_the_same_in_registers_and_as_data() {
    let (mut lab, task) = program();
    store(&mut lab, task, START, b"sh\0");
    let [a, b, c, d, e] = [0, 16, 32, 48, 64].map(|offset| START + offset);
    // A number first; an address first; a set of signals and its size; semop() in ipc(); two paths.
    let registers = [
        [10, b, c, 8, d, e],
        [a, b, c, 8, d, e],
        [a, 8, b, c, d, e],
        [1, 7, 2, 3, a, b],
        [a, a, b, 8, d, e],
    ];
    lab.run(task);
    // Old mmap and old select have their arguments in memory, where a puppet has none.
    let old = ["mmap", "select"];
    for info in SYSCALLS.iter().filter(|info| !old.contains(&info.name)) {
        let nr = u32::from(info.nr);
        let mut decoded = registers.iter().filter_map(|words| {
            let call = lab.k.decode(task, (nr, *words)).ok()?;
            Some((call, Syscall::first_arg_of(nr, *words)))
        });
        let (call, first) = decoded.next().expect(info.name);
        assert_eq!(
            (call.nr(), call.first_arg()),
            (info.nr, first),
            "{}",
            info.name
        );
    }
}

/// The null byte must be among the first 4096, and what lies behind it is not touched.
#[test]
fn a_name_ends_within_4096_bytes() {
    // A component must not be longer than 255 bytes.
    let name = |len: usize| {
        format!(
            "{}{}",
            "/".repeat(len.saturating_sub(1)),
            "x".repeat(len.min(1))
        )
    };
    let string = |len| name(len) + "\0";
    let up_to_end = |text: &str| END - text.len() as u32;
    for (text, at, result) in [
        (string(1), START, Ok(0)),
        (string(0), START, Err(Errno::ENOENT)),
        (string(4095), START + 1, Ok(0)),
        (string(4096), START + 1, Err(Errno::ENAMETOOLONG)),
        (string(9), up_to_end(&string(9)), Ok(0)),
        (name(9), up_to_end(&name(9)), Err(Errno::EFAULT)),
        (name(4095), up_to_end(&name(4095)), Err(Errno::EFAULT)),
        (name(4096), up_to_end(&name(4096)), Err(Errno::ENAMETOOLONG)),
        (String::new(), END, Err(Errno::EFAULT)),
        (String::new(), 0xc000_0000, Err(Errno::EFAULT)),
    ] {
        let (mut lab, task) = program();
        store(&mut lab, task, at, text.as_bytes());
        let made = lab.int_80(task, MKDIR, [at, 0, 0]);
        assert_eq!(made, result, "{} bytes at {at:#x}", text.len());
    }
}

/// Arguments and environment end with a null pointer each, may be missing, and share 32 pages
/// with the path, but for the last word.
#[test]
fn what_execve_copies() {
    let room = MAX_ARG_BYTES - "sh\0".len();
    let (list, text) = (START, START + PAGE_SIZE);
    // The last word of the memory.
    let last = END - 4;
    for (name, words, len, [argv, envp], result) in [
        ("no lists", [0, 0], 0, [0, 0], Ok(0)),
        ("an empty list", [0, 0], 0, [list, list], Ok(0)),
        ("the longest string", [text, 0], room - 1, [list, 0], Ok(0)),
        (
            "the longest variable",
            [text, 0],
            room - 1,
            [0, list],
            Ok(0),
        ),
        (
            "a byte too much",
            [text, 0],
            room,
            [list, 0],
            Err(Errno::E2BIG),
        ),
        ("two halves", [text, 0], room / 2 - 1, [list, list], Ok(0)),
        (
            "two large halves",
            [text, 0],
            room / 2,
            [list, list],
            Err(Errno::E2BIG),
        ),
        ("a bad string", [8, 0], 0, [list, 0], Err(Errno::EFAULT)),
        ("a bad list", [0, 0], 0, [8, 0], Err(Errno::EFAULT)),
        (
            "a list without end",
            [0, 0],
            0,
            [last, 0],
            Err(Errno::EFAULT),
        ),
    ] {
        let (mut lab, task) = program();
        let path = text - 16;
        store(&mut lab, task, path, b"sh\0");
        store(&mut lab, task, text, &vec![b'x'; len]);
        store(&mut lab, task, list, &words.map(u32::to_le_bytes).concat());
        store(&mut lab, task, last, &text.to_le_bytes());
        let done = lab.int_80(task, EXECVE, [path, argv, envp]);
        assert_eq!(done, result, "{name}");
    }
}
