//! System V shared memory: ids, attaching and detaching, and what becomes of segments.

use super::lab::{Lab, PRIVATE, READ, RW, page, parts, segv_code};
use crate::abi::{
    Caps, Errno, IPC_CREAT, IPC_EXCL, IPC_INFO, IPC_PRIVATE, IPC_RMID, IPC_SET, IPC_STAT,
    PAGE_SIZE, Resource, Rlimit, SHM_HUGETLB, SHM_INFO, SHM_LOCK, SHM_RDONLY, SHM_REMAP, SHM_RND,
    SHM_STAT, SHM_UNLOCK, TaskId, VirtAddr,
};
use crate::kernel::boot::Config;
use crate::kernel::fail::FailPoint;
use crate::kernel::ipc::{IpcObject, ShmSegment};
use crate::kernel::syscall::{AnswerTo, IpcCall, ShmatArgs, SysResult, Syscall};
use crate::kernel::sysctl::Sysctl;

const IPC_64: u32 = 0x100;

fn shmget(lab: &mut Lab, task: TaskId, key: i32, size: u32, flags: u32) -> Result<i32, Errno> {
    let call = Syscall::Ipc(IpcCall::Shmget(key, size, flags));
    lab.call(task, call).map(u32::cast_signed)
}

fn shmat(lab: &mut Lab, task: TaskId, id: i32, addr: u32, flags: u32) -> Result<VirtAddr, Errno> {
    let args = ShmatArgs {
        id,
        addr,
        flags,
        answer: AnswerTo::Value,
    };
    let at = lab.call(task, Syscall::Ipc(IpcCall::Shmat(args)));
    at.map(VirtAddr)
}

fn shmdt(lab: &mut Lab, task: TaskId, addr: u32) -> Result<u32, Errno> {
    lab.call(task, Syscall::Ipc(IpcCall::Shmdt(addr)))
}

fn shmctl(lab: &mut Lab, task: TaskId, id: i32, cmd: u32, buffer: u32) -> Result<u32, Errno> {
    let call = IpcCall::Shmctl(id, cmd, VirtAddr(buffer));
    lab.call(task, Syscall::Ipc(call))
}

/// A task with an attached segment of that many pages.
fn attached(pages: u32) -> (Lab, TaskId, i32, VirtAddr) {
    let (mut lab, a) = Lab::with_task();
    let id = shmget(&mut lab, a, IPC_PRIVATE, pages * PAGE_SIZE, 0o600).unwrap();
    let va = shmat(&mut lab, a, id, 0x5000_0000, 0).unwrap();
    (lab, a, id, va)
}

fn segment(lab: &Lab, id: i32) -> ShmSegment {
    lab.k.shm.find(id).unwrap().clone()
}

impl Lab {
    fn check_all(&self) {
        self.check();
        self.k.check_segments().unwrap();
    }
}

/// shmget, shmat, fork; the child stores 5: the parent reads 5.
#[test]
fn a_parent_reads_what_its_child_has_stored_in_a_segment() {
    let (mut lab, a, id, va) = attached(1);
    let b = lab.fork(a);
    assert_eq!(segment(&lab, id).nattch(), 2);
    lab.write(b, va, 5);
    assert_eq!(lab.read(a, va), 5);
    assert_eq!(lab.pfn(a, va), lab.pfn(b, va));
    // One reference of the cache, two of entries.
    assert_eq!(lab.counts(lab.pfn(a, va)), (3, 2));
    lab.check_all();
    lab.exit(b);
    assert_eq!(segment(&lab, id).nattch(), 1);
    lab.check_all();
}

