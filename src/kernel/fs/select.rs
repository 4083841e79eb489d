//! `select` and `poll`: waiting until one of several files is ready.

use crate::abi::{
    Errno, FileId, HZ, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLPRI, POLLRDBAND,
    POLLRDNORM, POLLWRBAND, POLLWRNORM, TaskId, TaskState, VirtAddr,
};
use crate::kernel::Kernel;
use crate::kernel::syscall::{Restart, SysResult};
use crate::kernel::task::{Asks, Continuation, PollFd, Polling, Select, TimeUnit};

/// The descriptors in a set, and the most entries of a list (`max_fdset`).
const MAX_FDSET: u32 = 1024;
/// From so many seconds on `select` waits for ever.
///
/// Linux 2.6.12: `fs/select.c`, `MAX_SELECT_SECONDS`.
const MAX_SELECT_SECONDS: u32 = i32::MAX as u32 / HZ - 1;
/// From so many milliseconds on `poll` waits for ever, as for a negative number.
const MAX_POLL_MS: u32 = i32::MAX as u32 / HZ;
/// Size of a `struct pollfd`.
const POLLFD_BYTES: usize = 8;
/// Microseconds of a tick, in the arithmetic of `select`.
const USEC_PER_TICK: u32 = 1_000_000 / HZ;

/// The events that put a descriptor into each of the three sets.
const SETS: [u32; 3] = [
    POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR,
    POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR,
    POLLPRI,
];

/// How long a call waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Timeout {
    Forever,
    Ticks(u32),
}

impl Timeout {
    /// The timeout of `select`: microseconds are rounded up to ticks.
    const fn of_timeval(sec: u32, usec: u32) -> Self {
        if sec >= MAX_SELECT_SECONDS {
            return Self::Forever;
        }
        Self::Ticks(sec * HZ + usec.div_ceil(USEC_PER_TICK))
    }

    /// The timeout of `poll`: a tick more than asked for.
    const fn of_ms(ms: u32) -> Self {
        match ms {
            0 => Self::Ticks(0),
            ms if ms < MAX_POLL_MS => Self::Ticks(ms + 1),
            _ => Self::Forever,
        }
    }

    fn until(self, now: u64) -> Option<u64> {
        match self {
            Self::Forever => None,
            Self::Ticks(ticks) => Some(now + u64::from(ticks)),
        }
    }
}

/// The descriptors in the sets, in ascending order.
fn asked_for(select: &Select) -> Vec<u32> {
    let in_word = |at: usize| {
        let word = select.sets.iter().filter_map(|set| set.get(at));
        word.fold(0, |all, word| all | word)
    };
    let fds = (0..select.words).flat_map(|at| {
        let word = in_word(at);
        (0..32)
            .filter(move |bit| word >> bit & 1 != 0)
            .map(move |bit| at as u32 * 32 + bit)
    });
    fds.collect()
}

const fn has(set: &[u32], fd: u32) -> bool {
    let at = fd as usize / 32;
    at < set.len() && set[at] >> (fd % 32) & 1 != 0
}

impl Kernel {
    /// Linux 2.6.12: `fs/select.c`, `sys_select()`.
    ///
    /// # Errors
    /// `EFAULT`; `EINVAL` for a negative time or number; `EBADF`; `EINTR`.
    pub(in crate::kernel) fn sys_select(&mut self, current: TaskId, args: [u32; 5]) -> SysResult {
        self.select_in(current, args, TimeUnit::Micro)
    }

    /// `select` with a `struct timespec`, which 2.6.12 does not have: for programs of later C
    /// libraries.
    ///
    /// # Errors
    /// As for `select`.
    pub(in crate::kernel) fn sys_pselect6(&mut self, current: TaskId, args: [u32; 5]) -> SysResult {
        self.select_in(current, args, TimeUnit::Nano)
    }

