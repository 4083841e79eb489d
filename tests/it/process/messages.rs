//! System V messages. "Example N" is a worked example of `docs/fidelity.md`.

use super::terminals::handler;
use crate::lab::{Lab, errno};
use crate::programs::printed;
use forklab::abi::{
    Errno, IPC_CREAT, IPC_EXCL, IPC_NOWAIT, IPC_PRIVATE, IPC_RMID, IPC_SET, IPC_STAT, MSG_EXCEPT,
    MSG_NOERROR, SaFlags, Signal, TaskId, VirtAddr,
};
use forklab::kernel::syscall::{IpcCall, MsgrcvArgs, MsgsndArgs, Syscall};
use forklab::machine::Acted;

const IPC_64: u32 = 0x100;

const fn err(errno: Errno) -> i32 {
    -errno.code()
}

/// Two processes with a page each, and a queue.
struct Scene {
    lab: Lab,
    sender: TaskId,
    receiver: TaskId,
    page: VirtAddr,
    queue: i32,
}

impl Scene {
    fn new() -> Self {
        let (mut lab, sender) = Lab::with_shell();
        let page = lab.map(sender, 4);
        let receiver = lab.fork(sender);
        let call = Syscall::Ipc(IpcCall::Msgget(IPC_PRIVATE, 0o600));
        let queue = lab.call(sender, call);
        Self {
            lab,
            sender,
            receiver,
            page,
            queue,
        }
    }

    /// What `msgsnd` returns; the number of the call if it sleeps.
    fn send(&mut self, kind: i32, size: u32, flags: u32) -> Result<i32, u64> {
        self.lab.write(self.sender, self.page, kind as u32);
        let message = MsgsndArgs {
            id: self.queue,
            message: self.page,
            size,
            flags,
        };
        let call = Syscall::Ipc(IpcCall::Msgsnd(message));
        value(self.lab.outcome(self.sender, call))
    }

    fn receive(&mut self, size: u32, kind: i32, flags: u32) -> Result<i32, u64> {
        let message = MsgrcvArgs {
            id: self.queue,
            message: self.page,
            size,
            kind,
            flags,
        };
        let call = Syscall::Ipc(IpcCall::Msgrcv(message));
        value(self.lab.outcome(self.receiver, call))
    }

    /// Type and first word of what was received last.
    fn received(&mut self) -> (u32, u32) {
        let second = VirtAddr(self.page.0 + 4);
        (
            self.lab.read(self.receiver, self.page),
            self.lab.read(self.receiver, second),
        )
    }

    fn ctl(&mut self, cmd: u32, buffer: VirtAddr) -> i32 {
        let call = Syscall::Ipc(IpcCall::Msgctl(self.queue, cmd | IPC_64, buffer));
        self.lab.call(self.sender, call)
    }

    fn late(&self, call: u64) -> Option<i32> {
        self.lab.returned(call).map(|(value, _)| value)
    }

    /// A word of what `IPC_STAT` stores.
    fn stat(&mut self, at: u32) -> u32 {
        let buffer = VirtAddr(self.page.0 + 0x2000);
        assert_eq!(self.ctl(IPC_STAT, buffer), 0);
        self.lab.read(self.sender, VirtAddr(buffer.0 + at))
    }
}

fn value(outcome: Acted) -> Result<i32, u64> {
    match outcome {
        Acted::Returned(value) => Ok(value as i32),
        Acted::Refused(error) => Ok(-error.errno().code()),
        Acted::Blocks(call) => Err(call),
        other => panic!("{other:?}"),
    }
}

/// Example 72.
#[test]
fn a_receiver_chooses_by_type() {
    let mut scene = Scene::new();
    for (text, kind) in [(1, 5), (2, 3), (3, 3), (4, 9)] {
        let second = VirtAddr(scene.page.0 + 4);
        scene.lab.write(scene.sender, second, text);
        assert_eq!(scene.send(kind, 4, 0), Ok(0));
    }
    for (kind, flags, expected) in [
        (0, 0, Some((5, 1))),
        (-4, 0, Some((3, 2))),
        (9, MSG_EXCEPT, Some((3, 3))),
        (7, IPC_NOWAIT, None),
        (-9, 0, Some((9, 4))),
    ] {
        match expected {
            Some(message) => {
                assert_eq!(scene.receive(100, kind, flags), Ok(4));
                assert_eq!(scene.received(), message);
            }
            None => assert_eq!(scene.receive(100, kind, flags), Ok(err(Errno::ENOMSG))),
        }
    }
}

