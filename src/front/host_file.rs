//! Files of the host that are brought into a machine: each is named by the user, and read whole
//! before anything runs. A script reaches only the folder it stands in.

use super::applets::applets;
use super::cc::{self, Compiled};
use super::print::reason;
use super::unfit::why_unfit;
use crate::dwarf::debug_info;
use crate::kernel::fs::DebugInfo;
use crate::script::{Fetch, Fetched, Save, Wanted};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest file that is brought in, in bytes.
const MAX_FILE: u64 = 64 << 20;

/// A file of the host that was read.
pub(super) struct HostFile {
    /// Its name without the folder.
    pub(super) name: String,
    /// Its contents, or the program that was compiled from it.
    pub(super) bytes: Vec<u8>,
    /// The command that compiled it, and what it said.
    pub(super) compiler: Option<(String, String)>,
    /// What is known about a program beyond its bytes.
    pub(super) debug: Option<Arc<DebugInfo>>,
    /// Other names of the program, by which it knows what to do.
    pub(super) applets: Vec<String>,
}

/// Whether a path names a C file.
pub(super) fn is_c_file(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "c")
}

/// Reads a program, or compiles it if it is a C file.
///
/// # Errors
/// Why it cannot be read, compiled or run.
pub(super) fn read_program(path: &Path) -> Result<HostFile, String> {
    if !is_c_file(path) {
        let file = read_file(path)?;
        let script = file.bytes.starts_with(b"#!");
        return match why_unfit(&file.bytes).filter(|_| !script) {
            Some(why) => Err(why),
            None => {
                let debug = (!script).then(|| debug_info_of(path, &file.bytes));
                let applets = applets(&file.name, &file.bytes);
                Ok(HostFile {
                    debug,
                    applets,
                    ..file
                })
            }
        };
    }
    let name = name_of(&path.with_extension(""));
    let Compiled {
        bytes,
        compiler,
        warnings,
    } = cc::compile(path)?;
    Ok(HostFile {
        debug: Some(debug_info_of(path, &bytes)),
        name,
        bytes,
        compiler: Some((compiler, warnings)),
        applets: Vec::new(),
    })
}

/// The debug information of a program. The text of its sources is shown if they stand beside it.
fn debug_info_of(path: &Path, elf: &[u8]) -> Arc<DebugInfo> {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let mut text_of = |name: &str| {
        let source = confined(&folder, name).ok()?;
        let file = read_file(&source).ok()?;
        Some(String::from_utf8_lossy(&file.bytes).into_owned())
    };
    Arc::new(debug_info(elf, &mut text_of))
}

/// Reads a file whole.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn read_file(path: &Path) -> Result<HostFile, String> {
    let meta = fs::metadata(path).map_err(|error| reason(&error))?;
    // To read a fifo or a device may never end.
    if !meta.is_file() {
        return Err("not a regular file".to_owned());
    }
    let file = fs::File::open(path).map_err(|error| reason(&error))?;
    Ok(HostFile {
        name: name_of(path),
        bytes: read_bounded(file)?,
        compiler: None,
        debug: None,
        applets: Vec::new(),
    })
}

/// Reads everything, up to the size that a file may have.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn read_bounded(from: impl Read) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = from.take(MAX_FILE + 1).read_to_end(&mut bytes);
    read.map_err(|error| reason(&error))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(format!("larger than {} MiB, the maximum", MAX_FILE >> 20));
    }
    Ok(bytes)
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Brings in files for the script in that folder.
pub fn fetcher(folder: PathBuf) -> Fetch {
    Box::new(move |name, wanted| {
        let path = confined(&folder, name)?;
        let file = match wanted {
            Wanted::Program => read_program(&path)?,
            Wanted::File => read_file(&path)?,
        };
        if let Some((_, warnings)) = &file.compiler
            && !warnings.is_empty()
        {
            super::print::complain(warnings.trim_end());
        }
        let HostFile {
            name,
            bytes,
            debug,
            applets,
            ..
        } = file;
        Ok(Fetched {
            name,
            bytes: bytes.into(),
            debug,
            applets,
        })
    })
}

/// Writes pictures for a script, into a folder or below it.
pub fn saver(folder: PathBuf) -> Save {
    Box::new(move |name, svg| save(&folder, name, svg))
}

fn save(folder: &Path, name: &str, svg: &str) -> Result<(), String> {
    let path = Path::new(name);
    let Some(file) = path.file_name().filter(|_| name.ends_with(".svg")) else {
        return Err("it is no name of a picture\nhelp: end it in .svg".to_owned());
    };
    let parent = path.parent().unwrap_or(Path::new(""));
    let path = confined(folder, &parent.to_string_lossy())?.join(file);
    match fs::symlink_metadata(&path) {
        Ok(there) if there.is_file() => {
            let is_picture = fs::read(&path).is_ok_and(|bytes| bytes.starts_with(b"<svg"));
            if !is_picture {
                return Err(
                    "it exists and is no picture of forklab; it is left as it is".to_owned(),
                );
            }
        }
        Ok(_) => return Err("it exists and is no file; it is left as it is".to_owned()),
        Err(_) => {}
    }
    fs::write(&path, svg).map_err(|error| reason(&error))
}

/// The file of that name, if it lies in the folder or below it, wherever links lead.
fn confined(folder: &Path, name: &str) -> Result<PathBuf, String> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let folder = folder.canonicalize().map_err(|error| reason(&error))?;
    let path = folder.join(name);
    let path = path.canonicalize().map_err(|error| reason(&error))?;
    if path.starts_with(&folder) {
        Ok(path)
    } else {
        Err("it lies outside of the script's folder".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_reaches_its_own_folder_only() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("inner");
        fs::create_dir_all(inner.join("deep")).unwrap();
        fs::write(outer.path().join("secret"), "x").unwrap();
        fs::write(inner.join("deep/data"), "x").unwrap();
        assert!(confined(&inner, "deep/data").is_ok());
        assert!(confined(&inner, "deep/../deep/data").is_ok());
        for name in ["../secret", "deep/../../secret", "/etc/passwd", "none"] {
            assert!(confined(&inner, name).is_err(), "{name}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(outer.path().join("secret"), inner.join("link")).unwrap();
            let refused = confined(&inner, "link").unwrap_err();
            assert!(refused.contains("outside"), "{refused}");
        }
    }

    #[test]
    fn only_pictures_are_written_and_replaced() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("inner");
        fs::create_dir_all(inner.join("deep")).unwrap();
        fs::write(inner.join("notes.svg"), "mine").unwrap();
        for name in ["a.svg", "deep/a.svg", "a.svg"] {
            assert_eq!(save(&inner, name, "<svg/>"), Ok(()), "{name}");
        }
        for name in [
            "a.txt",
            "../a.svg",
            "/a.svg",
            "notes.svg",
            "none/a.svg",
            ".svg/",
            "",
        ] {
            assert!(save(&inner, name, "<svg/>").is_err(), "{name}");
        }
        assert_eq!(fs::read(inner.join("notes.svg")).unwrap(), b"mine");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(outer.path().join("b.svg"), inner.join("b.svg")).unwrap();
            assert!(save(&inner, "b.svg", "<svg/>").is_err());
            std::os::unix::fs::symlink(outer.path(), inner.join("out")).unwrap();
            assert!(save(&inner, "out/c.svg", "<svg/>").is_err());
        }
        assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read_file(folder.path()).is_err());
    }
}
