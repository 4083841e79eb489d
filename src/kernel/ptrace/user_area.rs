//! The user area that a tracer sees: the registers of a task by their offsets in `struct user`, and
//! which of their bits a tracer may change.

use crate::abi::{Errno, TASK_SIZE};
use crate::hw::Regs;

/// Number of registers in the area, one word each.
pub const FRAME_SIZE: usize = 17;
/// Size of the user area in bytes: `sizeof(struct user)`.
const USER_SIZE: u32 = 284;
/// Offset of the debug registers.
const DEBUG_REGISTERS: u32 = 252;
/// Bits of the debug control register that are reserved.
const DR_CONTROL_RESERVED: u32 = 0xfc00;
/// The combinations of kind (bits 0 and 1) and length (bits 2 and 3) of a breakpoint that do not
/// exist, a bit for each: accesses to ports, eight bytes, and an instruction longer than one byte.
const WRONG_KINDS: u32 = 0x5f54;
/// The flags that a tracer may change.
const FLAG_MASK: u32 = 0x0004_4dd5;
/// `TF`: a debug exception after each instruction.
pub const TRAP_FLAG: u32 = 0x100;

/// A word of the user area.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UserWord {
    /// The register with that number, in the order of `pt_regs`.
    Register(usize),
    /// The debug register with that number.
    Debug(usize),
    /// Something that is not stored here.
    Other,
}

/// The word at an offset in the user area.
///
/// Linux 2.6.12: `arch/i386/kernel/ptrace.c`, `sys_ptrace()`.
///
/// # Errors
/// `EIO` if the offset is not that of a word, or is beyond the area.
pub(super) const fn user_word(offset: u32) -> Result<UserWord, Errno> {
    if !offset.is_multiple_of(4) || (offset as i32) < 0 || offset > USER_SIZE - 3 {
        return Err(Errno::EIO);
    }
    let register = (offset / 4) as usize;
    Ok(if register < FRAME_SIZE {
        UserWord::Register(register)
    } else if offset >= DEBUG_REGISTERS {
        UserWord::Debug(((offset - DEBUG_REGISTERS) / 4) as usize)
    } else {
        UserWord::Other
    })
}

/// Changes a debug register as far as a tracer may: an address must be one of user mode, registers 4
/// and 5 do not exist, and the control register may only ask for kinds and lengths of breakpoints
/// that there are.
///
/// Linux 2.6.12: `arch/i386/kernel/ptrace.c`, `sys_ptrace()`.
///
/// # Errors
/// `EIO` for anything else.
pub(super) fn put_debugreg(
    registers: &mut [u32; 8],
    register: usize,
    value: u32,
) -> Result<(), Errno> {
    let value = match register {
        4 | 5 => return Err(Errno::EIO),
        0..=3 if value >= TASK_SIZE - 3 => return Err(Errno::EIO),
        7 => {
            let value = value & !DR_CONTROL_RESERVED;
            let is_wrong = |breakpoint: u32| {
                let kind = value >> (16 + 4 * breakpoint) & 0xf;
                WRONG_KINDS >> kind & 1 != 0
            };
            if (0..4).any(is_wrong) {
                return Err(Errno::EIO);
            }
            value
        }
        _ => value,
    };
    registers[register] = value;
    Ok(())
}

/// The registers in the order of the user area.
pub const fn registers(regs: &Regs) -> [u32; FRAME_SIZE] {
    [
        regs.ebx,
        regs.ecx,
        regs.edx,
        regs.esi,
        regs.edi,
        regs.ebp,
        regs.eax,
        regs.ds,
        regs.es,
        regs.fs,
        regs.gs,
        regs.orig_eax,
        regs.eip,
        regs.cs,
        regs.eflags,
        regs.esp,
        regs.ss,
    ]
}