/// Example 73.
#[test]
fn a_sleeping_receiver_with_too_small_a_buffer_is_sent_off() {
    let mut scene = Scene::new();
    let waits = scene.receive(4, 0, 0).unwrap_err();
    assert_eq!(scene.send(1, 10, 0), Ok(0));
    assert_eq!(scene.late(waits), Some(err(Errno::E2BIG)));
    assert_eq!((scene.stat(60), scene.stat(64)), (10, 1), "it stays queued");
    assert_eq!(scene.receive(4, 0, 0), Ok(err(Errno::E2BIG)));
    assert_eq!(scene.receive(4, 0, MSG_NOERROR), Ok(4));
    let waits = scene.receive(4, 0, MSG_NOERROR).unwrap_err();
    assert_eq!(scene.send(1, 10, 0), Ok(0));
    assert_eq!(scene.late(waits), Some(4));
    assert_eq!((scene.stat(60), scene.stat(64)), (0, 0));
    let tid = scene.lab.pid(scene.receiver) as u32;
    assert_eq!(scene.stat(76), tid, "the last to receive");
}

/// Example 74.
#[test]
fn a_sender_waits_for_room_and_hears_of_the_end() {
    let mut scene = Scene::new();
    for _ in 0..2 {
        assert_eq!(scene.send(1, 8192, 0), Ok(0));
    }
    let waits = scene.send(1, 8192, 0).unwrap_err();
    assert_eq!(scene.receive(8192, 0, 0), Ok(8192));
    assert_eq!(scene.late(waits), Some(0));
    let waits = scene.send(1, 8192, 0).unwrap_err();
    let call = Syscall::Ipc(IpcCall::Msgctl(scene.queue, IPC_RMID, VirtAddr(0)));
    assert_eq!(scene.lab.call(scene.receiver, call), 0);
    assert_eq!(scene.late(waits), Some(err(Errno::EIDRM)));
    assert_eq!(scene.send(1, 1, 0), Ok(err(Errno::EINVAL)));
}

/// Example 75.
#[test]
fn a_handler_ends_the_wait_and_a_stop_does_not() {
    let mut scene = Scene::new();
    let call = handler(Signal::SIGUSR1, SaFlags::RESTART);
    assert_eq!(scene.lab.call(scene.receiver, call), 0);
    let waits = scene.receive(9, 0, 0).unwrap_err();
    let pid = scene.lab.pid(scene.receiver);
    for signal in [19, 18] {
        assert_eq!(scene.lab.kill(scene.sender, pid, signal), 0);
    }
    assert_eq!(scene.late(waits), None);
    assert_eq!(scene.lab.kill(scene.sender, pid, 10), 0);
    assert_eq!(scene.late(waits), Some(err(Errno::EINTR)));
}

/// Example 76.
#[test]
fn there_is_room_for_16_queues_of_16_kib() {
    let mut scene = Scene::new();
    let get = Syscall::Ipc(IpcCall::Msgget(IPC_PRIVATE, 0o600));
    for nr in 1..16 {
        let id = scene.lab.call(scene.sender, get.clone());
        assert_eq!(id, nr * 32768 + nr);
    }
    assert_eq!(errno(scene.lab.call(scene.sender, get)), Errno::ENOSPC);
    assert_eq!(scene.send(1, 8193, 0), Ok(err(Errno::EINVAL)));
    for _ in 0..2 {
        assert_eq!(scene.send(1, 8192, 0), Ok(0));
    }
    assert_eq!(scene.send(1, 8192, IPC_NOWAIT), Ok(err(Errno::EAGAIN)));
    assert_eq!(scene.send(1, 0, 0), Ok(0), "no bytes need no room");
}

/// What is checked, in the kernel's order.
#[test]
fn what_msgsnd_and_msgrcv_refuse() {
    let mut scene = Scene::new();
    assert_eq!(scene.send(0, 4, 0), Ok(err(Errno::EINVAL)));
    assert_eq!(scene.send(-1, 4, 0), Ok(err(Errno::EINVAL)));
    let send = |id, message, size| {
        Syscall::Ipc(IpcCall::Msgsnd(MsgsndArgs {
            id,
            message: VirtAddr(message),
            size,
            flags: 0,
        }))
    };
    let page = scene.page.0;
    for (call, expected) in [
        (send(-1, 16, 4), Errno::EINVAL),
        (send(scene.queue + 1, 16, 4), Errno::EFAULT),
        (send(scene.queue + 1, page, 4), Errno::EINVAL),
    ] {
        scene.lab.write(scene.sender, scene.page, 1);
        assert_eq!(errno(scene.lab.call(scene.sender, call)), expected);
    }
    assert_eq!(scene.receive(u32::MAX, 0, 0), Ok(err(Errno::EINVAL)));
    assert_eq!(scene.send(1, 4, 0), Ok(0));
    let good = std::mem::replace(&mut scene.page, VirtAddr(16));
    assert_eq!(scene.receive(4, 0, 0), Ok(err(Errno::EFAULT)));
    scene.page = good;
    let lost = scene.receive(4, 0, IPC_NOWAIT);
    assert_eq!(lost, Ok(err(Errno::ENOMSG)), "the message is lost");
}

