//! From registers to the arguments of a call: how each type of argument is decoded, with what it
//! points to copied in, and the calls that have a way of their own.

use super::args::{
    AnswerTo, ExecArgs, ForkArgs, FutexArgs, GroupWidth, InfoTo, IpcCall, ItimerVal, MAX_ARG_BYTES,
    MAX_ARG_STRINGS, MmapArgs, MremapArgs, MsgrcvArgs, MsgsndArgs, PtraceArgs, ShmatArgs,
    SigactionArgs, SigprocmaskArgs, SigtimedwaitArgs, WaitArgs, WaitidArgs,
};
use crate::abi::{
    CloneFlags, Errno, MapFlags, PAGE_SIZE, Resource, Rlimit, SIGINFO_WORDS, SigAction, SigInfo,
    SigSet, Signal, TaskId, VirtAddr,
};
use crate::hw::Regs;
use crate::kernel::Kernel;
use crate::trace::Pointed;

/// The version of `shmat` for the emulation of other systems.
const IBCS2: u32 = 1;
/// Size of a `sigset_t` in bytes.
const SIGSET_BYTES: u32 = 8;

/// The registers in which arguments are passed, the first argument first.
pub(super) const fn argument_words(regs: &Regs) -> [u32; 6] {
    [regs.ebx, regs.ecx, regs.edx, regs.esi, regs.edi, regs.ebp]
}

/// The registers of a call whose arguments are being decoded, one after the other.
pub(super) struct Registers<'a> {
    kernel: &'a mut Kernel,
    current: TaskId,
    words: [u32; 6],
    taken: usize,
}

impl<'a> Registers<'a> {
    /// Registers of the current task, none taken yet.
    pub(super) const fn of(kernel: &'a mut Kernel, current: TaskId, words: [u32; 6]) -> Self {
        Self {
            kernel,
            current,
            words,
            taken: 0,
        }
    }

    /// The next register; no call takes more than the six.
    fn word(&mut self) -> u32 {
        self.taken += 1;
        self.words[self.taken - 1]
    }

    fn words<const N: usize>(&mut self) -> [u32; N] {
        std::array::from_fn(|_| self.word())
    }

    /// The words of a structure that an argument points to.
    fn structure<const N: usize>(&mut self, addr: u32) -> Result<[u32; N], Errno> {
        self.kernel.get_user_words(self.current, VirtAddr(addr))
    }

    fn sigset(&mut self, addr: u32) -> Result<SigSet, Errno> {
        self.structure(addr).map(SigSet::from_words)
    }
}

