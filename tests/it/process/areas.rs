//! What calls that change mapped memory say when they refuse, and what programs see of them.

use crate::programs::printed;

/// Bad arguments, and what the message says: the errno, and the rule that was broken.
#[test]
fn a_refusal_names_the_rule() {
    for (call, errno, rule) in [
        (
            "mprotect(a + 1, 1, 0)",
            "EINVAL",
            "the address is not a multiple of 4096",
        ),
        (
            "mprotect(a, 4*KiB, 16)",
            "EINVAL",
            "prot has unknown bits: 0x10",
        ),
        (
            "mprotect(a, -4096, 0)",
            "ENOMEM",
            "the range wraps around the end of memory",
        ),
        (
            "mprotect(0xc0000000, 4*KiB, 0)",
            "ENOMEM",
            "nothing is mapped at 0xc0000000",
        ),
        (
            "mprotect(a, 4*KiB, PROT_GROWSDOWN)",
            "EINVAL",
            "the area does not grow that way",
        ),
        (
            "mprotect(a, 4*KiB, PROT_GROWSDOWN | PROT_GROWSUP)",
            "EINVAL",
            "PROT_GROWSDOWN and PROT_GROWSUP exclude each other",
        ),
        ("mremap(a, 4*KiB, 4*KiB, 4)", "EINVAL", "unknown flags"),
        (
            "mremap(a + 4, 4*KiB, 4*KiB, 0)",
            "EINVAL",
            "the address is not a multiple of 4096",
        ),
        ("mremap(a, 4*KiB, 0, 0)", "EINVAL", "the length is 0"),
        ("mremap(a, 4*KiB, -1, 0)", "EINVAL", "the length is 0"),
        (
            "mremap(a, 4*KiB, 4*KiB, MREMAP_FIXED, 0x60000000)",
            "EINVAL",
            "MREMAP_FIXED requires MREMAP_MAYMOVE",
        ),
        (
            "mremap(a, 4*KiB, 4*KiB, MREMAP_FIXED | MREMAP_MAYMOVE, 0xc0000000)",
            "EINVAL",
            "the target ends beyond user space (0xc0000000)",
        ),
        (
            "mremap(a, 4*KiB, 4*KiB, MREMAP_FIXED | MREMAP_MAYMOVE, a)",
            "EINVAL",
            "the target overlaps the old range",
        ),
        (
            "mremap(0x60000000, 0, 4*KiB, 0)",
            "EFAULT",
            "nothing is mapped at 0x60000000",
        ),
        (
            "mremap(a, 16*KiB, 32*KiB, 0)",
            "EFAULT",
            "the area ends at 0x50002000, before the old length",
        ),
        (
            "mremap(a, 8*KiB, 3000*MiB, MREMAP_MAYMOVE)",
            "ENOMEM",
            "3071992 KiB requested",
        ),
        ("madvise(a, 4*KiB, 5)", "EINVAL", "there is no advice 5"),
        (
            "madvise(a, 4*KiB, MADV_WILLNEED)",
            "EBADF",
            "the memory is not in a file",
        ),
        (
            "madvise(a, 64*KiB, MADV_DONTNEED)",
            "ENOMEM",
            "nothing is mapped at 0x50002000",
        ),
        (
            "madvise(a, -1, MADV_NORMAL)",
            "EINVAL",
            "the range wraps around the end of memory",
        ),
        (
            "mlock(a, 64*KiB)",
            "ENOMEM",
            "the task would lock more than RLIMIT_MEMLOCK",
        ),
        (
            "mlock(a, 16*KiB)",
            "ENOMEM",
            "nothing is mapped at 0x50002000",
        ),
        (
            "mlock(none, 4*KiB)",
            "EFAULT",
            "the first page cannot be accessed",
        ),
        (
            "munlock(a, 0xffff_f000)",
            "EINVAL",
            "the range wraps around the end of memory",
        ),
        ("mlockall(0)", "EINVAL", "no flags, or unknown ones"),
        (
            "mlockall(MCL_CURRENT)",
            "ENOMEM",
            "the task would lock more than RLIMIT_MEMLOCK",
        ),
        ("shmget(IPC_PRIVATE, 0, 0o600)", "EINVAL", ""),
        ("shmat(-1, 0, 0)", "EINVAL", ""),
        ("shmat(0, 0, 0)", "EINVAL", ""),
        ("shmdt(a)", "EINVAL", ""),
        ("shmctl(0, 99)", "EINVAL", ""),
        ("dio_read(0x60000000, 4)", "EFAULT", ""),
    ] {
        let lines = printed(&format!(
            "let sh = spawn(\"sh\");
            let fixed = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
            let a = sh.mmap(0x50000000, 8*KiB, PROT_READ | PROT_WRITE, fixed);
            let none = sh.mmap(0x51000000, 4*KiB, PROT_NONE, fixed);
            try {{ sh.{call}; print(\"done\"); }} catch (error) {{
                print(error.name);
                print(error.message);
                print(error.help != ());
            }}"
        ));
        assert_eq!(lines[0], errno, "{call}: {lines:?}");
        assert!(
            lines[1].ends_with(rule) || lines[1].contains(&format!(": {rule}")),
            "{lines:?}"
        );
        assert_eq!(lines[2], "true", "{call} has a remedy");
    }
}

#[test]
fn programs_change_their_memory() {
    let lines = printed(
        "fn main() {
            let a = mmap(0, 8192, 3, 0x22, -1, 0);
            a[0] = 5;
            print(mprotect(a, 4096, 1));
            let pid = fork();
            if pid == 0 {
                mprotect(a, 4096, 3);
                a[0] = 7;
                exit(a[0]);
            }
            let status = [0];
            waitpid(pid, addr(status), 0);
            print(status[0] >> 8);
            print(a[0]);
            print(mremap(a, 8192, 16384, 1));
            mprotect(a, 4096, 3);
            let b = mremap(a, 8192, 16384, 1);
            print(b[0]);
            print(mlock(b, 4096));
            print(madvise(b, 4096, 4));
            print(munlock(b, 4096));
            print(madvise(b, 4096, 4));
            print(b[0]);
            print(mremap(1, 4096, 4096, 0));
            0
        }
        spawn(\"p\", main);
        run();",
    );
    assert_eq!(
        lines,
        ["0", "7", "5", "-14", "5", "0", "-22", "0", "0", "0", "-22"]
    );
}

/// The words of programs: shmget, shmat, fork; the child stores 5, and the parent reads 5.
#[test]
fn programs_share_a_segment() {
    let lines = printed(
        "fn main() {
            let id = shmget(0, 4096, 0o600);
            let a = shmat(id, 0, 0);
            let pid = fork();
            if pid == 0 { a[0] = 5; exit(0); }
            waitpid(pid, 0, 0);
            print(a[0]);
            print(shmctl(id, IPC_RMID, 0));
            print(shmdt(a));
            print(shmat(id, 0, 0));
            print(shmget(0, 0, 0o600));
            0
        }
        spawn(\"p\", main);
        run();",
    );
    assert_eq!(lines, ["5", "0", "0", "-22", "-22"]);
}
