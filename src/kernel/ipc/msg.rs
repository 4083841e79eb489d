//! System V messages: queues by id or key, senders that wait for room, and receivers that wait for a
//! type of message.

use super::ids::{IpcIds, IpcObject, IpcPerm};
use crate::abi::{
    Errno, IPC_CREAT, IPC_EXCL, IPC_NOWAIT, IPC_PRIVATE, MSG_EXCEPT, MSG_NOERROR, TaskId,
    TaskState, VirtAddr,
};
use crate::kernel::Kernel;
use crate::kernel::syscall::{MsgrcvArgs, MsgsndArgs, Restart, SysResult};
use crate::kernel::task::{Continuation, Message};
use std::collections::VecDeque;

/// The most queues.
///
/// Linux 2.6.12: `include/linux/msg.h`, `MSGMNI`.
pub(super) const MSGMNI: i32 = 16;
/// The most bytes of a message.
///
/// Linux 2.6.12: `include/linux/msg.h`, `MSGMAX`.
pub(super) const MSGMAX: u32 = 8192;
/// The most bytes of a new queue.
///
/// Linux 2.6.12: `include/linux/msg.h`, `MSGMNB`.
pub(super) const MSGMNB: u32 = 16384;

/// A queue of messages (`struct msg_queue`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MsgQueue {
    pub(super) perm: IpcPerm,
    /// When a message was sent last, received last, and when the queue was changed, in seconds.
    pub(super) stime: u32,
    pub(super) rtime: u32,
    pub(super) ctime: u32,
    /// `q_qbytes`: the most bytes of all messages.
    pub(super) qbytes: u32,
    /// The processes that sent and received last.
    pub(super) lspid: i32,
    pub(super) lrpid: i32,
    messages: VecDeque<Message>,
    /// The tasks that wait for a message, in the order of arrival.
    receivers: VecDeque<Receiver>,
    /// The tasks that wait for room, in the order of arrival.
    senders: VecDeque<TaskId>,
}

/// All message queues (`msg_ids`).
pub type MsgQueues = IpcIds<MsgQueue>;

/// Which messages a receiver takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wants {
    Any,
    /// The first of the lowest type up to that one.
    UpTo(i32),
    Type(i32),
    AnyBut(i32),
}

/// A task that waits for a message (`struct msg_receiver`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Receiver {
    task: TaskId,
    wants: Wants,
    /// The longest message that it takes.
    most: u32,
}

impl Wants {
    /// Linux 2.6.12: `ipc/msg.c`, `convert_mode()`.
    const fn of(kind: i32, flags: u32) -> Self {
        match kind {
            0 => Self::Any,
            ..0 => Self::UpTo(kind.wrapping_neg()),
            _ if flags & MSG_EXCEPT != 0 => Self::AnyBut(kind),
            _ => Self::Type(kind),
        }
    }

    /// Linux 2.6.12: `ipc/msg.c`, `testmsg()`.
    const fn takes(self, kind: i32) -> bool {
        match self {
            Self::Any => true,
            Self::UpTo(most) => kind <= most,
            Self::Type(wanted) => kind == wanted,
            Self::AnyBut(unwanted) => kind != unwanted,
        }
    }
}

impl MsgrcvArgs {
    const fn wants(&self) -> Wants {
        Wants::of(self.kind, self.flags)
    }

    /// The longest message that it takes: with `MSG_NOERROR` longer ones are cut.
    const fn most(&self) -> u32 {
        if self.flags & MSG_NOERROR != 0 {
            i32::MAX as u32
        } else {
            self.size
        }
    }
}

impl IpcObject for MsgQueue {
    fn perm(&self) -> &IpcPerm {
        &self.perm
    }

    fn perm_mut(&mut self) -> &mut IpcPerm {
        &mut self.perm
    }
}

impl MsgQueue {
    /// `q_cbytes`: bytes of all messages.
    pub fn cbytes(&self) -> u32 {
        self.messages
            .iter()
            .map(|message| message.text.len() as u32)
            .sum()
    }

    /// `q_qnum`: how many messages there are.
    pub fn qnum(&self) -> u32 {
        self.messages.len() as u32
    }

    /// The tasks that wait for a message or for room.
    pub(super) fn sleepers(&self) -> impl Iterator<Item = TaskId> {
        let receivers = self.receivers.iter().map(|receiver| receiver.task);
        receivers.chain(self.senders.iter().copied())
    }

