//! System V messages, as methods of a task.

use super::calls::{done, plain, words};
use super::convert::{Result, look, ranged, word};
use super::files::{Buffered, empty, text_read, with_buffer};
use super::shm::{IPC_64, described, named};
use crate::abi::{IPC_INFO, IPC_SET, IPC_STAT, MSG_INFO, MSG_STAT, VirtAddr};
use crate::kernel::ipc::{IpcObject, MsgQueue};
use crate::kernel::syscall::{IpcCall, Syscall};
use crate::machine::{BufferCall, StackCall};
use crate::script::session::Task;
use rhai::plugin::*;
use rhai::{Array, Dynamic, Map, NativeCallContext};

/// Bytes of `struct msqid64_ds`, the largest structure.
const MSQID_DS: u32 = 88;
/// Bytes of the type in front of a text.
const KIND_BYTES: u32 = 4;
/// The longest text that there is room for; the kernel takes 8192 bytes.
const MAX_TEXT: i64 = 16_384;
/// The longest text that `msgrcv` makes room for by itself (`MSGMAX`).
const MSGMAX: i64 = 8_192;

/// What one of these calls has stored, as a value.
pub(super) fn answer(call: &BufferCall, value: i64, bytes: &[u8]) -> Dynamic {
    match call {
        BufferCall::Msgrcv { .. } => {
            let kind = words(bytes).first().map_or(0, |kind| kind.cast_signed());
            let text = bytes.get(KIND_BYTES as usize..).unwrap_or_default();
            let mut map = Map::new();
            map.insert("type".into(), i64::from(kind).into());
            map.insert("text".into(), text_read(value, text).into());
            map.into()
        }
        BufferCall::Msgctl { cmd, .. } if cmd & !IPC_64 != IPC_SET => queue_answer(*cmd, bytes),
        _ => Dynamic::UNIT,
    }
}

fn queue_answer(cmd: u32, bytes: &[u8]) -> Dynamic {
    let words = words(bytes);
    match cmd & !IPC_64 {
        IPC_INFO => named(&words, &[("msgmax", 2), ("msgmnb", 3), ("msgmni", 4)]),
        MSG_INFO => named(&words, &[("used_ids", 0), ("messages", 1), ("bytes", 6)]),
        _ => described(
            &words,
            &[
                ("stime", 9),
                ("rtime", 11),
                ("ctime", 13),
                ("cbytes", 15),
                ("qnum", 16),
                ("qbytes", 17),
                ("lspid", 18),
                ("lrpid", 19),
            ],
        ),
    }
}

fn make(ctx: &NativeCallContext, task: &Task, what: StackCall) -> Result<Dynamic> {
    let call = what.call.clone();
    Ok(match with_buffer(ctx, task, what)? {
        Buffered::Done(value, bytes) => answer(&call, value, &bytes),
        Buffered::Open(call) => call,
    })
}

fn queue_of(queue: i64) -> Result<i32> {
    word(queue, "the queue").map(u32::cast_signed)
}

fn queue_map((id, queue): (i32, &MsgQueue)) -> Dynamic {
    let mut map = Map::new();
    map.insert("queue".into(), i64::from(id).into());
    map.insert("key".into(), i64::from(queue.perm().key).into());
    map.insert("messages".into(), i64::from(queue.qnum()).into());
    map.insert("bytes".into(), i64::from(queue.cbytes()).into());
    map.into()
}

