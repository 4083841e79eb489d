//! `/proc`: who may see what, in which order it is listed, and what the files say. The number of a
//! worked example stands in the name of its test.

use super::exec_elf::{Elf, args, entered, plain, put, put_mode, with_files_of_root};
use crate::lab::{Lab, errno};
use forklab::abi::*;
use forklab::kernel::syscall::ExecArgs;
use forklab::kernel::syscall::Syscall;
use forklab::machine::{Acted, BufferCall, Command};

/// What comes of a call with a buffer on the stack: the bytes that it filled.
fn filled(lab: &mut Lab, task: TaskId, call: BufferCall, len: u32) -> Result<Vec<u8>, Errno> {
    match lab.on_stack(task, call, len, &[]) {
        Acted::Filled(count, bytes) => Ok(bytes[..(count as usize).min(bytes.len())].to_vec()),
        Acted::Refused(error) => Err(error.errno()),
        other => panic!("{other:?}"),
    }
}

fn open(lab: &mut Lab, task: TaskId, path: &str, flags: u32) -> Result<u32, Errno> {
    let call = Syscall::Open(path.to_owned(), flags, 0);
    let fd = lab.call(task, call);
    u32::try_from(fd).map_err(|_| errno(fd))
}

/// The whole of a file, read in pieces of that size.
fn bytes_of(lab: &mut Lab, task: TaskId, path: &str, piece: u32) -> Result<Vec<u8>, Errno> {
    let fd = open(lab, task, path, O_RDONLY)?;
    let mut all = Vec::new();
    let read = loop {
        match filled(lab, task, BufferCall::Read(fd), piece) {
            Ok(bytes) if bytes.is_empty() => break Ok(all),
            Ok(bytes) => all.extend(bytes),
            Err(errno) => break Err(errno),
        }
    };
    assert_eq!(lab.call(task, Syscall::Close(fd)), 0);
    read
}

fn text_of(lab: &mut Lab, task: TaskId, path: &str) -> Result<String, Errno> {
    Ok(String::from_utf8(bytes_of(lab, task, path, 3072)?).unwrap())
}

fn readlink(lab: &mut Lab, task: TaskId, path: &str) -> Result<String, Errno> {
    let call = BufferCall::Readlink(path.to_owned());
    Ok(String::from_utf8(filled(lab, task, call, 200)?).unwrap())
}

/// Mode, owner and group of a file, without following a link at the end.
fn lstat(lab: &mut Lab, task: TaskId, path: &str) -> (u32, u32, u32) {
    let Acted::Filled(0, bytes) = lab.on_stack(task, BufferCall::Lstat(path.into()), 96, &[])
    else {
        panic!("{path}");
    };
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    (word(16), word(24), word(28))
}

/// The names that a scan of a directory shows, in its order.
fn names(lab: &mut Lab, task: TaskId, path: &str, piece: u32) -> Vec<String> {
    let fd = open(lab, task, path, O_RDONLY).unwrap();
    let mut names = Vec::new();
    loop {
        let bytes = filled(lab, task, BufferCall::Getdents(fd), piece).unwrap();
        if bytes.is_empty() {
            assert_eq!(lab.call(task, Syscall::Close(fd)), 0);
            return names;
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let len = usize::from(u16::from_le_bytes([rest[16], rest[17]]));
            let name = rest[19..len].split(|byte| *byte == 0).next().unwrap();
            names.push(String::from_utf8(name.to_vec()).unwrap());
            rest = &rest[len..];
        }
    }
}

/// A line of a status, without its name.
fn line(status: &str, name: &str) -> String {
    let mut lines = status.lines();
    let line = lines.find(|line| line.starts_with(&format!("{name}:")));
    line.unwrap_or_default()
        .split_once('\t')
        .map_or("none", |(_, value)| value.trim())
        .to_owned()
}

