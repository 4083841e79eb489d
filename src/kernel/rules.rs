//! Rules of a changed kernel: a decision that is taken from outside in place of the stock code.
//! Without a rule, a decision costs one look at an empty place.
//!
//! A rule is asked a question: what the decision sees, by Linux's own names, and what Linux
//! decides. Its answer depends on the question alone, so that a repeated run comes to the same
//! result. An answer that the kernel cannot follow is noted as a failure, and the stock decision is
//! taken; whoever gave the command looks for it.

use super::Kernel;
use crate::abi::{Name, Names, Pid, TaskId};
use crate::trace::{Choice, Decision, RuleWord, TraceEvent};
use std::fmt;

/// What a decision sees, by name.
pub type Facts = Vec<(&'static str, Fact)>;

/// A thing that a decision sees.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fact {
    /// A number.
    Int(i64),
    /// Yes or no.
    Flag(bool),
    /// A word, or a name.
    Text(String),
    /// Several facts about one thing.
    Of(Facts),
    /// Things of the same kind.
    List(Vec<Facts>),
    /// Nothing.
    Nothing,
}

impl From<Choice> for Fact {
    fn from(choice: Choice) -> Self {
        match choice {
            Choice::Number(number) => Self::Int(number.into()),
            Choice::Flag(flag) => Self::Flag(flag),
            Choice::Task(pid) => Self::Int(pid.0.into()),
            Choice::Word(word) => Self::Text(word.name().to_owned()),
        }
    }
}

/// What a rule has answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// A number, or the pid of a task.
    Int(i64),
    /// Yes or no.
    Flag(bool),
    /// A word.
    Text(String),
    /// Something else, as its type is called in a message.
    Other(String),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Other(kind) => f.write_str(kind),
        }
    }
}

/// What came of asking a rule.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What it answered, or why it did not, in words for the user and with the line.
    pub answer: Result<Answer, Trouble>,
    /// How many operations of its language it took.
    pub operations: u64,
    /// What it printed.
    pub printed: Vec<String>,
}

/// Why a rule has no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// What happened, in one line.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The line at which it happened, if that is known.
    pub line: Option<usize>,
}

/// A rule as it is written outside of the kernel. Its answers depend on the facts alone.
pub trait Rule: fmt::Debug {
    /// Asks the rule.
    fn ask(&self, facts: &Facts) -> Asked;

    /// The line at which it begins.
    fn line(&self) -> usize;

    /// Another handle to the same rule.
    fn share(&self) -> SharedRule;
}

/// A rule that the machine keeps.
#[derive(Debug)]
pub struct SharedRule(pub Box<dyn Rule>);

impl Clone for SharedRule {
    fn clone(&self) -> Self {
        self.0.share()
    }
}

/// Two rules are the same if they begin at the same place of the session.
impl PartialEq for SharedRule {
    fn eq(&self, other: &Self) -> bool {
        self.0.line() == other.0.line()
    }
}

impl Eq for SharedRule {}

/// What may be answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Among {
    /// A number from the first to the second.
    Numbers(u32, u32),
    /// Yes or no.
    Flags,
    /// One of these words.
    Words(&'static [RuleWord]),
    /// One of these tasks, which are called like this.
    Tasks(Vec<Pid>, &'static str),
}

impl Among {
    /// The choice that an answer means.
    fn choice(&self, answer: &Answer) -> Option<Choice> {
        match (self, answer) {
            (Self::Numbers(least, most), Answer::Int(number)) => {
                let number = u32::try_from(*number).ok()?;
                let fits = (*least..=*most).contains(&number);
                fits.then_some(Choice::Number(number))
            }
            (Self::Flags, Answer::Flag(flag)) => Some(Choice::Flag(*flag)),
            (Self::Words(words), Answer::Text(text)) => {
                let found = words.iter().find(|word| word.name() == text);
                found.map(|word| Choice::Word(*word))
            }
            (Self::Tasks(pids, _), Answer::Int(number)) => {
                let found = pids.iter().find(|pid| i64::from(pid.0) == *number);
                found.map(|pid| Choice::Task(*pid))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Among {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |items: Vec<String>| match items.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, before)) => format!("{} or {last}", before.join(", ")),
            None => "none".to_owned(),
        };
        match self {
            Self::Numbers(least, most) => write!(f, "an int from {least} to {most}"),
            Self::Flags => f.write_str("true or false"),
            Self::Words(words) => {
                let words = words.iter().map(|word| format!("{:?}", word.name()));
                f.write_str(&listed(words.collect()))
            }
            Self::Tasks(pids, what) => {
                let pids = pids.iter().map(|pid| pid.0.to_string());
                write!(f, "the pid of {what}: {}", listed(pids.collect()))
            }
        }
    }
}

/// A decision that is to be taken.
#[derive(Debug)]
pub struct Question {
    /// What is decided.
    pub decision: Decision,
    /// The task that it is about.
    pub about: Pid,
    /// The name of that task.
    pub name: Name,
    /// What the decision sees.
    pub facts: Facts,
    /// What Linux decides.
    pub stock: Choice,
    /// What may be decided.
    pub among: Among,
}

/// Why the answer of a rule could not be followed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleFailure {
    /// The decision.
    pub decision: Decision,
    /// The line at which the rule begins.
    pub line: usize,
    /// The task that the decision was about, as `pid:name`.
    pub about: String,
    /// What was wrong.
    pub trouble: Trouble,
}

