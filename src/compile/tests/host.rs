//! Programs on the CPU and kernel of the host, if it runs i386 programs.

use crate::hw::host_program::{self, Segment};
use crate::hw::skipped_on_host as skipped;
use crate::kernel::fs::{ProgramImage, TEXT_START};
use std::os::unix::process::ExitStatusExt;

/// How a program ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Ended {
    pub(super) output: String,
    pub(super) errors: String,
    /// Its exit status, or 128 and the signal.
    pub(super) status: i32,
}

const PAGE: u32 = 4096;

/// An ELF file.
fn elf(image: &ProgramImage) -> Vec<u8> {
    let text_pages = image.text_pages() * PAGE;
    let (text_size, data_size) = (image.text.len() as u32, image.data.len() as u32);
    let text = Segment {
        offset: PAGE,
        addr: TEXT_START,
        file_size: text_size,
        mem_size: text_size,
        flags: 5,
    };
    let data = Segment {
        offset: PAGE + text_pages,
        addr: TEXT_START + text_pages,
        file_size: data_size,
        mem_size: data_size + image.bss.max(4),
        flags: 6,
    };
    let mut bytes = host_program::elf_header(image.entry, &[text, data]);
    bytes.resize(PAGE as usize, 0);
    bytes.extend(image.file());
    bytes
}

/// Runs a program, or says that it was skipped if the host cannot.
pub(super) fn run(image: &ProgramImage) -> Option<Ended> {
    let output = match host_program::run(&elf(image)) {
        Ok(output) => output,
        Err(why) => {
            skipped(why);
            return None;
        }
    };
    let status = output.status;
    Some(Ended {
        output: String::from_utf8_lossy(&output.stdout).into_owned(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        status: status
            .code()
            .or(status.signal().map(|signal| 128 + signal))?,
    })
}
