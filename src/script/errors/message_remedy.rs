//! Advice on system calls about messages that fail.

use super::remedy::Advice;
use crate::abi::Errno;

/// The rule and the remedy for a call about System V messages.
pub(super) fn message_advice(call: &str, errno: Errno) -> Option<Advice> {
    let (rule, remedy) = match (call, errno) {
        ("msgget", Errno::ENOENT) => (
            "sys_msgget() finds no queue with that key (ipc/msg.c)",
            "msgget(key, IPC_CREAT | 0o600) creates one",
        ),
        ("msgget", Errno::EEXIST) => (
            "IPC_CREAT | IPC_EXCL requires that the queue does not exist yet (ipc/msg.c)",
            "leave out IPC_EXCL, or use IPC_PRIVATE as the key",
        ),
        ("msgget", Errno::ENOSPC) => (
            "there are at most 16 queues (ipc/msg.c)",
            "msgctl(queue, IPC_RMID) removes one; message_queues() lists all",
        ),
        ("msgsnd", Errno::EAGAIN) => (
            "the queue is full, and IPC_NOWAIT forbids waiting (ipc/msg.c)",
            "without IPC_NOWAIT the caller sleeps until there is room",
        ),
        ("msgsnd", Errno::EINVAL) => (
            "sys_msgsnd() needs an existing queue, a type of at least 1, and at most 8192 bytes \
             (ipc/msg.c)",
            "msgget() returns the id of a queue; message_queues() lists all",
        ),
        ("msgrcv", Errno::ENOMSG) => (
            "there is no message of that type, and IPC_NOWAIT forbids waiting (ipc/msg.c)",
            "without IPC_NOWAIT the caller sleeps until there is one; type 0 takes any",
        ),
        ("msgrcv", Errno::E2BIG) => (
            "the message is longer than the buffer, and stays in the queue (ipc/msg.c)",
            "MSG_NOERROR takes it all the same, and cuts it",
        ),
        ("msgctl", Errno::EPERM) => (
            "only owner, creator and root may remove and change a queue, and only root lets it have \
             more than 16384 bytes (ipc/msg.c)",
            "do it as the same user or as root: spawn(\"sh\", #{uid: 0})",
        ),
        (_, Errno::EACCES) => (
            "ipcperms(): the mode of the queue does not give this user access (ipc/util.c)",
            "msgget(key, IPC_CREAT | 0o666) creates a queue for everybody",
        ),
        (_, Errno::EINVAL | Errno::EIDRM) => (
            "the queue does not exist, or has been removed (ipc/msg.c)",
            "msgget() returns the id of a queue; message_queues() lists all",
        ),
        _ => return None,
    };
    Some(Advice { rule, remedy })
}
