//! The trace log: records in sealed, shared chunks plus one open chunk. It is bounded, and has a
//! filter and a counter of dropped records. Sequence numbers count every event, recorded or not.

use super::cause::{Cause, Contexts};
use super::event::{EventKind, TraceEvent};
use crate::abi::{Name, Pid};
use std::collections::VecDeque;
use std::sync::Arc;

/// Number of records in a sealed chunk.
const CHUNK: usize = 1024;
/// Default capacity of the log, in records.
const DEFAULT_CAPACITY: usize = 1 << 20;
/// The most pids kept of a list that is part of an event.
const LIST_SHOWN: usize = 16;

/// When an event happened, and to which task.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Stamp {
    /// Ticks since boot.
    pub tick: u64,
    /// CPU on which it happened.
    pub cpu: u8,
    /// Task on that CPU, or the task that the event is about.
    pub pid: Pid,
    /// Name of that task.
    pub name: Name,
}

/// An event with its place in time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Record {
    /// Position among all events since boot, from 0.
    pub seq: u64,
    /// When it happened and to which task.
    pub stamp: Stamp,
    /// The event itself.
    pub event: TraceEvent,
    /// Whether it only serves the console: a puppet is woken for an action, or goes back to sleep.
    pub console: bool,
    /// The line of the session or script whose command was being carried out; 0 if there was none.
    pub line: u16,
    /// How far behind lies the event that it came of; see [`Self::cause`].
    cause: u32,
}

impl Record {
    /// What the event came of.
    pub const fn cause(&self) -> Cause {
        Cause::behind(self.seq, self.cause)
    }
}

const _: () = assert!(size_of::<Record>() <= 64);

/// A list of pids inside an event. The pids themselves are stored beside the records; read them
/// with [`TraceLog::pids`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PidList {
    at: u32,
    len: u8,
    /// Whether members at the head are left out because the list is long.
    pub cut_before: bool,
    /// Whether members at the tail are left out.
    pub cut_after: bool,
}

/// A run of pids for an event: at most the 16 members around the interesting one.
#[derive(Clone, Copy, Debug, Default)]
pub struct PidRun {
    pids: [Pid; LIST_SHOWN],
    len: u8,
    /// See [`PidList::cut_before`].
    pub cut_before: bool,
    /// See [`PidList::cut_after`].
    pub cut_after: bool,
}

impl PidRun {
    /// Appends a pid. If the run is full, marks it as cut instead and returns `false`.
    pub fn push(&mut self, pid: Pid) -> bool {
        let len = usize::from(self.len);
        if len == LIST_SHOWN {
            self.cut_after = true;
            return false;
        }
        self.pids[len] = pid;
        self.len += 1;
        true
    }

    /// The pids, head first.
    pub fn as_slice(&self) -> &[Pid] {
        &self.pids[..usize::from(self.len)]
    }
}

#[derive(Clone, Debug, Default)]
struct Chunk {
    records: Vec<Record>,
    pids: Vec<Pid>,
    /// Value of the running pid counter at the chunk's first pid.
    pids_from: u32,
    /// Events with a second cause: their numbers, in order, and that of the other event.
    second: Vec<(u64, u64)>,
}

/// Which kinds of events are recorded: one bit per [`EventKind`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TraceFilter(u64);

const _: () = assert!(EventKind::ALL.len() <= 64);

impl TraceFilter {
    /// Every kind of event.
    pub const ALL: Self = Self(u64::MAX);
    /// No events at all.
    pub const NONE: Self = Self(0);

    /// Only the given kinds.
    pub fn only(kinds: &[EventKind]) -> Self {
        Self(kinds.iter().fold(0, |bits, k| bits | 1 << *k as u8))
    }

    /// Whether events of that kind are recorded.
    pub const fn has(self, kind: EventKind) -> bool {
        self.0 >> kind as u8 & 1 != 0
    }
}

/// The trace log. Clones share the sealed chunks.
#[derive(Clone, Debug)]
pub struct TraceLog {
    sealed: VecDeque<Arc<Chunk>>,
    open: Chunk,
    /// Which events are recorded. Sequence numbers count the others too.
    pub filter: TraceFilter,
    /// Whether what happens now only serves the console.
    pub console: bool,
    /// The line whose command is being carried out; see [`Record::line`].
    pub line: u16,
    capacity: usize,
    next_seq: u64,
    dropped: u64,
    next_pid_at: u32,
    pub(super) contexts: Contexts,
}

