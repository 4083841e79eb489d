//! Injected failures in exec, in the calls that map memory, and in page faults: at each allocation
//! of frames and of kernel objects.

use super::failing::small;
use crate::lab::{ALL_SHARED, Lab, Waited, errno};
use forklab::abi::{CloneFlags as F, Errno, MapFlags, PAGE_SIZE, Prot, TaskId, VirtAddr};
use forklab::kernel::fail::FailPoint;
use forklab::kernel::mm::UserFaultKind;
use forklab::kernel::syscall::{IpcCall, MmapArgs, Syscall, WaitArgs};
use forklab::machine::{Acted, Action};
use forklab::trace::{Allocation, SlabCache, TraceEvent};

/// A system call of a task with an area of five pages at the address, and how many allocations it
/// makes.
struct Operation {
    name: &'static str,
    call: fn(VirtAddr) -> Syscall,
    frames: u64,
    objects: u64,
}

fn mmap(addr: u32, len: u32, prot: Prot, kind: MapFlags) -> Syscall {
    Syscall::Mmap2(MmapArgs {
        addr,
        len,
        prot: prot.bits(),
        flags: (kind | MapFlags::ANONYMOUS).bits(),
        fd: None,
        pgoff: 0,
    })
}

const RW: Prot = Prot::READ.union(Prot::WRITE);

const OPERATIONS: [Operation; 9] = [
    Operation {
        name: "exec",
        call: |_| Syscall::Execve("sh".into()),
        // Page directory, page table, arguments.
        frames: 3,
        // mm_struct, three areas, the owner of the stack's pages.
        objects: 5,
    },
    Operation {
        name: "mmap of private memory",
        call: |_| {
            mmap(
                0x5000_0000,
                PAGE_SIZE,
                RW,
                MapFlags::PRIVATE | MapFlags::FIXED,
            )
        },
        frames: 0,
        objects: 1,
    },
    Operation {
        name: "mmap of shared memory",
        call: |_| mmap(0, PAGE_SIZE, RW, MapFlags::SHARED),
        frames: 0,
        objects: 1,
    },
    Operation {
        name: "mmap that merges",
        call: |area| {
            mmap(
                area.0 - PAGE_SIZE,
                PAGE_SIZE,
                RW,
                MapFlags::PRIVATE | MapFlags::FIXED,
            )
        },
        frames: 0,
        objects: 0,
    },
    Operation {
        name: "munmap of the end of an area",
        call: |area| Syscall::Munmap(area.0 + 4 * PAGE_SIZE, PAGE_SIZE),
        frames: 0,
        objects: 1,
    },
    Operation {
        name: "munmap of the middle of an area",
        call: |area| Syscall::Munmap(area.0 + 2 * PAGE_SIZE, PAGE_SIZE),
        frames: 0,
        objects: 2,
    },
    Operation {
        name: "mprotect of the middle of an area",
        call: |area| Syscall::Mprotect(area.0 + 2 * PAGE_SIZE, PAGE_SIZE, 1),
        frames: 0,
        objects: 2,
    },
    Operation {
        name: "shmget",
        call: |_| Syscall::Ipc(IpcCall::Shmget(0, PAGE_SIZE, 0o600)),
        frames: 0,
        objects: 1,
    },
    Operation {
        name: "getpid",
        call: |_| Syscall::Getpid,
        frames: 0,
        objects: 0,
    },
];

/// How often an operation fails with ENOMEM when its allocations fail one after the other.
fn failures(operation: &Operation, point: fn(Option<u64>) -> FailPoint) -> u64 {
    for failed in 0.. {
        let mut lab = Lab::with(small());
        let sh = lab.spawn("sh");
        let area = lab.map(sh, 5);
        for nr in 0..5 {
            lab.write(sh, VirtAddr(area.0 + nr * PAGE_SIZE), nr);
        }
        let before = lab.footprint();
        lab.fail(point(Some(failed)));
        let value = lab.call(sh, (operation.call)(area));
        if !(-4095..0).contains(&value) {
            assert!(lab.kernel().fail.is_armed(), "{}", operation.name);
            return failed;
        }
        let name = format!("{}, allocation {failed}", operation.name);
        assert_eq!(errno(value), Errno::ENOMEM, "{name}");
        assert_eq!(lab.footprint(), before, "{name}");
        assert_eq!(lab.read(sh, VirtAddr(area.0 + 4 * PAGE_SIZE)), 4, "{name}");
        lab.check();
        let again = lab.call(sh, (operation.call)(area));
        assert!(!(-4095..0).contains(&again), "{name}");
    }
    unreachable!()
}

