//! How deeply a value is nested. Rhai copies a value as a whole whenever it is put into another, and
//! drops it recursively, so a value that a loop nests into itself makes each step slower than the
//! one before.

use rhai::{Array, Dynamic, Map};

/// The most values that are looked at. What is nested deeply on purpose is found long before.
const MAX_LOOKS: usize = 4096;
/// How many values at each end of an array or map are looked into.
const ENDS: usize = 4;

/// Whether arrays and maps are nested in a value to more than `most` levels. Only values near the
/// ends of arrays and maps are looked into, so the time does not grow with their size.
pub(super) fn is_nested_deeper(value: &Dynamic, most: usize) -> bool {
    if !is_container(value) {
        return false;
    }
    let mut looks = MAX_LOOKS.max(most + 1);
    exceeds(value, most, &mut looks)
}

fn is_container(value: &Dynamic) -> bool {
    value.is_array() || value.is_map()
}

fn exceeds(value: &Dynamic, most: usize, looks: &mut usize) -> bool {
    if most == 0 {
        return true;
    }
    *looks = looks.saturating_sub(1);
    if *looks == 0 {
        return false;
    }
    let mut inner = |value: &Dynamic| is_container(value) && exceeds(value, most - 1, looks);
    if let Some(array) = value.read_lock::<Array>() {
        let last = array.len().saturating_sub(ENDS).max(ENDS);
        array.iter().take(ENDS).any(&mut inner) || array.iter().skip(last).any(&mut inner)
    } else if let Some(map) = value.read_lock::<Map>() {
        map.values().take(ENDS).any(&mut inner) || map.values().rev().take(ENDS).any(&mut inner)
    } else {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize, around: fn(Dynamic) -> Array) -> Dynamic {
        let mut value = Dynamic::from(Array::new());
        for _ in 1..levels {
            value = Dynamic::from(around(value));
        }
        value
    }

    #[test]
    fn levels_are_counted_wherever_the_inner_value_stands() {
        let ways: [fn(Dynamic) -> Array; 3] = [
            |inner| vec![inner],
            |inner| vec![1.into(), inner],
            |inner| [vec![Dynamic::from(7); 1000], vec![inner]].concat(),
        ];
        for around in ways {
            assert!(is_nested_deeper(&nested(11, around), 10));
            assert!(!is_nested_deeper(&nested(10, around), 10));
        }
        assert!(!is_nested_deeper(&Dynamic::from(7), 0));
    }

    #[test]
    fn a_value_of_many_branches_is_given_up_in_time() {
        let mut value = Dynamic::from(7);
        for _ in 0..14 {
            value = Dynamic::from(vec![value.clone(), value]);
        }
        assert!(!is_nested_deeper(&value, 100));
    }
}
