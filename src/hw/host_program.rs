//! Programs on the CPU and the kernel of the host, where these run i386 programs: what emulated code
//! is held against.

use std::io::{self, ErrorKind, Write};
use std::process::{Command, Output};

/// A part of a program's file and where it lies in memory.
pub struct Segment {
    pub offset: u32,
    pub addr: u32,
    pub file_size: u32,
    /// What is beyond the file is zero.
    pub mem_size: u32,
    /// 1 executable, 2 writable, 4 readable.
    pub flags: u32,
}

/// The ELF header and the program headers of a static i386 program.
pub fn elf_header(entry: u32, segments: &[Segment]) -> Vec<u8> {
    let words = |words: &[u32]| -> Vec<u8> { words.iter().flat_map(|w| w.to_le_bytes()).collect() };
    let mut elf = b"\x7fELF\x01\x01\x01".to_vec();
    elf.resize(16, 0);
    // An executable for i386; then entry, and the program headers behind this header.
    elf.extend([2, 0, 3, 0]);
    elf.extend(words(&[1, entry, 52, 0, 0]));
    elf.extend([52, 0, 32, 0, segments.len() as u8, 0, 0, 0, 0, 0, 0, 0]);
    for segment in segments {
        let Segment {
            offset,
            addr,
            file_size,
            mem_size,
            flags,
        } = *segment;
        elf.extend(words(&[
            1, offset, addr, addr, file_size, mem_size, flags, 0x1000,
        ]));
    }
    elf
}

/// Runs an ELF file.
///
/// # Errors
/// If the host cannot.
pub fn run(elf: &[u8]) -> io::Result<Output> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(elf)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let permissions = std::fs::Permissions::from_mode(0o700);
        file.as_file().set_permissions(permissions)?;
    }
    let path = file.into_temp_path();
    // Another test may be forking at this moment, with the file still open for writing.
    for _ in 0..100 {
        match Command::new(&path).output() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {
                std::thread::yield_now();
            }
            output => return output,
        }
    }
    Command::new(&path).output()
}
