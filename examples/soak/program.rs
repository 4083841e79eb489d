//! Programs in the dialect: its statements, and its calls with wild arguments.

use crate::dice::Dice;
use forklab::compile::system_calls;

/// The built-in functions and the library, with the number of their parameters.
const WORDS: [(&str, usize); 34] = [
    ("load", 1),
    ("load8", 1),
    ("load16", 1),
    ("store", 2),
    ("store8", 2),
    ("store16", 2),
    ("udiv", 2),
    ("umod", 2),
    ("ult", 2),
    ("cmpxchg", 3),
    ("xchg", 2),
    ("xadd", 2),
    ("str", 1),
    ("clone", 4),
    ("clone", 7),
    ("syscall", 4),
    ("syscall", 7),
    ("abs", 1),
    ("set_gs", 1),
    ("load_gs", 1),
    ("store_gs", 2),
    ("wait", 0),
    ("wait", 1),
    ("sleep", 1),
    ("abort", 0),
    ("puts", 1),
    ("strlen", 1),
    ("strcmp", 2),
    ("thread_create", 2),
    ("thread_join", 1),
    ("mutex_lock", 1),
    ("mutex_unlock", 1),
    ("semget", 3),
    ("semop", 3),
];

/// What a script does with a program that it has started.
const COMMANDS: [&str; 18] = [
    "tick(5)",
    "tick(60)",
    "run(200)",
    "run()",
    "print(ps())",
    "print(trace())",
    "print(where(p))",
    "print(locals(p))",
    "print(disasm(p))",
    "break_at(p, \"f\")",
    "stepi(p, 30)",
    "next_line(p)",
    "finish(p)",
    "kill(init(), p, SIGUSR1)",
    "inject(\"fail_frame\", 3)",
    "inject(\"fail_frame\", 0)",
    "type_line(\"typed\")",
    "let sh = spawn(\"sh\"); sh.ptrace_attach(p); sh.wait(p); sh.ptrace_syscall(p)",
];

/// A script that runs a program or two.
pub fn script(dice: &mut Dice) -> String {
    let mut text = String::new();
    if dice.percent(40) {
        let (cpus, interleave) = (1 + dice.below(4), 1 + dice.below(200));
        text += &format!("boot(#{{cpus: {cpus}, interleave: {interleave}, mem: 16*MiB}});\n");
    }
    let writer = &mut Writer { dice, depth: 0 };
    text += "let total = 0;\nlet numbers = [1, 2, 3, 4];\n";
    text += &writer.function("handler", "s", 3);
    text += &writer.function("f", "x", 4);
    text += &writer.function("main", "argc, argv", 10);
    text += "let p = spawn(\"demo\", main);\n";
    if writer.dice.percent(30) {
        text += "spawn(\"other\", f);\n";
    }
    for _ in 0..2 + writer.dice.below(6) {
        let command = writer.dice.pick(&COMMANDS);
        text += &format!("try {{ {command}; }} catch (e) {{ print(e); }}\n");
    }
    if writer.dice.percent(5) {
        writer.dice.damage(&mut text);
    }
    text
}

/// Writes parts of a program.
struct Writer<'a> {
    dice: &'a mut Dice,
    depth: usize,
}