fn own(lab: &mut Lab, task: TaskId, name: &str) -> Result<String, Errno> {
    text_of(lab, task, &format!("/proc/self/{name}"))
}

/// A program that loops at its entry, and what somebody of the same user finds in its directory.
struct Watched {
    lab: Lab,
    program: TaskId,
    reader: TaskId,
}

impl Watched {
    fn new(args: ExecArgs) -> Self {
        let (mut lab, program) = entered(&Elf::default(), args);
        let reader = patient(&mut lab);
        Self {
            lab,
            program,
            reader,
        }
    }

    fn read(&mut self, name: &str) -> String {
        let path = format!("/proc/{}/{name}", self.lab.pid(self.program));
        text_of(&mut self.lab, self.reader, &path).unwrap()
    }
}

/// A puppet that waits for the CPU while programs run.
fn patient(lab: &mut Lab) -> TaskId {
    lab.machine.apply(Command::Patience(1000)).unwrap();
    lab.spawn("reader")
}

#[test]
fn example_6_maps_of_a_small_program() {
    let mut watched = Watched::new(plain());
    let kernel = watched.lab.kernel();
    let ino = kernel.inodes()[kernel.lookup("/bin/a").unwrap()].ino;
    let text = watched.read("maps");
    let before = format!("08048000-08049000 r-xp 00000000 00:01 {ino} ");
    let gap = " ".repeat(49 - before.len());
    let expected = [
        format!("08048000-08049000 r-xp 00000000 00:01 {ino} {gap}/bin/a\n"),
        format!("08049000-0804a000 rw-p 00000000 00:01 {ino} {gap}/bin/a\n"),
        "bffeb000-c0000000 rw-p bffeb000 00:00 0          [stack]\n".to_owned(),
        "ffffe000-fffff000 ---p 00000000 00:00 0          [vdso]\n".to_owned(),
    ];
    assert_eq!(text, expected.concat());
    let path = format!("/proc/{}/maps", watched.lab.pid(watched.program));
    let in_pieces = bytes_of(&mut watched.lab, watched.reader, &path, 7).unwrap();
    assert_eq!(in_pieces, text.as_bytes());
    watched.lab.check();
}

/// The page of its text is there as soon as its first instruction is fetched.
#[test]
fn example_7_sizes_of_a_small_program() {
    let mut watched = Watched::new(plain());
    let status = watched.read("status");
    for (name, value) in [
        ("VmSize", "92 kB"),
        ("VmLck", "0 kB"),
        ("VmRSS", "12 kB"),
        ("VmData", "0 kB"),
        ("VmStk", "84 kB"),
        ("VmExe", "4 kB"),
        ("VmLib", "0 kB"),
        ("VmPTE", "8 kB"),
    ] {
        assert_eq!(line(&status, name), value, "{name}");
    }
    assert!(status.contains("VmSize:\t      92 kB\n"));
    assert_eq!(watched.read("statm"), "23 3 1 1 0 21 0\n");
}

#[test]
fn example_8_fields_of_stat() {
    let args = args("/bin/a", &["a", "bb", "ccc"], &["X=1"]);
    let mut watched = Watched::new(args);
    let pid = watched.lab.pid(watched.program);
    let stat = watched.read("stat");
    assert!(stat.starts_with(&format!("{pid} (a) R 1 ")), "{stat}");
    let fields: Vec<&str> = stat.split_whitespace().collect();
    assert_eq!(fields.len(), 41);
    let esp = 0xbfff_ff20_u32.to_string();
    let eip = 0x0804_8400_u32.to_string();
    let expected = [
        "94208",
        "3",
        "4294967295",
        "134512640",
        "134514112",
        "3221225248",
        &esp,
        &eip,
    ];
    assert_eq!(fields[22..30], expected);
    // Nice, threads, timer.
    assert_eq!(fields[18..21], ["0", "1", "0"]);
}

