//! System V semaphores: keys, flags and commands.

constants! {
    /// A key of semget: a new set that no key finds.
    IPC_PRIVATE: i32 = 0;
    /// A flag of semget: the set is made if there is none.
    IPC_CREAT: u32 = 0o1000;
    /// A flag of semget: with IPC_CREAT, there must be none.
    IPC_EXCL: u32 = 0o2000;
    /// A flag of semop: EAGAIN instead of waiting.
    IPC_NOWAIT: u32 = 0o4000;
    /// A command of semctl: removes the set.
    IPC_RMID: u32 = 0;
    /// A flag of semop: undone when the process ends.
    SEM_UNDO: u32 = 0x1000;
    /// A command of semctl: who changed the semaphore last.
    GETPID: u32 = 11;
    /// A command of semctl: its value.
    GETVAL: u32 = 12;
    /// A command of semctl: the values of all.
    GETALL: u32 = 13;
    /// A command of semctl: how many wait until it grows.
    GETNCNT: u32 = 14;
    /// A command of semctl: how many wait until it is 0.
    GETZCNT: u32 = 15;
    /// A command of semctl: gives it a value.
    SETVAL: u32 = 16;
    /// A command of semctl: gives all a value.
    SETALL: u32 = 17;
}
