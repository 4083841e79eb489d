//! exec of ELF files and of scripts: what is refused, what is mapped, what the program finds, and how
//! a task dies that loses its old program and gets no new one.

use crate::lab::{Lab, Waited};
use forklab::abi::elf::{ET_DYN, ET_EXEC, PT_GNU_STACK, PT_INTERP, PT_LOAD};
use forklab::abi::{
    CAP_INIT_EFF_SET, Caps, Errno, ExitState, O_CREAT, O_RDONLY, O_RDWR, O_WRONLY, PAGE_SIZE,
    Resource, TaskId, VirtAddr, WaitStatus,
};
use forklab::kernel::boot::Config;
use forklab::kernel::mm::{Mm, VmFlags};
use forklab::kernel::syscall::{ExecArgs, PtraceArgs, Syscall};
use forklab::machine::Command;
use forklab::view;

/// Rights of segments.
const R: u32 = 4;
const RW: u32 = 6;
const RX: u32 = 5;
/// Where programs are linked to.
const TEXT: u32 = 0x0804_8000;
/// A byte of the file that belongs to no segment.
const REST: u8 = 0xcc;

/// A program header: type, offset, address, size in the file, size in memory, rights.
type Header = (u32, u32, u32, u32, u32, u32);

/// What a test wants to be different from an ordinary program.
#[derive(Clone)]
pub(super) struct Elf {
    kind: u16,
    machine: u16,
    entry: u32,
    phoff: u32,
    phentsize: u16,
    phnum: Option<u16>,
    headers: Vec<Header>,
}

impl Default for Elf {
    fn default() -> Self {
        Self {
            kind: ET_EXEC,
            machine: 3,
            entry: TEXT + 0x400,
            phoff: 0x34,
            phentsize: 32,
            phnum: None,
            headers: vec![
                (PT_LOAD, 0, TEXT, 0x5c0, 0x5c0, RX),
                (PT_LOAD, 0x5c0, 0x0804_95c0, 0x20, 0x40, RW),
                (PT_GNU_STACK, 0, 0, 0, 0, RW),
            ],
        }
    }
}

impl Elf {
    fn of(headers: &[Header]) -> Self {
        Self {
            headers: headers.to_vec(),
            ..Self::default()
        }
    }

    /// The file, filled up to whole pages with [`REST`]. At its entry it loops for ever.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let end = |h: &Header| u64::from(h.1) + u64::from(h.3);
        let end = self.headers.iter().map(end).max().unwrap_or(0).min(1 << 21);
        let mut bytes = vec![REST; (end as usize).max(0x600).next_multiple_of(0x1000)];
        bytes[..7].copy_from_slice(b"\x7fELF\x01\x01\x01");
        let phnum = self.phnum.unwrap_or(self.headers.len() as u16);
        let mut put = |at: usize, value: &[u8]| {
            if let Some(place) = bytes.get_mut(at..at + value.len()) {
                place.copy_from_slice(value);
            }
        };
        put(16, &self.kind.to_le_bytes());
        put(18, &self.machine.to_le_bytes());
        put(24, &self.entry.to_le_bytes());
        put(28, &self.phoff.to_le_bytes());
        put(42, &self.phentsize.to_le_bytes());
        put(44, &phnum.to_le_bytes());
        for (nth, header) in self.headers.iter().enumerate() {
            let (kind, offset, vaddr, filesz, memsz, flags) = *header;
            let words = [kind, offset, vaddr, vaddr, filesz, memsz, flags, 0x1000];
            for (word, value) in words.iter().enumerate() {
                put(0x34 + 32 * nth + 4 * word, &value.to_le_bytes());
            }
        }
        put((self.entry & 0xfff) as usize, &[0xeb, 0xfe]);
        bytes
    }
}

pub(super) fn put(lab: &mut Lab, path: &str, bytes: Vec<u8>) {
    put_mode(lab, path, 0o755, bytes);
}

pub(super) fn put_mode(lab: &mut Lab, path: &str, mode: u32, bytes: Vec<u8>) {
    let (path, bytes) = (path.to_owned(), bytes.into());
    lab.machine
        .apply(Command::PutFile { path, mode, bytes })
        .unwrap();
}

pub(super) fn args(path: &str, argv: &[&str], envp: &[&str]) -> ExecArgs {
    let bytes = |strings: &[&str]| strings.iter().map(|s| s.as_bytes().to_vec()).collect();
    ExecArgs {
        path: path.into(),
        argv: bytes(argv),
        envp: bytes(envp),
    }
}

/// A puppet that has executed a file, at the first instruction of its program.
pub(super) fn entered(elf: &Elf, args: ExecArgs) -> (Lab, TaskId) {
    let (mut lab, sh) = Lab::with_shell();
    put(&mut lab, "/bin/a", elf.bytes());
    assert_eq!(lab.call(sh, Syscall::Execve(args)), 0);
    lab.check();
    (lab, sh)
}

/// A machine whose puppets wait for the CPU while a program loops.
fn patient() -> (Lab, TaskId) {
    let (mut lab, sh) = Lab::with_shell();
    lab.machine.apply(Command::Patience(1000)).unwrap();
    (lab, sh)
}

pub(super) fn plain() -> ExecArgs {
    args("/bin/a", &["a"], &[])
}

fn word(lab: &Lab, task: TaskId, addr: u32) -> u32 {
    lab.machine
        .peek(task, VirtAddr(addr))
        .unwrap_or(0xdead_dead)
}

fn text_at(lab: &Lab, task: TaskId, addr: u32) -> String {
    let bytes = (addr..).map(|at| lab.machine.peek_byte(task, VirtAddr(at)).unwrap());
    let bytes = bytes.take_while(|byte| *byte != 0).collect();
    String::from_utf8(bytes).unwrap()
}

