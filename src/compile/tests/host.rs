//! Programs on the CPU and kernel of the host, if it runs i386 programs.

use crate::hw::host_program::{self, Parts};
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

/// An ELF file.
fn elf(image: &ProgramImage) -> Vec<u8> {
    host_program::elf(&Parts {
        entry: image.entry,
        text_addr: TEXT_START,
        text: &image.text,
        data: &image.data,
        zeros: image.bss,
    })
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
