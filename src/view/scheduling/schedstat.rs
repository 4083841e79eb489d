//! The scheduler's statistics, as in `/proc/schedstat` and `/proc/PID/schedstat`.

use crate::abi::{Pid, TaskId};
use crate::kernel::sched::{LbStat, SchedDomain};
use crate::machine::Machine;
use crate::view::text::{Line, Role, Text, task_tag};
use serde::Serialize;

/// The version of the format in 2.6.12.
const VERSION: u32 = 11;

/// The contents of `/proc/schedstat`.
///
/// Linux 2.6.12: `kernel/sched.c`, `show_schedstat()`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SchedStat {
    /// Version of the format.
    pub version: u32,
    /// `jiffies` at the time of reading.
    pub timestamp: u32,
    /// In the order of CPU numbers.
    pub cpus: Vec<CpuStat>,
}

/// The counters of a CPU. Times are in ticks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CpuStat {
    /// Number of the CPU.
    pub cpu: usize,
    /// Yields with both arrays empty but for the yielding task.
    pub yld_both_empty: u32,
    /// Yields of the only task of its array.
    pub yld_act_empty: u32,
    /// Yields with others on the active array and none on the expired one.
    pub yld_exp_empty: u32,
    /// Calls of `sched_yield`.
    pub yld_cnt: u32,
    /// Number of array swaps.
    pub sched_switch: u32,
    /// Calls of `schedule`.
    pub sched_cnt: u32,
    /// Calls that chose the idle task.
    pub sched_goidle: u32,
    /// Wake-ups of tasks that last ran here; 0 with one CPU.
    pub ttwu_cnt: u32,
    /// Those made by this CPU itself; 0 with one CPU.
    pub ttwu_local: u32,
    /// CPU time of tasks.
    pub cpu_time: u32,
    /// Time that tasks waited on the runqueue before they got the CPU.
    pub run_delay: u32,
    /// Number of times a task got the CPU.
    pub pcnt: u32,
    /// The domains, the lowest level first; none with one CPU.
    pub domains: Vec<DomainStat>,
}

/// The counters of a scheduling domain.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DomainStat {
    /// Its CPUs, one bit each.
    pub span: u32,
    /// Balancing while the CPU was idle.
    pub idle: Balancings,
    /// Balancing while the CPU had a task.
    pub not_idle: Balancings,
    /// Balancing as the CPU was about to go idle.
    pub newly_idle: Balancings,
    /// Active balancing passes.
    pub alb_cnt: u32,
    /// Pushes to an idle CPU that moved nothing.
    pub alb_failed: u32,
    /// Tasks pushed to an idle CPU.
    pub alb_pushed: u32,
    /// Tasks that were moved at exec.
    pub sbe_pushed: u32,
    /// Tasks that could have been moved at exec.
    pub sbe_attempts: u32,
    /// Wake-ups of tasks that last ran on another CPU.
    pub ttwu_wake_remote: u32,
    /// Wake-ups that moved a cache-cold task to the waker.
    pub ttwu_move_affine: u32,
    /// Wake-ups that moved a task to the waker because it was less loaded.
    pub ttwu_move_balance: u32,
}

/// The counters of one kind of balancing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Balancings {
    /// Number of calls.
    pub lb_cnt: u32,
    /// Calls that found the load balanced.
    pub lb_balanced: u32,
    /// Calls that found an imbalance but moved nothing.
    pub lb_failed: u32,
    /// Number of tasks that should have been moved.
    pub lb_imbalance: u32,
    /// Number of tasks that were moved.
    pub lb_gained: u32,
    /// Number of cache-hot tasks among them.
    pub lb_hot_gained: u32,
    /// Calls that found no busier CPU in the busiest group.
    pub lb_nobusyq: u32,
    /// Calls that found no busier group.
    pub lb_nobusyg: u32,
}

