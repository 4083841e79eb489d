//! `hints.md`: hints in steps. The steps of a task are the items of the list below its heading; those
//! before the first heading are for the whole lab.

use std::collections::BTreeMap;

/// The hints of a lab.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Hints(BTreeMap<String, Vec<String>>);

impl Hints {
    /// Reads the hints from their text.
    pub(super) fn read(text: &str) -> Self {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut task = String::new();
        for line in text.lines() {
            if let Some(heading) = line.strip_prefix("## ") {
                heading.trim().trim_matches('`').clone_into(&mut task);
                continue;
            }
            let steps = all.entry(task.clone()).or_default();
            match (item(line), steps.last_mut()) {
                (Some(first), _) => steps.push(first.to_owned()),
                (None, Some(step)) => {
                    step.push('\n');
                    step.push_str(line.strip_prefix("   ").unwrap_or(line));
                }
                (None, None) => {}
            }
        }
        for steps in all.values_mut() {
            for step in steps {
                step.truncate(step.trim_end().len());
            }
        }
        all.retain(|_, steps| !steps.is_empty());
        Self(all)
    }

    /// The hints for a task, from the vaguest to the most helpful.
    pub fn of(&self, task: &str) -> &[String] {
        self.0.get(task).map_or(&[], Vec::as_slice)
    }

    /// The names of the tasks that have hints.
    pub fn tasks(&self) -> impl Iterator<Item = &str> {
        let names = self.0.keys().map(String::as_str);
        names.filter(|name| !name.is_empty())
    }
}

/// The text of a line that begins an item of a list.
fn item(line: &str) -> Option<&str> {
    let numbered = line.split_once(". ");
    let numbered = numbered.filter(|(number, _)| number.parse::<u32>().is_ok());
    let plain = line.strip_prefix("- ");
    plain.or(numbered.map(|(_, text)| text)).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_items_below_the_heading_of_a_task_are_its_steps() {
        let text = "# Hints\n\nSome words.\n\n## `reader`\n\n1. Who faults?\n2. Look at\n   `why(kid, page)`.\n\n\
                    ## two_copies\n- One step.\n";
        let hints = Hints::read(text);
        assert_eq!(
            hints.of("reader"),
            ["Who faults?", "Look at\n`why(kid, page)`."]
        );
        assert_eq!(hints.of("two_copies"), ["One step."]);
        assert_eq!(hints.of("none"), Vec::<String>::new());
        assert_eq!(hints.tasks().collect::<Vec<_>>(), ["reader", "two_copies"]);
    }
}
