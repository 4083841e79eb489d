//! Explains why a call on a file in memory, or on the length of a file, failed, and how to fix it.

use super::remedy::Advice;
use crate::kernel::syscall::FileRefusal;

/// Advice on a refused `remap_file_pages`, `msync`, `mincore`, `truncate` or `ftruncate`.
pub(super) const fn file_advice(refusal: FileRefusal) -> Advice {
    use FileRefusal as R;
    let (rule, remedy) = match refusal {
        R::Protection
        | R::NoPages
        | R::OffsetTooLarge
        | R::NotMapped
        | R::NotShared
        | R::CrossesArea
        | R::BeyondEnd => return remap_advice(refusal),
        R::NegativeLength
        | R::NotWritable
        | R::Directory
        | R::NotRegular
        | R::Executed
        | R::SwapArea
        | R::AboveLimit
        | R::TooLarge
        | R::Lookup(_) => return length_advice(refusal),
        R::NoMemory | R::NoBuffer => (
            "no frame is free (mm/page_alloc.c)",
            "let tasks exit, or boot(#{mem: ..}) with more memory",
        ),
        R::Overcommitted => (
            "shmem_acct_block() counts each page of memory that was mapped with MAP_NORESERVE \
             (mm/shmem.c)",
            "unmap memory, or change sysctl(\"vm.overcommit_memory\")",
        ),
        R::Unaligned => (
            "sys_msync() and sys_mincore() work on whole pages (mm/msync.c, mm/mincore.c)",
            "the address must be a multiple of 4096: addr - addr % 4096 is the start of its page",
        ),
        R::UnknownFlags | R::AsyncAndSync => (
            "sys_msync() knows MS_ASYNC, MS_INVALIDATE and MS_SYNC, and either the first or the \
             last (mm/msync.c)",
            "MS_SYNC writes and waits, MS_ASYNC only marks the pages as dirty",
        ),
        R::Wraps | R::BeyondUserSpace => (
            "start plus length must lie in user space (mm/msync.c, mm/mincore.c)",
            "maps(task) shows what is mapped where",
        ),
        R::Locked => (
            "msync_interval() refuses MS_INVALIDATE of locked areas (mm/msync.c)",
            "munlock() the area first, or leave out MS_INVALIDATE",
        ),
        R::Hole(_) => (
            "holes are skipped and reported at the end; the rest was done (mm/msync.c, \
             mm/mincore.c)",
            "maps(task) shows what is mapped where",
        ),
        R::Anonymous(_) => (
            "mincore_vma() asks the page cache, and private anonymous memory is in none \
             (mm/mincore.c)",
            "vtop(task, addr) shows whether such a page is present",
        ),
        R::UnknownAdvice | R::NoPageCache => (
            "sys_fadvise64_64() and sys_readahead() require a file with a page cache, and fadvise one \
             of six POSIX_FADV constants (mm/fadvise.c, mm/filemap.c)",
            "open a regular file; POSIX_FADV_DONTNEED drops its clean pages",
        ),
        R::BadVector => (
            "mincore_vma() stores a byte for each page (mm/mincore.c)",
            "pass the address of writable memory, a byte for each page",
        ),
    };
    Advice { rule, remedy }
}

const fn remap_advice(refusal: FileRefusal) -> Advice {
    use FileRefusal as R;
    let (rule, remedy) = match refusal {
        R::Protection => (
            "sys_remap_file_pages() keeps the protection of the area (mm/fremap.c)",
            "pass 0; mprotect() changes the protection",
        ),
        R::NoPages => (
            "sys_remap_file_pages() rounds start and size down to whole pages (mm/fremap.c)",
            "the size must be at least 4*KiB",
        ),
        R::OffsetTooLarge => (
            "the page table entry has 29 bits for the page (include/asm-i386/pgtable-2level.h)",
            "the fourth argument is the number of a page, not of a byte",
        ),
        R::NotShared => (
            "sys_remap_file_pages() requires VM_SHARED, which a mapping of a file not open for \
             writing does not have (mm/fremap.c)",
            "open the file with O_RDWR, and map it with MAP_SHARED",
        ),
        R::BeyondEnd => (
            "filemap_populate() maps only pages of the file (mm/filemap.c)",
            "ftruncate(fd, length) makes the file longer",
        ),
        _ => (
            "the range must lie in one area (mm/fremap.c)",
            "maps(task) shows what is mapped where",
        ),
    };
    Advice { rule, remedy }
}

const fn length_advice(refusal: FileRefusal) -> Advice {
    use FileRefusal as R;
    let (rule, remedy) = match refusal {
        R::NegativeLength => (
            "do_sys_truncate() and do_sys_ftruncate() reject negative lengths (fs/open.c)",
            "the length is in bytes, from 0 on",
        ),
        R::NotWritable => (
            "do_sys_ftruncate() requires a regular file and FMODE_WRITE (fs/open.c)",
            "open the file with O_RDWR or O_WRONLY",
        ),
        R::Executed => (
            "get_write_access() fails while a program is being executed (fs/namei.c)",
            "let the tasks that run it exit, or exec another program",
        ),
        R::SwapArea => (
            "vmtruncate() does not shorten swap areas (mm/memory.c)",
            "swapoff(path) turns the area off",
        ),
        R::AboveLimit => (
            "vmtruncate() sends SIGXFSZ beyond RLIMIT_FSIZE (mm/memory.c)",
            "setrlimit(RLIMIT_FSIZE, ..) raises the limit",
        ),
        R::TooLarge => (
            "vmtruncate() checks s_maxbytes, 256 MiB here (mm/memory.c)",
            "a file has at most 256*MiB",
        ),
        R::Lookup(_) => (
            "the path or the descriptor leads to no file (fs/open.c)",
            "fds(task) shows what is open; open(path, O_CREAT | O_RDWR) creates a file",
        ),
        _ => (
            "do_sys_truncate() requires a regular file, and a program has no length but its own \
             or 0 (fs/open.c)",
            "create a file with open(path, O_CREAT | O_RDWR)",
        ),
    };
    Advice { rule, remedy }
}
