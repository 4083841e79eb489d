//! A timeline as a chart: a row for each task, a column for every few ticks.

use super::latency::lost;
use super::timeline::{Interval, Timeline};
use crate::abi::Pid;
use crate::view::text::task_tag;
use crate::view::text::{Line, Role, Text};
use std::collections::BTreeMap;

/// The most columns of a chart.
const WIDTH: u64 = 60;
/// Columns from one number of the axis to the next.
const AXIS_STEP: u64 = 10;
/// The ticks per column are one of these times a power of ten.
const ROUND: [u64; 3] = [1, 2, 5];

/// The fewest columns of a chart, however narrow the terminal is.
const NARROWEST: u64 = 20;

/// A task's row of the chart.
struct Row {
    label: Line,
    role: Role,
    cells: Vec<Cell>,
}

/// What a task did in the ticks of a column.
#[derive(Clone, Copy, Default)]
struct Cell {
    ran: u64,
    /// The CPU that it ran on last.
    cpu: u8,
    passed: bool,
    waited: bool,
}

impl Timeline {
    /// The chart. On several CPUs, digits say on which one a task ran.
    pub fn text(&self) -> Text {
        self.chart(WIDTH)
    }

    /// The chart, for a terminal of so many columns.
    pub fn text_within(&self, columns: usize) -> Text {
        let labels = self.rows(1, 0);
        let label = label_width(&labels) as u64;
        self.chart((columns as u64).saturating_sub(label + 2).max(NARROWEST))
    }

    /// The chart with at most so many columns for time.
    fn chart(&self, most: u64) -> Text {
        let scale = ticks_per_column(self.to - self.from, most);
        // What takes no time at the present moment has a column of its own.
        let present = self.runs.iter().any(|run| run.from == self.to);
        let columns = (self.to - self.from).div_ceil(scale) + u64::from(present);
        let rows = self.rows(scale, columns);
        let width = label_width(&rows);
        let mut text: Text = lost(self.dropped).into_iter().collect();
        text.push(self.legend(scale));
        text.push(axis(self.from, scale, columns, width));
        for row in rows.into_values() {
            let blanks = " ".repeat(width + 2 - row.label.width());
            let cells = row.cells.iter().enumerate();
            let cells = cells.map(|(column, cell)| {
                let begin = self.from + column as u64 * scale;
                self.mark(*cell, scale.min(self.to.saturating_sub(begin)))
            });
            let cells = String::from_iter(cells);
            text.push(row.label.plain(blanks).add(row.role, cells).trimmed());
        }
        text
    }

    fn legend(&self, scale: u64) -> Line {
        let unit = if scale == 1 {
            "1 tick".to_owned()
        } else {
            format!("{scale} ticks")
        };
        let runs = match (self.cpus, scale) {
            (0 | 1, 1) => "# runs".to_owned(),
            (0 | 1, _) => "# runs all of it   = half or more   - less".to_owned(),
            (cpus, 1) => format!("0-{} runs on that CPU", cpus - 1),
            (cpus, _) => format!(
                "0-{} runs on that CPU half of it or more   - less",
                cpus - 1
            ),
        };
        let rest = "+ runs, taking no time   . waits for a CPU";
        Line::default().add(
            Role::Dim,
            format_args!("one column = {unit}   {runs}   {rest}"),
        )
    }

    /// The tasks that did anything, in ascending order of pid, the idle tasks at the end, and what
    /// they did in each column.
    fn rows(&self, scale: u64, columns: u64) -> BTreeMap<(bool, Pid), Row> {
        let mut rows = BTreeMap::new();
        let runs = self.runs.iter().map(|run| (run, Does::Run));
        let waits = self.waits.iter().map(|wait| (wait, Does::Wait));
        for (interval, does) in waits.chain(runs) {
            let idle = interval.pid == Pid(0);
            let row = rows.entry((idle, interval.pid)).or_insert_with(|| Row {
                label: Line::default(),
                role: if idle { Role::Dim } else { Role::State },
                cells: vec![Cell::default(); columns as usize],
            });
            row.label = if idle {
                Line::default().add(Role::Dim, "idle")
            } else {
                task_tag(interval.pid, &interval.name)
            };
            self.fill(&mut row.cells, interval, scale, does);
        }
        rows
    }

