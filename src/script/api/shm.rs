//! System V shared memory, as methods of a task.

use super::calls::{done, plain, words};
use super::convert::{Result, look, word};
use super::files::{Buffered, with_buffer};
use crate::abi::{IPC_INFO, IPC_SET, IPC_STAT, SHM_INFO, SHM_LOCKED, SHM_STAT};
use crate::kernel::ipc::{IpcObject, ShmSegment};
use crate::kernel::syscall::{AnswerTo, IpcCall, ShmatArgs, Syscall};
use crate::machine::{BufferCall, StackCall};
use crate::script::session::Task;
use rhai::plugin::*;
use rhai::{Array, Dynamic, Map, NativeCallContext};

/// The structures with 32-bit user ids (`IPC_64`).
pub(super) const IPC_64: u32 = 0x100;
/// Bytes of `struct shmid64_ds`, the largest structure.
const SHMID_DS: u32 = 84;

/// Makes a map of words, each under its name.
pub(super) fn named(words: &[u32], names: &[(&str, usize)]) -> Dynamic {
    let entry = |(name, at): &(&str, usize)| {
        let value = words.get(*at).copied().unwrap_or(0);
        ((*name).into(), i64::from(value).into())
    };
    names.iter().map(entry).collect::<Map>().into()
}

/// The words of a structure that describes an object: `struct ipc64_perm`, and those named.
pub(super) fn described(words: &[u32], rest: &[(&str, usize)]) -> Dynamic {
    const PERM: [(&str, usize); 6] = [
        ("key", 0),
        ("uid", 1),
        ("gid", 2),
        ("cuid", 3),
        ("cgid", 4),
        ("mode", 5),
    ];
    named(words, &[&PERM, rest].concat())
}

/// What a command of `shmctl` has stored.
pub(super) fn segment_answer(cmd: u32, bytes: &[u8]) -> Dynamic {
    let words = words(bytes);
    match cmd & !IPC_64 {
        IPC_INFO => named(&words, &[("shmmax", 0), ("shmmni", 2), ("shmall", 4)]),
        SHM_INFO => named(&words, &[("used_ids", 0), ("shm_tot", 1), ("shm_rss", 2)]),
        _ => described(
            &words,
            &[
                ("segsz", 9),
                ("atime", 10),
                ("dtime", 12),
                ("ctime", 14),
                ("cpid", 16),
                ("lpid", 17),
                ("nattch", 18),
            ],
        ),
    }
}

/// `shmctl` with a buffer, which holds these bytes before.
fn with_structure(
    ctx: &NativeCallContext,
    task: &Task,
    id: i64,
    cmd: u32,
    bytes: Vec<u8>,
) -> Result<Dynamic> {
    let what = StackCall {
        len: SHMID_DS,
        bytes,
        call: BufferCall::Shmctl {
            id: word(id, "the segment")?.cast_signed(),
            cmd: cmd | IPC_64,
        },
    };
    Ok(match with_buffer(ctx, task, what)? {
        Buffered::Done(..) if cmd == IPC_SET => Dynamic::UNIT,
        Buffered::Done(_, bytes) => segment_answer(cmd, &bytes),
        Buffered::Open(call) => call,
    })
}

fn segment_map((id, segment): (i32, &ShmSegment)) -> Dynamic {
    let perm = segment.perm();
    let mut map = Map::new();
    map.insert("segment".into(), i64::from(id).into());
    map.insert("key".into(), i64::from(perm.key).into());
    map.insert("size".into(), i64::from(segment.size()).into());
    map.insert("nattch".into(), i64::from(segment.nattch()).into());
    map.insert("removed".into(), segment.is_doomed().into());
    map.insert("locked".into(), (perm.mode & SHM_LOCKED != 0).into());
    map.into()
}

