//! Workload files: tasks of all policies with all steps, most of them valid.

use crate::dice::Dice;
use std::fmt::Write;

const NAMES: [&str; 5] = ["A", "B", "C", "sh", "a_name_that_is_too_long"];
const SCRIPTS: [&str; 3] = ["s", "t", "u"];

/// The text of a workload file.
pub fn file(dice: &mut Dice) -> String {
    let mut text = format!("horizon {}\n", dice.below(400));
    for _ in 0..1 + dice.below(5) {
        let name = dice.pick(&NAMES);
        let _ = writeln!(text, "task {name}{}", options(dice));
        steps(dice, &mut text);
    }
    for name in SCRIPTS {
        let _ = writeln!(text, "script {name}");
        steps(dice, &mut text);
    }
    if dice.percent(10) {
        dice.damage(&mut text);
    }
    text
}

/// A script that runs a workload file and looks at it in many ways.
pub fn script(dice: &mut Dice) -> String {
    let file = file(dice).replace(['`', '$'], "");
    let cpus = 1 + dice.below(4);
    let mut text = format!("boot(#{{cpus: {cpus}}});\nlet w = workload(`{file}`);\nspawn(w);\n");
    for _ in 0..3 {
        let _ = writeln!(
            text,
            "try {{ tick({}); }} catch (e) {{ print(e); }}",
            dice.below(150)
        );
        let view = dice.pick(&[
            "ps()",
            "runq()",
            "timeline()",
            "fairness()",
            "latency()",
            "schedstat()",
            "trace()",
            "pstree()",
            "tasks()",
            "task(2).why_not()",
            "task(2).prio()",
            "task(3).maps()",
        ]);
        let _ = writeln!(text, "try {{ print({view}); }} catch (e) {{ print(e); }}");
    }
    text
}

fn options(dice: &mut Dice) -> String {
    let mut options = String::new();
    if dice.percent(30) {
        let _ = write!(options, " nice={}", dice.below(40) as i64 - 20);
    }
    if dice.percent(20) {
        let policy = dice.pick(&["fifo", "rr"]);
        let _ = write!(options, " policy={policy} rt_prio={}", 1 + dice.below(99));
    }
    if dice.percent(30) {
        let _ = write!(options, " start={}", dice.below(200));
    }
    if dice.percent(20) {
        let _ = write!(options, " psa={}", dice.below(1001));
    }
    options
}

fn steps(dice: &mut Dice, text: &mut String) {
    let count = 1 + dice.below(6);
    for _ in 0..count {
        let step = step(dice, count);
        let _ = writeln!(text, "  {step}");
    }
}

fn step(dice: &mut Dice, count: usize) -> String {
    let (name, script) = (dice.pick(&NAMES), dice.pick(&SCRIPTS));
    match dice.below(20) {
        0..=2 => format!("run {}", 1 + dice.below(60)),
        3 | 4 => format!("sleep {}", 1 + dice.below(40)),
        5 => format!("io {}", 1 + dice.below(20)),
        6 => "block".to_owned(),
        7 => format!("wake {name}"),
        8 => "yield".to_owned(),
        9 => format!("nice {}", dice.below(40) as i64 - 20),
        10 => format!("renice {name} {}", dice.below(40) as i64 - 20),
        11 => format!(
            "setsched {} {}",
            dice.pick(&["fifo", "rr"]),
            1 + dice.below(99)
        ),
        12 => "setsched other 0".to_owned(),
        13 => format!("fork {name} {script}"),
        14 => format!("fork_vm {name} {script}"),
        15 => format!("vfork {name} {script}"),
        16 => format!("map {:#x} {}", dice.word(), dice.below(3000)),
        17 => format!("touch {:#x} {}", dice.word(), dice.below(3000)),
        18 => format!("exec {}", dice.pick(&["sh", "true", "A", "none"])),
        _ => format!("goto {}", dice.below(count)),
    }
}
