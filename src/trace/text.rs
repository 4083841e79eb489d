//! The beginning of a text, small enough to be part of an event.

use std::fmt;

/// How many bytes of a text are kept.
const KEPT: usize = 22;

/// The beginning of what was written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text {
    bytes: [u8; KEPT],
    kept: u8,
    more: bool,
}

impl Text {
    /// Keeps the beginning of these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        let kept = bytes.len().min(KEPT);
        let mut beginning = [0; KEPT];
        beginning[..kept].copy_from_slice(&bytes[..kept]);
        Self {
            bytes: beginning,
            kept: kept as u8,
            more: bytes.len() > kept,
        }
    }
}

impl fmt::Display for Text {
    /// In quotes, with invisible characters escaped, and dots if something is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(&self.bytes[..usize::from(self.kept)]);
        let dots = if self.more { ".." } else { "" };
        write!(f, "{text:?}{dots}")
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_text_is_shown_in_quotes() {
        for (bytes, shown) in [
            (&b"hello\n"[..], r#""hello\n""#),
            (b"", r#""""#),
            (b"0123456789012345678901", r#""0123456789012345678901""#),
            (b"01234567890123456789012", r#""0123456789012345678901".."#),
        ] {
            assert_eq!(Text::new(bytes).to_string(), shown);
        }
    }
}
