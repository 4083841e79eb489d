//! What has been typed and not been read: a ring of 4096 bytes, with a mark at the end of each line.
//! Between the end of the last complete line and the head is the line that is being typed.

use super::termios::DISABLED;
use std::collections::BTreeSet;

/// Size of the ring.
///
/// Linux 2.6.12: `include/linux/tty.h`, `N_TTY_BUF_SIZE`.
pub(super) const N_TTY_BUF_SIZE: usize = 4096;

/// The input of a terminal.
#[derive(Clone, Debug, Default)]
pub(super) struct Ring {
    /// `read_buf`, allocated with the first byte.
    buf: Vec<u8>,
    head: usize,
    tail: usize,
    /// `read_cnt`: bytes stored.
    count: usize,
    /// `canon_head`: where the line starts that is being typed.
    canon_head: usize,
    /// `canon_data`: complete lines.
    lines: usize,
    /// `read_flags`: the places of the bytes that end a line.
    ends: BTreeSet<usize>,
}

/// What a reader gets from the ring.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Taken {
    pub bytes: Vec<u8>,
    /// How far the ring is read; not all of that are bytes for the reader.
    consumed: usize,
}

const fn wrap(place: usize) -> usize {
    place % N_TTY_BUF_SIZE
}

impl Ring {
    /// Bytes stored.
    pub(super) const fn len(&self) -> usize {
        self.count
    }

    /// Complete lines.
    pub(super) const fn lines(&self) -> usize {
        self.lines
    }

    /// Whether no character of a new line has been typed.
    pub(super) const fn at_line_start(&self) -> bool {
        self.head == self.canon_head
    }

    /// Stores a byte if there is room.
    ///
    /// Linux 2.6.12: `drivers/char/n_tty.c`, `put_tty_queue_nolock()`.
    pub(super) fn put(&mut self, byte: u8) {
        if self.count == N_TTY_BUF_SIZE {
            return;
        }
        if self.buf.is_empty() {
            self.buf.resize(N_TTY_BUF_SIZE, 0);
        }
        self.buf[self.head] = byte;
        self.head = wrap(self.head + 1);
        self.count += 1;
    }

    /// Stores the byte that ends a line. The place is marked even if there is no room for the byte.
    pub(super) fn end_line(&mut self, byte: u8) {
        self.ends.insert(self.head);
        self.put(byte);
        self.canon_head = self.head;
        self.lines += 1;
    }