/// The examples count on after `calc_load()` of 60 seconds.
#[test]
fn examples_43_to_46_load_averages() {
    let busy = "run 1000000000";
    for (hogs, step, ticks, expected) in [
        (1, busy, 60_500, "0.63 0.18 0.06 2/"),
        (1, busy, 5001, "0.08 0.02 0.01 2/"),
        (2, busy, 5001, "0.16 0.03 0.01 3/"),
        (3, busy, 5001, "0.24 0.05 0.02 4/"),
        (1, "run 60500", 120_500, "0.23 0.14 0.05 1/"),
        (1, busy, 3_000_500, "0.99 "),
    ] {
        let mut lab = Lab::boot();
        for _ in 0..hogs {
            lab.workload("hog", &[step], &[]);
        }
        lab.tick(ticks);
        let reader = patient(&mut lab);
        let load = text_of(&mut lab, reader, "/proc/loadavg").unwrap();
        assert!(load.starts_with(expected), "{load}, not {expected}");
        let last = format!("{} {}\n", lab.kernel().nr_threads(), lab.last_pid());
        assert!(load.replace('/', " ").ends_with(&last), "{load}");
    }
    let (mut lab, sh) = Lab::with_shell();
    lab.vfork(sh);
    lab.tick(60_500);
    let reader = lab.spawn("reader");
    let load = text_of(&mut lab, reader, "/proc/loadavg").unwrap();
    assert!(load.starts_with("0.63 0.18 0.06 1/"), "{load}");
}

#[test]
fn example_47_a_zombie() {
    let (mut lab, sh) = Lab::with_shell();
    let child = lab.fork(sh);
    let (pid, parent) = (lab.pid(child), lab.pid(sh));
    lab.exit(child, 0);
    let root = lab.spawn_as("root", 0);
    let path = |name: &str| format!("/proc/{pid}/{name}");
    let stat = text_of(&mut lab, sh, &path("stat")).unwrap();
    assert!(
        stat.starts_with(&format!("{pid} (sh) Z {parent} ")),
        "{stat}"
    );
    let fields: Vec<&str> = stat.split_whitespace().collect();
    assert_eq!((fields[22], fields[23]), ("0", "0"));
    assert_eq!(fields[25..30], ["0"; 5]);
    let status = text_of(&mut lab, sh, &path("status")).unwrap();
    assert_eq!(line(&status, "VmSize"), "none");
    assert_eq!(line(&status, "FDSize"), "0");
    assert_eq!(line(&status, "Threads"), "1");
    for name in ["cmdline", "maps"] {
        assert_eq!(text_of(&mut lab, sh, &path(name)).unwrap(), "", "{name}");
    }
    assert_eq!(readlink(&mut lab, sh, &path("exe")), Err(Errno::EACCES));
    assert_eq!(readlink(&mut lab, root, &path("exe")), Err(Errno::ENOENT));
    lab.check();
}

#[test]
fn example_48_a_program_shows_a_text_of_its_own() {
    let args = args("/bin/a", &["a", "bb", "ccc"], &["X=1"]);
    let mut watched = Watched::new(args.clone());
    assert_eq!(watched.read("cmdline"), "a\0bb\0ccc\0");
    assert_eq!(watched.read("environ"), "X=1\0");
    // The same with a program that fills its arguments with Z: `rep stosb`, then a loop.
    let (mut lab, sh) = Lab::with_shell();
    let mut bytes = Elf::default().bytes();
    let code = b"\xbf\xe8\xff\xff\xbf\xb9\x09\0\0\0\xb0Z\xf3\xaa\xeb\xfe";
    bytes[0x400..0x400 + code.len()].copy_from_slice(code);
    put(&mut lab, "/bin/a", bytes);
    assert_eq!(lab.call(sh, Syscall::Execve(args)), 0);
    let reader = patient(&mut lab);
    lab.tick(1);
    let path = format!("/proc/{}/cmdline", lab.pid(sh));
    assert_eq!(text_of(&mut lab, reader, &path).unwrap(), "ZZZZZZZZZX=1");
}

