//! The ELF format as far as `execve` reads it: the header of a 32-bit file, its program headers, and
//! the entries of the auxiliary vector. The structures are converted word by word, without a look
//! at what the kernel does not look at either (class, byte order, sections).
//!
//! Linux 2.6.12: `include/linux/elf.h`, `include/linux/auxvec.h`.

/// Size of the header of a 32-bit ELF file (`struct elfhdr`).
pub const ELF_HEADER_SIZE: u32 = 52;
/// Size of a program header of such a file (`struct elf_phdr`).
pub const ELF_PHDR_SIZE: u32 = 32;
/// The first four bytes of every ELF file.
pub const ELFMAG: [u8; 4] = *b"\x7fELF";

/// `e_type`: a program that is linked for fixed addresses.
pub const ET_EXEC: u16 = 2;
/// `e_type`: a program or a library that can be loaded anywhere.
pub const ET_DYN: u16 = 3;
/// `e_machine`: i386.
pub const EM_386: u16 = 3;
/// `e_machine`: i486, a number that was once in use.
pub const EM_486: u16 = 6;

/// `p_type`: a part of the file that is mapped.
pub const PT_LOAD: u32 = 1;
/// `p_type`: the path of the program interpreter.
pub const PT_INTERP: u32 = 3;
/// `p_type`: whether the stack is executable.
pub const PT_GNU_STACK: u32 = 0x6474_e551;

/// `p_flags`: executable.
pub const PF_X: u32 = 1;
/// `p_flags`: writable.
pub const PF_W: u32 = 2;
/// `p_flags`: readable.
pub const PF_R: u32 = 4;

/// End of the auxiliary vector.
pub const AT_NULL: u32 = 0;
/// Address of the program headers in memory.
pub const AT_PHDR: u32 = 3;
/// Size of a program header.
pub const AT_PHENT: u32 = 4;
/// Number of program headers.
pub const AT_PHNUM: u32 = 5;
/// Size of a page.
pub const AT_PAGESZ: u32 = 6;
/// Where the program interpreter is loaded.
pub const AT_BASE: u32 = 7;
/// Flags; there are none.
pub const AT_FLAGS: u32 = 8;
/// Address of the first instruction of the program.
pub const AT_ENTRY: u32 = 9;
/// Real user id.
pub const AT_UID: u32 = 11;
/// Effective user id.
pub const AT_EUID: u32 = 12;
/// Real group id.
pub const AT_GID: u32 = 13;
/// Effective group id.
pub const AT_EGID: u32 = 14;
/// Address of the name of the processor.
pub const AT_PLATFORM: u32 = 15;
/// What the processor can do: `edx` of `cpuid` with `eax` 1.
pub const AT_HWCAP: u32 = 16;
/// How many ticks of `times` a second has.
pub const AT_CLKTCK: u32 = 17;
/// Whether the program runs with other rights than its caller's.
pub const AT_SECURE: u32 = 23;
/// Address of 16 random bytes. 2.6.12 has no such entry; `compat` adds it.
pub const AT_RANDOM: u32 = 25;
/// Address of the system call entry in the vsyscall page.
pub const AT_SYSINFO: u32 = 32;
/// Address of the vsyscall page, which is an ELF object.
pub const AT_SYSINFO_EHDR: u32 = 33;

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    let half = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(u16::from_le_bytes(half))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(word))
}

/// The header of an ELF file (`struct elfhdr`), without what the kernel does not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ElfHeader {
    /// The kind of file: [`ET_EXEC`], [`ET_DYN`].
    pub e_type: u16,
    /// The kind of machine: [`EM_386`].
    pub e_machine: u16,
    /// Address of the first instruction.
    pub e_entry: u32,
    /// Where the program headers are in the file.
    pub e_phoff: u32,
    /// Size of each.
    pub e_phentsize: u16,
    /// Their number.
    pub e_phnum: u16,
}

