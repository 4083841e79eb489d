//! A line at the prompt: run like any script, but its value is shown without `print`.

use super::run::Session;
use super::value::{Call, Task, View};
use crate::abi::Pid;
use crate::script::api::Trace;
use crate::script::errors::Failure;
use crate::script::help::function_docs;
use crate::view::{self, Line, Role, Since, Text, cell};
use rhai::{Dynamic, ImmutableString, Map};
use std::ops::RangeInclusive;

/// Numbers in this range are likely to be addresses of user memory: programs start there.
const ADDRESSES: RangeInclusive<i64> = 0x0804_8000..=0xbfff_ffff;

/// The result of a line, to be shown.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Shown {
    /// The text to show.
    pub text: Text,
}

impl Session {
    /// Runs a line. It can be undone.
    ///
    /// # Errors
    /// What went wrong and where. The machine is as the line left it.
    pub fn submit(&mut self, line: &str) -> Result<Shown, Failure> {
        let mut begun = self.begin_line(line);
        if let Some(call) = self.as_call(line) {
            begun.script = call;
        }
        let result = self.submit_text(&begun.script);
        self.end_line(begun, result.as_ref().err());
        result
    }

    /// Runs the text of a file for a line such as `:run FILE`. It can be undone.
    ///
    /// # Errors
    /// As [`Session::submit`].
    pub fn submit_file(&mut self, line: &str, file: &str, text: &str) -> Result<Shown, Failure> {
        let mut begun = self.begin_line(line);
        text.clone_into(&mut begun.script);
        self.pass_over(line);
        let input = self.document.begin_file(file);
        let result = self.submit_text(text);
        self.document.return_to_input(input);
        self.end_line(begun, result.as_ref().err());
        result
    }

    fn submit_text(&mut self, source: &str) -> Result<Shown, Failure> {
        let variables = self.scope.len();
        let boots = self.shared.look(|state| state.boot);
        self.shared
            .between_runs(|state| state.told = Since::now(&state.machine));
        let value = self.evaluate(source)?;
        let value = self.new_handle(variables).unwrap_or(value);
        self.last = value.clone();
        let since = self.shared.look(|state| state.told);
        let mut text = self.shown(value, since)?;
        if self.shared.look(|state| state.boot) != boots {
            text.lines.insert(0, self.booted());
        }
        Ok(Shown { text })
    }

    /// The message for a line that has booted a machine.
    fn booted(&self) -> Line {
        let config = self.machine(|machine| machine.kernel.config.clone());
        let (cpus, mem) = (config.cpus, config.mem >> 20);
        let plural = if cpus == 1 { "" } else { "s" };
        let text = format!("a fresh machine: {cpus} CPU{plural}, {mem} MiB; older tasks are gone");
        cell(Role::Plain, text)
    }

    /// The call that a line without parentheses stands for, after the same empty lines:
    /// `ps` alone means `ps()`, `help clone` means `help("clone")`, `tick 5` means `tick(5)`.
    fn as_call(&self, line: &str) -> Option<String> {
        let (lines_before, line) = line.split_at(line.len() - line.trim_start().len());
        let line = line.trim_end().trim_end_matches(';').trim_end();
        let (first, rest) = line
            .split_once(char::is_whitespace)
            .map_or((line, ""), |(first, rest)| (first, rest.trim()));
        if !is_name(first) || self.scope.contains(first) {
            return None;
        }
        if rest.is_empty() {
            return self
                .is_callable(first)
                .then(|| format!("{lines_before}{first}()"));
        }
        if let ("help" | "man", Some(word)) = (first, asked_about(rest)) {
            return Some(format!("{lines_before}help(\"{word}\")"));
        }
        let call = format!("{first}({rest})");
        let meant = self.takes_an_argument(first)
            && self.engine.compile(line).is_err()
            && self.engine.compile_expression(&call).is_ok();
        meant.then(|| format!("{lines_before}{call}"))
    }

