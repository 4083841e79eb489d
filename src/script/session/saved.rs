//! A session as a script: the lines that are in effect, so that they can be played again.

use super::run::Session;
use super::timeline::{Effect, Input, Inside, Timeline};
use std::fmt::Write;

/// The first line of a saved session; the number is that of its form.
const HEADER: &str = "// forklab session 1";

/// A saved session.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Saved {
    /// The script.
    pub text: String,
    /// How many inputs it has.
    pub inputs: usize,
    /// How many are left out because they failed.
    pub failed: usize,
    /// How many are left out because they only looked.
    pub looked: usize,
}

impl Session {
    /// The inputs that are in effect, as a script. What has changed nothing is left out unless it
    /// has printed something; what failed halfway is caught. With `notes`, comments say what came of
    /// each.
    pub fn saved(&self, notes: bool) -> Saved {
        let mut saved = Saved {
            text: format!("{HEADER}\n"),
            ..Saved::default()
        };
        let Some(timeline) = &self.timeline else {
            return saved;
        };
        for (index, inside) in timeline.in_effect() {
            let input = timeline.input(index);
            match input.effect {
                Effect::Failed => saved.failed += 1,
                Effect::Looked if !input.printed => saved.looked += 1,
                _ => {
                    if let Some(inside) = inside {
                        go_inside(&mut saved.text, timeline, inside);
                    }
                    saved.inputs += 1;
                    write(&mut saved.text, input);
                    if notes {
                        note(&mut saved.text, input);
                    }
                }
            }
        }
        saved
    }
}

/// Whether a text is a session that was saved in a form that this version does not know; then, in
/// which.
pub fn unknown_form(text: &str) -> Option<&str> {
    let form = text.lines().next()?.strip_prefix("// forklab session ")?;
    (!HEADER.ends_with(&format!(" {form}"))).then_some(form)
}

/// Writes what leads to a place inside an input: the input, and the way back from its end.
fn go_inside(text: &mut String, timeline: &Timeline, Inside { index, place }: Inside) {
    let (tick, work) = place;
    write(text, timeline.input(index));
    // Writing to a string cannot fail.
    let _ = writeln!(text, "at({tick}, {work});");
}

fn write(text: &mut String, input: &Input) {
    let script = input.script.trim();
    let end = if script.ends_with([';', '}']) {
        ""
    } else {
        ";"
    };
    // Writing to a string cannot fail.
    let _ = match input.effect {
        Effect::FailedHalfway => writeln!(
            text,
            "try {{ {script}{end} }} catch {{ }}  // failed halfway"
        ),
        _ => writeln!(text, "{script}{end}"),
    };
}

/// Writes what came of an input, as comments.
fn note(text: &mut String, input: &Input) {
    for line in input.answer.iter().flat_map(|answer| answer.lines()) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "//   {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::unknown_form;

    #[test]
    fn a_session_of_another_form_is_recognised() {
        assert_eq!(unknown_form("// forklab session 1\nboot();"), None);
        assert_eq!(unknown_form("// forklab session 2\nboot();"), Some("2"));
        assert_eq!(unknown_form("boot();"), None);
    }
}