/// The contents of `/proc/PID/schedstat` for a task, and its context switches. Times are in ticks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TaskStat {
    /// The task's pid.
    pub pid: Pid,
    /// The task's name.
    pub name: String,
    /// CPU time up to the last pass of `schedule` that it was in.
    pub cpu_time: u32,
    /// Time that it waited on a runqueue before it got the CPU; a wait after a preemption does not
    /// count.
    pub run_delay: u32,
    /// Number of times it got the CPU.
    pub pcnt: u32,
    /// Voluntary context switches.
    pub nvcsw: u32,
    /// Involuntary context switches.
    pub nivcsw: u32,
}

/// The statistics of a machine.
pub fn schedstat(machine: &Machine) -> SchedStat {
    let sched = &machine.kernel.sched;
    let cpu = |cpu: usize| {
        let stat = sched.rq(cpu).stat;
        CpuStat {
            cpu,
            yld_both_empty: stat.yld_both_empty,
            yld_act_empty: stat.yld_act_empty,
            yld_exp_empty: stat.yld_exp_empty,
            yld_cnt: stat.yld_cnt,
            sched_switch: stat.sched_switch,
            sched_cnt: stat.sched_cnt,
            sched_goidle: stat.sched_goidle,
            ttwu_cnt: stat.ttwu_cnt,
            ttwu_local: stat.ttwu_local,
            cpu_time: stat.sched_info.cpu_time,
            run_delay: stat.sched_info.run_delay,
            pcnt: stat.sched_info.pcnt,
            domains: sched.domains(cpu).iter().map(domain).collect(),
        }
    };
    SchedStat {
        version: VERSION,
        timestamp: machine.kernel.jiffies(),
        cpus: (0..sched.cpus()).map(cpu).collect(),
    }
}

fn domain(sd: &SchedDomain) -> DomainStat {
    let [idle, not_idle, newly_idle] = sd.stat.lb.map(balancings);
    DomainStat {
        span: sd.span,
        idle,
        not_idle,
        newly_idle,
        alb_cnt: sd.stat.alb_cnt,
        alb_failed: sd.stat.alb_failed,
        alb_pushed: sd.stat.alb_pushed,
        sbe_pushed: sd.stat.sbe_pushed,
        sbe_attempts: sd.stat.sbe_attempts,
        ttwu_wake_remote: sd.stat.ttwu_wake_remote,
        ttwu_move_affine: sd.stat.ttwu_move_affine,
        ttwu_move_balance: sd.stat.ttwu_move_balance,
    }
}

const fn balancings(lb: LbStat) -> Balancings {
    Balancings {
        lb_cnt: lb.lb_cnt,
        lb_balanced: lb.lb_balanced,
        lb_failed: lb.lb_failed,
        lb_imbalance: lb.lb_imbalance,
        lb_gained: lb.lb_gained,
        lb_hot_gained: lb.lb_hot_gained,
        lb_nobusyq: lb.lb_nobusyq,
        lb_nobusyg: lb.lb_nobusyg,
    }
}

/// The statistics of a task that exists.
pub fn task_schedstat(machine: &Machine, id: TaskId) -> TaskStat {
    let task = machine.kernel.sched.get(id);
    let stat = machine.kernel.sched.stat(id);
    TaskStat {
        pid: task.pid,
        name: machine.kernel.names.get(task.name).to_owned(),
        cpu_time: stat.sched_info.cpu_time,
        run_delay: stat.sched_info.run_delay,
        pcnt: stat.sched_info.pcnt,
        nvcsw: stat.nvcsw,
        nivcsw: stat.nivcsw,
    }
}

impl SchedStat {
    /// The lines of the file; below each, in dim, the names of the counters that are not 0.
    pub fn text(&self) -> Text {
        let mut text = Text::from(plain(format_args!("version {}", self.version)));
        text.push(plain(format_args!("timestamp {}", self.timestamp)));
        for cpu in &self.cpus {
            let fields = cpu.fields();
            text.push(plain(format_args!("cpu{} {}", cpu.cpu, values(&fields))));
            text.lines.extend(names("", &fields));
            for (level, domain) in cpu.domains.iter().enumerate() {
                text.push(domain.line(level));
                for (kind, lb) in domain.kinds() {
                    text.lines.extend(names(kind, &lb.fields()));
                }
                text.lines.extend(names("", &domain.rest()));
            }
        }
        text
    }
}

