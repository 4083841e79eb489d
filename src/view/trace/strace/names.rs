//! Numbers as C programs write them: names of flags, of values, of signals and errors.

use crate::abi::{CloneFlags, Errno, O_RDONLY, O_RDWR, O_WRONLY, Signal, constants};
use crate::kernel::syscall::{NR_SYSCALLS, Shape, SyscallInfo};
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::LazyLock;

/// The two bits of open's flags that are a number.
const O_ACCMODE: u32 = 3;

/// Names that begin alike, with their values, in the order of the headers.
type Named = Vec<(&'static str, u32)>;

/// The constants of each set of prefixes that an argument of a call or a field has.
static NAMED: LazyLock<BTreeMap<&'static [&'static str], Named>> = LazyLock::new(|| {
    let calls = (0..NR_SYSCALLS as u16).filter_map(SyscallInfo::shapes);
    let of_calls = calls.flatten().filter_map(|shape| match shape {
        Shape::Flags(prefixes) | Shape::One(prefixes) => Some(*prefixes),
        _ => None,
    });
    let of_fields: [&[&str]; 5] = [OPEN, SIGACTION, SIGALTSTACK, FILE_TYPE, POLL];
    let all = of_calls.chain(of_fields);
    all.map(|prefixes| (prefixes, beginning(prefixes)))
        .collect()
});

/// Prefixes of what is no argument of its own.
pub(super) const OPEN: &[&str] = &["O_"];
pub(super) const SIGACTION: &[&str] = &["SA_"];
pub(super) const SIGALTSTACK: &[&str] = &["SS_"];
pub(super) const FILE_TYPE: &[&str] = &["S_IF"];
pub(super) const POLL: &[&str] = &["POLL"];

/// The constants whose names begin like one of these.
fn beginning(prefixes: &[&str]) -> Named {
    let begins = |name: &str| prefixes.iter().any(|prefix| name.starts_with(prefix));
    constants()
        .filter(|constant| begins(constant.name))
        .map(|constant| (constant.name, constant.value as u32))
        .collect()
}

/// The same, without looking through all of them.
fn named(prefixes: &'static [&'static str]) -> &'static [(&'static str, u32)] {
    NAMED.get(prefixes).map_or(&[], Vec::as_slice)
}

/// The flags that are set, joined with `|`, and last the bits that have no name.
pub(super) fn flags(value: u32, prefixes: &'static [&'static str]) -> String {
    let mut text = String::new();
    write_flags(&mut text, value, prefixes);
    text
}

pub(super) fn write_flags(text: &mut String, value: u32, prefixes: &'static [&'static str]) {
    let mut left = value;
    let begin = text.len();
    let mut add = |part: fmt::Arguments| {
        let or = if text.len() == begin { "" } else { "|" };
        // Writing to a string cannot fail.
        let _ = write!(text, "{or}{part}");
    };
    for (name, bits) in named(prefixes) {
        if *bits != 0 && left & bits == *bits {
            add(format_args!("{name}"));
            left &= !bits;
        }
    }
    if left != 0 {
        add(format_args!("{left:#x}"));
    }
    if value == 0 {
        let zero = named(prefixes).iter().find(|(_, bits)| *bits == 0);
        text.push_str(zero.map_or("0", |(name, _)| name));
    }
}

/// The name of a value, or the number.
pub(super) fn one(value: u32, prefixes: &'static [&'static str]) -> String {
    match named(prefixes).iter().find(|(_, other)| *other == value) {
        Some((name, _)) => (*name).to_owned(),
        None => value.cast_signed().to_string(),
    }
}

/// The flags of `open`.
pub(super) fn open_flags(value: u32) -> String {
    let mode = match value & O_ACCMODE {
        O_RDONLY => "O_RDONLY",
        O_WRONLY => "O_WRONLY",
        O_RDWR => "O_RDWR",
        _ => "O_ACCMODE",
    };
    match value & !O_ACCMODE {
        0 => mode.to_owned(),
        rest => format!("{mode}|{}", flags(rest, OPEN)),
    }
}

/// The flags of `clone`, with the signal that the child sends at its end.
pub(super) fn clone_flags(value: u32) -> String {
    CloneFlags::from_bits_retain(value).describe()
}

/// The name of a signal, or the number.
pub(super) fn signal(number: u32) -> String {
    match Signal::new(number) {
        Some(signal) => signal.to_string(),
        None => number.cast_signed().to_string(),
    }
}

/// What a failed call returns: `-1 ENOENT (No such file or directory)`.
pub(super) fn error(ret: i32) -> Option<Failed> {
    Errno::from_code(ret.checked_neg()?).map(Failed)
}

/// What a failed call returns, as it is written.
pub(super) struct Failed(Errno);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The messages are ASCII.
        let (first, rest) = self.0.message().split_at(1);
        let first = first.bytes().next().map(|byte| byte.to_ascii_uppercase());
        let first = char::from(first.unwrap_or_default());
        write!(f, "-1 {} ({first}{rest})", self.0.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_named_and_the_rest_is_hexadecimal() {
        assert_eq!(flags(3, &["PROT_"]), "PROT_READ|PROT_WRITE");
        assert_eq!(flags(0, &["PROT_"]), "PROT_NONE");
        assert_eq!(flags(0, &["MREMAP_"]), "0");
        assert_eq!(
            flags(0x4000_0022, &["MAP_"]),
            "MAP_PRIVATE|MAP_ANONYMOUS|0x40000000"
        );
        assert_eq!(open_flags(0o1101), "O_WRONLY|O_CREAT|O_TRUNC");
        assert_eq!(open_flags(0), "O_RDONLY");
        assert_eq!(clone_flags(0x4111), "CLONE_VM|CLONE_VFORK|SIGCHLD");
    }

    #[test]
    fn values_are_named_or_numbers() {
        assert_eq!(one(2, &["SEEK_"]), "SEEK_END");
        assert_eq!(one(77, &["SEEK_"]), "77");
        assert_eq!((signal(17), signal(99)), ("SIGCHLD".into(), "99".into()));
        assert_eq!(
            error(-2).unwrap().to_string(),
            "-1 ENOENT (No such file or directory)"
        );
        assert!(error(7).is_none());
    }
}