    /// Notes in the columns of an interval what a task does in it.
    fn fill(&self, cells: &mut [Cell], interval: &Interval, scale: u64, does: Does) {
        let first = if interval.from == self.to {
            (self.to - self.from).div_ceil(scale)
        } else {
            (interval.from - self.from) / scale
        };
        let end = (interval.to - self.from).div_ceil(scale).max(first + 1);
        for column in first..end {
            let Some(cell) = cells.get_mut(column as usize) else {
                return;
            };
            let begin = self.from + column * scale;
            match does {
                Does::Wait => cell.waited = true,
                Does::Run if interval.from == interval.to => cell.passed = true,
                Does::Run => {
                    cell.ran += interval.to.min(begin + scale) - interval.from.max(begin);
                    cell.cpu = interval.cpu;
                }
            }
        }
    }

    /// The character for what a task did in a column of so many ticks. Running goes before waiting.
    const fn mark(&self, cell: Cell, ticks: u64) -> char {
        let most = 2 * cell.ran >= ticks;
        match cell {
            Cell {
                ran: 0,
                passed: true,
                ..
            } => '+',
            Cell {
                ran: 0,
                waited: true,
                ..
            } => '.',
            Cell { ran: 0, .. } => ' ',
            Cell { cpu, .. } if self.cpus > 1 && most => (b'0' + cpu) as char,
            Cell { ran, .. } if self.cpus < 2 && ran >= ticks => '#',
            _ if self.cpus < 2 && most => '=',
            _ => '-',
        }
    }
}

/// What a task does in an interval.
#[derive(Clone, Copy)]
enum Does {
    Run,
    Wait,
}

/// The width of the column of labels.
fn label_width(rows: &BTreeMap<(bool, Pid), Row>) -> usize {
    let widths = rows.values().map(|row| row.label.width());
    widths.max().unwrap_or(0).max(4)
}

/// The smallest round number of ticks per column that makes the chart narrow enough.
fn ticks_per_column(ticks: u64, most: u64) -> u64 {
    let mut power = 1;
    loop {
        let fits = ROUND
            .iter()
            .map(|round| round * power)
            .find(|scale| ticks.div_ceil(*scale) <= most);
        if let Some(scale) = fits {
            return scale;
        }
        power *= 10;
    }
}

/// Ticks above their columns: `|0        |10`.
fn axis(from: u64, scale: u64, columns: u64, width: usize) -> Line {
    let marks = (0..columns.max(1)).step_by(AXIS_STEP as usize);
    let numbers: String = marks
        .map(|column| format!("{:<10}", format!("|{}", from + column * scale)))
        .collect();
    Line::default()
        .add(Role::Heading, format_args!("{:<width$}  ", "tick"))
        .add(Role::Heading, numbers)
        .trimmed()
}

#[cfg(test)]
mod tests {
    use super::super::timeline::timeline_of;
    use super::*;
    use crate::abi::{Name, Names};
    use crate::trace::{Stamp, SwitchReason, TraceEvent, TraceLog};

    #[test]
    fn a_column_is_a_round_number_of_ticks() {
        for (ticks, scale) in [
            (0, 1),
            (60, 1),
            (61, 2),
            (120, 2),
            (121, 5),
            (300, 5),
            (301, 10),
            (6001, 200),
        ] {
            assert_eq!(ticks_per_column(ticks, WIDTH), scale, "{ticks}");
        }
    }

    /// A log under construction: switches at ticks, with interned names.
    #[derive(Default)]
    struct History {
        log: TraceLog,
        names: Names,
    }

    impl History {
        fn name(&mut self, pid: i32) -> Name {
            self.names
                .intern(["swapper", "hog", "sh", "kid"][pid as usize])
        }

