//! Scripts: a file that begins with `#!` names the program that interprets it.

use super::binfmt::{BINPRM_BUF_SIZE, Binprm};
use crate::abi::{Errno, TaskId};
use crate::kernel::Kernel;

/// What the first line of a script says.
#[derive(Clone, PartialEq, Eq, Debug)]
struct SheBang {
    /// Path of the interpreter.
    interpreter: Vec<u8>,
    /// The rest of the line, one argument with all its blanks.
    argument: Option<Vec<u8>>,
}

const fn is_blank(byte: &u8) -> bool {
    matches!(*byte, b' ' | b'\t')
}

/// The line without the blanks at its beginning.
fn skip_blanks(line: &[u8]) -> &[u8] {
    let blanks = line.iter().take_while(|byte| is_blank(byte)).count();
    &line[blanks..]
}

/// Reads the first line as far as the kernel has it. A line that is too long is cut; one that no
/// newline ends reaches to the first zero, and keeps the blanks at its end.
///
/// Linux 2.6.12: `fs/binfmt_script.c`, `load_script()`.
fn parse(buf: &[u8; BINPRM_BUF_SIZE]) -> Option<SheBang> {
    let line = buf[..BINPRM_BUF_SIZE - 1].strip_prefix(b"#!")?;
    let end = line.iter().position(|byte| matches!(*byte, b'\n' | 0));
    let line = match end {
        Some(end) if line[end] == 0 => &line[..end],
        // The trimming goes back from the end of the line, which is the end of the buffer for a line
        // that is cut.
        end => {
            let line = &line[..end.unwrap_or(line.len())];
            let blanks = line.iter().rev().take_while(|byte| is_blank(byte)).count();
            &line[..line.len() - blanks]
        }
    };
    let line = skip_blanks(line);
    let name = line.iter().take_while(|byte| !is_blank(byte)).count();
    let (interpreter, rest) = line.split_at(name);
    let argument = skip_blanks(rest);
    (!interpreter.is_empty()).then(|| SheBang {
        interpreter: interpreter.to_vec(),
        argument: (!argument.is_empty()).then(|| argument.to_vec()),
    })
}

impl Kernel {
    /// Turns the exec of a script into the exec of its interpreter, which gets the script's path as
    /// an argument. The name of the program stays the script's.
    ///
    /// Linux 2.6.12: `fs/binfmt_script.c`, `load_script()`.
    ///
    /// # Errors
    /// `ENOEXEC` if it is no script, names no interpreter, or is the interpreter of another script;
    /// `E2BIG`; those of the look-up of the interpreter.
    pub(super) fn load_script(&mut self, current: TaskId, bprm: &mut Binprm) -> Result<(), Errno> {
        if bprm.sh_bang {
            return Err(Errno::ENOEXEC);
        }
        let SheBang {
            interpreter,
            argument,
        } = parse(&bprm.buf).ok_or(Errno::ENOEXEC)?;
        bprm.sh_bang = true;
        let script = bprm.args.path.clone().into_bytes();
        let path = String::from_utf8_lossy(&interpreter).into_owned();
        // The name under which the script was called is lost.
        let old = bprm.args.argv.drain(..).skip(1);
        let first = [Some(interpreter), argument, Some(script)]
            .into_iter()
            .flatten();
        bprm.args.argv = first.chain(old).collect();
        bprm.args.check_size()?;
        bprm.exe = self.find_program(current, &path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &[u8]) -> Option<(String, Option<String>)> {
        let mut buf = [0; BINPRM_BUF_SIZE];
        let len = text.len().min(BINPRM_BUF_SIZE);
        buf[..len].copy_from_slice(&text[..len]);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        parse(&buf).map(|line| (text(line.interpreter), line.argument.map(text)))
    }

    #[test]
    fn what_the_first_line_says() {
        for (text, interpreter, argument) in [
            ("#!/bin/sh\n", "/bin/sh", None),
            ("#!/bin/sh -x -y\nrest", "/bin/sh", Some("-x -y")),
            ("#! \t /bin/sh \t -x \t\n", "/bin/sh", Some("-x")),
            ("#!/bin/sh\r\n", "/bin/sh\r", None),
            ("#!sh", "sh", None),
            ("#!/bin/sh -x ", "/bin/sh", Some("-x ")),
            ("#!/bin/sh\0 -x\n", "/bin/sh", None),
        ] {
            let argument = argument.map(str::to_owned);
            assert_eq!(
                parsed(text.as_bytes()),
                Some((interpreter.to_owned(), argument)),
                "{text:?}"
            );
        }
        for text in ["#!\n", "#!  \t\n", "#!", "#", "", "# !/bin/sh\n", "echo\n"] {
            assert_eq!(parsed(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn a_long_line_is_cut() {
        let name = format!("#!/{}\n", "a".repeat(150));
        let (interpreter, argument) = parsed(name.as_bytes()).unwrap();
        assert_eq!((interpreter.len(), argument), (125, None));
        let blanks = format!("#!/bin/sh{}-x\n", " ".repeat(150));
        let cut = parsed(blanks.as_bytes());
        assert_eq!(cut, Some(("/bin/sh".to_owned(), None)));
    }
}
