//! Views: the machine as text and as data.

use super::convert::{
    Result, address, alive, charge, choice, exists, look, period, pid_of, ranged, why_gone, word,
};
use super::errors::map_text;
use super::host_files::save;
use super::text::bounded;
use crate::abi::Pid;
use crate::export::Drawing;
use crate::kernel::stat::Stat;
use crate::script::errors::ScriptError;
use crate::script::session::{Shared, Task, View, json_of};
use crate::trace::EventKind;
use crate::view::{
    self, Align, EventFields, Field, Role, Selection, Table, Text, Timeline, TraceView, cell,
    changed_kernel,
};
use rhai::plugin::*;
use rhai::serde::to_dynamic;
use rhai::{Array, Dynamic, Map, NativeCallContext};
use serde::Serialize;

/// A selection of the trace, as it was when it was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trace(pub(super) TraceView);

/// An event of the trace. It is no map, because the limit of maps counts the fields of all maps in
/// an array together, and a trace may have any number of events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event(pub(super) EventFields);

impl Trace {
    /// One line per event, with its number and the line that caused it.
    pub(in crate::script) fn numbered(&self) -> Text {
        self.0.numbered()
    }

    /// A picture of it.
    pub(in crate::script) fn svg(&self) -> String {
        Drawing::Trace(self.0.clone().into()).svg(&Text::default())
    }
}

impl Event {
    /// The event with its fields.
    pub(in crate::script) const fn fields(&self) -> &EventFields {
        &self.0
    }
}

impl IntoIterator for Trace {
    type Item = Event;
    type IntoIter = std::iter::Map<std::vec::IntoIter<EventFields>, fn(EventFields) -> Event>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.events.into_iter().map(Event)
    }
}

/// What a line of a view counts, in operations of the interpreter.
const OPERATIONS_FOR_LINE: usize = 10;

/// A view of some data, without a short form. It counts by its length.
pub(super) fn as_view(ctx: &NativeCallContext, data: &impl Serialize, text: &Text) -> Result<View> {
    charge(ctx, text.lines.len() * OPERATIONS_FOR_LINE)?;
    let data = to_dynamic(data)?;
    let mut text = text.clone();
    if let Some(mark) = look(ctx, changed_kernel)? {
        text.lines.insert(0, cell(Role::Bad, mark));
    }
    Ok(View {
        text,
        data,
        brief: None,
        drawing: Drawing::Text,
    })
}

/// A view that explains what Linux does. Where rules decide, it says that it knows nothing of them.
pub(super) fn of_linux(
    ctx: &NativeCallContext,
    data: &impl Serialize,
    text: &Text,
) -> Result<View> {
    let mut view = as_view(ctx, data, text)?;
    if let Some(mark) = look(ctx, changed_kernel)? {
        // In the line of the mark itself.
        view.text.lines[0] = cell(
            Role::Bad,
            format!("{mark}; this explains the rules of Linux"),
        );
    }
    Ok(view)
}

/// The same view, drawn like that.
pub(super) fn drawn(view: View, drawing: Drawing) -> View {
    View { drawing, ..view }
}

/// A view as the string that Rhai passes on to be printed.
fn printed(ctx: &NativeCallContext, view: Text) -> Result<String> {
    let plain = bounded(ctx, view.to_string())?;
    Shared::of(ctx)?.with(|state| state.print_next(view))?;
    Ok(plain)
}

/// The error for a task that has exited and waits to be reaped.
pub(super) fn no_address_space(task: &Task) -> ScriptError {
    ScriptError::new(format!("task {} no longer has an address space", task.pid))
        .with_help("it has exited; ps() shows who has not reaped it yet")
}

/// The counters that are not 0, as a view.
pub(super) fn measured(stat: &Stat) -> View {
    let mut table = Table::new(&[("count", Align::Right), ("what", Align::Left)]);
    let mut data = Map::new();
    for (name, value) in stat.iter() {
        data.insert(name.into(), (value as i64).into());
        if value != 0 {
            table.row([cell(Role::Number, value), cell(Role::Plain, name)]);
        }
    }
    View {
        text: table.text(),
        data: data.into(),
        brief: None,
        drawing: Drawing::Text,
    }
}

