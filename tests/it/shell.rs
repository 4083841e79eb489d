//! What the prompt answers.

use forklab::front::Shell;
use forklab::script::{Host, Limits};

fn shell() -> Shell {
    let host = Host::printing(Box::new(|_| Ok(())));
    Shell::new(Limits::default(), host, false).unwrap()
}

/// What the last of some lines is answered with.
fn answer(lines: &[&str]) -> String {
    let mut shell = shell();
    lines
        .iter()
        .fold(String::new(), |_, line| shell.submit(line).text)
}

#[test]
fn help_begins_with_the_commands_of_the_prompt() {
    for word in ["help", "?", ":help", "help;", "help()"] {
        let text = answer(&[word]);
        assert!(text.starts_with(":undo"), "{word}: {text}");
        assert!(text.contains("system calls  clone fork"), "{word}: {text}");
    }
    assert!(answer(&["let help = 7", "help"]) == "7");
}

#[test]
fn numbers_that_may_be_addresses_are_shown_as_such() {
    let lines = ["let sh = spawn(\"sh\")", "let a = sh.mmap(4*KiB)", "a + 4"];
    assert_eq!(answer(&lines), "3087003652  0xb7fff004");
    assert_eq!(answer(&["1000"]), "1000");
    assert_eq!(answer(&["-1"]), "-1");
}

#[test]
fn a_boot_tells_which_machine_there_is_now() {
    assert_eq!(
        answer(&["boot(#{cpus: 2, mem: 32*MiB})"]),
        "a fresh machine: 2 CPUs, 32 MiB; older tasks are gone"
    );
}

#[test]
fn a_function_without_its_parentheses_is_explained() {
    let text = answer(&["fork"]);
    assert!(text.contains("it is a function: task.fork()"), "{text}");
}
