//! C compilers of the host that make static programs for i386: which there are, and what they make of
//! a C file. What was compiled is kept in the user's cache by its content.

use super::print::reason;
use super::unfit::why_unfit;
use etcetera::{BaseStrategy, choose_base_strategy};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Names the C compiler to be used, with its own options.
const VARIABLE: &str = "FORKLAB_CC";

/// The compilers that are looked for, in this order, each with what makes it compile for i386.
const KNOWN: [&str; 6] = [
    "zig cc -target x86-linux-musl -mcpu=i686 -fno-sanitize=undefined",
    "python3 -m ziglang cc -target x86-linux-musl -mcpu=i686 -fno-sanitize=undefined",
    "musl-gcc -m32 -march=i686",
    "gcc -m32 -march=i686",
    "clang --target=i686-linux-musl -march=i686",
    "i386-tcc",
];

/// What every compiler is told: a static program with debug information, in which each variable has
/// its place and each line its instructions. Old exam questions declare
/// nothing, which is no error here.
const OPTIONS: [&str; 7] = [
    "-static",
    "-g",
    "-O0",
    "-fno-omit-frame-pointer",
    "-Wno-error=implicit-function-declaration",
    "-Wno-error=implicit-int",
    "-Wno-error=int-conversion",
];

/// Linked with every program: it makes musl buffer its output as other C libraries do.
const STDIO: &str = include_str!("stdio.c");

/// The smallest program, to find out whether a compiler can compile for i386 at all.
const PROBE: &str = "int main(void) { return 0; }\n";

/// How to get a compiler.
const HOW_TO_GET_ONE: &str = "no C compiler that makes programs for i386 was found
help: install one of these, or name yours in FORKLAB_CC:
  any system   pip install ziglang      (or zig from https://ziglang.org)
  Debian       apt install gcc-multilib
  macOS        brew install zig
  Windows      winget install zig.zig";

/// A program that was compiled from a C file.
pub(super) struct Compiled {
    /// The ELF file.
    pub(super) bytes: Vec<u8>,
    /// The command that made it.
    pub(super) compiler: String,
    /// What the compiler said, if it said anything.
    pub(super) warnings: String,
}

/// Compiles a C file, unless the cache has what comes of it.
///
/// # Errors
/// What the compiler said; how to get a compiler, if there is none.
pub(super) fn compile(source: &Path) -> Result<Compiled, String> {
    let texts = source_texts(source).map_err(|error| reason(&error))?;
    let own = named_compiler();
    for compiler in candidates(own.as_deref()) {
        match compile_with(compiler, source, &texts) {
            Tried::Done(compiled) => return Ok(compiled),
            Tried::Wrong(errors) => return Err(errors),
            Tried::Unusable if own.is_some() => {
                return Err(format!(
                    "{VARIABLE}={compiler} does not make static programs for i386"
                ));
            }
            Tried::Unusable => {}
        }
    }
    Err(HOW_TO_GET_ONE.to_owned())
}

/// Whether there is a compiler that makes programs for i386.
pub fn is_there() -> bool {
    candidates(named_compiler().as_deref())
        .into_iter()
        .any(can_compile)
}

/// The compilers to be tried, in this order.
fn candidates(own: Option<&str>) -> Vec<&str> {
    own.map_or_else(|| KNOWN.to_vec(), |own| vec![own])
}

/// The compiler that the user has named.
#[expect(
    clippy::disallowed_methods,
    reason = "the user chooses the compiler; what the program prints does not depend on it"
)]
fn named_compiler() -> Option<String> {
    let named = std::env::var(VARIABLE).ok();
    named.filter(|cc| !cc.trim().is_empty())
}

/// What came of trying a compiler.
enum Tried {
    /// A program.
    Done(Compiled),
    /// Errors in the source, as the compiler reports them.
    Wrong(String),
    /// It is not there, or cannot compile for i386.
    Unusable,
}

