//! `--trace FILE`: the trace of a run, written while it runs.

use super::print::{complain, reason};
use crate::export::{Target, TraceFormat, Tracer};
use crate::machine::Machine;
use crate::script::Host;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A trace file that is being written.
pub(super) struct TraceFile {
    path: PathBuf,
    tracer: Tracer<Target>,
    /// Why it can no longer be written.
    error: Option<io::Error>,
}

impl TraceFile {
    /// Creates the file, so that it is known before the run whether that is possible. A file that
    /// is also read by the run is not overwritten.
    ///
    /// # Errors
    /// Why it cannot be written, in words for the user.
    pub(super) fn create(path: &Path, inputs: &[&Path]) -> Result<Self, String> {
        let name = path.display().to_string();
        let (format, path) = TraceFormat::of_name(&name).map_err(|why| format!("{name}: {why}"))?;
        let path = Path::new(path);
        let file = create(path, inputs)?;
        Ok(Self {
            path: path.to_owned(),
            tracer: Tracer::new(format, Target::new(file)),
            error: None,
        })
    }

    /// Writes what has happened.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn follow(&mut self, machine: &Machine) -> io::Result<()> {
        self.tracer.follow(machine).map_err(|error| {
            let kind = error.kind();
            self.error = Some(error);
            kind.into()
        })
    }

    /// Writes the end, and says what is missing.
    ///
    /// # Errors
    /// Why it cannot be written, in words for the user.
    pub(super) fn finish(self, machine: &Machine) -> Result<(), String> {
        let name = self.path.display();
        let unwritable =
            |error: io::Error| format!("{name}: cannot be written: {}", reason(&error));
        if let Some(error) = self.error {
            return Err(unwritable(error));
        }
        let (_, written) = self.tracer.finish(machine).map_err(unwritable)?;
        if written.missed > 0 {
            complain(&format!(
                "forklab: {name}: {} of {} events are missing: the trace had dropped them before \
                 they were written\nhelp: a larger --max-trace keeps more",
                written.missed,
                written.missed + written.events
            ));
        }
        Ok(())
    }
}

/// Creates a file that a run writes.
///
/// # Errors
/// Why it cannot be written, in words for the user.
pub(super) fn create(path: &Path, inputs: &[&Path]) -> Result<File, String> {
    let name = path.display();
    let same = |input: &&&Path| match (input.canonicalize(), path.canonicalize()) {
        (Ok(input), Ok(path)) => input == path,
        _ => false,
    };
    if inputs.iter().any(|input| same(&input)) {
        return Err(format!(
            "{name}: it is the file that is run; name another one"
        ));
    }
    File::create(path).map_err(|error| format!("{name}: cannot be written: {}", reason(&error)))
}

/// A trace file that a session writes and the front end ends.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Option<TraceFile>>>);

impl Shared {
    /// Lets a session write a trace.
    pub(super) fn attach(trace: TraceFile, host: &mut Host) -> Self {
        let shared = Self(Arc::new(Mutex::new(Some(trace))));
        let writer = shared.clone();
        host.watch = Some(Box::new(move |machine| match writer.lock().as_mut() {
            Some(trace) => trace.follow(machine),
            None => Ok(()),
        }));
        shared
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<TraceFile>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the trace.
    ///
    /// # Errors
    /// Why it cannot be written, in words for the user.
    pub(super) fn finish(&self, machine: &Machine) -> Result<(), String> {
        let trace = self.lock().take();
        trace.map_or(Ok(()), |trace| trace.finish(machine))
    }
}
