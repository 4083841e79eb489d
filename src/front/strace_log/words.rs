//! Arguments as strace writes them, in the notation of scripts.

use crate::abi::constants;

/// A number: decimal, `0x` or, with a leading zero, octal. `strace -y` puts a file behind a
/// descriptor, as in `3</etc/passwd>`.
pub(super) fn number(text: &str) -> Option<i64> {
    let text = text.split('<').next().unwrap_or_default();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let value = if let Some(hex) = digits.strip_prefix("0x") {
        i64::from_str_radix(hex, 16)
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(digits, 8)
    } else {
        digits.parse()
    };
    value.ok().map(|value| sign * value)
}

/// The first real-time signal.
const SIGRTMIN: i64 = 32;

/// Constants and numbers combined with `|`.
///
/// # Errors
/// What is not known here, in words for the user.
pub(super) fn flags(text: &str) -> Result<String, String> {
    let one = |word: &str| {
        let word = word.trim();
        let real_time = word
            .strip_prefix("SIGRT_")
            .and_then(|nr| nr.parse::<i64>().ok());
        let real_time = real_time.or((word == "SIGRTMIN").then_some(0));
        if let Some(value) = number(word).or(real_time.map(|nr| SIGRTMIN + nr)) {
            return Ok(value.to_string());
        }
        if constants().any(|constant| constant.name == word) {
            return Ok(word.to_owned());
        }
        Err(format!("2.6.12 has no {word}"))
    };
    let words: Result<Vec<String>, String> = text.split('|').map(one).collect();
    Ok(words?.join(" | "))
}

/// The signals of a set such as `[INT CHLD]`, as an array.
///
/// # Errors
/// What is not known here, in words for the user.
pub(super) fn signals(text: &str) -> Result<String, String> {
    let (all_but, set) = match text.strip_prefix('~') {
        Some(set) => (true, set),
        None => (false, text),
    };
    let inner = set.strip_prefix('[').and_then(|set| set.strip_suffix(']'));
    let inner = inner.ok_or("its set of signals is not in the log")?;
    // Names of real-time signals are those of the C library; what matters are the others.
    let names = inner.split([' ', ',']).filter(|name| !name.is_empty());
    let named: Vec<String> = names
        .filter(|name| !name.starts_with("RT"))
        .map(|name| format!("SIG{}", name.trim_start_matches("SIG")))
        .collect();
    let is_known = |name: &String| constants().any(|constant| constant.name == *name);
    if let Some(name) = named.iter().find(|name| !is_known(name)) {
        return Err(format!("2.6.12 has no {name}"));
    }
    if !all_but {
        return Ok(format!("[{}]", named.join(", ")));
    }
    let value = |name: &String| {
        let mut constants = constants();
        constants
            .find(|constant| constant.name == *name)
            .map(|constant| constant.value)
    };
    let left_out: Vec<i64> = named.iter().filter_map(value).collect();
    let kept = (1..32).filter(|signal| !left_out.contains(signal));
    let kept: Vec<String> = kept.map(|signal| signal.to_string()).collect();
    Ok(format!("[{}]", kept.join(", ")))
}

/// The most bytes that are made up.
const MADE_UP: usize = 1 << 20;

/// A string of so many bytes. What strace has left out at its end is made up.
///
/// # Errors
/// Why it is not known, in words for the user.
pub(super) fn filled(text: &str, len: Option<i64>) -> Result<String, String> {
    let len = len.and_then(|len| usize::try_from(len).ok());
    match (text.strip_suffix("..."), len.filter(|len| *len <= MADE_UP)) {
        (Some(beginning), Some(len)) => {
            let mut whole = string(beginning)?;
            whole.extend(std::iter::repeat_n('.', len.saturating_sub(whole.len())));
            Ok(whole)
        }
        _ => string(text),
    }
}

/// A string as strace writes it, if it is whole and text.
///
/// # Errors
/// Why it is not known, in words for the user.
pub(super) fn string(text: &str) -> Result<String, String> {
    if text.ends_with("\"...") {
        return Err("the log has only the beginning of its text".to_owned());
    }
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let inner = inner.ok_or("its text is not in the log")?;
    let mut chars = inner.chars().peekable();
    let mut out = String::new();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let code = match chars.next() {
            Some('n') => 10,
            Some('t') => 9,
            Some('r') => 13,
            Some('v') => 11,
            Some('f') => 12,
            Some('x') => {
                let digits: String = chars.by_ref().take(2).collect();
                u32::from_str_radix(&digits, 16).unwrap_or(u32::MAX)
            }
            Some(digit @ '0'..='7') => {
                let mut code = digit.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = chars.peek().and_then(|c| c.to_digit(8)) else {
                        break;
                    };
                    code = code * 8 + digit;
                    chars.next();
                }
                code
            }
            Some(other) => u32::from(other),
            None => u32::MAX,
        };
        match char::from_u32(code).filter(char::is_ascii) {
            Some(c) => out.push(c),
            None => return Err("its bytes are not text".to_owned()),
        }
    }
    Ok(out)
}

/// A text as a literal of a script.
pub(super) fn literal(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_ascii_control() => out += &format!("\\x{:02x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The values of a key in structures such as `[{iov_base="a", iov_len=1}, ...]`.
pub(super) fn fields<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    let pieces = text.split(key).skip(1);
    pieces.filter_map(|piece| {
        let value = piece.strip_prefix('=')?;
        let (mut quoted, mut escaped) = (false, false);
        let mut depth = 0;
        let end = value.find(|c| {
            match c {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                _ if quoted => {}
                '[' | '{' => depth += 1,
                ',' | '}' if depth == 0 => return true,
                ']' | '}' => depth -= 1,
                _ => {}
            }
            false
        });
        Some(&value[..end.unwrap_or(value.len())])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_strace_become_words_of_scripts() {
        assert_eq!(number("0644"), Some(0o644));
        assert_eq!(number("3</etc/passwd>"), Some(3));
        assert_eq!(number("-1"), Some(-1));
        assert_eq!(
            flags("O_WRONLY|O_CREAT|0x80").unwrap(),
            "O_WRONLY | O_CREAT | 128"
        );
        assert_eq!(
            flags("CLONE_NEWPID").unwrap_err(),
            "2.6.12 has no CLONE_NEWPID"
        );
        assert_eq!(signals("[INT CHLD RT_1]").unwrap(), "[SIGINT, SIGCHLD]");
        assert!(
            signals("~[KILL STOP]")
                .unwrap()
                .starts_with("[1, 2, 3, 4, 5, 6, 7, 8, 10,")
        );
        assert_eq!(string(r#""a\n\33[0m\"""#).unwrap(), "a\n\u{1b}[0m\"");
        assert_eq!(string(r#""\177ELF\2""#).unwrap(), "\u{7f}ELF\u{2}");
        assert!(string(r#""abc"..."#).unwrap_err().contains("beginning"));
        assert_eq!(filled(r#""abc"..."#, Some(5)).unwrap(), "abc..");
        assert_eq!(flags("SIGRT_2").unwrap(), "34");
        assert!(string(r#""\377""#).unwrap_err().contains("not text"));
        assert_eq!(literal("a\"\n"), r#""a\"\x0a""#);
        let iov = r#"[{iov_base="a, {", iov_len=4}, {iov_base="b", iov_len=1}]"#;
        assert_eq!(
            fields(iov, "iov_base").collect::<Vec<_>>(),
            [r#""a, {""#, "\"b\""]
        );
    }
}