#[export_module]
pub mod functions {
    /// `msgget(key, flags)`: the id of the message queue with that key, or of a new one. A new one is
    /// made for the key `IPC_PRIVATE`, or with `IPC_CREAT` if there is none. The low nine bits of the
    /// flags are permissions, as for files.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let queue = sh.msgget(42, IPC_CREAT | 0o600);
    /// assert_eq(sh.fork().msgget(42, 0), queue);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn msgget(
        ctx: NativeCallContext,
        task: &mut Task,
        key: i64,
        flags: i64,
    ) -> Result<Dynamic> {
        let call = IpcCall::Msgget(
            word(key, "the key")?.cast_signed(),
            word(flags, "the flags")?,
        );
        plain(&ctx, task, Syscall::Ipc(call))
    }

    /// `msgsnd(queue, type, text)`: sends a message of that type, which is at least 1. Returns a
    /// `Call` if it has to wait for room.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let queue = sh.msgget(IPC_PRIVATE, 0o600);
    /// let kid = sh.fork();
    /// sh.msgsnd(queue, 7, "hello");
    /// assert_eq(kid.msgrcv(queue, 0), #{type: 7, text: "hello"});
    /// ```
    #[rhai_fn(name = "msgsnd", return_raw)]
    pub fn msgsnd(
        ctx: NativeCallContext,
        task: &mut Task,
        queue: i64,
        kind: i64,
        text: &str,
    ) -> Result<Dynamic> {
        msgsnd_flags(ctx, task, queue, kind, text, 0)
    }

    /// `msgsnd` with flags: `IPC_NOWAIT`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let queue = sh.msgget(IPC_PRIVATE, 0o600);
    /// let text = "";
    /// text.pad(8*KiB, "x");
    /// sh.msgsnd(queue, 1, text, IPC_NOWAIT);
    /// sh.msgsnd(queue, 1, text, IPC_NOWAIT);
    /// try { sh.msgsnd(queue, 1, "y", IPC_NOWAIT) } catch (e) { assert_eq(e.name, "EAGAIN") }
    /// ```
    #[rhai_fn(name = "msgsnd", return_raw)]
    pub fn msgsnd_flags(
        ctx: NativeCallContext,
        task: &mut Task,
        queue: i64,
        kind: i64,
        text: &str,
        flags: i64,
    ) -> Result<Dynamic> {
        let size = ranged(text.len() as i64, "the length of the text", 0, MAX_TEXT)? as u32;
        let kind = word(kind, "the type")?.to_le_bytes();
        let what = StackCall {
            len: KIND_BYTES + size,
            bytes: [&kind, text.as_bytes()].concat(),
            call: BufferCall::Msgsnd {
                id: queue_of(queue)?,
                size,
                flags: word(flags, "the flags")?,
            },
        };
        make(&ctx, task, what)
    }

    /// `msgrcv(queue, type)`: takes the first message of that type; with type 0 the first of any,
    /// with a negative one the first of the lowest type up to its absolute value. Returns
    /// `#{type, text}`; a `Call` if it waits for one.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let queue = sh.msgget(IPC_PRIVATE, 0o600);
    /// let kid = sh.fork();
    /// let call = kid.msgrcv(queue, 2);
    /// sh.msgsnd(queue, 1, "one");
    /// sh.msgsnd(queue, 2, "two");
    /// assert_eq(call.value, #{type: 2, text: "two"});
    /// ```
    #[rhai_fn(name = "msgrcv", return_raw)]
    pub fn msgrcv(
        ctx: NativeCallContext,
        task: &mut Task,
        queue: i64,
        kind: i64,
    ) -> Result<Dynamic> {
        msgrcv_size(ctx, task, queue, kind, 0, MSGMAX)
    }

    /// `msgrcv` with flags: `IPC_NOWAIT`, `MSG_EXCEPT` (any other type than that one).
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let queue = sh.msgget(IPC_PRIVATE, 0o600);
    /// try { sh.msgrcv(queue, 0, IPC_NOWAIT) } catch (e) { assert_eq(e.name, "ENOMSG") }
    /// ```
    #[rhai_fn(name = "msgrcv", return_raw)]
    pub fn msgrcv_flags(
        ctx: NativeCallContext,
        task: &mut Task,
        queue: i64,
        kind: i64,
        flags: i64,
    ) -> Result<Dynamic> {
        msgrcv_size(ctx, task, queue, kind, flags, MSGMAX)
    }

    /// `msgrcv` with room for so many bytes: a longer message is an error, or is cut with
    /// `MSG_NOERROR`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let queue = sh.msgget(IPC_PRIVATE, 0o600);
    /// sh.msgsnd(queue, 1, "hello");
    /// try { sh.msgrcv(queue, 0, 0, 4) } catch (e) { assert_eq(e.name, "E2BIG") }
    /// assert_eq(sh.msgrcv(queue, 0, MSG_NOERROR, 4).text, "hell");
    /// ```
    #[rhai_fn(name = "msgrcv", return_raw)]
    pub fn msgrcv_size(
        ctx: NativeCallContext,
        task: &mut Task,
        queue: i64,
        kind: i64,
        flags: i64,
        size: i64,
    ) -> Result<Dynamic> {
        let size = ranged(size, "the size", 0, MAX_TEXT)? as u32;
        let call = BufferCall::Msgrcv {
            id: queue_of(queue)?,
            size,
            kind: word(kind, "the type")?.cast_signed(),
            flags: word(flags, "the flags")?,
        };
        make(&ctx, task, empty(KIND_BYTES + size, call))
    }

    /// `msgctl(queue, command)`: `IPC_STAT` (a map of what is known of it) and `IPC_RMID` (removes it;
    /// who waits gets `EIDRM`); `IPC_INFO` (the limits) and `MSG_INFO` (what is used) of all queues.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let queue = sh.msgget(IPC_PRIVATE, 0o600);
    /// sh.msgsnd(queue, 1, "hello");
    /// assert_eq(sh.msgctl(queue, IPC_STAT).cbytes, 5);
    /// sh.msgctl(queue, IPC_RMID);
    /// ```
    #[rhai_fn(name = "msgctl", return_raw)]
    pub fn msgctl(
        ctx: NativeCallContext,
        task: &mut Task,
        queue: i64,
        command: i64,
    ) -> Result<Dynamic> {
        let (id, cmd) = (queue_of(queue)?, word(command, "the command")?);
        if matches!(cmd, IPC_STAT | IPC_INFO | MSG_STAT | MSG_INFO) {
            let cmd = cmd | IPC_64;
            return make(&ctx, task, empty(MSQID_DS, BufferCall::Msgctl { id, cmd }));
        }
        let call = IpcCall::Msgctl(id, cmd, VirtAddr(0));
        done(&ctx, task, Syscall::Ipc(call))
    }

    /// `msgctl(queue, IPC_SET, #{uid, gid, mode, qbytes})`: gives a queue another owner, other
    /// permissions and room for other many bytes.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let queue = sh.msgget(IPC_PRIVATE, 0o600);
    /// sh.msgctl(queue, IPC_SET, #{uid: 500, gid: 500, mode: 0o644, qbytes: 100});
    /// assert_eq(sh.msgctl(queue, IPC_STAT).qbytes, 100);
    /// ```
    #[rhai_fn(name = "msgctl", return_raw)]
    pub fn msgctl_set(
        ctx: NativeCallContext,
        task: &mut Task,
        queue: i64,
        command: i64,
        values: Map,
    ) -> Result<Dynamic> {
        let field = |name: &str| {
            let value = values.get(name).and_then(|value| value.as_int().ok());
            word(value.unwrap_or(0), name)
        };
        let mut ds = [0_u32; MSQID_DS as usize / 4];
        (ds[1], ds[2], ds[5]) = (field("uid")?, field("gid")?, field("mode")?);
        ds[17] = field("qbytes")?;
        let what = StackCall {
            len: MSQID_DS,
            bytes: ds.into_iter().flat_map(u32::to_le_bytes).collect(),
            call: BufferCall::Msgctl {
                id: queue_of(queue)?,
                cmd: word(command, "the command")? | IPC_64,
            },
        };
        make(&ctx, task, what)
    }

    /// All message queues: `queue`, `key`, how many `messages` and `bytes` are in it. No system call is
    /// made.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.msgsnd(sh.msgget(42, IPC_CREAT | 0o600), 1, "hello");
    /// assert_eq(message_queues()[0].bytes, 5);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn message_queues(ctx: NativeCallContext) -> Result<Array> {
        look(&ctx, |machine| {
            machine.kernel.msg_queues().iter().map(queue_map).collect()
        })
    }
}