#[test]
fn the_auxiliary_vector_has_eighteen_pairs_and_without_one_there_is_only_the_end() {
    let Watched {
        mut lab,
        program,
        reader,
    } = Watched::new(plain());
    let path = format!("/proc/{}/auxv", lab.pid(program));
    let auxv = bytes_of(&mut lab, reader, &path, 3072).unwrap();
    assert_eq!(auxv.len(), 144);
    assert_eq!(auxv[..8], [32, 0, 0, 0, 0, 0xe4, 0xff, 0xff]);
    let (mut lab, sh) = Lab::with_shell();
    let auxv = bytes_of(&mut lab, sh, "/proc/self/auxv", 3072).unwrap();
    assert_eq!(auxv, [0; 8]);
}

/// Example 26: the directory belongs to the effective user, what is in it to root.
#[test]
fn a_program_with_a_set_id_bit_closes_its_files() {
    let (mut lab, sh) = with_files_of_root();
    let (mode, bytes) = (0o4755, Elf::default().bytes());
    put_mode(&mut lab, "/bin/a", mode, bytes);
    assert_eq!(
        lstat(&mut lab, sh, "/proc/self/environ"),
        (S_IFREG | 0o400, 500, 500)
    );
    assert_eq!(lab.call(sh, Syscall::Execve(plain())), 0);
    let dir = format!("/proc/{}", lab.pid(sh));
    let other = patient(&mut lab);
    assert_eq!(lstat(&mut lab, other, &dir), (S_IFDIR | 0o555, 0, 500));
    for (name, mode) in [
        ("task", S_IFDIR | 0o555),
        ("fd", S_IFDIR | 0o500),
        ("status", S_IFREG | 0o444),
        ("mem", S_IFREG | 0o600),
        ("exe", S_IFLNK | 0o777),
        ("oom_adj", S_IFREG | 0o644),
    ] {
        let path = format!("{dir}/{name}");
        assert_eq!(lstat(&mut lab, other, &path), (mode, 0, 0), "{name}");
    }
    assert_eq!(
        open(&mut lab, other, &format!("{dir}/fd"), 0),
        Err(Errno::EACCES)
    );
}

/// Example 31: who may execute a program and not read it does not see its environment.
#[test]
fn memory_that_is_not_dumpable_hides_the_environment() {
    let (mut lab, sh) = Lab::with_shell();
    assert_eq!(lab.call(sh, Syscall::Prctl(PR_SET_DUMPABLE, 0)), 0);
    assert_eq!(own(&mut lab, sh, "environ"), Err(Errno::EACCES));
    // The file was opened when it could be; reading asks again.
    assert_eq!(lab.call(sh, Syscall::Prctl(PR_SET_DUMPABLE, 1)), 0);
    let fd = open(&mut lab, sh, "/proc/self/environ", O_RDONLY).unwrap();
    assert_eq!(lab.call(sh, Syscall::Prctl(PR_SET_DUMPABLE, 0)), 0);
    let read = filled(&mut lab, sh, BufferCall::Read(fd), 100);
    assert_eq!(read, Err(Errno::ESRCH));
}