/// Two tasks that are not related find it by its key, each at an address of its own.
#[test]
fn strangers_meet_by_a_key() {
    let (mut lab, a) = Lab::with_task();
    let b = lab.spawn();
    let id = shmget(&mut lab, a, 42, 5000, IPC_CREAT | 0o666).unwrap();
    assert_eq!(shmget(&mut lab, b, 42, 0, 0), Ok(id));
    let at_a = shmat(&mut lab, a, id, 0x5000_0000, 0).unwrap();
    let at_b = shmat(&mut lab, b, id, 0, 0).unwrap();
    assert_ne!(at_a, at_b);
    lab.write(a, page(at_a, 1), 7);
    assert_eq!(lab.read(b, page(at_b, 1)), 7);
    assert_eq!(lab.area(b, at_b).pages(), 2, "whole pages");
    let inode = lab.k.open_files[lab.area(b, at_b).vm_file.unwrap()].inode();
    assert_eq!(
        (&*lab.k.inodes[inode].path, lab.k.inodes[inode].ino),
        ("SYSV0000002a", 0)
    );
    lab.check_all();
}

#[test]
fn who_finds_and_makes_segments() {
    let (mut lab, a) = Lab::with_task();
    let stranger = lab.spawn_as(501);
    let id = shmget(&mut lab, a, 7, 8192, IPC_CREAT | 0o640).unwrap();
    for (task, key, size, flags, expected) in [
        (a, 8, 0, 0, Err(Errno::ENOENT)),
        (a, 7, 9000, IPC_CREAT | IPC_EXCL, Err(Errno::EEXIST)),
        (a, 7, 8193, IPC_CREAT, Err(Errno::EINVAL)),
        (a, 7, 8192, IPC_CREAT | 0o600, Ok(id)),
        (a, 7, 0, 0, Ok(id)),
        (stranger, 7, 8193, 0o400, Err(Errno::EINVAL)),
        (stranger, 7, 8192, 0o400, Err(Errno::EACCES)),
        (stranger, 7, 8192, 0, Ok(id)),
        (a, 8, 0, IPC_CREAT, Err(Errno::EINVAL)),
        (
            a,
            IPC_PRIVATE,
            (32 << 20) + 1,
            SHM_HUGETLB,
            Err(Errno::EINVAL),
        ),
        (a, IPC_PRIVATE, 1, SHM_HUGETLB, Err(Errno::ENOSYS)),
    ] {
        let found = shmget(&mut lab, task, key, size, flags);
        assert_eq!(found, expected, "{key} {size} {flags:o}");
    }
    assert_eq!(lab.k.shm.iter().count(), 1);
}

#[test]
fn what_limits_segments() {
    let (mut lab, a) = Lab::with_task_on(Config {
        mem: 8 << 20,
        ..Config::default()
    });
    let set = |lab: &mut Lab, sysctl, value| lab.k.config.sysctls.set(sysctl, value);
    let make = |lab: &mut Lab, bytes| shmget(lab, a, IPC_PRIVATE, bytes, 0o600);
    set(&mut lab, Sysctl::Shmmax, 8192);
    assert_eq!(make(&mut lab, 8193), Err(Errno::EINVAL));
    set(&mut lab, Sysctl::Shmall, 4);
    assert!(make(&mut lab, 8192).is_ok());
    // The comparison is strict the wrong way: the last page is never used.
    assert_eq!(make(&mut lab, 8192), Err(Errno::ENOSPC));
    assert!(make(&mut lab, 1).is_ok());
    set(&mut lab, Sysctl::Shmall, 1 << 20);
    set(&mut lab, Sysctl::Shmmni, 2);
    let committed = lab.k.vm.committed;
    assert_eq!(make(&mut lab, 1), Err(Errno::ENOSPC));
    set(&mut lab, Sysctl::Shmmax, 32 << 20);
    assert_eq!(
        make(&mut lab, 8 << 20),
        Err(Errno::ENOMEM),
        "memory before the slot"
    );
    lab.k.fail.set(FailPoint::Slab(Some(0)));
    assert_eq!(make(&mut lab, 1), Err(Errno::ENOMEM));
    assert_eq!(lab.k.vm.committed, committed);
    lab.check_all();
}

