//! The constants in the scheduler's rules. In 2.6.12 they are macros; here they can be set at boot,
//! to see what each of them does.

/// Tuning of the scheduler.
///
/// Linux 2.6.12: `kernel/sched.c`, the macros of these names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tunables {
    /// `CHILD_PENALTY`: percent of its parent's bonus that a new task has, 0 to 100.
    pub child_penalty: u32,
    /// `PARENT_PENALTY`: percent of its bonus that a parent keeps at fork, 0 to 100.
    pub parent_penalty: u32,
    /// `EXIT_WEIGHT`: weight of a parent's sleep average against that of an exiting child that has
    /// slept less, which has weight 1; 0 to 1000.
    pub exit_weight: u32,
    /// `GRANULARITY`: the shortest turn of an interactive task among its equals, ticks, 1 to 1000.
    pub granularity: u32,
    /// `MIN_TIMESLICE`: the shortest full slice, ticks, 1 to 1000.
    pub min_timeslice: u32,
    /// `DEF_TIMESLICE`: the full slice of nice value 0, ticks, 1 to 1000. (In 2.6.12 the largest
    /// sleep average follows from it; here that stays 1000 ms.)
    pub def_timeslice: u32,
    /// `STARVATION_LIMIT`: how many ticks per runnable task the expired array waits at most for
    /// interactive tasks, up to a million; 0 for no limit.
    pub starvation_limit: u32,
    /// `INTERACTIVE_DELTA`: by how much the priority of a task of nice value 0 must be better than
    /// its static priority for it to count as interactive, 0 to 10.
    pub interactive_delta: i32,
}

impl Default for Tunables {
    fn default() -> Self {
        Self::LINUX
    }
}

impl Tunables {
    /// The values of 2.6.12.
    pub const LINUX: Self = Self {
        child_penalty: 95,
        parent_penalty: 100,
        exit_weight: 3,
        granularity: 10,
        min_timeslice: 5,
        def_timeslice: 100,
        starvation_limit: 1000,
        interactive_delta: 2,
    };

    /// Their names.
    pub const NAMES: [&'static str; 8] = [
        "child_penalty",
        "parent_penalty",
        "exit_weight",
        "granularity",
        "min_timeslice",
        "def_timeslice",
        "starvation_limit",
        "interactive_delta",
    ];

    /// Sets the tunable of that name; `false` if there is none. [`validate`](Self::validate) checks
    /// the value.
    pub fn set(&mut self, option: &str, value: u32) -> bool {
        match option {
            "child_penalty" => self.child_penalty = value,
            "parent_penalty" => self.parent_penalty = value,
            "exit_weight" => self.exit_weight = value,
            "granularity" => self.granularity = value,
            "min_timeslice" => self.min_timeslice = value,
            "def_timeslice" => self.def_timeslice = value,
            "starvation_limit" => self.starvation_limit = value,
            "interactive_delta" => self.interactive_delta = value.try_into().unwrap_or(i32::MAX),
            _ => return false,
        }
        true
    }

    /// The smallest and the largest permitted value of a tunable.
    pub fn bounds(option: &str) -> Option<(u32, u32)> {
        Some(match option {
            "child_penalty" | "parent_penalty" => (0, 100),
            "exit_weight" => (0, 1000),
            "granularity" | "min_timeslice" | "def_timeslice" => (1, 1000),
            "starvation_limit" => (0, 1_000_000),
            // The test for idle sleeps is meaningless below, and never true above.
            "interactive_delta" => (0, 10),
            _ => return None,
        })
    }

    /// Whether every value is within its bounds.
    ///
    /// # Errors
    /// A message that names the value and its bounds.
    pub fn validate(&self) -> Result<(), String> {
        for (name, value) in [
            ("child_penalty", self.child_penalty),
            ("parent_penalty", self.parent_penalty),
            ("exit_weight", self.exit_weight),
            ("granularity", self.granularity),
            ("min_timeslice", self.min_timeslice),
            ("def_timeslice", self.def_timeslice),
            ("starvation_limit", self.starvation_limit),
            ("interactive_delta", self.interactive_delta.cast_unsigned()),
        ] {
            let (min, max) = Self::bounds(name).unwrap_or((0, u32::MAX));
            if !(min..=max).contains(&value) {
                return Err(format!("{name} is {value}, but must be {min} to {max}"));
            }
        }
        Ok(())
    }
}
