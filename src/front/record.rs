//! The transcript of a batch run: each script and what it printed, as a document to hand in.

use super::markdown::fenced;
use super::print::reason;
use crate::script::Host;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::sync::mpsc::{self, Receiver};

/// A transcript that is written when the run is over.
pub(super) struct Record {
    file: File,
    text: String,
}

impl Record {
    /// Creates the file, so that it is known before the run whether that is possible.
    ///
    /// # Errors
    /// Why it is not, in words for the user.
    pub(super) fn create(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let file = File::create_new(path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => {
                format!("{name} exists and is left as it is; name another file for --transcript")
            }
            _ => format!("{name} cannot be written: {}", reason(&error)),
        })?;
        Ok(Self {
            file,
            text: String::new(),
        })
    }

    /// Listens to what a script prints.
    pub(super) fn listen(host: Host) -> (Host, Receiver<String>) {
        let (sink, printed) = mpsc::channel();
        let (mut out, show) = (host.out, host.show);
        let lines = sink.clone();
        // Nobody else holds the receiver, so sending fails only when nobody listens any more.
        let heard = Host {
            out: Box::new(move |line| {
                let _ = lines.send(line.to_owned());
                out(line)
            }),
            show: show.map(|mut show| -> crate::script::Show {
                Box::new(move |view| {
                    let _ = sink.send(view.to_string());
                    show(view)
                })
            }),
            ..host
        };
        (heard, printed)
    }

    /// Adds a script, what it has printed, and how it has failed, if it has.
    pub(super) fn add(&mut self, name: &str, script: &str, printed: &[String], failure: &str) {
        let mut output = printed.join("\n");
        if !failure.is_empty() {
            output.push_str(if output.is_empty() { "" } else { "\n" });
            output.push_str(failure.trim_end());
        }
        let (script, output) = (fenced("rhai", script), fenced("text", &output));
        // Writing to a string cannot fail.
        let _ = write!(self.text, "# {name}\n\n{script}\n{output}\n");
    }

    /// Writes the transcript.
    ///
    /// # Errors
    /// Why it could not be written, in words for the user.
    pub(super) fn write(mut self) -> Result<(), String> {
        let written = self.file.write_all(self.text.trim_end().as_bytes());
        let ended = written.and_then(|()| self.file.write_all(b"\n"));
        ended.map_err(|error| format!("the transcript cannot be written: {}", reason(&error)))
    }
}