#[test]
fn the_order_in_which_shmat_refuses() {
    let (mut lab, a, id, va) = attached(2);
    let other = shmget(&mut lab, a, IPC_PRIVATE, PAGE_SIZE, 0o200).unwrap();
    let gone = shmget(&mut lab, a, IPC_PRIVATE, PAGE_SIZE, 0o600).unwrap();
    assert_eq!(shmctl(&mut lab, a, gone, IPC_RMID, 0), Ok(0));
    let stack = lab.mm(a).start_stack;
    let near = (stack & !0xfff) - 4 * PAGE_SIZE;
    for (id, addr, flags, expected) in [
        (-1, 1, 0, Errno::EINVAL),
        (other, 0x5100_0001, 0, Errno::EINVAL),
        (other, 0, SHM_REMAP, Errno::EINVAL),
        (gone, 0x5100_0000, 0, Errno::EINVAL),
        (id + 2 * 32768, va.0, 0, Errno::EIDRM),
        (other, va.0, 0, Errno::EACCES),
        (other, va.0, SHM_RDONLY, Errno::EACCES),
        (id, va.0 - PAGE_SIZE, 0, Errno::EINVAL),
        (id, va.0 + PAGE_SIZE, SHM_RND, Errno::EINVAL),
        (id, near, 0, Errno::EINVAL),
        (id, 0xbfff_f000, SHM_REMAP, Errno::ENOMEM),
    ] {
        let result = shmat(&mut lab, a, id, addr, flags);
        assert_eq!(result, Err(expected), "{id} {addr:#x} {flags:o}");
        lab.check_all();
    }
    assert_eq!(segment(&lab, id).nattch(), 1);
    assert_eq!(
        shmat(&mut lab, a, id, 0x5100_0004, SHM_RND),
        Ok(VirtAddr(0x5100_0000))
    );
    lab.write(a, va, 3);
    let over = lab.mmap_at(a, 0x5200_0000, 3, RW);
    assert_eq!(shmat(&mut lab, a, id, over.0, SHM_REMAP), Ok(over));
    assert_eq!(lab.read(a, over), 3);
    lab.check_all();
}

#[test]
fn attaching_has_the_limits_of_mmap() {
    let (mut lab, a, id, _) = attached(2);
    let size = lab.mm(a).total_vm * PAGE_SIZE;
    lab.k.rlimits_mut(a)[Resource::As] = Rlimit {
        cur: size + PAGE_SIZE,
        max: u32::MAX,
    };
    assert_eq!(shmat(&mut lab, a, id, 0, 0), Err(Errno::ENOMEM));
    lab.k.rlimits_mut(a)[Resource::As].cur = u32::MAX;
    lab.k.fail.set(FailPoint::Slab(Some(0)));
    assert_eq!(shmat(&mut lab, a, id, 0, 0), Err(Errno::ENOMEM));
    assert_eq!(segment(&lab, id).nattch(), 1);
    lab.k.rlimits_mut(a)[Resource::Memlock] = Rlimit {
        cur: PAGE_SIZE,
        max: PAGE_SIZE,
    };
    assert_eq!(lab.call(a, Syscall::Mlockall(2)), Ok(0));
    assert_eq!(shmat(&mut lab, a, id, 0, 0), Err(Errno::EAGAIN));
    lab.check_all();
}

/// Read-only is only what was asked for: mprotect may add the right to write.
#[test]
fn a_segment_attached_for_reading() {
    let (mut lab, a, id, va) = attached(1);
    let ro = shmat(&mut lab, a, id, 0, SHM_RDONLY).unwrap();
    assert_eq!(segv_code(lab.try_write(a, ro, 1)), 2);
    lab.write(a, va, 4);
    assert_eq!(lab.read(a, ro), 4);
    lab.mprotect(a, ro, 1, RW);
    lab.write(a, ro, 5);
    assert_eq!(lab.read(a, va), 5);
    lab.check_all();
}

