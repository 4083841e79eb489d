//! What a script prints, followed by the picture of its failure if it fails: the contents of a
//! snapshot.

use crate::script::{Failure, FailureKind, Host, Limits, Session};
use crate::view::changed_kernel;
use std::sync::mpsc;

/// Draws a failure, given the name of the script and its text.
pub type Draw = fn(&Failure, &str, &str) -> String;

/// The output of a script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transcript {
    /// Its lines, each with a newline.
    pub text: String,
    /// Why it failed, if it did.
    pub failure: Option<FailureKind>,
    /// Whether it was refused memory of the host, which other sessions of the process share.
    pub was_refused_memory: bool,
}

/// Runs a script on a fresh machine. Its output goes only into the transcript.
///
/// # Errors
/// If no machine can be booted, in words for the user.
pub fn transcript(
    limits: Limits,
    mut host: Host,
    name: &str,
    source: &str,
    draw: Draw,
) -> Result<Transcript, String> {
    let (sink, printed) = mpsc::channel();
    host.out = Box::new(move |line| {
        // The receiver lives until the session is gone.
        let _ = sink.send(line.to_owned());
        Ok(())
    });
    let mut session = Session::with_host(limits, host)?;
    session.set_name(name);
    let failure = session.run(source).err();
    let mut text: String = printed.try_iter().map(|line| line + "\n").collect();
    if let Some(mark) = session.machine(changed_kernel) {
        text.push_str(&mark);
        text.push('\n');
    }
    if let Some(failure) = &failure {
        text.push_str(&draw(failure, name, session.document()));
        text.push('\n');
    }
    Ok(Transcript {
        text,
        failure: failure.map(|failure| failure.kind),
        was_refused_memory: session.was_refused_memory(),
    })
}
