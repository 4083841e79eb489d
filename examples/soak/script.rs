//! Scripts by grammar. The functions that they call are taken from the documentation of those that
//! are registered, so that a new one is covered by itself.

use crate::dice::Dice;
use forklab::script::boot_options;
use forklab::script::{FunctionDoc, function_docs};

/// What most scripts begin with, so that calls have something to act on.
const BEGINNINGS: [&str; 7] = [
    "let sh = spawn(\"sh\")",
    "let page = sh.mmap(3 * 4*KiB)",
    "sh.write(page, 42)",
    "let kid = sh.fork()",
    "fn main() { let n = 3; while n > 0 { n -= 1; fork(); } print(n); n }",
    "let p = spawn(\"demo\", main)",
    "spawn(\"hog\", workload(#{main: [\"run 3\", \"fork A s\", \"goto 0\"], s: [\"sleep 2\"]}))",
];

/// Strings that mean something, or nothing.
const STRINGS: [&str; 25] = [
    "sh",
    "true",
    "demo",
    "main",
    "",
    "/",
    "/bin/sh",
    "/tmp/x",
    "..",
    "console",
    "run 3",
    "goto 0",
    "fork A s",
    "cow_copy",
    "dup_mm",
    "alloc_frame",
    "fail_frame",
    "fork",
    "or",
    "é\u{301}漢",
    "a\\nb",
    "\\x1b[31m",
    "%s",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "0",
];

/// Options of functions that take a map, besides `boot`.
const OPTIONS: [&str; 15] = [
    "nice",
    "policy",
    "rt_prio",
    "sleep_avg",
    "cpu",
    "idle",
    "args",
    "flags",
    "stack",
    "tls",
    "mask",
    "restart",
    "child_stack",
    "parent_tid",
    "main",
];

/// A script in one piece. Most of its statements may fail without ending it.
pub fn script(dice: &mut Dice) -> String {
    let mut text = String::new();
    for line in lines(dice) {
        let declares = ["let ", "fn "].iter().any(|word| line.starts_with(word));
        if declares || dice.percent(15) {
            text += &format!("{line};\n");
        } else {
            text += &format!("try {{ {line}; }} catch (e) {{ print(e); }}\n");
        }
    }
    if dice.percent(15) {
        dice.damage(&mut text);
    }
    text
}

/// Lines of the prompt.
pub fn lines(dice: &mut Dice) -> Vec<String> {
    let mut writer = Writer { dice, depth: 0 };
    let mut lines = Vec::new();
    for beginning in BEGINNINGS {
        if writer.dice.percent(70) {
            lines.push(beginning.to_owned());
        }
    }
    for _ in 0..2 + writer.dice.below(14) {
        let mut line = writer.statement();
        if writer.dice.percent(2) {
            writer.dice.damage(&mut line);
        }
        lines.push(line);
    }
    lines
}

/// Writes parts of a script.
struct Writer<'a> {
    dice: &'a mut Dice,
    depth: usize,
}