/// Areas of segments are counted one by one: they never merge, and what splits them counts.
#[test]
fn areas_of_segments_never_merge() {
    let (mut lab, a, id, va) = attached(3);
    assert_eq!(shmat(&mut lab, a, id, page(va, 3).0, 0), Ok(page(va, 3)));
    assert_eq!(parts(&lab, a, va, 6), [(0, 3), (3, 6)]);
    lab.mprotect(a, page(va, 1), 1, READ);
    lab.mprotect(a, page(va, 1), 1, RW);
    assert_eq!(parts(&lab, a, va, 6), [(0, 1), (1, 2), (2, 3), (3, 6)]);
    assert_eq!(segment(&lab, id).nattch(), 4);
    let b = lab.fork(a);
    assert_eq!(segment(&lab, id).nattch(), 8);
    lab.check_all();
    lab.exit(b);
    assert_eq!(segment(&lab, id).nattch(), 4);
}

/// All parts of the attached segment go, but not what is attached behind its end.
#[test]
fn detaching_finds_the_parts_of_a_segment() {
    let (mut lab, a, id, va) = attached(4);
    shmat(&mut lab, a, id, page(va, 4).0, 0).unwrap();
    lab.munmap(a, page(va, 1), 1);
    lab.mprotect(a, page(va, 3), 1, READ);
    assert_eq!(parts(&lab, a, va, 8), [(0, 1), (2, 3), (3, 4), (4, 8)]);
    for addr in [va.0 + 1, page(va, 1).0, page(va, 3).0, page(va, 9).0] {
        assert_eq!(shmdt(&mut lab, a, addr), Err(Errno::EINVAL), "{addr:#x}");
    }
    assert_eq!(shmdt(&mut lab, a, va.0), Ok(0));
    assert_eq!(parts(&lab, a, va, 8), [(4, 8)]);
    // The distance is rounded down, so an address just below will do.
    assert_eq!(shmdt(&mut lab, a, page(va, 4).0 - 5), Ok(0));
    assert_eq!(parts(&lab, a, va, 8), []);
    assert_eq!(segment(&lab, id).nattch(), 0);
    lab.check_all();
}

/// A size that is not a whole number of pages: then only the first part is found.
#[test]
fn detaching_compares_with_the_size_in_bytes() {
    let (mut lab, a) = Lab::with_task();
    let id = shmget(&mut lab, a, IPC_PRIVATE, 2 * PAGE_SIZE - 1, 0o600).unwrap();
    let va = shmat(&mut lab, a, id, 0x5000_0000, 0).unwrap();
    lab.mprotect(a, page(va, 1), 1, READ);
    assert_eq!(shmdt(&mut lab, a, va.0), Ok(0));
    assert_eq!(parts(&lab, a, va, 2), [(1, 2)]);
    lab.check_all();
}

#[test]
fn a_removed_segment_lives_until_its_last_user_detaches_it() {
    let (mut lab, a) = Lab::with_task();
    let (frames, committed) = (lab.k.mem.frames_in_use(), lab.k.vm.committed);
    let id = shmget(&mut lab, a, 9, 2 * PAGE_SIZE, IPC_CREAT | 0o600).unwrap();
    assert_eq!(lab.k.vm.committed, committed + 2, "charged in full");
    let va = shmat(&mut lab, a, id, 0, 0).unwrap();
    lab.write(a, va, 1);
    assert_eq!(shmctl(&mut lab, a, id, IPC_RMID, 0), Ok(0));
    assert_eq!(
        shmget(&mut lab, a, 9, 0, 0),
        Err(Errno::ENOENT),
        "no key finds it"
    );
    let again = shmat(&mut lab, a, id, 0, 0).unwrap();
    assert_eq!(lab.read(a, again), 1, "its id still does");
    assert_eq!(shmdt(&mut lab, a, va.0), Ok(0));
    assert!(segment(&lab, id).is_doomed());
    assert_eq!(shmdt(&mut lab, a, again.0), Ok(0));
    assert_eq!(lab.k.shm.find(id).err(), Some(Errno::EINVAL));
    assert_eq!(
        (lab.k.mem.frames_in_use(), lab.k.vm.committed),
        (frames, committed)
    );
    lab.check_all();
}

