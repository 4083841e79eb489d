//! Why a CPU stopped running user code: the events that the kernel must handle.

use crate::hw::PageFault;
use std::fmt;

/// The result of a run of user code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RunExit {
    /// The number of instructions retired. An instruction with a `rep` prefix counts once per
    /// repetition, and once if it does not repeat at all. An instruction that faults does not
    /// count.
    pub used: u64,
    /// Why the run ended.
    pub event: Event,
}

/// The event that ended a run of user code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// The allowed number of instructions has retired. `eip` is at the next one; within a string
    /// instruction that has repetitions left, at that instruction.
    Budget,
    /// `int 0x80`. `eip` is after it.
    Syscall,
    /// A processor exception.
    Exception(Exception),
}

/// A processor exception.
///
/// For a fault, `eip` is at the instruction, and no register, flag or byte of memory has changed,
/// except for the completed repetitions of a string instruction. For a trap (`Debug`, `Breakpoint`,
/// `Overflow`), it is after the instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exception {
    /// #DE, vector 0: a division by zero, or a quotient that does not fit.
    DivideError,
    /// #DB, vector 1: an instruction that began with TF set has retired.
    Debug,
    /// #BP, vector 3: `int3`.
    Breakpoint,
    /// #OF, vector 4: `into` with OF set.
    Overflow,
    /// #BR, vector 5: `bound` with an index out of bounds.
    Bound,
    /// #UD, vector 6: not an instruction of this CPU.
    InvalidOpcode,
    /// #NM, vector 7: an instruction of the floating-point unit while TS is set.
    DeviceNotAvailable,
    /// #NP, vector 11: a segment that is not present, with its selector.
    SegmentNotPresent(u16),
    /// #SS, vector 12: an address beyond the limit of the stack segment or, with its selector, a
    /// stack segment that is not present.
    StackSegment(u16),
    /// #GP, vector 13: any other protection violation. The error code names a selector or an entry
    /// of the interrupt table, or is 0.
    GeneralProtection(u16),
    /// #PF, vector 14: see [`PageFault`].
    PageFault(PageFault),
    /// #MF, vector 16: an earlier x87 instruction has raised an exception that is not masked. `eip` is
    /// at the instruction that reports it.
    CoprocessorError,
    /// #AC, vector 17: a misaligned access while AC and CR0.AM are set. Linux 2.6.12 sets AM, but
    /// this CPU does not check alignment and never raises it.
    AlignmentCheck,
}

impl Exception {
    /// Its vector: the index in the interrupt table.
    pub const fn vector(self) -> u8 {
        match self {
            Self::DivideError => 0,
            Self::Debug => 1,
            Self::Breakpoint => 3,
            Self::Overflow => 4,
            Self::Bound => 5,
            Self::InvalidOpcode => 6,
            Self::DeviceNotAvailable => 7,
            Self::SegmentNotPresent(_) => 11,
            Self::StackSegment(_) => 12,
            Self::GeneralProtection(_) => 13,
            Self::PageFault(_) => 14,
            Self::CoprocessorError => 16,
            Self::AlignmentCheck => 17,
        }
    }

    /// The error code that the CPU pushes, for the exceptions that have one.
    pub const fn error_code(self) -> Option<u32> {
        match self {
            Self::SegmentNotPresent(code)
            | Self::StackSegment(code)
            | Self::GeneralProtection(code) => Some(code as u32),
            Self::PageFault(fault) => Some(fault.error_code.0),
            Self::AlignmentCheck => Some(0),
            _ => None,
        }
    }

    /// Its short name in the manuals, such as `#PF`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DivideError => "#DE",
            Self::Debug => "#DB",
            Self::Breakpoint => "#BP",
            Self::Overflow => "#OF",
            Self::Bound => "#BR",
            Self::InvalidOpcode => "#UD",
            Self::DeviceNotAvailable => "#NM",
            Self::SegmentNotPresent(_) => "#NP",
            Self::StackSegment(_) => "#SS",
            Self::GeneralProtection(_) => "#GP",
            Self::PageFault(_) => "#PF",
            Self::CoprocessorError => "#MF",
            Self::AlignmentCheck => "#AC",
        }
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self.error_code() {
            Some(code) => write!(f, "({code:#x})"),
            None => Ok(()),
        }
    }
}

impl From<PageFault> for Exception {
    fn from(fault: PageFault) -> Self {
        Self::PageFault(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::VirtAddr;
    use crate::hw::ErrorCode;

    #[test]
    fn vectors_names_and_error_codes_of_the_manual() {
        use Exception::*;
        let fault = crate::hw::PageFault {
            addr: VirtAddr(0x1000),
            error_code: ErrorCode(7),
        };
        for (exception, vector, text) in [
            (DivideError, 0, "#DE"),
            (Debug, 1, "#DB"),
            (Breakpoint, 3, "#BP"),
            (Overflow, 4, "#OF"),
            (Bound, 5, "#BR"),
            (InvalidOpcode, 6, "#UD"),
            (DeviceNotAvailable, 7, "#NM"),
            (SegmentNotPresent(0x30), 11, "#NP(0x30)"),
            (StackSegment(0x30), 12, "#SS(0x30)"),
            (GeneralProtection(0), 13, "#GP(0x0)"),
            (PageFault(fault), 14, "#PF(0x7)"),
            (CoprocessorError, 16, "#MF"),
            (AlignmentCheck, 17, "#AC(0x0)"),
        ] {
            assert_eq!(exception.vector(), vector);
            assert_eq!(exception.to_string(), text);
        }
    }
}
