//! Files: flags of `open`, commands of `fcntl`, origins of `lseek`.

constants! {
    /// The descriptor of standard input.
    STDIN_FILENO: u32 = 0;
    /// The descriptor of standard output.
    STDOUT_FILENO: u32 = 1;
    /// The descriptor of standard error.
    STDERR_FILENO: u32 = 2;
    /// Advice for fadvise: no special treatment.
    POSIX_FADV_NORMAL: i32 = 0;
    /// Advice for fadvise: the file is read in no order, so that reading ahead is no use.
    POSIX_FADV_RANDOM: i32 = 1;
    /// Advice for fadvise: the file is read from front to back; twice as much is read ahead.
    POSIX_FADV_SEQUENTIAL: i32 = 2;
    /// Advice for fadvise: the pages will be needed soon, and are read at once.
    POSIX_FADV_WILLNEED: i32 = 3;
    /// Advice for fadvise: the pages are not needed any more; the clean ones that nobody maps are
    /// dropped.
    POSIX_FADV_DONTNEED: i32 = 4;
    /// Advice for fadvise: the same as POSIX_FADV_WILLNEED.
    POSIX_FADV_NOREUSE: i32 = 5;
    /// A flag of open: for reading.
    O_RDONLY: u32 = 0;
    /// A flag of open: for writing.
    O_WRONLY: u32 = 1;
    /// A flag of open: for reading and writing.
    O_RDWR: u32 = 2;
    /// A flag of open: create the file if there is none.
    O_CREAT: u32 = 0o100;
    /// A flag of open: with O_CREAT, the file must not exist yet.
    O_EXCL: u32 = 0o200;
    /// A flag of open: a terminal does not become the controlling terminal.
    O_NOCTTY: u32 = 0o400;
    /// A flag of open: the file is truncated to length 0.
    O_TRUNC: u32 = 0o1000;
    /// A flag of open: every write goes to the end of the file.
    O_APPEND: u32 = 0o2000;
    /// A flag of open: fail with EAGAIN instead of waiting.
    O_NONBLOCK: u32 = 0o4000;
    /// A flag of open: a write waits until the bytes are on the device.
    O_SYNC: u32 = 0o10000;
    /// A flag of open: reads and writes go past the page cache; no file here can do that.
    O_DIRECT: u32 = 0o40000;
    /// A flag of open: the file may become 2 GiB long and more.
    O_LARGEFILE: u32 = 0o100000;
    /// A flag of open: fail with ENOTDIR if it is not a directory.
    O_DIRECTORY: u32 = 0o200000;
    /// A flag of open: fail with ELOOP if it is a symbolic link.
    O_NOFOLLOW: u32 = 0o400000;
    /// A flag of open: reads leave the access time as it is.
    O_NOATIME: u32 = 0o1000000;
    /// A flag of open: send SIGIO when the file is ready.
    FASYNC: u32 = 0o20000;
    /// A command of fcntl: duplicate the descriptor, from that number on.
    F_DUPFD: u32 = 0;
    /// A command of fcntl: get the flags of the descriptor.
    F_GETFD: u32 = 1;
    /// A command of fcntl: set the flags of the descriptor.
    F_SETFD: u32 = 2;
    /// A command of fcntl: get the flags of the open file.
    F_GETFL: u32 = 3;
    /// A command of fcntl: set the flags of the open file.
    F_SETFL: u32 = 4;
    /// A command of fcntl: which lock would be in the way of one of 32 bits.
    F_GETLK: u32 = 5;
    /// A command of fcntl: set or remove a lock of 32 bits.
    F_SETLK: u32 = 6;
    /// A command of fcntl: as F_SETLK, and wait for the lock.
    F_SETLKW: u32 = 7;
    /// A command of fcntl64: which lock would be in the way of one of 64 bits.
    F_GETLK64: u32 = 12;
    /// A command of fcntl64: set or remove a lock of 64 bits.
    F_SETLK64: u32 = 13;
    /// A command of fcntl64: as F_SETLK64, and wait for the lock.
    F_SETLKW64: u32 = 14;
    /// A type of lock: others may read, too.
    F_RDLCK: u32 = 0;
    /// A type of lock: nobody else may read or write.
    F_WRLCK: u32 = 1;
    /// A type of lock: none.
    F_UNLCK: u32 = 2;
    /// An operation of flock: a lock that others may have, too.
    LOCK_SH: u32 = 1;
    /// An operation of flock: a lock that nobody else has.
    LOCK_EX: u32 = 2;
    /// An operation of flock, with another one: fail with EAGAIN instead of waiting.
    LOCK_NB: u32 = 4;
    /// An operation of flock: no lock.
    LOCK_UN: u32 = 8;
    /// An operation of flock: a mandatory lock, which conflicts with nothing here.
    LOCK_MAND: u32 = 32;
    /// A flag of a descriptor: exec closes it.
    FD_CLOEXEC: u32 = 1;
    /// Lseek: from the beginning of the file.
    SEEK_SET: u32 = 0;
    /// Lseek: from the current offset.
    SEEK_CUR: u32 = 1;
    /// Lseek: from the end of the file.
    SEEK_END: u32 = 2;
}
