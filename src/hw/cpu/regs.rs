//! The registers of a task in user mode.

/// The registers of user mode, named as in the i386 `pt_regs`.
#[allow(missing_docs, reason = "the names of the registers say it all")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Regs {
    pub ebx: u32,
    pub ecx: u32,
    pub edx: u32,
    pub esi: u32,
    pub edi: u32,
    pub ebp: u32,
    pub eax: u32,
    pub ds: u32,
    pub es: u32,
    pub fs: u32,
    pub gs: u32,
    /// The number of the current system call; `u32::MAX` (-1) outside of one.
    pub orig_eax: u32,
    pub eip: u32,
    pub cs: u32,
    pub eflags: u32,
    pub esp: u32,
    pub ss: u32,
}

impl Regs {
    /// `__USER_CS`: the selector of the user code segment.
    pub const USER_CS: u32 = 0x73;
    /// `__USER_DS`: the selector of the user data segment.
    pub const USER_DS: u32 = 0x7b;
    /// Interrupts enabled; bit 1 is always set.
    pub const USER_EFLAGS: u32 = 0x202;

    /// One of the eight general registers, by its number in machine code.
    pub const fn general(&self, number: u8) -> u32 {
        match number {
            0 => self.eax,
            1 => self.ecx,
            2 => self.edx,
            3 => self.ebx,
            4 => self.esp,
            5 => self.ebp,
            6 => self.esi,
            _ => self.edi,
        }
    }
}

impl Default for Regs {
    /// The state before the first user instruction: all zero except for the selectors, the flags,
    /// and the mark for no system call.
    fn default() -> Self {
        Self {
            ebx: 0,
            ecx: 0,
            edx: 0,
            esi: 0,
            edi: 0,
            ebp: 0,
            eax: 0,
            ds: Self::USER_DS,
            es: Self::USER_DS,
            fs: 0,
            gs: 0,
            orig_eax: u32::MAX,
            eip: 0,
            cs: Self::USER_CS,
            eflags: Self::USER_EFLAGS,
            esp: 0,
            ss: Self::USER_DS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_begin_in_user_mode() {
        let regs = Regs::default();
        assert_eq!(
            (regs.cs, regs.ss, regs.ds, regs.es),
            (0x73, 0x7b, 0x7b, 0x7b)
        );
        assert_eq!(
            (regs.fs, regs.gs, regs.eax, regs.orig_eax),
            (0, 0, 0, u32::MAX)
        );
    }
}