pub(super) fn kinds(tags: &[String]) -> Result<Vec<EventKind>> {
    let find = |tag: &String| {
        EventKind::from_tag(tag).ok_or_else(|| {
            let known: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.tag()).collect();
            ScriptError::new(format!("there is no event {tag}"))
                .with_help(choice(tag, "events", &known))
                .into()
        })
    };
    tags.iter().map(find).collect()
}

fn select(ctx: &NativeCallContext, selection: &Selection) -> Result<Trace> {
    let trace = look(ctx, |machine| Trace(view::trace(machine, selection)))?;
    charge(ctx, trace.0.events.len())?;
    Ok(trace)
}

fn field_value(field: &Field) -> Dynamic {
    match field {
        Field::Int(value) => (*value).into(),
        Field::List { pids, .. } => {
            let pids = pids.iter().map(|pid| Dynamic::from(i64::from(pid.0)));
            pids.collect::<Array>().into()
        }
        Field::Pid(pid) => i64::from(pid.0).into(),
        other => other.to_string().into(),
    }
}

/// All fields of an event by name.
fn event_map(Event(event): &Event) -> Map {
    let mut map = Map::new();
    for (key, value) in &event.fields {
        map.insert((*key).into(), field_value(value));
    }
    map.insert("seq".into(), (event.seq as i64).into());
    map.insert("line".into(), i64::from(event.line).into());
    let cause = event.cause.map(|seq| Dynamic::from_int(seq as i64));
    map.insert("cause".into(), cause.unwrap_or(Dynamic::UNIT));
    map.insert("tick".into(), (event.tick as i64).into());
    map.insert("cpu".into(), i64::from(event.cpu).into());
    map.insert("task".into(), i64::from(event.pid.0).into());
    map.insert("event".into(), event.event.into());
    map
}

fn only(trace: &Trace, tags: &[String]) -> Result<Trace> {
    let wanted = kinds(tags)?;
    let has = |event: &&EventFields| wanted.iter().any(|kind| kind.tag() == event.event);
    Ok(Trace(TraceView {
        events: trace.0.events.iter().filter(has).cloned().collect(),
        dropped: trace.0.dropped,
    }))
}

fn timeline_view(ctx: &NativeCallContext, timeline: Timeline) -> Result<View> {
    let columns = Shared::of(ctx)?.with(|state| state.host.columns)?;
    let text = columns.map_or_else(|| timeline.text(), |columns| timeline.text_within(columns));
    let view = as_view(ctx, &timeline, &text)?;
    Ok(drawn(view, Drawing::Timeline(timeline.into())))
}

#[export_module]
pub mod functions {
    /// All tasks: pid, parent, state, priority, time slice, current activity.
    ///
    /// ```rhai
    /// spawn("sh");
    /// print(ps());
    /// ```
    #[rhai_fn(return_raw)]
    pub fn ps(ctx: NativeCallContext) -> Result<View> {
        let ps = look(&ctx, view::ps)?;
        as_view(&ctx, &ps, &ps.text())
    }

    /// The tree of processes, with threads in braces.
    ///
    /// ```rhai
    /// spawn("sh").fork();
    /// print(pstree());
    /// ```
    #[rhai_fn(return_raw)]
    pub fn pstree(ctx: NativeCallContext) -> Result<View> {
        let tree = look(&ctx, view::pstree)?;
        let view = as_view(&ctx, &tree, &tree.text())?;
        Ok(drawn(view, Drawing::Tree(tree.into())))
    }