    fn has_room(&self, size: u32) -> bool {
        size + self.cbytes() <= self.qbytes && self.qnum() < self.qbytes
    }

    /// The place of the message that a receiver gets.
    ///
    /// Linux 2.6.12: `ipc/msg.c`, `sys_msgrcv()`.
    fn find(&self, wants: Wants) -> Option<usize> {
        let mut fitting = self
            .messages
            .iter()
            .enumerate()
            .filter(|(_, message)| wants.takes(message.kind));
        let found = match wants {
            // The first of those of the lowest type: `min_by_key` returns the first.
            Wants::UpTo(_) => fitting.min_by_key(|(_, message)| message.kind),
            _ => fitting.next(),
        };
        found.map(|(at, _)| at)
    }
}

impl Kernel {
    /// Linux 2.6.12: `ipc/msg.c`, `sys_msgget()`.
    ///
    /// # Errors
    /// `ENOENT`, `EEXIST`, `EACCES`; `ENOSPC` if there are as many queues as there can be.
    pub(super) fn sys_msgget(
        &mut self,
        current: TaskId,
        key: i32,
        flags: u32,
    ) -> Result<u32, Errno> {
        let found = match key {
            IPC_PRIVATE => None,
            key => self.msg_queues.with_key(key),
        };
        let found = found.map(|(id, queue)| (id, queue.perm));
        match found {
            None if key != IPC_PRIVATE && flags & IPC_CREAT == 0 => Err(Errno::ENOENT),
            None => self.newque(current, key, flags),
            Some(_) if flags & IPC_CREAT != 0 && flags & IPC_EXCL != 0 => Err(Errno::EEXIST),
            Some((_, perm)) if !self.may_use_ipc(current, perm, flags) => Err(Errno::EACCES),
            Some((id, _)) => Ok(id as u32),
        }
    }

    /// Linux 2.6.12: `ipc/msg.c`, `newque()`.
    fn newque(&mut self, current: TaskId, key: i32, flags: u32) -> Result<u32, Errno> {
        let queue = MsgQueue {
            perm: IpcPerm::new(key, flags, &self.task(current).cred()),
            stime: 0,
            rtime: 0,
            ctime: self.get_seconds(),
            qbytes: MSGMNB,
            lspid: 0,
            lrpid: 0,
            messages: VecDeque::new(),
            receivers: VecDeque::new(),
            senders: VecDeque::new(),
        };
        self.msg_queues.add(queue, MSGMNI).map(|id| id as u32)
    }

    /// Linux 2.6.12: `ipc/msg.c`, `sys_msgsnd()`.
    ///
    /// # Errors
    /// `EINVAL` for the size, the id or the type; `EFAULT`; `EINVAL`, `EIDRM` for the queue;
    /// `EACCES`; `EAGAIN` with `IPC_NOWAIT`; `EINTR`.
    pub(super) fn sys_msgsnd(&mut self, current: TaskId, args: MsgsndArgs) -> SysResult {
        match self.load_msg(current, &args) {
            Ok(message) => {
                self.task_mut(current).in_call.message = Some(Box::new(message));
                self.send_message(current, args)
            }
            Err(errno) => Err(errno).into(),
        }
    }

    fn load_msg(&mut self, current: TaskId, args: &MsgsndArgs) -> Result<Message, Errno> {
        if args.size > MSGMAX || args.id < 0 {
            return Err(Errno::EINVAL);
        }
        let kind = self.get_user_u32(current, args.message)?.cast_signed();
        if kind < 1 {
            return Err(Errno::EINVAL);
        }
        let mut text = vec![0; args.size as usize];
        let at = VirtAddr(args.message.0.wrapping_add(4));
        self.copy_from_user(current, at, &mut text)?;
        self.msg_queues.find(args.id)?;
        Ok(Message { kind, text })
    }

    /// Sends the message that the task has at hand, or waits for room.
    fn send_message(&mut self, current: TaskId, args: MsgsndArgs) -> SysResult {
        let sent = self.try_to_send(current, &args);
        if sent != Ok(None) {
            self.task_mut(current).in_call.message = None;
        }
        match sent {
            Ok(Some(())) => SysResult::from(0),
            Ok(None) => {
                if let Ok(queue) = self.msg_queues.find_mut(args.id) {
                    queue.senders.push_back(current);
                }
                self.block(
                    current,
                    TaskState::INTERRUPTIBLE,
                    Continuation::Msgsnd(args),
                )
            }
            Err(errno) => Err(errno).into(),
        }
    }