    fn select_in(
        &mut self,
        current: TaskId,
        [n, read, write, except, time]: [u32; 5],
        unit: TimeUnit,
    ) -> SysResult {
        let addrs = [read, write, except].map(VirtAddr);
        match self.prepare_select(current, n, addrs, (VirtAddr(time), unit)) {
            Ok((select, timeout)) => {
                let until = timeout.until(self.tick);
                if let Err(errno) = self.check_open(current, &select) {
                    self.put_rest_of_time(current, &select, until);
                    return Err(errno).into();
                }
                self.begin_polling(current, Asks::Select(select), until)
            }
            Err(errno) => Err(errno).into(),
        }
    }

    fn prepare_select(
        &mut self,
        current: TaskId,
        n: u32,
        addrs: [VirtAddr; 3],
        (time, unit): (VirtAddr, TimeUnit),
    ) -> Result<(Select, Timeout), Errno> {
        let timeout = self.get_select_time(current, time, unit)?;
        if n.cast_signed() < 0 {
            return Err(Errno::EINVAL);
        }
        let words = n.min(MAX_FDSET).div_ceil(32) as usize;
        let mut sets = [const { Vec::new() }; 3];
        for (set, addr) in sets.iter_mut().zip(addrs) {
            if addr != VirtAddr(0) {
                *set = self.get_fd_set(current, addr, n.min(MAX_FDSET))?;
            }
        }
        let select = Select {
            addrs,
            sets,
            words,
            time,
            unit,
        };
        Ok((select, timeout))
    }

    fn get_select_time(
        &mut self,
        current: TaskId,
        time: VirtAddr,
        unit: TimeUnit,
    ) -> Result<Timeout, Errno> {
        if time == VirtAddr(0) {
            return Ok(Timeout::Forever);
        }
        let [sec, part] = self.get_user_words(current, time)?;
        if sec.cast_signed() < 0 || part.cast_signed() < 0 {
            return Err(Errno::EINVAL);
        }
        Ok(Timeout::of_timeval(sec, part.div_ceil(unit.per_micro())))
    }

    /// The words of a set; descriptors from `n` on are not asked for.
    fn get_fd_set(&mut self, current: TaskId, addr: VirtAddr, n: u32) -> Result<Vec<u32>, Errno> {
        let mut bytes = vec![0; n.div_ceil(32) as usize * 4];
        self.copy_from_user(current, addr, &mut bytes)?;
        let words = bytes.chunks_exact(4);
        let mut words: Vec<u32> = words
            .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
            .collect();
        if let Some(last) = words.last_mut()
            && !n.is_multiple_of(32)
        {
            *last &= (1 << (n % 32)) - 1;
        }
        Ok(words)
    }

    /// Linux 2.6.12: `fs/select.c`, `max_select_fd()`.
    fn check_open(&self, current: TaskId, select: &Select) -> Result<(), Errno> {
        let mut fds = asked_for(select).into_iter();
        fds.try_for_each(|fd| self.fget(current, fd).map(drop))
    }

    /// Linux 2.6.12: `fs/select.c`, `sys_poll()`.
    ///
    /// # Errors
    /// `EINVAL` for more entries than there can be; `EFAULT`; `EINTR`.
    pub(in crate::kernel) fn sys_poll(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        count: u32,
        ms: u32,
    ) -> SysResult {
        match self.get_pollfds(current, addr, count) {
            Ok(fds) => {
                let until = Timeout::of_ms(ms).until(self.tick);
                self.begin_polling(current, Asks::Poll { addr, fds }, until)
            }
            Err(errno) => Err(errno).into(),
        }
    }

    fn get_pollfds(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        count: u32,
    ) -> Result<Vec<PollFd>, Errno> {
        if count > MAX_FDSET {
            return Err(Errno::EINVAL);
        }
        let mut bytes = vec![0; count as usize * POLLFD_BYTES];
        self.copy_from_user(current, addr, &mut bytes)?;
        let entries = bytes.chunks_exact(POLLFD_BYTES);
        let entry = |bytes: &[u8]| PollFd {
            fd: i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
            events: u16::from_le_bytes([bytes[4], bytes[5]]),
            revents: 0,
        };
        Ok(entries.map(entry).collect())
    }