type Fields = Vec<(&'static str, u32)>;

fn plain(text: impl std::fmt::Display) -> Line {
    Line::default().plain(text)
}

/// The numbers alone, as in the file.
fn values(fields: &Fields) -> String {
    let numbers: Vec<String> = fields.iter().map(|(_, value)| value.to_string()).collect();
    numbers.join(" ")
}

/// The names of the counters that are not 0; no line if there are none.
fn names(kind: &str, fields: &Fields) -> Option<Line> {
    let shown: Vec<String> = fields
        .iter()
        .filter(|(_, value)| *value != 0)
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    let kind = if kind.is_empty() {
        String::new()
    } else {
        format!("{kind}: ")
    };
    let line = format!("    {kind}{}", shown.join("  "));
    (!shown.is_empty()).then(|| Line::default().add(Role::Dim, line))
}

impl CpuStat {
    fn fields(&self) -> Fields {
        vec![
            ("yld_both_empty", self.yld_both_empty),
            ("yld_act_empty", self.yld_act_empty),
            ("yld_exp_empty", self.yld_exp_empty),
            ("yld_cnt", self.yld_cnt),
            ("sched_switch", self.sched_switch),
            ("sched_cnt", self.sched_cnt),
            ("sched_goidle", self.sched_goidle),
            ("ttwu_cnt", self.ttwu_cnt),
            ("ttwu_local", self.ttwu_local),
            ("cpu_time", self.cpu_time),
            ("run_delay", self.run_delay),
            ("pcnt", self.pcnt),
        ]
    }
}

impl DomainStat {
    const fn kinds(&self) -> [(&'static str, &Balancings); 3] {
        [
            ("idle", &self.idle),
            ("not idle", &self.not_idle),
            ("newly idle", &self.newly_idle),
        ]
    }

    fn rest(&self) -> Fields {
        vec![
            ("alb_cnt", self.alb_cnt),
            ("alb_failed", self.alb_failed),
            ("alb_pushed", self.alb_pushed),
            ("sbe_pushed", self.sbe_pushed),
            ("sbe_attempts", self.sbe_attempts),
            ("ttwu_wake_remote", self.ttwu_wake_remote),
            ("ttwu_move_affine", self.ttwu_move_affine),
            ("ttwu_move_balance", self.ttwu_move_balance),
        ]
    }

    fn line(&self, level: usize) -> Line {
        let kinds = self.kinds().map(|(_, lb)| values(&lb.fields()));
        let rest = values(&self.rest());
        plain(format_args!(
            "domain{level} {:x} {} {rest}",
            self.span,
            kinds.join(" ")
        ))
    }
}

impl Balancings {
    fn fields(&self) -> Fields {
        vec![
            ("lb_cnt", self.lb_cnt),
            ("lb_balanced", self.lb_balanced),
            ("lb_failed", self.lb_failed),
            ("lb_imbalance", self.lb_imbalance),
            ("lb_gained", self.lb_gained),
            ("lb_hot_gained", self.lb_hot_gained),
            ("lb_nobusyq", self.lb_nobusyq),
            ("lb_nobusyg", self.lb_nobusyg),
        ]
    }
}

impl TaskStat {
    /// The line of the file, and the names of its numbers.
    pub fn text(&self) -> Text {
        let file = vec![
            ("cpu_time", self.cpu_time),
            ("run_delay", self.run_delay),
            ("pcnt", self.pcnt),
        ];
        let switches = vec![("nvcsw", self.nvcsw), ("nivcsw", self.nivcsw)];
        let mut text = Text::from(
            task_tag(self.pid, &self.name)
                .plain("  ")
                .add(Role::Number, values(&file)),
        );
        text.lines.extend(names("", &file));
        text.lines.extend(names("", &switches));
        text
    }
}
