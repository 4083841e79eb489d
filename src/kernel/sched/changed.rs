//! The decisions of the scheduler in a changed kernel: what a rule sees, and what becomes of its
//! answer. Where no rule is set, each of these functions returns what Linux decides.

use super::prio::{current_bonus, effective_prio};
use super::task::SchedTask;
use super::{Ctx, RunQueue, Scheduler, Tasks, Tunables};
use crate::abi::{MAX_PRIO, MAX_RT_PRIO, TaskId, static_prio_to_nice};
use crate::kernel::rules::{Among, Fact, Facts, Question, Rules};
use crate::trace::{ArrayKind, Choice, Decision, Placement, RuleWord, TraceEvent};

/// The longest slice that a rule may give, ticks.
const MAX_SLICE: u32 = 100_000;

/// `activated` of a task that an interrupt has woken and that has not been picked yet.
const WOKEN_BY_INTERRUPT: i8 = 2;

/// Where a new task may be queued.
const PLACES: [RuleWord; 4] = [
    RuleWord::BeforeParent,
    RuleWord::AfterParent,
    RuleWord::Tail,
    RuleWord::Expired,
];

/// Takes a decision, and traces it if it differs from that of Linux.
fn decide(ctx: &mut Ctx, rules: &mut Rules, about: &SchedTask, question: &Question) -> Choice {
    let answer = rules.decide(question);
    if answer != question.stock {
        let event = TraceEvent::KernelRule {
            decision: question.decision,
            pid: question.about,
            stock: question.stock,
            answer,
        };
        ctx.emit(about, event);
    }
    answer
}

/// What a rule sees of a task.
fn task_facts(rules: &Rules, p: &SchedTask, array: Option<ArrayKind>) -> Facts {
    let array = array.map_or(Fact::Nothing, |kind| Fact::Text(kind.name().to_owned()));
    vec![
        ("pid", Fact::Int(p.pid.0.into())),
        ("comm", rules.comm(p.name)),
        ("prio", Fact::Int(p.prio.into())),
        ("static_prio", Fact::Int(p.static_prio.into())),
        ("nice", Fact::Int(static_prio_to_nice(p.static_prio).into())),
        ("policy", Fact::Text(p.policy.name().to_owned())),
        ("rt_priority", Fact::Int(p.rt_priority.into())),
        ("sleep_avg", Fact::Int(p.sleep_avg.into())),
        ("bonus", Fact::Int(current_bonus(p.sleep_avg).into())),
        ("time_slice", Fact::Int(p.time_slice.into())),
        ("first_time_slice", Fact::Flag(p.first_time_slice)),
        ("activated", Fact::Int(p.activated.into())),
        ("timestamp", Fact::Int(p.timestamp as i64)),
        ("cpu", Fact::Int(p.cpu.into())),
        ("array", array),
    ]
}

fn with_stock(mut facts: Facts, stock: Choice) -> Facts {
    facts.push(("stock", stock.into()));
    facts
}

fn question(
    rules: &Rules,
    decision: Decision,
    p: &SchedTask,
    (stock, among): (Choice, Among),
) -> Question {
    let facts = with_stock(task_facts(rules, p, None), stock);
    about(decision, p, facts, (stock, among))
}

fn about(
    decision: Decision,
    p: &SchedTask,
    facts: Facts,
    (stock, among): (Choice, Among),
) -> Question {
    Question {
        decision,
        about: p.pid,
        name: p.name,
        facts,
        stock,
        among,
    }
}

/// The question for the priority of a task, if a rule decides it.
fn prio_question(rules: &Rules, p: &SchedTask, stock: u8) -> Option<Question> {
    let asks = rules.has(Decision::EffectivePrio) && !p.is_rt();
    let range = Among::Numbers(MAX_RT_PRIO.into(), u32::from(MAX_PRIO) - 1);
    let choice = (Choice::Number(stock.into()), range);
    asks.then(|| question(rules, Decision::EffectivePrio, p, choice))
}

fn number(choice: Choice, stock: u32) -> u32 {
    match choice {
        Choice::Number(number) => number,
        _ => stock,
    }
}

/// The dynamic priority that a task should have.
pub(super) fn prio(ctx: &mut Ctx, rules: &mut Rules, p: &SchedTask) -> u8 {
    let stock = effective_prio(p).prio;
    match prio_question(rules, p, stock) {
        None => stock,
        Some(question) => number(decide(ctx, rules, p, &question), stock.into()) as u8,
    }
}

/// The same with another sleep average, and the stock priority for it.
#[inline]
pub(super) fn prio_with(
    ctx: &mut Ctx,
    rules: &mut Rules,
    p: &SchedTask,
    (sleep_avg, stock): (u32, u8),
) -> u8 {
    if !rules.has(Decision::EffectivePrio) {
        return stock;
    }
    let p = SchedTask {
        sleep_avg,
        ..p.clone()
    };
    prio(ctx, rules, &p)
}