    /// The memory areas of a task's address space, in the format of `/proc/PID/maps`.
    ///
    /// ```rhai
    /// print(maps(spawn("sh")));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn maps(ctx: NativeCallContext, task: Task) -> Result<View> {
        let id = alive(&ctx, &task)?;
        let maps = look(&ctx, |machine| view::maps(machine, id))?;
        as_view(&ctx, &maps, &maps.text())
    }

    /// The pending signals of a task, in the order in which it would take them, and what each would
    /// do.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.sigprocmask(SIG_BLOCK, [SIGTERM]);
    /// sh.kill(sh, SIGTERM);
    /// print(pending(sh));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn pending(ctx: NativeCallContext, task: Task) -> Result<View> {
        let id = alive(&ctx, &task)?;
        let pending = look(&ctx, |machine| view::pending(machine, id))?;
        as_view(&ctx, &pending, &pending.text())
    }

    /// Address translation step by step: CR3, page directory entry, page table entry, frame, TLB
    /// entry.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// sh.write(a, 42);
    /// print(vtop(sh, a));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn vtop(ctx: NativeCallContext, task: Task, addr: i64) -> Result<View> {
        let (id, addr) = (alive(&ctx, &task)?, address(addr)?);
        let vtop = look(&ctx, |machine| view::vtop(machine, id, addr))?;
        let vtop = vtop.ok_or_else(|| no_address_space(&task))?;
        as_view(&ctx, &vtop, &vtop.text())
    }

    /// What the next read and the next write at an address would do, and why: from CR3 through the
    /// page table entries, the TLB, the memory area, the page and its other mappings, to the
    /// kernel's decision. Nothing changes.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// sh.write(a, 42);
    /// let kid = sh.fork();
    /// print(why(kid, a));
    /// assert_eq(kid.why(a).read.value, 42);
    /// assert_eq(kid.why(a).write.verdict, "copy");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn why(ctx: NativeCallContext, task: Task, addr: i64) -> Result<View> {
        let (id, addr) = (alive(&ctx, &task)?, address(addr)?);
        let why = look(&ctx, |machine| view::why(machine, id, addr))?;
        let why = why.ok_or_else(|| no_address_space(&task))?;
        as_view(&ctx, &why, &why.text())
    }

    /// The frames of user data that are mapped by more than one page table entry, and who maps
    /// them.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.write(sh.mmap(4*KiB), 42);
    /// sh.fork();
    /// print(sharing());
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sharing(ctx: NativeCallContext) -> Result<View> {
        let sharing = look(&ctx, view::sharing)?;
        let view = as_view(&ctx, &sharing, &sharing.text())?;
        Ok(drawn(view, Drawing::Sharing(sharing.into())))
    }

    /// What two tasks share: memory, open files, working directory, signal actions, ...
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// print(shares(sh, sh.clone(CLONE_VM | CLONE_FILES | SIGCHLD)));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn shares(ctx: NativeCallContext, a: Task, b: Task) -> Result<View> {
        let (first, second) = (alive(&ctx, &a)?, alive(&ctx, &b)?);
        let shares = look(&ctx, |machine| view::shares(machine, first, second))?;
        let shares = shares.ok_or_else(|| ScriptError::new("one of the tasks is gone"))?;
        as_view(&ctx, &shares, &shares.text())
    }

    /// The open files of a task: descriptor, access mode, offset, users, and file.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.pipe();
    /// print(fds(sh));
    /// assert_eq(fds(sh).rows[3].access, "r");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn fds(ctx: NativeCallContext, task: Task) -> Result<View> {
        let id = alive(&ctx, &task)?;
        let fds = look(&ctx, |machine| view::fds(machine, id))?;
        let fds = fds.ok_or_else(|| {
            ScriptError::new(format!("task {} no longer has open files", task.pid))
                .with_help("it has exited; ps() shows who has not reaped it yet")
        })?;
        as_view(&ctx, &fds, &fds.text())
    }

    /// A task in the format of `/proc/PID/status`: state, parents, tracer, ids, memory, signals.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let kid = sh.fork();
    /// sh.ptrace_attach(kid);
    /// print(status(kid));
    /// assert_eq(status(kid).TracerPid, sh.pid.to_string());
    /// ```
    #[rhai_fn(return_raw)]
    pub fn status(ctx: NativeCallContext, task: Task) -> Result<View> {
        let id = alive(&ctx, &task)?;
        let status = look(&ctx, |machine| view::status(machine, id))?;
        let status = status.ok_or_else(|| no_address_space(&task))?;
        let fields: std::collections::BTreeMap<_, _> = status.fields.iter().cloned().collect();
        as_view(&ctx, &fields, &status.text())
    }

    /// Decodes a wait status, part by part.
    ///
    /// ```rhai
    /// print(explain_status(0x1057f));
    /// assert_eq(explain_status(0x057f).text, "stopped by SIGTRAP");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn explain_status(ctx: NativeCallContext, status: i64) -> Result<View> {
        let told = view::explain_status(word(status, "the status")?);
        as_view(&ctx, &told, &told.text())
    }

    /// Who had the CPU when, since boot.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 20", "sleep 10", "goto 0"]));
    /// tick(100);
    /// print(timeline());
    /// ```
    #[rhai_fn(name = "timeline", return_raw)]
    pub fn timeline(ctx: NativeCallContext) -> Result<View> {
        let timeline = look(&ctx, |machine| {
            view::timeline(machine, 0, machine.kernel.tick())
        })?;
        timeline_view(&ctx, timeline)
    }

    /// Who had the CPU when, from one tick to another.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 20", "sleep 10", "goto 0"]));
    /// tick(100);
    /// print(timeline(50, 100));
    /// ```
    #[rhai_fn(name = "timeline", return_raw)]
    pub fn timeline_of(ctx: NativeCallContext, from: i64, to: i64) -> Result<View> {
        let (from, to) = period(&ctx, from, to)?;
        let timeline = look(&ctx, |machine| view::timeline(machine, from, to))?;
        timeline_view(&ctx, timeline)
    }

    /// The trace: every decision of the kernel, oldest first, without those that only serve the
    /// console (puppets woken for a call and going back to sleep) or say nothing new (a SIGCHLD that
    /// the parent ignores by default).
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.fork();
    /// print(trace().only("sched_process_fork"));
    /// ```
    #[rhai_fn(name = "trace", return_raw)]
    pub fn trace(ctx: NativeCallContext) -> Result<Trace> {
        select(&ctx, &Selection::default())
    }

    /// The trace from the event with that number on; see `mark`.
    ///
    /// ```rhai
    /// let m = mark();
    /// spawn("sh");
    /// assert(trace(m).len > 0);
    /// ```
    #[rhai_fn(name = "trace", return_raw)]
    pub fn trace_from(ctx: NativeCallContext, from: i64) -> Result<Trace> {
        let from_seq = ranged(from, "the event number", 0, i64::MAX)? as u64;
        select(
            &ctx,
            &Selection {
                from_seq,
                ..Selection::default()
            },
        )
    }

    /// The whole trace, including the events that only serve the console, and each SIGCHLD that is
    /// ignored by default.
    ///
    /// ```rhai
    /// spawn("sh");
    /// assert(trace_all().len > trace().len);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn trace_all(ctx: NativeCallContext) -> Result<Trace> {
        select(
            &ctx,
            &Selection {
                console: true,
                ..Selection::default()
            },
        )
    }

    /// The number of the trace's next event.
    ///
    /// ```rhai
    /// let m = mark();
    /// spawn("sh");
    /// assert(mark() > m);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn mark(ctx: NativeCallContext) -> Result<i64> {
        look(&ctx, |machine| machine.kernel.log.event_seq() as i64)
    }

    /// The trace in the format of ftrace, for other tools.
    ///
    /// ```rhai
    /// spawn("sh");
    /// assert(ftrace().contains("sched_switch:"));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn ftrace(ctx: NativeCallContext) -> Result<String> {
        look(&ctx, crate::export::ftrace)
    }

    /// Only the events with that name.
    ///
    /// ```rhai
    /// spawn("sh");
    /// assert_eq(trace().only("sched_process_exec").len, 1);
    /// ```
    #[rhai_fn(name = "only", return_raw)]
    pub fn only_kind(trace: &mut Trace, event: &str) -> Result<Trace> {
        only(trace, &[event.to_owned()])
    }

    /// Only the events with those names.
    ///
    /// ```rhai
    /// print(trace().only(["cow_copy", "cow_reuse"]));
    /// ```
    #[rhai_fn(name = "only", return_raw)]
    pub fn only_kinds(trace: &mut Trace, events: Array) -> Result<Trace> {
        let tags: Vec<String> = events.iter().map(ToString::to_string).collect();
        only(trace, &tags)
    }

    /// Only the events of one task, given by its handle or pid.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// print(trace().of(sh));
    /// ```
    #[rhai_fn(name = "of", return_raw)]
    pub fn of_task(trace: &mut Trace, pid: Dynamic) -> Result<Trace> {
        let pid = Pid(pid_of(&pid, "the pid")?);
        let events = trace.0.events.iter().filter(|event| event.pid == pid);
        Ok(Trace(TraceView {
            events: events.cloned().collect(),
            dropped: trace.0.dropped,
        }))
    }

    /// Only the events that a line of this session or script has caused.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.fork();
    /// assert_eq(trace().line(2).only("sched_process_fork").len, 1);
    /// ```
    #[rhai_fn(name = "line", return_raw)]
    pub fn of_line(trace: &mut Trace, line: i64) -> Result<Trace> {
        let line = ranged(line, "the line", 1, i64::MAX)?;
        let events = trace.0.events.iter();
        let events = events.filter(|event| i64::from(event.line) == line);
        Ok(Trace(TraceView {
            events: events.cloned().collect(),
            dropped: trace.0.dropped,
        }))
    }

    /// The trace with the number of each event and the line that caused it, as the prompt shows it.
    ///
    /// ```rhai
    /// spawn("sh");
    /// print(trace().numbered());
    /// ```
    #[rhai_fn(name = "numbered", return_raw)]
    pub fn numbered(ctx: NativeCallContext, trace: &mut Trace) -> Result<View> {
        as_view(&ctx, &trace.0, &trace.0.numbered())
    }

    /// The number of events.
    ///
    /// ```rhai
    /// assert_eq(trace().only("cow_copy").len, 0);
    /// ```
    #[rhai_fn(get = "len")]
    pub fn trace_len(trace: &mut Trace) -> i64 {
        trace.0.events.len() as i64
    }

    /// The events, which have the fields `seq`, `tick`, `cpu`, `task`, `event`, and those of their
    /// kind.
    ///
    /// ```rhai
    /// spawn("sh");
    /// assert_eq(trace().only("sched_process_exec").events[0].task, 2);
    /// ```
    #[rhai_fn(get = "events")]
    pub fn trace_events(trace: &mut Trace) -> Array {
        let events = trace.clone().into_iter();
        events.map(Dynamic::from).collect()
    }

    /// One event; -1 is the last.
    ///
    /// ```rhai
    /// spawn("sh");
    /// assert_eq(trace()[0].tick, 0);
    /// ```
    #[rhai_fn(index_get, return_raw)]
    pub fn trace_event(trace: &mut Trace, at: i64) -> Result<Event> {
        let len = trace.0.events.len() as i64;
        let from_start = if at < 0 { at + len } else { at };
        let event = usize::try_from(from_start)
            .ok()
            .and_then(|at| trace.0.events.get(at));
        event.cloned().map(Event).ok_or_else(|| {
            match len {
                0 => ScriptError::new("no such event happened: the trace is empty")
                    .with_help("trace().only(..).len says how many there are"),
                _ => ScriptError::new(format!("there is no event [{at}]: the trace has {len}"))
                    .with_help(format!("the first is [0], the last [{}] or [-1]", len - 1)),
            }
            .into()
        })
    }

    /// A field of an event, by name: `event.tick` or `event["tick"]`.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// sh.getpid();
    /// assert_eq(trace().only("sys_enter").events[-1].call, "getpid");
    /// ```
    #[rhai_fn(index_get, return_raw)]
    pub fn event_field(event: &mut Event, name: &str) -> Result<Dynamic> {
        let fields = event_map(event);
        // Many events have a pid of their own; the others are about the task.
        let name = if name == "pid" && !fields.contains_key(name) {
            "task"
        } else {
            name
        };
        fields.get(name).cloned().ok_or_else(|| {
            let known: Vec<&str> = fields.keys().map(AsRef::as_ref).collect();
            let tag = event.0.event;
            ScriptError::new(format!("{tag} has no field {name}"))
                .with_help(choice(name, "its fields", &known))
                .into()
        })
    }

    /// The names of the fields of an event.
    ///
    /// ```rhai
    /// spawn("sh");
    /// assert(trace()[0].keys().contains("tick"));
    /// ```
    #[rhai_fn(name = "keys")]
    pub fn event_keys(event: &mut Event) -> Array {
        let fields = event_map(event).into_keys();
        fields.map(|key| key.to_string().into()).collect()
    }

    /// Whether an event has a field of that name; also written `"addr" in event`.
    ///
    /// ```rhai
    /// spawn("sh");
    /// assert("tick" in trace()[0]);
    /// ```
    #[rhai_fn(name = "contains")]
    pub fn event_contains(event: &mut Event, name: &str) -> bool {
        event_map(event).contains_key(name)
    }

    /// Whether two events are the same, in all fields.
    ///
    /// ```rhai
    /// spawn("sh");
    /// assert(trace()[0] == trace()[0]);
    /// ```
    #[rhai_fn(name = "==")]
    pub fn same_event(left: Event, right: Event) -> bool {
        left.0 == right.0
    }

    /// Whether two events differ.
    ///
    /// ```rhai
    /// spawn("sh");
    /// assert(trace()[0] != trace()[1]);
    /// ```
    #[rhai_fn(name = "!=")]
    pub fn other_event(left: Event, right: Event) -> bool {
        left.0 != right.0
    }

    /// The event as a string: its fields and their values, as of a map.
    #[rhai_fn(name = "to_string", name = "to_debug", return_raw)]
    pub fn event_to_string(ctx: NativeCallContext, event: &mut Event) -> Result<String> {
        map_text(&ctx, &event_map(event))
    }

    /// The trace as a string, one event per line.
    #[rhai_fn(name = "to_string", name = "to_debug", return_raw)]
    pub fn trace_to_string(ctx: NativeCallContext, trace: &mut Trace) -> Result<String> {
        bounded(&ctx, trace.0.text().to_string())
    }

    /// The view as data: maps and arrays.
    ///
    /// ```rhai
    /// spawn("sh");
    /// assert_eq(ps().data.rows[1].name, "sh");
    /// ```
    #[rhai_fn(get = "data")]
    pub fn view_data(view: &mut View) -> Dynamic {
        view.data.clone()
    }

    /// The data of the view as a text of JSON, for other programs.
    ///
    /// ```rhai
    /// spawn("sh");
    /// assert(ps().to_json().contains("\"name\":\"sh\""));
    /// ```
    #[rhai_fn(name = "to_json", return_raw)]
    pub fn view_to_json(ctx: NativeCallContext, view: &mut View) -> Result<String> {
        bounded(&ctx, json_of(&view.data).to_string())
    }

    /// The events as a text of JSON: an array of objects, each with `seq`, `tick`, `cpu`, `task`,
    /// `comm`, `event`, `line` and the fields of its kind.
    ///
    /// ```rhai
    /// spawn("sh");
    /// assert(trace().only("sched_process_exec").to_json().contains("\"comm\":\"sh\""));
    /// ```
    #[rhai_fn(name = "to_json", return_raw)]
    pub fn trace_to_json(ctx: NativeCallContext, trace: &mut Trace) -> Result<String> {
        let events: Vec<_> = trace
            .clone()
            .into_iter()
            .map(|event| event.json())
            .collect();
        bounded(&ctx, serde_json::Value::from(events).to_string())
    }

    /// The event as a text of JSON.
    ///
    /// ```rhai
    /// spawn("sh");
    /// assert(trace()[0].to_json().contains("\"tick\":0"));
    /// ```
    #[rhai_fn(name = "to_json", return_raw)]
    pub fn event_to_json(ctx: NativeCallContext, event: &mut Event) -> Result<String> {
        bounded(&ctx, event.json().to_string())
    }

    /// The view as a picture in SVG: `timeline`, `pstree`, `frames`, `sharing`, `runq`, `path` and
    /// `compare` are drawn, others show their text. `save` writes it to a file.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 20", "sleep 10", "goto 0"]));
    /// tick(100);
    /// assert(timeline().svg().contains("2:hog runs on CPU 0 from tick 30 to 50"));
    /// ```
    #[rhai_fn(name = "svg", return_raw)]
    pub fn view_svg(ctx: NativeCallContext, view: &mut View) -> Result<String> {
        bounded(&ctx, view.drawing.svg(&view.text))
    }

    /// Writes the picture of the view to a file whose name ends in `.svg`, in the current folder or
    /// below it. A picture that is there already is replaced, any other file is not.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 20", "sleep 10", "goto 0"]));
    /// tick(100);
    /// timeline().save("t.svg");
    /// ```
    #[rhai_fn(name = "save", return_raw)]
    pub fn save_view(ctx: NativeCallContext, view: &mut View, name: &str) -> Result<()> {
        save(&ctx, name, &bounded(&ctx, view.drawing.svg(&view.text))?)
    }

    /// Writes the picture of the trace to a file, as `view.save`.
    ///
    /// ```rhai
    /// spawn("sh");
    /// trace().save("events.svg");
    /// ```
    #[rhai_fn(name = "save", return_raw)]
    pub fn save_trace(ctx: NativeCallContext, trace: &mut Trace, name: &str) -> Result<()> {
        save(&ctx, name, &bounded(&ctx, trace.svg())?)
    }

    /// The trace as a picture in SVG: a lane for each task, a mark for each event, arrows to what
    /// came of it.
    ///
    /// ```rhai
    /// spawn("sh");
    /// assert(trace().svg().contains("sched_process_exec"));
    /// ```
    #[rhai_fn(name = "svg", return_raw)]
    pub fn trace_svg(ctx: NativeCallContext, trace: &mut Trace) -> Result<String> {
        bounded(&ctx, trace.svg())
    }

    /// A part of a timeline, from one tick to another, with more room for each tick.
    ///
    /// ```rhai
    /// spawn("hog", workload(["run 20", "sleep 10", "goto 0"]));
    /// tick(1000);
    /// print(timeline().zoom(100, 160));
    /// ```
    #[rhai_fn(name = "zoom", return_raw)]
    pub fn zoom(ctx: NativeCallContext, view: &mut View, from: i64, to: i64) -> Result<View> {
        let Drawing::Timeline(timeline) = view.drawing.clone() else {
            return Err(ScriptError::new("only a timeline can be zoomed")
                .with_help("timeline().zoom(100, 200)")
                .into());
        };
        let (from, to) = period(&ctx, from, to)?;
        timeline_view(&ctx, timeline.part(from, to))
    }

    /// The short form of the view. Only `path` has one: the steps of do_fork alone, without those
    /// of the functions that it calls.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// print(path(|| sh.fork()).brief);
    /// ```
    #[rhai_fn(get = "brief", return_raw)]
    pub fn view_brief(view: &mut View) -> Result<View> {
        let brief = view.brief.as_deref().cloned();
        brief.ok_or_else(|| ScriptError::new("this view has no short form").into())
    }

    /// A field of the view's data, by name.
    ///
    /// ```rhai
    /// spawn("sh");
    /// assert_eq(ps().rows.len(), 2);
    /// ```
    #[rhai_fn(index_get, return_raw)]
    pub fn view_field(view: &mut View, name: &str) -> Result<Dynamic> {
        let field = view
            .data
            .read_lock::<Map>()
            .and_then(|map| map.get(name).cloned());
        field.ok_or_else(|| {
            let known = view.data.read_lock::<Map>();
            let known = known.map(|map| map.keys().map(ToString::to_string).collect::<Vec<_>>());
            ScriptError::new(format!("the view has no field {name}"))
                .with_help(format!("it has {}", known.unwrap_or_default().join(", ")))
                .into()
        })
    }

    /// Prints a view, in colours where `--color` allows them.
    ///
    /// ```rhai
    /// print(ps());
    /// ```
    #[rhai_fn(name = "print", return_raw)]
    pub fn print_view(ctx: NativeCallContext, view: &mut View) -> Result<String> {
        printed(&ctx, view.text.clone())
    }

    /// Prints a trace, one event per line.
    ///
    /// ```rhai
    /// print(trace());
    /// ```
    #[rhai_fn(name = "print", return_raw)]
    pub fn print_trace(ctx: NativeCallContext, trace: &mut Trace) -> Result<String> {
        printed(&ctx, trace.0.text())
    }

    /// The view as a string.
    #[rhai_fn(name = "to_string", name = "to_debug", return_raw)]
    pub fn view_to_string(ctx: NativeCallContext, view: &mut View) -> Result<String> {
        bounded(&ctx, view.to_string())
    }

    /// The handle as one line: pid and name, what it is, what it is doing.
    #[rhai_fn(name = "to_string", name = "to_debug", return_raw)]
    pub fn task_to_string(ctx: NativeCallContext, task: &mut Task) -> Result<String> {
        if exists(&ctx, task)? {
            look(&ctx, |machine| {
                view::task_line(machine, task.id).to_string()
            })
        } else {
            why_gone(&ctx, task)
        }
    }
}