    /// The line that is being typed.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = u8> {
        let len = wrap(self.head + N_TTY_BUF_SIZE - self.canon_head);
        (0..len).map(|at| self.buf[wrap(self.canon_head + at)])
    }

    /// The last character of the line that is being typed.
    pub(super) fn last(&self) -> Option<u8> {
        (!self.at_line_start()).then(|| self.buf[wrap(self.head + N_TTY_BUF_SIZE - 1)])
    }

    /// Removes the last character of the line that is being typed.
    pub(super) const fn erase(&mut self) {
        if !self.at_line_start() {
            self.head = wrap(self.head + N_TTY_BUF_SIZE - 1);
            self.count -= 1;
        }
    }

    /// Removes the line that is being typed.
    pub(super) const fn erase_line(&mut self) {
        self.count -= wrap(self.head + N_TTY_BUF_SIZE - self.canon_head);
        self.head = self.canon_head;
    }

    /// Linux 2.6.12: `drivers/char/n_tty.c`, `reset_buffer_flags()`.
    pub(super) fn flush(&mut self) {
        (self.head, self.tail, self.count) = (0, 0, 0);
        (self.canon_head, self.lines) = (0, 0);
        self.ends.clear();
    }

    /// Forgets the ends of lines, because lines begin or cease to count: what is stored is the
    /// beginning of a line.
    ///
    /// Linux 2.6.12: `drivers/char/tty_ioctl.c`, `change_termios()`.
    pub(super) fn forget_lines(&mut self) {
        self.ends.clear();
        self.canon_head = self.tail;
        self.lines = 0;
    }

    /// The next bytes for a reader with that much room, who reads lines: at most one line. The byte
    /// that stands for the end of the input ends a line without being part of it.
    ///
    /// Linux 2.6.12: `drivers/char/n_tty.c`, `read_chan()`.
    pub(super) fn line(&self, room: usize) -> Taken {
        let (mut bytes, mut consumed) = (Vec::new(), 0);
        while bytes.len() < room && consumed < self.count {
            let place = wrap(self.tail + consumed);
            let ends = self.ends.contains(&place);
            consumed += 1;
            if !ends || self.buf[place] != DISABLED {
                bytes.push(self.buf[place]);
            }
            if ends {
                break;
            }
        }
        Taken { bytes, consumed }
    }

    /// The same for a reader who does not read lines.
    ///
    /// Linux 2.6.12: `drivers/char/n_tty.c`, `copy_from_read_buf()`.
    pub(super) fn raw(&self, room: usize) -> Taken {
        let consumed = room.min(self.count);
        let places = (0..consumed).map(|at| wrap(self.tail + at));
        Taken {
            bytes: places.map(|place| self.buf[place]).collect(),
            consumed,
        }
    }

    /// Removes what a reader has got.
    pub(super) fn consume(&mut self, taken: &Taken) {
        for _ in 0..taken.consumed {
            if self.ends.remove(&self.tail) {
                self.lines = self.lines.saturating_sub(1);
            }
            self.tail = wrap(self.tail + 1);
        }
        self.count -= taken.consumed;
    }

    /// How many bytes of complete lines can be read; the ends of the input are left out.
    ///
    /// Linux 2.6.12: `drivers/char/tty_ioctl.c`, `inq_canon()`.
    pub(super) fn bytes_of_lines(&self) -> usize {
        if self.lines == 0 {
            return 0;
        }
        let len = wrap(self.canon_head + N_TTY_BUF_SIZE - self.tail);
        let places = (0..len).map(|at| wrap(self.tail + at));
        let counts = |place: &usize| !self.ends.contains(place) || self.buf[*place] != DISABLED;
        places.filter(counts).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(lines: &[&[u8]]) -> Ring {
        let mut ring = Ring::default();
        for line in lines {
            let (last, rest) = line.split_last().unwrap();
            rest.iter().for_each(|byte| ring.put(*byte));
            ring.end_line(*last);
        }
        ring
    }

    #[test]
    fn a_reader_gets_a_line_or_the_part_that_fits() {
        let mut ring = typed(&[b"abc\n", b"d\0", b"\0"]);
        ring.put(b'e');
        assert_eq!((ring.len(), ring.bytes_of_lines()), (8, 5));
        for (room, bytes, lines) in [
            (2, "ab", 3),
            (9, "c\n", 2),
            (1, "d", 2),
            (9, "", 1),
            (9, "", 0),
        ] {
            let taken = ring.line(room);
            assert_eq!(taken.bytes, bytes.as_bytes());
            ring.consume(&taken);
            assert_eq!(ring.lines(), lines);
        }
        assert_eq!(ring.unfinished().collect::<Vec<_>>(), b"e");
        ring.forget_lines();
        assert_eq!(ring.raw(9).bytes, b"e");
    }

    #[test]
    fn what_is_too_much_is_dropped_and_the_line_ends_all_the_same() {
        let mut ring = Ring::default();
        (0..N_TTY_BUF_SIZE + 5).for_each(|_| ring.put(b'x'));
        assert_eq!(ring.len(), N_TTY_BUF_SIZE);
        ring.end_line(b'\n');
        assert_eq!((ring.len(), ring.lines()), (N_TTY_BUF_SIZE, 1));
        // The mark is at the head, which is where the oldest byte is.
        let taken = ring.line(100);
        assert_eq!(taken.bytes, b"x");
        ring.consume(&taken);
        assert_eq!((ring.len(), ring.lines()), (N_TTY_BUF_SIZE - 1, 0));
        ring.flush();
        assert_eq!((ring.len(), ring.last()), (0, None));
    }

    #[test]
    fn only_the_line_that_is_being_typed_can_be_erased() {
        let mut ring = typed(&[b"ab\n"]);
        ring.put(b'c');
        ring.put(b'd');
        ring.erase();
        assert_eq!((ring.last(), ring.len()), (Some(b'c'), 4));
        ring.put(b'e');
        ring.erase_line();
        ring.erase();
        assert_eq!((ring.last(), ring.len()), (None, 3));
    }
}