impl Writer<'_> {
    fn function(&mut self, name: &str, parameters: &str, statements: usize) -> String {
        let mut body = String::from("    let a = 1;\n    let b = array(9);\n    let c = 0;\n");
        body += "    let action = array(4);\n";
        if name != "handler" {
            body += "    action[0] = handler.to_int();\n";
        }
        for _ in 0..1 + self.dice.below(statements) {
            body += &format!("    {};\n", self.statement());
        }
        format!(
            "fn {name}({parameters}) {{\n{body}    {}\n}}\n",
            self.expression()
        )
    }

    fn statement(&mut self) -> String {
        if self.depth > 2 {
            return self.call();
        }
        self.depth += 1;
        let statement = match self.dice.below(20) {
            0..=8 => self.call(),
            9 => format!("a = {}", self.expression()),
            10 => format!("b[{}] = {}", self.dice.below(9), self.expression()),
            11 => format!("total += {}", self.expression()),
            12 => format!("print(\"x \" + ({}))", self.expression()),
            13 => format!(
                "if {} {{ {}; }} else {{ {}; }}",
                self.condition(),
                self.statement(),
                self.statement()
            ),
            14 => format!("if fork() == 0 {{ {}; exit(3); }}", self.statement()),
            15 => format!("if vfork() == 0 {{ {}; _exit(3); }}", self.call()),
            16 => format!(
                "for i in 0..{} {{ {}; }}",
                self.dice.below(6),
                self.statement()
            ),
            17 => format!("c = 0; while c < 5 {{ c += 1; {}; }}", self.statement()),
            18 => {
                let (signal, flags) = (self.dice.below(34), self.dice.number());
                format!("action[2] = {flags}; sigaction({signal}, addr(action), 0)")
            }
            _ => format!("loop {{ {}; break; }}", self.statement()),
        };
        self.depth -= 1;
        statement
    }

    fn condition(&mut self) -> String {
        let comparison = self.dice.pick(&["==", "!=", "<", ">="]);
        format!("{} {comparison} {}", self.expression(), self.expression())
    }

    fn expression(&mut self) -> String {
        if self.depth > 3 {
            return self.atom();
        }
        self.depth += 1;
        let expression = match self.dice.below(10) {
            0..=4 => self.atom(),
            5 | 6 => self.system_call(),
            7 => format!("b[{}]", self.dice.pick(&["a", "c", "3", "8", "total"])),
            8 => format!("(addr(b) + {})", self.atom()),
            _ => {
                let operator = self
                    .dice
                    .pick(&["+", "-", "*", "/", "%", "<<", ">>", "&", "|", "^"]);
                format!("({} {operator} {})", self.expression(), self.expression())
            }
        };
        self.depth -= 1;
        expression
    }

    /// A number.
    fn atom(&mut self) -> String {
        match self.dice.below(8) {
            0..=2 => self.dice.number().to_string(),
            3 => self.dice.constant(),
            4 => self.address(),
            5 | 6 => {
                let name = self
                    .dice
                    .pick(&["a", "c", "total", "getpid()", "numbers[2]"]);
                name.to_owned()
            }
            _ => self.dice.below(5).to_string(),
        }
    }

    fn address(&mut self) -> String {
        let name = self.dice.pick(&[
            "addr(a)",
            "addr(c)",
            "addr(b[2])",
            "addr(total)",
            "0x8048000",
        ]);
        name.to_owned()
    }

    /// What is no number, where most functions want one.
    fn other(&mut self) -> String {
        let other = self.dice.pick(&[
            "b",
            "numbers",
            "handler",
            "f",
            "\"sh\"",
            "\"/tmp/f\"",
            "\"\"",
            "\"demo\"",
            "'x'",
            "true",
        ]);
        other.to_owned()
    }

    fn system_call(&mut self) -> String {
        let calls: Vec<_> = system_calls().collect();
        let call = self.dice.pick(&calls);
        let optional = call.arity().saturating_sub(call.required);
        let parameters = call.required + self.dice.below(optional + 1);
        self.call_of(call.name, parameters)
    }

    /// A call of anything that the dialect offers.
    fn call(&mut self) -> String {
        if self.dice.percent(75) {
            return self.system_call();
        }
        let (name, parameters) = self.dice.pick(&WORDS);
        self.call_of(name, parameters)
    }

    fn call_of(&mut self, name: &str, parameters: usize) -> String {
        let values: Vec<String> = (0..parameters).map(|_| self.argument()).collect();
        format!("{name}({})", values.join(", "))
    }

    fn argument(&mut self) -> String {
        match self.dice.below(20) {
            0..=3 if self.depth < 3 => self.expression(),
            0..=8 => self.address(),
            9 => self.other(),
            _ => self.atom(),
        }
    }
}
