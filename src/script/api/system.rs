//! System calls about the system and the ids of groups, as methods of a task: times, the time of
//! day, the kernel's name, memory and load, groups, the personality.

use super::calls::{done, plain, words};
use super::convert::{Result, ranged, word};
use super::files::{Buffered, empty, with_buffer};
use crate::abi::VirtAddr;
use crate::kernel::syscall::Syscall;
use crate::machine::{BufferCall, StackCall};
use crate::script::session::Task;
use rhai::plugin::*;
use rhai::{Array, Dynamic, Map, NativeCallContext};

/// The fields of `struct new_utsname`, and the bytes of each.
const NAMES: [&str; 6] = [
    "sysname",
    "nodename",
    "release",
    "version",
    "machine",
    "domainname",
];
const NAME_BYTES: usize = 65;
/// Bytes of `struct sysinfo`.
const SYSINFO_BYTES: u32 = 64;
/// The most groups of a task.
///
/// Linux 2.6.12: `include/linux/limits.h`, `NGROUPS_MAX`.
const NGROUPS_MAX: i64 = 65_536;
/// As many groups as `getgroups` makes room for.
const MANY_GROUPS: u32 = 1_024;

/// Makes a call that fills a buffer, and shows what it has stored.
fn filled(ctx: &NativeCallContext, task: &Task, len: u32, call: BufferCall) -> Result<Dynamic> {
    Ok(match with_buffer(ctx, task, empty(len, call.clone()))? {
        Buffered::Done(value, bytes) => stored(&call, value, &bytes),
        Buffered::Open(call) => call,
    })
}

/// What one of these calls has stored, as a value.
pub(super) fn stored(call: &BufferCall, value: i64, bytes: &[u8]) -> Dynamic {
    match call {
        BufferCall::Gettimeofday => fields(bytes, &[("sec", 0), ("usec", 1)]).into(),
        BufferCall::Times => {
            let places = [("utime", 0), ("stime", 1), ("cutime", 2), ("cstime", 3)];
            let mut map = fields(bytes, &places);
            map.insert("value".into(), value.into());
            map.into()
        }
        BufferCall::Sysinfo => system_info(bytes).into(),
        BufferCall::Uname => names(bytes).into(),
        BufferCall::Getgroups(_) => {
            let groups = words(bytes).into_iter().take(value as usize);
            let groups = groups.map(|group| i64::from(group).into());
            groups.collect::<Array>().into()
        }
        _ => Dynamic::UNIT,
    }
}

/// A map of words by their places.
fn fields(bytes: &[u8], places: &[(&str, usize)]) -> Map {
    let words = words(bytes);
    let field = |(key, place): &(&str, usize)| {
        let value = words.get(*place).copied().unwrap_or(0);
        ((*key).into(), i64::from(value).into())
    };
    places.iter().map(field).collect()
}

/// `struct sysinfo`.
fn system_info(bytes: &[u8]) -> Map {
    let mut map = fields(
        bytes,
        &[
            ("uptime", 0),
            ("totalram", 4),
            ("freeram", 5),
            ("sharedram", 6),
            ("bufferram", 7),
            ("totalswap", 8),
            ("freeswap", 9),
            ("mem_unit", 13),
        ],
    );
    let words = words(bytes);
    let loads = words.iter().skip(1).take(3);
    let loads: Array = loads.map(|load| i64::from(*load).into()).collect();
    map.insert("loads".into(), loads.into());
    // The upper half of the word is padding.
    let procs = words.get(10).map_or(0, |word| word & 0xffff);
    map.insert("procs".into(), i64::from(procs).into());
    map
}

/// `struct new_utsname`.
fn names(bytes: &[u8]) -> Map {
    let text = |bytes: &[u8]| {
        let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        Dynamic::from(String::from_utf8_lossy(text).into_owned())
    };
    let names = NAMES.iter().zip(bytes.chunks(NAME_BYTES));
    names
        .map(|(key, name)| ((*key).into(), text(name)))
        .collect()
}