impl Kernel {
    /// Copies a file name from the caller's memory.
    ///
    /// Linux 2.6.12: `fs/namei.c`, `getname()`.
    fn getname(&mut self, current: TaskId, addr: u32) -> Result<String, Errno> {
        let bytes = self.strncpy_from_user(current, addr, PAGE_SIZE as usize)?;
        let bytes = bytes.ok_or(Errno::ENAMETOOLONG)?;
        if bytes.is_empty() {
            return Err(Errno::ENOENT);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The bytes before the next null byte; `None` if there are `limit` or more.
    ///
    /// Linux 2.6.12: `arch/i386/lib/usercopy.c`, `strncpy_from_user()`.
    fn strncpy_from_user(
        &mut self,
        current: TaskId,
        addr: u32,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, Errno> {
        let mut bytes = Vec::new();
        while bytes.len() < limit {
            let at = VirtAddr(addr.wrapping_add(bytes.len() as u32));
            // The rest of the page is searched in one go.
            let room = (PAGE_SIZE - at.page_offset()) as usize;
            let mut part = vec![0; room.min(limit - bytes.len())];
            self.copy_from_user(current, at, &mut part)?;
            match part.iter().position(|byte| *byte == 0) {
                Some(end) => {
                    bytes.extend_from_slice(&part[..end]);
                    return Ok(Some(bytes));
                }
                None => bytes.extend(part),
            }
        }
        Ok(None)
    }

    /// The pointers of a list that ends with a null pointer; a null list is empty.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `count()`.
    fn pointer_list(&mut self, current: TaskId, list: u32) -> Result<Vec<u32>, Errno> {
        let mut pointers = Vec::new();
        if list == 0 {
            return Ok(pointers);
        }
        loop {
            let slot = VirtAddr(list.wrapping_add(4 * pointers.len() as u32));
            match self.get_user_u32(current, slot)? {
                0 => return Ok(pointers),
                _ if pointers.len() == MAX_ARG_STRINGS => return Err(Errno::E2BIG),
                pointer => pointers.push(pointer),
            }
        }
    }

    /// The strings that pointers refer to, the last one first; `left` bytes is their room.
    ///
    /// Linux 2.6.12: `fs/exec.c`, `copy_strings()`.
    fn strings_of(
        &mut self,
        current: TaskId,
        pointers: &[u32],
        left: &mut usize,
    ) -> Result<Vec<Vec<u8>>, Errno> {
        let mut strings = Vec::new();
        for pointer in pointers.iter().rev() {
            // One that cannot be read at all is bad even where there is no room for it.
            self.copy_from_user(current, VirtAddr(*pointer), &mut [0])?;
            let bytes = self.strncpy_from_user(current, *pointer, *left)?;
            let bytes = bytes.ok_or(Errno::E2BIG)?;
            *left -= bytes.len() + 1;
            strings.push(bytes);
        }
        strings.reverse();
        Ok(strings)
    }
}

/// What an argument of a call is in the trace, which shows the first one of each call.
pub(super) trait Argument {
    /// The argument as a word; 0 for what lies in memory.
    fn word(&self) -> u32 {
        0
    }

    /// The same before it is decoded, if it is the first.
    fn first_word(_: [u32; 6]) -> u32 {
        0
    }

    /// The registers that it would be passed in.
    fn words(&self) -> Vec<u32> {
        vec![self.word()]
    }

    /// What the first of these points to, if it is a string or strings.
    fn pointed(&self) -> Vec<Pointed> {
        Vec::new()
    }
}

/// An argument whose type says how it is decoded.
pub(super) trait Decode: Argument + Sized {
    /// Takes the registers that it consists of, and copies what they point to.
    ///
    /// # Errors
    /// `EFAULT`, and what is checked before or while it is copied.
    fn take(registers: &mut Registers<'_>) -> Result<Self, Errno>;
}

/// Arguments that are a word: the type, how it is made of one, and the word of it.
macro_rules! words {
    ($($ty:ty, $from:expr, $word:expr;)*) => {$(
        impl Decode for $ty {
            fn take(registers: &mut Registers<'_>) -> Result<Self, Errno> {
                Ok($from(registers.word()))
            }
        }

        impl Argument for $ty {
            fn word(&self) -> u32 {
                $word(*self)
            }

            fn first_word(words: [u32; 6]) -> u32 {
                words[0]
            }
        }
    )*};
}

words! {
    u32, u32::from, u32::from;
    i32, u32::cast_signed, i32::cast_unsigned;
    VirtAddr, VirtAddr, |addr: VirtAddr| addr.0;
    AnswerTo, |word| AnswerTo::User(VirtAddr(word)), AnswerTo::word;
    SigAction, SigAction::from_word, SigAction::word;
}

/// Arguments of several words, of which the first stands for them in the trace: the type, how it is
/// made of them, and they of it.
macro_rules! structures {
    ($($ty:ty, $from:expr, $words:expr;)*) => {$(
        impl Decode for $ty {
            fn take(registers: &mut Registers<'_>) -> Result<Self, Errno> {
                Ok($from(registers.words()))
            }
        }

        impl Argument for $ty {
            fn word(&self) -> u32 {
                $words(self)[0]
            }

            fn first_word(words: [u32; 6]) -> u32 {
                words[0]
            }

            fn words(&self) -> Vec<u32> {
                $words(self).to_vec()
            }
        }
    )*};
}

structures! {
    [u32; 3], |words| words, |words: &[u32; 3]| *words;
    [u32; 5], |words| words, |words: &[u32; 5]| *words;
    [VirtAddr; 3], |words: [u32; 3]| words.map(VirtAddr), |addrs: &[VirtAddr; 3]| addrs.map(|at| at.0);
    ForkArgs, fork_args, fork_words;
    WaitArgs, wait_args, wait_words;
    WaitidArgs, waitid_args, waitid_words;
    MmapArgs, mmap_args, mmap_words;
    MremapArgs, mremap_args, mremap_words;
    FutexArgs, futex_args, futex_words;
    PtraceArgs, ptrace_args, ptrace_words;
}

impl Argument for i64 {
    fn words(&self) -> Vec<u32> {
        let bits = self.cast_unsigned();
        vec![bits as u32, (bits >> 32) as u32]
    }
}

impl Decode for i64 {
    /// A position in a file, in two registers, the low word first.
    fn take(registers: &mut Registers<'_>) -> Result<Self, Errno> {
        let [low, high] = registers.words();
        Ok((u64::from(high) << 32 | u64::from(low)).cast_signed())
    }
}

/// Flags, stack, parent_tid, tls, child_tid; without a stack the caller's own.
const fn fork_args([flags, stack, parent_tid, tls, child_tid]: [u32; 5]) -> ForkArgs {
    ForkArgs {
        flags: CloneFlags::from_bits_retain(flags),
        stack: VirtAddr(stack),
        parent_tid: VirtAddr(parent_tid),
        tls: VirtAddr(tls),
        child_tid: VirtAddr(child_tid),
        comm: None,
    }
}

const fn fork_words(args: &ForkArgs) -> [u32; 5] {
    [
        args.flags.bits(),
        args.stack.0,
        args.parent_tid.0,
        args.tls.0,
        args.child_tid.0,
    ]
}

const fn wait_args([pid, status, options, rusage]: [u32; 4]) -> WaitArgs {
    WaitArgs {
        pid: pid.cast_signed(),
        status: VirtAddr(status),
        options,
        rusage: VirtAddr(rusage),
        info: InfoTo::Nowhere,
    }
}

const fn wait_words(args: &WaitArgs) -> [u32; 4] {
    let pid = args.pid.cast_unsigned();
    [pid, args.status.0, args.options, args.rusage.0]
}

const fn waitid_args([which, id, info, options, rusage]: [u32; 5]) -> WaitidArgs {
    WaitidArgs {
        which,
        id: id.cast_signed(),
        info: InfoTo::User(VirtAddr(info)),
        options,
        rusage: VirtAddr(rusage),
    }
}

const fn waitid_words(args: &WaitidArgs) -> [u32; 5] {
    let info = match args.info {
        InfoTo::User(addr) => addr.0,
        InfoTo::Nowhere | InfoTo::Task => 0,
    };
    let id = args.id.cast_unsigned();
    [args.which, id, info, args.options, args.rusage.0]
}

fn mmap_args([addr, len, prot, flags, fd, pgoff]: [u32; 6]) -> MmapArgs {
    MmapArgs {
        addr,
        len,
        prot,
        flags,
        fd: (flags & MapFlags::ANONYMOUS.bits() == 0).then_some(fd),
        pgoff,
    }
}

fn mmap_words(args: &MmapArgs) -> [u32; 6] {
    // Nothing is mapped from a descriptor that does not exist.
    let fd = args.fd.unwrap_or(u32::MAX);
    [args.addr, args.len, args.prot, args.flags, fd, args.pgoff]
}

const fn mremap_args([addr, old_len, new_len, flags, new_addr]: [u32; 5]) -> MremapArgs {
    MremapArgs {
        addr,
        old_len,
        new_len,
        flags,
        new_addr,
    }
}

const fn mremap_words(args: &MremapArgs) -> [u32; 5] {
    [
        args.addr,
        args.old_len,
        args.new_len,
        args.flags,
        args.new_addr,
    ]
}

const fn futex_args([addr, op, val, timeout, addr2, val3]: [u32; 6]) -> FutexArgs {
    FutexArgs {
        addr: VirtAddr(addr),
        op,
        val,
        timeout,
        addr2: VirtAddr(addr2),
        val3,
    }
}

const fn futex_words(args: &FutexArgs) -> [u32; 6] {
    [
        args.addr.0,
        args.op,
        args.val,
        args.timeout,
        args.addr2.0,
        args.val3,
    ]
}

const fn ptrace_args([request, pid, addr, data]: [u32; 4]) -> PtraceArgs {
    PtraceArgs {
        request,
        pid: pid.cast_signed(),
        addr,
        data,
    }
}

const fn ptrace_words(args: &PtraceArgs) -> [u32; 4] {
    [args.request, args.pid.cast_unsigned(), args.addr, args.data]
}

impl AnswerTo {
    const fn word(self) -> u32 {
        match self {
            Self::Value => 0,
            Self::User(addr) => addr.0,
        }
    }
}

impl Argument for String {
    fn pointed(&self) -> Vec<Pointed> {
        vec![Pointed::String(self.as_bytes().to_vec())]
    }
}

impl Decode for String {
    fn take(registers: &mut Registers<'_>) -> Result<Self, Errno> {
        let addr = registers.word();
        registers.kernel.getname(registers.current, addr)
    }
}

/// A name that is only looked at after the caller's rights.
impl Argument for Result<String, Errno> {
    fn pointed(&self) -> Vec<Pointed> {
        self.as_ref().map(Argument::pointed).unwrap_or_default()
    }
}

impl Decode for Result<String, Errno> {
    fn take(registers: &mut Registers<'_>) -> Result<Self, Errno> {
        Ok(String::take(registers))
    }
}

impl Argument for ExecArgs {
    fn words(&self) -> Vec<u32> {
        vec![0; 3]
    }

    fn pointed(&self) -> Vec<Pointed> {
        vec![
            Pointed::String(self.path.as_bytes().to_vec()),
            Pointed::Strings(self.argv.clone()),
            Pointed::Strings(self.envp.clone()),
        ]
    }
}

impl Decode for ExecArgs {
    fn take(registers: &mut Registers<'_>) -> Result<Self, Errno> {
        let [path, argv, envp] = registers.words();
        let (kernel, current) = (&mut *registers.kernel, registers.current);
        let path = kernel.getname(current, path)?;
        // As in the kernel, the file is looked up before the arguments are counted, and all are
        // counted before the first is copied.
        kernel.find_program(current, &path)?;
        let argv = kernel.pointer_list(current, argv)?;
        let envp = kernel.pointer_list(current, envp)?;
        let mut left = MAX_ARG_BYTES.saturating_sub(path.len() + 1);
        let envp = kernel.strings_of(current, &envp, &mut left)?;
        let argv = kernel.strings_of(current, &argv, &mut left)?;
        Ok(Self { path, argv, envp })
    }
}

impl Argument for Rlimit {}

impl Decode for Rlimit {
    fn take(registers: &mut Registers<'_>) -> Result<Self, Errno> {
        let addr = registers.word();
        let [cur, max] = registers.structure(addr)?;
        Ok(Self { cur, max })
    }
}

impl Argument for ItimerVal {}

impl Decode for ItimerVal {
    fn take(registers: &mut Registers<'_>) -> Result<Self, Errno> {
        let addr = registers.word();
        registers.kernel.get_itimerval(registers.current, addr)
    }
}

impl Argument for Option<[u32; 3]> {}

/// Pointer, flags and size of an alternate stack; a null pointer for none.
impl Decode for Option<[u32; 3]> {
    fn take(registers: &mut Registers<'_>) -> Result<Self, Errno> {
        match registers.word() {
            0 => Ok(None),
            addr => registers.structure(addr).map(Some),
        }
    }
}

impl Argument for SigtimedwaitArgs {}

impl Decode for SigtimedwaitArgs {
    fn take(registers: &mut Registers<'_>) -> Result<Self, Errno> {
        let [set, info, timeout, size] = registers.words();
        check_sigset_size(size)?;
        let set = registers.sigset(set)?;
        let timeout = match timeout {
            0 => None,
            addr => {
                let (kernel, current) = (&mut *registers.kernel, registers.current);
                let time = kernel.read_timespec(current, VirtAddr(addr))?;
                Some(time.ticks_to_sleep())
            }
        };
        Ok(Self {
            set,
            info: InfoTo::User(VirtAddr(info)),
            timeout,
        })
    }
}

impl Decode for IpcCall {
    /// Decodes a call of `ipc`. The version in the upper half of its first argument only matters
    /// for messages, and for a `shmat` that programs of other systems make from inside the kernel.
    ///
    /// Linux 2.6.12: `arch/i386/kernel/sys_i386.c`, `sys_ipc()`.
    ///
    /// # Errors
    /// `ENOSYS` for other numbers; `EINVAL` and `EFAULT` for the address of the argument of `semctl`,
    /// and of that of `msgrcv` of old.
    fn take(registers: &mut Registers<'_>) -> Result<Self, Errno> {
        let [call, first, second, third, ptr, fifth] = registers.words();
        let id = first.cast_signed();
        Ok(match call & 0xffff {
            1 => Self::Semop(id, VirtAddr(ptr), second),
            2 => Self::Semget(id, second.cast_signed(), third),
            3 if ptr == 0 => return Err(Errno::EINVAL),
            3 => {
                let [arg] = registers.structure(ptr)?;
                Self::Semctl {
                    id,
                    num: second.cast_signed(),
                    cmd: third,
                    arg,
                }
            }
            4 => Self::Semtimedop(id, VirtAddr(ptr), second, VirtAddr(fifth)),
            11 => Self::Msgsnd(MsgsndArgs {
                id,
                message: VirtAddr(ptr),
                size: second,
                flags: third,
            }),
            12 => {
                let [message, kind] = match call >> 16 {
                    0 if ptr == 0 => return Err(Errno::EINVAL),
                    // The version of old has no room for the type.
                    0 => registers.structure(ptr)?,
                    _ => [ptr, fifth],
                };
                Self::Msgrcv(MsgrcvArgs {
                    id,
                    message: VirtAddr(message),
                    size: second,
                    kind: kind.cast_signed(),
                    flags: third,
                })
            }
            13 => Self::Msgget(id, second),
            14 => Self::Msgctl(id, second, VirtAddr(ptr)),
            21 if call >> 16 == IBCS2 => return Err(Errno::EINVAL),
            21 => Self::Shmat(ShmatArgs {
                id,
                addr: ptr,
                flags: second,
                answer: AnswerTo::User(VirtAddr(third)),
            }),
            22 => Self::Shmdt(ptr),
            23 => Self::Shmget(id, second, third),
            24 => Self::Shmctl(id, second, VirtAddr(ptr)),
            _ => return Err(Errno::ENOSYS),
        })
    }
}

impl Argument for IpcCall {
    /// The key, the id, or the address.
    fn word(&self) -> u32 {
        match self {
            Self::Semget(word, ..)
            | Self::Semop(word, ..)
            | Self::Semtimedop(word, ..)
            | Self::Semctl { id: word, .. }
            | Self::Shmget(word, ..)
            | Self::Shmat(ShmatArgs { id: word, .. })
            | Self::Msgsnd(MsgsndArgs { id: word, .. })
            | Self::Msgrcv(MsgrcvArgs { id: word, .. })
            | Self::Msgget(word, _)
            | Self::Msgctl(word, ..)
            | Self::Shmctl(word, ..) => word.cast_unsigned(),
            Self::Shmdt(addr) => *addr,
        }
    }

    fn first_word(words: [u32; 6]) -> u32 {
        words[1]
    }
}

impl Argument for GroupWidth {}

pub(super) const fn low_groups(_: &mut Registers<'_>) -> Result<GroupWidth, Errno> {
    Ok(GroupWidth::Low)
}

pub(super) const fn high_groups(_: &mut Registers<'_>) -> Result<GroupWidth, Errno> {
    Ok(GroupWidth::High)
}

/// The call of old: its arguments lie in memory, and the offset counts bytes.
///
/// Linux 2.6.12: `arch/i386/kernel/sys_i386.c`, `old_mmap()`.
pub(super) fn old_mmap(registers: &mut Registers<'_>) -> Result<MmapArgs, Errno> {
    let addr = registers.word();
    let [addr, len, prot, flags, fd, offset] = registers.structure(addr)?;
    if offset % PAGE_SIZE != 0 {
        return Err(Errno::EINVAL);
    }
    Ok(mmap_args([addr, len, prot, flags, fd, offset / PAGE_SIZE]))
}

/// The call of old: its arguments lie in memory.
///
/// Linux 2.6.12: `arch/i386/kernel/sys_i386.c`, `old_select()`.
pub(super) fn old_select(registers: &mut Registers<'_>) -> Result<[u32; 5], Errno> {
    let addr = registers.word();
    registers.structure(addr)
}

impl Argument for SigSet {}
impl Argument for SigInfo {}

impl Argument for SigactionArgs {
    fn word(&self) -> u32 {
        self.signal
    }

    fn first_word(words: [u32; 6]) -> u32 {
        words[0]
    }
}

impl Argument for SigprocmaskArgs {
    fn word(&self) -> u32 {
        self.how
    }

    fn first_word(words: [u32; 6]) -> u32 {
        words[0]
    }
}

/// Extends a 16-bit id; all ones mean "leave it unchanged".
///
/// Linux 2.6.12: `include/linux/highuid.h`, `low2highuid()` and `low2highgid()`.
pub(in crate::kernel) const fn low2high(word: u32) -> u32 {
    match word & 0xffff {
        0xffff => u32::MAX,
        id => id,
    }
}

pub(super) fn id16(registers: &mut Registers<'_>) -> Result<u32, Errno> {
    Ok(low2high(registers.word()))
}

pub(super) fn ids16(registers: &mut Registers<'_>) -> Result<[u32; 3], Errno> {
    Ok(registers.words().map(low2high))
}

/// `waitpid` has no place for the usage.
pub(super) fn waitpid(registers: &mut Registers<'_>) -> Result<WaitArgs, Errno> {
    let [pid, status, options] = registers.words();
    Ok(wait_args([pid, status, options, 0]))
}

/// The number of a limit, which is looked at before the memory with its values is.
pub(super) fn known_resource(registers: &mut Registers<'_>) -> Result<u32, Errno> {
    let resource = registers.word();
    match Resource::from_number(resource) {
        Some(_) => Ok(resource),
        None => Err(Errno::EINVAL),
    }
}

/// The pid of a thread whose policy is to change, which is looked at before the memory with its
/// priority is.
pub(super) fn sched_pid(registers: &mut Registers<'_>) -> Result<i32, Errno> {
    match registers.word().cast_signed() {
        ..0 => Err(Errno::EINVAL),
        pid => Ok(pid),
    }
}

/// Reads `sched_priority` from a `struct sched_param`.
pub(super) fn sched_priority(registers: &mut Registers<'_>) -> Result<i32, Errno> {
    match registers.word() {
        0 => Err(Errno::EINVAL),
        addr => {
            let [priority] = registers.structure(addr)?;
            Ok(priority.cast_signed())
        }
    }
}

/// Length and address of a mask of CPUs: what is shorter than a word is filled up with zeros.
pub(super) fn affinity_mask(registers: &mut Registers<'_>) -> Result<u32, Errno> {
    let [len, addr] = registers.words();
    let mut bytes = [0; 4];
    let len = (len as usize).min(bytes.len());
    let (kernel, current) = (&mut *registers.kernel, registers.current);
    kernel.copy_from_user(current, VirtAddr(addr), &mut bytes[..len])?;
    Ok(u32::from_le_bytes(bytes))
}

/// The size of a set of signals, which is looked at before the set is copied.
const fn check_sigset_size(size: u32) -> Result<(), Errno> {
    match size {
        SIGSET_BYTES => Ok(()),
        _ => Err(Errno::EINVAL),
    }
}

/// The size of a set that is asked for: it may be cut short.
pub(super) fn rt_sigset_size(registers: &mut Registers<'_>) -> Result<u32, Errno> {
    match registers.word() {
        size @ 0..=SIGSET_BYTES => Ok(size),
        _ => Err(Errno::EINVAL),
    }
}

pub(super) fn rt_sigset(registers: &mut Registers<'_>) -> Result<SigSet, Errno> {
    let [set, size] = registers.words();
    check_sigset_size(size)?;
    registers.sigset(set)
}

/// The old form: the mask itself is the third argument.
pub(super) fn old_sigset(registers: &mut Registers<'_>) -> Result<SigSet, Errno> {
    let [_, _, mask] = registers.words();
    Ok(SigSet(mask.into()))
}

pub(super) fn old_sigaction(registers: &mut Registers<'_>) -> Result<SigactionArgs, Errno> {
    let [signal, new, old] = registers.words();
    let (kernel, current) = (&mut *registers.kernel, registers.current);
    Ok(SigactionArgs {
        signal,
        new: kernel.get_old_sigaction(current, VirtAddr(new))?,
        old: VirtAddr(old),
    })
}

pub(super) fn rt_sigaction(registers: &mut Registers<'_>) -> Result<SigactionArgs, Errno> {
    let [signal, new, old, size] = registers.words();
    check_sigset_size(size)?;
    let (kernel, current) = (&mut *registers.kernel, registers.current);
    Ok(SigactionArgs {
        signal,
        new: kernel.get_sigaction(current, VirtAddr(new))?,
        old: VirtAddr(old),
    })
}

/// The old form: a set is a word.
pub(super) fn old_sigmask_change(registers: &mut Registers<'_>) -> Result<SigprocmaskArgs, Errno> {
    let [how, set, old] = registers.words();
    let set = match set {
        0 => None,
        addr => {
            let [word] = registers.structure(addr)?;
            Some(SigSet(word.into()))
        }
    };
    Ok(SigprocmaskArgs {
        how,
        set,
        old: VirtAddr(old),
    })
}

pub(super) fn rt_sigmask_change(registers: &mut Registers<'_>) -> Result<SigprocmaskArgs, Errno> {
    let [how, set, old, size] = registers.words();
    check_sigset_size(size)?;
    let set = match set {
        0 => None,
        addr => Some(registers.sigset(addr)?),
    };
    Ok(SigprocmaskArgs {
        how,
        set,
        old: VirtAddr(old),
    })
}

/// A `siginfo_t` for the signal of the second argument; what is none is refused by the call.
pub(super) fn sigqueue_info(registers: &mut Registers<'_>) -> Result<SigInfo, Errno> {
    let signal = Signal::new(registers.words[1]).unwrap_or(Signal::SIGHUP);
    let addr = registers.word();
    let words: [u32; SIGINFO_WORDS] = registers.structure(addr)?;
    Ok(SigInfo::from_words(signal, &words))
}

#[cfg(test)]
mod tests;
