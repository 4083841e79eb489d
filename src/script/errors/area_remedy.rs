//! Explains why a call that changes mapped memory failed, and how to fix it.

use super::remedy::{Advice, map_advice};
use crate::kernel::syscall::AreaRefusal;

/// Advice on a refused mprotect.
pub(super) const fn area_advice(refusal: AreaRefusal) -> Advice {
    use AreaRefusal as R;
    let (rule, remedy) = match refusal {
        R::Map(refusal) => return map_advice(refusal),
        R::GrowsBothWays => (
            "sys_mprotect() accepts one direction (mm/mprotect.c)",
            "PROT_GROWSDOWN is for stacks; no area grows upward on i386",
        ),
        R::Wraps(_) => (
            "start plus length must not exceed 32 bits (mm/mprotect.c, mm/mlock.c, mm/madvise.c)",
            "maps(task) shows what is mapped where",
        ),
        R::UnknownProt(_) => (
            "sys_mprotect() rejects bits that it does not know; mmap ignores them (mm/mprotect.c)",
            "combine PROT_READ, PROT_WRITE and PROT_EXEC, or use PROT_NONE",
        ),
        R::Hole(_) => (
            "the whole range must be mapped; what lies below the hole is changed all the same \
             (mm/mprotect.c, mm/mlock.c, mm/madvise.c)",
            "maps(task) shows what is mapped where",
        ),
        R::DoesNotGrow => (
            "PROT_GROWSDOWN requires an area with VM_GROWSDOWN; no area has VM_GROWSUP on i386 \
             (mm/mprotect.c)",
            "use it on the stack, or on memory mapped with MAP_GROWSDOWN",
        ),
        R::RightsRefused(_) => (
            "mprotect() may only give rights whose VM_MAY bit is set, which depends on how the \
             file was opened (mm/mprotect.c)",
            "open the file with O_RDWR, or map it with MAP_PRIVATE",
        ),
    };
    Advice { rule, remedy }
}
