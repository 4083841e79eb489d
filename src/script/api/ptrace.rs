//! `ptrace`, as methods of the tracer; each names the task that it applies to.

use super::calls::{done, words};
use super::convert::{Result, pid_of, word};
use super::files::{Buffered, with_buffer};
use crate::abi::{SIGINFO_WORDS, si_code};
use crate::kernel::syscall::{PtraceArgs, Syscall};
use crate::machine::{BufferCall, StackCall};
use crate::script::session::Task;
use rhai::plugin::*;
use rhai::{Dynamic, Map, NativeCallContext};

const PEEKDATA: u32 = 2;
const PEEKUSER: u32 = 3;
const POKEDATA: u32 = 5;
const POKEUSER: u32 = 6;
const CONT: u32 = 7;
const KILL: u32 = 8;
const SINGLESTEP: u32 = 9;
const GETREGS: u32 = 12;
const ATTACH: u32 = 16;
const DETACH: u32 = 17;
const SYSCALL: u32 = 24;
const SETOPTIONS: u32 = 0x4200;
const GETEVENTMSG: u32 = 0x4201;
const GETSIGINFO: u32 = 0x4202;

/// The registers in the order of the user area.
const REGISTERS: [&str; 17] = [
    "ebx", "ecx", "edx", "esi", "edi", "ebp", "eax", "ds", "es", "fs", "gs", "orig_eax", "eip",
    "cs", "eflags", "esp", "ss",
];

/// Makes a request that only passes numbers.
fn ask(
    ctx: &NativeCallContext,
    task: &Task,
    request: u32,
    pid: &Dynamic,
    [addr, data]: [i64; 2],
) -> Result<Dynamic> {
    let args = PtraceArgs {
        request,
        pid: pid_of(pid, "the pid")?,
        addr: word(addr, "the address")?,
        data: word(data, "the value")?,
    };
    done(ctx, task, Syscall::Ptrace(args))
}

/// Makes a request that fills a buffer, and makes a value of its words.
fn look(
    ctx: &NativeCallContext,
    task: &Task,
    request: u32,
    (pid, addr): (&Dynamic, i64),
    len: usize,
) -> Result<Dynamic> {
    let what = StackCall {
        len: 4 * len as u32,
        bytes: Vec::new(),
        call: BufferCall::Ptrace {
            request,
            pid: pid_of(pid, "the pid")?,
            addr: word(addr, "the address")?,
        },
    };
    Ok(match with_buffer(ctx, task, what)? {
        Buffered::Done(_, bytes) => looked_at(&words(&bytes)),
        Buffered::Open(call) => call,
    })
}

/// What a request has stored: a word, registers or a `siginfo`, which differ in length.
pub(super) fn looked_at(words: &[u32]) -> Dynamic {
    match words.len() {
        SIGINFO_WORDS => siginfo(words),
        1 => i64::from(words[0]).into(),
        _ => registers(words),
    }
}

fn one(
    ctx: &NativeCallContext,
    task: &Task,
    request: u32,
    pid: &Dynamic,
    addr: i64,
) -> Result<Dynamic> {
    look(ctx, task, request, (pid, addr), 1)
}

fn registers(words: &[u32]) -> Dynamic {
    let named = REGISTERS.into_iter().zip(words);
    let value = |name, word: u32| match name {
        "eax" | "orig_eax" => i64::from(word as i32),
        _ => i64::from(word),
    };
    let entries = named.map(|(name, word)| (name.into(), value(name, *word).into()));
    entries.collect::<Map>().into()
}

fn siginfo(words: &[u32]) -> Dynamic {
    let word = |at: usize| words.get(at).copied().unwrap_or(0);
    let code = word(2) as i32;
    let mut map = Map::new();
    map.insert("signo".into(), i64::from(word(0)).into());
    map.insert("code".into(), i64::from(code).into());
    let name = si_code::name(code).map_or(Dynamic::UNIT, Dynamic::from);
    map.insert("code_name".into(), name);
    map.insert("pid".into(), i64::from(word(3) as i32).into());
    map.insert("uid".into(), i64::from(word(4)).into());
    map.into()
}

