//! Predictions: answer first, then see.

use super::convert::Result;
use super::text::text_of;
use crate::script::errors::ScriptError;
use crate::script::session::{Prediction, Share, Shared, is_possible, outcome};
use crate::trace::TraceEvent;
use crate::view::{self, Since};
use rhai::plugin::*;
use rhai::{Array, Dynamic, EvalAltResult, FUNC_TO_STRING, FnPtr, Map, NativeCallContext};

/// The result of a call, held back until the prediction is made.
struct Held {
    since: Since,
    /// Its value as a string, if it has one.
    value: Option<String>,
    /// The name of the error that it threw.
    error: Option<String>,
}

/// Makes a call while holding back everything that it prints.
fn hold(ctx: &NativeCallContext, shared: &Shared, call: &FnPtr) -> Result<Held> {
    shared.hold_output()?;
    let since = shared.with(|state| Since::now(&state.machine))?;
    let result: Result<Dynamic> = call.call_within_context(ctx, ());
    let result = result.and_then(|value| {
        let has_value = (!value.is_unit()).then_some(value);
        has_value.map(|value| answer_of(ctx, &value)).transpose()
    });
    let (value, error) = match result {
        Ok(value) => (value, None),
        Err(error) => match thrown_name(&error) {
            Some(name) => (None, Some(name)),
            None => {
                shared.release_output()?;
                return Err(error);
            }
        },
    };
    Ok(Held {
        since,
        value,
        error,
    })
}

/// The name of the errno or signal that a call of the emulated kernel ended with.
fn thrown_name(error: &EvalAltResult) -> Option<String> {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => thrown_name(inner),
        EvalAltResult::ErrorRuntime(value, _) => {
            let ours = value.read_lock::<ScriptError>()?;
            (!ours.name.is_empty()).then(|| ours.name.clone())
        }
        _ => None,
    }
}

/// A value as an answer; booleans become yes and no.
fn answer_of(ctx: &NativeCallContext, value: &Dynamic) -> Result<String> {
    match value.as_bool() {
        Ok(true) => Ok("yes".to_owned()),
        Ok(false) => Ok("no".to_owned()),
        Err(_) => text_of(ctx, FUNC_TO_STRING, value),
    }
}

/// A question and its possible answers; an empty list accepts any answer.
#[derive(Clone, Copy)]
struct Question<'a> {
    text: &'a str,
    answers: &'static [&'static str],
}

impl<'a> Question<'a> {
    const fn open(text: &'a str) -> Self {
        Self { text, answers: &[] }
    }
}

/// How many impossible answers are tolerated.
const MAX_ASKED: usize = 5;

/// Asks until the answer is a possible one. Enter alone means no answer.
fn ask(shared: &Shared, question: Question) -> Result<Option<String>> {
    let mut text = question.text.to_owned();
    for _ in 0..MAX_ASKED {
        match shared.ask(&text)? {
            None => return Ok(None),
            Some(given) if given.trim().is_empty() => return Ok(None),
            Some(given) if is_possible(&given, question.answers) => return Ok(Some(given)),
            Some(given) => {
                text = format!(
                    "{} is none of these (Enter alone: no answer): {}",
                    given.trim(),
                    question.text
                );
            }
        }
    }
    Ok(None)
}

/// Asks unless the script has given the answer, then reveals, explains and records it.
fn settle(
    shared: &Shared,
    question: Question,
    answer: &str,
    given: Option<String>,
    since: Option<Since>,
) -> Result<()> {
    let (asks_all, rule, beforehand) = shared.with(|state| {
        let beforehand = state.answer_beforehand();
        (state.host.ask_all, state.next_rule(), beforehand)
    })?;
    let given = given.filter(|_| !asks_all);
    let scripted = given.is_some();
    let is_right = |given: &str| rule.share(given, answer) == Share::ALL;
    let given = match (beforehand, given) {
        (Some(given), _) => given,
        (None, Some(given)) => Some(given),
        (None, None) => ask(shared, question)?,
    };
    let asked = shared.with(|state| state.host.ask.is_some())?;
    let right = given.as_deref().is_some_and(is_right);
    shared.release_output()?;
    if scripted || !asked {
        // At the prompt, the user has already seen the question.
        shared.print(&format!(
            "{} {}",
            question.text,
            given.as_deref().unwrap_or("(no answer)")
        ));
    }
    let items = given.as_deref().and_then(|given| rule.items(given, answer));
    let verdict = match (&given, right, items) {
        (_, true, _) => "Right".to_owned(),
        (Some(_), false, Some((some @ 1.., of))) => format!("Partly right, {some} of {of}"),
        (Some(_), false, _) => "No".to_owned(),
        (None, ..) => "It is".to_owned(),
    };
    shared.print(&format!("{verdict}: {answer}"));
    let missed = given.is_some() && !right;
    let explanation = shared.with(|state| {
        let told = since.map(|since| view::digest_since(&state.machine, since));
        let told = told.unwrap_or_default();
        if since.is_some() {
            state.told = Since::now(&state.machine);
        }
        let before = state.decided;
        if let Some(since) = since.filter(|_| !told.lines.is_empty()) {
            state.decided = since;
        }
        // A question about a value: what decided it has happened before.
        if missed && told.lines.is_empty() {
            view::digest_since(&state.machine, before)
        } else {
            told
        }
    })?;
    for line in &explanation.lines {
        shared.print(&format!("  {line}"));
    }
    shared.with(|state| {
        state.predictions.push(Prediction {
            question: question.text.to_owned(),
            given,
            answer: answer.to_owned(),
            right,
            possible: question.answers,
        });
    })
}

