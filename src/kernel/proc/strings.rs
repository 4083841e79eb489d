//! `/proc/PID/cmdline`, `environ` and `auxv`: what a program was started with, as it is in its memory
//! now.

use crate::abi::{Errno, PAGE_SIZE, TaskId, VirtAddr};
use crate::kernel::Kernel;
use crate::kernel::fs::{Level, TaskEntry};

/// The text up to the first null byte.
fn until_null(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| *byte == 0);
    &bytes[..end.unwrap_or(bytes.len())]
}

impl Kernel {
    /// The text of a file of a task that one function makes.
    ///
    /// # Errors
    /// `ESRCH` for the environment of a task that may not be looked into.
    pub(super) fn proc_task_text(
        &mut self,
        current: TaskId,
        (task, level): (TaskId, Level),
        entry: TaskEntry,
    ) -> Result<Vec<u8>, Errno> {
        let text = match entry {
            TaskEntry::Cmdline => return Ok(self.proc_cmdline(task)),
            TaskEntry::Environ => return self.proc_environ(current, task),
            TaskEntry::Auxv => return Ok(self.proc_auxv(task)),
            TaskEntry::Status => {
                let fields = self.proc_status(task).into_iter();
                let lines = fields.map(|(name, value)| format!("{name}:\t{value}\n"));
                lines.collect()
            }
            TaskEntry::Stat => self.proc_task_stat(task, level),
            TaskEntry::Statm => self.proc_statm(task),
            TaskEntry::OomScore => self.proc_oom_score(task),
            TaskEntry::OomAdj => format!("{}\n", self.task(task).oomkilladj),
            _ => String::new(),
        };
        Ok(text.into_bytes())
    }

    /// Memory of a task from one address to another, at most `len` bytes of it.
    fn memory_of(&mut self, task: TaskId, (start, end): (u32, u32), len: usize) -> Vec<u8> {
        let len = (end.wrapping_sub(start) as usize).min(len);
        let mut bytes = vec![0; len];
        let read = self.read_process_vm(task, VirtAddr(start), &mut bytes);
        bytes.truncate(read);
        bytes
    }

    /// The arguments. A program that has written over the null byte behind them shows a text of its
    /// own, which may go on in the environment.
    ///
    /// Linux 2.6.12: `fs/proc/base.c`, `proc_pid_cmdline()`.
    fn proc_cmdline(&mut self, task: TaskId) -> Vec<u8> {
        let Some(mm) = self.task(task).mm().map(|mm| &self.mms[mm]) else {
            return Vec::new();
        };
        let (args, env) = (mm.args, mm.env);
        if args.1 == 0 {
            return Vec::new();
        }
        let page = PAGE_SIZE as usize;
        let mut text = self.memory_of(task, args, page);
        let short = args.1.wrapping_sub(args.0) < PAGE_SIZE;
        if !short || text.last().is_none_or(|last| *last == 0) {
            return text;
        }
        if !text.contains(&0) {
            text.extend(self.memory_of(task, env, page - text.len()));
        }
        until_null(&text).to_vec()
    }

    /// The environment; whether the reader may see it is asked when it has been read.
    ///
    /// Linux 2.6.12: `fs/proc/base.c`, `proc_pid_environ()`.
    ///
    /// # Errors
    /// `ESRCH`.
    fn proc_environ(&mut self, current: TaskId, task: TaskId) -> Result<Vec<u8>, Errno> {
        let Some(mm) = self.task(task).mm() else {
            return Ok(Vec::new());
        };
        let env = self.mms[mm].env;
        let text = self.memory_of(task, env, PAGE_SIZE as usize);
        if self.may_ptrace_attach(current, task) {
            Ok(text)
        } else {
            Err(Errno::ESRCH)
        }
    }

    /// The auxiliary vector up to its end; of a program without one, only the end.
    ///
    /// Linux 2.6.12: `fs/proc/base.c`, `proc_pid_auxv()`.
    fn proc_auxv(&self, task: TaskId) -> Vec<u8> {
        let Some(mm) = self.task(task).mm() else {
            return Vec::new();
        };
        let pairs = self.mms[mm].saved_auxv.chunks_exact(2);
        let pairs = pairs.take_while(|pair| pair[0] != 0);
        let words = pairs.flatten().chain(&[0, 0]);
        words.flat_map(|word| word.to_le_bytes()).collect()
    }
}