impl Default for TraceLog {
    fn default() -> Self {
        Self {
            sealed: VecDeque::new(),
            open: Chunk::default(),
            filter: TraceFilter::ALL,
            console: false,
            line: 0,
            capacity: DEFAULT_CAPACITY,
            next_seq: 0,
            dropped: 0,
            next_pid_at: 0,
            contexts: Contexts::default(),
        }
    }
}

impl TraceLog {
    /// Counts an event, and records it if the filter lets it through.
    #[inline]
    pub fn emit(&mut self, stamp: Stamp, event: TraceEvent) {
        if let Some(seq) = self.count(event.kind()) {
            self.record_as(seq, stamp, event);
        }
    }

    /// Like [`Self::emit`], for an event that does not come of the context of its CPU but of
    /// `cause`, and perhaps of a second event as well.
    #[inline]
    pub fn emit_because(&mut self, stamp: Stamp, event: TraceEvent, cause: Cause, second: Cause) {
        if let Some(seq) = self.count(event.kind()) {
            self.record_with(seq, stamp, event, cause);
            if let Cause::Event(second) = second {
                self.open.second.push((seq, second));
            }
        }
    }

    /// Counts an event of that kind. Returns its number if it is to be recorded.
    #[inline(always)]
    pub fn count(&mut self, kind: EventKind) -> Option<u64> {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.filter.has(kind).then_some(seq)
    }

    /// Records an event that was counted.
    pub fn record_as(&mut self, seq: u64, stamp: Stamp, event: TraceEvent) {
        let cause = self.context(usize::from(stamp.cpu));
        self.record_with(seq, stamp, event, cause);
    }

    #[inline]
    fn record_with(&mut self, seq: u64, stamp: Stamp, event: TraceEvent, cause: Cause) {
        self.record(Record {
            seq,
            stamp,
            event,
            console: self.console,
            line: self.line,
            cause: cause.distance(seq),
        });
    }

    /// The second event that a recorded event came of, if it has one: a switch, of the event that
    /// put the next task on its runqueue; a wake-up, of the call in which the task slept.
    pub fn second_cause(&self, seq: u64) -> Option<u64> {
        let chunk = match self.chunk_of(seq) {
            Some(at) => &self.sealed[at],
            None => &self.open,
        };
        let at = chunk.second.binary_search_by_key(&seq, |(seq, _)| *seq);
        at.ok().map(|at| chunk.second[at].1)
    }

    /// Which of the sealed chunks an event lies in; `None` if it lies in the open one.
    fn chunk_of(&self, seq: u64) -> Option<usize> {
        let first = self
            .sealed
            .partition_point(|chunk| chunk.records.last().is_some_and(|last| last.seq < seq));
        (first < self.sealed.len()).then_some(first)
    }

    /// The record of the event with that number, if there is one.
    pub fn record_of(&self, seq: u64) -> Option<&Record> {
        let chunk = match self.chunk_of(seq) {
            Some(at) => &self.sealed[at],
            None => &self.open,
        };
        let at = chunk
            .records
            .binary_search_by_key(&seq, |record| record.seq);
        at.ok().map(|at| &chunk.records[at])
    }

    /// Whether events of that kind are recorded. Ask before collecting costly details.
    #[inline]
    pub const fn wants(&self, kind: EventKind) -> bool {
        self.filter.has(kind)
    }

    /// Stores a run of pids for the event that is emitted next.
    pub fn keep_pids(&mut self, run: &PidRun) -> PidList {
        let at = self.next_pid_at;
        self.open.pids.extend_from_slice(run.as_slice());
        self.next_pid_at = at.wrapping_add(u32::from(run.len));
        PidList {
            at,
            len: run.len,
            cut_before: run.cut_before,
            cut_after: run.cut_after,
        }
    }

    /// The pids of a list in a recorded event; empty if its record was dropped long ago.
    pub fn pids(&self, list: PidList) -> &[Pid] {
        self.sealed
            .iter()
            .map(|chunk| &**chunk)
            .chain([&self.open])
            .find_map(|chunk| {
                let from = list.at.wrapping_sub(chunk.pids_from) as usize;
                chunk.pids.get(from..from + usize::from(list.len))
            })
            .unwrap_or_default()
    }

