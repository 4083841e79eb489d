//! The views of one small history: `sh` maps a page, writes, forks, and its child writes. Each
//! snapshot should be readable without explanation.

use super::*;
use crate::abi::{CloneFlags, MapFlags, Pid, TaskId, VirtAddr};
use crate::kernel::boot::Config;
use crate::kernel::fork::SpawnArgs;
use crate::kernel::syscall::Syscall;
use crate::machine::drive::{self, act, call, clone};
use crate::machine::{Action, Command, Machine};
use crate::trace::EventKind;

const USER: u32 = 500;

pub(super) fn boot(cpus: u32) -> Machine {
    Machine::boot(Config {
        cpus,
        ..Config::default()
    })
    .unwrap()
}

pub(super) fn spawn(machine: &mut Machine, name: &str) -> TaskId {
    drive::spawn(machine, SpawnArgs::new(name, USER))
}

pub(super) fn spawn_steps(machine: &mut Machine, name: &str, steps: &[&str]) -> TaskId {
    let program = drive::workload(&[(name, steps)]);
    drive::spawn_workload(machine, SpawnArgs::new(name, USER), program)
}

/// Maps two anonymous pages, private or shared.
pub(super) fn mmap(machine: &mut Machine, task: TaskId, kind: MapFlags) -> VirtAddr {
    drive::mmap(machine, task, drive::pages(2, kind))
}

pub(super) fn write(machine: &mut Machine, task: TaskId, addr: VirtAddr) {
    drive::write(machine, task, addr, vec![42]);
}

/// `sh` has written a page and forked: parent, child, and the page.
pub(super) fn after_fork(machine: &mut Machine) -> (TaskId, TaskId, VirtAddr) {
    let sh = spawn(machine, "sh");
    let page = mmap(machine, sh, MapFlags::PRIVATE);
    write(machine, sh, page);
    (sh, clone(machine, sh, CloneFlags::FORK), page)
}

