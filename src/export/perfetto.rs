//! Perfetto's own format: a stream of packets in protocol buffers. CPUs and the states of tasks are
//! told as scheduling events of ftrace, from which Perfetto draws its tracks; system calls, faults
//! and runs are slices with arrows between them; counters have tracks of their own.

mod message;

use super::spans::{Mark, Spans, Thread};
use super::tracer::{Format, Scene, Sink};
use crate::abi::{Names, Pid, TaskState};
use crate::machine::Machine;
use crate::trace::{Record, TraceEvent};
use message::{
    CounterDescriptor, DebugAnnotation, Event, FtraceEvent, FtraceEventBundle, NewTask, Packet,
    Process, ProcessExit, ProcessTree, Rename, Switch, ThreadDescriptor, ThreadOfTree,
    TrackDescriptor, TrackEvent, Wakeup,
};
use prost::Message;
use std::collections::BTreeMap;

/// The field of a trace that holds a packet.
const PACKET: u8 = 1 << 3 | 2;
/// The number of our sequence of packets: there is only one.
const SEQUENCE: u32 = 1;
/// `TracePacket.sequence_flags`: nothing before this packet is needed to understand it.
const STATE_CLEARED: u32 = 1;

/// Types of track events.
mod kind {
    pub(super) const BEGIN: i32 = 1;
    pub(super) const END: i32 = 2;
    pub(super) const INSTANT: i32 = 3;
    pub(super) const COUNTER: i32 = 4;
}

/// Writes the format.
#[derive(Default)]
pub(super) struct Writer {
    spans: Spans,
    /// The tracks of each task: what it does, and when it runs.
    tracks: BTreeMap<Pid, (u64, u64)>,
    counters: BTreeMap<String, u64>,
    last_track: u64,
    /// The track of what is said about the kernel as a whole.
    kernel: Option<u64>,
    begun: bool,
}

impl Format for Writer {
    fn begin(&mut self, text: &mut Vec<u8>, machine: &Machine, _sink: &dyn Sink) {
        let marks = self.spans.begin(&machine.kernel);
        self.write(text, 0, &marks);
    }

    fn changed(&mut self, text: &mut Vec<u8>, at: u64, mark: &str) {
        let track = match self.kernel {
            Some(track) => track,
            None => {
                let track = self.new_track();
                self.kernel = Some(track);
                let descriptor = TrackDescriptor {
                    uuid: Some(track),
                    name: Some("kernel".to_owned()),
                    ..TrackDescriptor::default()
                };
                self.describe(text, descriptor);
                track
            }
        };
        let event = TrackEvent {
            kind: Some(kind::INSTANT),
            track: Some(track),
            name: Some(mark.to_owned()),
            ..TrackEvent::default()
        };
        self.event(text, at, event);
    }

    fn record(&mut self, text: &mut Vec<u8>, scene: &Scene<'_>, record: &Record) {
        let marks = self.spans.marks(scene, record);
        // A task is known before it is told of.
        let (threads, others): (Vec<_>, Vec<_>) = marks
            .into_iter()
            .partition(|mark| matches!(mark, Mark::Thread(_) | Mark::Renamed(_)));
        self.write(text, scene.at, &threads);
        let (pid, _) = scene.on_cpu.get(record.stamp.cpu);
        if let Some(event) = event_of(&scene.machine.kernel.names, record) {
            let event = FtraceEvent {
                timestamp: Some(scene.at),
                pid: Some(pid.0 as u32),
                event: Some(event),
            };
            self.packet(
                text,
                Packet {
                    ftrace_events: Some(FtraceEventBundle {
                        cpu: Some(record.stamp.cpu.into()),
                        event: vec![event],
                    }),
                    ..Packet::default()
                },
            );
        }
        self.write(text, scene.at, &others);
    }

    fn rest(&mut self, text: &mut Vec<u8>, scene: &Scene<'_>) {
        let marks = self.spans.rest(&scene.machine.kernel);
        self.write(text, scene.at, &marks);
    }

    fn end(&mut self, text: &mut Vec<u8>, at: u64) {
        let marks = self.spans.end();
        self.write(text, at, &marks);
    }
}

impl Writer {
    fn packet(&mut self, text: &mut Vec<u8>, packet: Packet) {
        let flags = (!self.begun).then_some(STATE_CLEARED);
        self.begun = true;
        let packet = Packet {
            sequence: Some(SEQUENCE),
            flags,
            ..packet
        };
        text.push(PACKET);
        // Room for messages in memory never runs out.
        let _ = packet.encode_length_delimited(text);
    }