/// The areas of a program without their file names: `08048000-08049000 r-xp 00000000`.
fn areas(lab: &Lab, task: TaskId) -> Vec<String> {
    let rows = view::maps(&lab.machine, task).rows.into_iter();
    let row = |row: view::MapsRow| {
        let name = row.name.filter(|name| name.starts_with('['));
        let name = name.map_or(String::new(), |name| format!(" {name}"));
        let (start, end, perms, offset) = (row.start, row.end, row.perms, row.offset);
        format!("{start:08x}-{end:08x} {perms} {offset:08x}{name}")
    };
    rows.map(row).collect()
}

/// How a task ended that cannot run its program.
fn death(elf: &Elf) -> WaitStatus {
    let (mut lab, sh) = Lab::with_shell();
    put(&mut lab, "/bin/a", elf.bytes());
    let _outcome = lab.outcome(sh, Syscall::Execve(plain()));
    lab.tick(1);
    lab.check();
    lab.kernel().ended(sh).expect("it has died").status
}

#[test]
fn examples_1_to_4_what_a_program_finds_on_its_stack() {
    let args = args("/bin/a", &["a", "bb", "ccc"], &["X=1"]);
    let (lab, task) = entered(&Elf::default(), args);
    let regs = lab.task(task).thread.regs;
    assert_eq!(regs.esp, 0xbfff_ff20);
    assert_eq!(regs.eip, TEXT + 0x400);
    let zero = [
        regs.eax, regs.ebx, regs.ecx, regs.edx, regs.esi, regs.edi, regs.ebp,
    ];
    assert_eq!(zero, [0; 7]);
    let (segments, flat) = (
        [regs.cs, regs.ds, regs.es, regs.ss],
        [0x73, 0x7b, 0x7b, 0x7b],
    );
    assert_eq!((segments, regs.fs, regs.gs), (flat, 0, 0));
    for (addr, text) in [
        (0xbfff_ffe8, "a"),
        (0xbfff_ffea, "bb"),
        (0xbfff_ffed, "ccc"),
        (0xbfff_fff1, "X=1"),
        (0xbfff_fff5, "/bin/a"),
        (0xbfff_ffdb, "i686"),
    ] {
        assert_eq!(text_at(&lab, task, addr), text, "{addr:x}");
    }
    let words = [
        (0xbfff_ff20, 3),
        (0xbfff_ff24, 0xbfff_ffe8),
        (0xbfff_ff30, 0),
        (0xbfff_ff34, 0xbfff_fff1),
        (0xbfff_ff38, 0),
        (0xbfff_ff3c, 0x20),
        (0xbfff_ffc4, 0),
        (0xbfff_ffc8, 0),
        (0xbfff_fffc, 0),
    ];
    for (addr, value) in words {
        assert_eq!(word(&lab, task, addr), value, "{addr:x}");
    }
    let entries: Vec<(u32, u32)> = (0..18)
        .map(|nth| 0xbfff_ff3c + 8 * nth)
        .map(|at| (word(&lab, task, at), word(&lab, task, at + 4)))
        .collect();
    let expected = [
        (3, 0x0804_8034),
        (4, 0x20),
        (5, 3),
        (7, 0),
        (8, 0),
        (9, 0x0804_8400),
        (11, 500),
        (12, 500),
        (13, 500),
        (14, 500),
        (23, 0),
        (15, 0xbfff_ffdb),
        (0, 0),
    ];
    assert_eq!(entries[5..], expected);
    let mm = lab.mm(task);
    assert_eq!(
        (mm.args, mm.env),
        ((0xbfff_ffe8, 0xbfff_fff1), (0xbfff_fff1, 0xbfff_fff5))
    );
    assert_eq!(mm.start_stack, 0xbfff_ff20);
    assert_eq!(lab.kernel().names.get(lab.kernel().comm(task)), "a");
}

/// Start and end of code and data, and the break.
fn extent(mm: &Mm) -> [u32; 6] {
    [
        mm.start_code,
        mm.end_code,
        mm.start_data,
        mm.end_data,
        mm.start_brk,
        mm.brk,
    ]
}

#[test]
fn examples_5_to_8_a_small_program_is_two_pages_of_its_file() {
    let (lab, task) = entered(&Elf::default(), plain());
    let mm = lab.mm(task);
    let data = (0x0804_95c0, 0x0804_95e0);
    assert_eq!(
        extent(mm),
        [TEXT, 0x0804_85c0, data.0, data.1, 0x0804_a000, 0x0804_a000]
    );
    assert_eq!(
        word(&lab, task, 0x0804_95dc),
        0xcccc_cccc,
        "the end of the data"
    );
    for addr in (0x0804_95e0..0x0804_a000).step_by(4) {
        assert_eq!(word(&lab, task, addr), 0, "{addr:x}");
    }
    assert_eq!(
        areas(&lab, task),
        [
            "08048000-08049000 r-xp 00000000",
            "08049000-0804a000 rw-p 00000000",
            "bffeb000-c0000000 rw-p bffeb000 [stack]",
            "ffffe000-fffff000 ---p 00000000 [vdso]",
        ]
    );
    assert_eq!((mm.total_vm(), mm.stack_vm(), mm.exec_vm()), (23, 21, 1));
    assert_eq!((mm.rss(), mm.anon_rss(), mm.nr_ptes()), (2, 2, 2));
}