/// Without users it goes at once, and with it its pages.
#[test]
fn a_segment_keeps_its_pages_without_users() {
    let (mut lab, a, id, va) = attached(1);
    lab.write(a, va, 8);
    assert_eq!(shmdt(&mut lab, a, va.0), Ok(0));
    let b = lab.spawn();
    let at = shmat(&mut lab, b, id, 0, 0).unwrap();
    assert_eq!(lab.read(b, at), 8);
    lab.exit(b);
    lab.run(a);
    let frames = lab.k.mem.frames_in_use();
    assert_eq!(shmctl(&mut lab, a, id, IPC_RMID, 0), Ok(0));
    assert_eq!(lab.k.mem.frames_in_use(), frames - 1);
    lab.check_all();
}

#[test]
fn exec_and_exit_detach() {
    let (mut lab, a, id, _) = attached(1);
    let b = lab.fork(a);
    lab.run(a);
    let exe = lab.k.lookup("sh").unwrap();
    assert_eq!(
        lab.k.exec_inode(a, exe, &"sh".into()),
        SysResult::Done(Ok(0))
    );
    assert_eq!(segment(&lab, id).nattch(), 1);
    lab.check_all();
    let pid = lab.k.task(b).tgid().0;
    lab.exit(b);
    assert_eq!(segment(&lab, id).nattch(), 0);
    assert_eq!(segment(&lab, id).pids().1, pid);
    lab.check_all();
}

/// Stores the arguments of `ipc` and makes the call as programs do.
fn ipc(lab: &mut Lab, task: TaskId, call: u32, words: [u32; 5]) -> Result<u32, Errno> {
    lab.run(task);
    let regs = &mut lab.k.task_mut(task).thread.regs;
    [regs.esi, regs.edi, regs.ebp] = [words[2], words[3], words[4]];
    lab.int_80(task, 117, [call, words[0], words[1]])
}

fn words_at(lab: &mut Lab, task: TaskId, at: VirtAddr, count: u32) -> Vec<u32> {
    (0..count)
        .map(|n| lab.read(task, VirtAddr(at.0 + 4 * n)))
        .collect()
}

#[test]
fn programs_reach_segments_through_the_multiplexer() {
    let (mut lab, a) = Lab::with_task();
    let buffer = lab.mmap(a, 1, RW, PRIVATE);
    let id = ipc(&mut lab, a, 23, [5, 6000, IPC_CREAT | 0o600, 0, 0]).unwrap();
    assert_eq!(
        ipc(&mut lab, a, 21, [id, 0, buffer.0, 0x5000_0000, 0]),
        Ok(0)
    );
    assert_eq!(lab.read(a, buffer), 0x5000_0000);
    // Where the address cannot be stored, the segment is attached all the same.
    assert_eq!(ipc(&mut lab, a, 21, [id, 0, 4, 0, 0]), Err(Errno::EFAULT));
    assert_eq!(segment(&lab, id as i32).nattch(), 2);
    assert_eq!(
        ipc(&mut lab, a, 0x1_0000 | 21, [id, 0, 0, 0, 0]),
        Err(Errno::EINVAL)
    );

    assert_eq!(
        ipc(&mut lab, a, 24, [id, IPC_STAT | IPC_64, 0, buffer.0, 0]),
        Ok(0)
    );
    let pid = lab.k.task(a).tgid().0 as u32;
    let ds = words_at(&mut lab, a, buffer, 21);
    assert_eq!(ds[..6], [5, 500, 500, 500, 500, 0o600]);
    assert_eq!((ds[9], &ds[16..19]), (6000, &[pid, pid, 2][..]));
    assert_eq!(ipc(&mut lab, a, 24, [id, IPC_STAT, 0, buffer.0, 0]), Ok(0));
    let ds = words_at(&mut lab, a, buffer, 12);
    assert_eq!(ds[..5], [5, 500 << 16 | 500, 500 << 16 | 500, 0o600, 6000]);
    assert_eq!(ds[8..10], [pid << 16 | pid, 2]);
    assert_eq!(
        ipc(&mut lab, a, 24, [id, IPC_STAT, 0, 4, 0]),
        Err(Errno::EFAULT)
    );
    assert_eq!(ipc(&mut lab, a, 22, [0, 0, 0, 0x5000_0000, 0]), Ok(0));
    lab.check_all();
}

