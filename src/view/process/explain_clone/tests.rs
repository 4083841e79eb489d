//! What the explanation looks like, and that it fits on a screen.

use super::*;
use crate::abi::PtFlags;
use crate::kernel::boot::Config;
use crate::kernel::fork::SpawnArgs;
use crate::machine::drive;
use crate::view::Line;

fn told(flags: u32) -> ExplainClone {
    let machine = Machine::boot(Config::default()).unwrap();
    explain_clone(&machine, CloneFlags::from_bits_retain(flags), None).unwrap()
}

/// A shell whose tracer asked for clone events.
fn traced_shell() -> (Machine, TaskId) {
    let mut machine = Machine::boot(Config::default()).unwrap();
    let task = drive::spawn(&mut machine, SpawnArgs::new("sh", 500));
    machine
        .kernel
        .task_mut(task)
        .set_ptrace(PtFlags::PTRACED | PtFlags::TRACE_CLONE);
    (machine, task)
}

#[test]
fn a_fork() {
    insta::assert_snapshot!(told(0x11).text(), @"
    clone(0x11) is legal
      SIGCHLD
    memory       copied   a write by one is not seen by the other
    page tables  copied   private pages read-only in both: a write copies one
    open files   copied   fds opened later are its own; offsets are shared
    cwd, umask   copied   chdir and umask by one do not affect the other
    actions      copied   sigaction by one does not affect the other
    process      new      getpid returns its new pid; the limits are copied
    sem undo     none     it starts with nothing to undo
    mounts       shared   a mount by one is seen by both
    TLS          copied   the caller's three descriptors
    the rest     new      no pending signal inherited, times 0, no I/O context
    tid          none
    parent       caller   getppid returns the caller's pid
    caller       goes on  clone returns the child's tid at once
    queued       before   just before the caller, in the same list
    runs next    child    the caller gives up the CPU
    at exit      SIGCHLD  to its parent; a zombie until wait4
    tracer       FORK     if requested; the child is traced too: SIGSTOP first
    ");
}

#[test]
fn a_thread() {
    insta::assert_snapshot!(told(0x003d_0f00).text(), @"
    clone(0x3d0f00) is legal
      CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_SYSVSEM
      |CLONE_SETTLS|CLONE_PARENT_SETTID|CLONE_CHILD_CLEARTID
    memory       shared    CLONE_VM: a write by one is seen by both
    page tables  shared    CLONE_VM: an mmap or munmap by one affects both
    open files   shared    CLONE_FILES: an fd opened by one appears in the other
    cwd, umask   shared    CLONE_FS: chdir and umask by one affect both
    actions      shared    CLONE_SIGHAND: sigaction by one affects both
    process      shared    CLONE_THREAD: a tid of its own, the caller's getpid
    sem undo     shared    CLONE_SYSVSEM: undone when the last of them exits
    mounts       shared    a mount by one is seen by both
    TLS          new       CLONE_SETTLS: one descriptor is the user_desc at tls
    the rest     new       no pending signal inherited, times 0, no I/O context
    tid          stored    parent_tid now, child_tid cleared at exit
    parent       caller's  CLONE_THREAD: the same getppid as the caller
    caller       goes on   clone returns the child's tid at once
    queued       last      CLONE_VM: tail of the list of its own priority
    runs next    caller    the child waits for its turn
    at exit      silent    CLONE_THREAD: nobody is notified; it reaps itself
    tracer       CLONE     if requested; the child is traced too: SIGSTOP first
    ");
}

#[test]
fn a_vfork_with_odd_bits() {
    insta::assert_snapshot!(told(0x1240_e1c8).text(), @"
    clone(0x1240e1c8) is legal
      CLONE_VM|CLONE_PTRACE|CLONE_VFORK|CLONE_PARENT|CLONE_DETACHED|CLONE_STOPPED
      |0x10000000|200
    bits         ignored    0x10400000 means nothing to 2.6.12
    memory       shared     CLONE_VM: a write by one is seen by both
    page tables  shared     CLONE_VM: an mmap or munmap by one affects both
    open files   copied     fds opened later are its own; offsets are shared
    cwd, umask   copied     chdir and umask by one do not affect the other
    actions      copied     sigaction by one does not affect the other
    process      new        getpid returns its new pid; the limits are copied
    sem undo     none       it starts with nothing to undo
    mounts       shared     a mount by one is seen by both
    TLS          copied     the caller's three descriptors
    the rest     new        no pending signal inherited, times 0, no I/O context
    tid          none
    parent       caller's   CLONE_PARENT: the same getppid as the caller
    caller       waits      CLONE_VFORK: TASK_UNINTERRUPTIBLE until exec or exit
    queued       nowhere    CLONE_STOPPED: SIGSTOP pending; waits for SIGCONT
    runs next    first      the caller sleeps: first task in line
    at exit      no signal  200 is not a signal; wait4 needs __WCLONE or __WALL
    tracer       VFORK      if requested; the child is traced too: SIGSTOP first
      since 2.6.32: CLONE_PARENT: For an init process it is EINVAL.
      since 2.6.38: CLONE_STOPPED: The flag is ignored; since 4.6 the bit is
        CLONE_NEWCGROUP.
    ");
}

#[test]
fn a_refusal() {
    insta::assert_snapshot!(told(0x0001_0100).text(), @"
    clone(0x10100) is refused: EINVAL
      CLONE_VM|CLONE_THREAD
    test 1  passed       CLONE_NEWNS and CLONE_FS cannot be combined
    test 2  EINVAL       CLONE_THREAD needs CLONE_SIGHAND
    test 3  not reached  CLONE_SIGHAND needs CLONE_VM
    try     0x10900      would be legal
    pid     lost         already allocated: the next child gets the one after it
    ");
}

/// The parent has another program than the caller, so the chosen signal will be taken away.
#[test]
fn a_sibling_by_a_traced_shell() {
    let (machine, sh) = traced_shell();
    let flags = CloneFlags::from_bits_retain(0x0120_800a);
    let told = explain_clone(&machine, flags, Some(sh)).unwrap();
    insta::assert_snapshot!(told.text(), @"
    clone(0x120800a) by 2:sh is legal
      CLONE_PARENT|CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGUSR1
    memory       copied    a write by one is not seen by the other
    page tables  copied    private pages read-only in both: a write copies one
    open files   copied    fds opened later are its own; offsets are shared
    cwd, umask   copied    chdir and umask by one do not affect the other
    actions      copied    sigaction by one does not affect the other
    process      new       getpid returns its new pid; the limits are copied
    sem undo     none      it starts with nothing to undo
    mounts       shared    a mount by one is seen by both
    TLS          copied    the caller's three descriptors
    the rest     new       no pending signal inherited, times 0, no I/O context
    tid          stored    child_tid by the child and kept
    parent       caller's  CLONE_PARENT: 1:init, the same getppid as the caller
    caller       goes on   clone returns the child's tid at once
    queued       before    just before the caller, in the same list
    runs next    child     the caller gives up the CPU
    at exit      SIGCHLD   its parent ignores it; wait4 needs __WCLONE or __WALL
    tracer       CLONE     if requested; the child is traced too: SIGSTOP first
    this tracer  CLONE     as requested; the child is traced too: SIGSTOP first
      since 2.6.32: CLONE_PARENT: For an init process it is EINVAL.
    ");
}

#[test]
fn a_shell_without_rights() {
    let (machine, sh) = traced_shell();
    let flags = CloneFlags::from_bits_retain(0x0002_0011);
    let told = explain_clone(&machine, flags, Some(sh)).unwrap();
    insta::assert_snapshot!(told.text(), @"
    clone(0x20011) by 2:sh is refused: EPERM
      CLONE_NEWNS|SIGCHLD
    test 1  passed  CLONE_NEWNS and CLONE_FS cannot be combined
    test 2  passed  CLONE_THREAD needs CLONE_SIGHAND
    test 3  passed  CLONE_SIGHAND needs CLONE_VM
    caller  EPERM   CLONE_NEWNS needs CAP_SYS_ADMIN
    pid     lost    already allocated: the next child gets the one after it
    ");
}

/// Of every combination of the flags, legal or not, one in seven, and all that are long; with exit
/// signals of every kind, by anyone and by a traced shell.
#[test]
fn it_always_fits_on_one_screen() {
    let (machine, sh) = traced_shell();
    for combination in 0..1_u32 << 18 {
        let signal = [17, 0, 60, 200][(combination % 4) as usize];
        // Bit 12 has no name: it stands for all that have none.
        let flags = CloneFlags::from_bits_retain(combination << 8 | signal);
        if combination % 7 != 0 && combination.count_ones() < 13 {
            continue;
        }
        for caller in [None, Some(sh)] {
            let text = explain_clone(&machine, flags, caller).unwrap().text();
            let width = text.lines.iter().map(Line::width).max();
            let fits = text.lines.len() <= 24 && width <= Some(80);
            assert!(fits, "{flags:?}\n{text}");
        }
    }
}