#[export_module]
pub mod functions {
    /// `ptrace(PTRACE_TRACEME)`: makes the parent the tracer of this task.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// kid.ptrace_traceme();
    /// kid.exec("sh");
    /// assert_eq(sh.wait().text, "stopped by SIGTRAP");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn ptrace_traceme(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        let args = PtraceArgs {
            request: 0,
            pid: 0,
            addr: 0,
            data: 0,
        };
        done(&ctx, task, Syscall::Ptrace(args))
    }

    /// `ptrace(PTRACE_ATTACH)`: makes this task the tracer of another one, which SIGSTOP stops.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let other = spawn("sh");
    /// sh.ptrace_attach(other);
    /// assert_eq(sh.wait(other).text, "stopped by SIGSTOP");
    /// assert_eq(other.state, "t");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn ptrace_attach(ctx: NativeCallContext, task: &mut Task, pid: Dynamic) -> Result<Dynamic> {
        ask(&ctx, task, ATTACH, &pid, [0, 0])
    }

    /// `ptrace(PTRACE_DETACH)`: ends the tracing of a task, which runs on.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let other = spawn("sh");
    /// sh.ptrace_attach(other);
    /// sh.wait(other);
    /// sh.ptrace_detach(other);
    /// assert_eq(other.state, "S");
    /// ```
    #[rhai_fn(name = "ptrace_detach", return_raw)]
    pub fn ptrace_detach(ctx: NativeCallContext, task: &mut Task, pid: Dynamic) -> Result<Dynamic> {
        ask(&ctx, task, DETACH, &pid, [0, 0])
    }

    /// `ptrace(PTRACE_DETACH)` with a signal that is delivered to the task.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// sh.ptrace_attach(kid);
    /// sh.wait(kid);
    /// sh.ptrace_detach(kid, SIGTERM);
    /// assert_eq(sh.wait(kid).text, "killed by SIGTERM");
    /// ```
    #[rhai_fn(name = "ptrace_detach", return_raw)]
    pub fn ptrace_detach_signal(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
        signal: i64,
    ) -> Result<Dynamic> {
        ask(&ctx, task, DETACH, &pid, [0, signal])
    }

    /// `ptrace(PTRACE_CONT)`: resumes a stopped task.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let other = spawn("sh");
    /// sh.ptrace_attach(other);
    /// sh.wait(other);
    /// sh.ptrace_cont(other);
    /// assert_eq(other.getpid(), other.pid);
    /// ```
    #[rhai_fn(name = "ptrace_cont", return_raw)]
    pub fn ptrace_cont(ctx: NativeCallContext, task: &mut Task, pid: Dynamic) -> Result<Dynamic> {
        ask(&ctx, task, CONT, &pid, [0, 0])
    }

    /// `ptrace(PTRACE_CONT)` with a signal that is delivered to the task.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// sh.ptrace_attach(kid);
    /// sh.wait(kid);
    /// sh.ptrace_cont(kid, SIGTERM);
    /// assert_eq(sh.wait(kid).text, "killed by SIGTERM");
    /// ```
    #[rhai_fn(name = "ptrace_cont", return_raw)]
    pub fn ptrace_cont_signal(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
        signal: i64,
    ) -> Result<Dynamic> {
        ask(&ctx, task, CONT, &pid, [0, signal])
    }

    /// `ptrace(PTRACE_SYSCALL)`: resumes a stopped task until it enters or leaves a system call.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// sh.ptrace_attach(kid);
    /// sh.wait(kid);
    /// sh.ptrace_syscall(kid);
    /// let open = kid.getpid();
    /// sh.wait(kid);
    /// assert_eq(sh.ptrace_getregs(kid).eax, -38);
    /// sh.ptrace_syscall(kid);
    /// sh.wait(kid);
    /// assert_eq(sh.ptrace_getregs(kid).eax, kid.pid);
    /// sh.ptrace_cont(kid);
    /// assert_eq(open.value, kid.pid);
    /// ```
    #[rhai_fn(name = "ptrace_syscall", return_raw)]
    pub fn ptrace_syscall(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
    ) -> Result<Dynamic> {
        ask(&ctx, task, SYSCALL, &pid, [0, 0])
    }

    /// `ptrace(PTRACE_SYSCALL)` with a signal that is delivered to the task.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// sh.ptrace_attach(kid);
    /// sh.wait(kid);
    /// sh.ptrace_syscall(kid, SIGTERM);
    /// assert_eq(sh.wait(kid).text, "killed by SIGTERM");
    /// ```
    #[rhai_fn(name = "ptrace_syscall", return_raw)]
    pub fn ptrace_syscall_signal(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
        signal: i64,
    ) -> Result<Dynamic> {
        ask(&ctx, task, SYSCALL, &pid, [0, signal])
    }

    /// `ptrace(PTRACE_SINGLESTEP)`: resumes a stopped task for one instruction.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// sh.ptrace_attach(kid);
    /// sh.wait(kid);
    /// sh.ptrace_singlestep(kid);
    /// assert_eq(kid.regs.eflags & 0x100, 0x100);
    /// ```
    #[rhai_fn(name = "ptrace_singlestep", return_raw)]
    pub fn ptrace_singlestep(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
    ) -> Result<Dynamic> {
        ask(&ctx, task, SINGLESTEP, &pid, [0, 0])
    }

    /// `ptrace(PTRACE_SINGLESTEP)` with a signal that is delivered to the task.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// sh.ptrace_attach(kid);
    /// sh.wait(kid);
    /// sh.ptrace_singlestep(kid, SIGTERM);
    /// assert_eq(sh.wait(kid).text, "killed by SIGTERM");
    /// ```
    #[rhai_fn(name = "ptrace_singlestep", return_raw)]
    pub fn ptrace_singlestep_signal(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
        signal: i64,
    ) -> Result<Dynamic> {
        ask(&ctx, task, SINGLESTEP, &pid, [0, signal])
    }

    /// `ptrace(PTRACE_KILL)`: kills a task that is stopped by a signal or at a system call.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// sh.ptrace_attach(kid);
    /// sh.wait(kid);
    /// sh.ptrace_kill(kid);
    /// assert_eq(sh.wait(kid).text, "killed by SIGKILL");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn ptrace_kill(ctx: NativeCallContext, task: &mut Task, pid: Dynamic) -> Result<Dynamic> {
        ask(&ctx, task, KILL, &pid, [0, 0])
    }

    /// `ptrace(PTRACE_SETOPTIONS)`: sets the events at which the task stops: `PTRACE_O_TRACEFORK`,
    /// ...
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// sh.ptrace_attach(kid);
    /// sh.wait(kid);
    /// sh.ptrace_setoptions(kid, PTRACE_O_TRACEFORK);
    /// sh.ptrace_cont(kid);
    /// let grandkid = kid.fork();
    /// assert_eq(sh.wait(kid).status, 0x1057f);
    /// assert_eq(sh.ptrace_geteventmsg(kid), grandkid.pid);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn ptrace_setoptions(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
        options: i64,
    ) -> Result<Dynamic> {
        ask(&ctx, task, SETOPTIONS, &pid, [0, options])
    }

    /// `ptrace(PTRACE_PEEKDATA)`: reads a word of a traced task's memory.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// let page = kid.mmap(4*KiB);
    /// kid.write(page, 42);
    /// sh.ptrace_attach(kid);
    /// sh.wait(kid);
    /// assert_eq(sh.ptrace_peek(kid, page), 42);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn ptrace_peek(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
        addr: i64,
    ) -> Result<Dynamic> {
        one(&ctx, task, PEEKDATA, &pid, addr)
    }

    /// `ptrace(PTRACE_POKEDATA)`: writes a word of a traced task's memory. A page that is read-only
    /// for the task is copied first.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// let page = kid.mmap(4*KiB);
    /// sh.ptrace_attach(kid);
    /// sh.wait(kid);
    /// sh.ptrace_poke(kid, page, 43);
    /// sh.ptrace_cont(kid);
    /// assert_eq(kid.read(page), 43);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn ptrace_poke(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
        addr: i64,
        value: i64,
    ) -> Result<Dynamic> {
        ask(&ctx, task, POKEDATA, &pid, [addr, value])
    }

    /// `ptrace(PTRACE_PEEKUSR)`: reads a word of the user area at an offset; the registers come
    /// first, a word each.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// sh.ptrace_attach(kid);
    /// sh.wait(kid);
    /// assert_eq(sh.ptrace_peekuser(kid, 4 * 15), kid.regs.esp);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn ptrace_peekuser(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
        offset: i64,
    ) -> Result<Dynamic> {
        one(&ctx, task, PEEKUSER, &pid, offset)
    }

    /// `ptrace(PTRACE_POKEUSR)`: changes a register, given by its offset in the user area.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// sh.ptrace_attach(kid);
    /// sh.wait(kid);
    /// sh.ptrace_pokeuser(kid, 0, 7);
    /// assert_eq(kid.regs.ebx, 7);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn ptrace_pokeuser(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
        offset: i64,
        value: i64,
    ) -> Result<Dynamic> {
        ask(&ctx, task, POKEUSER, &pid, [offset, value])
    }

    /// `ptrace(PTRACE_GETREGS)`: the registers of a traced task.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// sh.ptrace_attach(kid);
    /// sh.wait(kid);
    /// assert_eq(sh.ptrace_getregs(kid).esp, kid.regs.esp);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn ptrace_getregs(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
    ) -> Result<Dynamic> {
        look(&ctx, task, GETREGS, (&pid, 0), REGISTERS.len())
    }

    /// `ptrace(PTRACE_GETEVENTMSG)`: the message of the last event: the pid of a new child, or the
    /// status of an exiting task.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// sh.ptrace_attach(kid);
    /// sh.wait(kid);
    /// sh.ptrace_setoptions(kid, PTRACE_O_TRACEEXIT);
    /// sh.ptrace_cont(kid);
    /// kid.exit(3);
    /// assert_eq(sh.wait(kid).text, "stopped at PTRACE_EVENT_EXIT");
    /// assert_eq(sh.ptrace_geteventmsg(kid), 0x300);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn ptrace_geteventmsg(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
    ) -> Result<Dynamic> {
        one(&ctx, task, GETEVENTMSG, &pid, 0)
    }

    /// `ptrace(PTRACE_GETSIGINFO)`: the signal that stopped a traced task.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// sh.ptrace_attach(kid);
    /// sh.wait(kid);
    /// assert_eq(sh.ptrace_getsiginfo(kid).signo, SIGSTOP);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn ptrace_getsiginfo(
        ctx: NativeCallContext,
        task: &mut Task,
        pid: Dynamic,
    ) -> Result<Dynamic> {
        look(&ctx, task, GETSIGINFO, (&pid, 0), SIGINFO_WORDS)
    }
}
