//! The table of what later kernels do otherwise.

use crate::cli::forklab;
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

#[test]
fn views_and_refusals_say_where_a_later_kernel_differs() {
    let page = "let sh = spawn(\"sh\"); let a = sh.mmap(4*KiB); ";
    for (script, says) in [
        (
            format!("{page} print(why(sh, a));"),
            "since 2.6.24: A frame of its own is mapped",
        ),
        (
            "spawn(\"sh\").waitid(P_ALL, 0, __WALL | WEXITED)".to_owned(),
            "since 4.7: waitid takes __WCLONE and __WALL too.",
        ),
        (
            "print(explain_clone(CLONE_STOPPED | SIGCHLD));".to_owned(),
            "since 2.6.38: CLONE_STOPPED",
        ),
    ] {
        let output = forklab(&["-e", &script], b"");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains(says), "{script}: {said}");
    }
    let written = format!("{page} sh.write(a, 1); print(why(sh, a));");
    let output = forklab(&["-e", &written], b"");
    assert!(!String::from_utf8(output.stdout).unwrap().contains("since"));
}
