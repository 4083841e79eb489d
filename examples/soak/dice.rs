//! Random choices, all drawn from one seed: what is usual, what is at an edge, and what is wild.

use fastrand::Rng;
use std::fmt::Write;

/// Numbers at which something changes: signs, sizes, the ends of address ranges.
const EDGES: [i64; 34] = [
    0,
    1,
    -1,
    2,
    3,
    4,
    7,
    8,
    31,
    32,
    33,
    63,
    64,
    99,
    100,
    127,
    128,
    255,
    256,
    1024,
    4095,
    4096,
    4097,
    65_535,
    65_536,
    0x0804_8000,
    0x4000_0000,
    0xbfff_f000,
    0xc000_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    -4096,
    -22,
];

/// Numbers that only a script can write.
const WIDE: [i64; 6] = [
    i64::MAX,
    i64::MIN,
    0x1_0000_0000,
    -0x8000_0000,
    -0x8000_0001,
    1 << 53,
];

/// A source of random choices.
pub struct Dice(Rng);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Rng::with_seed(seed))
    }

    /// A number below a limit, which must not be 0.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0.usize(..limit)
    }

    /// Whether something happens that happens in so many of a hundred cases.
    pub fn percent(&mut self, of_hundred: usize) -> bool {
        self.below(100) < of_hundred
    }

    /// One of several things.
    pub fn pick<T: Copy>(&mut self, things: &[T]) -> T {
        things[self.below(things.len())]
    }

    pub fn byte(&mut self) -> u8 {
        self.0.u8(..)
    }

    pub fn word(&mut self) -> u32 {
        if self.percent(60) {
            self.pick(&EDGES) as u32
        } else {
            self.0.u32(..)
        }
    }

    /// A number that fits in 32 bits, signed or unsigned.
    pub fn number(&mut self) -> i64 {
        match self.below(10) {
            0..=3 => self.below(12) as i64,
            4..=7 => self.pick(&EDGES),
            8 => -(self.below(300) as i64),
            _ => i64::from(self.0.u32(..)),
        }
    }

    /// Any number of a script.
    pub fn wide_number(&mut self) -> i64 {
        if self.percent(8) {
            self.pick(&WIDE)
        } else {
            self.number()
        }
    }

    /// The name of a constant.
    pub fn constant(&mut self) -> String {
        let names: Vec<_> = forklab::abi::constants().collect();
        names[self.below(names.len())].name.to_owned()
    }

    /// Changes a text in a few places, as a slip of the fingers would or worse.
    pub fn damage(&mut self, text: &mut String) {
        const PIECES: [&str; 24] = [
            "(",
            ")",
            "{",
            "}",
            "[",
            "]",
            "\"",
            "`",
            "${",
            ";",
            ",",
            ".",
            "|",
            "||",
            "#{",
            "0x",
            "\n",
            "fn ",
            "let ",
            "é",
            "\u{1b}[31m",
            "\0",
            "//",
            "/*",
        ];
        for _ in 0..1 + self.below(4) {
            let mut places = text.char_indices().map(|(at, _)| at).collect::<Vec<_>>();
            places.push(text.len());
            let (a, b) = (self.pick(&places), self.pick(&places));
            let (from, to) = (a.min(b), a.max(b).min(a.min(b) + 40));
            let to = *places.iter().rfind(|at| **at <= to).unwrap_or(&from);
            match self.below(4) {
                0 => text.replace_range(from..to.max(from), ""),
                1 => {
                    let copy = text[from..to.max(from)].to_owned();
                    text.insert_str(a, &copy);
                }
                2 => text.insert_str(a, self.pick(&PIECES)),
                _ => {
                    let mut digits = String::new();
                    let _ = write!(digits, "{}", self.wide_number());
                    text.insert_str(a, &digits);
                }
            }
        }
    }
}
