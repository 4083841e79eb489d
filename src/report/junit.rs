//! JUnit XML, as CI systems read it.

use super::{Outcome, Report};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite, XmlString};

/// A report in JUnit XML. It has no times: these would differ from run to run.
pub fn junit(report: &Report) -> String {
    let mut xml = quick_junit::Report::new(line(&report.name));
    for suite in &report.suites {
        let name = line(&suite.name);
        let mut group = TestSuite::new(name.clone());
        for case in &suite.cases {
            let mut test = TestCase::new(line(&case.name), status(&case.outcome));
            test.set_classname(name.clone());
            if let Some(score) = case.score {
                test.set_system_out(score.to_string());
            }
            group.add_test_case(test);
        }
        let score = suite.score.iter().map(ToString::to_string);
        let told: Vec<String> = score.chain(suite.notes.iter().cloned()).collect();
        if !told.is_empty() {
            group.set_system_out(plain(&told.join("\n")));
        }
        xml.add_test_suite(group);
    }
    // Only writing to the string could fail.
    let text = xml.to_string().unwrap_or_else(|error| error.to_string());
    // Published schemas have this count for each suite, but not for all of them. It is the first one
    // in the text: quotation marks in the name before it are escaped.
    text.replacen(" skipped=\"0\"", "", 1)
}

fn status(outcome: &Outcome) -> TestCaseStatus {
    let (kind, why, details) = match outcome {
        Outcome::Passed => return TestCaseStatus::success(),
        Outcome::Failed { why, details } => (NonSuccessKind::Failure, why, details.as_str()),
        Outcome::Unusable { why } => (NonSuccessKind::Error, why, ""),
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(line(why));
    if !details.is_empty() {
        status.set_description(plain(details));
    }
    status
}

/// A text on one line: an attribute loses its line breaks.
fn line(text: &str) -> XmlString {
    plain(&text.replace(['\n', '\t'], " "))
}

/// A text without what XML cannot hold.
fn plain(text: &str) -> XmlString {
    let fits = |c: char| {
        if c.is_control() && c != '\n' && c != '\t' {
            '\u{fffd}'
        } else {
            c
        }
    };
    XmlString::new(text.chars().map(fits).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn a_report_in_junit_xml() {
        insta::assert_snapshot!(junit(&example()), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="forklab" tests="4" failures="1" errors="1">
            <testsuite name="scripts" tests="2" skipped="0" errors="0" failures="1">
                <testcase name="cow.rhai" classname="scripts"/>
                <testcase name="a#b \ &lt;c&gt;� d" classname="scripts">
                    <failure message="differs &amp; &quot;more&quot; �[1m">- 1
        + 2 ]]&gt; �</failure>
                </testcase>
            </testsuite>
            <testsuite name="empty" tests="0" skipped="0" errors="0" failures="0"/>
            <testsuite name="other" tests="2" skipped="0" errors="1" failures="0">
                <testcase name="x" classname="other">
                    <error message="not UTF-8 text"/>
                </testcase>
                <testcase name="y" classname="other">
                    <system-out>1.5 of 2 points</system-out>
                </testcase>
                <system-out>1.5 of 2 points
        to be noticed�
        here</system-out>
            </testsuite>
        </testsuites>
        "#);
    }
}
