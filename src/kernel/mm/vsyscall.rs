//! The vsyscall page: a small ELF object that the kernel maps into every program, with the code that
//! enters the kernel and the code to which signal handlers return. Libraries find its address in
//! their auxiliary vector, and its functions by the symbol table.
//!
//! Linux 2.6.12: `arch/i386/kernel/vsyscall-int80.S`, `vsyscall.lds.S`, `sysenter.c`.

use crate::abi::elf::{
    ELF_HEADER_SIZE, ELF_PHDR_SIZE, ELFMAG, EM_386, ET_DYN, PF_R, PF_X, PT_LOAD,
};
use crate::abi::{PAGE_SIZE, VirtAddr};
use crate::kernel::signal::{
    KERNEL_RT_SIGRETURN, KERNEL_SIGRETURN, RT_SIGRETURN_CODE, SIGRETURN_CODE,
};

/// Where user programs find the page.
pub const VSYSCALL: VirtAddr = VirtAddr(0xffff_e000);
/// Offset of `__kernel_vsyscall` in it.
pub const VSYSCALL_ENTRY: u32 = 0x400;
/// `int $0x80; ret`.
const INT_80_RET: [u8; 3] = [0xcd, 0x80, 0xc3];
/// What fills the gaps between the functions: `nop`.
const NOP: u8 = 0x90;

/// `p_type`: where the dynamic section is.
const PT_DYNAMIC: u32 = 2;
/// Number of program headers: the page itself, the dynamic section.
const PHNUM: u32 = 2;
/// Number of section headers: none. A loader does without them.
const SHNUM: u16 = 0;

/// The functions: name, address, size. In the order of the symbol table, after its null symbol.
const FUNCTIONS: [(&str, u32, u32); 3] = [
    ("__kernel_vsyscall", VSYSCALL.0 + VSYSCALL_ENTRY, 3),
    ("__kernel_sigreturn", KERNEL_SIGRETURN, 8),
    ("__kernel_rt_sigreturn", KERNEL_RT_SIGRETURN, 7),
];
/// The version that they all have.
const VERSION: &str = "LINUX_2.5";
/// The name of the object.
const SONAME: &str = "linux-gate.so.1";

/// Offsets of the tables in the page.
const HASH: u32 = ELF_HEADER_SIZE + PHNUM * ELF_PHDR_SIZE;
const SYMBOLS: u32 = 1 + FUNCTIONS.len() as u32;
const DYNSYM: u32 = HASH + 4 * (2 + 1 + SYMBOLS);
const DYNSTR: u32 = DYNSYM + 16 * SYMBOLS;
const VERSYM: u32 = 0x180;
const VERDEF: u32 = 0x190;
const DYNAMIC: u32 = 0x200;

/// Tags of the dynamic section.
mod tag {
    pub const HASH: u32 = 4;
    pub const STRTAB: u32 = 5;
    pub const SYMTAB: u32 = 6;
    pub const STRSZ: u32 = 10;
    pub const SYMENT: u32 = 11;
    pub const SONAME: u32 = 14;
    pub const VERSYM: u32 = 0x6fff_fff0;
    pub const VERDEF: u32 = 0x6fff_fffc;
    pub const VERDEFNUM: u32 = 0x6fff_fffd;
}

/// A page that is being filled.
struct Page([u8; PAGE_SIZE as usize]);

impl Page {
    fn put(&mut self, at: u32, bytes: &[u8]) {
        self.0[at as usize..at as usize + bytes.len()].copy_from_slice(bytes);
    }

    fn words(&mut self, at: u32, words: &[u32]) {
        for (nth, word) in (0..).zip(words) {
            self.put(at + 4 * nth, &word.to_le_bytes());
        }
    }

    fn halves(&mut self, at: u32, halves: &[u16]) {
        for (nth, half) in (0..).zip(halves) {
            self.put(at + 2 * nth, &half.to_le_bytes());
        }
    }
}

/// The strings of the symbol table, and where each begins.
fn strings() -> (Vec<u8>, Vec<u32>) {
    let names = FUNCTIONS.iter().map(|(name, ..)| *name);
    let (mut table, mut offsets) = (vec![0], Vec::new());
    for name in names.chain([SONAME, VERSION]) {
        offsets.push(table.len() as u32);
        table.extend_from_slice(name.as_bytes());
        table.push(0);
    }
    (table, offsets)
}