#[test]
fn examples_9_and_10_the_bss_and_the_heap_are_one_area() {
    let headers = [
        (PT_LOAD, 0, TEXT, 0x5c0, 0x5c0, RX),
        (PT_LOAD, 0x1100, 0x0804_a100, 0x100, 0x3000, RW),
        (PT_GNU_STACK, 0, 0, 0, 0, RW),
    ];
    let (lab, task) = entered(&Elf::of(&headers), plain());
    assert_eq!(
        areas(&lab, task)[1..3],
        [
            "0804a000-0804b000 rw-p 00001000",
            "0804b000-0804e000 rw-p 0804b000 [heap]"
        ]
    );
    assert_eq!(lab.mm(task).brk, 0x0804_e000);
    for addr in (0x0804_a200..0x0804_b000).step_by(4) {
        assert_eq!(word(&lab, task, addr), 0, "{addr:x}");
    }
    assert_eq!(
        lab.machine.peek(task, VirtAddr(0x0804_b000)),
        None,
        "no frame"
    );
}

#[test]
fn example_11_a_bss_between_two_segments_has_no_name() {
    let headers = [
        (PT_LOAD, 0x1000, 0x0804_9000, 0x800, 0x2800, RW),
        (PT_LOAD, 0x2000, 0x0804_c000, 0x10, 0x10, RW),
        (PT_GNU_STACK, 0, 0, 0, 0, RW),
    ];
    let (lab, task) = entered(&Elf::of(&headers), plain());
    assert_eq!(
        areas(&lab, task)[..3],
        [
            "08049000-0804a000 rw-p 00001000",
            "0804a000-0804c000 rw-p 0804a000",
            "0804c000-0804d000 rw-p 00002000",
        ]
    );
    assert_eq!(lab.mm(task).brk, 0x0804_d000);
    assert_eq!(word(&lab, task, 0x0804_9800), 0);
    assert_eq!(word(&lab, task, 0x0804_c00c), 0xcccc_cccc);
    assert_eq!(word(&lab, task, 0x0804_c010), 0);
}

#[test]
fn examples_12_to_14_who_dies_when_the_old_program_is_gone() {
    let one = |header: Header| Elf::of(&[header]);
    let text = (PT_LOAD, 0, TEXT, 0x5c0, 0x5c0, RX);
    for (what, elf, status) in [
        ("only a text", one(text), 0x000b),
        (
            "a segment that is bss only",
            Elf::of(&[text, (PT_LOAD, 0x1000, 0x0804_a000, 0, 0x2000, RW)]),
            0x0009,
        ),
        (
            "an offset that does not fit the address",
            Elf::of(&[text, (PT_LOAD, 0x5c4, 0x0804_95c0, 0x20, 0x40, RW)]),
            0x0009,
        ),
        (
            "more in the file than in memory",
            Elf::of(&[text, (PT_LOAD, 0x5c0, 0x0804_95c0, 0x40, 0x20, RW)]),
            0x0009,
        ),
        (
            "an address in the kernel",
            Elf::of(&[text, (PT_LOAD, 0, 0xc000_1000, 0x40, 0x40, RW)]),
            0x0009,
        ),
        (
            "a bss that reaches into the kernel",
            Elf::of(&[text, (PT_LOAD, 0x5c0, 0x0804_95c0, 0x20, 0xc000_0000, RW)]),
            0x0009,
        ),
    ] {
        assert_eq!(death(&elf), WaitStatus(status), "{what}");
    }
    let whole = one((PT_LOAD, 0, TEXT, 0x1000, 0x1000, RX));
    let (lab, task) = entered(&whole, plain());
    assert_eq!(lab.task(task).exit_state(), ExitState::Alive);
}

#[test]
fn example_15_a_static_program_that_can_be_loaded_anywhere() {
    let elf = Elf {
        kind: ET_DYN,
        entry: 0x1080,
        phnum: Some(8),
        ..Elf::of(&[
            (PT_LOAD, 0, 0, 0x300, 0x300, R),
            (PT_LOAD, 0x1000, 0x1000, 0x500, 0x500, RX),
            (PT_LOAD, 0x1ea0, 0x2ea0, 0x200, 0x2000, RW),
            (PT_GNU_STACK, 0, 0, 0, 0, RW),
            (0, 0, 0, 0, 0, 0),
            (0, 0, 0, 0, 0, 0),
            (0, 0, 0, 0, 0, 0),
            (0, 0, 0, 0, 0, 0),
        ])
    };
    let (lab, task) = entered(&elf, plain());
    let mm = lab.mm(task);
    let entry = |kind| mm.saved_auxv.chunks(2).find(|e| e[0] == kind).map(|e| e[1]);
    assert_eq!(entry(3), Some(0x8000_0034));
    assert_eq!(entry(9), Some(0x8000_1080));
    assert_eq!((entry(7), entry(5)), (Some(0), Some(8)));
    assert_eq!(lab.task(task).thread.regs.eip, 0x8000_1080);
    assert_eq!(
        areas(&lab, task)[2..4],
        [
            "80002000-80004000 rw-p 00001000",
            "80004000-80005000 rw-p 80004000 [heap]"
        ]
    );
    assert_eq!(mm.brk, 0x8000_5000);
    assert_eq!(word(&lab, task, 0x8000_30a0), 0);
}

#[test]
fn example_16_the_headers_need_not_be_mapped() {
    let headers = [
        (PT_LOAD, 0x1000, 0x0804_9000, 0x1000, 0x1000, RW),
        (PT_GNU_STACK, 0, 0, 0, 0, RW),
    ];
    let (lab, task) = entered(&Elf::of(&headers), plain());
    let auxv = &lab.mm(task).saved_auxv;
    let phdr = auxv.chunks(2).find(|entry| entry[0] == 3);
    assert_eq!(phdr, Some(&[3, 0x0804_8034][..]));
}

