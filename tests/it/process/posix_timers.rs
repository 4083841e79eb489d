//! POSIX timers: expiries, overruns, and what fork, exec and a set clock do to them. "Example N" is a
//! worked example of `docs/fidelity.md`.

use super::signals::take;
use crate::lab::{Lab, errno};
use crate::programs::printed;
use forklab::abi::{
    Errno, ITIMER_REAL, Resource, SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD_ID, SigAction, SigOrigin,
    SigSet, Signal, TICK_NSEC, TIMER_ABSTIME, TaskId, VirtAddr, si_code,
};
use forklab::kernel::syscall::{ItimerVal, Syscall};

const REALTIME: u32 = 0;
const MONOTONIC: u32 = 1;

const fn err(errno: Errno) -> i32 {
    -errno.code()
}

/// A process with a page for its structures.
struct Scene {
    lab: Lab,
    sh: TaskId,
    page: VirtAddr,
}

impl Scene {
    fn new() -> Self {
        Self::of_user(500)
    }

    fn of_user(uid: u32) -> Self {
        let mut lab = Lab::boot();
        let sh = lab.spawn_as("sh", uid);
        let page = lab.map(sh, 1);
        Self { lab, sh, page }
    }

    fn at(&self, offset: u32) -> VirtAddr {
        VirtAddr(self.page.0 + offset)
    }

    fn put(&mut self, offset: u32, words: &[u32]) {
        for (at, word) in words.iter().enumerate() {
            let addr = self.at(offset + 4 * at as u32);
            self.lab.write(self.sh, addr, *word);
        }
    }

    fn get(&mut self, offset: u32) -> u32 {
        let addr = self.at(offset);
        self.lab.read(self.sh, addr)
    }

    /// The number of a new timer, or the error.
    fn create(&mut self, clock: u32, event: Option<[u32; 4]>) -> i32 {
        let addr = match event {
            Some(words) => {
                self.put(0x100, &words);
                self.at(0x100)
            }
            None => VirtAddr(0),
        };
        let call = Syscall::TimerCreate(clock, addr, self.at(0));
        match self.lab.call(self.sh, call) {
            0 => self.get(0) as i32,
            error => error,
        }
    }

    /// Sets a timer to a value and an interval, each in ticks.
    fn set(&mut self, timer: i32, value: u32, interval: u32) -> i32 {
        let time = |ticks: u32| {
            let ns = u64::from(ticks) * TICK_NSEC;
            [(ns / 1_000_000_000) as u32, (ns % 1_000_000_000) as u32]
        };
        let words = [time(interval), time(value)].concat();
        self.set_to(timer, 0, &words)
    }

    fn set_to(&mut self, timer: i32, flags: u32, words: &[u32]) -> i32 {
        self.put(0x200, words);
        let call = Syscall::TimerSettime(timer, flags, self.at(0x200), VirtAddr(0));
        self.lab.call(self.sh, call)
    }

    fn take(&mut self, signal: Signal) -> Option<SigOrigin> {
        let set = SigSet::of(&[signal]);
        take(&mut self.lab, self.sh, set)
            .ok()
            .map(|info| info.origin)
    }

    fn block(&mut self, signal: Signal) {
        self.lab.block(self.sh, SigSet::of(&[signal]));
    }

    /// Number, overrun and value of a signal that was taken.
    fn taken(&mut self, signal: Signal) -> Option<(i32, i32, u32)> {
        match self.take(signal)? {
            SigOrigin::Timer {
                id, overrun, value, ..
            } => Some((id, overrun, value)),
            other => panic!("{other:?}"),
        }
    }
}

/// Example 77.
#[test]
fn a_periodic_timer_counts_what_passes_while_its_signal_waits() {
    let mut scene = Scene::new();
    scene.block(Signal::SIGALRM);
    let timer = scene.create(REALTIME, None);
    assert_eq!((timer, scene.set(timer, 10, 10)), (0, 0));
    scene.lab.tick(10);
    assert_eq!(
        scene.take(Signal::SIGALRM),
        None,
        "a tick more than asked for"
    );
    scene.lab.tick(1 + 45);
    assert_eq!(scene.taken(Signal::SIGALRM), Some((0, 4, 0)));
    let call = Syscall::TimerGetoverrun(0);
    assert_eq!(scene.lab.call(scene.sh, call), 4);
    assert_eq!(scene.take(Signal::SIGALRM), None);
    scene.lab.tick(4);
    assert_eq!(scene.take(Signal::SIGALRM), None);
    scene.lab.tick(1);
    assert_eq!(scene.taken(Signal::SIGALRM), Some((0, 0, 0)));
}

