//! What a script may use at most. Each limit has a name, a command line flag, a default, and a
//! message for the script that hits it; the table below is the only place that knows them.

/// A limit on what a script may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// Operations of the interpreter in one run.
    Operations,
    /// Nested function calls.
    CallDepth,
    /// Depth of nested expressions.
    ExpressionDepth,
    /// Variables at a time.
    Variables,
    /// Bytes of the strings in a value.
    String,
    /// Elements of the arrays in a value.
    Array,
    /// Entries of the object maps in a value.
    Map,
    /// Levels of arrays and maps in a value.
    Nesting,
    /// Bytes printed in one run.
    Output,
    /// Bytes of the host's memory.
    Memory,
    /// Ticks that pass in one run.
    Ticks,
    /// Work of the machine in one run, in units of about one emulated instruction.
    Work,
    /// Events that the trace keeps.
    Trace,
    /// Bytes of the host's memory for the past of a session.
    History,
}

/// Nested calls and nested expressions use the stack of the thread; at most so many of both are
/// safe with [`Limits::stack`].
const MAX_CALL_DEPTH: u64 = 4_000;
const MAX_EXPRESSION_DEPTH: u64 = 400;

/// The properties of a limit.
struct Spec {
    name: &'static str,
    flag: &'static str,
    default: u64,
    max: u64,
    about: &'static str,
    /// With `{}` for the value.
    message: &'static str,
    help: &'static str,
}

impl Limit {
    /// Every limit, in the order of the help.
    pub const ALL: [Self; 14] = [
        Self::Operations,
        Self::CallDepth,
        Self::ExpressionDepth,
        Self::Variables,
        Self::String,
        Self::Array,
        Self::Map,
        Self::Nesting,
        Self::Output,
        Self::Memory,
        Self::Ticks,
        Self::Work,
        Self::Trace,
        Self::History,
    ];

    const fn spec(self) -> &'static Spec {
        &SPECS[self as usize]
    }

    /// Its name in messages.
    pub const fn name(self) -> &'static str {
        self.spec().name
    }

    /// The flag that sets it, without its dashes.
    pub const fn flag(self) -> &'static str {
        self.spec().flag
    }

    /// Its value unless set otherwise.
    pub const fn default_value(self) -> u64 {
        self.spec().default
    }

    /// The largest value that it can be set to.
    pub const fn max_value(self) -> u64 {
        self.spec().max
    }

    /// What it limits, in a few words.
    pub const fn about(self) -> &'static str {
        self.spec().about
    }

    /// The message for a script that hits it, at that value.
    pub fn message(self, value: u64) -> String {
        self.spec().message.replace("{}", &thousands(value))
    }

    /// How to avoid it.
    pub const fn help(self) -> &'static str {
        self.spec().help
    }
}

/// Bytes of stack for a call of a function.
const STACK_FOR_CALL: usize = 8 << 10;
/// Bytes of stack for an expression within another.
const STACK_FOR_EXPRESSION: usize = 2 << 10;
/// Bytes of stack for each operation that a script may use. A script can nest values, about one
/// level per seven operations; they are dropped recursively, at 250 bytes per level.
const STACK_FOR_OPERATION: usize = 56;

/// The smallest stack of a thread that runs scripts, in bytes.
const MIN_STACK: usize = 64 << 20;

/// The largest stack of such a thread, in bytes: the host's address space is finite, too.
const MAX_STACK: usize = 16 << 30;