#[test]
fn what_is_listed_and_in_which_order() {
    let (mut lab, sh) = Lab::with_shell();
    let child = lab.fork(sh);
    let thread = lab
        .clone(
            sh,
            CloneFlags::CLONE_THREAD | CloneFlags::CLONE_SIGHAND | CloneFlags::CLONE_VM,
        )
        .unwrap();
    let (tid, pids) = (lab.pid(thread), [1, lab.pid(sh), lab.pid(child)]);
    let mut root = names(&mut lab, sh, "/proc", 4096);
    assert_eq!(names(&mut lab, sh, "/proc", 32), root, "one at a time");
    let processes = root.split_off(root.iter().position(|name| name == "self").unwrap());
    assert_eq!(processes[1..], pids.map(|pid| pid.to_string()));
    let fixed = [
        ".",
        "..",
        "swaps",
        "sys",
        "vmstat",
        "buddyinfo",
        "stat",
        "cpuinfo",
        "mounts",
        "cmdline",
        "filesystems",
        "version",
        "meminfo",
        "uptime",
        "loadavg",
    ];
    assert_eq!(root, fixed);
    let own = [
        ".",
        "..",
        "task",
        "fd",
        "environ",
        "auxv",
        "status",
        "cmdline",
        "stat",
        "statm",
        "maps",
        "mem",
        "cwd",
        "root",
        "exe",
        "mounts",
        "oom_score",
        "oom_adj",
    ];
    assert_eq!(names(&mut lab, sh, "/proc/self", 4096), own);
    // Every task has a directory, whether it is listed or not, and is shown as one by its process.
    let path = format!("/proc/{tid}");
    assert_eq!(names(&mut lab, sh, &path, 4096), own);
    let tasks = names(&mut lab, sh, "/proc/self/task", 4096);
    assert_eq!(tasks[2..], [pids[1].to_string(), tid.to_string()]);
    let of_thread = names(&mut lab, sh, &format!("/proc/self/task/{tid}"), 4096);
    assert_eq!(of_thread[2..], own[3..]);
    // The descriptor of the scan is there, too.
    assert_eq!(
        names(&mut lab, sh, "/proc/self/fd", 4096)[2..],
        ["0", "1", "2", "3"]
    );
    lab.check();
}

#[test]
fn what_can_be_looked_up() {
    let (mut lab, sh) = Lab::with_shell();
    let pid = lab.pid(sh);
    let other = lab.fork(sh);
    let stranger = lab.pid(other);
    for (path, expected) in [
        (format!("/proc/{pid}/status"), Ok(())),
        (format!("/proc/0{pid}/status"), Err(Errno::ENOENT)),
        ("/proc/0".to_owned(), Err(Errno::ENOENT)),
        ("/proc/99999".to_owned(), Err(Errno::ENOENT)),
        (format!("/proc/self/task/{stranger}"), Err(Errno::ENOENT)),
        ("/proc/self/fd/0".to_owned(), Ok(())),
        ("/proc/self/fd/7".to_owned(), Err(Errno::ENOENT)),
        ("/proc/self/nothing".to_owned(), Err(Errno::ENOENT)),
        ("/proc/self/smaps".to_owned(), Err(Errno::ENOENT)),
        ("/proc/self/../self/./maps".to_owned(), Ok(())),
        ("/proc/../proc/self/task/..".to_owned(), Ok(())),
        ("/proc/self/maps/".to_owned(), Err(Errno::ENOTDIR)),
        ("/proc/mounts".to_owned(), Ok(())),
    ] {
        let opened = open(&mut lab, sh, &path, O_RDONLY).map(|_| ());
        assert_eq!(opened, expected, "{path}");
    }
    assert_eq!(readlink(&mut lab, sh, "/proc/self"), Ok(pid.to_string()));
    assert_eq!(
        readlink(&mut lab, sh, "/proc/mounts"),
        Ok("self/mounts".into())
    );
    lab.check();
}

