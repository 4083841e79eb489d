//! Fetching and decoding the instruction at `eip`, whichever pages it is on.

use super::Exception;
use super::state::{Core, Step};
use crate::abi::{PAGE_SIZE, VirtAddr};
use iced_x86::{Decoder, DecoderError, DecoderOptions, Instruction};

/// The most bytes that an instruction may have.
const LONGEST: usize = 15;

/// Processors of the time ignore the prefix that makes `tzcnt` of `bsf` and `lzcnt` of `bsr`, and
/// compilers rely on that.
pub(super) const OPTIONS: u32 = DecoderOptions::NO_MPFX_0FBC | DecoderOptions::NO_MPFX_0FBD;

/// The result of decoding some bytes.
pub(super) enum Decoded {
    Instruction(Instruction),
    /// More bytes are needed.
    TooShort,
    Invalid,
}

/// Decodes the first instruction of some bytes, as if they were at address `ip`.
pub(super) fn decode(bytes: &[u8], ip: u32) -> Decoded {
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let mut decoder = Decoder::with_ip(32, bytes, ip.into(), OPTIONS);
    let instruction = decoder.decode();
    match decoder.last_error() {
        DecoderError::None => Decoded::Instruction(instruction),
        DecoderError::NoMoreBytes => Decoded::TooShort,
        // The decoder does not distinguish an instruction that is too long from an invalid one.
        _ if bytes.len() == LONGEST && decodes_to_the_end(&bytes[..LONGEST - 1]) => {
            Decoded::TooShort
        }
        _ => Decoded::Invalid,
    }
}

fn decodes_to_the_end(bytes: &[u8]) -> bool {
    let mut decoder = Decoder::new(32, bytes, OPTIONS);
    let _ = decoder.decode();
    decoder.last_error() == DecoderError::NoMoreBytes
}

impl Core<'_> {
    /// Fetches an instruction, reading from the next page only if the instruction extends into it.
    pub(super) fn fetch(&mut self) -> Step<Instruction> {
        let first = VirtAddr(self.eip);
        let frame = self.mmu.fetch_page(self.ram, first)?;
        let offset = first.page_offset() as usize;
        let in_page = &self.ram.frame(frame)[offset..];
        let split = in_page.len().min(LONGEST);
        match decode(in_page, self.eip) {
            Decoded::Instruction(instruction) => return Ok(instruction),
            Decoded::Invalid => return Err(Exception::InvalidOpcode),
            Decoded::TooShort if split == LONGEST => return Err(Exception::GeneralProtection(0)),
            Decoded::TooShort => {}
        }
        let mut bytes = [0; LONGEST];
        bytes[..split].copy_from_slice(&in_page[..split]);
        let second = VirtAddr(first.page_base().0.wrapping_add(PAGE_SIZE));
        let frame = self.mmu.fetch_page(self.ram, second)?;
        bytes[split..].copy_from_slice(&self.ram.frame(frame)[..LONGEST - split]);
        match decode(&bytes, self.eip) {
            Decoded::Instruction(instruction) => Ok(instruction),
            Decoded::Invalid => Err(Exception::InvalidOpcode),
            Decoded::TooShort => Err(Exception::GeneralProtection(0)),
        }
    }
}
