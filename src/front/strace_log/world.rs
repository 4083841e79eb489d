//! What the processes, descriptors and addresses of a log are here.

use std::collections::BTreeMap;

/// A descriptor of a log.
#[derive(Clone, Copy)]
pub(super) struct Open {
    pub(super) here: i64,
    pub(super) closes_on_exec: bool,
    /// Whether it is the terminal that the log begins with.
    pub(super) terminal: bool,
}

/// Memory of a log: regions with their lengths, and the heap.
#[derive(Clone, Default)]
pub(super) struct Memory {
    /// Address there, address here and length; the latest comes last.
    regions: Vec<(i64, i64, i64)>,
    /// The end of the heap, there and here, when it was first asked for.
    heap: Option<(i64, i64)>,
}

/// A process of a log: its descriptors and its memory, which others may share.
#[derive(Clone, Copy)]
pub(super) struct Task {
    files: usize,
    memory: usize,
}

/// All that is known.
#[derive(Default)]
pub(super) struct World {
    /// The pids here of those in the log.
    pids: BTreeMap<i64, i64>,
    files: Vec<BTreeMap<i64, Open>>,
    memory: Vec<Memory>,
}

impl World {
    /// The first process, with the terminal as its first three descriptors.
    pub(super) fn first(&mut self) -> Task {
        let terminal = |fd| {
            let open = Open {
                here: fd,
                closes_on_exec: false,
                terminal: true,
            };
            (fd, open)
        };
        self.files.push((0..3).map(terminal).collect());
        self.memory.push(Memory::default());
        Task {
            files: self.files.len() - 1,
            memory: self.memory.len() - 1,
        }
    }

    /// A child, which shares files and memory with its parent or has copies of them.
    pub(super) fn child(&mut self, parent: Task, files: bool, memory: bool) -> Task {
        let mut child = parent;
        if !files {
            self.files.push(self.files[parent.files].clone());
            child.files = self.files.len() - 1;
        }
        if !memory {
            self.memory.push(self.memory[parent.memory].clone());
            child.memory = self.memory.len() - 1;
        }
        child
    }

    /// The task has another program: its memory is new, and some descriptors are closed.
    pub(super) fn exec(&mut self, task: &mut Task) {
        let mut files = self.files[task.files].clone();
        files.retain(|_, open| !open.closes_on_exec);
        self.files.push(files);
        self.memory.push(Memory::default());
        *task = Task {
            files: self.files.len() - 1,
            memory: self.memory.len() - 1,
        };
    }

    pub(super) fn pid(&self, there: i64) -> Option<i64> {
        self.pids.get(&there).copied()
    }

    pub(super) fn learn_pid(&mut self, there: i64, here: i64) {
        self.pids.insert(there, here);
    }

    pub(super) fn descriptor(&self, task: &Task, there: i64) -> Option<i64> {
        let open = self.files[task.files].get(&there);
        open.map(|open| open.here)
    }

    pub(super) fn is_terminal(&self, task: &Task, there: i64) -> bool {
        let open = self.files[task.files].get(&there);
        open.is_some_and(|open| open.terminal)
    }

    /// A descriptor here for one of the log that is chosen by its number.
    pub(super) fn place_for(&self, task: &Task, there: i64) -> i64 {
        let files = &self.files[task.files];
        let taken = |here: i64| {
            let mut others = files.iter().filter(|(fd, _)| **fd != there);
            others.any(|(_, open)| open.here == here)
        };
        match files.get(&there) {
            Some(open) => open.here,
            None => (there..).find(|here| !taken(*here)).unwrap_or(there),
        }
    }

    pub(super) fn learn_descriptor(&mut self, task: &Task, there: i64, open: Open) {
        self.files[task.files].insert(there, open);
    }

    pub(super) fn close(&mut self, task: &Task, there: i64) {
        self.files[task.files].remove(&there);
    }

    pub(super) fn close_on_exec(&mut self, task: &Task, there: i64, closes: bool) {
        if let Some(open) = self.files[task.files].get_mut(&there) {
            open.closes_on_exec = closes;
        }
    }

    /// An address of the log.
    pub(super) fn address_here(&self, task: &Task, there: i64) -> Result<i64, String> {
        let memory = &self.memory[task.memory];
        let holds = |(at, _, len): &&(i64, i64, i64)| (*at..at + len).contains(&there);
        if let Some((at, here, _)) = memory.regions.iter().rev().find(holds) {
            return Ok(here + (there - at));
        }
        self.break_here(task, there)
            .map_err(|_| "its address is of memory that is not here".to_owned())
    }

    /// An end of the heap.
    pub(super) fn break_here(&self, task: &Task, there: i64) -> Result<i64, String> {
        /// The heap is at most so long.
        const HEAP: i64 = 1 << 30;
        let heap = self.memory[task.memory].heap;
        let (first, here) = heap.ok_or("the log does not tell where the heap begins")?;
        let grown = there - first;
        if (0..HEAP).contains(&grown) {
            Ok(here + grown)
        } else {
            Err("its address is not in the heap".to_owned())
        }
    }

    /// The end of the heap is there, and here. Returns whether the heap has grown alike.
    pub(super) fn learn_break(&mut self, task: &Task, there: i64, here: i64) -> bool {
        let (first, ours) = *self.memory[task.memory].heap.get_or_insert((there, here));
        there - first == here - ours
    }

    pub(super) fn learn_region(&mut self, task: &Task, there: i64, here: i64, len: i64) {
        self.memory[task.memory].regions.push((there, here, len));
    }
}