/// The properties of each limit, in the order of [`Limit::ALL`].
const SPECS: [Spec; Limit::ALL.len()] = [
    Spec {
        name: "operations",
        flag: "max-operations",
        default: 10_000_000,
        max: u64::MAX,
        about: "Operations of the interpreter in one run",
        message: "the script has used up its operations",
        help: "does a loop never end? touch, fill and tick do in one call what a loop does in many",
    },
    Spec {
        name: "call depth",
        flag: "max-call-depth",
        default: 64,
        max: MAX_CALL_DEPTH,
        about: "Nested function calls",
        message: "too many nested function calls",
        help: "does a function call itself endlessly?",
    },
    Spec {
        name: "expression depth",
        flag: "max-expression-depth",
        default: 64,
        max: MAX_EXPRESSION_DEPTH,
        about: "Nested expressions",
        message: "the expression is nested too deeply",
        help: "split it up with let; a long string can be built with +=",
    },
    Spec {
        name: "variables",
        flag: "max-variables",
        default: 1_000,
        max: u64::MAX,
        about: "Variables at a time",
        message: "too many variables",
        help: "keep values in an array",
    },
    Spec {
        name: "string",
        flag: "max-string",
        default: 1 << 20,
        max: u64::MAX,
        about: "Bytes of the strings in a value",
        message: "a string would be longer than {} bytes",
        help: "does a loop append to it forever? take part of a long view: trace(mark), \
             trace().only(..), timeline(from, to), ps().rows[0]",
    },
    Spec {
        name: "array",
        flag: "max-array",
        default: 1 << 16,
        max: u64::MAX,
        about: "Elements of the arrays in a value",
        message: "an array would have more than {} elements",
        help: "does a loop append to it forever? sh.fill and sh.touch write many bytes without an \
             array",
    },
    Spec {
        name: "map",
        flag: "max-map",
        default: 1 << 16,
        max: u64::MAX,
        about: "Entries of the object maps in a value",
        message: "an object map would have more than {} fields",
        help: "keep less in one value; take part of a long trace: trace(mark), trace().only(..)",
    },
    Spec {
        name: "nesting",
        flag: "max-nesting",
        default: 500,
        max: u64::MAX,
        about: "Levels of arrays and maps in a value",
        message: "a value is nested more than {} levels deep",
        help: "does a loop put a value into itself? a.push(x) adds to an array",
    },
    Spec {
        name: "output",
        flag: "max-output",
        default: 64 << 20,
        max: u64::MAX,
        about: "Bytes printed in one run",
        message: "the script has printed too much",
        help: "does a loop print forever?",
    },
    Spec {
        name: "memory",
        flag: "max-memory",
        default: 2 << 30,
        max: u64::MAX,
        about: "Bytes of the host's memory, the emulated RAM included",
        message: "the session uses too much of the host's memory",
        help: "keep fewer large values, or boot(#{mem: ..}) with less memory",
    },
    Spec {
        name: "ticks",
        flag: "max-ticks",
        default: 100_000_000,
        max: u64::MAX,
        about: "Ticks that pass in one run",
        message: "the run has asked for more ticks than it may",
        help: "ask for fewer ticks; at the prompt each line is a run of its own",
    },
    Spec {
        name: "work",
        flag: "max-work",
        default: 20_000_000_000,
        max: u64::MAX,
        about: "Work of the machine in one run: emulated instructions, and what the kernel does, \
             counted by its cost in instructions",
        message: "the machine has done as much as one run may ask for",
        help: "does a program never end? ps() shows who still runs; tick(n) lets a certain time \
             pass; at the prompt each line is a run of its own",
    },
    Spec {
        name: "trace",
        flag: "max-trace",
        default: 1 << 20,
        max: u64::MAX,
        about: "Events that the trace keeps; older ones are dropped, 1,024 at a time",
        message: "the trace has dropped its oldest events",
        help: "look at the trace more often, from mark() to mark()",
    },
    Spec {
        name: "history",
        flag: "max-history-memory",
        default: 256 << 20,
        max: u64::MAX,
        about: "Bytes of the host's memory for the past, to which undo and goto lead; beyond it, \
                older moments take longer to reach, and the oldest are forgotten",
        message: "the oldest moments of the session are forgotten",
        help: "boot() begins a new machine",
    },
];

/// A value for each limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits([u64; Limit::ALL.len()]);

impl Limits {
    /// The value of a limit.
    pub const fn get(&self, limit: Limit) -> u64 {
        self.0[limit as usize]
    }

    /// The same limits, with one changed.
    #[must_use]
    pub const fn with(mut self, limit: Limit, value: u64) -> Self {
        self.0[limit as usize] = value;
        self
    }

    /// Bytes of stack that a thread needs to run any script within these limits: for calls and
    /// expressions nested into each other, and to drop nested values. It is never too small for what
    /// else a thread does, nor more than a host can give.
    pub fn stack(&self) -> usize {
        let calls = self.size(Limit::CallDepth);
        let expressions = self.size(Limit::ExpressionDepth);
        let nested = calls.saturating_mul(
            STACK_FOR_CALL.saturating_add(expressions.saturating_mul(STACK_FOR_EXPRESSION)),
        );
        let values = self.size(Limit::Operations);
        let wanted = nested.max(values.saturating_mul(STACK_FOR_OPERATION));
        wanted.clamp(MIN_STACK, MAX_STACK)
    }

    /// The value of a limit as a size on the host.
    pub fn size(&self, limit: Limit) -> usize {
        usize::try_from(self.get(limit)).unwrap_or(usize::MAX)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self(Limit::ALL.map(Limit::default_value))
    }
}

/// A number with thousands separators: `50,000,000`.
pub(in crate::script) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_stands_at_its_own_place() {
        for (place, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, place, "{}", limit.name());
            let limits = Limits::default().with(limit, 7);
            assert_eq!(limits.get(limit), 7);
            assert!((1..=limit.max_value()).contains(&limit.default_value()));
            assert!(!limit.help().is_empty());
        }
    }

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (50_000_000, "50,000,000"),
        ] {
            assert_eq!(thousands(number), text);
        }
    }
}