#[test]
fn example_17_what_is_refused_while_the_caller_still_lives() {
    let with = |change: fn(&mut Elf)| {
        let mut elf = Elf::default();
        change(&mut elf);
        elf.bytes()
    };
    for (what, bytes, errno) in [
        ("an empty file", Vec::new(), Errno::ENOEXEC),
        ("four bytes", b"\x7fELF".to_vec(), Errno::ENOEXEC),
        ("text", b"echo hello\n".to_vec(), Errno::ENOEXEC),
        ("x86-64", with(|elf| elf.machine = 62), Errno::ENOEXEC),
        ("an object file", with(|elf| elf.kind = 1), Errno::ENOEXEC),
        (
            "other headers",
            with(|elf| elf.phentsize = 56),
            Errno::ENOEXEC,
        ),
        (
            "no headers",
            with(|elf| elf.phnum = Some(0)),
            Errno::ENOEXEC,
        ),
        (
            "2049 headers",
            with(|elf| elf.phnum = Some(2049)),
            Errno::ENOEXEC,
        ),
        (
            "2048 headers",
            with(|elf| elf.phnum = Some(2048)),
            Errno::EIO,
        ),
        (
            "headers behind the end",
            with(|elf| elf.phoff = 0x1000),
            Errno::EIO,
        ),
        (
            "headers far away",
            with(|elf| elf.phoff = 0xffff_fff0),
            Errno::EIO,
        ),
    ] {
        let (mut lab, sh) = Lab::with_shell();
        put(&mut lab, "/bin/a", bytes);
        let before = lab.footprint();
        let (mm, refused) = (lab.task(sh).mm(), lab.call(sh, Syscall::Execve(plain())));
        assert_eq!(refused, -errno.code(), "{what}");
        assert_eq!(lab.task(sh).mm(), mm, "{what}");
        assert_eq!(lab.footprint().arenas, before.arenas, "{what}");
        lab.check();
    }
}

/// Not looked at: class, byte order, version of the file.
#[test]
fn the_kernel_does_not_look_at_the_class_of_a_file() {
    let (mut lab, sh) = Lab::with_shell();
    let mut bytes = Elf::default().bytes();
    bytes[4..16].fill(0xff);
    put(&mut lab, "/bin/a", bytes);
    assert_eq!(lab.call(sh, Syscall::Execve(plain())), 0);
}

#[test]
fn example_18_and_19_the_descriptor_of_the_loader() {
    let (mut lab, sh) = Lab::with_shell();
    put(&mut lab, "/bin/a", Elf::default().bytes());
    put(&mut lab, "/bin/s", b"#!/bin/a\n".to_vec());
    assert_eq!(lab.setrlimit(sh, Resource::Nofile, 3), 0);
    for path in ["/bin/a", "/bin/s"] {
        let refused = lab.call(sh, Syscall::Execve(path.into()));
        assert_eq!(refused, -Errno::EMFILE.code(), "{path}");
    }
    *lab.rlimit_mut(sh, Resource::Nofile) = 9;
    assert_eq!(lab.call(sh, Syscall::Execve("/bin/a".into())), 0);
    let open: Vec<usize> = lab.files(sh).open().map(|(fd, _)| fd).collect();
    assert_eq!(open, [0, 1, 2]);
}

#[test]
fn examples_20_and_21_as_many_arguments_as_fit() {
    let long = |len: usize| "x".repeat(len - 1);
    let (lab, task) = entered(&Elf::default(), args("/bin/a", &[&long(131_061)], &[]));
    assert_eq!(lab.mm(task).args.0, 0xbffe_0000);
    assert_eq!(lab.task(task).thread.regs.esp, 0xbffd_ff50);
    assert_eq!(
        areas(&lab, task)[2],
        "bffcc000-c0000000 rw-p bffcc000 [stack]"
    );
    let many = vec![""; 32_767];
    let (lab, task) = entered(&Elf::default(), args("/bin/a", &many, &[]));
    assert_eq!(lab.mm(task).args.0, 0xbfff_7ff6);
    assert_eq!(lab.task(task).thread.regs.esp, 0xbffd_7f50);
    assert_eq!(
        areas(&lab, task)[2],
        "bffd7000-c0000000 rw-p bffd7000 [stack]"
    );
    let (mut lab, sh) = Lab::with_shell();
    put(&mut lab, "/bin/a", Elf::default().bytes());
    for too_much in [
        args("/bin/a", &[&long(131_062)], &[]),
        args("/bin/a", &vec![""; 32_768], &[]),
        args("/bin/a", &[], &vec![""; 32_768]),
    ] {
        let refused = lab.call(sh, Syscall::Execve(too_much));
        assert_eq!(refused, -Errno::E2BIG.code());
    }
}

#[test]
fn examples_22_and_23_a_script_is_an_argument_of_its_interpreter() {
    for (argv, esp, strings) in [
        (
            &["s", "p"][..],
            0xbfff_ff10,
            &["/bin/a", "-x -y", "/tmp/s", "p"][..],
        ),
        (&[], 0xbfff_ff30, &["/bin/a", "-x -y", "/tmp/s"]),
    ] {
        let (mut lab, sh) = Lab::with_shell();
        put(&mut lab, "/bin/a", Elf::default().bytes());
        put(&mut lab, "/tmp/s", b"#!/bin/a -x -y\n".to_vec());
        assert_eq!(lab.call(sh, Syscall::Execve(args("/tmp/s", argv, &[]))), 0);
        let found = lab.task(sh).thread.regs.esp;
        assert_eq!(word(&lab, sh, found), strings.len() as u32);
        for (nth, text) in strings.iter().enumerate() {
            let at = word(&lab, sh, found + 4 + 4 * nth as u32);
            assert_eq!(text_at(&lab, sh, at), *text);
        }
        assert_eq!(found, esp, "{argv:?}");
        assert_eq!(lab.kernel().names.get(lab.kernel().comm(sh)), "s");
        let exe = lab.mm(sh).exe().unwrap();
        assert_eq!(lab.kernel().inodes()[exe].path, "a");
    }
}

