//! What a script prints, with the picture of what ended it if it fails: what a snapshot keeps.

use crate::script::{Failure, FailureKind, Host, Limits, Session};
use std::sync::mpsc;

/// Draws a failure: it, the name of the script, its text.
pub type Draw = fn(&Failure, &str, &str) -> String;

/// What a script printed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transcript {
    /// Lines, each with its line break.
    pub text: String,
    /// Why it failed, if it did.
    pub failure: Option<FailureKind>,
}

/// Runs a script on a fresh machine. What it prints goes into the transcript only.
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
        // The other end lives until the session is gone.
        let _ = sink.send(line.to_owned());
        Ok(())
    });
    let mut session = Session::with_host(limits, host)?;
    let failure = session.run(source).err();
    let mut text: String = printed.try_iter().map(|line| line + "\n").collect();
    if let Some(failure) = &failure {
        text.push_str(&draw(failure, name, session.document()));
        text.push('\n');
    }
    Ok(Transcript {
        text,
        failure: failure.map(|failure| failure.kind),
    })
}