    /// `None` if there is no room.
    fn try_to_send(&mut self, current: TaskId, args: &MsgsndArgs) -> Result<Option<()>, Errno> {
        let perm = *self.msg_queues.find(args.id)?.perm();
        if !self.may_use_ipc(current, perm, 0o222) {
            return Err(Errno::EACCES);
        }
        if !self.msg_queues.find(args.id)?.has_room(args.size) {
            return match args.flags & IPC_NOWAIT {
                0 => Ok(None),
                _ => Err(Errno::EAGAIN),
            };
        }
        let (now, pid) = (self.get_seconds(), self.task(current).tgid().0);
        let message = self.task_mut(current).in_call.message.take();
        let queue = self.msg_queues.find_mut(args.id)?;
        (queue.lspid, queue.stime) = (pid, now);
        if let Some(message) = message {
            self.pipelined_send(args.id, *message);
        }
        Ok(Some(()))
    }

    /// Gives a message to the first task that waits for such a one, or appends it.
    ///
    /// Linux 2.6.12: `ipc/msg.c`, `pipelined_send()`.
    fn pipelined_send(&mut self, id: i32, message: Message) {
        loop {
            let Ok(queue) = self.msg_queues.find_mut(id) else {
                return;
            };
            let wanted = |receiver: &Receiver| receiver.wants.takes(message.kind);
            let Some(at) = queue.receivers.iter().position(wanted) else {
                queue.messages.push_back(message);
                return;
            };
            let Some(receiver) = queue.receivers.remove(at) else {
                return;
            };
            if receiver.most < message.text.len() as u32 {
                self.end_receive(receiver.task, Err(Errno::E2BIG));
                continue;
            }
            let (tid, now) = (self.pid(receiver.task).0, self.get_seconds());
            if let Ok(queue) = self.msg_queues.find_mut(id) {
                (queue.lrpid, queue.rtime) = (tid, now);
            }
            return self.end_receive(receiver.task, Ok(message));
        }
    }

    /// Wakes a receiver that has left the queue, with what it gets.
    fn end_receive(&mut self, task: TaskId, result: Result<Message, Errno>) {
        self.wake_up_process(task);
        self.task_mut(task).in_call.received = Some(result.map(Box::new));
    }

    /// Goes on with a sender that has slept.
    pub(in crate::kernel) fn msgsnd_woken(
        &mut self,
        current: TaskId,
        args: MsgsndArgs,
    ) -> SysResult {
        let Ok(queue) = self.msg_queues.find_mut(args.id) else {
            self.task_mut(current).in_call.message = None;
            return Err(Errno::EIDRM).into();
        };
        queue.senders.retain(|task| *task != current);
        if self.signal_pending(current) {
            self.task_mut(current).in_call.message = None;
            return SysResult::Restart(Restart::NoHand);
        }
        self.send_message(current, args)
    }

    /// Linux 2.6.12: `ipc/msg.c`, `sys_msgrcv()`.
    ///
    /// # Errors
    /// `EINVAL` for the size or the id; `EINVAL`, `EIDRM` for the queue; `EACCES`; `E2BIG` without
    /// `MSG_NOERROR`; `ENOMSG` with `IPC_NOWAIT`; `EFAULT`, and the message is lost; `EINTR`.
    pub(super) fn sys_msgrcv(&mut self, current: TaskId, args: MsgrcvArgs) -> SysResult {
        if args.id < 0 || args.size.cast_signed() < 0 {
            return Err(Errno::EINVAL).into();
        }
        self.receive(current, args)
    }

    fn receive(&mut self, current: TaskId, args: MsgrcvArgs) -> SysResult {
        match self.take_message(current, &args) {
            Ok(Some(message)) => self.store_msg(current, &args, &message).into(),
            Ok(None) => {
                let receiver = Receiver {
                    task: current,
                    wants: args.wants(),
                    most: args.most(),
                };
                if let Ok(queue) = self.msg_queues.find_mut(args.id) {
                    queue.receivers.push_back(receiver);
                }
                self.block(
                    current,
                    TaskState::INTERRUPTIBLE,
                    Continuation::Msgrcv(args),
                )
            }
            Err(errno) => Err(errno).into(),
        }
    }