    /// The recorded events, oldest first.
    pub fn records(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.sealed
            .iter()
            .flat_map(|chunk| &chunk.records)
            .chain(&self.open.records)
    }

    /// The recorded events from sequence number `seq` on.
    pub fn records_from(&self, seq: u64) -> impl Iterator<Item = &Record> {
        let first = self.chunk_of(seq).unwrap_or(self.sealed.len());
        self.sealed
            .range(first..)
            .flat_map(|chunk| &chunk.records)
            .chain(&self.open.records)
            .skip_while(move |record| record.seq < seq)
    }

    /// How many events happened since boot, recorded or not.
    pub const fn event_seq(&self) -> u64 {
        self.next_seq
    }

    /// How many recorded events have been dropped because the log was full.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many records are kept at least: whole chunks, and one at least.
    pub fn capacity(&self) -> usize {
        self.capacity.next_multiple_of(CHUNK).max(CHUNK)
    }

    /// Sets how many records are kept at least (rounded up to whole chunks).
    pub fn set_capacity(&mut self, records: usize) {
        self.capacity = records;
        self.enforce_bound();
    }

    /// Discards all records. Sequence numbers continue.
    pub fn clear(&mut self) {
        self.sealed.clear();
        self.open = Chunk {
            pids_from: self.next_pid_at,
            ..Chunk::default()
        };
        self.dropped = 0;
    }

    #[inline]
    fn record(&mut self, record: Record) {
        if self.open.records.len() == CHUNK {
            self.seal();
        }
        self.open.records.push(record);
    }

    #[cold]
    fn seal(&mut self) {
        // Pids stored since the last record belong to the record that comes next.
        let next = Chunk {
            records: Vec::with_capacity(CHUNK),
            pids: Vec::new(),
            pids_from: self.next_pid_at,
            second: Vec::new(),
        };
        let full = std::mem::replace(&mut self.open, next);
        self.sealed.push_back(Arc::new(full));
        self.enforce_bound();
    }

    fn enforce_bound(&mut self) {
        let enough = self.capacity.div_ceil(CHUNK);
        while self.sealed.len() > enough {
            if let Some(chunk) = self.sealed.pop_front() {
                self.dropped += chunk.records.len() as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn swap(log: &mut TraceLog) {
        log.emit(Stamp::default(), TraceEvent::ArraySwap {});
    }

    #[test]
    fn sequence_numbers_count_events_that_are_filtered_out() {
        let mut log = TraceLog {
            filter: TraceFilter::NONE,
            ..TraceLog::default()
        };
        swap(&mut log);
        log.filter = TraceFilter::only(&[EventKind::ArraySwap]);
        swap(&mut log);
        assert_eq!(log.event_seq(), 2);
        assert_eq!(log.records().map(|r| r.seq).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn a_full_log_drops_its_oldest_chunk_and_counts_it() {
        let mut log = TraceLog::default();
        log.set_capacity(2 * CHUNK);
        (0..4 * CHUNK).for_each(|_| swap(&mut log));
        assert_eq!(log.dropped(), CHUNK as u64);
        assert_eq!(log.records().count(), 3 * CHUNK);
        assert_eq!(log.records_from(2000).next().map(|r| r.seq), Some(2000));
        assert_eq!(log.records_from(4090).count(), 6);
    }

    #[test]
    fn pid_lists_survive_the_sealing_of_their_chunk() {
        let mut log = TraceLog::default();
        let run = |pid| {
            let mut run = PidRun::default();
            run.push(Pid(pid));
            run
        };
        let lists: Vec<PidList> = (0..3000)
            .map(|pid| {
                let list = log.keep_pids(&run(pid));
                swap(&mut log);
                list
            })
            .collect();
        for (pid, list) in lists.iter().enumerate() {
            assert_eq!(log.pids(*list), [Pid(pid as i32)]);
        }
    }

    #[test]
    fn a_run_of_pids_is_cut_at_sixteen() {
        let mut run = PidRun::default();
        (0..20).for_each(|pid| {
            run.push(Pid(pid));
        });
        assert_eq!(run.as_slice().len(), 16);
        assert!(run.cut_after);
    }
}
