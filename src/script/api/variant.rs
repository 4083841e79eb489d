//! Numbers that differ from student to student, random numbers of a seed, and the arguments of a
//! script.

use super::convert::Result;
use crate::script::errors::ScriptError;
use crate::script::session::Shared;
use fastrand::Rng as Generator;
use rhai::plugin::*;
use rhai::{Array, Dynamic, NativeCallContext};
use std::ops::{Range, RangeInclusive};

/// Random numbers of a seed.
#[derive(Clone, Debug)]
pub struct Rng(Generator);

impl PartialEq for Rng {
    /// Whether both will give the same numbers.
    fn eq(&self, other: &Self) -> bool {
        self.0.get_seed() == other.0.get_seed()
    }
}

impl Eq for Rng {}

/// The numbers of a variant for a name, the same wherever they are drawn.
fn drawn(ctx: &NativeCallContext, name: Option<&str>) -> Result<Generator> {
    Shared::of(ctx)?.with(|state| {
        let name = match name {
            Some(name) => name.to_owned(),
            None => {
                state.exercise.drawn += 1;
                format!("#{}", state.exercise.drawn)
            }
        };
        let start = state.exercise.seed;
        // Neighbouring seeds and similar names have nothing in common.
        name.bytes()
            .fold(Generator::with_seed(start), |mut from, byte| {
                Generator::with_seed(from.u64(..) ^ u64::from(byte))
            })
    })
}

fn between(numbers: &mut Generator, (first, last): (i64, i64)) -> Result<i64> {
    if first > last {
        let error = ScriptError::new(format!("there is no number from {first} to {last}"));
        return Err(error
            .with_help("a range begins with its smallest number: 3..=9")
            .into());
    }
    Ok(numbers.i64(first..=last))
}

fn one_of(numbers: &mut Generator, values: &Array) -> Result<Dynamic> {
    if values.is_empty() {
        return Err(ScriptError::new("nothing can be picked from an empty array").into());
    }
    Ok(values[numbers.usize(..values.len())].clone())
}

const fn ends(range: &RangeInclusive<i64>) -> (i64, i64) {
    (*range.start(), *range.end())
}

const fn open_ends(range: &Range<i64>) -> (i64, i64) {
    (range.start, range.end.saturating_sub(1))
}

#[export_module]
pub mod functions {
    /// A number of the range, chosen by the seed of the lab: each student gets another one. It
    /// depends on the seed and the name alone, so the checks of a lab draw the same as its script.
    ///
    /// ```rhai
    /// let pages = vary("pages", 3..=9);
    /// assert_eq(pages, vary("pages", 3..=9));
    /// ```
    #[rhai_fn(name = "vary", return_raw)]
    pub fn vary(ctx: NativeCallContext, name: &str, range: RangeInclusive<i64>) -> Result<i64> {
        between(&mut drawn(&ctx, Some(name))?, ends(&range))
    }

    /// The same for a range without its end.
    ///
    /// ```rhai
    /// assert(vary("n", 0..2) < 2);
    /// ```
    #[rhai_fn(name = "vary", return_raw)]
    pub fn vary_open(ctx: NativeCallContext, name: &str, range: Range<i64>) -> Result<i64> {
        between(&mut drawn(&ctx, Some(name))?, open_ends(&range))
    }

    /// A number of the range, chosen by the seed of the lab and by how many have been drawn before.
    ///
    /// ```rhai
    /// let pages = vary(3..=9);
    /// assert(pages >= 3 && pages <= 9);
    /// ```
    #[rhai_fn(name = "vary", return_raw)]
    pub fn vary_next(ctx: NativeCallContext, range: RangeInclusive<i64>) -> Result<i64> {
        between(&mut drawn(&ctx, None)?, ends(&range))
    }

    /// One of the values, chosen by the seed of the lab and a name.
    ///
    /// ```rhai
    /// let writer = pick("writer", ["parent", "child"]);
    /// assert_eq(writer, pick("writer", ["parent", "child"]));
    /// ```
    #[rhai_fn(name = "pick", return_raw)]
    pub fn pick(ctx: NativeCallContext, name: &str, values: Array) -> Result<Dynamic> {
        one_of(&mut drawn(&ctx, Some(name))?, &values)
    }

    /// One of the values, chosen by the seed of the lab and by how many have been drawn before.
    ///
    /// ```rhai
    /// assert([1, 2].contains(pick([1, 2])));
    /// ```
    #[rhai_fn(name = "pick", return_raw)]
    pub fn pick_next(ctx: NativeCallContext, values: Array) -> Result<Dynamic> {
        one_of(&mut drawn(&ctx, None)?, &values)
    }

    /// Random numbers of a seed: the same seed gives the same numbers on every host.
    ///
    /// ```rhai
    /// let dice = rng(7);
    /// let throws = [dice.draw(1..=6), dice.draw(1..=6)];
    /// let again = rng(7);
    /// assert_eq([again.draw(1..=6), again.draw(1..=6)], throws);
    /// ```
    #[rhai_fn(name = "rng")]
    pub fn rng(seed: i64) -> Rng {
        Rng(Generator::with_seed(seed as u64))
    }

    /// The next random number of the range.
    ///
    /// ```rhai
    /// assert(rng(1).draw(1..=6) <= 6);
    /// ```
    #[rhai_fn(name = "draw", return_raw)]
    pub fn draw(rng: &mut Rng, range: RangeInclusive<i64>) -> Result<i64> {
        between(&mut rng.0, ends(&range))
    }

    /// One of the values, by the next random number.
    ///
    /// ```rhai
    /// let one = rng(1).pick(["a", "b"]);
    /// ```
    #[rhai_fn(name = "pick", return_raw)]
    pub fn pick_random(rng: &mut Rng, values: Array) -> Result<Dynamic> {
        one_of(&mut rng.0, &values)
    }

    /// The same values in another order, by the next random numbers.
    ///
    /// ```rhai
    /// assert_eq(rng(1).shuffle([1, 2, 3]).len(), 3);
    /// ```
    #[rhai_fn(name = "shuffle")]
    pub fn shuffle(rng: &mut Rng, values: Array) -> Array {
        let mut values = values;
        rng.0.shuffle(&mut values);
        values
    }

    /// The arguments of the script: `forklab run script.rhai -- 42 fast` gives `["42", "fast"]`.
    ///
    /// ```rhai
    /// assert_eq(args().len(), 0);
    /// ```
    #[rhai_fn(name = "args", return_raw)]
    pub fn arguments(ctx: NativeCallContext) -> Result<Array> {
        let args = Shared::of(&ctx)?.with(|state| state.exercise.args.clone())?;
        Ok(args.into_iter().map(Dynamic::from).collect())
    }
}