#[test]
fn links_lead_to_what_no_path_names() {
    let (mut lab, sh) = Lab::with_shell();
    assert_eq!(
        readlink(&mut lab, sh, "/proc/self/exe"),
        Ok("/bin/sh".into())
    );
    assert_eq!(readlink(&mut lab, sh, "/proc/self/root"), Ok("/".into()));
    assert_eq!(
        readlink(&mut lab, sh, "/proc/self/fd/0"),
        Ok("/dev/console".into())
    );
    assert_eq!(lab.call(sh, Syscall::Chdir("/tmp".into())), 0);
    assert_eq!(readlink(&mut lab, sh, "/proc/self/cwd"), Ok("/tmp".into()));
    let root = lab.spawn_as("root", 0);
    assert_eq!(lab.call(root, Syscall::Unlink("/bin/sh".into())), 0);
    let exe = readlink(&mut lab, sh, "/proc/self/exe");
    assert_eq!(exe, Ok("/bin/sh (deleted)".into()));
    let text = bytes_of(&mut lab, sh, "/proc/self/exe", 3072).unwrap();
    assert!(!text.is_empty(), "it is still there");
    let (read, write) = lab.pipe(sh);
    let name = readlink(&mut lab, sh, &format!("/proc/self/fd/{read}")).unwrap();
    assert!(name.starts_with("pipe:["), "{name}");
    for (fd, mode) in [(read, 0o500), (write, 0o300), (0, 0o700)] {
        let path = format!("/proc/self/fd/{fd}");
        assert_eq!(lstat(&mut lab, sh, &path), (S_IFLNK | mode, 500, 500));
    }
    // A pipe that is opened by its link is the same pipe.
    let again = open(&mut lab, sh, &format!("/proc/self/fd/{write}"), O_WRONLY).unwrap();
    assert_eq!(lab.write_fd(sh, again, b"hello"), Ok(5));
    assert_eq!(lab.read_fd(sh, read, 10), Ok(Ok("hello".into())));
    lab.check();
}

#[test]
fn links_are_for_their_owner_and_within_his_root() {
    let (mut lab, sh) = Lab::with_shell();
    let pid = lab.pid(sh);
    let stranger = lab.spawn_as("stranger", 501);
    let cwd = format!("/proc/{pid}/cwd");
    assert_eq!(readlink(&mut lab, stranger, &cwd), Err(Errno::EACCES));
    assert_eq!(open(&mut lab, stranger, &cwd, O_RDONLY), Err(Errno::EACCES));
    assert_eq!(readlink(&mut lab, sh, &cwd), Ok("/".into()));
    let root = lab.spawn_as("root", 0);
    let status = open(&mut lab, root, "/proc", O_RDONLY).unwrap();
    assert_eq!(lab.call(root, Syscall::Chroot("/tmp".into())), 0);
    assert_eq!(lab.call(root, Syscall::Fchdir(status)), 0);
    let link = readlink(&mut lab, root, &format!("{pid}/cwd"));
    assert_eq!(link, Err(Errno::EACCES), "outside of the caller's root");
    assert_eq!(readlink(&mut lab, root, "self/root"), Ok("/tmp".into()));
    lab.check();
}

#[test]
fn who_is_gone_has_no_files_and_what_was_open_says_so() {
    let (mut lab, sh) = Lab::with_shell();
    let child = lab.fork(sh);
    let dir = format!("/proc/{}", lab.pid(child));
    let status = open(&mut lab, sh, &format!("{dir}/status"), O_RDONLY).unwrap();
    let maps = open(&mut lab, sh, &format!("{dir}/maps"), O_RDONLY).unwrap();
    let list = open(&mut lab, sh, &dir, O_RDONLY).unwrap();
    assert_eq!(lab.call(sh, Syscall::Chdir(format!("{dir}/task"))), 0);
    lab.exit(child, 0);
    lab.wait(sh, -1, 0);
    assert_eq!(open(&mut lab, sh, &dir, O_RDONLY), Err(Errno::ENOENT));
    let mut read = |fd| filled(&mut lab, sh, BufferCall::Read(fd), 100);
    assert_eq!(read(status), Err(Errno::ESRCH));
    assert_eq!(read(maps), Ok(Vec::new()));
    let scan = filled(&mut lab, sh, BufferCall::Getdents(list), 100);
    assert_eq!(scan, Err(Errno::ENOENT));
    assert_eq!(open(&mut lab, sh, "..", O_RDONLY), Err(Errno::ENOENT));
    assert_eq!(open(&mut lab, sh, "status", O_RDONLY), Err(Errno::ENOENT));
    lab.check();
}