    /// Looks at the files once, and sleeps in the queues of all of them if none is ready.
    fn begin_polling(&mut self, current: TaskId, asks: Asks, until: Option<u64>) -> SysResult {
        let polling = Polling {
            files: Vec::new(),
            pinned: false,
            asks,
            until,
        };
        self.poll_on(current, polling)
    }

    /// Goes on with a `select` or `poll` that was woken.
    pub(in crate::kernel) fn polling_woken(&mut self, current: TaskId) -> SysResult {
        self.del_timer(current);
        match self.task_mut(current).in_call.polling.take() {
            Some(polling) => self.poll_on(current, *polling),
            None => SysResult::from(0),
        }
    }

    /// One round: either something is ready, or the time is over, or a signal has come, or the task
    /// sleeps.
    ///
    /// Linux 2.6.12: `fs/select.c`, `do_select()` and `do_poll()`.
    fn poll_on(&mut self, current: TaskId, mut polling: Polling) -> SysResult {
        let found = self.look_at_files(current, &polling.asks);
        let ready = found.iter().filter(|told| **told != 0).count();
        let over = polling.until.is_some_and(|until| until <= self.tick);
        if ready > 0 || over || self.signal_pending(current) {
            self.leave_queues(current, &polling);
            return self.end_polling(current, polling, &found);
        }
        self.enter_queues(current, &mut polling);
        let until = polling.until;
        self.task_mut(current).in_call.polling = Some(Box::new(polling));
        self.block_until(
            current,
            TaskState::INTERRUPTIBLE,
            Continuation::Polling,
            until,
        )
    }

    /// What is told of each descriptor that is asked for; 0 for nothing.
    fn look_at_files(&mut self, current: TaskId, asks: &Asks) -> Vec<u32> {
        match asks {
            Asks::Select(select) => {
                let fds = asked_for(select).into_iter();
                fds.map(|fd| self.select_fd(current, select, fd)).collect()
            }
            Asks::Poll { fds, .. } => fds.iter().map(|fd| self.poll_fd(current, fd)).collect(),
        }
    }

    /// In which sets a descriptor will be, a bit each. One that was closed meanwhile is in none.
    fn select_fd(&mut self, current: TaskId, select: &Select, fd: u32) -> u32 {
        let Ok(file) = self.fget(current, fd) else {
            return 0;
        };
        let mask = self.file_poll(file);
        let sets = select.sets.iter().zip(SETS).enumerate();
        sets.fold(0, |told, (at, (set, events))| {
            let ready = mask & events != 0 && has(set, fd);
            told | u32::from(ready) << at
        })
    }

    /// Linux 2.6.12: `fs/select.c`, `do_pollfd()`.
    fn poll_fd(&mut self, current: TaskId, entry: &PollFd) -> u32 {
        let Ok(fd) = u32::try_from(entry.fd) else {
            return 0;
        };
        match self.fget(current, fd) {
            Ok(file) => self.file_poll(file) & (u32::from(entry.events) | POLLERR | POLLHUP),
            Err(_) => POLLNVAL,
        }
    }

    /// Before the first sleep: the queues of all files, which are kept open meanwhile.
    fn enter_queues(&mut self, current: TaskId, polling: &mut Polling) {
        if !polling.files.is_empty() {
            return;
        }
        let fds: Vec<u32> = match &polling.asks {
            Asks::Select(select) => asked_for(select),
            Asks::Poll { fds, .. } => fds.iter().filter_map(|fd| fd.fd.try_into().ok()).collect(),
        };
        let files = fds.into_iter().filter_map(|fd| self.fget(current, fd).ok());
        polling.files = files.collect();
        polling.pinned = self.files[self.files_id(current)].count() > 1;
        let pinned = polling.pinned;
        polling.files.iter().for_each(|file| {
            if pinned {
                self.get_file(*file);
            }
            self.add_poller(*file, current);
        });
    }

