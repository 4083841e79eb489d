//! What an ELF program finds on its stack: `argc`, the pointers to its arguments and its
//! environment, and the auxiliary vector.
//!
//! Linux 2.6.12: `fs/binfmt_elf.c`, `create_elf_tables()`.

use crate::abi::PAGE_SIZE;
use crate::abi::elf::{
    AT_BASE, AT_CLKTCK, AT_EGID, AT_ENTRY, AT_EUID, AT_FLAGS, AT_GID, AT_HWCAP, AT_NULL, AT_PAGESZ,
    AT_PHDR, AT_PHENT, AT_PHNUM, AT_PLATFORM, AT_RANDOM, AT_SECURE, AT_SYSINFO, AT_SYSINFO_EHDR,
    AT_UID, ELF_PHDR_SIZE,
};
use crate::abi::{TaskId, VirtAddr};
use crate::hw::CPUID_FEATURES;
use crate::kernel::Kernel;
use crate::kernel::mm::{VSYSCALL, VSYSCALL_ENTRY};
use crate::kernel::syscall::ExecArgs;
use crate::kernel::task::Cred;

/// `AT_PLATFORM`: the machine of `uname`.
const PLATFORM: &[u8] = b"i686\0";
/// `AT_CLKTCK`: ticks of `times` in a second (`USER_HZ`).
const CLOCKS_PER_SEC: u32 = 100;

/// An odd number whose multiples look random in their high bits.
const MIX: u32 = 0x9e37_79b1;

/// Where the parts of a program are in memory, as its auxiliary vector tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Loaded {
    /// Address of the program headers.
    pub phdr: u32,
    /// Number of program headers.
    pub phnum: u16,
    /// Where the program interpreter is loaded; 0 without one.
    pub base: u32,
    /// The first instruction of the program itself.
    pub entry: u32,
}

/// The table at the top of the stack.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Tables {
    /// Where it begins: the stack pointer.
    esp: u32,
    /// The name of the processor, an address.
    platform: u32,
    /// 16 bytes for `AT_RANDOM`, an address, if the program gets them.
    random: Option<u32>,
    /// Where the arguments end and the environment begins.
    arg_end: u32,
    /// Where the environment ends.
    env_end: u32,
    /// The words from `esp` on.
    words: Vec<u32>,
    /// The auxiliary vector, the last of these words.
    auxv: Vec<u32>,
}

/// Lengths of the strings of a program with their null bytes.
fn lengths(strings: &[Vec<u8>]) -> impl Iterator<Item = u32> {
    strings.iter().map(|string| string.len() as u32 + 1)
}

impl Tables {
    /// The table of a program whose first string lies at `arg_start`.
    fn new(
        arg_start: u32,
        args: &ExecArgs,
        loaded: Loaded,
        cred: &Cred,
        random: Option<[u8; 16]>,
    ) -> Self {
        let platform = (arg_start & !15) - PLATFORM.len() as u32;
        let random = random.map(|bytes| platform - bytes.len() as u32);
        let auxv = auxv(loaded, cred, platform, random);
        let mut words = vec![args.argv.len() as u32];
        let mut at = arg_start;
        let mut point = |words: &mut Vec<u32>, strings| {
            for length in lengths(strings) {
                words.push(at);
                at += length;
            }
            words.push(0);
            at
        };
        let arg_end = point(&mut words, &args.argv);
        let env_end = point(&mut words, &args.envp);
        words.extend(&auxv);
        let esp = (random.unwrap_or(platform) - 4 * words.len() as u32) & !15;
        Self {
            esp,
            platform,
            random,
            arg_end,
            env_end,
            words,
            auxv,
        }
    }
}

/// The auxiliary vector, in the order of the kernel.
fn auxv(loaded: Loaded, cred: &Cred, platform: u32, random: Option<u32>) -> Vec<u32> {
    let secure = cred.euid != cred.uid || cred.egid != cred.gid;
    let entries = [
        (AT_SYSINFO, VSYSCALL.0 + VSYSCALL_ENTRY),
        (AT_SYSINFO_EHDR, VSYSCALL.0),
        (AT_HWCAP, CPUID_FEATURES),
        (AT_PAGESZ, PAGE_SIZE),
        (AT_CLKTCK, CLOCKS_PER_SEC),
        (AT_PHDR, loaded.phdr),
        (AT_PHENT, ELF_PHDR_SIZE),
        (AT_PHNUM, loaded.phnum.into()),
        (AT_BASE, loaded.base),
        (AT_FLAGS, 0),
        (AT_ENTRY, loaded.entry),
        (AT_UID, cred.uid),
        (AT_EUID, cred.euid),
        (AT_GID, cred.gid),
        (AT_EGID, cred.egid),
        (AT_SECURE, secure.into()),
        (AT_PLATFORM, platform),
    ];
    let random = random.map(|addr| (AT_RANDOM, addr));
    let all = entries.into_iter().chain(random).chain([(AT_NULL, 0)]);
    all.flat_map(|(kind, value)| [kind, value]).collect()
}

