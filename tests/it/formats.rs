//! The published grammars of report formats, and whether a report follows them. Each function returns
//! the number of results in the report and panics where it breaks a rule.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::Value;

/// An element of JUnit XML: its name, the elements around it, required and optional attributes, and
/// whether it holds text. As in the schema `junit-10.xsd` of Jenkins' xUnit plugin.
struct Element {
    name: &'static str,
    within: &'static [&'static str],
    required: &'static [&'static str],
    optional: &'static [&'static str],
    text: bool,
}

const ELEMENTS: [Element; 8] = [
    Element {
        name: "testsuites",
        within: &[""],
        required: &[],
        optional: &["name", "time", "tests", "failures", "errors"],
        text: false,
    },
    Element {
        name: "testsuite",
        within: &["", "testsuites", "testsuite"],
        required: &["name", "tests", "failures", "errors"],
        optional: &[
            "group",
            "time",
            "skipped",
            "timestamp",
            "hostname",
            "id",
            "package",
            "file",
            "log",
            "url",
        ],
        text: false,
    },
    Element {
        name: "testcase",
        within: &["testsuite"],
        required: &["name"],
        optional: &["time", "classname", "group"],
        text: false,
    },
    Element {
        name: "failure",
        within: &["testcase"],
        required: &[],
        optional: &["type", "message"],
        text: true,
    },
    Element {
        name: "error",
        within: &["testcase"],
        required: &[],
        optional: &["type", "message"],
        text: true,
    },
    Element {
        name: "skipped",
        within: &["testcase"],
        required: &[],
        optional: &["type", "message"],
        text: true,
    },
    Element {
        name: "system-out",
        within: &["testcase", "testsuite"],
        required: &[],
        optional: &[],
        text: true,
    },
    Element {
        name: "system-err",
        within: &["testcase", "testsuite"],
        required: &[],
        optional: &[],
        text: true,
    },
];

/// Checks JUnit XML; returns the number of test cases.
pub fn junit(xml: &str) -> usize {
    let is_character = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(
        xml.chars().all(is_character),
        "a character that XML forbids"
    );
    let mut reader = Reader::from_str(xml);
    let mut open: Vec<String> = Vec::new();
    let mut cases = 0;
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => {
                open.push(element(&tag, open.last()));
                cases += usize::from(open.last().unwrap() == "testcase");
            }
            Event::Empty(tag) => {
                cases += usize::from(element(&tag, open.last()) == "testcase");
            }
            Event::End(_) => {
                open.pop().unwrap();
            }
            Event::Text(text) => {
                let text = text.decode().unwrap();
                let name = open.last().map_or("", String::as_str);
                let holds = ELEMENTS
                    .iter()
                    .any(|element| element.name == name && element.text);
                assert!(holds || text.trim().is_empty(), "{text:?} in {name}");
            }
            Event::Eof => break,
            Event::Decl(_) | Event::GeneralRef(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(open.is_empty(), "{open:?} is left open");
    cases
}

/// Checks an element; returns its name.
fn element(tag: &BytesStart, around: Option<&String>) -> String {
    let name = String::from_utf8(tag.name().as_ref().to_vec()).unwrap();
    let known = ELEMENTS.iter().find(|element| element.name == name);
    let known = known.unwrap_or_else(|| panic!("an element {name}"));
    let around = around.map_or("", String::as_str);
    assert!(known.within.contains(&around), "{name} in {around}");
    let mut missing = known.required.to_vec();
    for attribute in tag.attributes() {
        let attribute = attribute.unwrap();
        let key = std::str::from_utf8(attribute.key.as_ref())
            .unwrap()
            .to_owned();
        assert!(
            known.required.contains(&key.as_str()) || known.optional.contains(&key.as_str()),
            "{name} has an attribute {key}"
        );
        missing.retain(|required| *required != key);
    }
    assert!(missing.is_empty(), "{name} lacks {missing:?}");
    name
}

/// Checks TAP version 14; returns the number of test points.
pub fn tap(text: &str) -> usize {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("TAP version 14"));
    let plan = lines.next().unwrap().strip_prefix("1..").unwrap();
    let plan: usize = plan.parse().unwrap();
    let mut points = 0;
    // The lines of a block of diagnostics: YAML, indented by two.
    let mut block: Option<Vec<&str>> = None;
    for line in lines {
        if let Some(yaml) = &mut block {
            if line == "  ..." {
                for entry in yaml.drain(..) {
                    let (_, value) = entry.split_once(": ").unwrap();
                    // A text in quotes or a number.
                    let read: Value = serde_json::from_str(value).unwrap();
                    assert!(read.is_string() || read.is_number(), "{entry}");
                }
                block = None;
            } else {
                yaml.push(line.strip_prefix("  ").unwrap());
            }
            continue;
        }
        if line.starts_with("# ") {
            assert!(!line.contains(char::is_control), "{line:?}");
            continue;
        }
        if line == "  ---" {
            assert!(points > 0);
            block = Some(Vec::new());
            continue;
        }
        points += 1;
        let rest = line.strip_prefix("not ").unwrap_or(line);
        let rest = rest.strip_prefix("ok ").unwrap_or_else(|| panic!("{line}"));
        let (number, description) = rest.split_once(" - ").unwrap();
        assert_eq!(number.parse(), Ok(points), "{line}");
        // A directive follows a number sign that is not escaped.
        let bare = description.replace("\\\\", "").replace("\\#", "");
        assert!(!bare.contains('#') && !bare.contains('\\'), "{line}");
        assert!(!bare.contains(char::is_control), "{line:?}");
    }
    assert!(block.is_none(), "a block without an end");
    assert_eq!(points, plan);
    points
}

