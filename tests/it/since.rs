//! The table of what later kernels do otherwise.

use forklab::abi::LATER;
use forklab::front::since;
use std::collections::BTreeSet;

#[test]
fn the_page_is_the_table() {
    let page = std::fs::read_to_string("docs/since.md").unwrap();
    assert_eq!(
        page.trim_end(),
        since().trim_end(),
        "forklab doc --since > docs/since.md"
    );
}

#[test]
fn each_row_has_a_version_and_a_source_and_says_something_new() {
    assert!(LATER.len() >= 60, "{}", LATER.len());
    let mut said = BTreeSet::new();
    for later in LATER {
        let numbers: Vec<u32> = later
            .version
            .split('.')
            .map(|n| n.parse().unwrap())
            .collect();
        assert!(numbers >= vec![2, 6, 13], "{later:?}");
        let manual = later.source.contains("(2)")
            || later.source.contains("(5)")
            || later.source.contains("(7)");
        assert!(manual || later.source.starts_with("commit"), "{later:?}");
        assert!(
            later.here.ends_with('.') && later.there.ends_with('.'),
            "{later:?}"
        );
        assert!(
            !later.about.is_empty() && said.insert((later.about, later.there)),
            "{later:?}"
        );
    }
}
