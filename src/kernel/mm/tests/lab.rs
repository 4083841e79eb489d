//! A kernel without a machine around it: the test decides which task runs.

use crate::abi::{CloneFlags, Errno, MmId, PAGE_SIZE, Pfn, TaskId, TaskState, VirtAddr};
use crate::hw::{AccessKind, Pte};
use crate::kernel::Kernel;
use crate::kernel::boot::Config;
use crate::kernel::fork::SpawnArgs;
use crate::kernel::mm::{Mm, UserFault, UserFaultKind, VmFlags, Vma};
use crate::kernel::syscall::{ForkArgs, MmapArgs, SysError, SysResult, Syscall};
use crate::trace::{FlushScope, TraceEvent};

pub const NONE: u32 = 0;
pub const READ: u32 = 1;
pub const WRITE: u32 = 2;
pub const RW: u32 = READ | WRITE;
pub const SHARED: u32 = 0x21;
pub const PRIVATE: u32 = 0x22;
pub const FIXED: u32 = 0x10;

/// What an action did to the machine and to the watched task.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Effect {
    /// Error codes of the page faults, in order.
    pub faults: Vec<u8>,
    /// Data frames in use: user pages and page cache.
    pub frames: i32,
    /// Page tables, of all address spaces.
    pub tables: i32,
    pub rss: i32,
    pub anon_rss: i32,
    pub total_vm: i32,
    pub areas: i32,
    pub min_flt: i32,
    /// Flushes of one page.
    pub invlpg: i32,
    /// Flushes of an address space.
    pub reloads: i32,
}

impl Effect {
    fn minus(self, before: &Self) -> Self {
        Self {
            faults: self.faults,
            frames: self.frames - before.frames,
            tables: self.tables - before.tables,
            rss: self.rss - before.rss,
            anon_rss: self.anon_rss - before.anon_rss,
            total_vm: self.total_vm - before.total_vm,
            areas: self.areas - before.areas,
            min_flt: self.min_flt - before.min_flt,
            invlpg: self.invlpg,
            reloads: self.reloads,
        }
    }
}

/// A booted kernel.
pub struct Lab {
    pub k: Kernel,
}

impl Lab {
    pub fn boot(config: Config) -> Self {
        Self {
            k: Kernel::boot(config).unwrap(),
        }
    }

    /// A default machine with one task that has just called exec.
    pub fn with_task() -> (Self, TaskId) {
        Self::with_task_on(Config::default())
    }

    pub fn with_task_on(config: Config) -> (Self, TaskId) {
        let mut lab = Self::boot(config);
        let task = lab.spawn();
        (lab, task)
    }

    pub fn spawn(&mut self) -> TaskId {
        self.spawn_as(500)
    }

    pub fn spawn_as(&mut self, uid: u32) -> TaskId {
        let task = self.k.spawn(&SpawnArgs::new("sh", uid)).unwrap();
        self.run(task);
        let exe = self.k.lookup("sh").unwrap();
        let done = self.k.exec_inode(task, exe, &"sh".into());
        assert_eq!(done, SysResult::Done(Ok(0)));
        task
    }

    /// Gives the CPU to a task: all others on this CPU are put to sleep.
    pub fn run(&mut self, task: TaskId) {
        for _ in 0..100 {
            let current = self.k.current();
            if current == task {
                while self.k.current() == task && self.k.resume(task) {}
                return;
            }
            if current == self.k.sched.idle(self.k.this_cpu) {
                self.k.wake_up_process(task);
            } else {
                self.k
                    .sched
                    .set_task_state(current, TaskState::INTERRUPTIBLE);
            }
            self.k.schedule();
        }
        panic!("the task cannot run");
    }

    pub fn call(&mut self, task: TaskId, call: Syscall) -> Result<u32, Errno> {
        self.run(task);
        self.k.syscall(task, call);
        let returned = self.k.take_return(task);
        returned.unwrap_or(Ok(0)).map_err(SysError::errno)
    }

    /// Makes a call as a program does, with number and arguments in registers.
    pub fn int_80(&mut self, task: TaskId, nr: u32, words: [u32; 3]) -> Result<u32, Errno> {
        self.run(task);
        let regs = &mut self.k.task_mut(task).thread.regs;
        regs.eax = nr;
        [regs.ebx, regs.ecx, regs.edx] = words;
        self.k.int_80(task);
        let returned = self.k.take_return(task).unwrap();
        returned.map_err(SysError::errno)
    }

    /// Stores words in the memory of a task.
    pub fn store(&mut self, task: TaskId, at: VirtAddr, words: &[u32]) {
        self.run(task);
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.k.user_write(task, at, &bytes).unwrap();
    }

