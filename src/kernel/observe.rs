//! Recording what a tracer such as `strace` sees of tasks, and what became of them and their memory.
//! Unlike a tracer, this stops nobody and changes nothing: memory is looked at without faults.

use super::Kernel;
use super::mm::{VmFlags, Vma};
use super::syscall::{Shape, Struct, Syscall, SyscallInfo};
use crate::abi::{CloneFlags, MmId, PAGE_SIZE, Pfn, Pid, SigInfo, TaskId, VirtAddr, WaitStatus};
use crate::trace::{AreaKind, CallRecord, Memory, Pointed, Seen};

/// The most bytes of a buffer that are recorded; `strace` shows 32.
const MAX_BUFFER: usize = 256;
/// The most strings of a list, and structures of an array, that are recorded.
const MAX_LIST: usize = 32;

/// When memory is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Entry,
    Return,
}

impl Kernel {
    /// Records that the current task enters a call.
    pub(in crate::kernel) fn observe_entry(&mut self, current: TaskId, nr: u32, words: [u32; 6]) {
        if self.calls.enabled {
            let memory = self.memory_of_call(current, nr, words, When::Entry, 0);
            self.observe(current, Seen::Enter { nr, words, memory });
        }
    }

    /// The same of a task that runs no code: its strings are in no memory.
    pub(in crate::kernel) fn observe_puppet(&mut self, current: TaskId, call: &Syscall) {
        if self.calls.enabled {
            let nr = u32::from(call.nr());
            let (words, strings) = call.told();
            let mut memory = self.memory_of_call(current, nr, words, When::Entry, 0);
            memory.extend(strings);
            self.observe(current, Seen::Enter { nr, words, memory });
        }
    }

    /// Records that the current task goes back to user mode from a call.
    pub(in crate::kernel) fn observe_return(&mut self, current: TaskId, nr: u32, ret: i32) {
        if self.calls.enabled {
            let words = self.calls.arguments(self.pid(current)).unwrap_or_default();
            let memory = self.memory_of_call(current, nr, words, When::Return, ret);
            self.observe(current, Seen::Leave { nr, ret, memory });
        }
    }

    /// Records that a signal is delivered.
    pub(in crate::kernel) fn observe_signal(&mut self, current: TaskId, info: SigInfo) {
        if self.calls.enabled {
            self.observe(current, Seen::Signal(info));
        }
    }

    /// Records that a task has ended.
    pub(in crate::kernel) fn observe_exit(&mut self, current: TaskId, code: u32) {
        if self.calls.enabled {
            self.observe(current, Seen::Exit(WaitStatus(code)));
        }
    }

    /// Records that the current task has made a child.
    pub(in crate::kernel) fn observe_fork(
        &mut self,
        current: TaskId,
        child: Pid,
        flags: CloneFlags,
    ) {
        if self.calls.enabled {
            self.observe(current, Seen::Forked { child, flags });
        }
    }

    /// Records that page tables were copied for a child.
    pub(in crate::kernel) fn observe_copy_mm(&mut self, ptes: u32, frames: u32) {
        if self.calls.enabled {
            self.observe(self.current(), Seen::CopiedTables { ptes, frames });
        }
    }

    /// Records that the current task executes another program.
    pub(in crate::kernel) fn observe_exec(&mut self, current: TaskId) {
        if self.calls.enabled {
            self.observe(current, Seen::Executed);
        }
    }

    /// Records that a write of the current task has copied a page.
    pub(in crate::kernel) fn observe_copy(
        &mut self,
        vma: &Vma,
        addr: VirtAddr,
        old: Pfn,
        new: Pfn,
    ) {
        if self.calls.enabled {
            let current = self.current();
            let area = self.area_of(current, vma);
            let eip = self.task(current).thread.regs.eip;
            let in_call = self.task(current).in_call.open().is_some();
            let by = (!in_call).then_some(VirtAddr(eip));
            let copied = Seen::CopiedPage {
                addr,
                area,
                old,
                new,
                by,
            };
            self.observe(current, copied);
        }
    }

    fn area_of(&self, task: TaskId, vma: &Vma) -> AreaKind {
        let heap = self.task(task).mm().is_some_and(|mm| {
            let space = &self.mms[mm];
            space.start_brk <= vma.vm_start && vma.vm_end <= space.brk.next_multiple_of(PAGE_SIZE)
        });
        match vma.vm_file {
            Some(_) => AreaKind::File,
            None if vma.has(VmFlags::GROWSDOWN) => AreaKind::Stack,
            None if heap => AreaKind::Heap,
            None => AreaKind::Anonymous,
        }
    }

    /// Records that the current task has put out bytes.
    pub(in crate::kernel) fn observe_print(&mut self, current: TaskId, bytes: &[u8]) {
        if self.calls.enabled {
            self.observe(current, Seen::Printed(bytes.to_vec()));
        }
    }

