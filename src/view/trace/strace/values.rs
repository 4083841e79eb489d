//! The arguments of a call as `strace` prints them.

use super::names;
use crate::abi::{S_IALLUGO, S_IFBLK, S_IFCHR, S_IFMT, WaitStatus};
use crate::kernel::syscall::{Shape, Struct};
use crate::trace::Pointed;
use std::fmt::{self, Write};

/// How many bytes of a string are shown.
const SHOWN: usize = 32;

/// An argument: its value in a register, what it points to, and what was there when the call
/// returned.
pub(super) struct Argument<'a> {
    pub(super) shape: Shape,
    pub(super) word: u32,
    pub(super) before: Option<&'a Pointed>,
    pub(super) after: Option<&'a Pointed>,
}

impl Argument<'_> {
    /// Writes the argument.
    pub(super) fn write(&self, to: &mut String) {
        // Writing to a string cannot fail.
        let _ = match self.shape {
            Shape::Decimal => write!(to, "{}", self.word.cast_signed()),
            Shape::Unsigned => write!(to, "{}", self.word),
            Shape::Address => write!(to, "{}", Pointer(self.word)),
            Shape::Flags(prefixes) => {
                names::write_flags(to, self.word, prefixes);
                Ok(())
            }
            Shape::Path | Shape::Input => match self.before.and_then(bytes) {
                Some(bytes) => {
                    write_quoted(to, bytes);
                    Ok(())
                }
                None => write!(to, "{}", Pointer(self.word)),
            },
            _ => match self.text() {
                Some(text) => to.write_str(&text),
                None => write!(to, "{}", Pointer(self.word)),
            },
        };
    }

    /// The text of what is not just a number; `None` if it is an address.
    fn text(&self) -> Option<String> {
        match self.shape {
            Shape::Decimal | Shape::Unsigned | Shape::Address => None,
            Shape::Mode => Some(mode(self.word)),
            Shape::Flags(prefixes) => Some(names::flags(self.word, prefixes)),
            Shape::One(prefixes) => Some(names::one(self.word, prefixes)),
            Shape::OpenFlags => Some(names::open_flags(self.word)),
            Shape::CloneFlags => Some(names::clone_flags(self.word)),
            Shape::Signal => Some(names::signal(self.word)),
            Shape::Path | Shape::Strings | Shape::Input => self.before.map(strings),
            Shape::Environment => self.before.map(|pointed| {
                let count = match pointed {
                    Pointed::Strings(strings) => strings.len(),
                    Pointed::Bytes(_) | Pointed::String(_) => 0,
                };
                let plural = if count == 1 { "" } else { "s" };
                let address = Pointer(self.word);
                format!("{address} /* {count} var{plural} */")
            }),
            Shape::Output => self.after.map(strings),
            Shape::In(what) => self.before.and_then(|pointed| structure(what, pointed)),
            Shape::Out(what) => self.after.and_then(|pointed| structure(what, pointed)),
            Shape::InOut(what) => {
                let pointed = self.before.or(self.after);
                pointed.and_then(|pointed| structure(what, pointed))
            }
        }
    }

    /// Whether it can be shown before the call returns.
    pub(super) const fn is_told(&self) -> bool {
        !matches!(self.shape, Shape::Output | Shape::Out(_))
    }
}

/// An address.
struct Pointer(u32);

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("NULL"),
            word => write!(f, "{word:#x}"),
        }
    }
}

/// The bytes of a string or a buffer.
fn bytes(pointed: &Pointed) -> Option<&[u8]> {
    match pointed {
        Pointed::Bytes(bytes) | Pointed::String(bytes) => Some(bytes),
        Pointed::Strings(_) => None,
    }
}

fn mode(word: u32) -> String {
    match word {
        0 => "0".to_owned(),
        word => format!("{word:#o}").replacen("0o", "0", 1),
    }
}

/// A string, a buffer, or a list of strings.
fn strings(pointed: &Pointed) -> String {
    match pointed {
        Pointed::Bytes(bytes) | Pointed::String(bytes) => quoted(bytes),
        Pointed::Strings(list) => {
            let list: Vec<String> = list.iter().map(|bytes| quoted(bytes)).collect();
            format!("[{}]", list.join(", "))
        }
    }
}

/// Bytes in quotes, as a string of C; `...` follows what is cut.
pub(in crate::view) fn quoted(bytes: &[u8]) -> String {
    let mut text = String::new();
    write_quoted(&mut text, bytes);
    text
}

fn write_quoted(text: &mut String, bytes: &[u8]) {
    let shown = &bytes[..bytes.len().min(SHOWN)];
    text.push('"');
    for (at, byte) in shown.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = match byte {
            b'\n' => text.write_str("\\n"),
            b'\t' => text.write_str("\\t"),
            b'\r' => text.write_str("\\r"),
            b'"' | b'\\' => write!(text, "\\{}", char::from(*byte)),
            0x20..=0x7e => text.write_char(char::from(*byte)),
            _ if shown.get(at + 1).is_some_and(u8::is_ascii_digit) => {
                write!(text, "\\{byte:03o}")
            }
            _ => write!(text, "\\{byte:o}"),
        };
    }
    text.push('"');
    if bytes.len() > SHOWN {
        text.push_str("...");
    }
}