#[test]
fn examples_24_and_25_scripts_that_are_refused() {
    let long = format!("#!/{}\n", "a".repeat(150));
    for (script, errno) in [
        ("#!\n", Errno::ENOEXEC),
        ("#!  \t\n", Errno::ENOEXEC),
        ("#!/bin/sh\r\n", Errno::ENOENT),
        ("#!/bin/s\n", Errno::ENOEXEC),
        ("#!/nope\n", Errno::ENOENT),
        (&long, Errno::ENOENT),
    ] {
        let (mut lab, sh) = Lab::with_shell();
        put(&mut lab, "/bin/s", script.as_bytes().to_vec());
        let refused = lab.call(sh, Syscall::Execve("/bin/s".into()));
        assert_eq!(refused, -errno.code(), "{script:?}");
    }
}

/// A puppet can be an interpreter, too: `sh` is one.
#[test]
fn a_script_for_the_shell_of_the_machine() {
    let (mut lab, sh) = Lab::with_shell();
    put(&mut lab, "/tmp/s", b"#!/bin/sh\n".to_vec());
    assert_eq!(lab.call(sh, Syscall::Execve("/tmp/s".into())), 0);
    assert_eq!(lab.machine.user_mode(sh), "puppet");
    assert_eq!(lab.kernel().names.get(lab.kernel().comm(sh)), "s");
}

#[test]
fn example_32_who_says_nothing_about_the_stack_executes_what_it_reads() {
    let mut silent = Elf::default();
    silent.headers.pop();
    let (mut lab, sh) = patient();
    let child = lab.fork(sh);
    put(&mut lab, "/bin/old", silent.bytes());
    put(&mut lab, "/bin/a", Elf::default().bytes());
    assert_eq!(lab.call(sh, Syscall::Execve("/bin/old".into())), 0);
    assert_eq!(
        areas(&lab, sh)[..3],
        [
            "08048000-08049000 r-xp 00000000",
            "08049000-0804a000 rwxp 00000000",
            "bffeb000-c0000000 rwxp bffeb000 [stack]",
        ]
    );
    let persona = Syscall::Personality(0x0040_0000);
    assert_eq!(lab.call(child, persona), 0);
    assert_eq!(lab.call(child, Syscall::Execve("/bin/a".into())), 0);
    assert_eq!(
        areas(&lab, child)[..3],
        [
            "08048000-08049000 r-xp 00000000",
            "08049000-0804a000 rwxp 00000000",
            "bffeb000-c0000000 rw-p bffeb000 [stack]",
        ]
    );
}

#[test]
fn example_33_a_running_program_is_not_written() {
    let (mut lab, sh) = patient();
    let runner = lab.fork(sh);
    put(&mut lab, "/a", Elf::default().bytes());
    let open = |flags| Syscall::Open("/a".to_owned(), flags, 0);
    let busy = -Errno::ETXTBSY.code();
    let own = lab.call(sh, open(O_RDWR)) as u32;
    assert_eq!(lab.call(runner, Syscall::Execve("/a".into())), busy);
    assert_eq!(lab.call(sh, Syscall::Execve("/a".into())), busy);
    assert_eq!(lab.call(sh, Syscall::Close(own)), 0);
    assert_eq!(lab.call(runner, Syscall::Execve("/a".into())), 0);
    assert_eq!(lab.call(sh, open(O_WRONLY)), busy);
    assert_eq!(lab.call(sh, open(O_CREAT | O_RDWR)), busy);
    let truncate = Syscall::Truncate("/a".to_owned(), 0);
    assert_eq!(lab.call(sh, truncate), busy);
    assert!(lab.call(sh, open(O_RDONLY)) > 0, "it may be read");
    let pid = lab.pid(runner);
    assert_eq!(lab.kill(sh, pid, 9), 0);
    lab.tick(2);
    assert!(lab.call(sh, open(O_WRONLY)) > 0, "nobody runs it any more");
    assert_eq!(lab.call(sh, Syscall::Unlink("/a".to_owned())), 0);
}

/// Ten tasks that run a program map the same frames of its text.
#[test]
fn whoever_runs_a_program_shares_its_text() {
    let (mut lab, sh) = patient();
    let first = lab.fork(sh);
    let second = lab.fork(sh);
    put(&mut lab, "/bin/a", Elf::default().bytes());
    for task in [first, second] {
        assert_eq!(lab.call(task, Syscall::Execve(plain())), 0);
    }
    lab.tick(200);
    let frame = |task| view::vtop(&lab.machine, task, VirtAddr(TEXT + 0x400)).and_then(|v| v.pfn);
    assert!(frame(first).is_some());
    assert_eq!(frame(first), frame(second));
    let denies = lab
        .mm(first)
        .areas()
        .filter(|vma| vma.has(VmFlags::DENYWRITE));
    assert_eq!(denies.count(), 2);
}

/// Pages of text of a large program: with its page of data it has a megabyte.
const LARGE: u32 = 255;

/// A program that is large, but sleeps in `pause` on the first page of its text.
fn large() -> Vec<u8> {
    let text = LARGE * PAGE_SIZE;
    let elf = Elf::of(&[
        (PT_LOAD, 0, TEXT, text, text, RX),
        (PT_LOAD, text, TEXT + text, PAGE_SIZE, PAGE_SIZE, RW),
        (PT_GNU_STACK, 0, 0, 0, 0, RW),
    ]);
    let mut bytes = elf.bytes();
    // mov eax, 29; int 80h; jmp to the first of them
    bytes[0x400..0x409].copy_from_slice(&[0xb8, 29, 0, 0, 0, 0xcd, 0x80, 0xeb, 0xf7]);
    bytes
}

