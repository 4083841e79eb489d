//! Where the first three descriptors of a program from outside lead: to the console, to a printer,
//! which is no terminal, or to a file with its input. So a program finds out whether its output goes
//! to a terminal, as it does outside.

use super::regular::RegularFile;
use super::vfs::InodeKind;
use crate::abi::{
    Errno, InodeId, O_RDONLY, O_RDWR, O_WRONLY, PAGE_SIZE, S_IFREG, TaskId, VirtAddr,
};
use crate::kernel::Kernel;
use crate::trace::{Text, TraceEvent};
use std::sync::Arc;

/// Where a descriptor leads.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Stream {
    /// To the console, as with every spawned task.
    #[default]
    Console,
    /// To the terminal, with the task as the job in its foreground.
    Terminal,
    /// To the printer of that number, `/dev/lp0` or `/dev/lp1`.
    Printer(u8),
    /// To a file with these bytes.
    Input(Arc<[u8]>),
}

/// The terminal that `Stream::Terminal` leads to.
const TERMINAL: &str = "/dev/tty1";

/// What the printers have printed and nobody has fetched yet.
#[derive(Clone, Debug, Default)]
pub struct Printers {
    /// The number of a printer and what it has printed in one go, in the order of time.
    paper: Vec<(u8, Vec<u8>)>,
}

impl Printers {
    /// How many bytes wait to be fetched.
    pub fn len(&self) -> usize {
        self.paper.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.paper.is_empty()
    }

    fn print(&mut self, number: u8, bytes: &[u8]) {
        match self.paper.last_mut() {
            Some((last, paper)) if *last == number => paper.extend_from_slice(bytes),
            _ => self.paper.push((number, bytes.to_vec())),
        }
    }
}

impl Kernel {
    /// What the printers have printed and nobody has fetched yet.
    pub const fn printers(&self) -> &Printers {
        &self.printers
    }

    /// Fetches it: printer by printer, in the order of time.
    pub fn take_printed(&mut self) -> Vec<(u8, Vec<u8>)> {
        std::mem::take(&mut self.printers.paper)
    }

    /// Makes a file with these permissions and contents, or replaces an older one.
    pub fn put_file(&mut self, path: &str, mode: u32, bytes: &[u8]) -> InodeId {
        let inode = self.create(path, InodeKind::Regular(RegularFile::of_bytes(bytes)));
        self.inodes[inode].attr.mode = S_IFREG | mode;
        inode
    }

    /// Lets the first descriptors of a new task lead where they should.
    pub fn set_stdio(&mut self, task: TaskId, streams: &[Stream; 3]) {
        if streams.contains(&Stream::Terminal) {
            self.start_job(task);
        }
        for (fd, stream) in streams.iter().enumerate() {
            let (inode, flags) = match stream {
                Stream::Console => continue,
                Stream::Terminal => match self.lookup(TERMINAL) {
                    Ok(inode) => {
                        self.iget(inode);
                        (inode, O_RDWR)
                    }
                    Err(_) => continue,
                },
                Stream::Printer(number) => (self.printer(*number), O_WRONLY),
                Stream::Input(bytes) => {
                    let file = InodeKind::Regular(RegularFile::of_bytes(bytes));
                    (self.new_inode(file, "stdin"), O_RDONLY)
                }
            };
            let file = self.open_inode(inode, flags);
            if *stream == Stream::Terminal {
                self.open_terminal(file);
            }
            // The open file holds the inode from now on.
            self.iput(inode);
            let old = self.fget(task, fd as u32);
            self.fd_install(task, fd, file);
            if let Ok(old) = old {
                self.fput(old);
            }
        }
    }

    /// The inode of a printer, with a reference for the caller.
    fn printer(&mut self, number: u8) -> InodeId {
        let name = format!("/dev/lp{number}");
        let inode = match self.lookup(&name) {
            Ok(inode) => inode,
            Err(_) => self.create(&name, InodeKind::Printer(number)),
        };
        self.iget(inode);
        inode
    }

    /// Prints, page by page. The printer is as fast as it has to be.
    ///
    /// Linux 2.6.12: `drivers/char/lp.c`, `lp_write()`.
    ///
    /// # Errors
    /// `EFAULT` if not even the first page can be read.
    pub(super) fn lp_write(
        &mut self,
        current: TaskId,
        number: u8,
        (addr, len): (VirtAddr, u32),
    ) -> Result<u32, Errno> {
        let mut written = 0;
        while written < len {
            let mut page = vec![0; (len - written).min(PAGE_SIZE) as usize];
            let at = VirtAddr(addr.0.wrapping_add(written));
            match self.copy_from_user(current, at, &mut page) {
                Ok(()) => {}
                Err(errno) if written == 0 => return Err(errno),
                Err(_) => break,
            }
            self.printers.print(number, &page);
            self.printed(current, &page);
            written += page.len() as u32;
        }
        Ok(written)
    }

    /// Tells whoever watches that a task has put out bytes, on the console or on a printer.
    pub(in crate::kernel) fn printed(&mut self, current: TaskId, bytes: &[u8]) {
        let text = Text::new(bytes);
        self.trace(current, TraceEvent::ConsoleWrite { text });
        self.observe_print(current, bytes);
    }
}
