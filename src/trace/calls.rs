//! What a tracer such as `strace` sees of tasks: the calls that they enter and leave, with what
//! their memory held then, signals, and ends; and the outlines of their lives: children, programs,
//! copies of pages. It is recorded only if asked for.

use crate::abi::{CloneFlags, InodeId, Name, Pfn, Pid, SigInfo, VirtAddr, WaitStatus};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Number of records in a sealed chunk.
const CHUNK: usize = 256;

/// What an argument points to, by the number of the argument.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pointed {
    /// A structure, or the bytes of a buffer.
    Bytes(Vec<u8>),
    /// A string without its null byte; all of it, or the beginning.
    String(Vec<u8>),
    /// The strings of a list that ends with a null pointer.
    Strings(Vec<Vec<u8>>),
}

/// What was in memory behind the arguments of a call: the number of the argument, and what it
/// points to. What cannot be read is left out.
pub type Memory = Vec<(u8, Pointed)>;

/// What a page of a program is used for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum AreaKind {
    /// A part of a file, such as the data of a program.
    File,
    /// What `brk` has reserved.
    Heap,
    /// The stack.
    Stack,
    /// Other memory without a file.
    Anonymous,
}

/// Something that a tracer sees.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seen {
    /// The task has entered a system call.
    Enter {
        /// Its number, which may be none of a call.
        nr: u32,
        /// The registers of its arguments.
        words: [u32; 6],
        /// What the call is told.
        memory: Memory,
    },
    /// The task goes back to user mode from it.
    Leave {
        /// Its number.
        nr: u32,
        /// What is in `eax`.
        ret: i32,
        /// What the call has answered.
        memory: Memory,
    },
    /// The task has made a child.
    Forked {
        /// Its pid.
        child: Pid,
        /// The flags of `clone`; those of `fork` and `vfork` are fixed.
        flags: CloneFlags,
    },
    /// Page tables were copied for a child.
    CopiedTables {
        /// How many entries.
        ptes: u32,
        /// How many pages were copied, which only happens without copy on write.
        frames: u32,
    },
    /// The task executes another program.
    Executed,
    /// A page was copied because the task wrote to it.
    CopiedPage {
        /// The address that was written.
        addr: VirtAddr,
        /// What it lies in.
        area: AreaKind,
        /// The frame that stays with the others.
        old: Pfn,
        /// The copy.
        new: Pfn,
        /// The instruction that wrote; `None` if the kernel did, in a system call.
        by: Option<VirtAddr>,
    },
    /// The task has taken note of a zombie, which is gone now; or a task was gone at once.
    Released {
        /// The zombie's pid.
        child: Pid,
    },
    /// The task has put out bytes on the console or a printer: all of them, however many.
    Printed(Vec<u8>),
    /// A signal is delivered.
    Signal(SigInfo),
    /// The task has ended.
    Exit(WaitStatus),
}

impl Seen {
    /// Whether tracers such as `strace` see it too.
    pub const fn is_for_tracers(&self) -> bool {
        matches!(
            self,
            Self::Enter { .. } | Self::Leave { .. } | Self::Signal(_) | Self::Exit(_)
        )
    }
}

/// Something that a tracer sees, and of which task and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallRecord {
    /// Ticks since boot.
    pub tick: u64,
    /// Nanoseconds since that tick.
    pub since_tick: u32,
    /// The task.
    pub pid: Pid,
    /// Its name.
    pub name: Name,
    /// The program that it runs.
    pub exe: Option<InodeId>,
    /// What is seen.
    pub seen: Seen,
}

/// The records of a machine. Clones share the sealed chunks.
#[derive(Clone, Debug, Default)]
pub struct CallLog {
    /// Whether anything is recorded.
    pub enabled: bool,
    sealed: Vec<Arc<Vec<CallRecord>>>,
    open: Vec<CallRecord>,
    /// The calls that have not returned yet, with their arguments: what is answered is looked at
    /// when they return.
    calls: BTreeMap<Pid, [u32; 6]>,
}

impl CallLog {
    /// Records something, which must have been asked for.
    pub(crate) fn push(&mut self, record: CallRecord) {
        match &record.seen {
            Seen::Enter { words, .. } => {
                self.calls.insert(record.pid, *words);
            }
            Seen::Leave { .. } | Seen::Exit(_) => {
                self.calls.remove(&record.pid);
            }
            _ => {}
        }
        if self.open.len() == CHUNK {
            let full = std::mem::take(&mut self.open);
            self.sealed.push(Arc::new(full));
        }
        self.open.push(record);
    }

    /// The arguments of the call that a task is in.
    pub(crate) fn arguments(&self, pid: Pid) -> Option<[u32; 6]> {
        self.calls.get(&pid).copied()
    }

    /// All records, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &CallRecord> {
        let sealed = self.sealed.iter().flat_map(|chunk| chunk.iter());
        sealed.chain(&self.open)
    }

    /// Takes the records, oldest first, for whoever writes them down as they come.
    pub fn take(&mut self) -> Vec<CallRecord> {
        let all = self.iter().cloned().collect();
        self.sealed.clear();
        self.open.clear();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(tick: u64) -> CallRecord {
        CallRecord {
            tick,
            since_tick: 0,
            pid: Pid(2),
            name: Name::default(),
            exe: None,
            seen: Seen::Exit(WaitStatus(0)),
        }
    }

    #[test]
    fn records_keep_their_order_over_chunks() {
        let mut log = CallLog::default();
        let ticks = 0..3 * CHUNK as u64 + 1;
        ticks.clone().for_each(|tick| log.push(record(tick)));
        assert!(log.iter().map(|record| record.tick).eq(ticks.clone()));
        let taken = log.take();
        assert_eq!(taken.len(), ticks.count());
        assert_eq!(log.iter().count(), 0);
    }
}
