//! Long random runs: whatever tasks do, the counts agree with the page tables, the TLBs with both,
//! and what a task reads is what it or its ancestors wrote.

use super::lab::{Lab, PRIVATE, RW, SHARED};
use crate::abi::{PAGE_SIZE, TaskId, VirtAddr};
use crate::kernel::boot::Config;
use crate::kernel::syscall::Syscall;
use std::collections::BTreeMap;

/// Pages of the arena in which everything happens.
const PAGES: u32 = 24;
const ARENA: u32 = 0x403f_4000;

/// xorshift.
struct Random(u32);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % limit
    }
}

/// A task and what its memory must hold: by page, the object and its page. Private pages are
/// objects of their own.
#[derive(Clone)]
struct Model {
    task: TaskId,
    pages: BTreeMap<u32, Cell>,
}

#[derive(Clone, Copy)]
enum Cell {
    Private(u32),
    Shared(usize),
}

struct Run {
    lab: Lab,
    random: Random,
    models: Vec<Model>,
    /// Values of the shared pages.
    shared: Vec<u32>,
}

const fn va(page: u32) -> VirtAddr {
    VirtAddr(ARENA + page * PAGE_SIZE)
}

impl Run {
    fn new(seed: u32, cow: bool) -> Self {
        let (lab, task) = Lab::with_task_on(Config {
            cow,
            tlb: 16,
            ..Config::default()
        });
        let models = vec![Model {
            task,
            pages: BTreeMap::new(),
        }];
        Self {
            lab,
            random: Random(seed),
            models,
            shared: Vec::new(),
        }
    }

    fn step(&mut self) {
        let who = self.random.below(self.models.len() as u32) as usize;
        let page = self.random.below(PAGES);
        match self.random.below(16) {
            0 | 1 => self.map(who, page),
            2 => self.unmap(who, page),
            3 if self.models.len() < 8 => self.fork(who),
            4 if self.models.len() > 1 => self.exit(who),
            5 => self.brk(who),
            6..=10 => self.write(who, page),
            _ => self.read(who, page),
        }
    }

    fn map(&mut self, who: usize, page: u32) {
        let count = 1 + self.random.below(6.min(PAGES - page));
        let is_shared = self.random.below(3) == 0;
        let task = self.models[who].task;
        let flags = if is_shared { SHARED } else { PRIVATE } | super::lab::FIXED;
        self.lab
            .try_mmap(task, va(page).0, count * PAGE_SIZE, RW, flags)
            .unwrap();
        for page in page..page + count {
            let cell = if is_shared {
                self.new_shared()
            } else {
                Cell::Private(0)
            };
            self.models[who].pages.insert(page, cell);
        }
    }

    fn new_shared(&mut self) -> Cell {
        self.shared.push(0);
        Cell::Shared(self.shared.len() - 1)
    }

    fn unmap(&mut self, who: usize, page: u32) {
        let count = 1 + self.random.below(6.min(PAGES - page));
        self.lab.munmap(self.models[who].task, va(page), count);
        for page in page..page + count {
            self.models[who].pages.remove(&page);
        }
    }

    fn fork(&mut self, who: usize) {
        let task = self.lab.fork(self.models[who].task);
        let pages = self.models[who].pages.clone();
        self.models.push(Model { task, pages });
    }

    fn exit(&mut self, who: usize) {
        let model = self.models.swap_remove(who);
        self.lab.exit(model.task);
    }

    fn brk(&mut self, who: usize) {
        let task = self.models[who].task;
        let start = self.lab.mm(task).start_brk;
        let end = start + self.random.below(0x6000);
        assert_eq!(self.lab.call(task, Syscall::Brk(end)), Ok(end));
        if end & !0xfff > start {
            self.lab.write(task, VirtAddr(start), end);
        }
    }

    fn write(&mut self, who: usize, page: u32) {
        let value = self.random.below(u32::MAX);
        let task = self.models[who].task;
        let result = self.lab.try_write(task, va(page), value);
        match self.models[who].pages.get_mut(&page) {
            Some(Cell::Private(content)) => *content = value,
            Some(Cell::Shared(object)) => self.shared[*object] = value,
            None => return assert!(result.is_err()),
        }
        result.unwrap();
    }

    fn read(&mut self, who: usize, page: u32) {
        let task = self.models[who].task;
        let result = self.lab.try_read(task, va(page));
        let expected = match self.models[who].pages.get(&page) {
            Some(Cell::Private(content)) => *content,
            Some(Cell::Shared(object)) => self.shared[*object],
            None => return assert!(result.is_err()),
        };
        assert_eq!(result.unwrap(), expected);
    }
}

#[test]
fn random_runs_keep_every_invariant_and_every_byte() {
    for (seed, cow) in [
        (0x1234_5678, true),
        (0x9e37_79b9, true),
        (0x2612_2612, false),
    ] {
        let mut run = Run::new(seed, cow);
        for step in 0..1500 {
            run.step();
            if step % 10 == 0 {
                run.lab.check();
            }
        }
        while let Some(model) = run.models.pop() {
            run.lab.exit(model.task);
        }
        run.lab.check();
        assert_eq!(run.lab.k.anon_vmas.len(), 1, "only init's stack is left");
    }
}