#[test]
fn who_finds_and_changes_queues() {
    let mut lab = Lab::boot();
    let (me, other) = (lab.spawn_as("me", 500), lab.spawn_as("other", 501));
    let get =
        |lab: &mut Lab, task, key, flags| lab.call(task, Syscall::Ipc(IpcCall::Msgget(key, flags)));
    let queue = get(&mut lab, me, 7, IPC_CREAT | 0o640);
    for (task, key, flags, expected) in [
        (me, 7, 0, queue),
        (me, 7, IPC_CREAT | IPC_EXCL, err(Errno::EEXIST)),
        (me, 8, 0, err(Errno::ENOENT)),
        (other, 7, 0o004, err(Errno::EACCES)),
        (other, 7, 0, queue),
    ] {
        assert_eq!(get(&mut lab, task, key, flags), expected, "{key} {flags:o}");
    }
    let page = lab.map(other, 1);
    let ctl = |cmd| Syscall::Ipc(IpcCall::Msgctl(queue, cmd, page));
    for (cmd, expected) in [
        (IPC_RMID, Errno::EPERM),
        (IPC_SET, Errno::EPERM),
        (IPC_STAT, Errno::EACCES),
        (99, Errno::EINVAL),
    ] {
        assert_eq!(errno(lab.call(other, ctl(cmd))), expected, "{cmd}");
    }
}

/// A smaller queue, and permissions that shut a waiting receiver out.
#[test]
fn a_change_of_the_queue_wakes_those_who_wait() {
    let mut scene = Scene::new();
    let waits = scene.receive(9, 0, 0).unwrap_err();
    let buffer = VirtAddr(scene.page.0 + 0x2000);
    for (at, word) in [(4, 500), (8, 0), (20, 0), (68, 16384)] {
        scene.lab.write(scene.sender, VirtAddr(buffer.0 + at), word);
    }
    assert_eq!(scene.ctl(IPC_SET, buffer), 0);
    assert_eq!(scene.late(waits), Some(err(Errno::EACCES)));
    scene
        .lab
        .write(scene.sender, VirtAddr(buffer.0 + 68), 16385);
    assert_eq!(scene.ctl(IPC_SET, buffer), err(Errno::EPERM));
}

/// The methods of puppets: a receiver whose queue goes, and a sender who waits for room.
#[test]
fn puppets_wait_for_messages_and_for_room() {
    let lines = printed(
        "let sh = spawn(\"sh\");
        let kid = sh.fork();
        let queue = sh.msgget(IPC_PRIVATE, 0o600);
        let call = kid.msgrcv(queue, 0);
        sh.msgctl(queue, IPC_RMID);
        try { call.value } catch (e) { print(e) }
        print(message_queues());
        queue = sh.msgget(IPC_PRIVATE, 0o600);
        let text = \"\";
        text.pad(8*KiB, \"x\");
        kid.msgsnd(queue, 1, text);
        kid.msgsnd(queue, 2, text);
        call = kid.msgsnd(queue, 3, \"last\");
        print(call.done);
        print(sh.msgctl(queue, IPC_STAT).qnum);
        print(sh.msgrcv(queue, -2).type);
        print(call.value);
        print(sh.msgrcv(queue, 3));
        print(sh.msgctl(0, MSG_INFO));
        try { sh.msgsnd(queue, 0, \"x\") } catch (e) { print(e) }",
    );
    assert_eq!(
        lines,
        [
            "msgrcv failed: EIDRM: identifier removed",
            "[]",
            "false",
            "2",
            "1",
            "",
            "#{\"text\": \"last\", \"type\": 3}",
            "#{\"bytes\": 8192, \"messages\": 1, \"used_ids\": 1}",
            "msgsnd failed: EINVAL: invalid argument",
        ]
    );
}
