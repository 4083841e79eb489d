//! System V semaphores, as methods of a task.

use super::calls::{plain, words};
use super::convert::{Result, act, alive, call_handle, look, ranged, word};
use super::files::{Buffered, with_buffer};
use super::shm::{IPC_64, described, named};
use crate::abi::{GETALL, IPC_INFO, IPC_SET, IPC_STAT, SEM_INFO, SEM_STAT, SETALL};
use crate::kernel::ipc::{MAX_OPS, SemOp};
use crate::kernel::syscall::{IpcCall, Syscall};
use crate::machine::{Acted, Action, BufferCall, StackCall};
use crate::script::errors::ScriptError;
use crate::script::session::Task;
use rhai::plugin::*;
use rhai::{Array, Dynamic, Map, NativeCallContext};

/// Bytes of `struct semid64_ds`, the largest structure.
const SEMID_DS: u32 = 64;
/// The most semaphores in a set (`SEMMSL`).
const MAX_SEMS: i64 = 250;

/// A semaphore operation from its numbers.
fn operation(num: i64, op: i64, flags: i64) -> Result<SemOp> {
    Ok(SemOp {
        num: ranged(num, "the number of the semaphore", 0, 0xffff)? as u16,
        op: ranged(op, "the operation", -0x8000, 0x7fff)? as i16,
        flags: ranged(flags, "the flags", 0, 0xffff)? as u16,
    })
}

/// A semaphore operation from an array.
fn operation_of(item: &Dynamic) -> Result<SemOp> {
    let parts = item.read_lock::<Array>().map(|parts| {
        let ints = parts.iter().map(Dynamic::as_int);
        ints.collect::<std::result::Result<Vec<i64>, _>>()
    });
    match parts.and_then(std::result::Result::ok).as_deref() {
        Some([num, op]) => operation(*num, *op, 0),
        Some([num, op, flags]) => operation(*num, *op, *flags),
        _ => Err(
            ScriptError::new(format!("{item} is not a semaphore operation"))
                .with_help(
                    "operations are [[number, amount to add], [number, amount to add, flags]]",
                )
                .into(),
        ),
    }
}

/// `semop`: returns `()` when it is done, or a call if it has to wait.
fn operate(ctx: &NativeCallContext, task: &Task, id: i64, ops: &[SemOp]) -> Result<Dynamic> {
    let count = ranged(
        ops.len() as i64,
        "the number of operations",
        0,
        i64::from(MAX_OPS) + 1,
    )?;
    let bytes: Vec<u8> = ops.iter().flat_map(|op| op.to_bytes()).collect();
    let what = StackCall {
        len: bytes.len() as u32,
        bytes,
        call: BufferCall::Semop {
            id: word(id, "the semaphore set")? as i32,
            count: count as u32,
        },
    };
    match act(ctx, task, Action::OnStack(what))? {
        Acted::Blocks(call) => call_handle(ctx, call),
        _ => Ok(Dynamic::UNIT),
    }
}

/// `semctl` with a buffer of 16-bit values; returns what is in it afterwards.
fn with_values(
    ctx: &NativeCallContext,
    task: &Task,
    id: i64,
    cmd: u32,
    values: &[u16],
) -> Result<Buffered> {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let what = StackCall {
        len: bytes.len() as u32,
        bytes,
        call: BufferCall::Semctl {
            id: word(id, "the semaphore set")? as i32,
            cmd,
        },
    };
    with_buffer(ctx, task, what)
}

/// The number of semaphores in a set; the maximum if there is no such set.
fn size_of(ctx: &NativeCallContext, id: i64) -> Result<usize> {
    look(ctx, |machine| {
        let set = machine
            .kernel
            .sem_sets()
            .find(i32::try_from(id).unwrap_or(-1).max(0));
        set.map_or(MAX_SEMS as usize, |set| set.sems().len())
    })
}