    pub fn mmap(&mut self, task: TaskId, pages: u32, prot: u32, flags: u32) -> VirtAddr {
        self.try_mmap(task, 0, pages * PAGE_SIZE, prot, flags)
            .map(VirtAddr)
            .unwrap()
    }

    /// A mapping at exactly that address.
    pub fn mmap_at(&mut self, task: TaskId, addr: u32, pages: u32, prot: u32) -> VirtAddr {
        let len = pages * PAGE_SIZE;
        self.try_mmap(task, addr, len, prot, PRIVATE | FIXED)
            .map(VirtAddr)
            .unwrap()
    }

    pub fn try_mmap(
        &mut self,
        task: TaskId,
        addr: u32,
        len: u32,
        prot: u32,
        flags: u32,
    ) -> Result<u32, Errno> {
        let call = Syscall::Mmap2(MmapArgs {
            addr,
            len,
            prot,
            flags,
            fd: None,
            pgoff: 0,
        });
        self.call(task, call)
    }

    /// Maps pages of an open file.
    pub fn try_map_file(
        &mut self,
        task: TaskId,
        (fd, pgoff, pages): (u32, u32, u32),
        prot: u32,
        flags: u32,
    ) -> Result<VirtAddr, Errno> {
        let call = Syscall::Mmap2(MmapArgs {
            addr: 0,
            len: pages * PAGE_SIZE,
            prot,
            flags,
            fd: Some(fd),
            pgoff,
        });
        self.call(task, call).map(VirtAddr)
    }

    /// Gives an area read hints, as `madvise` does.
    pub fn advise(&mut self, task: TaskId, va: VirtAddr, hint: VmFlags) {
        let mut vma = self.area(task, va);
        vma.vm_flags -= VmFlags::RAND_READ | VmFlags::SEQ_READ;
        vma.vm_flags |= hint;
        let mm = self.mm_id(task);
        self.k.mms[mm].insert_vma(vma);
    }

    /// Opens a file.
    pub fn open(&mut self, task: TaskId, path: &str, flags: u32) -> u32 {
        self.call(task, Syscall::Open(path.to_owned(), flags, 0o666))
            .unwrap()
    }

    pub fn munmap(&mut self, task: TaskId, va: VirtAddr, pages: u32) {
        self.call(task, Syscall::Munmap(va.0, pages * PAGE_SIZE))
            .unwrap();
    }

    pub fn mprotect(&mut self, task: TaskId, va: VirtAddr, pages: u32, prot: u32) {
        let call = Syscall::Mprotect(va.0, pages * PAGE_SIZE, prot);
        assert_eq!(self.call(task, call), Ok(0));
    }

    /// A region of private anonymous memory of which every page has been written.
    pub fn dirty(&mut self, task: TaskId, pages: u32) -> VirtAddr {
        let va = self.mmap(task, pages, RW, PRIVATE);
        self.touch(task, va, pages);
        va
    }

    pub fn touch(&mut self, task: TaskId, va: VirtAddr, pages: u32) {
        self.run(task);
        self.k
            .user_touch(task, va, pages, AccessKind::Write)
            .unwrap();
    }

    pub fn write(&mut self, task: TaskId, va: VirtAddr, value: u32) {
        self.try_write(task, va, value).unwrap();
    }

    pub fn try_write(&mut self, task: TaskId, va: VirtAddr, value: u32) -> Result<(), UserFault> {
        self.run(task);
        self.k.user_write(task, va, &value.to_le_bytes())
    }

    pub fn read(&mut self, task: TaskId, va: VirtAddr) -> u32 {
        self.try_read(task, va).unwrap()
    }

