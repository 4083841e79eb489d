//! Results of tests in the forms that other programs read. Nothing here knows what was tested.

mod junit;
mod tap;

pub use junit::junit;
pub use tap::tap;

use serde::Serialize;
use std::fmt;

/// The results of a run of tests.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    /// What was tested.
    pub name: String,
    /// The points of all groups, if tests give points.
    #[serde(flatten)]
    pub score: Option<Score>,
    /// Groups of tests, in their order.
    pub suites: Vec<Suite>,
}

/// Points, of those that there are.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Score {
    /// The points.
    pub points: f64,
    /// Those that there are.
    pub of: f64,
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} points", self.points, self.of)
    }
}

/// A group of tests.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Suite {
    /// What its tests have in common.
    pub name: String,
    /// The points of its tests, if they give points.
    #[serde(flatten)]
    pub score: Option<Score>,
    /// What is to be noticed about it, each in a line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The tests, in their order.
    pub cases: Vec<Case>,
}

/// A test.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Case {
    /// Its name within its group.
    pub name: String,
    /// The points that it gives, if it gives some.
    #[serde(flatten)]
    pub score: Option<Score>,
    /// How it came out.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// How a test came out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Outcome {
    /// As it should.
    Passed,
    /// Otherwise.
    Failed {
        /// Why, in one line.
        why: String,
        /// What exactly; empty if the line says it all.
        details: String,
    },
    /// It could not be tested.
    Unusable {
        /// Why, in one line.
        why: String,
    },
}

/// A report as JSON.
pub fn json(report: &Report) -> String {
    // A report has string keys only and finite numbers, so it can be written.
    serde_json::to_string_pretty(report).map_or_else(|error| error.to_string(), |text| text + "\n")
}

/// A report for the tests of the forms.
#[cfg(test)]
fn example() -> Report {
    let case = |name: &str, outcome| Case {
        name: name.to_owned(),
        score: None,
        outcome,
    };
    let score = |points, of| Some(Score { points, of });
    Report {
        name: "forklab".to_owned(),
        score: None,
        suites: vec![
            Suite {
                name: "scripts".to_owned(),
                score: None,
                notes: Vec::new(),
                cases: vec![
                    case("cow.rhai", Outcome::Passed),
                    case(
                        "a#b \\ <c>\u{1}\nd",
                        Outcome::Failed {
                            why: "differs & \"more\" \u{1b}[1m".to_owned(),
                            details: "- 1\n+ 2 ]]> \u{0}".to_owned(),
                        },
                    ),
                ],
            },
            Suite {
                name: "empty".to_owned(),
                score: None,
                notes: Vec::new(),
                cases: Vec::new(),
            },
            Suite {
                name: "other".to_owned(),
                score: score(1.5, 2.0),
                notes: vec!["to be noticed\u{1}\nhere".to_owned()],
                cases: vec![
                    case(
                        "x",
                        Outcome::Unusable {
                            why: "not UTF-8 text".to_owned(),
                        },
                    ),
                    Case {
                        score: score(1.5, 2.0),
                        ..case("y", Outcome::Passed)
                    },
                ],
            },
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_as_json_can_be_read_again() {
        let read: serde_json::Value = serde_json::from_str(&json(&example())).unwrap();
        assert_eq!(read["suites"][0]["cases"][0]["outcome"], "passed");
        assert_eq!(
            read["suites"][0]["cases"][1]["details"],
            "- 1\n+ 2 ]]> \u{0}"
        );
        assert_eq!(read["suites"][2]["cases"][0]["why"], "not UTF-8 text");
        assert_eq!(read["suites"][2]["cases"][1]["points"], 1.5);
        assert_eq!(read["suites"][2]["of"], 2.0);
    }
}