fn predict_call_with(ctx: &NativeCallContext, call: &FnPtr, given: Option<String>) -> Result<()> {
    let shared = Shared::of(ctx)?;
    let held = hold(ctx, &shared, call)?;
    let events: Vec<TraceEvent> = shared.with(|state| {
        let records = state.machine.kernel.log.records_from(held.since.seq);
        records
            .filter(|record| !record.console)
            .map(|record| record.event)
            .collect()
    })?;
    let came = outcome(&events, held.error.as_deref(), held.value.as_deref());
    let question = Question {
        text: came.question,
        answers: came.answers,
    };
    settle(&shared, question, &came.answer, given, Some(held.since))
}

fn predict_question(
    ctx: &NativeCallContext,
    question: &str,
    answer: &Dynamic,
    given: Option<String>,
) -> Result<()> {
    let shared = Shared::of(ctx)?;
    let question = Question::open(question);
    let Some(call) = answer.read_lock::<FnPtr>().map(|call| call.clone()) else {
        return settle(&shared, question, &answer_of(ctx, answer)?, given, None);
    };
    let held = hold(ctx, &shared, &call)?;
    let events: Vec<TraceEvent> = shared.with(|state| {
        let records = state.machine.kernel.log.records_from(held.since.seq);
        records.map(|record| record.event).collect()
    })?;
    let right = match (held.error, held.value) {
        (Some(error), _) => error,
        (None, Some(value)) => value,
        (None, None) => outcome(&events, None, None).answer,
    };
    settle(&shared, question, &right, given, Some(held.since))
}

#[export_module]
pub mod functions {
    /// Asks what a call will do, makes it, and says whether you were right and why. At the prompt
    /// you are asked; a script without anybody to ask just gets the answer.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// predict(|| sh.write(a, 1));
    /// ```
    #[rhai_fn(name = "predict", return_raw)]
    pub fn predict_call(ctx: NativeCallContext, call: FnPtr) -> Result<()> {
        predict_call_with(&ctx, &call, None)
    }

    /// `predict` with the prediction in the script: `"copy"`, `"reuse"`, `"new frame"`, `"zero
    /// page"`, `"file page"`, `"file copy"`, `"no fault"` or `"SIGSEGV"` for a memory access;
    /// `"parent"`, `"child"` or an error for a fork; the return value for other calls. Or a
    /// question with its answer, which may be a closure that computes it.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// let a = sh.mmap(4*KiB);
    /// predict(|| sh.write(a, 1), "copy");
    /// predict("how many frames has sh now?", || sh.mm.rss);
    /// ```
    #[rhai_fn(name = "predict", return_raw)]
    pub fn predict_given(ctx: NativeCallContext, what: Dynamic, answer: Dynamic) -> Result<()> {
        if let Some(call) = what.read_lock::<FnPtr>().map(|call| call.clone()) {
            return predict_call_with(&ctx, &call, Some(answer_of(&ctx, &answer)?));
        }
        let question = text_of(&ctx, FUNC_TO_STRING, &what)?;
        predict_question(&ctx, &question, &answer, None)
    }

    /// `predict` with a question, its answer (a value, or a closure that computes it), and your
    /// prediction. A list may be written without brackets and commas; `true` and `false` are yes
    /// and no.
    ///
    /// ```rhai
    /// let sh = spawn("sh");
    /// predict("which pid gets the child?", || sh.fork().pid, 3);
    /// ```
    #[rhai_fn(name = "predict", return_raw)]
    pub fn predict_answered(
        ctx: NativeCallContext,
        question: &str,
        answer: Dynamic,
        given: Dynamic,
    ) -> Result<()> {
        let given = answer_of(&ctx, &given)?;
        predict_question(&ctx, question, &answer, Some(given))
    }

    /// The predictions so far: `question`, `given`, `answer`, `right`.
    ///
    /// ```rhai
    /// predict("1 + 1?", 2, 3);
    /// assert(!predictions()[0].right);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn predictions(ctx: NativeCallContext) -> Result<Array> {
        let all = Shared::of(&ctx)?.with(|state| state.predictions.clone())?;
        let entry = |prediction: Prediction| {
            let mut map = Map::new();
            map.insert("question".into(), prediction.question.into());
            map.insert(
                "given".into(),
                prediction.given.map_or(Dynamic::UNIT, Dynamic::from),
            );
            map.insert("answer".into(), prediction.answer.into());
            map.insert("right".into(), prediction.right.into());
            Dynamic::from(map)
        };
        Ok(all.into_iter().map(entry).collect())
    }
}
