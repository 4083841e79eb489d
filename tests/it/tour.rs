//! `docs/tour.md` is a session at the prompt: what it says is typed is typed here, in one session,
//! and what it shows is what comes out.

use forklab::front::{Colors, Shell};
use forklab::script::{Host, Limits};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};

/// How the session is started.
const START: &str = "$ forklab";

/// What is typed in a line, if the line begins with a prompt such as `[1] 0 ms> `,
/// `[9] 3 ms 2:hog> `, `[9] 3 ms (before line 7)> ` or `[9] 3 ms (in line 7, before event 51)> `.
fn typed(line: &str) -> Option<&str> {
    let (prompt, typed) = line.split_once("> ")?;
    let (number, prompt) = prompt.strip_prefix('[')?.split_once("] ")?;
    number.parse::<usize>().ok()?;
    let prompt = prompt.split(" (").next()?;
    let mut words = prompt.split(' ');
    let time = words.next()?.parse::<u64>().is_ok() && words.next() == Some("ms");
    let task = words.next().is_none_or(|task| task.contains(':'));
    (time && task && words.next().is_none()).then_some(typed)
}

/// The document as it should be: the same prose, the same lines typed, and what comes out today.
fn replayed(document: &str) -> String {
    let (print, printed) = mpsc::channel();
    let answers: Arc<Mutex<VecDeque<String>>> = Arc::default();
    let mut host = Host::printing(Box::new({
        let print = print.clone();
        move |line| {
            print.send(line.to_owned()).unwrap();
            Ok(())
        }
    }));
    let asked = Arc::clone(&answers);
    host.ask = Some(Box::new(move |question| {
        let answer = asked.lock().unwrap().pop_front();
        print
            .send(format!("{question} {}", answer.as_deref().unwrap_or("")))
            .unwrap();
        Ok(answer)
    }));
    let mut shell = Shell::new(Limits::default(), host, Colors::Off).unwrap();

    let mut text = String::new();
    let mut in_block = false;
    let mut lines = document.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            in_block = !in_block;
        }
        if !in_block || line.starts_with("```") {
            text += &format!("{line}\n");
            continue;
        }
        let mut shown = Vec::new();
        while let Some(next) = lines.next_if(|next| typed(next).is_none() && *next != "```") {
            shown.push(next);
        }
        if line == START {
            text += &format!("{START}\n{}\n", shell.greeting());
            continue;
        }
        let typed = typed(line).unwrap_or_else(|| panic!("no prompt begins {line:?}"));
        // Whoever is asked answers what the document shows behind the question.
        *answers.lock().unwrap() = shown
            .iter()
            .filter_map(|line| line.rsplit_once("? "))
            .map(|(_, answer)| answer.to_owned())
            .collect();
        text += &format!("{}{typed}\n", shell.prompt());
        let answer = shell.submit(typed);
        text.extend(printed.try_iter().map(|line| line + "\n"));
        if !answer.text.is_empty() {
            text += &format!("{}\n", answer.text);
        }
    }
    text
}

#[test]
fn the_tour_shows_what_the_prompt_says() {
    let document = std::fs::read_to_string("docs/tour.md").unwrap();
    let now = replayed(&document);
    if now == document {
        return;
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tour.md");
    std::fs::write(&path, &now).unwrap();
    let first = document.lines().zip(now.lines()).position(|(a, b)| a != b);
    let at = first.unwrap_or_else(|| document.lines().count().min(now.lines().count()));
    panic!(
        "docs/tour.md differs at line {}:\n- {}\n+ {}\nas it should be: {}",
        at + 1,
        document.lines().nth(at).unwrap_or_default(),
        now.lines().nth(at).unwrap_or_default(),
        path.display()
    );
}

#[test]
fn prompts_are_told_from_what_they_lead_to() {
    for (line, wanted) in [
        ("[1] 0 ms> let x = 1", Some("let x = 1")),
        ("[42] 100 ms 2:hog> tick(3) > 2", Some("tick(3) > 2")),
        ("[42] 100 ms (before line 3)> ps", Some("ps")),
        ("[42, 7]", None),
        ("100 ms passed: 8 switches", None),
        ("      active[125]  [2] -> 3 [2]", None),
        ("3 > 2", None),
    ] {
        assert_eq!(typed(line), wanted, "{line}");
    }
}
