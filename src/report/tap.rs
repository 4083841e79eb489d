//! The Test Anything Protocol, version 14.

use super::{Case, Outcome, Report, Score};

/// A report in TAP.
pub fn tap(report: &Report) -> String {
    let count: usize = report.suites.iter().map(|suite| suite.cases.len()).sum();
    let mut text = format!("TAP version 14\n1..{count}\n");
    let mut nr = 0;
    for suite in &report.suites {
        let score = suite.score.iter().map(ToString::to_string);
        for told in score.chain(suite.notes.iter().cloned()) {
            text.push_str(&format!("# {}\n", line(&format!("{}: {told}", suite.name))));
        }
        for case in &suite.cases {
            nr += 1;
            text.push_str(&of_case(nr, &suite.name, case));
        }
    }
    text
}

fn of_case(nr: usize, suite: &str, case: &Case) -> String {
    let name = description(&format!("{suite}: {}", case.name));
    let (ok, why, details) = match &case.outcome {
        Outcome::Passed => ("ok", None, ""),
        Outcome::Failed { why, details } => ("not ok", Some(why), details.as_str()),
        Outcome::Unusable { why } => ("not ok", Some(why), ""),
    };
    let mut block = String::new();
    if let Some(why) = why {
        block.push_str(&format!("  message: {}\n", quoted(why)));
    }
    if !details.is_empty() {
        block.push_str(&format!("  details: {}\n", quoted(details)));
    }
    if let Some(Score { points, of }) = case.score {
        block.push_str(&format!("  points: {points}\n  of: {of}\n"));
    }
    let result = format!("{ok} {nr} - {name}\n");
    if block.is_empty() {
        return result;
    }
    format!("{result}  ---\n{block}  ...\n")
}

/// A text on one line.
fn line(text: &str) -> String {
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(blank).collect()
}

/// A description on one line, in which nothing looks like a directive.
fn description(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '\\' | '#' => escaped.extend(['\\', c]),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A string in YAML, which reads those of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn a_report_in_tap() {
        insta::assert_snapshot!(tap(&example()), @r#"
        TAP version 14
        1..4
        ok 1 - scripts: cow.rhai
        not ok 2 - scripts: a\#b \\ <c>  d
          ---
          message: "differs & \"more\" \u001b[1m"
          details: "- 1\n+ 2 ]]> \u0000"
          ...
        # other: 1.5 of 2 points
        # other: to be noticed  here
        not ok 3 - other: x
          ---
          message: "not UTF-8 text"
          ...
        ok 4 - other: y
          ---
          points: 1.5
          of: 2
          ...
        "#);
    }
}
