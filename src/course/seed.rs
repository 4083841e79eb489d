//! Which variant of a lab a student gets.

use super::lab::Lab;

impl Lab {
    /// The seed of a student's variant, one of those that are proven solvable: a number stands for
    /// itself, a name for the same seed wherever it is written.
    pub fn seed_of(&self, student: &str) -> u64 {
        let student = student.trim().to_lowercase();
        let number = student.parse().unwrap_or_else(|_| fnv_1a(student.as_bytes()));
        number % self.seeds.max(1)
    }
}

/// The hash FNV-1a. It has to be the same in every version, or a student's numbers would change.
fn fnv_1a(bytes: &[u8]) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325;
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(start, mix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv_1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv_1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv_1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
