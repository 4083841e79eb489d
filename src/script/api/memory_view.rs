//! Views of the machine's memory as a whole: what frames are used for, page tables, counters.

use super::convert::{Result, alive, check_keys, choice, int_option, look, ranged, string_option};
use super::view::{as_view, drawn, no_address_space};
use crate::export::Drawing;
use crate::script::errors::ScriptError;
use crate::script::session::{Task, View};
use crate::view::{self, FramesBy, FramesWanted};
use rhai::plugin::*;
use rhai::{Map, NativeCallContext};
use std::collections::BTreeMap;

fn picture(ctx: &NativeCallContext, wanted: &FramesWanted) -> Result<View> {
    let frames = look(ctx, |machine| view::frames(machine, wanted))?;
    let view = as_view(ctx, &frames, &frames.text())?;
    Ok(drawn(view, Drawing::Frames(frames.into())))
}

fn frames_wanted(options: &Map) -> Result<FramesWanted> {
    check_keys(options, &["by", "from", "to", "zoom"])?;
    let mut wanted = FramesWanted::default();
    for (key, value) in options {
        let key = key.as_str();
        if key == "by" {
            wanted.by = match string_option(value, key)?.as_str() {
                "kind" => FramesBy::Kind,
                "owner" => FramesBy::Owner,
                other => {
                    let error = ScriptError::new(format!("frames are not shown by {other}"));
                    return Err(error
                        .with_help(choice(other, "values of by", &["kind", "owner"]))
                        .into());
                }
            };
            continue;
        }
        let lowest = i64::from(key == "zoom");
        let number = ranged(int_option(value, key)?, key, lowest, u32::MAX.into())? as u32;
        match key {
            "from" => wanted.from = number,
            "to" => wanted.to = number,
            _ => wanted.zoom = Some(number),
        }
    }
    Ok(wanted)
}

#[export_module]
pub mod functions {
    /// A picture of RAM: what each frame is used for. If there are many frames, a character stands
    /// for several and shows the rarest use among them.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.write(sh.mmap(4*KiB), 42);
    /// print(frames());
    /// assert(frames().counts.anon > 0);
    /// ```
    #[rhai_fn(name = "frames", return_raw)]
    pub fn frames(ctx: NativeCallContext) -> Result<View> {
        picture(&ctx, &FramesWanted::default())
    }

    /// A picture of a part of RAM: frames `from` to `to` (exclusive), `zoom` frames a character;
    /// `by: "owner"` shows whose they are.
    ///
    /// ```rhai
    /// spawn("sh");
    /// print(frames(#{from: 0x1000, to: 0x1400, zoom: 1}));
    /// print(frames(#{by: "owner"}));
    /// ```
    #[rhai_fn(name = "frames", return_raw)]
    pub fn frames_with(ctx: NativeCallContext, options: Map) -> Result<View> {
        picture(&ctx, &frames_wanted(&options)?)
    }

    /// The page tables of a task as a tree. Entries for consecutive pages that differ in the frame
    /// only are folded.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.write(sh.mmap(4*KiB), 42);
    /// print(pagetable(sh));
    /// assert_eq(pagetable(sh).tables.len(), 2);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn pagetable(ctx: NativeCallContext, task: Task) -> Result<View> {
        let id = alive(&ctx, &task)?;
        let tree = look(&ctx, |machine| view::pagetable(machine, id))?;
        let tree = tree.ok_or_else(|| no_address_space(&task))?;
        as_view(&ctx, &tree, &tree.text())
    }

    /// The memory areas of a task with what of each is in memory, in the format that
    /// `/proc/PID/smaps` has in later kernels: `Rss`, `Pss`, shared and private, clean and dirty.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(8*KiB);
    /// sh.write(a, 42);
    /// let kid = sh.fork();
    /// print(smaps(kid));
    /// let area = smaps(kid).rows.find(|row| row.area.start == a);
    /// assert_eq(area.Rss, 4);
    /// assert_eq(area.Pss, 2);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn smaps(ctx: NativeCallContext, task: Task) -> Result<View> {
        let id = alive(&ctx, &task)?;
        let smaps = look(&ctx, |machine| view::smaps(machine, id))?;
        as_view(&ctx, &smaps, &smaps.text())
    }

    /// The memory of the machine in the format of `/proc/meminfo`; as data, sizes in kB by name.
    ///
    /// ```rhai
    /// print(meminfo());
    /// assert(meminfo().MemFree < meminfo().MemTotal);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn meminfo(ctx: NativeCallContext) -> Result<View> {
        let meminfo = look(&ctx, view::meminfo)?;
        let fields: BTreeMap<_, _> = meminfo.fields.iter().copied().collect();
        as_view(&ctx, &fields, &meminfo.text())
    }

    /// The counters of memory management in the format of `/proc/vmstat`: how many pages are dirty,
    /// mapped or being written now, and how often pages were allocated, freed, swapped, activated,
    /// looked at by reclaim, and how often tasks faulted, since boot.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let before = vmstat().pgfault;
    /// sh.write(sh.mmap(4*KiB), 42);
    /// assert_eq(vmstat().pgfault - before, 1);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn vmstat(ctx: NativeCallContext) -> Result<View> {
        let vmstat = look(&ctx, view::vmstat)?;
        let fields: BTreeMap<_, _> = vmstat.fields.iter().copied().collect();
        as_view(&ctx, &fields, &vmstat.text())
    }

    /// The LRU lists of each zone: which pages reclaim will look at first, and what it knows about
    /// them. The text shows both ends of a list; as data, `pages` has all frames.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.touch(sh.mmap(40*KiB), 10);
    /// print(lru());
    /// assert(lru().lists[0].len >= 10);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn lru(ctx: NativeCallContext) -> Result<View> {
        let lru = look(&ctx, view::lru)?;
        as_view(&ctx, &lru, &lru.text())
    }

    /// The free blocks of each zone by order, in the format of `/proc/buddyinfo`.
    ///
    /// ```rhai
    /// print(buddyinfo());
    /// assert_eq(buddyinfo().zones[1].name, "Normal");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn buddyinfo(ctx: NativeCallContext) -> Result<View> {
        let buddyinfo = look(&ctx, view::buddyinfo)?;
        as_view(&ctx, &buddyinfo, &buddyinfo.text())
    }
}
