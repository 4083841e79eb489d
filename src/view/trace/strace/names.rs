//! Numbers as C programs write them: names of flags, of values, of signals and errors.

use crate::abi::{CloneFlags, Errno, O_RDONLY, O_RDWR, O_WRONLY, Signal, constants};

/// The two bits of open's flags that are a number.
const O_ACCMODE: u32 = 3;

/// The constants whose names begin like one of these, in the order of the headers.
fn named(prefixes: &[&str]) -> impl Iterator<Item = (&'static str, u32)> {
    constants().filter_map(move |constant| {
        let begins = prefixes
            .iter()
            .any(|prefix| constant.name.starts_with(prefix));
        begins.then_some((constant.name, constant.value as u32))
    })
}

/// The flags that are set, joined with `|`, and last the bits that have no name.
pub(super) fn flags(value: u32, prefixes: &[&str]) -> String {
    let mut left = value;
    let mut parts = Vec::new();
    for (name, bits) in named(prefixes) {
        if bits != 0 && left & bits == bits {
            parts.push(name.to_owned());
            left &= !bits;
        }
    }
    if left != 0 || parts.is_empty() {
        let zero = named(prefixes).find(|(_, bits)| *bits == 0 && value == 0);
        parts.push(match zero {
            Some((name, _)) => name.to_owned(),
            None if left == 0 => "0".to_owned(),
            None => format!("{left:#x}"),
        });
    }
    parts.join("|")
}

/// The name of a value, or the number.
pub(super) fn one(value: u32, prefixes: &[&str]) -> String {
    match named(prefixes).find(|(_, other)| *other == value) {
        Some((name, _)) => name.to_owned(),
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
        rest => format!("{mode}|{}", flags(rest, &["O_"])),
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
pub(super) fn error(ret: i32) -> Option<String> {
    let errno = Errno::from_code(ret.checked_neg()?)?;
    let message = errno.message();
    let first = message.chars().take(1).flat_map(char::to_uppercase);
    let rest = message.chars().skip(1);
    let message: String = first.chain(rest).collect();
    Some(format!("-1 {} ({message})", errno.name()))
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
        assert_eq!(error(-2).unwrap(), "-1 ENOENT (No such file or directory)");
        assert_eq!(error(7), None);
    }
}