/// The little-endian words of a structure.
fn words(bytes: &[u8]) -> Vec<u32> {
    let (words, _) = bytes.as_chunks::<4>();
    words.iter().map(|word| u32::from_le_bytes(*word)).collect()
}

fn structure(what: Struct, pointed: &Pointed) -> Option<String> {
    let bytes = match (what, pointed) {
        (Struct::Iovec, Pointed::Strings(buffers)) => return Some(iovec(buffers)),
        (_, Pointed::Bytes(bytes)) => bytes,
        _ => return None,
    };
    let w = words(bytes);
    let signed = |at: usize| w[at].cast_signed();
    Some(match what {
        Struct::WaitStatus => format!("[{}]", wait_status(WaitStatus(w[0]))),
        Struct::Word => format!("[{}]", signed(0)),
        Struct::Pipe => format!("[{}, {}]", signed(0), signed(1)),
        Struct::Timespec => timespec(&w),
        Struct::Timeval => timeval(&w),
        Struct::Itimerval => format!(
            "{{it_interval={}, it_value={}}}",
            timeval(&w[..2]),
            timeval(&w[2..])
        ),
        Struct::Rlimit => format!("{{rlim_cur={}, rlim_max={}}}", limit(w[0]), limit(w[1])),
        Struct::Sigset => sigset(w[0], w[1]),
        Struct::OldSigset => sigset(w[0], 0),
        Struct::Sigaction => sigaction(w[0], w[1], sigset(w[3], w[4])),
        // The mask comes before the flags.
        Struct::OldSigaction => sigaction(w[0], w[2], sigset(w[1], 0)),
        Struct::Sigaltstack => format!(
            "{{ss_sp={}, ss_flags={}, ss_size={}}}",
            Pointer(w[0]),
            names::flags(w[1], names::SIGALTSTACK),
            w[2]
        ),
        Struct::Rusage => format!(
            "{{ru_utime={}, ru_stime={}, ...}}",
            timeval(&w[..2]),
            timeval(&w[2..4])
        ),
        Struct::Utsname => utsname(bytes),
        Struct::SchedParam => format!("[{}]", signed(0)),
        Struct::Stat64 => stat64(&w),
        Struct::FdSet => fd_set(bytes),
        Struct::Pollfds => pollfds(&w),
        Struct::Iovec => return None,
        Struct::UserDesc => format!(
            "{{entry_number={}, base_addr={}, limit={:#x}, flags={:#x}}}",
            signed(0),
            Pointer(w[1]),
            w[2],
            w[3]
        ),
        Struct::Winsize => {
            let rows_and_columns = w[0];
            format!(
                "{{ws_row={}, ws_col={}, ws_xpixel=0, ws_ypixel=0}}",
                rows_and_columns & 0xffff,
                rows_and_columns >> 16
            )
        }
    })
}

fn timespec(w: &[u32]) -> String {
    let (sec, nsec) = (w[0].cast_signed(), w[1].cast_signed());
    format!("{{tv_sec={sec}, tv_nsec={nsec}}}")
}

fn timeval(w: &[u32]) -> String {
    let (sec, usec) = (w[0].cast_signed(), w[1].cast_signed());
    format!("{{tv_sec={sec}, tv_usec={usec}}}")
}

fn limit(word: u32) -> String {
    match word {
        u32::MAX => "RLIM_INFINITY".to_owned(),
        word if word != 0 && word.is_multiple_of(1024) => format!("{}*1024", word / 1024),
        word => word.to_string(),
    }
}

/// The signals of a set without `SIG`; the others, if more are in it than not.
fn sigset(low: u32, high: u32) -> String {
    let bits = u64::from(high) << 32 | u64::from(low);
    let (sign, bits) = match bits.count_ones() {
        0..=32 => ("", bits),
        _ => ("~", !bits),
    };
    let names: Vec<String> = (0..64)
        .filter(|bit| bits >> bit & 1 != 0)
        .map(|bit| names::signal(bit + 1).trim_start_matches("SIG").to_owned())
        .collect();
    format!("{sign}[{}]", names.join(" "))
}

fn sigaction(handler: u32, flags: u32, mask: String) -> String {
    let handler = match handler {
        0 => "SIG_DFL".to_owned(),
        1 => "SIG_IGN".to_owned(),
        addr => format!("{addr:#x}"),
    };
    let flags = names::flags(flags, names::SIGACTION);
    format!("{{sa_handler={handler}, sa_mask={mask}, sa_flags={flags}}}")
}

/// A wait status, by the macros that tell about it.
fn wait_status(WaitStatus(status): WaitStatus) -> String {
    let signal = |number| names::signal(number);
    match (status & 0x7f, status >> 8 & 0xff) {
        _ if status == 0xffff => "{WIFCONTINUED(s)}".to_owned(),
        (0, code) => format!("{{WIFEXITED(s) && WEXITSTATUS(s) == {code}}}"),
        (0x7f, by) => format!(
            "{{WIFSTOPPED(s) && WSTOPSIG(s) == {}}}{}",
            signal(by & 0x7f),
            if by & 0x80 != 0 { " | 0x80" } else { "" }
        ),
        (by, _) if status & 0x80 != 0 => format!(
            "{{WIFSIGNALED(s) && WTERMSIG(s) == {} && WCOREDUMP(s)}}",
            signal(by)
        ),
        (by, _) => format!("{{WIFSIGNALED(s) && WTERMSIG(s) == {}}}", signal(by)),
    }
}