#[export_module]
pub mod functions {
    /// `time(NULL)`: the seconds since 1970.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").time(), 1113690036);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn time(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        plain(&ctx, task, Syscall::Time(VirtAddr(0)))
    }

    /// `gettimeofday(&tv, NULL)`: `#{sec, usec}`.
    ///
    /// ```rhai
    /// tick(5);
    /// assert_eq(spawn("sh").gettimeofday().sec, 1113690036);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn gettimeofday(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        filled(&ctx, task, 8, BufferCall::Gettimeofday)
    }

    /// `times(&tms)`: the CPU time of the process and of its reaped children, in hundredths of a
    /// second, and the value of the call: `#{utime, stime, cutime, cstime, value}`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.compute(55);
    /// tick(55);
    /// assert_eq(sh.times().utime, 5);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn times(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        filled(&ctx, task, 16, BufferCall::Times)
    }

    /// `sysinfo(&info)`: uptime in seconds, the load averages times 65,536, memory in units of
    /// `mem_unit` bytes, and the number of processes.
    ///
    /// ```rhai
    /// let info = spawn("sh").sysinfo();
    /// assert_eq(info.procs, tasks().len);
    /// print(info.freeram * info.mem_unit);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sysinfo(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        filled(&ctx, task, SYSINFO_BYTES, BufferCall::Sysinfo)
    }

    /// `uname(&name)`: `#{sysname, nodename, release, version, machine, domainname}`.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").uname().release, "2.6.12-rc2");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn uname(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        let len = (NAMES.len() * NAME_BYTES) as u32;
        filled(&ctx, task, len, BufferCall::Uname)
    }

    /// `personality(persona)`: sets the execution domain, and returns the previous one; 0xffffffff
    /// only asks.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.personality(0x0040000);
    /// assert_eq(sh.personality(0xffffffff), 0x0040000);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn personality(ctx: NativeCallContext, task: &mut Task, persona: i64) -> Result<Dynamic> {
        plain(
            &ctx,
            task,
            Syscall::Personality(word(persona, "the persona")?),
        )
    }

    /// `getgid()`: the real group id.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").getgid(), 500);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn getgid(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        plain(&ctx, task, Syscall::Getgid32)
    }

    /// `setgid(gid)`: sets all group ids for root; others can only set the effective id.
    ///
    /// ```rhai
    /// let sh = spawn("sh", #{uid: 0});
    /// sh.setgid(100);
    /// assert_eq(sh.getgid(), 100);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn setgid(ctx: NativeCallContext, task: &mut Task, gid: i64) -> Result<Dynamic> {
        done(&ctx, task, Syscall::Setgid32(word(gid, "the group id")?))
    }

    /// `setgroups(size, list)`: sets the supplementary groups; only root may.
    ///
    /// ```rhai
    /// let sh = spawn("sh", #{uid: 0});
    /// sh.setgroups([10, 20]);
    /// assert_eq(sh.getgroups(), [10, 20]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn setgroups(ctx: NativeCallContext, task: &mut Task, groups: Array) -> Result<Dynamic> {
        let size = ranged(groups.len() as i64, "the number of groups", 0, NGROUPS_MAX)? as u32;
        let mut bytes = Vec::new();
        for group in &groups {
            let group = word(group.as_int().unwrap_or(-1), "a group id")?;
            bytes.extend(group.to_le_bytes());
        }
        let call = StackCall {
            len: size * 4,
            bytes,
            call: BufferCall::Setgroups(size),
        };
        Ok(match with_buffer(&ctx, task, call)? {
            Buffered::Done(..) => Dynamic::UNIT,
            Buffered::Open(call) => call,
        })
    }

    /// `getgroups(size, list)`: the supplementary groups.
    ///
    /// ```rhai
    /// assert_eq(spawn("sh").getgroups(), []);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn getgroups(ctx: NativeCallContext, task: &mut Task) -> Result<Dynamic> {
        let size = MANY_GROUPS;
        filled(&ctx, task, size * 4, BufferCall::Getgroups(size))
    }
}