impl Kernel {
    /// Writes the table of a new program and returns its stack pointer. Words for which there is no
    /// memory are missing; the program starts all the same.
    pub(super) fn create_elf_tables(
        &mut self,
        current: TaskId,
        arg_start: u32,
        args: &ExecArgs,
        loaded: Loaded,
    ) -> u32 {
        let cred = self.task(current).cred();
        let random = self.random_bytes(current);
        let tables = Tables::new(arg_start, args, loaded, &cred, random);
        let _ignored = self.copy_to_user(current, VirtAddr(tables.platform), PLATFORM);
        if let (Some(bytes), Some(addr)) = (random, tables.random) {
            let _ignored = self.copy_to_user(current, VirtAddr(addr), &bytes);
        }
        self.put_words(current, tables.esp, &tables.words);
        let mm = self.mm_id(current);
        let mm = &mut self.mms[mm];
        mm.args = (arg_start, tables.arg_end);
        mm.env = (tables.arg_end, tables.env_end);
        mm.saved_auxv = tables.auxv;
        mm.start_stack = tables.esp;
        tables.esp
    }

    /// Stores words one page after the other: where the stack cannot grow, those of one page are
    /// missing, and those of the next are there.
    fn put_words(&mut self, current: TaskId, addr: u32, words: &[u32]) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let (mut at, mut rest) = (VirtAddr(addr), bytes.as_slice());
        while !rest.is_empty() {
            let room = (PAGE_SIZE - at.page_offset()) as usize;
            let (page, after) = rest.split_at(room.min(rest.len()));
            let _ignored = self.copy_to_user(current, at, page);
            at = VirtAddr(at.0 + page.len() as u32);
            rest = after;
        }
    }

    /// What `AT_RANDOM` points to, on a machine with `compat`: the same bytes in every run, which differ
    /// from process to process.
    fn random_bytes(&self, current: TaskId) -> Option<[u8; 16]> {
        let pid = self.pid(current).0.cast_unsigned();
        let byte = |nth: usize| (pid.wrapping_add(nth as u32)).wrapping_mul(MIX) >> 24;
        let bytes = || std::array::from_fn(|nth| byte(nth) as u8);
        self.config.compat.then(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(path: &str, argv: &[&str], envp: &[&str]) -> ExecArgs {
        let bytes = |strings: &[&str]| strings.iter().map(|s| s.as_bytes().to_vec()).collect();
        ExecArgs {
            path: path.into(),
            argv: bytes(argv),
            envp: bytes(envp),
        }
    }

    fn tables(args: &ExecArgs) -> Tables {
        let loaded = Loaded {
            phdr: 0x0804_8034,
            phnum: 3,
            base: 0,
            entry: 0x0804_8400,
        };
        let strings = 0xc000_0000 - 4 - args.bytes() as u32;
        Tables::new(strings, args, loaded, &Cred::of_user(500), None)
    }

    /// `fs/binfmt_elf.c`: the stack of `execve("/bin/a", {"a", "bb", "ccc"}, {"X=1"})`.
    #[test]
    fn the_words_of_a_program_with_arguments_and_environment() {
        let tables = tables(&args("/bin/a", &["a", "bb", "ccc"], &["X=1"]));
        assert_eq!(tables.esp, 0xbfff_ff20);
        assert_eq!(tables.platform, 0xbfff_ffdb);
        assert_eq!((tables.arg_end, tables.env_end), (0xbfff_fff1, 0xbfff_fff5));
        let (a, bb, ccc, x) = (0xbfff_ffe8, 0xbfff_ffea, 0xbfff_ffed, 0xbfff_fff1);
        assert_eq!(tables.words[..7], [3, a, bb, ccc, 0, x, 0]);
        let expected = [
            (0x20, 0xffff_e400),
            (0x21, 0xffff_e000),
            (0x10, CPUID_FEATURES),
            (6, 0x1000),
            (0x11, 0x64),
            (3, 0x0804_8034),
            (4, 0x20),
            (5, 3),
            (7, 0),
            (8, 0),
            (9, 0x0804_8400),
            (0xb, 0x1f4),
            (0xc, 0x1f4),
            (0xd, 0x1f4),
            (0xe, 0x1f4),
            (0x17, 0),
            (0xf, 0xbfff_ffdb),
            (0, 0),
        ];
        let expected: Vec<u32> = expected.iter().flat_map(|(a, v)| [*a, *v]).collect();
        assert_eq!(tables.auxv, expected);
        assert_eq!(tables.words[7..], expected);
    }

    /// Where the stack pointer of long and of many arguments lies, and that of a script's.
    #[test]
    fn the_stack_pointer_is_a_multiple_of_16() {
        let many = vec![""; 32767];
        let long = "x".repeat(131_060);
        for (args, esp) in [
            (args("/bin/a", &[&long], &[]), 0xbffd_ff50_u32),
            (args("/bin/a", &many, &[]), 0xbffd_7f50),
            (
                args("/tmp/s", &["/bin/sh", "-x -y", "/tmp/s", "p"], &[]),
                0xbfff_ff10,
            ),
        ] {
            assert_eq!(tables(&args).esp, esp, "{:x}", tables(&args).esp);
        }
    }

    /// Someone who got rights from the file is told.
    #[test]
    fn other_ids_make_a_program_careful() {
        let cred = Cred {
            euid: 0,
            ..Cred::of_user(500)
        };
        let vector = auxv(Loaded::default(), &cred, 0, Some(7));
        let find = |kind: u32| vector.chunks(2).find(|pair| pair[0] == kind).map(|p| p[1]);
        assert_eq!((find(AT_UID), find(AT_EUID)), (Some(500), Some(0)));
        assert_eq!((find(AT_SECURE), find(AT_RANDOM)), (Some(1), Some(7)));
    }
}