        fn switch(&mut self, cpu: u8, tick: u64, prev: (i32, u8), next: i32) {
            let (prev_name, next_name) = (self.name(prev.0), self.name(next));
            let stamp = Stamp {
                tick,
                cpu,
                pid: Pid(prev.0),
                name: prev_name,
            };
            let event = TraceEvent::SchedSwitch {
                prev: Pid(prev.0),
                prev_name,
                prev_prio: 120,
                prev_state: prev.1,
                next: Pid(next),
                next_name,
                next_prio: 120,
                next_slice: 100,
                next_static_prio: 120,
                why: SwitchReason::Leaves,
            };
            self.log.emit(stamp, event);
        }

        fn text(&self, now: &[(Pid, Name)], from: u64, to: u64) -> String {
            timeline_of(&self.log, &self.names, now, from, to)
                .text()
                .to_string()
        }
    }

    #[test]
    fn a_preempted_task_waits_a_sleeping_one_does_not() {
        let mut history = History::default();
        history.switch(0, 10, (0, 0), 1);
        history.switch(0, 15, (1, 0), 2);
        history.switch(0, 15, (2, 1), 1);
        history.switch(0, 20, (1, 0), 3);
        history.switch(0, 25, (3, 1), 1);
        let now = [(Pid(1), history.name(1))];
        insta::assert_snapshot!(history.text(&now, 0, 40), @"
        one column = 1 tick   # runs   + runs, taking no time   . waits for a CPU
        tick   |0        |10       |20       |30
        1:hog            ##########.....###############
        2:sh                  +
        3:kid                      #####
        idle   ##########
        ");
        insta::assert_snapshot!(history.text(&now, 12, 22), @"
        one column = 1 tick   # runs   + runs, taking no time   . waits for a CPU
        tick   |12
        1:hog  ########..
        2:sh      +
        3:kid          ##
        ");
        insta::assert_snapshot!(history.text(&now, 15, 15), @"
        one column = 1 tick   # runs   + runs, taking no time   . waits for a CPU
        tick  |15
        ");
    }

    #[test]
    fn on_two_cpus_the_digit_says_which() {
        let mut history = History::default();
        history.switch(0, 0, (0, 0), 1);
        history.switch(1, 0, (0, 0), 2);
        history.switch(1, 100, (2, 1), 0);
        history.switch(0, 150, (1, 2), 2);
        let now = [(Pid(2), history.name(2)), (Pid(0), Name::default())];
        insta::assert_snapshot!(history.text(&now, 0, 200), @"
        one column = 5 ticks   0-1 runs on that CPU half of it or more   - less   + runs, taking no time   . waits for a CPU
        tick   |0        |50       |100      |150
        1:hog  000000000000000000000000000000
        2:sh   11111111111111111111          0000000000
        idle                       11111111111111111111
        ");
    }

    #[test]
    fn without_switches_the_present_task_had_the_cpu_all_along() {
        let mut history = History::default();
        let now = [(Pid(1), history.name(1))];
        insta::assert_snapshot!(history.text(&now, 0, 3), @"
        one column = 1 tick   # runs   + runs, taking no time   . waits for a CPU
        tick   |0
        1:hog  ###
        ");
    }

    #[test]
    fn a_chart_begins_with_the_oldest_event_that_is_kept() {
        let mut history = History::default();
        history.log.set_capacity(1_000);
        for round in 0..2_000 {
            history.switch(0, 10 * round, (1, 0), 2);
            history.switch(0, 10 * round + 5, (2, 0), 1);
        }
        let now = [(Pid(1), history.name(1))];
        insta::assert_snapshot!(history.text(&now, 0, 20_000), @"
        ... 2048 older events dropped (limit trace: --max-trace)
        one column = 200 ticks   # runs all of it   = half or more   - less   + runs, taking no time   . waits for a CPU
        tick   |10240    |12240    |14240    |16240    |18240
        1:hog  =================================================
        2:sh   =================================================
        ");
    }
}
