//! Why a file is not a program for the emulated machine, told before it is run: the kernel itself
//! would only say `ENOEXEC`.

use crate::abi::elf::{ELFMAG, ElfHeader, PT_INTERP, ProgramHeader};

/// Whether a file begins like an ELF file.
pub(super) fn is_elf(bytes: &[u8]) -> bool {
    bytes.starts_with(&ELFMAG)
}

/// Names of machines by `e_machine`.
const MACHINES: [(u16, &str); 8] = [
    (2, "SPARC"),
    (8, "MIPS"),
    (20, "PowerPC"),
    (21, "PowerPC"),
    (40, "ARM"),
    (62, "x86-64"),
    (183, "AArch64"),
    (243, "RISC-V"),
];

/// Why a file cannot be run, and how to mend it; `None` if it can.
pub(super) fn why_unfit(bytes: &[u8]) -> Option<String> {
    let Some(header) = ElfHeader::parse(bytes) else {
        return Some("this is not an ELF program".to_owned());
    };
    if !header.is_i386() {
        let known = MACHINES
            .iter()
            .find(|(number, _)| *number == header.e_machine);
        let machine = match known {
            Some((_, name)) => (*name).to_owned(),
            None => format!("machine {}", header.e_machine),
        };
        return Some(format!(
            "this is a program for {machine}, and the machine is an i386\nhelp: compile with -m32"
        ));
    }
    if !header.is_loadable() {
        return Some(
            "this is not a program, but a part of one\nhelp: link it: gcc -m32 -static".to_owned(),
        );
    }
    if is_dynamic(bytes, &header) {
        return Some(
            "this program is linked dynamically, and the machine has no shared libraries\n\
             help: link with -static"
                .to_owned(),
        );
    }
    None
}

/// Whether a program asks for a program interpreter.
fn is_dynamic(bytes: &[u8], header: &ElfHeader) -> bool {
    let start = bytes.len().min(header.e_phoff as usize);
    let end = bytes.len().min(start + header.table_size() as usize);
    let headers = ProgramHeader::parse_table(&bytes[start..end]);
    headers.iter().any(|header| header.p_type == PT_INTERP)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(machine: u16, kind: u16, segment: u32) -> Vec<u8> {
        let mut bytes = ELFMAG.to_vec();
        bytes.resize(52 + 32, 0);
        let mut put = |at: usize, value: u16| {
            bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
        };
        put(16, kind);
        put(18, machine);
        put(28, 52);
        put(42, 32);
        put(44, 1);
        bytes[52..56].copy_from_slice(&segment.to_le_bytes());
        bytes
    }

    #[test]
    fn what_is_wrong_with_a_program_and_how_to_mend_it() {
        for (bytes, what) in [
            (b"#!/bin/sh".to_vec(), "not an ELF program"),
            (elf(62, 2, 1), "x86-64"),
            (elf(62, 2, 1), "-m32"),
            (elf(9999, 2, 1), "machine 9999"),
            (elf(3, 1, 1), "a part of one"),
            (elf(3, 3, PT_INTERP), "-static"),
        ] {
            let why = why_unfit(&bytes).unwrap();
            assert!(why.contains(what), "{why}");
        }
        assert_eq!(why_unfit(&elf(3, 2, 1)), None);
        let mut far = elf(3, 2, 1);
        far[28..32].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(why_unfit(&far), None, "the kernel refuses it");
    }
}
