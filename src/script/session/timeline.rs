//! The line of inputs of a session: what was typed, in order, and the state after each input that
//! has changed something. Whoever goes back and does something else begins a branch; the lines that
//! came there before stay as they are.

use super::snapshot::Snapshot;

/// How many states are kept.
const MAX_STATES: usize = 10_100;
/// How many bytes a value takes in a state.
const BYTES_OF_VALUE: usize = 64;
/// The most bytes of answers that are kept; beyond it, the oldest are forgotten.
const MAX_ANSWERS: usize = 16 << 20;

/// What an input has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// It has changed the machine, a variable or a function.
    Changed,
    /// It has changed nothing.
    Looked,
    /// It has failed and changed nothing.
    Failed,
    /// It has changed something, and then failed.
    FailedHalfway,
}

impl Effect {
    /// Whether undo has something to take back.
    pub const fn is_change(self) -> bool {
        matches!(self, Self::Changed | Self::FailedHalfway)
    }
}

/// An input, as the user remembers it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Input {
    /// The number of its first line in the session.
    pub number: usize,
    /// The tick at which it was typed.
    pub tick: u64,
    /// What was typed.
    pub text: String,
    /// The same as a script says it: the text of a file that was run, a call with its parentheses.
    pub script: String,
    /// Whether something was printed.
    pub printed: bool,
    /// What came, if it is still kept.
    pub answer: Option<String>,
    /// What it has come to.
    pub effect: Effect,
}

/// An input in the tree of branches. The root is the state in which the session began.
struct Node {
    input: Input,
    branch: usize,
    /// The last change before it.
    parent: Option<usize>,
    /// The input that redo carries out after this one.
    next: Option<usize>,
    /// The session after it, if it has changed something.
    after: Option<Snapshot>,
    /// The input inside of which it was typed, if the session stood inside one.
    inside: Option<Inside>,
}

/// A place inside an input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Inside {
    /// The input.
    pub(super) index: usize,
    /// The tick, and the work since boot.
    pub(super) place: (u64, u64),
}

/// What became of the old future when something else was done in the past.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Left {
    /// Its branch.
    pub branch: usize,
    /// The numbers of its first and its last input.
    pub lines: (usize, usize),
}

/// A branch of the session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Branch {
    /// Its number.
    pub number: usize,
    /// The input after which it begins, unless it begins with the session.
    pub after: Option<usize>,
    /// Its first input.
    pub first: Input,
    /// Its last input.
    pub last: Input,
    /// Whether the session is on it.
    pub present: bool,
}

/// The inputs of a session.
pub(super) struct Timeline {
    start: Option<Snapshot>,
    nodes: Vec<Node>,
    /// The last change that is in effect.
    here: Option<usize>,
    /// The input that redo carries out first at the start of the session.
    first: Option<usize>,
    /// The last change of each branch, in the order in which they were begun.
    branches: Vec<usize>,
    weight: usize,
    /// The most values in the variables of all states together; beyond it, the oldest states are
    /// forgotten.
    max_weight: usize,
    /// Up to here the states are forgotten.
    forgotten: usize,
    answers: usize,
    /// Up to here the answers are forgotten.
    unanswered: usize,
}

/// How the line of inputs is at a moment.
pub(super) struct Mark {
    here: Option<usize>,
    first: Option<usize>,
    /// The way of redo from each input.
    next: Vec<Option<usize>>,
    branches: Vec<usize>,
}

