//! Tasks that wait for each other, or for themselves: the end of `run()` and `why_not` name them and
//! what they hold.

use crate::promises::printed;

/// Scripts, and what they must print.
const DEADLOCKS: [(&str, &str, &str); 10] = [
    (
        "two threads take two mutexes in different orders",
        "let a = 0;
         let b = 0;
         fn other(x) { mutex_lock(addr(b)); sleep(5); mutex_lock(addr(a)); 0 }
         fn main() {
             let t = thread_create(other, 0);
             mutex_lock(addr(a));
             sleep(10);
             mutex_lock(addr(b));
             thread_join(t);
             0
         }
         let d = spawn(\"demo\", main);
         run();
         let circle = why_not(d).circle;
         print(circle[1].waits_for + \" \" + circle[1].by);",
        "deadlock:
2:demo  waits for the mutex b at 0x08049004, held by 3:demo
3:demo  waits for the mutex a at 0x08049000, held by 2:demo
the mutex a at 0x08049000 [2]",
    ),
    (
        "a mutex is taken twice",
        "let lock = 0;
         fn main() { mutex_lock(addr(lock)); mutex_lock(addr(lock)); 0 }
         spawn(\"twice\", main);
         run();",
        "deadlock:
2:twice  waits for the mutex lock at 0x08049000, which it holds itself",
    ),
    (
        "the owner of a mutex has exited",
        "let lock = 0;
         fn dies(x) { mutex_lock(addr(lock)); 0 }
         fn main() { let t = thread_create(dies, 0); thread_join(t); mutex_lock(addr(lock)); 0 }
         spawn(\"demo\", main);
         run();",
        "deadlock:
2:demo  waits for the mutex lock at 0x08049000, held by 3:demo, which has exited",
    ),
    (
        "two tasks take two semaphores in different orders",
        "let a = spawn(\"sh\");
         let b = spawn(\"sh\");
         let s = a.semget(IPC_PRIVATE, 2, IPC_CREAT | 0o600);
         a.semctl(s, 0, SETVAL, 1);
         a.semctl(s, 1, SETVAL, 1);
         a.semop(s, [[0, -1]]);
         b.semop(s, [[1, -1]]);
         a.semop(s, [[1, -1]]);
         run();
         print(\"b could still give it back\");
         b.semop(s, [[0, -1]]);
         run();",
        "b could still give it back
deadlock:
2:sh  waits for semaphore 1 of set 0, held by 3:sh
3:sh  waits for semaphore 0 of set 0, held by 2:sh",
    ),
    (
        "two processes take two locks in different orders, one of each kind",
        "let a = spawn(\"sh\");
         let b = spawn(\"sh\");
         let first = a.open(\"/tmp/f\", O_CREAT | O_RDWR);
         let second = b.open(\"/tmp/f\", O_RDWR);
         a.flock(first, LOCK_EX);
         b.setlk(second, F_WRLCK, 0, 0);
         a.setlkw(first, F_WRLCK, 5, 1);
         b.flock(second, LOCK_SH);
         run();",
        "deadlock:
2:sh  waits for a lock on a file, held by 3:sh
3:sh  waits for a lock on a file, held by 2:sh",
    ),
    (
        "a process opens a file twice, and locks both",
        "let sh = spawn(\"sh\");
         sh.flock(sh.open(\"/tmp/f\", O_CREAT | O_RDWR), LOCK_EX);
         sh.flock(sh.open(\"/tmp/f\", O_RDWR), LOCK_EX);
         run();",
        "deadlock:
2:sh  waits for a lock on a file, which it holds itself",
    ),
    (
        "a parent waits for a child that reads a pipe whose writing end both hold",
        "fn main() {
             let ends = array(2);
             pipe(ends);
             if fork() == 0 { let c = 0; while read(ends[0], addr(c), 1) == 1 { } exit(0); }
             wait();
             0
         }
         spawn(\"shell\", main);
         run();",
        "deadlock:
2:shell  waits for a child to exit: 3:shell
3:shell  waits for data in a pipe, whose writing end is held by 2:shell, 3:shell",
    ),
    (
        "a reader holds the writing end itself",
        "let sh = spawn(\"sh\");
         let ends = sh.pipe();
         sh.sys_read(ends[0], 10);
         run();
         try { sh.getpid() } catch (e) { print(e.message) }
         try { run_until(|| false) } catch (e) { print(e.note) }",
        "deadlock:
2:sh  waits for data in a pipe, and only it holds the writing end itself: close it before reading
task 2 (sh) cannot act: it is still inside read until data comes into the pipe, whose writing end \
only it holds itself
deadlock: 2:sh  waits for data in a pipe, and only it holds the writing end itself: close it before \
reading",
    ),
    (
        "a writer holds the reading end itself",
        "let sh = spawn(\"sh\");
         let ends = sh.pipe();
         let much = \"x\";
         for n in 0..17 { much += much; }
         sh.sys_write(ends[1], much);
         run();",
        "deadlock:
2:sh  waits for room in a pipe, and only it holds the reading end itself: somebody else must read",
    ),
    (
        "somebody may still go on: a signal, the user, time",
        "fn main() {
             let ends = array(2);
             pipe(ends);
             if fork() == 0 { pause(); }
             let c = 0;
             read(ends[0], addr(c), 1)
         }
         let d = spawn(\"demo\", main);
         run();
         print(why_not(d).circle);
         let sh = spawn(\"sh\");
         let kid = sh.fork();
         sh.wait();
         run();
         print(why_not(sh).circle);",
        "[]
[]",
    ),
];

#[test]
fn tasks_that_wait_for_each_other_are_named() {
    for (what, script, expected) in DEADLOCKS {
        assert_eq!(printed(script), expected, "{what}");
    }
}

/// With many tasks and pipes, too, the question is answered at once.
#[test]
fn many_waiting_tasks_are_looked_at_in_time() {
    let script = "boot(#{mem: 128*MiB});
        let sh = spawn(\"sh\");
        let ends = sh.pipe();
        for n in 0..300 { let kid = sh.fork(); kid.sys_read(ends[0], 1); }
        sh.sys_read(ends[0], 1);
        run();
        print(\"done\");";
    assert_eq!(printed(script), "done");
}
