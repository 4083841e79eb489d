//! Following a function of a script: what is part of the path, and what goes on as an error.

use crate::scripts::transcript;

#[test]
fn a_refused_call_is_part_of_the_path_and_any_other_error_goes_on() {
    let script = r#"
        let sh = spawn("sh");
        fn said(f) {
            let said = "nothing";
            try { f.call(); } catch (e) { said = "" + e; }
            said
        }
        print(path(|| sh.clone(CLONE_NEWNS | SIGCHLD)).error);
        print(said(|| path(|| sh.getpid())));
        print(said(|| path(|| { sh.fork(); throw "mine" })));
        print(said(|| path(|| { sh.clone(CLONE_THREAD); })));
        print(said(|| path(|| { try { sh.clone(CLONE_THREAD) } catch { sh.read(0) } })));
        print(said(|| path(["fork", || sh.fork()])));
        print(said(|| ps().brief));
    "#;
    insta::assert_snapshot!(transcript("script", script), @"
    EPERM
    the function created no task: it never reached do_fork
    mine
    nothing
    task 2 (sh): SIGSEGV: read at 0x00000000, error code 0x4 (MAPERR): nothing is mapped there; the next area begins at 0x08048000
    each call is given as [label, function]
    this view has no short form
    ");
}

#[test]
fn whatever_forks_inside_is_followed() {
    let script = r#"
        let sh = spawn("sh");
        let v = ();
        let ended = path(|| { v = sh.vfork(); v.exit(0); });
        print(ended.value + " " + ended.steps.filter(|s| s.step.contains("wait_for"))[0].why);
        let nested = path(|| print("inner " + path(|| sh.fork()).value));
        print(nested.value + " of " + nested.calls);
        let in_tick = path(|| {
            boot(#{cpus: 2});
            inject("fork_cpu", 1);
            spawn("P", workload(#{main: ["run 1", "fork C kid", "run 5"], kid: ["exit"]}));
            tick(3);
        });
        for step in in_tick.steps {
            if step.why.contains("forced") { print(step.step + ": " + step.why); }
        }
        let again = || { boot(); spawn("sh").fork() };
        print(path([["a", again], ["b", again]]).brief);
    "#;
    insta::assert_snapshot!(transcript("script", script), @"
    3 2:sh waited until 3 released the memory
    inner 4
    4 of 1
    other CPU: __activate_task() there: forced: CPU 1, active[125]: (empty) -> 3
    do_fork                                   a  b
    pid = alloc_pidmap()                      x  x
    current->ptrace: fork_traceflag()         .  .
    p = copy_process()                        x  x
    CLONE_VFORK: p->vfork_done = &vfork       .  .
    traced or CLONE_STOPPED: SIGSTOP pending  .  .
    not CLONE_STOPPED: wake_up_new_task()     x  x
    CLONE_STOPPED: p->state = TASK_STOPPED    .  .
    trace: ptrace_notify()                    .  .
    CLONE_VFORK: wait_for_completion(&vfork)  .  .
    error: free_pidmap(pid)                   .  .
    return pid                                3  3
    ");
}

/// An oracle for tasks that can call: a zombie cannot, and one of the machine before is gone.
#[test]
fn the_oracle_of_flags_wants_a_living_caller() {
    let script = r#"
        let sh = spawn("sh");
        let kid = sh.fork();
        kid.exit(0);
        fn said(task) {
            let said = "nothing";
            try { explain_clone(SIGCHLD, task); } catch (e) { said = e.message + " / " + e.help; }
            said
        }
        print(said(kid));
        sh.wait();
        print(said(kid));
        print(said(sh));
        try { explain_clone(1 << 40) } catch (e) { print(e) }
        print(explain_clone(CLONE_NEWNS | SIGCHLD).needs);
        print(explain_clone(CLONE_NEWNS | CLONE_FS).child == ());
    "#;
    insta::assert_snapshot!(transcript("script", script), @"
    the task has exited and cannot clone / explain_clone(flags) needs no task
    task 3 is gone: it exited with 0 and was reaped / ps() lists the tasks that exist
    nothing
    flags is 1099511627776, which does not fit in 32 bits
    CAP_SYS_ADMIN
    true
    ");
}
