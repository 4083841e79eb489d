//! The statements of a lab's script. At the prompt each is an input of its own, so a lab is sound only
//! if it can be played like that: the same predictions, with the same answers.

use super::work;
use crate::course::{Key, Lab, key};
use crate::front::process::Process;
use crate::front::repl::{NAME, split};
use crate::front::style::visible;
use crate::script::{Failure, Rule, Session, Syntax};

/// The most characters of a statement that a message shows.
const MAX_SHOWN: usize = 60;

/// A statement of the lab's script.
pub(super) struct Step {
    pub(super) text: String,
    /// How many predictions it makes.
    pub(super) asks: usize,
}

/// The line that begins a lab at the prompt.
fn line(lab: &Lab) -> String {
    format!(":lab {}", lab.name)
}

/// Begins a lab on a fresh machine.
///
/// # Errors
/// If none can be booted, in words for the user.
pub(in crate::front) fn begin_on(
    session: &mut Session,
    lab: &Lab,
    seed: u64,
) -> Result<(), String> {
    session.reset(&line(lab))?;
    session.note_answer("");
    session.set_seed(seed);
    Ok(())
}

/// Carries out a statement with the answers to its predictions.
///
/// # Errors
/// As [`Session::submit_file`].
pub(super) fn carry_out(
    session: &mut Session,
    lab: &Lab,
    text: &str,
    answers: Vec<(Option<String>, Rule)>,
) -> Result<(), Failure> {
    session.answer_next(answers);
    session.begin_input();
    let result = session.submit_file(&line(lab), Lab::SCRIPT, text);
    session.note_answer("");
    session.ask_again();
    result.map(|_| ())
}

/// The statements of a lab's script, with the predictions that they make; and the right answers.
///
/// # Errors
/// If the script fails, as a whole or statement by statement.
pub(super) fn steps(lab: &Lab, seed: u64, process: &Process) -> Result<(Vec<Step>, Key), String> {
    let script = Lab::SCRIPT;
    work::with_grader(process, |grader| {
        let key = key(lab, seed, grader)?;
        if let Some(failure) = &key.failure {
            return Err(format!("{script} ends with an error: {failure}"));
        }
        let mut session = grader.session(lab, seed)?;
        session.remember();
        session.set_name(NAME);
        begin_on(&mut session, lab, seed)?;
        let syntax = Syntax::new(&process.limits);
        let (mut steps, mut asked) = (Vec::new(), 0);
        for text in split(&lab.script, &syntax).pieces {
            let right = key.predictions.iter().zip(lab.asked()).skip(asked);
            let right = right.map(|(it, task)| (Some(it.answer.clone()), task.rule.clone()));
            let before = session.predictions().len();
            carry_out(&mut session, lab, &text, right.collect()).map_err(|failure| {
                format!(
                    "{script} cannot be played at the prompt, where each statement is an input of \
                     its own: {}: {failure}",
                    beginning(&text)
                )
            })?;
            // A statement that goes to the past makes none, and may take some back.
            let made = session
                .predictions()
                .split_off(before.min(session.predictions().len()));
            for (made, wanted) in made
                .iter()
                .zip(&key.predictions[asked.min(key.predictions.len())..])
            {
                if made.answer != wanted.answer {
                    return Err(format!(
                        "{script} measures something else at the prompt, where each statement is \
                         an input of its own: {}: {} instead of {}",
                        beginning(&text),
                        made.answer,
                        wanted.answer
                    ));
                }
            }
            asked += made.len();
            let asks = made.len();
            steps.push(Step { text, asks });
        }
        if asked != key.predictions.len() {
            return Err(format!(
                "{script} makes {asked} predictions at the prompt, where each statement is an \
                 input of its own, but {} as a whole",
                key.predictions.len()
            ));
        }
        Ok((steps, key))
    })
}

/// How a statement begins, for a message.
fn beginning(text: &str) -> String {
    let mut lines = text.lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with("//"));
    let first = first.unwrap_or_default();
    let shown: String = first.chars().take(MAX_SHOWN).collect();
    let more = if shown.len() < first.len() { ".." } else { "" };
    visible(&format!("`{shown}{more}`"))
}

/// Whether the variants of a lab can be played at the prompt.
///
/// # Errors
/// If not, which one and why.
pub(super) fn can_play(lab: &Lab, process: &Process) -> Result<(), String> {
    (0..lab.seeds).try_for_each(|seed| {
        let played = steps(lab, seed, process).map(|_| ());
        played.map_err(|why| format!("seed {seed}: {why}"))
    })
}
