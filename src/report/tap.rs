//! The Test Anything Protocol, version 14.

use super::{Outcome, Report};

/// A report in TAP.
pub fn tap(report: &Report) -> String {
    let cases = || {
        let of = |suite: &'_ super::Suite| suite.name.clone();
        report
            .suites
            .iter()
            .flat_map(move |suite| suite.cases.iter().map(move |case| (of(suite), case)))
    };
    let mut text = format!("TAP version 14\n1..{}\n", cases().count());
    for (nr, (suite, case)) in cases().enumerate() {
        let name = description(&format!("{suite}: {}", case.name));
        let (ok, why, details) = match &case.outcome {
            Outcome::Passed => ("ok", None, ""),
            Outcome::Failed { why, details } => ("not ok", Some(why), details.as_str()),
            Outcome::Unusable { why } => ("not ok", Some(why), ""),
        };
        text.push_str(&format!("{ok} {} - {name}\n", nr + 1));
        if let Some(why) = why {
            text.push_str(&format!("  ---\n  message: {}\n", quoted(why)));
            if !details.is_empty() {
                text.push_str(&format!("  details: {}\n", quoted(details)));
            }
            text.push_str("  ...\n");
        }
    }
    text
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
        1..3
        ok 1 - scripts: cow.rhai
        not ok 2 - scripts: a\#b \\ <c>  d
          ---
          message: "differs & \"more\" \u001b[1m"
          details: "- 1\n+ 2 ]]> \u0000"
          ...
        not ok 3 - other: x
          ---
          message: "not UTF-8 text"
          ...
        "#);
    }
}