/// The hash by which a version is found.
///
/// The function is that of the System V ABI.
const fn elf_hash(name: &str) -> u32 {
    let (mut hash, mut at, bytes) = (0_u32, 0, name.as_bytes());
    while at < bytes.len() {
        hash = (hash << 4).wrapping_add(bytes[at] as u32);
        let high = hash & 0xf000_0000;
        hash = (hash ^ high >> 24) & !high;
        at += 1;
    }
    hash
}

/// The contents of the page.
pub(super) fn vsyscall_page() -> [u8; PAGE_SIZE as usize] {
    let mut page = Page([0; PAGE_SIZE as usize]);
    let (table, names) = strings();
    put_headers(&mut page);
    put_symbols(&mut page, &names);
    page.put(DYNSTR, &table);
    put_version(&mut page, &names);
    put_dynamic(&mut page, table.len() as u32, &names);
    let code: [(u32, &[u8]); 3] = [
        (VSYSCALL_ENTRY, &INT_80_RET),
        (KERNEL_SIGRETURN - VSYSCALL.0, &SIGRETURN_CODE),
        (KERNEL_RT_SIGRETURN - VSYSCALL.0, &RT_SIGRETURN_CODE),
    ];
    let end = KERNEL_RT_SIGRETURN - VSYSCALL.0;
    page.0[VSYSCALL_ENTRY as usize..end as usize].fill(NOP);
    for (at, bytes) in code {
        page.put(at, bytes);
    }
    page.0
}

fn put_headers(page: &mut Page) {
    // 32 bits, little-endian, version 1.
    page.put(0, &ELFMAG);
    page.put(4, &[1, 1, 1]);
    page.halves(16, &[ET_DYN, EM_386]);
    let entry = VSYSCALL.0 + VSYSCALL_ENTRY;
    page.words(20, &[1, entry, ELF_HEADER_SIZE, 0, 0]);
    let (header, phdr) = (ELF_HEADER_SIZE as u16, ELF_PHDR_SIZE as u16);
    page.halves(40, &[header, phdr, PHNUM as u16, 0, SHNUM, 0]);
    let base = VSYSCALL.0;
    let (size, flags) = (KERNEL_RT_SIGRETURN - base + 7, PF_R | PF_X);
    let load = [PT_LOAD, 0, base, base, size, size, flags, PAGE_SIZE];
    page.words(ELF_HEADER_SIZE, &load);
    let (at, size) = (base + DYNAMIC, 8 * 10);
    let dynamic = [PT_DYNAMIC, DYNAMIC, at, at, size, size, PF_R, 4];
    page.words(ELF_HEADER_SIZE + ELF_PHDR_SIZE, &dynamic);
}

/// The symbols, in a hash table with a single chain.
fn put_symbols(page: &mut Page, names: &[u32]) {
    // One bucket, which begins with the first function; each but the last leads to the next.
    page.words(HASH, &[1, SYMBOLS, 1]);
    let last = SYMBOLS - 1;
    for symbol in 1..SYMBOLS {
        let next = if symbol == last { 0 } else { symbol + 1 };
        page.words(HASH + 4 * (3 + symbol), &[next]);
    }
    // A global function, in a section of the object.
    let kind = 1 << 4 | 2 | 1 << 16;
    for (nth, (name, (_, addr, size))) in (1..).zip(names.iter().zip(FUNCTIONS)) {
        page.words(DYNSYM + 16 * nth, &[*name, addr, size, kind]);
    }
}

/// The version of the object itself, and the one of its functions.
fn put_version(page: &mut Page, names: &[u32]) {
    let [soname, version] = [names[FUNCTIONS.len()], names[FUNCTIONS.len() + 1]];
    page.halves(VERSYM, &[0, 2, 2, 2]);
    // Each: structure version, flags (1: the object itself), index, count; hash, its name behind
    // it, the next one.
    let one = 20 + 8;
    page.halves(VERDEF, &[1, 1, 1, 1]);
    page.words(VERDEF + 8, &[elf_hash(SONAME), 20, one, soname, 0]);
    page.halves(VERDEF + one, &[1, 0, 2, 1]);
    page.words(VERDEF + one + 8, &[elf_hash(VERSION), 20, 0, version, 0]);
}