/// A task that has executed `/bin/a` and sleeps in it.
fn asleep_in(lab: &mut Lab, sh: TaskId) -> TaskId {
    let child = lab.fork(sh);
    assert_eq!(lab.call(child, Syscall::Execve(plain())), 0);
    lab.tick(3);
    child
}

/// It maps one page of its text and the one of its stack, as a small program does; of the file no
/// more is read than the headers and what is read ahead around that page.
#[test]
fn a_program_of_a_megabyte_costs_the_pages_that_it_touches() {
    let cost = |bytes| {
        let (mut lab, sh) = patient();
        put(&mut lab, "/bin/a", bytes);
        let before = lab.kernel().vm().pagecache();
        let task = asleep_in(&mut lab, sh);
        let read = lab.kernel().vm().pagecache() - before;
        (lab.mm(task).rss(), lab.mm(task).total_vm(), read)
    };
    let mut small = Elf::of(&[
        (PT_LOAD, 0, TEXT, PAGE_SIZE, PAGE_SIZE, RX),
        (PT_LOAD, 0, TEXT + PAGE_SIZE, PAGE_SIZE, PAGE_SIZE, RW),
        (PT_GNU_STACK, 0, 0, 0, 0, RW),
    ])
    .bytes();
    small[0x400..0x409].copy_from_slice(&large()[0x400..0x409]);
    let ((rss, vm, _), (large_rss, large_vm, read)) = (cost(small), cost(large()));
    assert_eq!((rss, large_rss), (2, 2));
    assert_eq!(large_vm - vm, LARGE - 1);
    assert!(read <= 64, "{read} pages were read");
}

/// Together they would need a gigabyte, on a machine of 128 MiB: with less, a user may not have a
/// thousand tasks.
#[test]
fn a_thousand_tasks_run_a_program_of_a_megabyte() {
    let mut lab = Lab::with(Config {
        mem: 128 << 20,
        ..Config::default()
    });
    let sh = lab.spawn("sh");
    lab.machine.apply(Command::Patience(1000)).unwrap();
    put(&mut lab, "/bin/a", large());
    let first = asleep_in(&mut lab, sh);
    let cached = lab.kernel().vm().pagecache();
    let free = lab.kernel().mem().nr_free_pages();
    let frame = |lab: &Lab, task| {
        let text = view::vtop(&lab.machine, task, VirtAddr(TEXT + 0x400));
        text.and_then(|entry| entry.pfn).unwrap()
    };
    for nth in 1..1000 {
        let task = asleep_in(&mut lab, sh);
        assert_eq!(frame(&lab, task), frame(&lab, first), "{nth}");
    }
    assert_eq!(lab.kernel().vm().pagecache(), cached);
    let used = free - lab.kernel().mem().nr_free_pages();
    // Stack, page tables, and what the kernel keeps of a task.
    assert!(used <= 999 * 8, "{used} frames for 999 tasks");
}

/// `fs/binfmt_elf.c`: what is wrong with the interpreter of a dynamic program.
#[test]
fn a_dynamic_program_needs_its_interpreter() {
    let dynamic = |size| {
        Elf::of(&[
            (PT_INTERP, 0x100, TEXT + 0x100, size, size, R),
            (PT_LOAD, 0, TEXT, 0x1000, 0x1000, RW),
            (PT_GNU_STACK, 0, 0, 0, 0, RW),
        ])
    };
    let with_name = |name: &[u8]| {
        let mut bytes = dynamic(name.len() as u32).bytes();
        bytes[0x100..0x100 + name.len()].copy_from_slice(name);
        bytes
    };
    let foreign = Elf {
        machine: 62,
        ..Elf::default()
    };
    for (what, program, errno) in [
        ("no interpreter", with_name(b"/lib/none\0"), Errno::ENOENT),
        ("no null byte", with_name(b"/lib/none"), Errno::ENOEXEC),
        ("a name of one byte", dynamic(1).bytes(), Errno::ENOEXEC),
        (
            "a name of two pages",
            dynamic(0x1001).bytes(),
            Errno::ENOEXEC,
        ),
        ("a short interpreter", with_name(b"/short\0"), Errno::EIO),
        ("text as interpreter", with_name(b"/text\0"), Errno::ELIBBAD),
        ("one for x86-64", with_name(b"/foreign\0"), Errno::ELIBBAD),
    ] {
        let (mut lab, sh) = Lab::with_shell();
        put(&mut lab, "/short", b"\x7fELF".to_vec());
        put(&mut lab, "/text", vec![b'x'; 200]);
        put(&mut lab, "/foreign", foreign.bytes());
        put(&mut lab, "/bin/a", program);
        let refused = lab.call(sh, Syscall::Execve(plain()));
        assert_eq!(refused, -errno.code(), "{what}");
        lab.check();
    }
    let (mut lab, sh) = Lab::with_shell();
    let loader = Elf {
        kind: ET_DYN,
        entry: 0x40,
        ..Elf::of(&[(PT_LOAD, 0, 0, 0x1000, 0x1000, RW)])
    };
    put(&mut lab, "/ld", loader.bytes());
    put(&mut lab, "/bin/a", with_name(b"/ld\0"));
    assert_eq!(lab.call(sh, Syscall::Execve(plain())), 0);
    let base = lab
        .mm(sh)
        .areas()
        .find(|vma| vma.vm_start > 0x1000_0000)
        .unwrap()
        .vm_start;
    assert_eq!(lab.task(sh).thread.regs.eip, base + 0x40);
    let entry = |kind| {
        let auxv = &lab.mm(sh).saved_auxv;
        auxv.chunks(2)
            .find(|entry| entry[0] == kind)
            .map(|entry| entry[1])
    };
    assert_eq!((entry(7), entry(9)), (Some(base), Some(TEXT + 0x400)));
    lab.check();
}