/// Example 78.
#[test]
fn a_child_has_no_timers_and_exec_deletes_them() {
    let mut scene = Scene::new();
    assert_eq!(scene.create(REALTIME, None), 0);
    let (parent, kid) = (scene.sh, scene.lab.fork(scene.sh));
    scene.sh = kid;
    let call = Syscall::TimerGettime(0, scene.at(0));
    assert_eq!(errno(scene.lab.call(kid, call)), Errno::EINVAL);
    assert_eq!(scene.create(REALTIME, None), 1);
    scene.lab.call(parent, Syscall::Execve("sh".into()));
    assert_eq!(scene.create(REALTIME, None), 0, "the number is free again");
    scene.lab.exit(kid, 0);
    assert_eq!(
        scene.lab.kernel().posix_timers().len(),
        2,
        "until it is reaped"
    );
    let pid = scene.lab.pid(kid);
    scene.lab.wait(parent, pid, 0);
    assert_eq!(scene.lab.kernel().posix_timers().len(), 0);
}

/// Example 79.
#[test]
fn the_signal_of_a_deleted_timer_tells_nothing() {
    let mut scene = Scene::new();
    scene.block(Signal::SIGALRM);
    let timer = scene.create(REALTIME, None);
    scene.set(timer, 1, 0);
    scene.lab.tick(2);
    assert_eq!(scene.lab.call(scene.sh, Syscall::TimerDelete(timer)), 0);
    let set = SigSet::of(&[Signal::SIGALRM]);
    let info = take(&mut scene.lab, scene.sh, set).unwrap();
    assert_eq!((info.code, info.pid()), (si_code::SI_USER, 0));
    let call = Syscall::TimerDelete(timer);
    assert_eq!(errno(scene.lab.call(scene.sh, call)), Errno::EINVAL);
}

/// Example 80, with the short ticks of a PC.
#[test]
fn a_timer_expires_a_tick_after_the_time_that_was_asked_for() {
    for (words, ticks) in [([0, 0, 0, TICK_NSEC as u32], 2), ([0, 0, 0, 1_000_000], 3)] {
        let mut scene = Scene::new();
        scene.block(Signal::SIGALRM);
        let timer = scene.create(MONOTONIC, None);
        assert_eq!(scene.set_to(timer, 0, &words), 0);
        scene.lab.tick(ticks - 1);
        assert_eq!(scene.take(Signal::SIGALRM), None, "{words:?}");
        scene.lab.tick(1);
        assert!(scene.take(Signal::SIGALRM).is_some(), "{words:?}");
    }
}

/// Example 81.
#[test]
fn an_interval_timer_expires_to_the_tick() {
    let mut scene = Scene::new();
    scene.block(Signal::SIGALRM);
    let value = ItimerVal {
        interval: 10,
        value: 10,
    };
    let call = Syscall::Setitimer(ITIMER_REAL, value, VirtAddr(0));
    assert_eq!(scene.lab.call(scene.sh, call), 0);
    let left = scene.lab.kernel().do_getitimer(scene.sh, ITIMER_REAL);
    assert_eq!(left, Ok(value));
    scene.lab.tick(9);
    assert_eq!(scene.take(Signal::SIGALRM), None);
    scene.lab.tick(1);
    assert!(scene.take(Signal::SIGALRM).is_some());
    let left = scene.lab.kernel().do_getitimer(scene.sh, ITIMER_REAL);
    assert_eq!(left, Ok(value), "armed again from the tick it ran in");
}

/// Example 83.
#[test]
fn a_clock_that_is_set_concerns_timers_for_a_time_of_day_alone() {
    const HALF_HOUR: u32 = 1800;
    let mut scene = Scene::of_user(0);
    scene.block(Signal::SIGALRM);
    scene.block(Signal::SIGUSR1);
    let absolute = scene.create(REALTIME, None);
    let relative = scene.create(REALTIME, Some([7, 10, SIGEV_SIGNAL, 0]));
    let call = Syscall::Gettimeofday(scene.at(0x300), VirtAddr(0));
    assert_eq!(scene.lab.call(scene.sh, call), 0);
    let now = scene.get(0x300);
    assert_eq!(
        scene.set_to(absolute, TIMER_ABSTIME, &[0, 0, now + HALF_HOUR, 0]),
        0
    );
    assert_eq!(scene.set_to(relative, 0, &[0, 0, HALF_HOUR, 0]), 0);
    scene.put(0x300, &[now + 2 * HALF_HOUR, 0]);
    let call = Syscall::Settimeofday(scene.at(0x300), VirtAddr(0));
    assert_eq!(scene.lab.call(scene.sh, call), 0);
    scene.lab.tick(1);
    assert!(scene.take(Signal::SIGALRM).is_some(), "at the next tick");
    assert_eq!(scene.take(Signal::SIGUSR1), None);
    scene.lab.tick(1_800_273);
    assert_eq!(scene.take(Signal::SIGUSR1), None);
    scene.lab.tick(10);
    assert_eq!(scene.taken(Signal::SIGUSR1), Some((relative, 0, 7)));
}