    fn new_track(&mut self) -> u64 {
        self.last_track += 1;
        self.last_track
    }

    fn describe(&mut self, text: &mut Vec<u8>, track: TrackDescriptor) {
        self.packet(
            text,
            Packet {
                track: Some(track),
                ..Packet::default()
            },
        );
    }

    fn event(&mut self, text: &mut Vec<u8>, at: u64, event: TrackEvent) {
        self.packet(
            text,
            Packet {
                timestamp: Some(at),
                event: Some(event),
                ..Packet::default()
            },
        );
    }

    fn write(&mut self, text: &mut Vec<u8>, at: u64, marks: &[Mark]) {
        for mark in marks {
            self.mark(text, at, mark);
        }
    }

    fn mark(&mut self, text: &mut Vec<u8>, at: u64, mark: &Mark) {
        match mark {
            Mark::Thread(thread) => self.thread(text, at, thread),
            Mark::Renamed(thread) => {
                let (track, _) = self.tracks_of(text, thread.pid);
                self.name_thread(text, track, thread);
            }
            Mark::RunBegin {
                pid, cpu, arrow, ..
            } => {
                let track = self.tracks_of(text, *pid).1;
                let event = TrackEvent {
                    kind: Some(kind::BEGIN),
                    track: Some(track),
                    name: Some(format!("runs on CPU {cpu}")),
                    ends: arrow.iter().copied().collect(),
                    ..TrackEvent::default()
                };
                self.event(text, at, event);
            }
            Mark::RunEnd { pid, why, .. } => {
                let track = self.tracks_of(text, *pid).1;
                self.end_of(text, at, track, Some(("why", why)));
            }
            Mark::SliceBegin { pid, name, line } => {
                let track = self.tracks_of(text, *pid).0;
                let event = TrackEvent {
                    kind: Some(kind::BEGIN),
                    track: Some(track),
                    name: Some(name.clone()),
                    notes: note_of_line(*line),
                    ..TrackEvent::default()
                };
                self.event(text, at, event);
            }
            Mark::SliceEnd { pid, result } => {
                let track = self.tracks_of(text, *pid).0;
                let result = result.as_deref().map(|result| ("result", result));
                self.end_of(text, at, track, result);
            }
            Mark::Instant {
                pid,
                name,
                line,
                arrow,
                ..
            } => {
                let track = self.tracks_of(text, *pid).0;
                let event = TrackEvent {
                    kind: Some(kind::INSTANT),
                    track: Some(track),
                    name: Some(name.clone()),
                    notes: note_of_line(*line),
                    begins: arrow.iter().copied().collect(),
                    ..TrackEvent::default()
                };
                self.event(text, at, event);
            }
            Mark::Counter { name, value } => {
                let track = self.counter(text, name);
                let event = TrackEvent {
                    kind: Some(kind::COUNTER),
                    track: Some(track),
                    value: Some(*value),
                    ..TrackEvent::default()
                };
                self.event(text, at, event);
            }
        }
    }

    fn end_of(&mut self, text: &mut Vec<u8>, at: u64, track: u64, note: Option<(&str, &str)>) {
        let note = note.map(|(name, value)| DebugAnnotation {
            name: Some(name.to_owned()),
            text: Some(value.to_owned()),
            number: None,
        });
        let event = TrackEvent {
            kind: Some(kind::END),
            track: Some(track),
            notes: note.into_iter().collect(),
            ..TrackEvent::default()
        };
        self.event(text, at, event);
    }

    fn thread(&mut self, text: &mut Vec<u8>, at: u64, thread: &Thread) {
        let is_process = thread.pid == thread.tgid;
        let process = is_process.then(|| Process {
            pid: Some(thread.pid.0),
            parent: Some(thread.parent.0),
            command: vec![thread.name.clone()],
        });
        let in_tree = ThreadOfTree {
            tid: Some(thread.pid.0),
            tgid: Some(thread.tgid.0),
            name: Some(thread.name.clone()),
        };
        self.packet(
            text,
            Packet {
                timestamp: Some(at),
                process_tree: Some(ProcessTree {
                    processes: process.into_iter().collect(),
                    threads: vec![in_tree],
                }),
                ..Packet::default()
            },
        );
        let tracks = (self.new_track(), self.new_track());
        self.tracks.insert(thread.pid, tracks);
        self.name_thread(text, tracks.0, thread);
        self.describe(
            text,
            TrackDescriptor {
                uuid: Some(tracks.1),
                parent: Some(tracks.0),
                name: Some(format!("{}:{} runs", thread.pid, thread.name)),
                ..TrackDescriptor::default()
            },
        );
    }