/// Changes a register as far as a tracer may: selectors must be those of user mode (data segments
/// may also be null), and only some of the flags can be set.
///
/// Linux 2.6.12: `arch/i386/kernel/ptrace.c`, `putreg()`.
///
/// # Errors
/// `EIO` for a selector of the kernel.
pub(super) const fn putreg(regs: &mut Regs, register: usize, value: u32) -> Result<(), Errno> {
    let of_user = value & 3 == 3;
    match register {
        0 => regs.ebx = value,
        1 => regs.ecx = value,
        2 => regs.edx = value,
        3 => regs.esi = value,
        4 => regs.edi = value,
        5 => regs.ebp = value,
        6 => regs.eax = value,
        7..=10 if value != 0 && !of_user => return Err(Errno::EIO),
        7 => regs.ds = value & 0xffff,
        8 => regs.es = value & 0xffff,
        9 => regs.fs = value,
        10 => regs.gs = value,
        11 => regs.orig_eax = value,
        12 => regs.eip = value,
        13 | 16 if !of_user => return Err(Errno::EIO),
        13 => regs.cs = value & 0xffff,
        14 => regs.eflags = value & FLAG_MASK | regs.eflags & !FLAG_MASK,
        15 => regs.esp = value,
        _ => regs.ss = value & 0xffff,
    }
    Ok(())
}

/// Whether the code starts with `popf`, which sets TF by itself.
///
/// Linux 2.6.12: `arch/i386/kernel/ptrace.c`, `is_at_popf()`.
pub(super) fn is_at_popf(code: &[u8]) -> bool {
    const PREFIXES: [u8; 11] = [
        0x66, 0x67, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0xf0, 0xf2, 0xf3,
    ];
    code.iter().find(|byte| !PREFIXES.contains(byte)) == Some(&0x9d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_that_are_words_of_the_area() {
        assert_eq!(user_word(0), Ok(UserWord::Register(0)));
        assert_eq!(user_word(4 * 16), Ok(UserWord::Register(16)));
        assert_eq!(user_word(4 * 17), Ok(UserWord::Other));
        assert_eq!(user_word(248), Ok(UserWord::Other));
        assert_eq!(user_word(252), Ok(UserWord::Debug(0)));
        assert_eq!(user_word(280), Ok(UserWord::Debug(7)));
        for offset in [2, 284, 0x8000_0000, u32::MAX - 3] {
            assert_eq!(user_word(offset), Err(Errno::EIO), "{offset:#x}");
        }
    }

    #[test]
    fn which_debug_registers_take_which_values() {
        let mut registers = [0; 8];
        for (register, value, stored) in [
            (0, TASK_SIZE - 4, Some(TASK_SIZE - 4)),
            (3, TASK_SIZE - 3, None),
            (4, 0, None),
            (5, 0, None),
            (6, u32::MAX, Some(u32::MAX)),
            // Reserved bits are dropped.
            (7, 0xffff, Some(0x3ff)),
            // A write of 4 bytes, and what there is not: a port, 8 bytes, a long instruction.
            (7, 0xd_0001, Some(0xd_0001)),
            (7, 0x2_0001, None),
            (7, 0x9_0001, None),
            (7, 0x4000_0001, None),
            (7, 0x3333_0000, Some(0x3333_0000)),
        ] {
            let before = registers[register];
            let put = put_debugreg(&mut registers, register, value);
            assert_eq!(put.is_ok(), stored.is_some(), "{register} {value:#x}");
            assert_eq!(registers[register], stored.unwrap_or(before));
        }
    }

    #[test]
    fn what_is_put_is_what_is_got_but_for_selectors_and_flags() {
        let mut regs = Regs::default();
        for register in 0..FRAME_SIZE {
            assert_eq!(
                putreg(&mut regs, register, 0x1_0003 + 4 * register as u32),
                Ok(())
            );
        }
        let got = registers(&regs);
        for (register, value) in got.into_iter().enumerate() {
            let put = 0x1_0003 + 4 * register as u32;
            let expected = match register {
                7 | 8 | 13 | 16 => put & 0xffff,
                14 => put & FLAG_MASK | Regs::USER_EFLAGS & !FLAG_MASK,
                _ => put,
            };
            assert_eq!(value, expected, "register {register}");
        }
        for (register, value, result) in [
            (7, 0, Ok(())),
            (10, 0x10, Err(Errno::EIO)),
            (13, 0, Err(Errno::EIO)),
            (16, 0x68, Err(Errno::EIO)),
        ] {
            assert_eq!(putreg(&mut regs, register, value), result);
        }
    }

    #[test]
    fn popf_is_found_behind_prefixes() {
        assert!(is_at_popf(&[0x9d]));
        assert!(is_at_popf(&[0x66, 0xf0, 0x9d, 0x90]));
        for code in [&[0x9c, 0x9d][..], &[0x90], &[0x66], &[]] {
            assert!(!is_at_popf(code));
        }
    }
}