    /// Records that a zombie is released: by the task that waits for it, or at its own end.
    pub(in crate::kernel) fn observe_release(&mut self, child: TaskId) {
        if self.calls.enabled {
            let child = self.pid(child);
            self.observe(self.current(), Seen::Released { child });
        }
    }

    fn observe(&mut self, task: TaskId, seen: Seen) {
        let record = CallRecord {
            tick: self.tick,
            since_tick: self.since_tick,
            pid: self.pid(task),
            name: self.comm(task),
            exe: self.task(task).mm().and_then(|mm| self.mms[mm].exe()),
            seen,
        };
        self.calls.push(record);
    }

    /// What the arguments of a call point to, as far as it is looked at at that time.
    fn memory_of_call(
        &self,
        task: TaskId,
        nr: u32,
        words: [u32; 6],
        when: When,
        ret: i32,
    ) -> Memory {
        let shapes = u16::try_from(nr).ok().and_then(SyscallInfo::shapes);
        let (Some(shapes), Some(mm)) = (shapes, self.task(task).mm()) else {
            return Memory::new();
        };
        let shapes = shapes.iter().copied().zip(0..);
        let pointed = shapes.filter_map(|(shape, at)| {
            let next = words.get(usize::from(at) + 1).copied().unwrap_or(0) as usize;
            let addr = VirtAddr(words[usize::from(at)]);
            let pointed = self.pointed(mm, addr, shape, when, ret, next)?;
            Some((at, pointed))
        });
        pointed.collect()
    }

    fn pointed(
        &self,
        mm: MmId,
        addr: VirtAddr,
        shape: Shape,
        when: When,
        ret: i32,
        next: usize,
    ) -> Option<Pointed> {
        if addr.0 == 0 {
            return None;
        }
        let entry = when == When::Entry;
        let exactly = |len: usize| {
            let bytes = self.peek_user(mm, addr, len);
            (bytes.len() == len).then_some(Pointed::Bytes(bytes))
        };
        match shape {
            Shape::Path if entry => self.peek_string(mm, addr, PAGE_SIZE as usize),
            Shape::Strings | Shape::Environment if entry => self.peek_strings(mm, addr),
            Shape::Input if entry => exactly(next.min(MAX_BUFFER)),
            Shape::Output if !entry && ret >= 0 => exactly((ret as usize).min(MAX_BUFFER)),
            Shape::In(Struct::Iovec) if entry => self.peek_iovec(mm, addr, next),
            Shape::In(what) | Shape::InOut(what) if entry => exactly(size(what, next)),
            Shape::Out(what) | Shape::InOut(what) if !entry && ret >= 0 => {
                exactly(size(what, next))
            }
            _ => None,
        }
    }

    fn peek_string(&self, mm: MmId, addr: VirtAddr, limit: usize) -> Option<Pointed> {
        let bytes = self.peek_user(mm, addr, limit);
        if bytes.is_empty() {
            return None;
        }
        let end = bytes.iter().position(|byte| *byte == 0);
        Some(Pointed::String(
            bytes[..end.unwrap_or(bytes.len())].to_vec(),
        ))
    }

    fn peek_strings(&self, mm: MmId, list: VirtAddr) -> Option<Pointed> {
        let mut strings = Vec::new();
        while strings.len() < MAX_LIST {
            let slot = VirtAddr(list.0.checked_add(4 * strings.len() as u32)?);
            let pointer = self.peek_user(mm, slot, 4).try_into().ok()?;
            match u32::from_le_bytes(pointer) {
                0 => break,
                string => match self.peek_string(mm, VirtAddr(string), MAX_BUFFER)? {
                    Pointed::String(bytes) => strings.push(bytes),
                    _ => return None,
                },
            }
        }
        Some(Pointed::Strings(strings))
    }

    /// The buffers of a vector, one after the other.
    fn peek_iovec(&self, mm: MmId, vector: VirtAddr, count: usize) -> Option<Pointed> {
        let mut buffers = Vec::new();
        for at in 0..count.min(MAX_LIST) as u32 {
            let entry = VirtAddr(vector.0.checked_add(8 * at)?);
            let entry = self.peek_user(mm, entry, 8);
            let (base, len) = entry.split_at_checked(4)?;
            let [base, len] = [base, len].map(|word| word.try_into().map(u32::from_le_bytes));
            let (base, len) = (base.ok()?, len.ok()?);
            buffers.push(self.peek_user(mm, VirtAddr(base), (len as usize).min(MAX_BUFFER)));
        }
        Some(Pointed::Strings(buffers))
    }
}

/// The bytes of a structure, or of as many as the next argument says.
fn size(what: Struct, next: usize) -> usize {
    match what {
        Struct::Pollfds => what.size() * next.min(MAX_LIST),
        _ => what.size(),
    }
}
