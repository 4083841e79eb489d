//! Steps of workloads that wait for other tasks, or for a period of their own.

use crate::cli::forklab;

/// The timeline of a workload.
fn timeline(text: &str) -> String {
    let output = forklab(&["replay", "-", "--show", "timeline"], text.as_bytes());
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{message}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .skip(1)
        .fold(String::new(), |all, line| all + line + "\n")
}

#[test]
fn a_mutex_lets_one_in_and_hands_over_in_order() {
    insta::assert_snapshot!(timeline(
        "\
        horizon 40\n\
        task A\n lock m\n run 5\n sleep 5\n unlock m\n run 3\n\
        task B\n run 2\n lock m\n run 4\n unlock m\n\
        task C\n run 2\n lock m\n run 4\n unlock m\n\
        task W\n sleep 8\n wake B\n"
    ));
}

#[test]
fn a_condition_wakes_who_waits_and_gives_the_mutex_back() {
    insta::assert_snapshot!(timeline(
        "\
        horizon 40\n\
        task A\n lock m\n cond_wait c m\n run 4\n unlock m\n\
        task B\n lock m\n cond_wait c m\n run 4\n unlock m\n\
        task S\n sleep 5\n cond_signal c\n sleep 10\n cond_signal c\n"
    ));
}

#[test]
fn a_post_is_not_lost() {
    insta::assert_snapshot!(timeline(
        "\
        horizon 30\n\
        task P\n post s\n post s\n run 5\n sleep 12\n post s\n\
        task A\n sleep 8\n await s\n run 2\n await s\n run 2\n await s\n run 2\n"
    ));
}

/// However long the others keep it from the CPU, it begins at each multiple of its period.
#[test]
fn a_period_does_not_drift() {
    insta::assert_snapshot!(timeline(
        "\
        horizon 60\n\
        task T\n run 3\n every 20\n goto 0\n\
        task R policy=fifo rt_prio=5 start=18\n run 6\n\
        task U\n until 50\n run 2\n"
    ));
}