/// What has happened in rules since it was last taken.
#[derive(Clone, Default, Debug)]
pub struct RuleRecord {
    /// The first failure.
    pub failure: Option<RuleFailure>,
    /// What was printed.
    pub printed: Vec<String>,
}

/// The rules of a machine.
#[derive(Clone, Default, Debug)]
pub struct Rules {
    set: [Option<SharedRule>; Decision::COUNT],
    /// Whether there is any.
    any: bool,
    /// The names of tasks, as rules see them.
    names: Names,
    record: RuleRecord,
    /// The operations of all rules since boot.
    operations: u64,
}

impl Rules {
    /// Replaces a decision by a rule, or restores the stock code.
    pub fn set(&mut self, decision: Decision, rule: Option<SharedRule>) {
        self.set[decision as usize] = rule;
        self.any = self.set.iter().any(Option::is_some);
    }

    /// Whether a decision is replaced.
    #[inline]
    pub const fn has(&self, decision: Decision) -> bool {
        self.set[decision as usize].is_some()
    }

    /// Whether any decision is replaced: the kernel is not Linux's.
    #[inline]
    pub const fn any(&self) -> bool {
        self.any
    }

    /// The decisions that are replaced, each with the line at which its rule begins.
    pub fn changed(&self) -> impl Iterator<Item = (Decision, usize)> {
        let rules = Decision::ALL.into_iter().zip(&self.set);
        rules.filter_map(|(decision, rule)| Some((decision, rule.as_ref()?.0.line())))
    }

    /// The operations of all rules since boot.
    pub const fn operations(&self) -> u64 {
        self.operations
    }

    /// Whether an answer could not be followed since the record was last taken.
    pub const fn has_failed(&self) -> bool {
        self.record.failure.is_some()
    }

    /// What has happened since it was last taken.
    pub fn take_record(&mut self) -> RuleRecord {
        std::mem::take(&mut self.record)
    }

    /// Makes the names of tasks known to rules.
    #[inline]
    pub(super) fn learn(&mut self, names: &Names) {
        if self.any() && self.names.len() != names.len() {
            self.names = names.clone();
        }
    }

    /// The name of a task, for rules.
    pub(super) fn comm(&self, name: Name) -> Fact {
        Fact::Text(self.names.get(name).to_owned())
    }

    /// Takes a decision that is replaced. If the rule has no answer that can be followed, that is
    /// noted, and the stock decision is taken.
    pub(super) fn decide(&mut self, question: &Question) -> Choice {
        let Some(rule) = &self.set[question.decision as usize] else {
            return question.stock;
        };
        let (asked, line) = (rule.0.ask(&question.facts), rule.0.line());
        self.operations += asked.operations;
        self.record.printed.extend(asked.printed);
        match question.answered(asked.answer) {
            Ok(choice) => choice,
            Err(trouble) => {
                let name = self.names.get(question.name);
                self.record.failure.get_or_insert(RuleFailure {
                    decision: question.decision,
                    line,
                    about: format!("{}:{name}", question.about),
                    trouble,
                });
                question.stock
            }
        }
    }

    /// What a decision would be, for whoever only looks.
    pub(super) fn predict(&self, question: &Question) -> Choice {
        let rule = self.set[question.decision as usize].as_ref();
        let choice =
            rule.and_then(|rule| question.answered(rule.0.ask(&question.facts).answer).ok());
        choice.unwrap_or(question.stock)
    }
}

impl Question {
    fn answered(&self, answer: Result<Answer, Trouble>) -> Result<Choice, Trouble> {
        let answer = answer?;
        self.among.choice(&answer).ok_or_else(|| Trouble {
            message: format!("answered {answer}; it must be {}", self.among),
            help: Some("t.stock is what Linux decides: a rule may return it".to_owned()),
            line: None,
        })
    }
}

impl Kernel {
    /// Takes a decision outside of the scheduler about a task, and traces it if it differs from
    /// that of Linux.
    pub(super) fn decide(
        &mut self,
        task: TaskId,
        decision: Decision,
        mut facts: Facts,
        (stock, among): (Choice, Among),
    ) -> Choice {
        self.sched.rules.learn(&self.names);
        let (about, name) = {
            let fields = self.sched.get(task);
            (fields.pid, fields.name)
        };
        facts.push(("stock", stock.into()));
        let answer = self.sched.rules.decide(&Question {
            decision,
            about,
            name,
            facts,
            stock,
            among,
        });
        if answer != stock {
            let event = TraceEvent::KernelRule {
                decision,
                pid: about,
                stock,
                answer,
            };
            self.trace(self.current(), event);
        }
        answer
    }
}