impl Writer<'_> {
    fn statement(&mut self) -> String {
        if self.depth > 3 {
            return self.call();
        }
        self.depth += 1;
        let statement = match self.dice.below(30) {
            0..=11 => self.call(),
            12 | 13 => format!("print({})", self.call()),
            14 | 15 => format!("let {} = {}", self.name(), self.expression()),
            16 => format!(
                "{} {} {}",
                self.name(),
                self.assignment(),
                self.expression()
            ),
            17 => self.control(),
            18 => format!(
                "try {{ {} }} catch (e) {{ print(e); e.{} }}",
                self.statement(),
                self.error_part()
            ),
            19 => format!("for i in {} {{ {} }}", self.range(), self.statement()),
            20 => format!("fn {}(x, n) {{ {} }}", self.name(), self.statement()),
            21 => self.example(),
            22 => self.pick(&[
                "undo",
                ":undo 2",
                "ps",
                "help fork",
                ":reset",
                "tick 5",
                "undo 3",
                ":help",
                ":tour",
            ]),
            23 => format!("tick({})", self.dice.below(60)),
            24 => self.pick(&[
                "run(50)",
                "tick()",
                "run()",
                "ps()",
                "trace()",
                "timeline()",
            ]),
            25 => format!(
                "{}.{} = {}",
                self.receiver("task"),
                self.member(),
                self.expression()
            ),
            26 => format!("predict(|| {}, {})", self.call(), self.expression()),
            27 => format!("inject({}, {})", self.string(), self.dice.number()),
            _ => self.expression(),
        };
        self.depth -= 1;
        statement
    }

    fn control(&mut self) -> String {
        let (condition, body) = (self.condition(), self.statement());
        match self.dice.below(6) {
            0 => format!(
                "if {condition} {{ {body} }} else {{ {} }}",
                self.statement()
            ),
            1 => format!("let w = 0; while w < 5 {{ w += 1; {body} }}"),
            2 => format!("loop {{ {body}; break; }}"),
            3 => format!("let w = 9; do {{ w -= 2; {body} }} until w < 0 || {condition}"),
            4 => format!(
                "switch {} {{ 1 => {{ {body} }}, \"sh\" => 2, _ => {} }}",
                self.expression(),
                self.expression()
            ),
            _ => format!("while {condition} {{ {body} }}"),
        }
    }

    fn condition(&mut self) -> String {
        let comparison = self.dice.pick(&["==", "!=", "<", ">=", ">"]);
        match self.dice.below(3) {
            0 => self.pick(&[
                "true",
                "false",
                "now() < 9",
                "kid.exists",
                "tasks().len() < 5",
            ]),
            _ => format!("{} {comparison} {}", self.expression(), self.expression()),
        }
    }

    fn expression(&mut self) -> String {
        if self.depth > 4 {
            return self.atom();
        }
        self.depth += 1;
        let expression = match self.dice.below(16) {
            0..=5 => self.atom(),
            6..=8 => self.call(),
            9 => {
                let operator = self.dice.pick(&[
                    "+", "-", "*", "/", "%", "<<", ">>", "&", "|", "^", "**", "==", "<", "&&", "??",
                ]);
                format!("({} {operator} {})", self.expression(), self.expression())
            }
            10 => format!("[{}, {}]", self.expression(), self.expression()),
            11 => self.map(),
            12 => format!("{}[{}]", self.atom(), self.expression()),
            13 => self.closure(),
            14 => format!("`<${{{}}}>`", self.expression()),
            _ => format!(
                "if {} {{ {} }} else {{ {} }}",
                self.condition(),
                self.expression(),
                self.expression()
            ),
        };
        self.depth -= 1;
        expression
    }

    fn atom(&mut self) -> String {
        match self.dice.below(10) {
            0..=2 => self.dice.wide_number().to_string(),
            3 => self.string(),
            4 | 5 => self.dice.constant(),
            6 | 7 => self.name(),
            8 => self.pick(&[
                "true", "()", "'c'", "1.5", "-0.0", "1e308", "0x7f", "[]", "#{}", "4*KiB",
            ]),
            _ => self.pick(&[
                "init()",
                "task(2)",
                "current()",
                "tasks()",
                "now()",
                "mark()",
                "trace()",
            ]),
        }
    }

    fn name(&mut self) -> String {
        self.pick(&[
            "sh", "kid", "page", "p", "a", "b", "main", "i", "x", "e", "sh2", "f",
        ])
    }

    fn assignment(&mut self) -> &'static str {
        self.dice.pick(&["=", "+=", "-=", "*=", "<<=", "??="])
    }

    fn range(&mut self) -> String {
        self.pick(&[
            "0..3",
            "0..=2",
            "[1, 2]",
            "tasks()",
            "range(9, 0, -2)",
            "\"abc\"",
        ])
    }

    fn error_part(&mut self) -> &'static str {
        self.dice
            .pick(&["message", "errno", "name", "note", "help", "nothing"])
    }

    fn string(&mut self) -> String {
        format!("\"{}\"", self.dice.pick(&STRINGS))
    }

    fn map(&mut self) -> String {
        let mut fields = Vec::new();
        for _ in 0..self.dice.below(4) {
            let option = self.dice.pick(&[&boot_options()[..], &OPTIONS].concat());
            let value = match option {
                "cpus" => (1 + self.dice.below(9)).to_string(),
                "mem" => format!("{}*MiB", 1 + self.dice.below(80)),
                _ => self.atom(),
            };
            fields.push(format!("{option}: {value}"));
        }
        format!("#{{{}}}", fields.join(", "))
    }

    fn closure(&mut self) -> String {
        let parameters = self.dice.pick(&["||", "|s|", "|s, i|", "|a, b, c|"]);
        format!("{parameters} {{ {} }}", self.statement())
    }

    /// A complete example of the documentation.
    fn example(&mut self) -> String {
        format!("{{ {} }}", self.doc().example)
    }

    fn doc(&mut self) -> &'static FunctionDoc {
        let docs = function_docs();
        &docs[self.dice.below(docs.len())]
    }

    fn member(&mut self) -> String {
        self.doc().name.clone()
    }

    /// A call of a documented function, or the use of a property, as its signature has it.
    fn call(&mut self) -> String {
        let doc = self.doc();
        let (callee, arguments) = match doc.signature.split_once('(') {
            Some((callee, rest)) => (callee, Some(rest.trim_end_matches(')'))),
            None => (doc.signature.as_str(), None),
        };
        let callee = match callee.split_once('.') {
            Some((receiver, name)) => format!("{}.{name}", self.receiver(receiver)),
            None => callee.to_owned(),
        };
        let Some(arguments) = arguments else {
            return callee;
        };
        let mut values: Vec<String> = arguments
            .split(',')
            .map(str::trim)
            .filter(|parameter| !parameter.is_empty())
            .map(|parameter| self.argument(parameter))
            .collect();
        if self.dice.percent(4) {
            values.push(self.atom());
        }
        format!("{callee}({})", values.join(", "))
    }

    fn receiver(&mut self, kind: &str) -> String {
        if self.dice.percent(5) {
            return self.atom();
        }
        match kind {
            "task" => self.pick(&[
                "sh",
                "sh",
                "kid",
                "kid",
                "p",
                "init()",
                "task(2)",
                "current()",
            ]),
            "call" => match self.dice.below(2) {
                0 => self.pick(&["sh.wait()", "kid.pause()", "sh.vfork()", "kid.sigwait([2])"]),
                _ => format!("({})", self.closure()),
            },
            "trace" => self.pick(&["trace()", "trace_all()", "trace(0)"]),
            "view" => self.pick(&["ps()", "runq()", "timeline()", "sh.maps()", "sh.vtop(page)"]),
            "error" => "e".to_owned(),
            _ => self.atom(),
        }
    }

    /// A value for a parameter of that name: usually of a kind that fits.
    fn argument(&mut self, parameter: &str) -> String {
        if self.dice.percent(20) {
            return self.expression();
        }
        match parameter {
            "addr" | "page" | "stack" => self.address(),
            "pid" | "child" | "target" | "of" | "who" | "handle" | "tgid" | "task" | "a" | "b"
            | "id" => self.pick(&[
                "sh", "kid", "p", "2", "3", "1", "0", "-1", "sh.pid", "init()",
            ]),
            "fd" | "copy" | "set" | "num" | "which" | "how" => self.dice.below(6).to_string(),
            "signal" | "sig" => self.signal(),
            "signals" => format!("[{}, {}]", self.signal(), self.signal()),
            "handler" | "action" => match self.dice.below(3) {
                0 => self.pick(&["SIG_IGN", "SIG_DFL", "main"]),
                _ => self.closure(),
            },
            "name" | "path" | "text" | "question" | "what" | "event" | "line" | "function" => {
                self.string()
            }
            "program" => self.pick(&["\"sh\"", "\"true\"", "workload([\"run 2\"])", "\"demo\""]),
            "steps" | "text_or_steps" => self.steps(),
            "options" | "args" => self.map(),
            "main" => self.pick(&["main", "main", "|| { fork(); 0 }", "f"]),
            "condition" => self.pick(&["|| false", "|| true", "|| now() > 20", "true"]),
            "flags" => format!("{} | {}", self.dice.constant(), self.dice.constant()),
            "pages" | "len" | "n" | "ticks" | "seconds" | "size" => {
                self.dice.below(5_000).to_string()
            }
            _ => self.atom(),
        }
    }

    fn address(&mut self) -> String {
        match self.dice.below(4) {
            0 | 1 => format!("page + {}", self.dice.below(13_000)),
            2 => self.pick(&[
                "page",
                "page - 1",
                "0xbffff000",
                "0x08048000",
                "sh.regs.esp",
            ]),
            _ => self.dice.number().to_string(),
        }
    }

    fn signal(&mut self) -> String {
        match self.dice.below(4) {
            0 => self.dice.below(66).to_string(),
            _ => self.pick(&[
                "SIGINT", "SIGCHLD", "SIGSTOP", "SIGCONT", "SIGKILL", "SIGSEGV", "SIGUSR1",
                "SIGALRM",
            ]),
        }
    }

    fn steps(&mut self) -> String {
        self.pick(&[
            "[\"run 3\", \"sleep 2\", \"goto 0\"]",
            "\"run 5\\nblock\"",
            "workload([\"fork A s\", \"run 2\"])",
            "#{main: [\"fork A s\", \"run 3\"], s: [\"io 4\", \"vfork B s\"]}",
            "workload(\"horizon 90\\ntask A\\nrun 5\\nyield\\ngoto 0\")",
            "[]",
            "[1, ()]",
        ])
    }

    fn pick(&mut self, texts: &[&str]) -> String {
        self.dice.pick(texts).to_owned()
    }
}