    pub fn try_read(&mut self, task: TaskId, va: VirtAddr) -> Result<u32, UserFault> {
        self.run(task);
        let mut bytes = [0; 4];
        self.k.user_read(task, va, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    pub fn fork(&mut self, task: TaskId) -> TaskId {
        self.try_fork(task).unwrap()
    }

    pub fn try_fork(&mut self, task: TaskId) -> Result<TaskId, Errno> {
        let pid = self.call(task, Syscall::Fork)?;
        Ok(self.k.pid_hash.find(crate::abi::Pid(pid as i32)).unwrap())
    }

    pub fn clone_with(&mut self, task: TaskId, flags: CloneFlags, child_tid: VirtAddr) -> TaskId {
        let flags = flags | CloneFlags::FORK;
        let args = ForkArgs {
            child_tid,
            ..ForkArgs::with_flags(flags)
        };
        let pid = self.call(task, Syscall::Clone(args)).unwrap();
        self.k.pid_hash.find(crate::abi::Pid(pid as i32)).unwrap()
    }

    pub fn exit(&mut self, task: TaskId) {
        self.call(task, Syscall::Exit(0)).unwrap();
    }

    pub fn mm_id(&self, task: TaskId) -> MmId {
        self.k.task(task).mm().unwrap()
    }

    pub fn mm(&self, task: TaskId) -> &Mm {
        &self.k.mms[self.mm_id(task)]
    }

    pub fn pte(&self, task: TaskId, va: VirtAddr) -> Pte {
        self.k.pte(self.mm_id(task), va)
    }

    /// Low 12 bits of the entry.
    pub fn bits(&self, task: TaskId, va: VirtAddr) -> u32 {
        self.pte(task, va).flags()
    }

    pub fn pfn(&self, task: TaskId, va: VirtAddr) -> Pfn {
        self.pte(task, va).pfn()
    }

    /// `page_count` and `page_mapcount`.
    pub fn counts(&self, pfn: Pfn) -> (i32, i32) {
        let page = self.k.mem.page(pfn);
        (page.page_count(), page.page_mapcount())
    }

    pub fn area(&self, task: TaskId, va: VirtAddr) -> Vma {
        *self
            .mm(task)
            .find_vma(va)
            .filter(|vma| vma.contains(va))
            .unwrap()
    }

    /// Start and end of all areas, ascending.
    pub fn areas(&self, task: TaskId) -> Vec<(u32, u32)> {
        self.mm(task)
            .vmas
            .values()
            .map(|vma| (vma.vm_start, vma.vm_end))
            .collect()
    }

    fn snapshot(&self, task: TaskId) -> Effect {
        let k = &self.k;
        let tables: u32 = k.mms.values().map(|mm| mm.nr_ptes).sum();
        let directories = k.mms.len() as u32 - 1;
        let stacks = k.tasks.values().filter(|task| task.stack.is_some()).count() as u32;
        let data = k.mem.frames_in_use() - tables - directories - stacks;
        let none = Mm::default();
        let mm = k.task(task).mm().map_or(&none, |mm| &k.mms[mm]);
        Effect {
            frames: data as i32,
            tables: tables as i32,
            rss: mm.rss as i32,
            anon_rss: mm.anon_rss as i32,
            total_vm: mm.total_vm as i32,
            areas: mm.map_count() as i32,
            min_flt: k.task(task).min_flt as i32,
            ..Effect::default()
        }
    }

    /// What an action does, seen from one task. Checks all invariants afterwards.
    pub fn watch(&mut self, task: TaskId, action: impl FnOnce(&mut Self)) -> Effect {
        let before = self.snapshot(task);
        self.k.log.clear();
        action(self);
        let mut after = self.snapshot(task);
        for record in self.k.log.records() {
            match record.event {
                TraceEvent::PageFaultUser { code, .. }
                | TraceEvent::PageFaultKernel { code, .. } => after.faults.push(code),
                TraceEvent::TlbFlush {
                    scope: FlushScope::Page,
                    ..
                } => after.invlpg += 1,
                TraceEvent::TlbFlush {
                    scope: FlushScope::Mm,
                    ..
                } => after.reloads += 1,
                _ => {}
            }
        }
        self.check();
        after.minus(&before)
    }

    /// Asserts all invariants.
    pub fn check(&self) {
        self.k.check_mm().unwrap();
    }
}

/// `si_code` of a fault that must have ended in SIGSEGV.
pub fn segv_code(result: Result<impl std::fmt::Debug, UserFault>) -> u32 {
    match result.unwrap_err().kind {
        UserFaultKind::Segv { code, .. } => code as u32,
        other => panic!("not SIGSEGV but {other:?}"),
    }
}

/// The page that lies `n` pages behind an address.
pub fn page(va: VirtAddr, n: u32) -> VirtAddr {
    VirtAddr(va.0 + n * PAGE_SIZE)
}

/// Parts of a range of pages: first page, and page behind the last.
pub type Parts = &'static [(u32, u32)];

/// Start and end of the areas in a range of pages, in pages from its start.
pub fn parts(lab: &Lab, task: TaskId, va: VirtAddr, pages: u32) -> Vec<(u32, u32)> {
    let all = lab.areas(task).into_iter();
    let inside = all.filter(|area| va.0 < area.1 && area.0 < page(va, pages).0);
    let pages = |at: u32| at.wrapping_sub(va.0) / PAGE_SIZE;
    inside
        .map(|(start, end)| (pages(start), pages(end)))
        .collect()
}
