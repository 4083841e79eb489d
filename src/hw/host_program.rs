//! Programs on the CPU and the kernel of the host, where these run i386 programs: the reference
//! that emulated code is checked against.

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

/// The parts of a program in memory: text and read-only data, and right behind their last page what
/// may be written, the last part of it zero.
pub struct Parts<'a> {
    pub entry: u32,
    pub text_addr: u32,
    pub text: &'a [u8],
    pub data: &'a [u8],
    pub zeros: u32,
}

/// An ELF file with these parts.
pub fn elf(parts: &Parts<'_>) -> Vec<u8> {
    const PAGE: u32 = 4096;
    let (text_size, data_size) = (parts.text.len() as u32, parts.data.len() as u32);
    let data_offset = text_size.next_multiple_of(PAGE);
    let text = Segment {
        offset: PAGE,
        addr: parts.text_addr,
        file_size: text_size,
        mem_size: text_size,
        flags: 5,
    };
    let data = Segment {
        offset: PAGE + data_offset,
        addr: parts.text_addr + data_offset,
        file_size: data_size,
        mem_size: data_size + parts.zeros.max(4),
        flags: 6,
    };
    let mut bytes = elf_header(parts.entry, &[text, data]);
    bytes.resize(PAGE as usize, 0);
    bytes.extend(parts.text);
    bytes.resize((PAGE + data_offset) as usize, 0);
    bytes.extend(parts.data);
    bytes
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