    fn name_thread(&mut self, text: &mut Vec<u8>, track: u64, thread: &Thread) {
        let descriptor = ThreadDescriptor {
            pid: Some(thread.tgid.0),
            tid: Some(thread.pid.0.into()),
            name: Some(thread.name.clone()),
        };
        self.describe(
            text,
            TrackDescriptor {
                uuid: Some(track),
                thread: Some(descriptor),
                ..TrackDescriptor::default()
            },
        );
    }

    /// The tracks of a task, which is introduced if nobody has done it.
    fn tracks_of(&mut self, text: &mut Vec<u8>, pid: Pid) -> (u64, u64) {
        if let Some(tracks) = self.tracks.get(&pid) {
            return *tracks;
        }
        let thread = Thread {
            pid,
            tgid: self.spans.tgid(pid),
            parent: Pid(0),
            name: String::new(),
        };
        self.thread(text, 0, &thread);
        self.tracks.get(&pid).copied().unwrap_or_default()
    }

    fn counter(&mut self, text: &mut Vec<u8>, name: &str) -> u64 {
        if let Some(track) = self.counters.get(name) {
            return *track;
        }
        let track = self.new_track();
        self.counters.insert(name.to_owned(), track);
        self.describe(
            text,
            TrackDescriptor {
                uuid: Some(track),
                name: Some(name.to_owned()),
                counter: Some(CounterDescriptor {}),
                ..TrackDescriptor::default()
            },
        );
        track
    }
}

fn note_of_line(line: u16) -> Vec<DebugAnnotation> {
    let note = (line > 0).then(|| DebugAnnotation {
        name: Some("line".to_owned()),
        number: Some(line.into()),
        text: None,
    });
    note.into_iter().collect()
}

fn wakeup(comm: Option<String>, pid: Pid, prio: u8, cpu: u8) -> Wakeup {
    Wakeup {
        comm,
        pid: Some(pid.0),
        prio: Some(prio.into()),
        success: Some(1),
        target_cpu: Some(cpu.into()),
    }
}

/// An event in the form of ftrace, if it is one of those that viewers look for.
fn event_of(names: &Names, record: &Record) -> Option<Event> {
    let text = |name| Some(names.get(name).to_owned());
    let stamp = record.stamp;
    Some(match record.event {
        TraceEvent::SchedSwitch {
            prev,
            prev_name,
            prev_prio,
            prev_state,
            next,
            next_name,
            next_prio,
            ..
        } => Event::Switch(Switch {
            prev_comm: text(prev_name),
            prev_pid: Some(prev.0),
            prev_prio: Some(prev_prio.into()),
            prev_state: Some(state_bits(prev_state)),
            next_comm: text(next_name),
            next_pid: Some(next.0),
            next_prio: Some(next_prio.into()),
        }),
        TraceEvent::SchedWakeup {
            pid,
            name,
            prio,
            target_cpu,
            ..
        } => Event::Wakeup(wakeup(text(name), pid, prio, target_cpu)),
        TraceEvent::SchedWakeupNew {
            pid,
            name,
            prio,
            target_cpu,
            ..
        } => Event::WakeupNew(wakeup(text(name), pid, prio, target_cpu)),
        TraceEvent::SchedProcessFork {
            child,
            child_name,
            flags,
            ..
        } => Event::NewTask(NewTask {
            pid: Some(child.0),
            comm: text(child_name),
            flags: Some(flags.bits().into()),
        }),
        TraceEvent::SchedProcessExec { name } => Event::Rename(Rename {
            pid: Some(stamp.pid.0),
            old: text(stamp.name),
            new: text(name),
        }),
        TraceEvent::SchedProcessExit { .. } => Event::Exit(ProcessExit {
            comm: text(stamp.name),
            pid: Some(stamp.pid.0),
        }),
        TraceEvent::SchedProcessFree { pid, name } => Event::Free(ProcessExit {
            comm: text(name),
            pid: Some(pid.0),
        }),
        _ => return None,
    })
}

/// The bits of a state in later kernels, whose numbers Perfetto knows.
pub(super) fn state_bits(state: u8) -> i64 {
    match TaskState::from_bits_retain(state).letter() {
        'S' => 1,
        'D' => 2,
        'T' => 4,
        't' => 8,
        'X' => 16,
        'Z' => 32,
        _ => 0,
    }
}
