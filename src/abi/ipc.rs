//! System V semaphores, shared memory and messages: keys, flags and commands.

constants! {
    /// A key of semget and shmget: always a new object, which no key finds.
    IPC_PRIVATE: i32 = 0;
    /// A flag of semget and shmget: create the object if there is none.
    IPC_CREAT: u32 = 0o1000;
    /// A flag of semget and shmget: with IPC_CREAT, the object must not exist yet.
    IPC_EXCL: u32 = 0o2000;
    /// A flag of semop: fail with EAGAIN instead of waiting.
    IPC_NOWAIT: u32 = 0o4000;
    /// A command of semctl and shmctl: remove the object.
    IPC_RMID: u32 = 0;
    /// A command of shmctl: change owner and permissions.
    IPC_SET: u32 = 1;
    /// A command of shmctl: what is known of the segment.
    IPC_STAT: u32 = 2;
    /// A command of shmctl: the limits.
    IPC_INFO: u32 = 3;
    /// A flag of shmat: for reading only.
    SHM_RDONLY: u32 = 0o10000;
    /// A flag of shmat: round the address down to a page.
    SHM_RND: u32 = 0o20000;
    /// A flag of shmat: replace what is mapped at the address.
    SHM_REMAP: u32 = 0o40000;
    /// A flag of shmat: also for executing.
    SHM_EXEC: u32 = 0o100_000;
    /// A flag of shmget: with huge pages, which are not configured.
    SHM_HUGETLB: u32 = 0o4000;
    /// A bit of the mode of a segment: it is removed with its last user.
    SHM_DEST: u32 = 0o1000;
    /// A bit of the mode of a segment: it is locked in memory.
    SHM_LOCKED: u32 = 0o2000;
    /// A command of shmctl: lock the segment in memory.
    SHM_LOCK: u32 = 11;
    /// A command of shmctl: unlock it.
    SHM_UNLOCK: u32 = 12;
    /// A command of shmctl: what is known of the segment in a slot of the table.
    SHM_STAT: u32 = 13;
    /// A command of shmctl: what all segments use.
    SHM_INFO: u32 = 14;
    /// A flag of msgrcv: a message that is too long is cut.
    MSG_NOERROR: u32 = 0o10000;
    /// A flag of msgrcv: any type but that one.
    MSG_EXCEPT: u32 = 0o20000;
    /// A command of msgctl: what is known of the queue in a slot of the table.
    MSG_STAT: u32 = 11;
    /// A command of msgctl: what all queues use.
    MSG_INFO: u32 = 12;
    /// A flag of semop: undo the operation when the process exits.
    SEM_UNDO: u32 = 0x1000;
    /// A command of semctl: what is known of the set in a slot.
    SEM_STAT: u32 = 18;
    /// A command of semctl: how much is used.
    SEM_INFO: u32 = 19;
    /// A command of semctl: the pid of the last process to change the semaphore.
    GETPID: u32 = 11;
    /// A command of semctl: get the value.
    GETVAL: u32 = 12;
    /// A command of semctl: get all values.
    GETALL: u32 = 13;
    /// A command of semctl: how many tasks wait for the value to increase.
    GETNCNT: u32 = 14;
    /// A command of semctl: how many tasks wait for the value to be 0.
    GETZCNT: u32 = 15;
    /// A command of semctl: set the value.
    SETVAL: u32 = 16;
    /// A command of semctl: set all values.
    SETALL: u32 = 17;
}
