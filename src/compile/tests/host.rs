//! Programs on the CPU and the kernel of the host, where these run i386 programs.

use crate::kernel::fs::{ProgramImage, TEXT_START};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// How a program ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Outcome {
    pub(super) output: String,
    pub(super) errors: String,
    /// Its exit status, or 128 and the signal.
    pub(super) status: i32,
}

const PAGE: u32 = 4096;

/// An ELF file.
fn elf(image: &ProgramImage) -> Vec<u8> {
    let file = image.file();
    let data = image.text_pages() * PAGE;
    let header = |values: &[u32]| -> Vec<u8> {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect()
    };
    let mut bytes = b"\x7fELF\x01\x01\x01".to_vec();
    bytes.resize(16, 0);
    bytes.extend([2, 0, 3, 0]);
    bytes.extend(header(&[1, image.entry, 52, 0, 0]));
    bytes.extend([52, 0, 32, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
    let text_size = image.text.len() as u32;
    bytes.extend(header(&[
        1, PAGE, TEXT_START, TEXT_START, text_size, text_size, 5, PAGE,
    ]));
    let (at, from) = (TEXT_START + data, PAGE + data);
    let size = image.data.len() as u32;
    bytes.extend(header(&[
        1,
        from,
        at,
        at,
        size,
        size + image.bss.max(4),
        6,
        PAGE,
    ]));
    bytes.resize(PAGE as usize, 0);
    bytes.extend(file);
    bytes
}

/// Runs a program, or gives nothing if the host cannot.
pub(super) fn run(image: &ProgramImage) -> Option<Outcome> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("forklab-{}-{number}", std::process::id());
    let path = std::env::temp_dir().join(name);
    fs::write(&path, elf(image)).ok()?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).ok()?;
    // Another test may be forking just now, with the file still open for writing.
    let mut output = Command::new(&path).output();
    for _ in 0..100 {
        match &output {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::yield_now();
                output = Command::new(&path).output();
            }
            _ => break,
        }
    }
    let _ = fs::remove_file(&path);
    let output = output.ok()?;
    let status = output.status;
    Some(Outcome {
        output: String::from_utf8_lossy(&output.stdout).into_owned(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        status: status
            .code()
            .or(status.signal().map(|signal| 128 + signal))?,
    })
}
