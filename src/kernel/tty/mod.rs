//! The terminal: what is typed on the console, its line discipline, its output, and the session
//! whose controlling terminal it is.
//!
//! There is one, `/dev/tty1`. `/dev/console` and `/dev/tty0` open the same terminal, but it never
//! becomes the controlling terminal through them.
//!
//! The room may name `syscall`, `task`, `sched`, `signal` and `time`. It alone changes the terminal,
//! whose controlling terminal it is, and what an open file of a terminal stands for.

mod hangup;
mod ioctl;
mod job_control;
mod n_tty;
mod open;
mod output;
mod read;
mod ring;
mod semaphore;
mod termios;
mod wait;
mod write;

pub(in crate::kernel) use hangup::Leaves;
pub use open::TtyDevice;
pub use output::Output;
pub use termios::{Termios, Winsize};

use crate::abi::{FileId, ICANON, Pid, TaskId};
use crate::kernel::Kernel;
use open::TtyFile;
use ring::Ring;
use semaphore::Semaphore;
use slotmap::SecondaryMap;
use std::collections::VecDeque;

/// The terminal (`struct tty_struct`).
#[derive(Clone, Debug)]
pub struct Tty {
    /// Its settings.
    pub(in crate::kernel) termios: Termios,
    /// The size of its window.
    winsize: Winsize,
    /// The session whose controlling terminal it is; 0 for none.
    session: Pid,
    /// The foreground process group; -1 for none.
    pgrp: Pid,
    /// What was typed.
    ring: Ring,
    /// What programs have put out, and the screen.
    output: Output,
    /// Whether the output is stopped, by Ctrl-S or TCXONC.
    stopped: bool,
    /// Whether TCXONC has stopped it.
    flow_stopped: bool,
    /// Whether the next character is an ordinary one.
    lnext: bool,
    /// Whether erased characters are being shown, after a backslash.
    erasing: bool,
    /// `TTY_PUSH`: the end of the input followed text in its line.
    push: bool,
    /// `minimum_to_wake`: without lines, how many bytes have to be there before readers are woken.
    minimum_to_wake: u32,
    /// Whether nothing more will be typed: then a reader gets 0 instead of waiting.
    end_of_input: bool,
    /// `atomic_read`: one task reads at a time.
    atomic_read: Semaphore,
    /// `atomic_write`: one task writes at a time.
    atomic_write: Semaphore,
    /// `read_wait`: tasks that read or poll, latest first.
    read_wait: VecDeque<TaskId>,
    /// `write_wait`: tasks that write or poll, latest first.
    write_wait: VecDeque<TaskId>,
    /// `write_buf`: the chunk that is being put out.
    write_buf: Vec<u8>,
    /// `tty_files`: the open files of the terminal.
    opened: SecondaryMap<FileId, TtyFile>,
}

impl Default for Tty {
    fn default() -> Self {
        Self {
            termios: Termios::INITIAL,
            winsize: Winsize::INITIAL,
            session: Pid(0),
            pgrp: Pid(-1),
            ring: Ring::default(),
            output: Output::default(),
            stopped: false,
            flow_stopped: false,
            lnext: false,
            erasing: false,
            push: false,
            minimum_to_wake: 1,
            end_of_input: false,
            atomic_read: Semaphore::default(),
            atomic_write: Semaphore::default(),
            read_wait: VecDeque::new(),
            write_wait: VecDeque::new(),
            write_buf: Vec::new(),
            opened: SecondaryMap::new(),
        }
    }
}

impl Tty {
    /// Its output.
    pub const fn output(&self) -> &Output {
        &self.output
    }

    /// The session whose controlling terminal it is; 0 for none.
    pub const fn session(&self) -> Pid {
        self.session
    }

    /// The foreground process group; -1 for none.
    pub const fn pgrp(&self) -> Pid {
        self.pgrp
    }

    /// The foreground group, if there is one.
    fn foreground(&self) -> Option<Pid> {
        (self.pgrp > Pid(0)).then_some(self.pgrp)
    }

    /// Whether programs read lines.
    pub const fn has_lines(&self) -> bool {
        self.termios.l(ICANON)
    }

    /// Whether somebody waits for what is typed.
    pub fn is_awaited(&self) -> bool {
        !self.read_wait.is_empty()
    }

    /// The tasks that read, write or poll it, or wait for their turn.
    pub(in crate::kernel) fn sleepers(&self) -> impl Iterator<Item = TaskId> {
        let queues = self.read_wait.iter().chain(&self.write_wait);
        let turns = self
            .atomic_read
            .waiters()
            .chain(self.atomic_write.waiters());
        queues.copied().chain(turns)
    }
}

impl Kernel {
    /// Checks that only tasks inside a call wait for the terminal, that its files are open, and that
    /// only its session has it.
    pub(in crate::kernel) fn check_tty(&self) -> Result<(), String> {
        for task in self.tty.sleepers() {
            let inside = self
                .tasks
                .get(task)
                .and_then(|task| task.in_call.continuation);
            if inside.is_none() {
                return Err("a task waits for the terminal without a call".into());
            }
        }
        if let Some(file) = self
            .tty
            .opened
            .keys()
            .find(|file| !self.open_files.contains_key(*file))
        {
            return Err(format!("the terminal has {file:?}, which is not open"));
        }
        let strangers = self.signals.values().find(|signal| {
            signal.tty() && (self.tty.session <= Pid(0) || signal.session() != self.tty.session)
        });
        match strangers {
            Some(signal) => Err(format!(
                "a process of session {} has the terminal of session {}",
                signal.session(),
                self.tty.session
            )),
            None => Ok(()),
        }
    }
}