fn put_dynamic(page: &mut Page, strsz: u32, names: &[u32]) {
    let base = VSYSCALL.0;
    let entries = [
        (tag::SONAME, names[FUNCTIONS.len()]),
        (tag::HASH, base + HASH),
        (tag::STRTAB, base + DYNSTR),
        (tag::SYMTAB, base + DYNSYM),
        (tag::STRSZ, strsz),
        (tag::SYMENT, 16),
        (tag::VERDEF, base + VERDEF),
        (tag::VERDEFNUM, 2),
        (tag::VERSYM, base + VERSYM),
        (0, 0),
    ];
    for (nth, (tag, value)) in (0..).zip(entries) {
        page.words(DYNAMIC + 8 * nth, &[tag, value]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::elf::{ElfHeader, ProgramHeader};

    fn word(page: &[u8], at: u32) -> u32 {
        let at = at as usize;
        u32::from_le_bytes(page[at..at + 4].try_into().unwrap())
    }

    fn text(page: &[u8], at: u32) -> &str {
        let bytes = &page[at as usize..];
        let end = bytes.iter().position(|byte| *byte == 0).unwrap();
        std::str::from_utf8(&bytes[..end]).unwrap()
    }

    /// The dynamic section, as a loader finds it by the program headers.
    fn dynamic(page: &[u8]) -> Vec<(u32, u32)> {
        let header = ElfHeader::parse(page).unwrap();
        let table = &page[header.e_phoff as usize..][..header.table_size() as usize];
        let headers = ProgramHeader::parse_table(table);
        let section = headers.iter().find(|h| h.p_type == PT_DYNAMIC).unwrap();
        let entries = (0..section.p_filesz / 8).map(|nth| section.p_offset + 8 * nth);
        entries
            .map(|at| (word(page, at), word(page, at + 4)))
            .collect()
    }

    /// What a C library does: through the hash table to the symbol, with its version.
    fn lookup(page: &[u8], wanted: &str) -> Option<u32> {
        let entries = dynamic(page);
        let find = |tag| entries.iter().find(|e| e.0 == tag).unwrap().1 - VSYSCALL.0;
        let (hash, symbols, strings) = (find(tag::HASH), find(tag::SYMTAB), find(tag::STRTAB));
        let bucket = word(page, hash) as usize;
        assert_eq!(bucket, 1);
        let mut symbol = word(page, hash + 8);
        while symbol != 0 {
            let at = symbols + 16 * symbol;
            if text(page, strings + word(page, at)) == wanted {
                let version = page[find(tag::VERSYM) as usize + 2 * symbol as usize];
                assert_eq!(version, 2, "{wanted}");
                return Some(word(page, at + 4));
            }
            symbol = word(page, hash + 4 * (3 + symbol));
        }
        None
    }

    /// `arch/i386/kernel/vsyscall.lds.S`: what is exported, and where.
    #[test]
    fn libraries_find_the_functions_of_the_page() {
        let page = vsyscall_page();
        for (name, addr, code) in [
            ("__kernel_vsyscall", 0xffff_e400, "cd 80 c3 90"),
            ("__kernel_sigreturn", 0xffff_e420, "58 b8 77 00 00 00 cd 80"),
            ("__kernel_rt_sigreturn", 0xffff_e440, "b8 ad 00 00 00 cd 80"),
        ] {
            assert_eq!(lookup(&page, name), Some(addr), "{name}");
            let at = (addr - VSYSCALL.0) as usize;
            let bytes = code
                .split(' ')
                .map(|byte| u8::from_str_radix(byte, 16).unwrap());
            let bytes: Vec<u8> = bytes.collect();
            assert_eq!(page[at..at + bytes.len()], bytes, "{name}");
        }
        assert_eq!(lookup(&page, "__vdso_clock_gettime"), None);
    }

    #[test]
    fn the_functions_have_the_version_of_2_5() {
        let page = vsyscall_page();
        let entries = dynamic(&page);
        let find = |tag| entries.iter().find(|e| e.0 == tag).unwrap().1;
        let (verdef, strings) = (
            find(tag::VERDEF) - VSYSCALL.0,
            find(tag::STRTAB) - VSYSCALL.0,
        );
        let second = verdef + word(&page, verdef + 16);
        assert_eq!(word(&page, second + 16), 0, "there is no third");
        let name = word(&page, second + word(&page, second + 12));
        assert_eq!(text(&page, strings + name), VERSION);
        assert_eq!(
            word(&page, second + 8),
            0x03ae_75f5,
            "the hash of LINUX_2.5"
        );
        assert_eq!(text(&page, strings + find(tag::SONAME)), SONAME);
    }

    /// The tables do not overlap.
    #[test]
    fn every_table_has_its_place() {
        let (table, _) = strings();
        assert!(DYNSTR + table.len() as u32 <= VERSYM);
        const {
            assert!(VERSYM + 2 * SYMBOLS <= VERDEF);
            assert!(VERDEF + 2 * 28 <= DYNAMIC);
            assert!(DYNAMIC + 80 <= VSYSCALL_ENTRY);
        }
    }
}
