//! Explains why a call that changes mapped memory failed, and how to fix it.

use super::remedy::{Advice, map_advice};
use crate::abi::Errno;
use crate::kernel::syscall::{AreaRefusal, NotPresent};

/// Advice on a refused mprotect, and on those calls that follow the same rules.
pub(super) const fn area_advice(refusal: AreaRefusal) -> Advice {
    use AreaRefusal as R;
    let (rule, remedy) = match refusal {
        R::Map(refusal) => return map_advice(refusal),
        R::GrowsBothWays => (
            "sys_mprotect() accepts one direction (mm/mprotect.c)",
            "PROT_GROWSDOWN is for stacks; no area grows upward on i386",
        ),
        R::Wraps(_) => (
            "start plus length must not exceed 32 bits (mm/mprotect.c, mm/mlock.c, mm/madvise.c)",
            "maps(task) shows what is mapped where",
        ),
        R::UnknownProt(_) => (
            "sys_mprotect() rejects bits that it does not know; mmap ignores them (mm/mprotect.c)",
            "combine PROT_READ, PROT_WRITE and PROT_EXEC, or use PROT_NONE",
        ),
        R::Hole(_) => (
            "the whole range must be mapped; what lies below the hole is changed all the same \
             (mm/mprotect.c, mm/mlock.c)",
            "maps(task) shows what is mapped where",
        ),
        R::DoesNotGrow => (
            "PROT_GROWSDOWN requires an area with VM_GROWSDOWN; no area has VM_GROWSUP on i386 \
             (mm/mprotect.c)",
            "use it on the stack, or on memory mapped with MAP_GROWSDOWN",
        ),
        R::RightsRefused(_) => (
            "mprotect() may only give rights whose VM_MAY bit is set, which depends on how the \
             file was opened (mm/mprotect.c)",
            "open the file with O_RDWR, or map it with MAP_PRIVATE",
        ),
        R::UnknownRemapFlags
        | R::FixedWithoutMayMove
        | R::TargetBeyondUserSpace
        | R::TargetOverlaps
        | R::NotMapped(_)
        | R::SeveralAreas(_)
        | R::MayNotGrow
        | R::NoRoomToGrow => return remap_advice(refusal),
        R::HoleSkipped(_) | R::UnknownAdvice(_) | R::NoFile | R::Locked => {
            return madvise_advice(refusal);
        }
        R::UnknownLockFlags | R::LocksTooMuch | R::NotNow | R::NotPresent(_) => {
            return lock_advice(refusal);
        }
    };
    Advice { rule, remedy }
}

/// Advice on a refused mremap.
const fn remap_advice(refusal: AreaRefusal) -> Advice {
    use AreaRefusal as R;
    let (rule, remedy) = match refusal {
        R::UnknownRemapFlags | R::FixedWithoutMayMove => (
            "do_mremap() knows MREMAP_MAYMOVE and MREMAP_FIXED, the latter only with the former \
             (mm/mremap.c)",
            "use MREMAP_MAYMOVE, or MREMAP_MAYMOVE | MREMAP_FIXED with a new address",
        ),
        R::TargetBeyondUserSpace => (
            "user space ends at TASK_SIZE, 0xc0000000 (include/asm-i386/processor.h)",
            "maps(task) shows what is mapped where",
        ),
        R::TargetOverlaps => (
            "do_mremap() does not move a range onto itself (mm/mremap.c)",
            "leave out MREMAP_FIXED: the kernel finds a place",
        ),
        R::NotMapped(_) | R::SeveralAreas(_) => (
            "do_mremap() grows and moves a part of one area; only to shrink, the range may cross \
             several (mm/mremap.c)",
            "maps(task) shows the areas: remap them one by one",
        ),
        R::MayNotGrow => (
            "an area with VM_DONTEXPAND cannot grow (mm/mremap.c)",
            "map the other pages separately",
        ),
        _ => (
            "do_mremap() moves an area only with MREMAP_MAYMOVE (mm/mremap.c)",
            "add MREMAP_MAYMOVE, or unmap what lies behind the area",
        ),
    };
    Advice { rule, remedy }
}

/// Advice on a refused madvise.
const fn madvise_advice(refusal: AreaRefusal) -> Advice {
    use AreaRefusal as R;
    let (rule, remedy) = match refusal {
        R::HoleSkipped(_) => (
            "sys_madvise() skips holes and reports them at the end; the areas around them are \
             advised (mm/madvise.c)",
            "maps(task) shows what is mapped where",
        ),
        R::UnknownAdvice(_) => (
            "madvise_vma() knows five kinds of advice (mm/madvise.c)",
            "use MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED or MADV_DONTNEED",
        ),
        R::NoFile => (
            "madvise_willneed() reads pages of a file ahead (mm/madvise.c)",
            "leave it out: anonymous memory has nothing to read",
        ),
        _ => (
            "madvise_dontneed() throws no locked pages away (mm/madvise.c)",
            "munlock(addr, len) first",
        ),
    };
    Advice { rule, remedy }
}