    fn leave_queues(&mut self, current: TaskId, polling: &Polling) {
        let leave = |file: &FileId| {
            self.remove_poller(*file, current);
            if polling.pinned {
                self.fput(*file);
            }
        };
        polling.files.iter().for_each(leave);
    }

    fn end_polling(&mut self, current: TaskId, polling: Polling, found: &[u32]) -> SysResult {
        match polling.asks {
            Asks::Select(select) => self.end_select(current, &select, found, polling.until),
            Asks::Poll { addr, fds } => self.end_poll(current, addr, &fds, found).into(),
        }
    }

    fn end_select(
        &mut self,
        current: TaskId,
        select: &Select,
        found: &[u32],
        until: Option<u64>,
    ) -> SysResult {
        self.put_rest_of_time(current, select, until);
        let ready: u32 = found.iter().map(|told| told.count_ones()).sum();
        // The time was written back, so that the call goes on with the rest of it.
        if ready == 0 && self.signal_pending(current) {
            return SysResult::Restart(Restart::NoHand);
        }
        let fds = asked_for(select);
        for (at, addr) in select.addrs.into_iter().enumerate() {
            let mut set = vec![0_u32; select.words];
            for (fd, told) in fds.iter().zip(found) {
                set[*fd as usize / 32] |= (told >> at & 1) << (fd % 32);
            }
            let stored = match addr {
                VirtAddr(0) => Ok(()),
                addr => self.put_user_words(current, addr, &set),
            };
            if let Err(errno) = stored {
                return Err(errno).into();
            }
        }
        SysResult::from(ready)
    }

    /// Stores what is left of the time of `select`, if the program can be told.
    fn put_rest_of_time(&mut self, current: TaskId, select: &Select, until: Option<u64>) {
        if select.time == VirtAddr(0) || self.has_sticky_timeouts(current) {
            return;
        }
        let left = match until {
            Some(until) => until.saturating_sub(self.tick) as u32,
            None => i32::MAX.cast_unsigned(),
        };
        let time = [
            left / HZ,
            left % HZ * USEC_PER_TICK * select.unit.per_micro(),
        ];
        // A program whose time cannot be written finds the old one there.
        let _ = self.put_user_words(current, select.time, &time);
    }

    fn end_poll(
        &mut self,
        current: TaskId,
        addr: VirtAddr,
        fds: &[PollFd],
        found: &[u32],
    ) -> Result<u32, Errno> {
        for (at, told) in found.iter().enumerate().take(fds.len()) {
            let entry = addr.0.wrapping_add((at * POLLFD_BYTES) as u32);
            let revents = (*told as u16).to_le_bytes();
            self.copy_to_user(current, VirtAddr(entry.wrapping_add(6)), &revents)?;
        }
        match found.iter().filter(|told| **told != 0).count() {
            0 if self.signal_pending(current) => Err(Errno::EINTR),
            ready => Ok(ready as u32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn select_rounds_up_and_poll_waits_a_tick_more() {
        for (sec, usec, expected) in [
            (0, 0, Timeout::Ticks(0)),
            (0, 1, Timeout::Ticks(1)),
            (0, 1000, Timeout::Ticks(1)),
            (2, 1001, Timeout::Ticks(2002)),
            (0, 2_000_000, Timeout::Ticks(2000)),
            (2_147_481, 0, Timeout::Ticks(2_147_481_000)),
            (2_147_482, 0, Timeout::Forever),
        ] {
            assert_eq!(Timeout::of_timeval(sec, usec), expected, "{sec} {usec}");
        }
        for (ms, expected) in [
            (0, Timeout::Ticks(0)),
            (1, Timeout::Ticks(2)),
            (2_147_482, Timeout::Ticks(2_147_483)),
            (2_147_483, Timeout::Forever),
            (u32::MAX, Timeout::Forever),
        ] {
            assert_eq!(Timeout::of_ms(ms), expected, "{ms}");
        }
    }
}