#[export_module]
pub mod functions {
    /// `shmget(key, size, flags)`: the id of the segment of shared memory with that key, or of a new
    /// one of that many bytes. A new one is made for the key `IPC_PRIVATE`, or with `IPC_CREAT` if
    /// there is none. The low nine bits of the flags are permissions, as for files.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let segment = sh.shmget(42, 8*KiB, IPC_CREAT | 0o600);
    /// assert_eq(sh.fork().shmget(42, 0, 0), segment);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn shmget(
        ctx: NativeCallContext,
        task: &mut Task,
        key: i64,
        size: i64,
        flags: i64,
    ) -> Result<Dynamic> {
        let call = IpcCall::Shmget(
            word(key, "the key")?.cast_signed(),
            word(size, "the size")?,
            word(flags, "the flags")?,
        );
        plain(&ctx, task, Syscall::Ipc(call))
    }

    /// Attaches a segment of shared memory where there is room. Returns the address.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.shmat(sh.shmget(IPC_PRIVATE, 4*KiB, 0o600));
    /// let kid = sh.fork();
    /// kid.write(a, 5);
    /// assert_eq(sh.read(a), 5);
    /// ```
    #[rhai_fn(name = "shmat", return_raw)]
    pub fn shmat(ctx: NativeCallContext, task: &mut Task, segment: i64) -> Result<Dynamic> {
        shmat_at(ctx, task, segment, 0, 0)
    }

    /// `shmat(segment, addr, flags)`: attaches a segment of shared memory at an address, with
    /// `SHM_RDONLY`, `SHM_RND`, `SHM_REMAP` or `SHM_EXEC`. Returns the address.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let segment = sh.shmget(IPC_PRIVATE, 4*KiB, 0o600);
    /// let a = sh.shmat(segment, 0x5000_0000, 0);
    /// assert_eq(hex(a), "0x50000000");
    /// ```
    #[rhai_fn(name = "shmat", return_raw)]
    pub fn shmat_at(
        ctx: NativeCallContext,
        task: &mut Task,
        segment: i64,
        addr: i64,
        flags: i64,
    ) -> Result<Dynamic> {
        let call = IpcCall::Shmat(ShmatArgs {
            id: word(segment, "the segment")?.cast_signed(),
            addr: word(addr, "the address")?,
            flags: word(flags, "the flags")?,
            answer: AnswerTo::Value,
        });
        plain(&ctx, task, Syscall::Ipc(call))
    }

    /// Detaches the segment of shared memory that is attached at an address.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.shmat(sh.shmget(IPC_PRIVATE, 4*KiB, 0o600));
    /// sh.shmdt(a);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn shmdt(ctx: NativeCallContext, task: &mut Task, addr: i64) -> Result<Dynamic> {
        let call = IpcCall::Shmdt(word(addr, "the address")?);
        done(&ctx, task, Syscall::Ipc(call))
    }

    /// `shmctl(segment, command)`: `IPC_STAT` (a map of what is known of it), `IPC_RMID` (removes it
    /// with the last who detaches it), `SHM_LOCK` and `SHM_UNLOCK`; `IPC_INFO` (the limits) and
    /// `SHM_INFO` (what is used) of all segments.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let segment = sh.shmget(IPC_PRIVATE, 4*KiB, 0o600);
    /// sh.shmat(segment);
    /// assert_eq(sh.shmctl(segment, IPC_STAT).nattch, 1);
    /// ```
    #[rhai_fn(name = "shmctl", return_raw)]
    pub fn shmctl(
        ctx: NativeCallContext,
        task: &mut Task,
        segment: i64,
        command: i64,
    ) -> Result<Dynamic> {
        let cmd = word(command, "the command")?;
        if matches!(cmd, IPC_STAT | IPC_INFO | SHM_STAT | SHM_INFO) {
            return with_structure(&ctx, task, segment, cmd, Vec::new());
        }
        let call = IpcCall::Shmctl(
            word(segment, "the segment")?.cast_signed(),
            cmd,
            crate::abi::VirtAddr(0),
        );
        done(&ctx, task, Syscall::Ipc(call))
    }

    /// `shmctl(segment, IPC_SET, #{uid, gid, mode})`: gives a segment another owner and other
    /// permissions.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let segment = sh.shmget(IPC_PRIVATE, 4*KiB, 0o600);
    /// sh.shmctl(segment, IPC_SET, #{uid: 500, gid: 500, mode: 0o644});
    /// assert_eq(sh.shmctl(segment, IPC_STAT).mode, 0o644);
    /// ```
    #[rhai_fn(name = "shmctl", return_raw)]
    pub fn shmctl_set(
        ctx: NativeCallContext,
        task: &mut Task,
        segment: i64,
        command: i64,
        values: Map,
    ) -> Result<Dynamic> {
        let field = |name: &str| {
            let value = values.get(name).and_then(|value| value.as_int().ok());
            word(value.unwrap_or(0), name)
        };
        let mut ds = [0; SHMID_DS as usize / 4];
        (ds[1], ds[2], ds[5]) = (field("uid")?, field("gid")?, field("mode")?);
        let bytes = ds
            .iter()
            .flat_map(|word: &u32| word.to_le_bytes())
            .collect();
        let cmd = word(command, "the command")?;
        with_structure(&ctx, task, segment, cmd, bytes)
    }

    /// All segments of shared memory: `segment`, `key`, `size`, how many areas map it (`nattch`),
    /// whether it is `removed` with the last of them, and `locked`. No system call is made.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.shmget(42, 8*KiB, IPC_CREAT | 0o600);
    /// assert_eq(shared_memory()[0].size, 8192);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn shared_memory(ctx: NativeCallContext) -> Result<Array> {
        look(&ctx, |machine| {
            machine.kernel.shm().iter().map(segment_map).collect()
        })
    }
}