/// Advice on refused calls that lock memory.
const fn lock_advice(refusal: AreaRefusal) -> Advice {
    use AreaRefusal as R;
    let (rule, remedy) = match refusal {
        R::UnknownLockFlags => (
            "sys_mlockall() requires MCL_CURRENT, MCL_FUTURE or both (mm/mlock.c)",
            "mlockall(MCL_CURRENT | MCL_FUTURE) locks all memory",
        ),
        R::LocksTooMuch => (
            "sys_mlock() counts the pages of the range, those locked already included \
             (mm/mlock.c)",
            "setrlimit(RLIMIT_MEMLOCK, ..), or be root: spawn(\"sh\", #{uid: 0})",
        ),
        R::NotNow => (
            "split_vma() gets no vm_area_struct; mlock and madvise report that as EAGAIN \
             (mm/mlock.c, mm/madvise.c)",
            "inject(\"fail_slab\", -1) turns the injected failure off",
        ),
        R::NotPresent(NotPresent::FirstPage) => (
            "make_pages_present() finds no right to read or write; the area is locked all the \
             same (mm/memory.c)",
            "mprotect(addr, len, PROT_READ) first",
        ),
        _ => (
            "make_pages_present() has not brought in all pages; the area is locked all the same \
             (mm/memory.c)",
            "let tasks exit, or boot(#{mem: ..}) with more memory",
        ),
    };
    Advice { rule, remedy }
}

/// Advice on calls about System V shared memory.
pub(super) fn segment_advice(call: &str, errno: Errno) -> Option<Advice> {
    let (rule, remedy) = match (call, errno) {
        ("shmget", Errno::ENOENT) => (
            "sys_shmget() finds no segment with that key (ipc/shm.c)",
            "shmget(key, size, IPC_CREAT | 0o600) creates one",
        ),
        ("shmget", Errno::EEXIST) => (
            "IPC_CREAT | IPC_EXCL requires that the segment does not exist yet (ipc/shm.c)",
            "leave out IPC_EXCL, or use IPC_PRIVATE as the key",
        ),
        ("shmget", Errno::EINVAL) => (
            "a new segment has 1 byte to kernel.shmmax, and an existing one at least as many as \
             requested (ipc/shm.c)",
            "sysctl(\"kernel.shmmax\", bytes) raises the limit; request 0 bytes of a segment that \
             exists",
        ),
        ("shmget", Errno::ENOSPC) => (
            "newseg() makes at most kernel.shmmni segments, of kernel.shmall pages in all \
             (ipc/shm.c)",
            "shmctl(segment, IPC_RMID) removes one; sysctl(\"kernel.shmall\", pages) raises the limit",
        ),
        ("shmat", Errno::EINVAL) => (
            "do_shmat() needs an existing segment, and an address at a page boundary where nothing \
             is mapped, away from the stack (ipc/shm.c)",
            "shmat(segment) lets the kernel choose; SHM_RND rounds down, SHM_REMAP replaces",
        ),
        ("shmdt", Errno::EINVAL) => (
            "sys_shmdt() finds no segment that was attached there (ipc/shm.c)",
            "maps(task) shows segments as /SYSV...",
        ),
        ("shmctl", Errno::EPERM) => (
            "only owner, creator and root may remove, change and lock a segment (ipc/shm.c)",
            "do it as the same user or as root: spawn(\"sh\", #{uid: 0})",
        ),
        ("shmctl", Errno::ENOMEM) => (
            "user_shm_lock() counts all segments that a user has locked against RLIMIT_MEMLOCK \
             (mm/mlock.c)",
            "setrlimit(RLIMIT_MEMLOCK, ..), or be root: spawn(\"sh\", #{uid: 0})",
        ),
        (_, Errno::EACCES) => (
            "ipcperms(): the mode of the segment does not give this user access (ipc/util.c)",
            "shmget(key, size, IPC_CREAT | 0o666) creates a segment for everybody; SHM_RDONLY needs \
             less",
        ),
        (_, Errno::EINVAL | Errno::EIDRM) => (
            "the segment does not exist, or has been removed (ipc/shm.c)",
            "shmget() returns the id of a segment; shared_memory() lists all",
        ),
        _ => return None,
    };
    Some(Advice { rule, remedy })
}