#[test]
fn the_commands_of_ipcs() {
    let (mut lab, a, first, va) = attached(2);
    lab.write(a, va, 1);
    let buffer = lab.mmap(a, 1, RW, PRIVATE);
    let second = shmget(&mut lab, a, IPC_PRIVATE, 1, 0o600).unwrap();
    assert_eq!(shmctl(&mut lab, a, first, IPC_RMID, 0), Ok(0));
    assert_eq!(shmctl(&mut lab, a, 0, IPC_INFO | IPC_64, buffer.0), Ok(1));
    assert_eq!(
        words_at(&mut lab, a, buffer, 5),
        [32 << 20, 1, 4096, 4096, 2 << 20]
    );
    lab.k.config.sysctls.set(Sysctl::Shmmax, u32::MAX);
    assert_eq!(shmctl(&mut lab, a, 0, IPC_INFO, buffer.0), Ok(1));
    assert_eq!(lab.read(a, buffer), i32::MAX as u32, "as an int");
    assert_eq!(shmctl(&mut lab, a, 0, SHM_INFO, buffer.0), Ok(1));
    assert_eq!(
        words_at(&mut lab, a, buffer, 4),
        [2, 3, 1, 0],
        "used, pages, resident, swapped"
    );
    assert_eq!(
        shmctl(&mut lab, a, 1, SHM_STAT, buffer.0),
        Ok(second as u32)
    );
    assert_eq!(
        shmctl(&mut lab, a, second, SHM_STAT, buffer.0),
        Err(Errno::EINVAL)
    );
    assert_eq!(
        shmctl(&mut lab, a, 2, SHM_STAT, buffer.0),
        Err(Errno::EINVAL)
    );
}

#[test]
fn who_may_do_what_to_a_segment() {
    let (mut lab, a, id, _) = attached(1);
    let stranger = lab.spawn_as(501);
    let buffer = lab.mmap(a, 1, RW, PRIVATE);
    let theirs = lab.mmap(stranger, 1, RW, PRIVATE);
    for (task, id, cmd, buffer, expected) in [
        (a, -1, IPC_STAT, buffer, Errno::EINVAL),
        (a, id, u32::MAX, buffer, Errno::EINVAL),
        (a, id, 99, buffer, Errno::EINVAL),
        (a, id + 1, IPC_RMID, buffer, Errno::EINVAL),
        (a, id + 32768, IPC_RMID, buffer, Errno::EIDRM),
        (a, id + 32768, IPC_STAT, buffer, Errno::EIDRM),
        (a, id + 32768, SHM_LOCK, buffer, Errno::EIDRM),
        (stranger, id, IPC_STAT, theirs, Errno::EACCES),
        (stranger, id, IPC_RMID, theirs, Errno::EPERM),
        (stranger, id, IPC_SET, theirs, Errno::EPERM),
        (stranger, id, IPC_SET, VirtAddr(4), Errno::EFAULT),
        (stranger, id, SHM_LOCK, theirs, Errno::EPERM),
        (stranger, id, SHM_UNLOCK, theirs, Errno::EPERM),
    ] {
        let result = shmctl(&mut lab, task, id, cmd, buffer.0);
        assert_eq!(result, Err(expected), "{id} {cmd}");
    }
    // Given away with new permissions: the creator may still do everything.
    lab.store(a, buffer, &[0, 501, 501, 0, 0, 0o4066]);
    assert_eq!(shmctl(&mut lab, a, id, IPC_SET | IPC_64, buffer.0), Ok(0));
    let perm = *segment(&lab, id).perm();
    assert_eq!((perm.uid, perm.gid, perm.mode), (501, 501, 0o066));
    assert_eq!(
        shmctl(&mut lab, stranger, id, IPC_STAT, theirs.0),
        Err(Errno::EACCES)
    );
    assert_eq!(shmctl(&mut lab, a, id, IPC_RMID, 0), Ok(0));
    lab.check_all();
}

