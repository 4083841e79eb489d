//! `poll` and `select`, as methods of a task: waiting for one of several files.

use super::calls::words;
use super::convert::{Result, ranged, word};
use super::files::{Buffered, with_buffer};
use crate::machine::{BufferCall, FD_SET_BYTES, StackCall, TIMEVAL_BYTES};
use crate::script::errors::ScriptError;
use crate::script::session::Task;
use rhai::plugin::*;
use rhai::{Array, Dynamic, Map, NativeCallContext};

/// The most entries of a list, and one more than the highest descriptor of a set.
const MAX_FDSET: i64 = 1024;
/// The sets of `select`, in their order.
const SETS: [&str; 3] = ["read", "write", "except"];

/// An entry of `poll` from an array: `struct pollfd`.
fn entry(item: &Dynamic) -> Result<[u8; 8]> {
    let parts = item.read_lock::<Array>().map(|parts| {
        let ints = parts.iter().map(Dynamic::as_int);
        ints.collect::<std::result::Result<Vec<i64>, _>>()
    });
    let Some(Ok([fd, events])) = parts.as_ref().map(|parts| match parts {
        Ok(parts) => <[i64; 2]>::try_from(parts.as_slice()).map_err(drop),
        Err(_) => Err(()),
    }) else {
        let error = ScriptError::new(format!("{item} is not a file to poll"));
        let help = "the files are [[descriptor, events], ..]: [[fd, POLLIN], [1, POLLOUT]]";
        return Err(error.with_help(help).into());
    };
    let fd = word(fd, "the descriptor")?.to_le_bytes();
    let [low, high] = (ranged(events, "the events", 0, 0xffff)? as u16).to_le_bytes();
    Ok([fd[0], fd[1], fd[2], fd[3], low, high, 0, 0])
}

/// A set of descriptors: one bit each.
fn fd_set(fds: &Array) -> Result<Vec<u8>> {
    let mut set = vec![0; FD_SET_BYTES as usize];
    for fd in fds {
        let fd = fd.as_int().unwrap_or(-1);
        let fd = ranged(fd, "a descriptor", 0, MAX_FDSET - 1)? as usize;
        set[fd / 8] |= 1 << (fd % 8);
    }
    Ok(set)
}

/// The descriptors in a set, in ascending order.
fn members(set: &[u8]) -> Array {
    let is_in = |fd: &usize| set[fd / 8] >> (fd % 8) & 1 != 0;
    let fds = (0..set.len() * 8).filter(is_in);
    fds.map(|fd| (fd as i64).into()).collect()
}

/// What one of these calls has stored, as a value.
pub(super) fn told(call: &BufferCall, bytes: &[u8]) -> Dynamic {
    match call {
        BufferCall::Select { timed, .. } => {
            let (time, sets) = bytes.split_at(bytes.len().min(TIMEVAL_BYTES as usize));
            let sets = SETS.iter().zip(sets.chunks_exact(FD_SET_BYTES as usize));
            let mut map: Map = sets
                .map(|(name, set)| ((*name).into(), members(set).into()))
                .collect();
            if let ([sec, usec], true) = (words(time).as_slice(), timed) {
                let left = i64::from(*sec) * 1000 + i64::from(*usec) / 1000;
                map.insert("left".into(), left.into());
            }
            map.into()
        }
        _ => {
            // The events that were asked for are in the lower half.
            let entries = words(bytes).into_iter().skip(1).step_by(2);
            let revents = entries.map(|word| i64::from(word >> 16).into());
            revents.collect::<Array>().into()
        }
    }
}

/// Makes one of the calls.
fn wait(ctx: &NativeCallContext, task: &Task, bytes: Vec<u8>, call: BufferCall) -> Result<Dynamic> {
    let what = StackCall {
        len: bytes.len() as u32,
        bytes,
        call: call.clone(),
    };
    Ok(match with_buffer(ctx, task, what)? {
        Buffered::Done(_, bytes) => told(&call, &bytes),
        Buffered::Open(call) => call,
    })
}

#[export_module]
pub mod functions {
    /// `poll(files, timeout)`: waits until one of the files is ready, for at most that many ms;
    /// -1 waits for ever. `files` are `[[descriptor, events], ..]` with `POLLIN`, `POLLOUT` and so on.
    /// Returns what each is ready for, 0 for nothing; a `Call` if it waits.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let ends = sh.pipe();
    /// assert_eq(sh.poll([[ends[0], POLLIN], [ends[1], POLLOUT]], 0), [0, POLLOUT]);
    /// let kid = sh.fork();
    /// let call = kid.poll([[ends[0], POLLIN]], -1);
    /// sh.sys_write(ends[1], "x");
    /// assert_eq(call.value, [POLLIN]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn poll(
        ctx: NativeCallContext,
        task: &mut Task,
        files: Array,
        timeout: i64,
    ) -> Result<Dynamic> {
        ranged(files.len() as i64, "the number of files", 0, MAX_FDSET + 1)?;
        let entries = files.iter().map(entry).collect::<Result<Vec<_>>>()?;
        let call = BufferCall::Poll {
            count: entries.len() as u32,
            timeout: word(timeout, "the timeout")?.cast_signed(),
        };
        wait(&ctx, task, entries.concat(), call)
    }

    /// `select(read, write, except, timeout)`: waits until a file can be read, can be written or has
    /// urgent data, for at most that many ms; -1 waits for ever. Each set is an array of descriptors.
    /// Returns those that are ready as `#{read, write, except}`, with what is `left` of a timeout; a
    /// `Call` if it waits.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let ends = sh.pipe();
    /// let kid = sh.fork();
    /// let call = kid.select([ends[0]], [], [], 100);
    /// tick(40);
    /// sh.sys_write(ends[1], "x");
    /// assert_eq(call.value, #{read: [ends[0]], write: [], except: [], left: 60});
    /// ```
    #[rhai_fn(return_raw)]
    pub fn select(
        ctx: NativeCallContext,
        task: &mut Task,
        read: Array,
        write: Array,
        except: Array,
        timeout: i64,
    ) -> Result<Dynamic> {
        let timeout = ranged(timeout, "the timeout", -1, i64::from(i32::MAX))?;
        let sets = [read, write, except];
        let fds = sets.iter().flatten().filter_map(|fd| fd.as_int().ok());
        let call = BufferCall::Select {
            n: fds.max().map_or(0, |fd| fd + 1) as u32,
            timed: timeout >= 0,
        };
        let (sec, usec) = (timeout.max(0) / 1000, timeout.max(0) % 1000 * 1000);
        let mut bytes = [sec as u32, usec as u32].map(u32::to_le_bytes).concat();
        for set in &sets {
            bytes.extend(fd_set(set)?);
        }
        wait(&ctx, task, bytes, call)
    }
}
