//! Signals for init: it drops them all, but what they have begun on their way stays.

use crate::programs::printed;
use forklab::kernel::task::SignalFlags;
use forklab::script::{Limits, Session};

fn after(script: &str) -> (SignalFlags, char) {
    let mut session = Session::new(Limits::default(), Box::new(|_| Ok(()))).unwrap();
    session.run(script).unwrap();
    session.machine(|machine| {
        let kernel = &machine.kernel;
        let group = kernel.task(kernel.init()).signal().unwrap();
        let state = kernel.sched.get(kernel.init()).state;
        (kernel.signals()[group].flags(), state.letter())
    })
}

#[test]
fn init_survives_every_signal_and_keeps_what_it_has_begun() {
    let none = SignalFlags::empty();
    let exits = SignalFlags::GROUP_EXIT;
    let stopped = SignalFlags::STOP_STOPPED;
    let continued = SignalFlags::STOP_CONTINUED;
    for (signals, flags, state) in [
        (&["SIGTERM"][..], exits, 'S'),
        (&["SIGKILL"], exits, 'S'),
        (&["SIGTERM", "SIGCONT"], none, 'S'),
        (&["SIGCHLD"], none, 'S'),
        (&["SIGSTOP"], SignalFlags::STOP_DEQUEUED, 'S'),
        // The stop was meant for the other threads, until init has dumped core.
        (&["SIGSEGV"], stopped, 'T'),
        (&["SIGSEGV", "SIGTERM"], stopped, 'T'),
        (&["SIGSEGV", "SIGCONT"], continued, 'S'),
        (&["SIGSEGV", "SIGKILL"], none, 'T'),
        (&["SIGTERM", "SIGSEGV"], exits, 'S'),
    ] {
        let kills = signals
            .iter()
            .map(|signal| format!("sh.kill(1, {signal});"));
        let script = format!(
            "let sh = spawn(\"sh\", #{{uid: 0}}); {}",
            kills.collect::<String>()
        );
        assert_eq!(after(&script), (flags, state), "{signals:?}");
    }
}

#[test]
fn init_has_no_parent() {
    let lines = printed("print(init().ppid); print(spawn(\"sh\").ppid);");
    assert_eq!(lines, ["0", "1"]);
}
