//! System V semaphores: keys, flags and commands.

constants! {
    /// A key of semget: always a new set, which no key finds.
    IPC_PRIVATE: i32 = 0;
    /// A flag of semget: create the set if there is none.
    IPC_CREAT: u32 = 0o1000;
    /// A flag of semget: with IPC_CREAT, the set must not exist yet.
    IPC_EXCL: u32 = 0o2000;
    /// A flag of semop: fail with EAGAIN instead of waiting.
    IPC_NOWAIT: u32 = 0o4000;
    /// A command of semctl: remove the set.
    IPC_RMID: u32 = 0;
    /// A flag of semop: undo the operation when the process exits.
    SEM_UNDO: u32 = 0x1000;
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