    /// `None` if there is no message for the caller.
    fn take_message(
        &mut self,
        current: TaskId,
        args: &MsgrcvArgs,
    ) -> Result<Option<Message>, Errno> {
        let perm = *self.msg_queues.find(args.id)?.perm();
        if !self.may_use_ipc(current, perm, 0o444) {
            return Err(Errno::EACCES);
        }
        let (now, pid) = (self.get_seconds(), self.task(current).tgid().0);
        let queue = self.msg_queues.find_mut(args.id)?;
        let Some(at) = queue.find(args.wants()) else {
            return match args.flags & IPC_NOWAIT {
                0 => Ok(None),
                _ => Err(Errno::ENOMSG),
            };
        };
        if args.most() < queue.messages[at].text.len() as u32 {
            return Err(Errno::E2BIG);
        }
        let message = queue.messages.remove(at);
        (queue.lrpid, queue.rtime) = (pid, now);
        self.wake_senders(args.id);
        Ok(message)
    }

    /// Linux 2.6.12: `ipc/msg.c`, `ss_wakeup()`. The senders leave the queue by themselves.
    fn wake_senders(&mut self, id: i32) {
        let senders: Vec<TaskId> = match self.msg_queues.find(id) {
            Ok(queue) => queue.senders.iter().copied().collect(),
            Err(_) => return,
        };
        for sender in senders {
            self.wake_up_process(sender);
        }
    }

    /// Stores type and text; the text is cut if it does not fit.
    fn store_msg(
        &mut self,
        current: TaskId,
        args: &MsgrcvArgs,
        message: &Message,
    ) -> Result<u32, Errno> {
        let kind = message.kind.cast_unsigned();
        self.put_user_u32(current, args.message, kind)?;
        let len = message.text.len().min(args.size as usize);
        let at = VirtAddr(args.message.0.wrapping_add(4));
        self.copy_to_user(current, at, &message.text[..len])?;
        Ok(len as u32)
    }

    /// Goes on with a receiver that has slept.
    pub(in crate::kernel) fn msgrcv_woken(
        &mut self,
        current: TaskId,
        args: MsgrcvArgs,
    ) -> SysResult {
        match self.task_mut(current).in_call.received.take() {
            Some(Ok(message)) => return self.store_msg(current, &args, &message).into(),
            Some(Err(errno)) => return Err(errno).into(),
            None => {}
        }
        if let Ok(queue) = self.msg_queues.find_mut(args.id) {
            queue.receivers.retain(|receiver| receiver.task != current);
        }
        if self.signal_pending(current) {
            return SysResult::Restart(Restart::NoHand);
        }
        self.receive(current, args)
    }

    /// Lets all who wait look again, because the queue was changed.
    ///
    /// Linux 2.6.12: `ipc/msg.c`, `expunge_all()`, with `EAGAIN`.
    pub(super) fn wake_all_of_queue(&mut self, id: i32) {
        let receivers: Vec<TaskId> = match self.msg_queues.find(id) {
            Ok(queue) => queue
                .receivers
                .iter()
                .map(|receiver| receiver.task)
                .collect(),
            Err(_) => return,
        };
        for receiver in receivers {
            self.wake_up_process(receiver);
        }
        self.wake_senders(id);
    }

    /// Linux 2.6.12: `ipc/msg.c`, `freeque()`.
    pub(super) fn freeque(&mut self, id: i32) {
        let Some(queue) = self.msg_queues.remove(id) else {
            return;
        };
        for receiver in queue.receivers {
            self.end_receive(receiver.task, Err(Errno::EIDRM));
        }
        for sender in queue.senders {
            self.wake_up_process(sender);
        }
    }

    /// Checks that only tasks inside `msgsnd` and `msgrcv` wait for queues.
    ///
    /// # Errors
    /// The first invariant that is violated, in words.
    pub(in crate::kernel) fn check_messages(&self) -> Result<(), String> {
        for (id, queue) in self.msg_queues.iter() {
            let inside = |task: TaskId| match self.task(task).in_call.continuation {
                Some(Continuation::Msgsnd(args)) => args.id == id,
                Some(Continuation::Msgrcv(args)) => args.id == id,
                _ => false,
            };
            if let Some(task) = queue.sleepers().find(|task| !inside(*task)) {
                return Err(format!(
                    "{} waits for queue {id} without a call",
                    self.pid(task)
                ));
            }
        }
        Ok(())
    }
}