/// Checks the `results.json` of a Gradescope autograder by its documented fields; returns the score.
pub fn gradescope(text: &str) -> f64 {
    let results: Value = serde_json::from_str(text).unwrap();
    fields(
        &results,
        &[
            "score",
            "execution_time",
            "output",
            "output_format",
            "test_output_format",
            "test_name_format",
            "visibility",
            "stdout_visibility",
            "extra_data",
            "tests",
            "leaderboard",
        ],
    );
    for test in results["tests"].as_array().unwrap() {
        fields(
            test,
            &[
                "score",
                "max_score",
                "status",
                "name",
                "name_format",
                "number",
                "output",
                "output_format",
                "tags",
                "visibility",
                "extra_data",
            ],
        );
        let (score, most) = (
            test["score"].as_f64().unwrap(),
            test["max_score"].as_f64().unwrap(),
        );
        assert!((0.0..=most).contains(&score), "{test}");
    }
    results["score"].as_f64().unwrap()
}

/// Checks the fields of an object that Gradescope knows, and the values of those with few values.
fn fields(object: &Value, known: &[&str]) {
    for (name, value) in object.as_object().unwrap() {
        assert!(known.contains(&name.as_str()), "a field {name}");
        let values: &[&str] = match name.as_str() {
            "visibility" | "stdout_visibility" => {
                &["hidden", "after_due_date", "after_published", "visible"]
            }
            "status" => &["passed", "failed"],
            "output_format" | "test_output_format" | "name_format" | "test_name_format" => {
                &["text", "html", "simple_format", "md", "ansi"]
            }
            _ => continue,
        };
        assert!(values.contains(&value.as_str().unwrap()), "{name}: {value}");
    }
}

/// The checks themselves: each of these breaks a rule.
#[test]
fn what_breaks_a_grammar_is_noticed() {
    let suite = |inner: &str| {
        format!("<testsuite name=\"a\" tests=\"1\" failures=\"0\" errors=\"0\">{inner}</testsuite>")
    };
    assert_eq!(junit(&suite("<testcase name=\"x\"/>")), 1);
    let broken =
        |check: fn(&str) -> usize, text: &str| std::panic::catch_unwind(|| check(text)).is_err();
    for xml in [
        suite("<testcase/>"),
        suite("<testcase name=\"x\" skipped=\"0\"/>"),
        suite("<failure/>"),
        suite("text"),
        suite("<testcase name=\"x\"><other/></testcase>"),
        "<testsuites skipped=\"0\"/>".to_owned(),
        suite("\u{1}"),
    ] {
        assert!(broken(junit, &xml), "{xml}");
    }
    assert_eq!(tap("TAP version 14\n1..1\nok 1 - a \\# b\n"), 1);
    for text in [
        "1..0\n",
        "TAP version 14\n1..2\nok 1 - a\n",
        "TAP version 14\n1..1\nok 2 - a\n",
        "TAP version 14\n1..1\nok 1 - a # skip\n",
        "TAP version 14\n1..1\nok 1 - a\n  ---\n",
    ] {
        assert!(broken(tap, text), "{text}");
    }
}