#[test]
fn nothing_is_made_or_removed_there() {
    let (mut lab, sh) = Lab::with_shell();
    let root = lab.spawn_as("root", 0);
    for (call, expected) in [
        (Syscall::Mkdir("/proc/x".into(), 0o777), Errno::ENOENT),
        (Syscall::Unlink("/proc/version".into()), Errno::EPERM),
        (Syscall::Rmdir("/proc/1".into()), Errno::EPERM),
        (Syscall::Rmdir("/proc".into()), Errno::EBUSY),
    ] {
        let shown = format!("{call:?}");
        assert_eq!(errno(lab.call(root, call)), expected, "{shown}");
    }
    let write = open(&mut lab, root, "/proc/version", O_WRONLY).unwrap();
    assert_eq!(lab.write_fd(root, write, b"x"), Ok(-Errno::EIO.code()));
    assert_eq!(
        open(&mut lab, sh, "/proc/version", O_WRONLY),
        Err(Errno::EACCES)
    );
    assert_eq!(
        open(&mut lab, root, "/proc/new", O_CREAT),
        Err(Errno::ENOENT)
    );
    lab.check();
}

#[test]
fn texts_of_the_system() {
    let (mut lab, sh) = Lab::with_shell();
    lab.tick(1234);
    for (name, start) in [
        ("uptime", "1.23 1.23\n"),
        ("version", "Linux version 2.6.12-rc2 ("),
        ("meminfo", "MemTotal:     "),
        ("filesystems", "nodev\trootfs\nnodev\tproc\n"),
        ("cmdline", "\n"),
        ("mounts", "rootfs / rootfs rw 0 0\nproc /proc proc rw 0 0\n"),
        ("vmstat", "nr_dirty 0\nnr_writeback 0\n"),
        ("buddyinfo", "Node 0, zone      DMA "),
        ("swaps", ""),
        (
            "stat",
            "cpu  0 0 0 123 0 0 0 0\ncpu0 0 0 0 123 0 0 0 0\nintr 1234 1234 0 ",
        ),
        (
            "cpuinfo",
            "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\n",
        ),
        ("sys/vm/swappiness", "60\n"),
        ("sys/kernel/shmmax", "33554432\n"),
    ] {
        let text = text_of(&mut lab, sh, &format!("/proc/{name}")).unwrap();
        assert!(text.starts_with(start), "{name}: {text}");
        let in_pieces = bytes_of(&mut lab, sh, &format!("/proc/{name}"), 11);
        // Reading changes some of the counters, and a tunable is read at once.
        if !name.starts_with("sys/") && name != "stat" {
            assert_eq!(in_pieces.unwrap(), text.as_bytes(), "{name}");
        }
    }
    let meminfo = text_of(&mut lab, sh, "/proc/meminfo").unwrap();
    assert_eq!(meminfo.lines().count(), 23);
    let vmstat = text_of(&mut lab, sh, "/proc/vmstat").unwrap();
    assert_eq!(vmstat.lines().count(), 37);
    let cpuinfo = text_of(&mut lab, sh, "/proc/cpuinfo").unwrap();
    for line in [
        "model name\t: Pentium Pro\n",
        "cache size\t: 256 KB\n",
        "cpuid level\t: 2\nwp\t\t: yes\n",
        "flags\t\t: fpu pse tsc cx8 pge cmov\n",
    ] {
        assert!(cpuinfo.contains(line), "{cpuinfo}");
    }
    let names = names(&mut lab, sh, "/proc/sys", 4096);
    assert_eq!(names[2..], ["vm", "kernel"]);
}