fn slice_question(rules: &Rules, p: &SchedTask, stock: u32) -> Option<Question> {
    let choice = (Choice::Number(stock), Among::Numbers(1, MAX_SLICE));
    let asks = rules.has(Decision::TaskTimeslice);
    asks.then(|| question(rules, Decision::TaskTimeslice, p, choice))
}

/// A full time slice of a task, in ticks.
pub(super) fn timeslice(
    ctx: &mut Ctx,
    rules: &mut Rules,
    tunables: &Tunables,
    p: &SchedTask,
) -> u32 {
    let stock = tunables.task_timeslice(p.static_prio);
    match slice_question(rules, p, stock) {
        None => stock,
        Some(question) => number(decide(ctx, rules, p, &question), stock),
    }
}

/// Whether a task counts as interactive when its slice has expired.
pub(super) fn interactive(
    ctx: &mut Ctx,
    rules: &mut Rules,
    tunables: &Tunables,
    p: &SchedTask,
) -> bool {
    let stock = tunables.task_interactive(p);
    match interactive_question(rules, p, stock) {
        None => stock,
        Some(question) => decide(ctx, rules, p, &question) == Choice::Flag(true),
    }
}

/// Whether an interactive task has used up its turn among equals. Asked at every tick, it is not
/// traced.
#[inline]
pub(super) fn granularity_is_up(
    (rules, tunables): (&mut Rules, &Tunables),
    p: &SchedTask,
    online_cpus: u32,
) -> bool {
    if !rules.has(Decision::TaskTimeslice) && !rules.has(Decision::TaskInteractive) {
        return tunables.granularity_is_up(p, online_cpus);
    }
    let stock = tunables.task_interactive(p);
    let question = interactive_question(rules, p, stock);
    let interactive = question.map_or(stock, |question| {
        rules.decide(&question) == Choice::Flag(true)
    });
    if !interactive {
        return false;
    }
    let stock = tunables.task_timeslice(p.static_prio);
    let question = slice_question(rules, p, stock);
    let full = question.map_or(stock, |question| number(rules.decide(&question), stock));
    tunables.is_turn_over(p, full, online_cpus)
}

fn interactive_question(rules: &Rules, p: &SchedTask, stock: bool) -> Option<Question> {
    let asks = rules.has(Decision::TaskInteractive);
    let choice = (Choice::Flag(stock), Among::Flags);
    asks.then(|| question(rules, Decision::TaskInteractive, p, choice))
}

/// Whether the expired array has waited too long for an interactive task to stay active.
pub(super) fn starving(
    ctx: &mut Ctx,
    rules: &mut Rules,
    tunables: &Tunables,
    (rq, p): (&RunQueue, &SchedTask),
) -> bool {
    let starving = tunables.expired_starving(rq, p.static_prio, ctx.jiffies);
    let stock = starving.is_some();
    if !rules.has(Decision::ExpiredStarving) {
        return stock;
    }
    let facts = vec![
        ("jiffies", Fact::Int(ctx.jiffies.into())),
        (
            "expired_timestamp",
            Fact::Int(rq.expired_timestamp().into()),
        ),
        (
            "best_expired_prio",
            Fact::Int(rq.best_expired_prio().into()),
        ),
        ("nr_running", Fact::Int(rq.nr_running().into())),
        ("curr", Fact::Of(task_facts(rules, p, None))),
    ];
    let facts = with_stock(facts, Choice::Flag(stock));
    let choice = (Choice::Flag(stock), Among::Flags);
    let question = about(Decision::ExpiredStarving, p, facts, choice);
    decide(ctx, rules, p, &question) == Choice::Flag(true)
}

/// Which task of a runqueue runs next.
pub(super) fn next(
    ctx: &mut Ctx,
    rules: &mut Rules,
    tasks: &Tasks,
    (rq, prev): (&RunQueue, TaskId),
) -> TaskId {
    let stock = rq.would_pick(tasks);
    // A puppet that the console has just woken acts at once: it was asked before whether it would.
    if ctx.log.console && tasks[stock].activated == WOKEN_BY_INTERRUPT {
        return stock;
    }
    match next_question(rules, tasks, rq, prev) {
        None => stock,
        Some((question, runnable)) => {
            let chosen = decide(ctx, rules, &tasks[prev], &question);
            by_pid(tasks, &runnable, chosen).unwrap_or(stock)
        }
    }
}

fn by_pid(tasks: &Tasks, runnable: &[TaskId], chosen: Choice) -> Option<TaskId> {
    let mut runnable = runnable.iter().copied();
    runnable.find(|id| Choice::Task(tasks[*id].pid) == chosen)
}

