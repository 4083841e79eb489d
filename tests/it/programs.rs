//! Programs: what a script sees of them, and that they are as deterministic as all else.

use forklab::Session;
use forklab::script::{FailureKind, Limits};
use std::sync::{Arc, Mutex};

/// A session, and the lines that it printed.
fn session() -> (Session, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = lines.clone();
    let out = move |line: &str| {
        sink.lock().unwrap().push(line.to_owned());
        Ok(())
    };
    let session = Session::new(Limits::default(), Box::new(out)).unwrap();
    (session, lines)
}

pub fn printed(script: &str) -> Vec<String> {
    let (mut session, lines) = session();
    session
        .run(script)
        .unwrap_or_else(|error| panic!("{error}: {script}"));
    lines.lock().unwrap().clone()
}

/// What a program may name to exec, and what comes of it.
#[test]
fn exec_finds_functions_by_name_and_says_what_is_no_program() {
    let lines = printed(
        "fn outside() { #{a: 1} }
        fn inside() { 3 }
        fn main() {
            print(execve(\"nobody\", 0, 0));
            print(execve(\"outside\", 0, 0));
            print(execve(\"/dev/null\", 0, 0));
            execve(\"/bin/inside\", 0, 0);
            print(\"still here\");
            0
        }
        let p = spawn(\"p\", main);
        run();
        print(p.exit_status);",
    );
    let why = "exec outside: 1:16: programs have no maps; use an array, or several variables";
    assert_eq!(lines, ["-2", why, "-8", "-13", "3"]);
}

#[test]
fn a_puppet_can_exec_a_function_and_a_program_a_puppet() {
    let lines = printed(
        "fn seven() { 7 }
        fn becomes_sh() { execve(\"sh\", 0, 0); 1 }
        let sh = spawn(\"sh\");
        let kid = sh.fork();
        kid.exec(\"seven\");
        run();
        print(sh.wait().text);
        let p = spawn(\"p\", becomes_sh);
        run();
        print(p.name + \" \" + p.getpid());",
    );
    assert_eq!(lines, ["exited 7", "sh 4"]);
}

/// Offsets of 64 bits are passed in two registers.
#[test]
fn programs_advise_about_files_and_make_them_long() {
    let lines = printed(
        "fn main() {
            let fd = open(\"/tmp/f\", O_CREAT | O_RDWR);
            let room = array(2);
            print(ftruncate64(fd, 8 * 4096));
            print(lseek(fd, 0, SEEK_END));
            let a = mmap(0, 8 * 4096, PROT_READ, MAP_SHARED, fd, 0);
            print(readahead(fd, 4096, 8192));
            mincore(a, 8 * 4096, addr(room));
            print(room[0]);
            fadvise64(fd, 0, 0, POSIX_FADV_DONTNEED);
            mincore(a, 8 * 4096, addr(room));
            print(room[0]);
            print(fadvise64(fd, 0, -1, POSIX_FADV_NORMAL));
            print(truncate64(\"/tmp/f\", -1));
            print(readahead(9, 0, 1));
            0
        }
        spawn(\"p\", main);
        run();",
    );
    assert_eq!(lines, ["0", "32768", "0", "65792", "0", "0", "-22", "-9"]);
}

/// What is refused is refused before anything runs, all of it at once.
#[test]
fn everything_that_is_no_program_is_shown_at_its_place() {
    let (mut session, _) = session();
    let script = "fn main() {\n    let x = 1.5;\n    nobody(2);\n    fork(1);\n    0\n}\nspawn(\"p\", main);";
    let failure = session.run(script).unwrap_err();
    let lines: Vec<usize> = failure.around.iter().map(|(_, (line, _))| *line).collect();
    assert_eq!(failure.kind, FailureKind::Script);
    assert_eq!(failure.position.map(|(line, _)| line), Some(2));
    assert!(lines.contains(&3) && lines.contains(&4), "{lines:?}");
    assert_eq!(session.machine(|machine| machine.kernel.nr_threads()), 1);
}

const BUSY: &str = "
    let total = 0;
    fn work(n) { for i in 0..n { total += i; } total }
    fn main() {
        let pid = fork();
        for i in 0..50 { work(200); if pid == 0 { print(total); } }
        wait();
        0
    }
    boot(#{mem: 8*MiB});
    let p = spawn(\"p\", main);";

fn state(session: &Session) -> String {
    session.machine(|machine| {
        let mut machine = machine.clone();
        machine.checkpoint();
        // The numbers of lines depend on how many were typed.
        let fields = format!("{machine:#?}");
        let fields = fields
            .lines()
            .filter(|field| !field.trim().starts_with("line: "));
        fields.collect::<Vec<_>>().join("\n")
    })
}

/// Back from the middle of a program, and the same way on again.
#[test]
fn undo_works_in_the_middle_of_a_program() {
    let (mut session, _) = session();
    session.remember();
    session.run(BUSY).unwrap();
    session.submit("tick(5)").unwrap();
    let before = state(&session);
    session.submit("stepi(p, 777)").unwrap();
    let (mut states, lines) = (Vec::new(), ["tick(20)", "break_at(p, \"work\")", "run(3)"]);
    for line in lines {
        states.push(state(&session));
        session.submit(line).unwrap();
    }
    let last = state(&session);
    for expected in states.iter().rev() {
        session.undo(1).unwrap();
        assert!(state(&session) == *expected);
    }
    for line in lines {
        session.submit(line).unwrap();
    }
    assert!(
        state(&session) == last,
        "the same lines lead to the same state"
    );
    session.undo(4).unwrap();
    assert!(state(&session) == before);
}

/// A seed decides the interleaving, and another seed another one.
#[test]
fn the_same_seed_gives_the_same_run() {
    let script = |seed: u32| {
        format!(
            "let counter = 0;
            fn add() {{ for i in 0..20000 {{ let old = counter; counter = old + 1; }} 0 }}
            fn main() {{
                let a = thread_create(add, 0);
                let b = thread_create(add, 0);
                thread_join(a);
                thread_join(b);
                print(counter);
                0
            }}
            boot(#{{jitter: {seed}}});
            spawn(\"p\", main);
            run();
            print(trace());"
        )
    };
    assert_eq!(printed(&script(1)), printed(&script(1)));
    assert_ne!(printed(&script(1)), printed(&script(2)));
}

#[test]
fn two_cpus_run_programs_side_by_side() {
    let lines = printed(
        "boot(#{cpus: 2});
        fn spin() { let n = 0; while n < 100000 { n += 1; } 0 }
        let a = spawn(\"a\", spin);
        let b = spawn(\"b\", spin, #{cpu: 1});
        let both = run();
        boot(#{cpus: 1});
        let a = spawn(\"a\", spin);
        let b = spawn(\"b\", spin);
        let one = run();
        print(both * 19 < one * 10 + 20);",
    );
    assert_eq!(lines, ["true"]);
}

/// Where bytes go is looked at before anything else is: no signal, no waiting, no other error.
#[test]
fn transfers_beyond_user_space_are_refused_first() {
    let lines = printed(
        "fn main() {
            let p = [0, 0];
            pipe(addr(p));
            let file = open(\"/tmp/a\", O_RDWR | O_CREAT, 0o600);
            print(syscall(3, p[0], 0xc0000000, 1) + \" empty pipe\");
            print(syscall(3, 0, 0xbfffffff, 2) + \" console\");
            print(syscall(3, file, 0xc0000000, 4) + \" end of file\");
            print(syscall(4, file, 4, -1) + \" wraps\");
            print(syscall(4, file, 0, 0x80000000) + \" too long\");
            print(syscall(3, 0, 0x08048000, 0) + \" nothing to read\");
            close(p[0]);
            print(syscall(4, p[1], 0xc0000000, 1) + \" pipe without readers\");
            0
        }
        spawn(\"p\", main);
        run();",
    );
    let expected = [
        "-14 empty pipe",
        "-14 console",
        "-14 end of file",
        "-14 wraps",
        "-22 too long",
        "0 nothing to read",
        "-14 pipe without readers",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn the_round_robin_interval_finds_the_task_before_it_looks_where_to_store() {
    let lines = printed(
        "fn main() {
            let ts = [0, 0];
            print(syscall(161, -1, 0) + \" \" + syscall(161, 9999, 0) + \" \" + syscall(161, 0, 0));
            print(syscall(161, 0, addr(ts)) + \" \" + ts[1]);
            0
        }
        spawn(\"p\", main);
        run();",
    );
    assert_eq!(lines, ["-22 -3 -14", "0 99984800"]);
}

/// A program cannot do things to the terminal, and its unfinished line is not lost.
#[test]
fn console_output_is_printable_and_complete() {
    let lines = printed(
        "fn main() {
            let esc = [0x6d315b1b, 0];
            write(1, addr(esc), 4);
            write(1, \"no newline\", 10);
            0
        }
        spawn(\"p\", main);
        run();",
    );
    assert_eq!(lines, [".[1mno newline"]);
}

/// A program that prints for ever meets the limit, not the memory of the host.
#[test]
fn endless_output_meets_the_limit() {
    let (mut session, _) = session();
    let script = "fn main() { loop { print(\"again and again\"); } }
        spawn(\"p\", main);
        run();";
    let failure = session.run(script).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Limit);
}

/// A program, and the addresses of its instructions in the order in which it executes them.
const STEPPED: &str = "
    fn work() { let sum = 0; for i in 0..5 { sum += i; } exit(sum) }
    /// By the debugger of the prompt, which the kernel knows nothing of.
    fn by_stepi(n) {
        let twin = spawn(\"twin\", work);
        let eips = [];
        for i in 0..n { eips.push(twin.regs.eip); stepi(twin); }
        eips
    }
    fn attached(debugger) {
        let demo = spawn(\"demo\", work);
        debugger.ptrace_attach(demo);
        tick(1);
        debugger.wait(demo, __WALL);
        demo
    }";

#[test]
fn a_puppet_steps_a_program_one_instruction_at_a_time() {
    let lines = printed(&format!(
        "{STEPPED}
        let expected = by_stepi(30);
        boot();
        let debugger = spawn(\"sh\", #{{uid: 0, nice: -5}});
        let demo = attached(debugger);
        let eips = [];
        for i in 0..30 {{
            eips.push(demo.regs.eip);
            debugger.ptrace_singlestep(demo);
            let stop = debugger.wait(demo, __WALL);
            tick(1);
            assert_eq(stop.value.status, 0x057f);
            // The bit for a single step in the debug status register.
            assert_eq(debugger.ptrace_peekuser(demo, 252 + 4 * 6), 0xffff_4ff0);
        }}
        assert_eq(eips, expected);
        debugger.ptrace_cont(demo);
        tick(1);
        print(debugger.wait(demo, __WALL).text);"
    ));
    assert_eq!(lines, ["exited 10"]);
}

#[test]
fn a_breakpoint_stops_a_program_behind_it() {
    let lines = printed(&format!(
        "{STEPPED}
        let place = by_stepi(20)[-1];
        boot();
        let debugger = spawn(\"sh\", #{{uid: 0, nice: -5}});
        let demo = attached(debugger);
        let text = debugger.ptrace_peek(demo, place);
        debugger.ptrace_poke(demo, place, text & 0xffff_ff00 | 0xcc);
        debugger.ptrace_cont(demo);
        tick(1);
        print(debugger.wait(demo, __WALL).status == 0x057f);
        print(demo.regs.eip - place);
        debugger.ptrace_poke(demo, place, text);
        debugger.ptrace_pokeuser(demo, 48, place);
        debugger.ptrace_cont(demo);
        tick(1);
        print(debugger.wait(demo, __WALL).text);
        // The page was copied for that task alone.
        let other = spawn(\"other\", work);
        run();
        print(other.exit_status);"
    ));
    assert_eq!(lines, ["true", "1", "exited 10", "10"]);
}

/// As `strace -f` traces: the program stops at the entry of fork, and its child runs all the same
/// once it has been made.
#[test]
fn a_program_that_is_held_up_before_it_forks_has_a_child_that_runs() {
    let lines = printed(
        "fn main() {
            sleep(1);
            if fork() == 0 { exit(7); }
            let status = 0;
            waitpid(-1, addr(status), 0);
            exit(status >> 8);
        }
        boot(#{cpus: 2});
        let tracer = spawn(\"sh\");
        let p = spawn(\"demo\", main);
        tick(1);
        tracer.ptrace_attach(p);
        tracer.wait(p);
        while tasks().len() < 4 { tracer.ptrace_syscall(p); tick(5); tracer.wait(p); }
        tracer.ptrace_detach(p);
        tick(1000);
        print(p.exit_status);",
    );
    assert_eq!(lines, ["7"]);
}

/// What a puppet's fork comes to when a tracer has held it up is there later.
#[test]
fn a_fork_that_is_held_up_is_a_call_whose_value_is_the_child() {
    let lines = printed(
        "let tracer = spawn(\"sh\");
        let p = tracer.fork();
        tracer.ptrace_attach(p);
        tracer.wait(p);
        tracer.ptrace_syscall(p);
        let held = p.fork();
        print(held.done);
        tracer.wait(p);
        tracer.ptrace_detach(p);
        print(held.value.ppid == p.pid);
        print(held.value.fork().ppid == held.value.pid);",
    );
    assert_eq!(lines, ["false", "true", "true"]);
}

/// A page frame that cannot be had ends the program where it stands, whatever it does.
#[test]
fn no_failed_allocation_of_a_program_is_more_than_its_end() {
    for program in [
        "fn main() { 0 }",
        "fn main() { let a = array(3000); a[0] = 1; if fork() == 0 { exit(1); } wait() }",
        "fn kid() { 7 } fn main() { if vfork() == 0 { execve(\"kid\", 0, 0); } wait(); 0 }",
        "fn note(nr) { 0 } fn main() { signal(SIGUSR1, note); kill(getpid(), SIGUSR1); 0 }",
        "fn add(n) { n } fn main() { thread_join(thread_create(add, 1)) }",
        "fn main() { print(\"words\"); load(0) }",
    ] {
        for passes in 0..40 {
            printed(&format!(
                "{program}
                let p = spawn(\"p\", main);
                inject(\"fail_frame\", {passes});
                run();
                assert(!p.exists || p.state == \"Z\");"
            ));
        }
    }
}

/// Whoever is killed because another task has overwritten its stack is told whose store it was.
#[test]
fn a_stack_that_is_overwritten_names_who_did_it() {
    let vfork = "fn bad() { if vfork() == 0 { return 1; } 2 }
        fn noise(n) { let x = [1, 2, 3, 4, 5, 6]; x[n] + n }
        fn main() {
            let r = bad();
            let k = noise(3);
            if r == 1 { exit(k); }
            0
        }
        spawn(\"demo\", main);
        run();";
    let clone = "fn work() {
            let x = [1, 2, 3, 4, 5, 6];
            let i = 0;
            while i < 2000 { x[i % 6] = i; i += 1; }
            7
        }
        fn both() { sys_clone(CLONE_VM | SIGCHLD, 0, 0, 0, 0) }
        fn main() {
            let pid = both();
            let w = work();
            if pid == 0 { exit(w); }
            wait();
            0
        }
        spawn(\"demo\", main);
        run(1000);";
    for (script, killed, by) in [(vfork, "2:demo", "3:demo"), (clone, "3:demo", "2:demo")] {
        let told = crate::promises::printed(script);
        assert!(told.starts_with(&format!("{killed} SIGSEGV")), "{told}");
        let whose = format!("was overwritten by {by}, which shares the stack");
        assert!(told.contains(&whose), "{told}");
    }
    // A vfork child that keeps to the rules, and a fault of one's own.
    let own = "fn main() { if vfork() == 0 { exit(0); } load(0) } spawn(\"demo\", main); run();";
    let told = crate::promises::printed(own);
    assert!(
        told.contains("SIGSEGV") && !told.contains("overwritten"),
        "{told}"
    );
}

/// Only what reaches the console is printed, and all of it: neither what goes into a pipe, nor only
/// as much of a long write as a tracer shows.
#[test]
fn a_family_has_printed_what_reached_the_console() {
    let lines = printed(
        r#"fn main() {
            let fds = [0, 0];
            pipe(fds);
            write(fds[1], "into the pipe\n", 14);
            let long = array(100);
            for i in 0..100 { long[i] = 0x0a2e2e2e; }
            write(1, long, 400);
            0
        }
        boot(#{strace: true});
        spawn("demo", main);
        run();
        let family = family();
        print(family.members[0].printed.len());
        print(`${family}`.split("\n").filter(|line| line.contains("lines printed"))[0]);"#,
    );
    let last = "lines printed 100   processes made 0   frames copied 0   unreaped 0";
    assert_eq!(lines[lines.len() - 2..], ["400", last]);
}