fn compile_with(compiler: &str, source: &Path, texts: &[Vec<u8>]) -> Tried {
    let cached = cache_file(compiler, texts);
    if let Some(bytes) = cached.as_ref().and_then(|path| fs::read(path).ok())
        && why_unfit(&bytes).is_none()
    {
        return Tried::Done(Compiled {
            bytes,
            compiler: compiler.to_owned(),
            warnings: String::new(),
        });
    }
    let Some((output, bytes)) = run_compiler(compiler, source) else {
        return Tried::Unusable;
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match bytes.filter(|bytes| why_unfit(bytes).is_none()) {
        Some(bytes) => {
            if let Some(path) = cached {
                keep(&path, &bytes);
            }
            Tried::Done(Compiled {
                bytes,
                compiler: compiler.to_owned(),
                warnings: said,
            })
        }
        None if can_compile(compiler) => Tried::Wrong(said.trim_end().to_owned()),
        None => Tried::Unusable,
    }
}

/// Whether a compiler can make a program for i386 at all.
fn can_compile(compiler: &str) -> bool {
    let Ok(folder) = tempfile::tempdir() else {
        return false;
    };
    let probe = folder.path().join("probe.c");
    if fs::write(&probe, PROBE).is_err() {
        return false;
    }
    let made = run_compiler(compiler, &probe).and_then(|(_, bytes)| bytes);
    made.is_some_and(|bytes| why_unfit(&bytes).is_none())
}

/// Runs a compiler in the folder of the source; `None` if there is no such compiler.
fn run_compiler(compiler: &str, source: &Path) -> Option<(Output, Option<Vec<u8>>)> {
    let mut words = compiler.split_whitespace();
    let folder = tempfile::tempdir().ok()?;
    let (target, stdio) = (folder.path().join("program"), folder.path().join("stdio.c"));
    fs::write(&stdio, STDIO).ok()?;
    let mut command = Command::new(words.next()?);
    command.args(words).args(OPTIONS).arg("-o").arg(&target);
    command.arg(source.file_name()?).arg(&stdio);
    if let Some(parent) = source.parent().filter(|path| !path.as_os_str().is_empty()) {
        command.current_dir(parent);
    }
    let output = command.output().ok()?;
    let bytes = output.status.success().then(|| fs::read(&target).ok());
    Some((output, bytes.flatten()))
}

/// The text of a C file, and of the files beside it that it includes.
fn source_texts(source: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut texts = vec![fs::read(source)?];
    let (mut seen, mut next) = (BTreeSet::from([source.to_owned()]), 0);
    let folder = source.parent().unwrap_or(Path::new(""));
    while let Some(text) = texts.get(next) {
        next += 1;
        let text = String::from_utf8_lossy(text).into_owned();
        for path in text
            .lines()
            .filter_map(included)
            .map(|name| folder.join(name))
        {
            if seen.insert(path.clone())
                && let Ok(text) = fs::read(path)
            {
                texts.push(text);
            }
        }
    }
    Ok(texts)
}

/// The file that a line includes: `#include "NAME"`.
fn included(line: &str) -> Option<&str> {
    let directive = line.trim_start().strip_prefix('#')?.trim_start();
    let name = directive.strip_prefix("include")?.trim_start();
    name.strip_prefix('"')?.split('"').next()
}

/// Where the cache keeps what a compiler makes of these texts.
fn cache_file(compiler: &str, texts: &[Vec<u8>]) -> Option<PathBuf> {
    let mut hasher = DefaultHasher::new();
    hasher.write(compiler.as_bytes());
    for option in OPTIONS {
        hasher.write(option.as_bytes());
    }
    for text in texts.iter().map(Vec::as_slice).chain([STDIO.as_bytes()]) {
        hasher.write_usize(text.len());
        hasher.write(text);
    }
    let name = OsString::from(format!("{:016x}", hasher.finish()));
    let folder = choose_base_strategy().ok()?.cache_dir();
    Some(folder.join("forklab").join("c").join(name))
}

/// Keeps a program in the cache, or does without.
fn keep(path: &Path, bytes: &[u8]) {
    let Some(folder) = path.parent() else {
        return;
    };
    // Another process may write the same file: it is complete before it gets its name.
    let written = fs::create_dir_all(folder)
        .and_then(|()| tempfile::NamedTempFile::new_in(folder))
        .and_then(|mut file| io::Write::write_all(&mut file, bytes).map(|()| file));
    if let Ok(file) = written {
        let _ignored = file.persist(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn included_files_are_read_once() {
        for (line, name) in [
            ("#include \"a.h\"", Some("a.h")),
            ("  #  include   \"b/c.h\" // x", Some("b/c.h")),
            ("#include <stdio.h>", None),
            ("int include;", None),
        ] {
            assert_eq!(included(line), name, "{line}");
        }
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("main.c", "#include \"a.h\"\n#include \"none.h\"\n");
        write("a.h", "#include \"a.h\"\n#include \"main.c\"\n");
        let texts = source_texts(&folder.path().join("main.c")).unwrap();
        assert_eq!(texts.len(), 2);
    }
}
