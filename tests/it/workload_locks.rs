//! Steps of workloads that wait for other tasks, or for a period of their own.

use crate::cli::forklab;

/// The ticks at which each task of a workload runs, as the timeline shows them.
fn runs(text: &str) -> Vec<(String, Vec<usize>)> {
    let output = forklab(&["replay", "-", "--show", "timeline"], text.as_bytes());
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{message}");
    let text = String::from_utf8(output.stdout).unwrap();
    let row = |line: &str| {
        let (task, cells) = line.split_at(6);
        let ran = cells.char_indices().filter(|(_, cell)| *cell == '#');
        let ran: Vec<usize> = ran.map(|(tick, _)| tick).collect();
        let name = task.trim().split(':').next_back().unwrap();
        (name.to_owned(), ran)
    };
    text.lines().skip(2).map(row).collect()
}

fn of(runs: &[(String, Vec<usize>)], task: &str) -> Vec<usize> {
    let found = runs.iter().find(|(name, _)| name == task);
    found.map(|(_, ran)| ran.clone()).unwrap_or_default()
}

/// The ticks of stretches, each from one tick to another.
fn ticks(stretches: &[(usize, usize)]) -> Vec<usize> {
    let stretches = stretches.iter();
    stretches.flat_map(|(from, to)| *from..*to).collect()
}

#[test]
fn a_mutex_lets_one_in_and_hands_over_in_order() {
    let runs = runs(
        "horizon 40\n\
         task A\n lock m\n run 5\n sleep 5\n unlock m\n run 3\n\
         task B\n run 2\n lock m\n run 4\n unlock m\n\
         task C\n run 2\n lock m\n run 4\n unlock m\n\
         task W\n sleep 8\n wake B\n",
    );
    assert_eq!(of(&runs, "A"), ticks(&[(0, 5), (10, 13)]));
    // To be woken by somebody else does not let B in.
    assert_eq!(of(&runs, "B"), ticks(&[(5, 7), (13, 17)]));
    assert_eq!(of(&runs, "C"), ticks(&[(7, 9), (17, 21)]));
}

#[test]
fn a_condition_wakes_who_waits_and_gives_the_mutex_back() {
    let runs = runs(
        "horizon 40\n\
         task A\n lock m\n cond_wait c m\n run 4\n unlock m\n\
         task B\n lock m\n cond_wait c m\n run 4\n unlock m\n\
         task S\n sleep 5\n cond_signal c\n sleep 10\n cond_signal c\n",
    );
    assert_eq!(of(&runs, "A"), ticks(&[(5, 9)]));
    assert_eq!(of(&runs, "B"), ticks(&[(15, 19)]));
}

#[test]
fn a_post_is_not_lost() {
    let runs = runs(
        "horizon 30\n\
         task P\n post s\n post s\n run 5\n sleep 12\n post s\n\
         task A\n run 1\n sleep 8\n await s\n run 2\n await s\n run 2\n await s\n run 2\n",
    );
    assert_eq!(of(&runs, "P"), ticks(&[(0, 5)]));
    // Two posts were there before; the third comes at tick 17.
    assert_eq!(of(&runs, "A"), ticks(&[(5, 6), (14, 18), (18, 20)]));
}

/// However long the others keep it from the CPU, it begins at each multiple of its period.
#[test]
fn a_period_does_not_drift() {
    let runs = runs(
        "horizon 60\n\
         task T\n run 3\n every 20\n goto 0\n\
         task R policy=fifo rt_prio=5 start=18\n run 6\n\
         task U\n until 50\n run 2\n",
    );
    assert_eq!(of(&runs, "T"), ticks(&[(0, 3), (24, 27), (40, 43)]));
    assert_eq!(of(&runs, "R"), ticks(&[(18, 24)]));
    assert_eq!(of(&runs, "U"), ticks(&[(50, 52)]));
}
