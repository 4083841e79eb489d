//! Bits of the status word; the exceptions have the same places in the control word, where they
//! mask.

/// Invalid operation.
pub(super) const IE: u16 = 0x01;
/// Denormal operand.
pub(super) const DE: u16 = 0x02;
/// Division by zero.
pub(super) const ZE: u16 = 0x04;
/// Overflow.
pub(super) const OE: u16 = 0x08;
/// Underflow.
pub(super) const UE: u16 = 0x10;
/// Precision: the result is inexact.
pub(super) const PE: u16 = 0x20;
/// Stack fault: the invalid operation was an empty or a full stack.
pub(super) const SF: u16 = 0x40;
/// Error summary: an exception that is not masked.
pub(super) const ES: u16 = 0x80;
/// Condition codes.
pub(super) const C0: u16 = 0x100;
pub(super) const C1: u16 = 0x200;
pub(super) const C2: u16 = 0x400;
pub(super) const C3: u16 = 0x4000;
/// Busy: a copy of [`ES`] since the 387.
pub(super) const BUSY: u16 = 0x8000;
/// All exceptions that can be masked.
pub(super) const EXCEPTIONS: u16 = 0x3f;
/// The condition codes.
pub(super) const CODES: u16 = C0 | C1 | C2 | C3;