/// The values of a set as they lie in memory.
pub(super) fn semaphore_values(bytes: &[u8]) -> Dynamic {
    let values = bytes
        .chunks_exact(2)
        .map(|pair| i64::from(u16::from_le_bytes([pair[0], pair[1]])).into());
    values.collect::<Array>().into()
}

/// What a command of `semctl` has stored.
pub(super) fn set_answer(cmd: u32, bytes: &[u8]) -> Dynamic {
    let words = words(bytes);
    match cmd & !IPC_64 {
        GETALL => semaphore_values(bytes),
        IPC_INFO => named(
            &words,
            &[("semmni", 1), ("semmns", 2), ("semmsl", 4), ("semopm", 5)],
        ),
        SEM_INFO => named(&words, &[("used_ids", 7), ("semaphores", 9)]),
        _ => described(&words, &[("otime", 9), ("ctime", 11), ("nsems", 13)]),
    }
}

/// `semctl` with a structure, which holds these bytes before.
fn with_structure(
    ctx: &NativeCallContext,
    task: &Task,
    id: i64,
    cmd: u32,
    bytes: Vec<u8>,
) -> Result<Dynamic> {
    let what = StackCall {
        len: SEMID_DS,
        bytes,
        call: BufferCall::Semctl {
            id: word(id, "the semaphore set")?.cast_signed(),
            cmd: cmd | IPC_64,
        },
    };
    Ok(match with_buffer(ctx, task, what)? {
        Buffered::Done(..) if cmd == IPC_SET => Dynamic::UNIT,
        Buffered::Done(_, bytes) => set_answer(cmd, &bytes),
        Buffered::Open(call) => call,
    })
}