fn next_question(
    rules: &Rules,
    tasks: &Tasks,
    rq: &RunQueue,
    prev: TaskId,
) -> Option<(Question, Vec<TaskId>)> {
    if !rules.has(Decision::Schedule) || rq.nr_running() == 0 {
        return None;
    }
    let in_array = |kind: ArrayKind| -> Vec<TaskId> {
        let array = rq.array_of(kind);
        let levels = std::iter::successors(array.level_from(0), |prio| array.level_from(prio + 1));
        levels.flat_map(|prio| array.members(tasks, prio)).collect()
    };
    let facts_of = |ids: &[TaskId], kind| {
        let facts = ids
            .iter()
            .map(|id| task_facts(rules, &tasks[*id], Some(kind)));
        Fact::List(facts.collect())
    };
    let (active, expired) = (in_array(ArrayKind::Active), in_array(ArrayKind::Expired));
    let stock = Choice::Task(tasks[rq.would_pick(tasks)].pid);
    let facts = vec![
        ("prev", Fact::Of(task_facts(rules, &tasks[prev], None))),
        ("active", facts_of(&active, ArrayKind::Active)),
        ("expired", facts_of(&expired, ArrayKind::Expired)),
        ("nr_running", Fact::Int(rq.nr_running().into())),
    ];
    let runnable: Vec<TaskId> = active.into_iter().chain(expired).collect();
    let pids = runnable.iter().map(|id| tasks[*id].pid).collect();
    let among = Among::Tasks(pids, "a task that is runnable on this CPU");
    let facts = with_stock(facts, stock);
    let question = about(Decision::Schedule, &tasks[prev], facts, (stock, among));
    Some((question, runnable))
}

impl Scheduler {
    /// Where a new task is queued, given where Linux queues it.
    pub(super) fn placement(
        &mut self,
        ctx: &mut Ctx,
        (current, child): (TaskId, TaskId),
        clone_vm: bool,
        stock: Placement,
    ) -> Placement {
        // A task that appears from outside has no parent that is queued, and no rule is asked.
        let has_parent = self.tasks[current].is_queued() && stock != Placement::OtherCpu;
        if !self.rules.has(Decision::WakeUpNewTask) || !has_parent {
            return stock;
        }
        let word = match stock {
            Placement::BeforeParent => RuleWord::BeforeParent,
            _ => RuleWord::Tail,
        };
        let (parent, new) = (&self.tasks[current], &self.tasks[child]);
        let facts = vec![
            ("p", Fact::Of(task_facts(&self.rules, new, None))),
            (
                "current",
                Fact::Of(task_facts(&self.rules, parent, self.array(current))),
            ),
            ("clone_vm", Fact::Flag(clone_vm)),
            (
                "nr_running",
                Fact::Int(self.task_rq(current).nr_running().into()),
            ),
        ];
        let facts = with_stock(facts, Choice::Word(word));
        let choice = (Choice::Word(word), Among::Words(&PLACES));
        let question = about(Decision::WakeUpNewTask, new, facts, choice);
        match decide(ctx, &mut self.rules, new, &question) {
            Choice::Word(chosen) if chosen == word => stock,
            Choice::Word(RuleWord::BeforeParent) => Placement::BeforeParent,
            Choice::Word(RuleWord::AfterParent) => Placement::AfterParent,
            Choice::Word(RuleWord::Expired) => Placement::Expired,
            _ => Placement::TailByRule,
        }
    }

    /// The dynamic priority that a task should have now, with that sleep average, ns.
    pub fn predicted_prio(&self, p: &SchedTask, sleep_avg: u32) -> u8 {
        let p = SchedTask {
            sleep_avg,
            ..p.clone()
        };
        let stock = effective_prio(&p).prio;
        let question = prio_question(&self.rules, &p, stock);
        let choice = question.map(|question| self.rules.predict(&question));
        choice.map_or(stock, |choice| number(choice, stock.into()) as u8)
    }

    /// A full time slice of a task, in ticks.
    pub fn predicted_timeslice(&self, p: &SchedTask) -> u32 {
        let stock = self.tunables.task_timeslice(p.static_prio);
        let question = slice_question(&self.rules, p, stock);
        let choice = question.map(|question| self.rules.predict(&question));
        choice.map_or(stock, |choice| number(choice, stock))
    }

    /// Whether a task counts as interactive.
    pub fn predicted_interactive(&self, p: &SchedTask) -> bool {
        let stock = self.tunables.task_interactive(p);
        let question = interactive_question(&self.rules, p, stock);
        let choice = question.map(|question| self.rules.predict(&question));
        choice.map_or(stock, |choice| choice == Choice::Flag(true))
    }

    /// What `schedule` would pick now if the running task left.
    pub(super) fn predicted_next(&self, rq: &RunQueue) -> TaskId {
        let stock = rq.would_pick(&self.tasks);
        let Some((question, runnable)) = next_question(&self.rules, &self.tasks, rq, rq.curr())
        else {
            return stock;
        };
        let chosen = self.rules.predict(&question);
        by_pid(&self.tasks, &runnable, chosen).unwrap_or(stock)
    }

    /// Whether a rule may decide otherwise from tick to tick, so that none may be skipped.
    pub(super) fn rules_see_each_tick(&self) -> bool {
        self.rules.has(Decision::TaskTimeslice) || self.rules.has(Decision::TaskInteractive)
    }
}
