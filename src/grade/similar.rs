//! Hand-ins that are alike, whatever their variables are called: their tokens without names, numbers
//! and comments have many stretches in common that the lab itself does not contain.

use rhai::{Engine, Token};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// How many tokens in a row count as a stretch.
const STRETCH: usize = 8;
/// Of so many stretches in a row, one is kept.
const WINDOW: usize = 4;
/// The most stretches of a hand-in that are kept: more than any that somebody has typed.
const MAX_KEPT: usize = 4_000;
/// Hand-ins with fewer stretches of their own look alike by chance.
const MIN_OWN: usize = 6;
/// Hand-ins are alike from this part of their stretches on, in percent.
const ALIKE: usize = 70;

/// The stretches of a text, as numbers in ascending order.
pub type Print = Vec<u64>;

/// Two hand-ins that are alike, by their places.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Pair {
    /// The place of one.
    pub first: usize,
    /// The place of the other.
    pub second: usize,
    /// How much of their stretches they have in common, in percent.
    pub percent: usize,
}

/// The stretches of a script. Of a text that is no script, those before the first error.
pub fn print_of(text: &str) -> Print {
    let tokens = tokens(text);
    let hashes: Vec<u64> = tokens.windows(STRETCH).map(hash).collect();
    // The smallest of each window is the same wherever the window begins.
    let kept: BTreeSet<u64> = hashes
        .windows(WINDOW)
        .filter_map(|window| window.iter().min().copied())
        .take(MAX_KEPT)
        .collect();
    kept.into_iter().collect()
}

/// The pairs that are alike apart from what the lab gave to everybody, those most alike first.
pub fn alike(prints: &[Print], given: &Print) -> Vec<Pair> {
    let given: BTreeSet<u64> = given.iter().copied().collect();
    let own: Vec<Vec<u64>> = prints
        .iter()
        .map(|print| {
            let own = print.iter().filter(|stretch| !given.contains(stretch));
            own.copied().collect()
        })
        .collect();
    let mut owners: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (place, print) in own.iter().enumerate() {
        for stretch in print {
            owners.entry(*stretch).or_default().push(place);
        }
    }
    let mut pairs = Vec::new();
    for (first, print) in own.iter().enumerate() {
        if print.len() < MIN_OWN {
            continue;
        }
        let mut common = vec![0_usize; own.len()];
        for owner in print.iter().flat_map(|stretch| &owners[stretch]) {
            common[*owner] += 1;
        }
        for second in first + 1..own.len() {
            let all = print.len() + own[second].len() - common[second];
            let percent = common[second] * 100 / all.max(1);
            if percent >= ALIKE && own[second].len() >= MIN_OWN {
                pairs.push(Pair {
                    first,
                    second,
                    percent,
                });
            }
        }
    }
    pairs.sort_by_key(|pair| (std::cmp::Reverse(pair.percent), *pair));
    pairs
}

/// The tokens of a script. Names that it may choose itself are all the same.
fn tokens(text: &str) -> Vec<String> {
    let engine = Engine::new_raw();
    let mut tokens = Vec::new();
    let mut is_method = false;
    let input = [text];
    let (stream, _) = engine.lex(&input);
    for (token, _) in stream {
        let after_dot = std::mem::replace(&mut is_method, token == Token::Period);
        tokens.push(match token {
            Token::EOF | Token::LexError(_) => break,
            Token::Identifier(name) if after_dot => name.to_string(),
            Token::Identifier(_) => "name".to_owned(),
            Token::IntegerConstant(_) => "number".to_owned(),
            Token::StringConstant(_) | Token::InterpolatedString(_) => "text".to_owned(),
            other => other.to_string(),
        });
    }
    tokens
}

/// A number for tokens in a row. It is written to no report, so it need not be the same in another
/// version.
fn hash(tokens: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    tokens.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "// Lab 3\nfn two_copies(sh) {\n    // your code\n}\n";
    const ONE: &str = "fn two_copies(sh) { let page = sh.mmap(4096); sh.write(page, 1); \
        let kid = sh.fork(); kid.write(page, 2); sh.write(page, 3); kid.exit(0); sh.wait(); }";

    fn pairs(texts: &[&str]) -> Vec<Pair> {
        let prints: Vec<Print> = texts.iter().map(|text| print_of(text)).collect();
        alike(&prints, &print_of(GIVEN))
    }

    #[test]
    fn renaming_numbers_and_comments_hide_nothing() {
        let renamed = ONE
            .replace("page", "area")
            .replace("kid", "boy")
            .replace("4096", "8192")
            .replace("; ", "; // now\n  ");
        let other = "fn two_copies(sh) { for i in 0..2 { let k = sh.fork(); \
            if i == 1 { k.exit(1); } print(k.pid); } while sh.children.len > 0 { sh.wait(); } }";
        let found = pairs(&[ONE, other, &renamed]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (found[0].first, found[0].second, found[0].percent),
            (0, 2, 100)
        );
    }

    #[test]
    fn what_everybody_was_given_is_no_likeness() {
        assert_eq!(pairs(&[GIVEN, GIVEN, "", "let x = 1;"]), []);
    }

    #[test]
    fn what_is_no_script_is_no_trouble() {
        for text in ["\"", "/* /*", "`${", "\u{0}\u{fffd}", "'", "let 0x"] {
            assert!(print_of(text).len() <= 1, "{text}");
        }
    }
}
