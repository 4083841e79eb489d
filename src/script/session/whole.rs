//! The size of a whole value, with all arrays and maps in it. Rhai lets maps grow by
//! `map[key] = value` without looking at their size, also maps inside other values. To measure a
//! value takes as long as it is large, so it is done for one variable access in many, drawn at
//! random: a loop cannot grow a value between two looks by much.

use super::limits::{Limit, Limits};
use rhai::{Array, Dynamic, Map};

/// One access in so many is drawn.
const ONE_IN: u64 = 1024;

/// Whether the variable access at that operation is one of those drawn. The same run draws the same
/// ones.
pub(super) const fn is_drawn(operation: u64) -> bool {
    // Fibonacci hashing: no loop is in step with it.
    operation.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 & (ONE_IN - 1) == 0
}

/// The limit that a whole value has passed: entries of maps, or levels.
pub(super) fn excess(value: &Dynamic, limits: &Limits) -> Option<Limit> {
    let mut entries = limits.size(Limit::Map);
    measure(value, limits.size(Limit::Nesting), &mut entries).err()
}

/// Looks at a value that may have so many more levels and entries of maps.
fn measure(value: &Dynamic, levels: usize, entries: &mut usize) -> Result<(), Limit> {
    let below = || levels.checked_sub(1).ok_or(Limit::Nesting);
    if let Some(array) = value.read_lock::<Array>() {
        let levels = below()?;
        let mut inner = array.iter();
        inner.try_for_each(|inner| measure(inner, levels, entries))
    } else if let Some(map) = value.read_lock::<Map>() {
        let levels = below()?;
        *entries = entries.checked_sub(map.len()).ok_or(Limit::Map)?;
        let mut inner = map.values();
        inner.try_for_each(|inner| measure(inner, levels, entries))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_access_in_many_is_drawn_whatever_the_step_of_a_loop() {
        for step in 1..100u64 {
            let drawn = (0..100_000).filter(|n| is_drawn(n * step)).count();
            assert!((40..200).contains(&drawn), "{step}: {drawn}");
        }
    }

    #[test]
    fn all_parts_of_a_value_count() {
        let limits = Limits::default()
            .with(Limit::Map, 3)
            .with(Limit::Nesting, 3);
        let engine = rhai::Engine::new();
        for (value, passed) in [
            ("7", None),
            ("[#{a: 1}, #{b: 2, c: 3}]", None),
            ("[#{a: 1, d: 4}, #{b: 2, c: 3}]", Some(Limit::Map)),
            ("[1, 2, [3]]", None),
            ("[1, [[[]]]]", Some(Limit::Nesting)),
        ] {
            let value: Dynamic = engine.eval(value).unwrap();
            assert_eq!(excess(&value, &limits), passed, "{value}");
        }
    }
}