#[export_module]
pub mod functions {
    /// `semget(key, n, flags)`: the id of the semaphore set with that key, or of a new one with `n`
    /// semaphores. A new set is created for the key `IPC_PRIVATE`, or with `IPC_CREAT` if there is
    /// none. The low nine bits of the flags are permissions, as for files.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let set = sh.semget(42, 1, IPC_CREAT | 0o600);
    /// assert_eq(sh.fork().semget(42, 0, 0), set);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn semget(
        ctx: NativeCallContext,
        task: &mut Task,
        key: i64,
        n: i64,
        flags: i64,
    ) -> Result<Dynamic> {
        let call = IpcCall::Semget(
            word(key, "the key")? as i32,
            word(n, "the number of semaphores")? as i32,
            word(flags, "the flags")?,
        );
        plain(&ctx, task, Syscall::Ipc(call))
    }

    /// `semop` on one semaphore: adds to its value, waiting while that would make it negative; 0
    /// waits until the value is 0. Returns a `Call` if it waits.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let set = sh.semget(IPC_PRIVATE, 1, 0o600);
    /// let kid = sh.fork();
    /// let waiting = kid.semop(set, 0, -1);
    /// sh.semop(set, 0, 1);
    /// assert(waiting.done);
    /// ```
    #[rhai_fn(name = "semop", return_raw)]
    pub fn semop(
        ctx: NativeCallContext,
        task: &mut Task,
        set: i64,
        num: i64,
        op: i64,
    ) -> Result<Dynamic> {
        operate(&ctx, task, set, &[operation(num, op, 0)?])
    }

    /// `semop` with flags: `IPC_NOWAIT`, `SEM_UNDO`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let set = sh.semget(IPC_PRIVATE, 1, 0o600);
    /// let kid = sh.fork();
    /// kid.semop(set, 0, 3, SEM_UNDO);
    /// assert_eq(kid.semadj(set), [-3]);
    /// kid.exit(0);
    /// assert_eq(sh.semctl(set, 0, GETVAL), 0);
    /// ```
    #[rhai_fn(name = "semop", return_raw)]
    pub fn semop_flags(
        ctx: NativeCallContext,
        task: &mut Task,
        set: i64,
        num: i64,
        op: i64,
        flags: i64,
    ) -> Result<Dynamic> {
        operate(&ctx, task, set, &[operation(num, op, flags)?])
    }

    /// Several operations, all at once or none: `[[number, amount to add, flags], ..]`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let set = sh.semget(IPC_PRIVATE, 2, 0o600);
    /// sh.semop(set, [[0, 1], [1, 1]]);
    /// try { sh.semop(set, [[0, -1], [1, -2, IPC_NOWAIT]]) } catch (e) { assert_eq(e.name, "EAGAIN") }
    /// assert_eq(sh.semctl(set, 0, GETALL), [1, 1]);
    /// ```
    #[rhai_fn(name = "semop", return_raw)]
    pub fn semop_all(
        ctx: NativeCallContext,
        task: &mut Task,
        set: i64,
        ops: Array,
    ) -> Result<Dynamic> {
        let ops: Vec<SemOp> = ops.iter().map(operation_of).collect::<Result<_>>()?;
        operate(&ctx, task, set, &ops)
    }

    /// `semctl(set, num, command)`: `GETVAL`, `GETPID`, `GETNCNT`, `GETZCNT`, `GETALL` (returns an
    /// array), `IPC_RMID`; `IPC_STAT` (a map of what is known of the set); `IPC_INFO` (the limits) and
    /// `SEM_INFO` (what is used) of all sets.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let set = sh.semget(IPC_PRIVATE, 2, 0o600);
    /// assert_eq(sh.semctl(set, 0, GETALL), [0, 0]);
    /// assert_eq(sh.semctl(set, 0, IPC_STAT).nsems, 2);
    /// sh.semctl(set, 0, IPC_RMID);
    /// try { sh.semctl(set, 0, GETVAL) } catch (e) { assert_eq(e.name, "EINVAL") }
    /// ```
    #[rhai_fn(name = "semctl", return_raw)]
    pub fn semctl(
        ctx: NativeCallContext,
        task: &mut Task,
        set: i64,
        num: i64,
        command: i64,
    ) -> Result<Dynamic> {
        if command == i64::from(GETALL) {
            let room = vec![0; size_of(&ctx, set)?];
            return Ok(match with_values(&ctx, task, set, GETALL, &room)? {
                Buffered::Done(_, bytes) => semaphore_values(&bytes),
                Buffered::Open(call) => call,
            });
        }
        let cmd = word(command, "the command")?;
        if matches!(cmd, IPC_STAT | IPC_INFO | SEM_STAT | SEM_INFO) {
            return with_structure(&ctx, task, set, cmd, Vec::new());
        }
        semctl_value(ctx, task, set, num, command, 0)
    }

    /// `semctl(set, num, command, value)`: `SETVAL`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let set = sh.semget(IPC_PRIVATE, 1, 0o600);
    /// sh.semctl(set, 0, SETVAL, 5);
    /// assert_eq(sh.semctl(set, 0, GETVAL), 5);
    /// ```
    #[rhai_fn(name = "semctl", return_raw)]
    pub fn semctl_value(
        ctx: NativeCallContext,
        task: &mut Task,
        set: i64,
        num: i64,
        command: i64,
        value: i64,
    ) -> Result<Dynamic> {
        let call = IpcCall::Semctl {
            id: word(set, "the semaphore set")? as i32,
            num: word(num, "the number of the semaphore")? as i32,
            cmd: word(command, "the command")?,
            arg: word(value, "the value")?,
        };
        plain(&ctx, task, Syscall::Ipc(call))
    }

    /// `semctl(set, 0, SETALL, values)`: sets the value of each semaphore in the set.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let set = sh.semget(IPC_PRIVATE, 2, 0o600);
    /// sh.semctl(set, 0, SETALL, [7, 8]);
    /// assert_eq(sh.semctl(set, 1, GETVAL), 8);
    /// ```
    #[rhai_fn(name = "semctl", return_raw)]
    pub fn semctl_all(
        ctx: NativeCallContext,
        task: &mut Task,
        set: i64,
        num: i64,
        command: i64,
        values: Array,
    ) -> Result<Dynamic> {
        let size = size_of(&ctx, set)?;
        if command != i64::from(SETALL) || num != 0 || values.len() != size {
            return Err(ScriptError::new(format!(
                "an array of {} values is only for SETALL of a whole set, and this set has {size}",
                values.len()
            ))
            .with_help("semctl(set, 0, SETALL, [a value for each semaphore])")
            .into());
        }
        let value = |value: &Dynamic| {
            let value = value.as_int().unwrap_or(-1);
            ranged(value, "a value", 0, 0xffff).map(|value| value as u16)
        };
        let values: Vec<u16> = values.iter().map(value).collect::<Result<_>>()?;
        Ok(match with_values(&ctx, task, set, SETALL, &values)? {
            Buffered::Done(..) => Dynamic::UNIT,
            Buffered::Open(call) => call,
        })
    }

    /// `semctl(set, 0, IPC_SET, #{uid, gid, mode})`: gives a set another owner and other permissions.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let set = sh.semget(IPC_PRIVATE, 1, 0o600);
    /// sh.semctl(set, 0, IPC_SET, #{uid: 500, gid: 500, mode: 0o644});
    /// assert_eq(sh.semctl(set, 0, IPC_STAT).mode, 0o644);
    /// ```
    #[rhai_fn(name = "semctl", return_raw)]
    pub fn semctl_set(
        ctx: NativeCallContext,
        task: &mut Task,
        set: i64,
        num: i64,
        command: i64,
        values: Map,
    ) -> Result<Dynamic> {
        ranged(num, "the number of the semaphore", 0, 0xffff)?;
        let field = |name: &str| {
            let value = values.get(name).and_then(|value| value.as_int().ok());
            word(value.unwrap_or(0), name)
        };
        let mut ds = [0_u32; SEMID_DS as usize / 4];
        (ds[1], ds[2], ds[5]) = (field("uid")?, field("gid")?, field("mode")?);
        let bytes = ds.into_iter().flat_map(u32::to_le_bytes).collect();
        let cmd = word(command, "the command")?;
        with_structure(&ctx, task, set, cmd, bytes)
    }

    /// The undo values of a set: what is added to each semaphore when the process exits, or the
    /// last of the processes that share the undo list by `CLONE_SYSVSEM`; `[]` if there is nothing
    /// to undo. No system call is made.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let set = sh.semget(IPC_PRIVATE, 1, 0o600);
    /// sh.semop(set, 0, 1, SEM_UNDO);
    /// assert_eq(sh.semadj(set), [-1]);
    /// assert_eq(sh.fork().semadj(set), []);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn semadj(ctx: NativeCallContext, task: &mut Task, set: i64) -> Result<Array> {
        let id = alive(&ctx, task)?;
        look(&ctx, |machine| {
            let list = machine.kernel.task(id).sem_undo();
            let list = list.map(|list| &machine.kernel.sem_undos()[list]);
            let adjust = list.and_then(|list| list.adjust(i32::try_from(set).ok()?));
            let adjust = adjust.unwrap_or_default().iter();
            adjust.map(|adjust| i64::from(*adjust).into()).collect()
        })
    }

    /// All semaphore sets: `set`, `key`, `values`, and the number of `waiting` tasks. No system
    /// call is made.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.semget(42, 2, IPC_CREAT | 0o600);
    /// assert_eq(semaphores()[0].values, [0, 0]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn semaphores(ctx: NativeCallContext) -> Result<Array> {
        look(&ctx, |machine| {
            let sets = machine.kernel.sem_sets().iter();
            let entry = |(id, set): (i32, &crate::kernel::ipc::SemSet)| {
                let values = set.sems().iter().map(|sem| i64::from(sem.value).into());
                let mut map = Map::new();
                map.insert("set".into(), i64::from(id).into());
                map.insert("key".into(), i64::from(set.key()).into());
                map.insert("values".into(), values.collect::<Array>().into());
                map.insert("waiting".into(), (set.waiting() as i64).into());
                Dynamic::from(map)
            };
            sets.map(entry).collect()
        })
    }
}
