//! Fetching and decoding the one instruction at `eip`, whatever pages it lies on.

use super::Exception;
use super::state::{Core, Step};
use crate::abi::{PAGE_SIZE, VirtAddr};
use iced_x86::{Decoder, DecoderError, DecoderOptions, Instruction};

/// The most bytes that an instruction may have.
const LONGEST: usize = 15;

/// What bytes are as an instruction.
pub(super) enum Decoded {
    Instruction(Instruction),
    /// There must be more bytes.
    TooShort,
    Invalid,
}

/// Decodes the first instruction of some bytes, as if they lay at `ip`.
pub(super) fn decode(bytes: &[u8], ip: u32) -> Decoded {
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let mut decoder = Decoder::with_ip(32, bytes, ip.into(), DecoderOptions::NONE);
    let instruction = decoder.decode();
    match decoder.last_error() {
        DecoderError::None => Decoded::Instruction(instruction),
        DecoderError::NoMoreBytes => Decoded::TooShort,
        _ => Decoded::Invalid,
    }
}

impl Core<'_> {
    /// Fetches as many bytes as the instruction has, from the next page only if it reaches there.
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