#[test]
fn every_allocation_of_exec_mmap_and_munmap_can_fail_and_is_undone() {
    for operation in OPERATIONS {
        let found = [FailPoint::Frame, FailPoint::Slab].map(|point| failures(&operation, point));
        let expected = [operation.frames, operation.objects];
        assert_eq!(found, expected, "{}", operation.name);
    }
}

/// A task that shares both needs copies of its table of files and of its signal actions for exec.
#[test]
fn an_exec_that_cannot_end_its_sharing_leaves_it() {
    let mut failed = Vec::new();
    for nr in 0.. {
        let mut lab = Lab::with(small());
        let sh = lab.spawn("sh");
        let sharer = lab.clone(sh, ALL_SHARED | F::FORK).unwrap();
        let before = lab.footprint();
        let mark = lab.mark();
        lab.fail(FailPoint::Slab(Some(nr)));
        if lab.call(sharer, Syscall::Execve("sh".into())) == 0 {
            break;
        }
        assert_eq!(lab.footprint(), before, "allocation {nr}");
        assert_eq!((lab.files(sh).count(), lab.sighand(sh).count()), (2, 2));
        failed.extend(lab.events(mark, |record| match record.event {
            TraceEvent::FailInjected { what } => Some(what),
            _ => None,
        }));
    }
    let caches = [
        SlabCache::Mm,
        SlabCache::Vma,
        SlabCache::Vma,
        SlabCache::Vma,
        SlabCache::AnonVma,
        SlabCache::Files,
        SlabCache::Sighand,
    ];
    assert_eq!(failed, caches.map(Allocation::Slab));
}

/// brk reports no error: it leaves the end of the heap where it is.
#[test]
fn a_heap_that_finds_no_memory_stays_as_it_is() {
    let mut lab = Lab::with(small());
    let sh = lab.spawn("sh");
    let start = lab.mm(sh).brk;
    let before = lab.footprint();
    lab.fail(FailPoint::Slab(Some(0)));
    let end = start + PAGE_SIZE;
    assert_eq!(lab.call(sh, Syscall::Brk(end)) as u32, start);
    assert_eq!(lab.footprint(), before);
    assert_eq!(lab.call(sh, Syscall::Brk(end)) as u32, end);
    // The second page merges and needs no area.
    lab.fail(FailPoint::Slab(Some(0)));
    let end = end + PAGE_SIZE;
    assert_eq!(lab.call(sh, Syscall::Brk(end)) as u32, end);
}

/// The old mapping is gone when the area of the new one cannot be had.
#[test]
fn a_fixed_mapping_that_finds_no_area_has_unmapped_the_old_one() {
    // Two cuts, then the new area; read-only, so that it does not merge.
    for (nr, areas) in [(0, 4), (1, 5), (2, 5)] {
        let mut lab = Lab::with(small());
        let sh = lab.spawn("sh");
        let area = lab.map(sh, 3);
        lab.write(sh, VirtAddr(area.0 + PAGE_SIZE), 7);
        lab.fail(FailPoint::Slab(Some(nr)));
        let kind = MapFlags::PRIVATE | MapFlags::FIXED;
        let call = mmap(area.0 + PAGE_SIZE, PAGE_SIZE, Prot::READ, kind);
        assert_eq!(lab.call(sh, call), -Errno::ENOMEM.code());
        assert_eq!(lab.mm(sh).map_count(), areas, "object {nr}");
        let middle = area.0 + PAGE_SIZE;
        let mapped = lab.mm(sh).intersects(middle, middle + PAGE_SIZE);
        assert_eq!(mapped, nr < 2, "object {nr}");
    }
}

/// An access to a child's memory, and how many allocations its fault makes.
struct Fault {
    name: &'static str,
    /// Makes the memory, before the fork.
    prepare: fn(&mut Lab, TaskId) -> VirtAddr,
    write: bool,
    frames: u64,
    objects: u64,
}