impl ElfHeader {
    /// The header at the beginning of a file; `None` if the file does not begin with
    /// [`ELFMAG`] or is too short.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(&ELFMAG) {
            return None;
        }
        Some(Self {
            e_type: half(bytes, 16)?,
            e_machine: half(bytes, 18)?,
            e_entry: word(bytes, 24)?,
            e_phoff: word(bytes, 28)?,
            e_phentsize: half(bytes, 42)?,
            e_phnum: half(bytes, 44)?,
        })
    }

    /// Whether it is for an i386, by its machine alone.
    pub const fn is_i386(&self) -> bool {
        matches!(self.e_machine, EM_386 | EM_486)
    }

    /// Whether it can be mapped: a program or a shared object.
    pub const fn is_loadable(&self) -> bool {
        matches!(self.e_type, ET_EXEC | ET_DYN)
    }

    /// Size of the table of program headers in bytes.
    pub const fn table_size(&self) -> u32 {
        self.e_phnum as u32 * ELF_PHDR_SIZE
    }
}

/// A program header (`struct elf_phdr`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ProgramHeader {
    /// What it describes: [`PT_LOAD`], [`PT_INTERP`], [`PT_GNU_STACK`].
    pub p_type: u32,
    /// Where the segment begins in the file.
    pub p_offset: u32,
    /// Where it begins in memory.
    pub p_vaddr: u32,
    /// How many bytes of it are in the file.
    pub p_filesz: u32,
    /// How many bytes it has in memory; the rest is zero.
    pub p_memsz: u32,
    /// Its rights: [`PF_R`], [`PF_W`], [`PF_X`].
    pub p_flags: u32,
}

impl ProgramHeader {
    /// The program headers of a table, as many as it holds completely.
    pub fn parse_table(bytes: &[u8]) -> Vec<Self> {
        let (headers, _rest) = bytes.as_chunks::<{ ELF_PHDR_SIZE as usize }>();
        let headers = headers.iter();
        headers
            .map(|header| Self::of_words(words_of(header)))
            .collect()
    }

    /// The fields in the order of the file; the physical address and the alignment are not read.
    const fn of_words(words: [u32; 8]) -> Self {
        let [p_type, p_offset, p_vaddr, _, p_filesz, p_memsz, p_flags, _] = words;
        Self {
            p_type,
            p_offset,
            p_vaddr,
            p_filesz,
            p_memsz,
            p_flags,
        }
    }

    /// Whether the segment has that right.
    pub const fn may(&self, right: u32) -> bool {
        self.p_flags & right != 0
    }
}

fn words_of(bytes: &[u8; ELF_PHDR_SIZE as usize]) -> [u32; 8] {
    let (words, _rest) = bytes.as_chunks::<4>();
    std::array::from_fn(|nth| u32::from_le_bytes(words[nth]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_needs_its_magic_number_and_all_of_its_bytes() {
        let mut bytes = b"\x7fELF\x01\x01\x01".to_vec();
        bytes.resize(ELF_HEADER_SIZE as usize, 0);
        bytes[16..20].copy_from_slice(&[2, 0, 3, 0]);
        bytes[24..28].copy_from_slice(&0x0804_8400_u32.to_le_bytes());
        bytes[42..46].copy_from_slice(&[32, 0, 3, 0]);
        let header = ElfHeader::parse(&bytes).unwrap();
        assert!(header.is_i386() && header.is_loadable());
        assert_eq!((header.e_entry, header.table_size()), (0x0804_8400, 96));
        assert_eq!(ElfHeader::parse(&bytes[..45]), None, "too short");
        bytes[0] = 0;
        assert_eq!(ElfHeader::parse(&bytes), None, "no magic number");
    }

    #[test]
    fn half_a_program_header_is_none() {
        let bytes: Vec<u8> = (0..80).collect();
        let headers = ProgramHeader::parse_table(&bytes);
        assert_eq!(headers.len(), 2);
        assert_eq!(headers[1].p_type, 0x2322_2120);
        assert_eq!(headers[1].p_flags, 0x3b3a_3938);
    }
}