#[test]
fn tunables_are_written_by_root_alone() {
    let (mut lab, sh) = Lab::with_shell();
    let path = "/proc/sys/vm/swappiness";
    assert_eq!(open(&mut lab, sh, path, O_WRONLY), Err(Errno::EACCES));
    let root = lab.spawn_as("root", 0);
    for (bytes, expected, value) in [
        (&b"10\n"[..], Ok(3), "10\n"),
        (b"101\n", Ok(-Errno::EINVAL.code()), "10\n"),
        (b"x\n", Ok(-Errno::EINVAL.code()), "10\n"),
        (b" 0x14", Ok(5), "20\n"),
    ] {
        let fd = open(&mut lab, root, path, O_RDWR).unwrap();
        assert_eq!(lab.write_fd(root, fd, bytes), expected);
        assert_eq!(lab.call(root, Syscall::Close(fd)), 0);
        assert_eq!(text_of(&mut lab, root, path).unwrap(), value);
    }
    // The file is open, and its opener is no longer root.
    let fd = open(&mut lab, root, path, O_RDWR).unwrap();
    assert_eq!(lab.call(root, Syscall::Setuid32(500)), 0);
    assert_eq!(lab.write_fd(root, fd, b"1\n"), Ok(-Errno::EPERM.code()));
}

#[test]
fn badness_can_be_adjusted() {
    let (mut lab, sh) = Lab::with_shell();
    let root = lab.spawn_as("root", 0);
    let pid = lab.pid(sh);
    let score = |lab: &mut Lab| {
        let text = own(lab, sh, "oom_score").unwrap();
        text.trim().parse::<u32>().unwrap()
    };
    let before = score(&mut lab);
    let fd = open(&mut lab, root, &format!("/proc/{pid}/oom_adj"), O_RDWR).unwrap();
    for (bytes, expected) in [
        (&b"16\n"[..], -Errno::EINVAL.code()),
        (b"x\n", -Errno::EIO.code()),
        (b"3\n", 2),
    ] {
        assert_eq!(lab.write_fd(root, fd, bytes), Ok(expected));
    }
    assert_eq!(own(&mut lab, sh, "oom_adj").unwrap(), "3\n");
    assert_eq!(score(&mut lab), before << 3);
    let child = lab.fork(sh);
    assert_eq!(
        own(&mut lab, child, "oom_adj").unwrap(),
        "3\n",
        "it is inherited"
    );
    let fd = open(&mut lab, sh, "/proc/self/oom_adj", O_RDWR).unwrap();
    assert_eq!(lab.write_fd(sh, fd, b"0\n"), Ok(-Errno::EPERM.code()));
}

#[test]
fn memory_is_read_by_its_owner_at_the_offset() {
    let (mut lab, sh) = Lab::with_shell();
    let page = lab.map(sh, 1);
    lab.write(sh, page, 0x1122_3344);
    let fd = open(&mut lab, sh, "/proc/self/mem", O_RDWR).unwrap();
    let seek = |lab: &mut Lab, offset| {
        let call = Syscall::Lseek(fd, offset, SEEK_SET);
        lab.call(sh, call)
    };
    let at = page.0.cast_signed();
    assert_eq!(seek(&mut lab, at), at);
    let bytes = filled(&mut lab, sh, BufferCall::Read(fd), 8).unwrap();
    assert_eq!(bytes, [0x44, 0x33, 0x22, 0x11, 0, 0, 0, 0]);
    seek(&mut lab, 0x1000);
    let nothing = filled(&mut lab, sh, BufferCall::Read(fd), 8);
    assert_eq!(nothing, Err(Errno::EIO));
    assert_eq!(lab.write_fd(sh, fd, b"x"), Ok(-Errno::EINVAL.code()));
    let pid = lab.pid(sh);
    let other = lab.fork(sh);
    let fd = open(&mut lab, other, &format!("/proc/{pid}/mem"), O_RDONLY).unwrap();
    let read = filled(&mut lab, other, BufferCall::Read(fd), 8);
    assert_eq!(read, Err(Errno::ESRCH), "it does not trace it");
}