const FAULTS: [Fault; 9] = [
    Fault {
        name: "read of untouched memory",
        prepare: |lab, sh| lab.map(sh, 1),
        write: false,
        frames: 1,
        objects: 0,
    },
    Fault {
        name: "write to untouched memory",
        prepare: |lab, sh| lab.map(sh, 1),
        write: true,
        frames: 2,
        objects: 1,
    },
    Fault {
        name: "write to the zero page",
        prepare: |lab, sh| {
            let page = lab.map(sh, 1);
            lab.read(sh, page);
            page
        },
        write: true,
        frames: 1,
        objects: 1,
    },
    Fault {
        name: "write to a shared page",
        prepare: |lab, sh| {
            let page = lab.map(sh, 1);
            lab.write(sh, page, 1);
            page
        },
        write: true,
        frames: 1,
        objects: 0,
    },
    // The page table. For the page the kernel asks again if reading ahead has found no frame.
    Fault {
        name: "read of a page of the program",
        prepare: |_, _| VirtAddr(0x0804_8000),
        write: false,
        frames: 1,
        objects: 0,
    },
    Fault {
        name: "write to a page of the program",
        prepare: |_, _| VirtAddr(0x0804_9000),
        write: true,
        frames: 1,
        objects: 1,
    },
    Fault {
        name: "write to a cached page of the program",
        prepare: |lab, sh| {
            lab.read(sh, VirtAddr(0x0804_8000));
            VirtAddr(0x0804_9000)
        },
        write: true,
        frames: 1,
        objects: 1,
    },
    Fault {
        name: "write to shared memory",
        prepare: |lab, sh| {
            let call = mmap(0, PAGE_SIZE, RW, MapFlags::SHARED);
            VirtAddr(lab.call(sh, call) as u32)
        },
        write: true,
        frames: 2,
        objects: 0,
    },
    Fault {
        name: "write to the stack",
        prepare: |_, _| VirtAddr(0xc000_0000 - 3 * PAGE_SIZE),
        write: true,
        frames: 1,
        objects: 0,
    },
];

fn faults(fault: &Fault, point: fn(Option<u64>) -> FailPoint) -> u64 {
    for failed in 0.. {
        let mut lab = Lab::with(small());
        let sh = lab.spawn("sh");
        let addr = (fault.prepare)(&mut lab, sh);
        let mut before = lab.footprint();
        before.frames -= lab.kernel().vm().pagecache();
        let child = lab.fork(sh);
        let pid = lab.pid(child);
        lab.fail(point(Some(failed)));
        let action = match fault.write {
            true => Action::Write {
                addr,
                bytes: vec![1, 2],
            },
            false => Action::Read { addr, len: 2 },
        };
        match lab.act(child, action).unwrap() {
            Acted::Fault(found) => assert_eq!(found.kind, UserFaultKind::Oom),
            _ => return failed,
        }
        let name = format!("{}, allocation {failed}", fault.name);
        lab.check();
        assert_eq!(lab.wait(sh, -1, 0), Waited::Reaped(pid, 9), "{name}");
        let mut after = lab.footprint();
        // A page that was read from the program stays in the cache.
        after.frames -= lab.kernel().vm().pagecache();
        assert_eq!(after, before, "{name}");
        let next = lab.fork(sh);
        lab.write(next, VirtAddr(0x0804_9000), 1);
    }
    unreachable!()
}

/// The task dies, and nobody else.
#[test]
fn every_allocation_of_a_fault_can_fail_and_kills_the_task() {
    for fault in FAULTS {
        let found = [FailPoint::Frame, FailPoint::Slab].map(|point| faults(&fault, point));
        assert_eq!(found, [fault.frames, fault.objects], "{}", fault.name);
    }
}

/// A stack needs an owner of its pages before it grows.
#[test]
fn a_stack_that_finds_no_owner_does_not_grow() {
    let mut lab = Lab::with(small());
    let sh = lab.spawn("sh");
    let kind = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::GROWSDOWN;
    lab.call(sh, mmap(0x5000_0000, PAGE_SIZE, RW, kind));
    let args = WaitArgs {
        pid: -1,
        status: VirtAddr(0x5000_0000 - 2 * PAGE_SIZE),
        options: 0,
        ..WaitArgs::default()
    };
    let child = lab.fork(sh);
    let pid = lab.pid(child);
    lab.exit(child, 3);
    for point in [FailPoint::Slab, FailPoint::Frame] {
        lab.fail(point(Some(0)));
        // The kernel stores the status: EFAULT, and the zombie stays.
        assert_eq!(lab.call(sh, Syscall::Wait4(args)), -Errno::EFAULT.code());
        let grown = matches!(point(None), FailPoint::Frame(_));
        let size = lab.mm(sh).find_vma(args.status).unwrap().pages();
        assert_eq!(size, if grown { 3 } else { 1 });
    }
    assert_eq!(lab.call(sh, Syscall::Wait4(args)), pid);
    assert_eq!(lab.read(sh, args.status), 0x300);
}
