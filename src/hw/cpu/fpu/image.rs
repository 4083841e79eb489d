//! The x87 state in memory, as `fnsave` writes it in a 32-bit program: seven words of environment
//! and eight registers of ten bytes.

use super::float80::F80;
use super::stack::{Pointers, X87};

/// Words of the environment: control, status and tag words, and the pointers.
pub const ENVIRONMENT_WORDS: usize = 7;
/// Bytes of the whole image.
pub const FSAVE_SIZE: usize = 108;
/// The upper half of words that have none is all ones.
const UPPER: u32 = 0xffff_0000;

impl X87 {
    /// The environment.
    pub fn environment(&self) -> [u32; ENVIRONMENT_WORDS] {
        let Pointers {
            instruction,
            code_selector,
            opcode,
            operand,
            operand_selector,
        } = self.pointers;
        [
            UPPER | u32::from(self.control()),
            UPPER | u32::from(self.status()),
            UPPER | u32::from(self.tags()),
            instruction,
            u32::from(opcode) << 16 | u32::from(code_selector),
            operand,
            UPPER | u32::from(operand_selector),
        ]
    }

    /// Sets what the environment contains; the registers keep their contents.
    pub(in crate::hw::cpu) fn set_environment(&mut self, words: [u32; ENVIRONMENT_WORDS]) {
        let [control, status, tags, instruction, code, operand, selector] = words;
        self.set_control(control as u16);
        self.set_status(status as u16);
        self.set_tags(tags as u16);
        self.pointers = Pointers {
            instruction,
            code_selector: code as u16,
            opcode: (code >> 16 & 0x7ff) as u16,
            operand,
            operand_selector: selector as u16,
        };
    }

    /// The environment of a program with 16-bit operands.
    pub(in crate::hw::cpu) fn short_environment(&self) -> [u16; ENVIRONMENT_WORDS] {
        let mut words = self.environment().map(|word| word as u16);
        words[4] = self.pointers.code_selector;
        words
    }

    pub(in crate::hw::cpu) fn set_short_environment(&mut self, words: [u16; ENVIRONMENT_WORDS]) {
        self.set_environment(words.map(u32::from));
    }

    /// The registers in the order of the stack.
    pub(in crate::hw::cpu) fn stack_bytes(&self) -> [u8; 80] {
        let mut bytes = [0; 80];
        for (n, place) in (0..).zip(bytes.chunks_exact_mut(10)) {
            place.copy_from_slice(&self.raw(n).to_bytes());
        }
        bytes
    }

    pub(in crate::hw::cpu) fn set_stack_bytes(&mut self, bytes: &[u8; 80]) {
        for (n, place) in (0..).zip(bytes.as_chunks().0) {
            self.set_raw(n, F80::from_bytes(*place));
        }
    }

    /// What `fnsave` writes.
    pub fn to_fsave(&self) -> [u8; FSAVE_SIZE] {
        let mut image = [0; FSAVE_SIZE];
        let (environment, stack) = image.split_at_mut(4 * ENVIRONMENT_WORDS);
        let words = self.environment();
        for (place, word) in environment.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        stack.copy_from_slice(&self.stack_bytes());
        image
    }

    /// What `frstor` reads.
    pub fn from_fsave(image: &[u8; FSAVE_SIZE]) -> Self {
        let mut x87 = Self::default();
        let mut words = [0; ENVIRONMENT_WORDS];
        for (word, bytes) in words.iter_mut().zip(image.as_chunks().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        x87.set_environment(words);
        let mut stack = [0; 80];
        stack.copy_from_slice(&image[4 * ENVIRONMENT_WORDS..]);
        x87.set_stack_bytes(&stack);
        x87
    }
}

impl F80 {
    /// The ten bytes in memory.
    pub(in crate::hw::cpu) fn to_bytes(self) -> [u8; 10] {
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&self.mantissa.to_le_bytes());
        bytes[8..].copy_from_slice(&self.sign_exponent.to_le_bytes());
        bytes
    }

    pub(in crate::hw::cpu) const fn from_bytes(b: [u8; 10]) -> Self {
        let mantissa = u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]);
        Self::new(u16::from_le_bytes([b[8], b[9]]), mantissa)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_read_as_it_was_written() {
        let mut x87 = X87::default();
        x87.push(F80::ONE);
        x87.push(F80::INDEFINITE);
        x87.pointers.instruction = 0x0804_8000;
        let image = x87.to_fsave();
        assert_eq!(
            &image[..12],
            b"\x7f\x03\xff\xff\x00\x30\xff\xff\xff\x2f\xff\xff"
        );
        assert_eq!(X87::from_fsave(&image), x87);
    }
}