/// Locked segments count for the user who has locked them, in pages of its limit.
#[test]
fn locked_segments_count_for_a_user() {
    let (mut lab, a, id, va) = attached(3);
    let limit = |lab: &mut Lab, pages: u32| {
        let cur = pages * PAGE_SIZE;
        lab.k.rlimits_mut(a)[Resource::Memlock] = Rlimit { cur, max: cur };
    };
    limit(&mut lab, 0);
    assert_eq!(shmctl(&mut lab, a, id, SHM_LOCK, 0), Err(Errno::EPERM));
    limit(&mut lab, 2);
    assert_eq!(shmctl(&mut lab, a, id, SHM_LOCK, 0), Err(Errno::ENOMEM));
    limit(&mut lab, 4);
    assert_eq!(shmctl(&mut lab, a, id, SHM_LOCK, 0), Ok(0));
    assert_eq!(
        shmctl(&mut lab, a, id, SHM_LOCK, 0),
        Ok(0),
        "once is enough"
    );
    assert_eq!(lab.k.users.locked_shm(500), 3);
    let other = shmget(&mut lab, a, IPC_PRIVATE, 2 * PAGE_SIZE, 0o600).unwrap();
    assert_eq!(shmctl(&mut lab, a, other, SHM_LOCK, 0), Err(Errno::ENOMEM));
    lab.k.task_mut(a).set_caps(Caps::IPC_LOCK);
    assert_eq!(shmctl(&mut lab, a, other, SHM_LOCK, 0), Ok(0));
    lab.check_all();
    assert_eq!(shmctl(&mut lab, a, other, SHM_UNLOCK, 0), Ok(0));
    assert_eq!(shmctl(&mut lab, a, id, IPC_RMID, 0), Ok(0));
    assert_eq!(lab.k.users.locked_shm(500), 3);
    assert_eq!(shmdt(&mut lab, a, va.0), Ok(0));
    assert_eq!(lab.k.users.locked_shm(500), 0, "the end unlocks it");
    lab.check_all();
}

/// A page of a locked segment never gets a slot.
#[test]
fn locked_segments_do_not_go_to_swap() {
    let (mut lab, a) = Lab::with_task_on(Config {
        swap: 8 << 20,
        ..Config::default()
    });
    lab.k.task_mut(a).set_caps(Caps::IPC_LOCK);
    let id = shmget(&mut lab, a, IPC_PRIVATE, PAGE_SIZE, 0o600).unwrap();
    let va = shmat(&mut lab, a, id, 0, 0).unwrap();
    lab.write(a, va, 1);
    let pfn = lab.pfn(a, va);
    assert_eq!(shmdt(&mut lab, a, va.0), Ok(0));
    let inode = lab.k.open_files[segment(&lab, id).file()].inode();
    assert_eq!(shmctl(&mut lab, a, id, SHM_LOCK, 0), Ok(0));
    assert!(!lab.k.shmem_writepage(inode, pfn));
    assert_eq!(shmctl(&mut lab, a, id, SHM_UNLOCK, 0), Ok(0));
    assert!(lab.k.shmem_writepage(inode, pfn));
}