/// Example 84.
#[test]
fn a_bad_time_of_day_leaves_the_new_time_zone() {
    let mut scene = Scene::of_user(0);
    scene.put(0, &[0, 1_000_000]);
    scene.put(0x10, &[60, 1]);
    let call = Syscall::Settimeofday(scene.at(0), scene.at(0x10));
    assert_eq!(errno(scene.lab.call(scene.sh, call)), Errno::EINVAL);
    let call = Syscall::Gettimeofday(VirtAddr(0), scene.at(0x20));
    assert_eq!(scene.lab.call(scene.sh, call), 0);
    assert_eq!((scene.get(0x20), scene.get(0x24)), (60, 1));
}

/// Example 87.
#[test]
fn each_timer_has_its_own_signal_in_the_queue() {
    let mut scene = Scene::new();
    scene.block(Signal::SIGALRM);
    for value in [11, 22] {
        let timer = scene.create(REALTIME, Some([value, 14, SIGEV_SIGNAL, 0]));
        assert_eq!(scene.set(timer, 1, 0), 0);
    }
    scene.lab.tick(2);
    let pid = scene.lab.pid(scene.sh);
    assert_eq!(scene.lab.kill(scene.sh, pid, 14), 0);
    assert_eq!(scene.taken(Signal::SIGALRM), Some((0, 0, 11)));
    assert_eq!(scene.taken(Signal::SIGALRM), Some((1, 0, 22)));
    assert_eq!(scene.take(Signal::SIGALRM), None);
}

/// What `timer_create` checks, in the kernel's order.
#[test]
fn what_timer_create_refuses() {
    let mut scene = Scene::new();
    let (signal, thread) = (SIGEV_SIGNAL, SIGEV_THREAD_ID);
    let own = scene.lab.pid(scene.sh) as u32;
    for (clock, event, expected) in [
        (4, None, err(Errno::EINVAL)),
        (REALTIME, Some([0, 0, signal, 0]), err(Errno::EINVAL)),
        (REALTIME, Some([0, 65, signal, 0]), err(Errno::EINVAL)),
        (REALTIME, Some([0, 64, signal, 0]), 0),
        (REALTIME, Some([0, 0, SIGEV_NONE, 0]), 1),
        (REALTIME, Some([0, 10, thread, 1]), err(Errno::EINVAL)),
        (
            REALTIME,
            Some([0, 10, thread | SIGEV_NONE, own]),
            err(Errno::EINVAL),
        ),
        (REALTIME, Some([0, 10, thread, own]), 2),
    ] {
        assert_eq!(scene.create(clock, event), expected, "{clock} {event:?}");
    }
    let call = Syscall::TimerCreate(4, VirtAddr(16), VirtAddr(16));
    assert_eq!(errno(scene.lab.call(scene.sh, call)), Errno::EINVAL);
    for (event, result) in [(VirtAddr(16), scene.at(0)), (VirtAddr(0), VirtAddr(16))] {
        let call = Syscall::TimerCreate(REALTIME, event, result);
        assert_eq!(errno(scene.lab.call(scene.sh, call)), Errno::EFAULT);
    }
    *scene.lab.rlimit_mut(scene.sh, Resource::Sigpending) = 3;
    assert_eq!(scene.create(REALTIME, None), err(Errno::EAGAIN));
    assert_eq!(scene.lab.call(scene.sh, Syscall::TimerDelete(1)), 0);
    assert_eq!(
        scene.create(REALTIME, None),
        1,
        "the lowest number that is free"
    );
}