impl Timeline {
    /// How the line of inputs is now.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            here: self.here,
            first: self.first,
            next: self.nodes.iter().map(|node| node.next).collect(),
            branches: self.branches.clone(),
        }
    }

    /// Whether the inputs since then have only looked.
    pub(super) fn has_stayed(&self, mark: &Mark) -> bool {
        let since = &self.nodes[mark.next.len()..];
        self.here == mark.here && since.iter().all(|node| !node.input.effect.is_change())
    }

    /// Forgets the inputs since then.
    pub(super) fn forget_since(&mut self, mark: Mark) {
        for node in self.nodes.drain(mark.next.len()..) {
            self.weight -= node.after.as_ref().map_or(0, Snapshot::weight);
            self.answers -= node.input.answer.map_or(0, |answer| answer.len());
        }
        for (node, next) in self.nodes.iter_mut().zip(mark.next) {
            node.next = next;
        }
        self.here = mark.here;
        self.first = mark.first;
        self.branches = mark.branches;
        self.forgotten = self.forgotten.min(self.nodes.len());
        self.unanswered = self.unanswered.min(self.nodes.len());
    }

    /// A history that begins there, whose variables take at most so many bytes.
    pub(super) fn new(start: Snapshot, bytes: usize) -> Self {
        Self {
            weight: start.weight(),
            max_weight: bytes / BYTES_OF_VALUE,
            start: Some(start),
            nodes: Vec::new(),
            here: None,
            first: None,
            branches: Vec::new(),
            forgotten: 0,
            answers: 0,
            unanswered: 0,
        }
    }

    /// Adds an input, with the state after it if it has changed something. Returns the future that
    /// it has left, if it was typed in the past.
    pub(super) fn add(
        &mut self,
        input: Input,
        after: Option<Snapshot>,
        inside: Option<Inside>,
    ) -> Option<Left> {
        let index = self.nodes.len();
        let old = self.after(self.here);
        let branch = match (self.here, old) {
            (Some(here), None) => self.nodes[here].branch,
            _ => self.branches.len() + 1,
        };
        let weight = after.as_ref().map(Snapshot::weight);
        self.nodes.push(Node {
            input,
            branch,
            parent: self.here,
            next: None,
            after,
            inside,
        });
        self.weight += weight?;
        match self.branches.get_mut(branch - 1) {
            Some(last) => *last = index,
            None => self.branches.push(index),
        }
        let left = old.map(|first| self.left(first));
        self.lead(self.here, index);
        self.here = Some(index);
        self.forget_states();
        left
    }

    fn left(&self, first: usize) -> Left {
        let last = self.tip(Some(first)).unwrap_or(first);
        Left {
            branch: self.nodes[last].branch,
            lines: (
                self.nodes[first].input.number,
                self.nodes[last].input.number,
            ),
        }
    }

    /// Keeps what the last input was answered.
    pub(super) fn answer(&mut self, answer: String) {
        let Some(node) = self.nodes.last_mut() else {
            return;
        };
        self.answers += answer.len();
        node.input.answer = Some(answer);
        while self.answers > MAX_ANSWERS && self.unanswered + 1 < self.nodes.len() {
            let oldest = self.nodes[self.unanswered].input.answer.take();
            self.answers -= oldest.map_or(0, |answer| answer.len());
            self.unanswered += 1;
        }
    }

    fn forget_states(&mut self) {
        let states = |this: &Self| this.nodes.len() - this.forgotten;
        while states(self) > MAX_STATES || self.weight > self.max_weight {
            let oldest = match self.start.take() {
                Some(start) => Some(start),
                None if Some(self.forgotten) == self.here => return,
                None => {
                    self.forgotten += 1;
                    self.nodes[self.forgotten - 1].after.take()
                }
            };
            self.weight -= oldest.map_or(0, |state| state.weight());
        }
    }

    /// The state after a change, or that at the start, if it is still kept.
    pub(super) fn state(&self, after: Option<usize>) -> Option<&Snapshot> {
        match after {
            None => self.start.as_ref(),
            Some(index) => self.nodes.get(index)?.after.as_ref(),
        }
    }

    /// The last change that is in effect.
    pub(super) const fn here(&self) -> Option<usize> {
        self.here
    }

    /// Goes to the state after a change. The way there becomes the way of redo.
    pub(super) fn stand(&mut self, after: Option<usize>) {
        self.here = after;
        let mut node = after;
        while let Some(index) = node {
            node = self.nodes[index].parent;
            self.lead(node, index);
        }
    }

    fn lead(&mut self, from: Option<usize>, to: usize) {
        match from {
            None => self.first = Some(to),
            Some(index) => self.nodes[index].next = Some(to),
        }
    }

    /// The last change on the way of redo.
    fn tip(&self, from: Option<usize>) -> Option<usize> {
        let mut last = from;
        while let Some(next) = self.after(last) {
            last = Some(next);
        }
        last
    }

    /// The last change on the present branch.
    pub(super) fn end(&self) -> Option<usize> {
        self.tip(self.here)
    }

    /// The change before this one; `None` for the start.
    pub(super) fn before(&self, index: usize) -> Option<usize> {
        self.nodes[index].parent
    }

    /// The change that redo carries out after this one; `None` for the start.
    pub(super) fn after(&self, change: Option<usize>) -> Option<usize> {
        change.map_or(self.first, |index| self.nodes[index].next)
    }

    /// An input.
    pub(super) fn input(&self, index: usize) -> &Input {
        &self.nodes[index].input
    }

    /// The input to which a line of the session belongs.
    pub(super) fn find(&self, line: usize) -> Option<usize> {
        let after = self.nodes.partition_point(|n| n.input.number <= line);
        let index = after.checked_sub(1)?;
        let Input { number, text, .. } = &self.nodes[index].input;
        (line - number <= text.matches('\n').count()).then_some(index)
    }

    /// The last change of each branch, in the order in which they were begun.
    pub(super) fn ends(&self) -> &[usize] {
        &self.branches
    }

    /// The last change of a branch.
    pub(super) fn end_of(&self, branch: usize) -> Option<usize> {
        self.branches.get(branch.checked_sub(1)?).copied()
    }

    /// The inputs of the present branch, each with whether it is in effect. What only looked counts
    /// as long as the change before it is in effect.
    pub(super) fn present(&self) -> Vec<(&Input, bool)> {
        let mut on_way = vec![false; self.nodes.len()];
        let mut done = vec![false; self.nodes.len()];
        let mark = |marks: &mut Vec<bool>, mut node: Option<usize>| {
            while let Some(index) = node {
                marks[index] = true;
                node = self.nodes[index].parent;
            }
        };
        mark(&mut on_way, self.end());
        mark(&mut done, self.here);
        let shown = self.nodes.iter().enumerate().filter_map(|(index, node)| {
            let place = if node.input.effect.is_change() {
                Some(index)
            } else {
                node.parent
            };
            let is = |marks: &[bool]| place.is_none_or(|index| marks[index]);
            is(&on_way).then(|| (&node.input, is(&done)))
        });
        shown.collect()
    }

    /// The inputs of the present branch that are in effect, each after the place inside another one
    /// at which it was typed.
    pub(super) fn in_effect(&self) -> Vec<(usize, Option<Inside>)> {
        let mut done = vec![false; self.nodes.len()];
        let mut node = self.here;
        while let Some(index) = node {
            done[index] = true;
            node = self.nodes[index].parent;
        }
        let counts = |index: usize| match &self.nodes[index] {
            node if node.input.effect.is_change() => done[index],
            node => node.parent.is_none_or(|parent| done[parent]),
        };
        let indexes = (0..self.nodes.len()).filter(|index| counts(*index));
        indexes
            .map(|index| (index, self.nodes[index].inside))
            .collect()
    }

    /// All branches, in the order in which they were begun.
    pub(super) fn branches(&self) -> Vec<Branch> {
        let present = self.end().map(|index| self.nodes[index].branch);
        let branch = |(before, last): (usize, &usize)| {
            let number = before + 1;
            let of_it = |node: &&Node| node.branch == number && node.input.effect.is_change();
            let first = self.nodes.iter().find(of_it)?;
            Some(Branch {
                number,
                after: first.parent.map(|index| self.nodes[index].input.number),
                first: first.input.clone(),
                last: self.nodes[*last].input.clone(),
                present: present == Some(number),
            })
        };
        self.branches
            .iter()
            .enumerate()
            .filter_map(branch)
            .collect()
    }

    /// All inputs in the order in which they were typed.
    pub(super) fn typed(&self) -> impl Iterator<Item = &Input> {
        self.nodes.iter().map(|node| &node.input)
    }
}