/// A file that is not marked as a program is none.
#[test]
fn a_file_without_permission_to_execute() {
    let (mut lab, sh) = Lab::with_shell();
    put_mode(&mut lab, "/bin/a", 0o644, Elf::default().bytes());
    let refused = lab.call(sh, Syscall::Execve(plain()));
    assert_eq!(refused, -Errno::EACCES.code());
}

/// Every truncation and every changed byte of a program is refused, or kills whoever executes it; the
/// kernel survives.
#[test]
fn broken_files_do_no_harm() {
    let good = Elf::default().bytes();
    let mut random = fastrand::Rng::with_seed(12);
    for round in 0..300 {
        let mut bytes = good.clone();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(0..0x94);
            bytes[at] = random.u8(..);
        }
        if round % 5 == 0 {
            bytes.truncate(random.usize(..bytes.len()));
        }
        let (mut lab, sh) = Lab::with_shell();
        put(&mut lab, "/bin/a", bytes);
        let _outcome = lab.outcome(sh, Syscall::Execve(plain()));
        lab.tick(2);
        lab.check();
    }
}

/// A machine whose files belong to root, and a puppet of another user.
pub(super) fn with_files_of_root() -> (Lab, TaskId) {
    let mut lab = Lab::with(Config {
        uid: 0,
        ..Config::default()
    });
    let sh = lab.spawn("sh");
    (lab, sh)
}

/// The ids of a program with a set-id bit, and what stays closed to others.
#[test]
fn examples_26_and_30_set_id_programs() {
    for (mode, euid, secure, dumpable) in [
        (0o4755, 0, 1, false),
        (0o755, 500, 0, true),
        // Without the permission of the group, the bit means something else.
        (0o2745, 500, 0, true),
    ] {
        let (mut lab, sh) = with_files_of_root();
        put_mode(&mut lab, "/bin/a", mode, Elf::default().bytes());
        assert_eq!(lab.call(sh, Syscall::Execve(plain())), 0);
        let cred = lab.task(sh).cred();
        let ids = (cred.uid, cred.euid, cred.suid, cred.fsuid);
        assert_eq!(ids, (500, euid, euid, euid), "{mode:o}");
        assert_eq!(cred.permitted.is_empty(), euid == 500, "{mode:o}");
        let mm = lab.mm(sh);
        assert_eq!(mm.dumpable, dumpable, "{mode:o}");
        let entry = |kind| mm.saved_auxv.chunks(2).find(|e| e[0] == kind).map(|e| e[1]);
        assert_eq!(
            (entry(11), entry(12), entry(23)),
            (Some(500), Some(euid), Some(secure))
        );
    }
}

/// Who is traced gets no rights from the file, and a script's own bits are forgotten.
#[test]
fn examples_27_and_30_set_id_programs_that_give_nothing() {
    let (mut lab, sh) = with_files_of_root();
    let child = lab.fork(sh);
    put_mode(&mut lab, "/bin/a", 0o4755, Elf::default().bytes());
    let traceme = PtraceArgs {
        request: 0,
        pid: 0,
        addr: 0,
        data: 0,
    };
    assert_eq!(lab.call(child, Syscall::Ptrace(traceme)), 0);
    let _stops = lab.outcome(child, Syscall::Execve(plain()));
    let cred = lab.task(child).cred();
    assert_eq!((cred.uid, cred.euid), (500, 500));
    assert!(cred.permitted.is_empty());
    assert!(!lab.mm(child).dumpable);
    put_mode(&mut lab, "/bin/plain", 0o755, Elf::default().bytes());
    put_mode(&mut lab, "/bin/s", 0o4755, b"#!/bin/plain\n".to_vec());
    assert_eq!(lab.call(sh, Syscall::Execve("/bin/s".into())), 0);
    assert_eq!(lab.task(sh).cred().euid, 500);
}

/// A tracer that may trace anybody does not keep the file's rights from its tracee.
#[test]
fn example_28_a_privileged_tracer_lets_the_program_have_its_rights() {
    let (mut lab, sh) = with_files_of_root();
    let child = lab.fork(sh);
    let tracer = lab.spawn_as("sh", 0);
    put_mode(&mut lab, "/bin/a", 0o4755, Elf::default().bytes());
    let pid = lab.pid(child);
    let attach = PtraceArgs {
        request: 16,
        pid,
        addr: 0,
        data: 0,
    };
    assert_eq!(lab.call(tracer, Syscall::Ptrace(attach)), 0);
    assert_eq!(lab.task(child).ptrace().bits(), 0x409);
    assert_eq!(lab.wait(tracer, pid, 0), Waited::Reaped(pid, 0x137f));
    let go_on = PtraceArgs {
        request: 7,
        ..attach
    };
    assert_eq!(lab.call(tracer, Syscall::Ptrace(go_on)), 0);
    let _stops = lab.outcome(child, Syscall::Execve(plain()));
    let cred = lab.task(child).cred();
    let ids = (cred.uid, cred.euid, cred.suid, cred.fsuid);
    assert_eq!(ids, (500, 0, 0, 0));
    assert_eq!([cred.permitted, cred.caps], [CAP_INIT_EFF_SET; 2]);
    assert!(!lab.mm(child).dumpable);
}