#[test]
fn tasks_and_what_they_are_doing() {
    let mut machine = boot(1);
    let (sh, kid, _) = after_fork(&mut machine);
    let vfork = clone(&mut machine, kid, CloneFlags::VFORK);
    call(&mut machine, vfork, Syscall::Fork);
    let zombie = clone(&mut machine, sh, CloneFlags::FORK);
    call(&mut machine, zombie, Syscall::Exit(3));
    let thread = CloneFlags::CLONE_VM | CloneFlags::CLONE_SIGHAND | CloneFlags::CLONE_THREAD;
    clone(&mut machine, sh, thread);
    spawn_steps(&mut machine, "napper", &["sleep 40", "exit"]);
    spawn_steps(&mut machine, "hog", &["run 100", "exit"]);
    spawn_steps(&mut machine, "hog2", &["run 100", "exit"]);
    machine.apply(Command::Tick(3)).unwrap();
    insta::assert_snapshot!(ps(&machine).text(), @"
    pid  tgid  ppid  name    S  prio  nice  slice  sleep_avg/ms  cpu  rss  mode      doing
      1     1     0  init    S   125     0    100           0.0    0    1  none      adopts orphans
      2     2     1  sh      S   125     0     12           0.0    0    2  puppet    console: waits for you
      3     3     2  sh      D   125     0     25           0.0    0    2  puppet    vfork: waits for 4
      4     4     3  sh      S   125     0     12           0.0    0    2  puppet    console: waits for you
      5     5     4  sh      S   125     0     13           0.0    0    2  puppet    console: waits for you
      6     6     2  sh      Z   125     0     25           0.0    0    -  puppet    zombie, exited 3
      7     2     1  sh      S   125     0     13           0.0    0    2  puppet    console: waits for you
      8     8     1  napper  S   125     0    100           0.0    0    1  workload  sleeps until 40
      9     9     1  hog     R   125     0     97           0.0    0    1  workload  on CPU 0
     10    10     1  hog2    R   125     0    100           0.0    0    1  spawned   active[125], has not run yet
    ");
    insta::assert_snapshot!(pstree(&machine).text(), @"
    1:init
    ├─ 2:sh
    │  ├─ 3:sh
    │  │  └─ 4:sh
    │  │     └─ 5:sh
    │  ├─ 6:sh zombie
    │  └─ 7:{sh}
    ├─ 8:napper
    ├─ 9:hog
    └─ 10:hog2
    ");
    let lines: Text = [sh, kid, zombie]
        .iter()
        .map(|id| task_line(&machine, *id))
        .collect();
    insta::assert_snapshot!(lines, @"
    2:sh  puppet  S  console: waits for you  prio 125  slice 12
    3:sh  puppet  D  vfork: waits for 4  prio 125  slice 25
    6:sh  puppet  Z  zombie, exited 3
    ");
    insta::assert_snapshot!(task_line(&machine, TaskId::default()), @"gone: it exited and was reaped");
}

#[test]
fn runqueues() {
    let mut machine = boot(2);
    insta::assert_snapshot!(runq(&machine).text(), @"
    CPU 0  curr idle  nr_running 0  cpu_load 0  nr_switches 0
      active   nr_active 0  bitmap 00000000 00000000 00000000 00000000 00001000
      expired  nr_active 0  bitmap 00000000 00000000 00000000 00000000 00001000
      expired_timestamp 0  best_expired_prio 140
    CPU 1  curr idle  nr_running 0  cpu_load 0  nr_switches 0
      active   nr_active 0  bitmap 00000000 00000000 00000000 00000000 00001000
      expired  nr_active 0  bitmap 00000000 00000000 00000000 00000000 00001000
      expired_timestamp 0  best_expired_prio 140
    ");
    for name in ["a", "b", "c"] {
        spawn_steps(&mut machine, name, &["run 1000", "exit"]);
    }
    machine.apply(Command::Tick(120)).unwrap();
    insta::assert_snapshot!(runq(&machine).text(), @"
    CPU 0  curr 3:b  nr_running 2  cpu_load 256  nr_switches 2
      active   nr_active 1  bitmap 00000000 00000000 00000000 20000000 00001000  bit 125
        active[125]  [3:b 80]
      expired  nr_active 1  bitmap 00000000 00000000 00000000 20000000 00001000  bit 125
        expired[125]  2:a 100
      expired_timestamp 100  best_expired_prio 120
    CPU 1  curr 4:c  nr_running 1  cpu_load 128  nr_switches 1
      active   nr_active 1  bitmap 00000000 00000000 00000000 20000000 00001000  bit 125
        active[125]  [4:c 81]
      expired  nr_active 0  bitmap 00000000 00000000 00000000 00000000 00001000
      expired_timestamp 0  best_expired_prio 140
    ");
}

#[test]
fn areas_of_an_address_space() {
    let mut machine = boot(1);
    let sh = spawn(&mut machine, "sh");
    mmap(&mut machine, sh, MapFlags::PRIVATE);
    mmap(&mut machine, sh, MapFlags::SHARED);
    insta::assert_snapshot!(maps(&machine, sh).text(), @"
    08048000-08049000 r-xp 00000000 00:01 4          /sh
    08049000-0804a000 rw-p 00000000 00:01 4          /sh
    b7ffc000-b7ffe000 rw-s 00000000 00:05 12         /dev/zero (deleted)
    b7ffe000-b8000000 rw-p b7ffe000 00:00 0 
    bffeb000-c0000000 rw-p bffeb000 00:00 0          [stack]
    ffffe000-fffff000 ---p 00000000 00:00 0          [vdso]
    ");
    call(&mut machine, sh, Syscall::Exit(0));
    assert!(maps(&machine, sh).rows.is_empty());
}

#[test]
fn from_address_to_frame() {
    let mut machine = boot(1);
    let (sh, kid, page) = after_fork(&mut machine);
    let text = |task, addr| vtop(&machine, task, VirtAddr(addr)).unwrap().text();
    insta::assert_snapshot!(text(sh, page.0 + 0x123), @"
    0xb7ffe123 = directory entry 735, table entry 1022, byte 0x123
    CR3  0x0109c000
    PDE  0x01099067  at 0x0109cb7c  P RW US A D
    PTE  0x01098065  at 0x01099ff8  P US A D
    TLB  of CPU 0: no entry
    page 0x1098: page_count 2, page_mapcount 2, anonymous
    ->   0x01098123 in frame 0x1098: user mode may read; a write faults
    ");
    insta::assert_snapshot!(text(kid, page.0 + 0x1000), @"
    0xb7fff000 = directory entry 735, table entry 1023, byte 0x0
    CR3  0x01097000
    PDE  0x01096067  at 0x01097b7c  P RW US A D
    PTE  0x00000000  at 0x01096ffc
    TLB  no CPU uses this address space now
    ->   nothing mapped yet: every access faults
    ");
    insta::assert_snapshot!(text(kid, 0x7000_0000), @"
    0x70000000 = directory entry 448, table entry 0, byte 0x0
    CR3  0x01097000
    PDE  0x00000000  at 0x01097700
    TLB  no CPU uses this address space now
    ->   no page table: every access faults
    ");
    insta::assert_snapshot!(text(kid, 0xc000_0000), @"
    0xc0000000 = directory entry 768, table entry 0, byte 0x0
    CR3  0x01097000
    PDE  0x000001e3  at 0x01097c00  P RW A D PS G
    TLB  no CPU uses this address space now
    page 0x0: reserved, its users are not counted
    ->   0x00000000 in frame 0x0: only the kernel may use it; user mode faults
    ");
    assert_eq!(vtop(&machine, machine.kernel.sched.idle(0), page), None);
}

#[test]
fn frames_with_several_owners() {
    let mut machine = boot(1);
    assert!(sharing(&machine).frames.is_empty());
    insta::assert_snapshot!(sharing(&machine).text(), @"no frame of user data is mapped twice");
    let (sh, kid, page) = after_fork(&mut machine);
    let shared = mmap(&mut machine, kid, MapFlags::SHARED);
    write(&mut machine, kid, shared);
    clone(&mut machine, kid, CloneFlags::FORK);
    insta::assert_snapshot!(sharing(&machine).text(), @"
    frame   page_count  page_mapcount  mapped by (pid, address, rights)
    0x1094           3              2  3 0xb7ffc000 rw   4 0xb7ffc000 rw
    0x1098           3              3  2 0xb7ffe000 r-   3 0xb7ffe000 r-   4 0xb7ffe000 r-
    0x109a           3              3  2 0xbffff000 r-   3 0xbffff000 r-   4 0xbffff000 r-
    ");
    write(&mut machine, kid, page);
    insta::assert_snapshot!(sharing(&machine).text(), @"
    frame   page_count  page_mapcount  mapped by (pid, address, rights)
    0x1094           3              2  3 0xb7ffc000 rw   4 0xb7ffc000 rw
    0x1098           2              2  2 0xb7ffe000 r-   4 0xb7ffe000 r-
    0x109a           3              3  2 0xbffff000 r-   3 0xbffff000 r-   4 0xbffff000 r-
    ");
    let pfn = vtop(&machine, sh, page).unwrap().pfn.unwrap();
    let pids: Vec<Vec<Pid>> = owners(&machine.kernel, pfn)
        .into_iter()
        .map(|owner| owner.pids)
        .collect();
    assert_eq!(pids, [[Pid(2)], [Pid(4)]]);
}

/// A line stays readable however many tasks share the frame.
#[test]
fn of_many_owners_the_first_few_are_shown() {
    let mut machine = boot(1);
    let sh = spawn(&mut machine, "sh");
    for _ in 0..9 {
        clone(&mut machine, sh, CloneFlags::FORK);
    }
    let text = sharing(&machine).text().to_string();
    assert!(text.ends_with("7 0xbffff000 r-   and 4 more"), "{text}");
    assert_eq!(sharing(&machine).frames[0].owners.len(), 10);
}

/// The value of a system call is a number, an address, or a negated error number.
#[test]
fn an_address_that_a_call_returned_is_shown_as_one() {
    let mut machine = boot(1);
    let sh = spawn(&mut machine, "sh");
    mmap(&mut machine, sh, MapFlags::PRIVATE);
    call(&mut machine, sh, Syscall::Munmap(1, 0));
    let returns = Selection {
        kinds: vec![EventKind::SysExit],
        ..Selection::default()
    };
    insta::assert_snapshot!(trace(&machine, &returns).text(), @"
    0 [0] 2:sh  sys_exit call=mmap2 ret=0xb7ffe000
    0 [0] 2:sh  sys_exit call=munmap ret=-22
    ");
}

/// The way back through the page tables finds as many entries as the kernel has counted.
#[test]
fn owners_agree_with_the_kernels_counts() {
    let mut machine = boot(1);
    let (_, kid, page) = after_fork(&mut machine);
    clone(&mut machine, kid, CloneFlags::VFORK);
    let shared = sharing(&machine).frames;
    assert!(!shared.is_empty());
    for frame in shared {
        assert_eq!(
            frame.owners.len() as i32,
            frame.page_mapcount,
            "{}",
            frame.pfn
        );
    }
    assert_eq!(
        vtop(&machine, kid, page)
            .unwrap()
            .page
            .unwrap()
            .page_mapcount,
        2
    );
}

#[test]
fn what_two_tasks_share() {
    let mut machine = boot(1);
    let (sh, kid, _) = after_fork(&mut machine);
    insta::assert_snapshot!(shares(&machine, sh, kid).unwrap().text(), @"
    2:sh and 3:sh
    flag            what                     users
    CLONE_VM        memory          own      mm_users 1 and 1
    CLONE_FILES     open files      own      files.count 1 and 1
    CLONE_FS        cwd, umask      own      fs.count 1 and 1
    CLONE_SIGHAND   signal actions  own      sighand.count 1 and 1
    CLONE_THREAD    process         own      signal.count 1 and 1
    CLONE_SYSVSEM   semaphore undo  neither
    no CLONE_NEWNS  mounts          shared   namespace.count 3
    2 frames of user data are mapped by both
    ");
    let light = CloneFlags::CLONE_VM | CloneFlags::CLONE_FILES | CloneFlags::CLONE_SIGHAND;
    let lwp = clone(&mut machine, sh, light | CloneFlags::FORK);
    insta::assert_snapshot!(shares(&machine, sh, lwp).unwrap().text(), @"
    2:sh and 4:sh
    flag            what                     users
    CLONE_VM        memory          shared   mm_users 2
    CLONE_FILES     open files      shared   files.count 2
    CLONE_FS        cwd, umask      own      fs.count 1 and 1
    CLONE_SIGHAND   signal actions  shared   sighand.count 2
    CLONE_THREAD    process         own      signal.count 1 and 1
    CLONE_SYSVSEM   semaphore undo  neither
    no CLONE_NEWNS  mounts          shared   namespace.count 4
    ");
    call(&mut machine, kid, Syscall::Exit(0));
    insta::assert_snapshot!(shares(&machine, sh, kid).unwrap().text(), @"
    2:sh and 3:sh
    flag            what                      users
    CLONE_VM        memory          one only  mm_users 2 and none
    CLONE_FILES     open files      one only  files.count 2 and none
    CLONE_FS        cwd, umask      one only  fs.count 1 and none
    CLONE_SIGHAND   signal actions  own       sighand.count 2 and 1
    CLONE_THREAD    process         own       signal.count 1 and 1
    CLONE_SYSVSEM   semaphore undo  neither
    no CLONE_NEWNS  mounts          one only  namespace.count 3 and none
    ");
    assert_eq!(shares(&machine, sh, TaskId::default()), None);
}

#[test]
fn who_ran_when() {
    let mut machine = boot(1);
    let sh = spawn(&mut machine, "sh");
    spawn_steps(&mut machine, "napper", &["run 5", "sleep 20", "goto 0"]);
    spawn_steps(&mut machine, "hog", &["run 70", "exit"]);
    machine.apply(Command::Tick(50)).unwrap();
    act(&mut machine, sh, Action::Compute(3));
    machine.apply(Command::Tick(70)).unwrap();
    insta::assert_snapshot!(timeline(&machine, 0, 200).text(), @"
    one column = 2 ticks   # runs all of it   = half or more   - less   + runs, taking no time   . waits for a CPU
    tick      |0        |20       |40       |60       |80       |100
    2:sh      +                        #=
    3:napper  ##=         =##          +=##          ##=         =##
    4:hog     ..=#########=..##########....##########..=####=
    idle                                                    =####=  ######
    ");
    insta::assert_snapshot!(timeline(&machine, 20, 60).text(), @"
    one column = 1 tick   # runs   + runs, taking no time   . waits for a CPU
    tick      |20       |30       |40       |50
    2:sh                                    ###
    3:napper       #####                    +..#####
    4:hog     #####.....####################........##
    ");
}

#[test]
fn what_happened_at_a_write_after_fork() {
    let mut machine = boot(1);
    let (_, kid, page) = after_fork(&mut machine);
    let from_seq = machine.kernel.log.event_seq();
    write(&mut machine, kid, page);
    let all = trace(
        &machine,
        &Selection {
            from_seq,
            ..Selection::default()
        },
    );
    insta::assert_snapshot!(all.text(), @"
    0 [0] 3:sh  page_fault_user addr=0xb7ffe000 code=0x7
    0 [0] 3:sh  page_alloc pfn=0x1094 order=0 usage=user
    0 [0] 3:sh  cow_copy addr=0xb7ffe000 old=0x1098 new=0x1094 left=1
    0 [0] 3:sh  tlb_flush scope=page addr=0xb7ffe000
    ");
    let copies = Selection {
        kinds: vec![EventKind::CowCopy],
        ..Selection::default()
    };
    let copy = &trace(&machine, &copies).events[0];
    assert_eq!(copy.field("left").and_then(Field::as_int), Some(1));
}

#[test]
fn what_happened_in_a_fork() {
    let mut machine = boot(1);
    let sh = spawn(&mut machine, "sh");
    let from_seq = machine.kernel.log.event_seq();
    clone(&mut machine, sh, CloneFlags::FORK);
    let kinds = vec![
        EventKind::DoForkStep,
        EventKind::RunList,
        EventKind::SchedWakeupNew,
        EventKind::SchedProcessFork,
        EventKind::SysEnter,
        EventKind::SchedSwitch,
    ];
    let selected = trace(
        &machine,
        &Selection {
            from_seq,
            kinds,
            ..Selection::default()
        },
    );
    insta::assert_snapshot!(selected.text(), @"
    0 [0] 2:sh  sys_enter call=clone arg=17
    0 [0] 2:sh  do_fork_step step=alloc_pidmap(3)
    0 [0] 3:sh  sched_wakeup_new pid=3:sh prio=125 slice=50 sleep_avg=0 placement=before_parent target_cpu=0 forced=no
    0 [0] 3:sh  run_list prio=125 array=active before=(2) after=(3 2)
    0 [0] 2:sh  do_fork_step step=wake_up_new_task
    0 [0] 2:sh  sched_process_fork child=3:sh flags=SIGCHLD child_prio=125 child_slice=50 parent_slice=50
    0 [0] 2:sh  sched_switch prev=2:sh prev_prio=125 prev_state=R next=3:sh next_prio=125 next_slice=50 next_static_prio=120 why=child_first
    ");
}