/// What `timer_settime` and `timer_gettime` say.
#[test]
fn what_is_left_of_a_timer() {
    let mut scene = Scene::new();
    scene.block(Signal::SIGALRM);
    let timer = scene.create(REALTIME, None);
    for (words, expected) in [
        ([0, 0, 0, 1_000_000_000], err(Errno::EINVAL)),
        ([0, u32::MAX, 0, 1], err(Errno::EINVAL)),
        ([0, 0, u32::MAX, 0], err(Errno::EINVAL)),
    ] {
        assert_eq!(scene.set_to(timer, 0, &words), expected, "{words:?}");
    }
    let call = Syscall::TimerSettime(timer, 0, VirtAddr(0), VirtAddr(0));
    assert_eq!(errno(scene.lab.call(scene.sh, call)), Errno::EINVAL);
    let call = Syscall::TimerSettime(9, 0, scene.at(0x200), VirtAddr(0));
    scene.put(0x200, &[0; 4]);
    assert_eq!(errno(scene.lab.call(scene.sh, call)), Errno::EINVAL);
    let left = |scene: &mut Scene| {
        let call = Syscall::TimerGettime(timer, scene.at(0x400));
        assert_eq!(scene.lab.call(scene.sh, call), 0);
        (
            scene.get(0x404) / TICK_NSEC as u32,
            scene.get(0x40c) / TICK_NSEC as u32,
        )
    };
    assert_eq!(left(&mut scene), (0, 0));
    scene.set(timer, 20, 5);
    assert_eq!(left(&mut scene), (5, 21));
    scene.lab.tick(8);
    assert_eq!(left(&mut scene), (5, 13));
    scene.lab.tick(14);
    // The signal waits: what is left is that of the next period.
    assert_eq!(left(&mut scene), (5, 4));
    scene.set(timer, 0, 0);
    assert_eq!(left(&mut scene), (0, 0));
    // A signal from before the setting does not arm it again.
    assert!(scene.taken(Signal::SIGALRM).is_some());
    scene.lab.tick(20);
    assert_eq!(scene.take(Signal::SIGALRM), None);
}

/// A timer whose signal is ignored goes on silently, and one that tells nobody only shows the time.
#[test]
fn a_timer_whose_signal_is_ignored_goes_on() {
    let mut scene = Scene::new();
    let call = Syscall::sigaction(14, Some(SigAction::Ignore));
    assert_eq!(scene.lab.call(scene.sh, call), 0);
    let timer = scene.create(REALTIME, None);
    scene.set(timer, 5, 5);
    scene.lab.tick(22);
    let call = Syscall::sigaction(14, Some(SigAction::Default));
    assert_eq!(scene.lab.call(scene.sh, call), 0);
    scene.block(Signal::SIGALRM);
    scene.lab.tick(5);
    assert!(scene.taken(Signal::SIGALRM).is_some());
    let silent = scene.create(REALTIME, Some([0, 0, SIGEV_NONE, 0]));
    scene.set(silent, 3, 0);
    scene.lab.tick(10);
    let call = Syscall::TimerGettime(silent, scene.at(0x400));
    assert_eq!(scene.lab.call(scene.sh, call), 0);
    assert_eq!(scene.get(0x40c), 0);
}

/// The methods of puppets. A timer belongs to its process.
#[test]
fn puppets_have_timers_of_their_own() {
    let lines = printed(
        "let sh = spawn(\"sh\");
        sh.sigprocmask(SIG_BLOCK, [SIGUSR1, SIGALRM]);
        let timer = sh.timer_create(CLOCK_MONOTONIC, SIGUSR1);
        print(sh.timer_create(CLOCK_REALTIME) != timer);
        print(sh.timer_settime(timer, 5, 3));
        tick(12);
        print(sh.sigpending());
        print(sh.sigtimedwait([SIGUSR1], 0).code == SI_TIMER);
        print(sh.timer_getoverrun(timer));
        let kid = sh.fork();
        try { kid.timer_gettime(timer) } catch (e) { print(e) }
        try { kid.timer_create(CLOCK_REALTIME, SIGUSR1, sh) } catch (e) { print(e) }
        sh.timer_delete(timer);
        try { sh.timer_settime(timer, 1, 0) } catch (e) { print(e) }
        try { sh.timer_create(99) } catch (e) { print(e) }",
    );
    assert_eq!(
        lines,
        [
            "true",
            "#{\"interval\": 0, \"value\": 0}",
            "[10]",
            "true",
            "2",
            "timer_gettime failed: EINVAL: invalid argument",
            "timer_create failed: EINVAL: invalid argument",
            "timer_settime failed: EINVAL: invalid argument",
            "timer_create failed: EINVAL: invalid argument",
        ]
    );
}