/// Root is traced, but may change its ids as it likes: it gets those of the file, and keeps
/// capabilities that are not effective.
#[test]
fn example_29_root_under_a_tracer_gets_the_ids_of_the_file() {
    let mut lab = Lab::with_shell().0;
    let sh = lab.spawn_as("sh", 0);
    let child = lab.fork(sh);
    put_mode(&mut lab, "/bin/a", 0o4755, Elf::default().bytes());
    let traceme = PtraceArgs {
        request: 0,
        pid: 0,
        addr: 0,
        data: 0,
    };
    assert_eq!(lab.call(child, Syscall::Ptrace(traceme)), 0);
    let _stops = lab.outcome(child, Syscall::Execve(plain()));
    let cred = lab.task(child).cred();
    let ids = (cred.uid, cred.euid, cred.suid, cred.fsuid);
    assert_eq!(ids, (0, 500, 500, 500));
    let none = Caps::empty();
    assert_eq!([cred.permitted, cred.caps], [CAP_INIT_EFF_SET, none]);
    let mm = lab.mm(child);
    let secure = mm.saved_auxv.chunks(2).find(|entry| entry[0] == 23);
    assert_eq!(
        (secure.map(|entry| entry[1]), mm.dumpable),
        (Some(1), false)
    );
}

/// Whoever may execute a file but not read it does not see the memory of the program either.
#[test]
fn example_31_a_program_that_cannot_be_read() {
    let (mut lab, sh) = with_files_of_root();
    lab.machine.apply(Command::Patience(1000)).unwrap();
    let other = lab.spawn("sh");
    put_mode(&mut lab, "/bin/a", 0o711, Elf::default().bytes());
    assert_eq!(lab.call(sh, Syscall::Execve(plain())), 0);
    assert!(!lab.mm(sh).dumpable);
    let pid = lab.pid(sh);
    let attach = PtraceArgs {
        request: 16,
        pid,
        addr: 0,
        data: 0,
    };
    let refused = lab.call(other, Syscall::Ptrace(attach));
    assert_eq!(refused, -Errno::EPERM.code());
    let environ = Syscall::Open(format!("/proc/{pid}/environ"), O_RDONLY, 0);
    assert_eq!(lab.call(other, environ), -Errno::EACCES.code());
    assert_eq!(lab.kill(other, pid, 3), 0);
    lab.tick(2);
    // SIGQUIT, without the bit for a core.
    assert_eq!(lab.kernel().ended(sh).unwrap().status, WaitStatus(3));
}

/// A program whose headers have a segment of their own, which is code but not executable.
#[test]
fn example_54_the_segments_of_a_static_busybox() {
    let headers = [
        (PT_LOAD, 0, TEXT, 0x268, 0x268, R),
        (PT_LOAD, 0x1000, 0x0804_9000, 0x0018_3d88, 0x0018_3d88, RX),
        (
            PT_LOAD,
            0x0018_5000,
            0x081c_d000,
            0x0006_c6b9,
            0x0006_c6b9,
            R,
        ),
        (PT_LOAD, 0x001f_2324, 0x0823_a324, 0x5274, 0x95b4, RW),
        (PT_GNU_STACK, 0, 0, 0, 0, RW),
    ];
    let (lab, task) = entered(&Elf::of(&headers), plain());
    let mm = lab.mm(task);
    let data = (0x0823_a324, 0x0823_f598);
    let brk = 0x0824_4000;
    assert_eq!(extent(mm), [TEXT, 0x081c_cd88, data.0, data.1, brk, brk]);
    assert_eq!(word(&lab, task, 0x0823_f594), 0xcccc_cccc);
    for addr in (0x0823_f598..0x0824_0000).step_by(4) {
        assert_eq!(word(&lab, task, addr), 0, "{addr:x}");
    }
    assert_eq!(
        areas(&lab, task),
        [
            "08048000-08049000 r--p 00000000",
            "08049000-081cd000 r-xp 00001000",
            "081cd000-0823a000 r--p 00185000",
            "0823a000-08240000 rw-p 001f2000",
            "08240000-08244000 rw-p 08240000 [heap]",
            "bffeb000-c0000000 rw-p bffeb000 [stack]",
            "ffffe000-fffff000 ---p 00000000 [vdso]",
        ]
    );
    assert_eq!(mm.total_vm(), 529);
    let status = lab.kernel().proc_status(task);
    for (name, kib) in [
        ("VmSize", "2116"),
        ("VmData", "16"),
        ("VmStk", "84"),
        ("VmExe", "1556"),
        ("VmPTE", "8"),
        // The first segment counts as code that is not executable: less than nothing is left.
        ("VmLib", "4294967292"),
    ] {
        let field = status.iter().find(|(field, _)| *field == name);
        let value = field.map(|(_, value)| value.trim().trim_end_matches(" kB").trim());
        assert_eq!(value, Some(kib), "{name}");
    }
}

/// 2.6.12 has 289 numbers, some of them holes.
#[test]
fn example_49_numbers_without_a_call() {
    for number in [289_u32, u32::MAX, 17, 285] {
        let mut code = vec![0xb8];
        code.extend(number.to_le_bytes());
        // int $0x80; mov %eax, %ebx; mov $1, %eax; int $0x80
        code.extend([0xcd, 0x80, 0x89, 0xc3, 0xb8, 1, 0, 0, 0, 0xcd, 0x80]);
        let mut bytes = Elf::default().bytes();
        bytes[0x400..0x400 + code.len()].copy_from_slice(&code);
        let (mut lab, sh) = Lab::with_shell();
        put(&mut lab, "/bin/a", bytes);
        assert_eq!(lab.call(sh, Syscall::Execve(plain())), 0);
        lab.tick(2);
        let status = lab.kernel().ended(sh).unwrap().status;
        assert_eq!(
            status,
            WaitStatus::exited(-Errno::ENOSYS.code()),
            "{number:#x}"
        );
    }
}