    /// Whether there is a function of that name with one parameter.
    fn takes_an_argument(&self, name: &str) -> bool {
        let opening = format!("{name}(");
        let one = |signature: &str| {
            let arguments = signature.strip_prefix(&opening);
            arguments.is_some_and(|rest| rest != ")" && !rest.contains(','))
        };
        let scripted =
            |function: rhai::ScriptFnMetadata| function.name == name && function.params.len() == 1;
        ["print", "debug"].contains(&name)
            || function_docs().iter().any(|doc| one(&doc.signature))
            || self.library.ast.iter_functions().any(scripted)
    }

    /// Whether there is a function of that name without parameters.
    fn is_callable(&self, name: &str) -> bool {
        let ours = || {
            let signature = format!("{name}()");
            function_docs().iter().any(|doc| doc.signature == signature)
        };
        let scripted =
            |function: rhai::ScriptFnMetadata| function.name == name && function.params.is_empty();
        is_name(name) && (ours() || self.library.ast.iter_functions().any(scripted))
    }

    /// The handle that the line has stored in a new variable: `let sh = spawn("sh")`.
    fn new_handle(&self, variables: usize) -> Option<Dynamic> {
        if self.scope.len() <= variables {
            return None;
        }
        let (_, _, value) = self.scope.iter_raw().next()?;
        (value.is::<Task>() || value.is::<Call>()).then(|| value.flatten_clone())
    }

    /// A value, and what happened since then.
    fn shown(&self, value: Dynamic, since: Since) -> Result<Text, Failure> {
        if let Some(view) = value.read_lock::<View>() {
            return Ok(view.text.clone());
        }
        if let Some(trace) = value.read_lock::<Trace>() {
            return Ok(trace.numbered());
        }
        let mut text = self.machine(|machine| view::digest_since(machine, since));
        if let Some(task) = value.read_lock::<Task>()
            && self.shared.look(|state| state.boot == task.boot)
        {
            if !tells_of(&text, task.pid) {
                let line = self.machine(|machine| view::task_line(machine, task.id));
                text.lines.insert(0, line);
            }
            return Ok(text);
        }
        text.lines.extend(self.value_text(value)?.lines);
        Ok(text)
    }

    fn value_text(&self, value: Dynamic) -> Result<Text, Failure> {
        if value.is_unit() {
            return Ok(Text::default());
        }
        if let Some(map) = value.read_lock::<Map>() {
            return self.map_text(&map);
        }
        let plain = self.plain_text(value)?;
        Ok(plain.lines().map(|line| cell(Role::Plain, line)).collect())
    }

    /// The fields of a map, one per line.
    fn map_text(&self, map: &Map) -> Result<Text, Failure> {
        let width = map.keys().map(|key| key.as_str().len()).max().unwrap_or(0);
        let field = |(key, value): (&_, &Dynamic)| {
            let value = self.plain_text(value.clone())?;
            let key = format!("{key:width$}");
            Ok(cell(Role::Heading, key).plain("  ").plain(value))
        };
        map.iter().map(field).collect()
    }

    /// A value as it is written in a script. A string of several lines is shown as it is, and a
    /// number that may be an address in both notations.
    fn plain_text(&self, value: Dynamic) -> Result<String, Failure> {
        if let Ok(number) = value.as_int()
            && ADDRESSES.contains(&number)
        {
            return Ok(format!("{number}  {number:#x}"));
        }
        if let Some(string) = value.read_lock::<ImmutableString>()
            && string.contains('\n')
        {
            return Ok(string.to_string());
        }
        self.text_of(value, "value.to_debug()")
    }
}

/// Whether a text begins with that task, as the line about its creation does.
fn tells_of(text: &Text, pid: Pid) -> bool {
    let begins = |line: &Line| {
        line.spans
            .first()
            .is_some_and(|span| span.role == Role::Pid && span.text == pid.to_string())
    };
    text.lines.iter().any(begins)
}

/// The function that a request for help names: `fork`, `fork()`, `sh.fork()`.
fn asked_about(text: &str) -> Option<&str> {
    let call = text.split('(').next().unwrap_or_default();
    let name = call.rsplit('.').next().unwrap_or_default();
    let name = name.trim_matches(['"', ' ']);
    is_name(name).then_some(name)
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
