//! What a task of a life may become by exec: programs that fork, grow until memory is full, take
//! signals, fault, and share their memory with threads.

use forklab::abi::constants;
use forklab::compile::{Entry, Script, compile};
use forklab::machine::{Command, Machine};
use rhai::{Engine, OptimizationLevel};
use std::sync::Arc;

/// A puppet, and the functions of [`SOURCE`] that programs begin with.
pub const NAMES: [&str; 7] = [
    "sh", "forks", "grows", "deep", "handles", "faults", "threads",
];

const SOURCE: &str = "
    fn forks() {
        for i in 0..3 { if fork() == 0 { exit(i); } }
        while wait() > 0 { }
        0
    }
    fn grows() {
        let page = mmap(0, 600 * 4096, 3, 0x22, -1, 0);
        for i in 0..600 { store(page + i * 4096, i); }
        pause();
        0
    }
    fn down(n) {
        let frame = array(900);
        frame[0] = n;
        if n > 0 { down(n - 1); }
        0
    }
    fn deep() { down(200) }
    fn note(nr) { 0 }
    fn handles() {
        signal(SIGUSR1, note);
        loop { pause(); }
    }
    fn faults() { load(0) }
    let count = 0;
    fn adds(n) { for i in 0..n { count += 1; } 0 }
    fn threads() {
        let one = thread_create(adds, 1000);
        let two = thread_create(adds, 2000);
        thread_join(one);
        thread_join(two);
        0
    }
";

/// Creates the files of the programs.
pub fn install(machine: &mut Machine) {
    let mut engine = Engine::new_raw();
    engine.set_optimization_level(OptimizationLevel::None);
    let ast = engine.compile(SOURCE).unwrap();
    let constant = |name: &str| {
        let mut known = constants();
        known
            .find(|known| known.name == name)
            .map(|known| known.value)
    };
    let script = Script {
        ast: &ast,
        source: SOURCE,
        source_name: "life",
        variables: &[],
        constants: &constant,
        place: &|pos| format!("life:{pos:?}"),
    };
    for name in &NAMES[1..] {
        let image = compile(&script, &Entry::named(name)).unwrap();
        let install = Command::Install {
            name: (*name).to_owned(),
            image: Ok(Arc::new(image)),
        };
        machine.apply(install).unwrap();
    }
}
