//! Files whose contents are a sequence of records: a read gets as many whole records as fit into a
//! page, and what its buffer has no room for is kept for the next one.

use super::read_write::UserBuffer;
use super::vfs::PrivateData;
use crate::abi::{Errno, FileId, PAGE_SIZE};
use crate::kernel::Kernel;

/// How far a file has been read (`struct seq_file`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct SeqFile {
    /// The record that is to be shown next.
    index: usize,
    /// What has been shown and not yet read.
    left: Vec<u8>,
}

impl SeqFile {
    /// The position after so many bytes of the records, as they are now.
    ///
    /// Linux 2.6.12: `fs/seq_file.c`, `traverse()`.
    fn at(records: &[String], offset: usize) -> Self {
        let mut before = 0;
        for (index, record) in records.iter().enumerate() {
            let end = before + record.len();
            if end > offset {
                let left = record.as_bytes()[offset - before..].to_vec();
                let index = index + 1;
                return Self { index, left };
            }
            before = end;
        }
        let (index, left) = (records.len(), Vec::new());
        Self { index, left }
    }

    /// Takes at most `len` bytes of what is left.
    fn take(&mut self, len: usize) -> Vec<u8> {
        let len = len.min(self.left.len());
        self.left.drain(..len).collect()
    }

    /// Shows the next record, and more until there are `len` bytes or the page is full.
    fn fill(&mut self, records: &[String], len: usize) {
        let mut next = records.iter().skip(self.index);
        let first = next.by_ref().find(|record| {
            self.index += 1;
            !record.is_empty()
        });
        let Some(first) = first else {
            return;
        };
        self.left = first.as_bytes().to_vec();
        // The buffer grows only for its first record. A byte is needed for the null behind the text.
        let room = (PAGE_SIZE as usize).max((first.len() + 1).next_power_of_two());
        for record in next {
            if self.left.len() >= len || self.left.len() + record.len() >= room {
                break;
            }
            self.left.extend(record.as_bytes());
            self.index += 1;
        }
    }

    /// What a read of `len` bytes gets.
    fn read(&mut self, records: &[String], len: usize) -> Vec<u8> {
        let mut read = self.take(len);
        if read.len() < len {
            self.fill(records, len - read.len());
            read.extend(self.take(len - read.len()));
        }
        read
    }
}

impl Kernel {
    /// Reads from an open file whose contents are these records now.
    ///
    /// Linux 2.6.12: `fs/seq_file.c`, `seq_read()`.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(in crate::kernel) fn seq_read(
        &mut self,
        file: FileId,
        records: &[String],
        to: UserBuffer,
    ) -> Result<u32, Errno> {
        let mut seq = match std::mem::take(&mut self.open_files[file].private) {
            PrivateData::Seq(seq) => seq,
            _ => SeqFile::default(),
        };
        let before = seq.clone();
        let bytes = seq.read(records, to.len as usize);
        let stored = self.copy_to_user(to.task, to.addr, &bytes);
        let kept = if stored.is_ok() { seq } else { before };
        let open = &mut self.open_files[file];
        open.private = PrivateData::Seq(kept);
        stored?;
        open.pos += bytes.len() as u64;
        Ok(bytes.len() as u32)
    }

    /// Sets the offset: the next read goes on there.
    ///
    /// Linux 2.6.12: `fs/seq_file.c`, `seq_lseek()`.
    pub(in crate::kernel) fn seq_lseek(&mut self, file: FileId, records: &[String], pos: u32) {
        let open = &mut self.open_files[file];
        if open.pos != u64::from(pos) {
            open.private = PrivateData::Seq(SeqFile::at(records, pos as usize));
            open.pos = pos.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(lens: &[usize]) -> Vec<String> {
        let letters = ["a", "b", "c", "d"];
        let pairs = lens.iter().zip(letters);
        pairs.map(|(len, letter)| letter.repeat(*len)).collect()
    }

    #[test]
    fn a_read_gets_whole_records_of_a_page_and_what_is_left_of_the_last_one() {
        let all = records(&[3000, 1000, 200, 50]);
        let mut seq = SeqFile::default();
        let lens = [10_000; 3].map(|len| seq.read(&all, len).len());
        assert_eq!(lens, [4000, 250, 0]);
        let mut seq = SeqFile::default();
        let lens = [2990, 20, 5, 10_000].map(|len| seq.read(&all, len).len());
        assert_eq!(lens, [2990, 20, 5, 985 + 250]);
    }

    #[test]
    fn a_record_of_more_than_a_page_comes_whole() {
        let all = records(&[5000, 10]);
        let mut seq = SeqFile::default();
        assert_eq!(seq.read(&all, 10_000).len(), 5010);
    }

    #[test]
    fn a_position_is_in_the_middle_of_a_record() {
        let all = records(&[10, 10]);
        for (offset, rest) in [(0, 20), (3, 17), (10, 10), (20, 0), (99, 0)] {
            let mut seq = SeqFile::at(&all, offset);
            let mut read = Vec::new();
            while let more = seq.read(&all, 100)
                && !more.is_empty()
            {
                read.extend(more);
            }
            assert_eq!(read.len(), rest, "{offset}");
        }
    }
}
