//! Capabilities: `capget` and `capset`, what programs and changes of users leave of them. Programs
//! ask, for they have memory for the answers.

use crate::lab::{Lab, THREAD};
use crate::programs::printed;
use forklab::abi::{_LINUX_CAPABILITY_VERSION, CAP_INIT_EFF_SET, Caps, Errno, TaskId, VirtAddr};
use forklab::kernel::syscall::Syscall;

/// What a program of root prints.
fn program(body: &str) -> Vec<String> {
    let script = format!(
        "fn caps(pid) {{
            let header = [_LINUX_CAPABILITY_VERSION, pid];
            let sets = [1, 2, 3];
            let result = capget(addr(header), addr(sets));
            print(\"\" + result + \" \" + sets[0] + \" \" + sets[1] + \" \" + sets[2]);
        }}
        fn set(pid, effective, permitted, inheritable) {{
            let header = [_LINUX_CAPABILITY_VERSION, pid];
            let sets = [effective, permitted, inheritable];
            capset(addr(header), addr(sets))
        }}
        fn main() {{ {body} 0 }}
        spawn(\"p\", main, #{{uid: 0}});
        run();"
    );
    printed(&script)
}

/// Root has all but CAP_SETPCAP (bit 8), a user none; a task is found by its pid.
#[test]
fn capget_tells_the_three_sets() {
    let lines = program(
        "caps(0);
        caps(getpid());
        caps(-1);
        caps(999);
        let kid = fork();
        if kid == 0 { setuid(500); pause(); }
        sleep(10);
        caps(kid);
        kill(kid, 9);
        let header = [7, 0];
        print(\"\" + capget(addr(header), 0) + \" \" + (header[0] == _LINUX_CAPABILITY_VERSION));
        print(capget(addr(header), 0));
        print(\"\" + capget(0, 0) + \" \" + capset(0, 0));",
    );
    let all = "0 -257 -257 0";
    let expected = [
        all,
        all,
        "-22 1 2 3",
        "-3 1 2 3",
        "0 0 0 0",
        "-22 true",
        "-14",
        "-14 -14",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn capset_gives_nothing_that_the_caller_has_not_got() {
    let lines = program(
        // Effective goes beyond permitted; permitted and inheritable beyond what it had.
        "print(\"\" + set(0, 3, 1, 0) + \" \" + set(0, 0, 0x100, 0) + \" \" + set(0, 0, 0, 0x100));
        // CAP_KILL and CAP_SETUID are kept, and one of them can be passed on.
        print(set(0, 0x20, 0xa0, 0x20));
        caps(0);
        print(\"\" + set(0, 0xa0, 0xa0, 0x20) + \" \" + set(0, 1, 1, 0));
        print(set(getpid(), 0, 0, 0x20));
        caps(0);
        // What was inheritable may stay so, but it cannot be had again.
        print(\"\" + set(0, 0, 0x20, 0x20) + \" \" + set(0, 0, 0, 0x20));
        // Others cannot be changed without CAP_SETPCAP, whether they exist or not.
        print(\"\" + set(1, 0, 0, 0) + \" \" + set(-1, 0, 0, 0) + \" \" + set(999, 0, 0, 0));",
    );
    let expected = [
        "-1 -1 -1",
        "0",
        "0 32 160 32",
        "0 -1",
        "0",
        "0 0 0 32",
        "-1 0",
        "-1 -1 -1",
    ];
    assert_eq!(lines, expected);
}

/// `PR_SET_KEEPCAPS`: the permitted set outlasts the change of user, and exec ends that.
#[test]
fn capabilities_are_kept_over_a_change_of_user_if_asked_for() {
    let lines = program(
        "print(\"\" + prctl(PR_GET_KEEPCAPS) + \" \" + prctl(PR_SET_KEEPCAPS, 2) + \" \" + prctl(PR_SET_KEEPCAPS, 1));
        print(prctl(PR_GET_KEEPCAPS));
        setresuid(500, 500, 500);
        caps(0);
        print(set(0, 0x80, 0x80, 0));
        print(\"\" + setuid(7) + \" \" + getuid());
        caps(0);",
    );
    let expected = ["0 -22 0", "1", "0 0 -257 0", "0", "0 7", "0 128 128 0"];
    assert_eq!(lines, expected);
}

/// With CAP_SETPCAP: a single task, all but init and the caller, and a process group. There 2.6.12
/// forgets the leaders of processes.
#[test]
fn whoever_may_sets_the_capabilities_of_others() {
    let mut lab = Lab::with_shell().0;
    let root = lab.spawn_as("sh", 0);
    lab.machine.kernel.task_mut(root).set_caps(Caps::all());
    assert_eq!(lab.call(root, Syscall::Setsid), lab.pid(root));
    let kid = lab.fork(root);
    let thread = lab.clone(kid, THREAD).unwrap();
    let pids = [kid, thread].map(|task| lab.pid(task));
    let page = lab.map(root, 1);
    let set = |lab: &mut Lab, pid: i32, permitted: u32| {
        let words = [
            _LINUX_CAPABILITY_VERSION,
            pid.cast_unsigned(),
            0,
            permitted,
            0,
        ];
        for (at, word) in (0..).zip(words) {
            lab.write(root, VirtAddr(page.0 + 4 * at), word);
        }
        lab.call(root, Syscall::Capset(page, VirtAddr(page.0 + 8)))
    };
    let permitted = |lab: &Lab, task: TaskId| lab.task(task).cred().permitted.bits();
    let of = |lab: &Lab| [kid, thread, root].map(|task| permitted(lab, task));
    let all = CAP_INIT_EFF_SET.bits();
    assert_eq!(of(&lab), [all; 3]);

    assert_eq!(set(&mut lab, pids[0], 1), 0);
    assert_eq!(of(&lab), [1, all, all]);
    assert_eq!(set(&mut lab, -pids[0], 2), 0);
    assert_eq!(of(&lab), [1, all, all], "the group of that number is empty");
    let pgrp = lab.pid(root);
    assert_eq!(set(&mut lab, -pgrp, 2), 0);
    assert_eq!(of(&lab), [1, 2, all]);
    assert_eq!(set(&mut lab, -1, 4), 0);
    assert_eq!(of(&lab), [4, 4, all]);
    let init = lab.kernel().init();
    assert_eq!(permitted(&lab, init), all);
    // CAP_SETPCAP is effective, but not permitted: nobody can be given it.
    assert_eq!(set(&mut lab, pids[1], 0x100), -Errno::EPERM.code());
    assert_eq!(set(&mut lab, -1, 0x100), -Errno::EPERM.code());
    assert_eq!(set(&mut lab, 999, 0), -Errno::ESRCH.code());
}