fn utsname(bytes: &[u8]) -> String {
    let fields = bytes.chunks(65).map(|field| {
        let end = field.iter().position(|byte| *byte == 0);
        quoted(&field[..end.unwrap_or(field.len())])
    });
    let mut fields = fields.take(2);
    let [sysname, nodename] = [(); 2].map(|()| fields.next().unwrap_or_default());
    format!("{{sysname={sysname}, nodename={nodename}, ...}}")
}

/// The type, the mode, and the size or the device.
fn stat64(w: &[u32]) -> String {
    let (mode, rdev, size) = (w[4], w[8], w[11]);
    let kind = match mode & S_IFMT {
        0 => "0".to_owned(),
        kind => names::one(kind, names::FILE_TYPE),
    };
    let rights = mode & S_IALLUGO;
    match mode & S_IFMT {
        S_IFCHR | S_IFBLK => {
            let (major, minor) = (rdev >> 8, rdev & 0xff);
            format!("{{st_mode={kind}|0{rights:o}, st_rdev=makedev({major:#x}, {minor:#x}), ...}}")
        }
        _ => format!("{{st_mode={kind}|0{rights:o}, st_size={size}, ...}}"),
    }
}

fn fd_set(bytes: &[u8]) -> String {
    let fds: Vec<String> = (0..bytes.len() * 8)
        .filter(|fd| bytes[fd / 8] >> (fd % 8) & 1 != 0)
        .map(|fd| fd.to_string())
        .collect();
    format!("[{}]", fds.join(" "))
}

fn pollfds(w: &[u32]) -> String {
    let entries: Vec<String> = w
        .chunks_exact(2)
        .map(|entry| {
            let fd = entry[0].cast_signed();
            let events = names::flags(entry[1] & 0xffff, names::POLL);
            format!("{{fd={fd}, events={events}}}")
        })
        .collect();
    format!("[{}]", entries.join(", "))
}

fn iovec(buffers: &[Vec<u8>]) -> String {
    let buffers: Vec<String> = buffers
        .iter()
        .map(|bytes| format!("{{iov_base={}, iov_len={}}}", quoted(bytes), bytes.len()))
        .collect();
    format!("[{}]", buffers.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(shape: Shape, word: u32, pointed: Option<Pointed>) -> String {
        let argument = Argument {
            shape,
            word,
            before: pointed.as_ref(),
            after: pointed.as_ref(),
        };
        let mut text = String::new();
        argument.write(&mut text);
        text
    }

    fn bytes(words: &[u32]) -> Option<Pointed> {
        let bytes = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        Some(Pointed::Bytes(bytes))
    }

    #[test]
    fn strings_are_quoted_as_in_c_and_cut() {
        assert_eq!(quoted(b"hello 1\n"), r#""hello 1\n""#);
        assert_eq!(quoted(b"a\0b\x001\"\\"), r#""a\0b\0001\"\\""#);
        assert_eq!(quoted(&[b'x'; 33]), format!("\"{}\"...", "x".repeat(32)));
    }

    #[test]
    fn structures_show_their_fields() {
        let table = [
            (
                Struct::Timespec,
                bytes(&[1, 500]),
                "{tv_sec=1, tv_nsec=500}",
            ),
            (
                Struct::WaitStatus,
                bytes(&[0x700]),
                "[{WIFEXITED(s) && WEXITSTATUS(s) == 7}]",
            ),
            (
                Struct::WaitStatus,
                bytes(&[9]),
                "[{WIFSIGNALED(s) && WTERMSIG(s) == SIGKILL}]",
            ),
            (
                Struct::WaitStatus,
                bytes(&[0x137f]),
                "[{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}]",
            ),
            (Struct::Pipe, bytes(&[3, 4]), "[3, 4]"),
            (Struct::Sigset, bytes(&[0x1_0002, 0]), "[INT CHLD]"),
            (
                Struct::Sigaction,
                bytes(&[1, 0x1000_0000, 0, 0, 0]),
                "{sa_handler=SIG_IGN, sa_mask=[], sa_flags=SA_RESTART}",
            ),
            (
                Struct::Pollfds,
                bytes(&[0, 5]),
                "[{fd=0, events=POLLIN|POLLOUT}]",
            ),
        ];
        for (what, pointed, expected) in table {
            assert_eq!(text(Shape::In(what), 0x1000, pointed), expected);
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_address() {
        assert_eq!(text(Shape::Path, 0, None), "NULL");
        assert_eq!(text(Shape::Path, 0x77, None), "0x77");
        let wrong = Some(Pointed::Strings(Vec::new()));
        assert_eq!(text(Shape::In(Struct::Pipe), 0x77, wrong), "0x77");
    }
}
