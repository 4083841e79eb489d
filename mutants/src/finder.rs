//! Finds the candidates: walks the modules of `src/kernel` and `src/hw` and says for each function
//! what could be changed in it. Tests and constants are left out, and so are the checks of
//! invariants, which only tests call.

use crate::candidate::{Candidate, ConstFn, Form};
use anyhow::{Context, Result};
use std::fs;
use std::ops::Range;
use std::path::Path;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Arm, Attribute, BinOp, Block, Expr, ExprLit, GenericArgument, ItemFn, Lit, Pat, PathArguments,
    ReturnType, Signature, Stmt, Token, Type, UnOp,
};

/// Where kernel and hardware begin.
const ROOTS: [&str; 2] = ["src/hw/mod.rs", "src/kernel/mod.rs"];

/// Checks of invariants: what tests call, and nothing else.
const CHECKS: [&str; 2] = ["check.rs", "page_check.rs"];

/// All candidates below the root of the repository.
pub fn find(root: &Path) -> Result<Vec<Candidate>> {
    let mut found = Vec::new();
    for module in ROOTS {
        find_in_module(root, module, &mut found)?;
    }
    Ok(found)
}

fn find_in_module(root: &Path, file: &str, found: &mut Vec<Candidate>) -> Result<()> {
    let text =
        fs::read_to_string(root.join(file)).with_context(|| format!("cannot read {file}"))?;
    let mut finder = Finder::new(file, &text);
    finder.visit_file(&syn::parse_file(&text).with_context(|| format!("cannot parse {file}"))?);
    let Finder {
        modules,
        found: here,
        ..
    } = finder;
    let (folder, name) = file.rsplit_once('/').context("a module lies in a folder")?;
    if !CHECKS.contains(&name) {
        found.extend(here);
    }
    let below = match name {
        "mod.rs" => folder.to_owned(),
        _ => file.trim_end_matches(".rs").to_owned(),
    };
    for module in modules {
        let alone = format!("{below}/{module}.rs");
        let in_folder = format!("{below}/{module}/mod.rs");
        let file = if root.join(&alone).exists() {
            alone
        } else {
            in_folder
        };
        find_in_module(root, &file, found)?;
    }
    Ok(())
}

struct Finder<'a> {
    file: &'a str,
    text: &'a str,
    /// Modules in files of their own.
    modules: Vec<String>,
    found: Vec<Candidate>,
    /// The type of the `impl` around.
    of_type: Option<String>,
    function: String,
    const_fn: Option<ConstFn>,
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let test = |list: &syn::MetaList| list.tokens.to_string() == "test";
        attribute.path().is_ident("cfg") && attribute.meta.require_list().is_ok_and(test)
    })
}

/// What is left out because changes there would be changes of something else.
impl<'a> Visit<'a> for Finder<'_> {
    fn visit_attribute(&mut self, _: &'a Attribute) {}
    fn visit_type(&mut self, _: &'a Type) {}
    fn visit_angle_bracketed_generic_arguments(
        &mut self,
        _: &'a syn::AngleBracketedGenericArguments,
    ) {
    }
    fn visit_item_const(&mut self, _: &'a syn::ItemConst) {}
    fn visit_item_static(&mut self, _: &'a syn::ItemStatic) {}
    fn visit_impl_item_const(&mut self, _: &'a syn::ImplItemConst) {}
    fn visit_trait_item_const(&mut self, _: &'a syn::TraitItemConst) {}
    fn visit_item_enum(&mut self, _: &'a syn::ItemEnum) {}
    fn visit_expr_const(&mut self, _: &'a syn::ExprConst) {}
    fn visit_pat(&mut self, _: &'a Pat) {}

    /// The length is a constant.
    fn visit_expr_repeat(&mut self, repeat: &'a syn::ExprRepeat) {
        self.visit_expr(&repeat.expr);
    }

    fn visit_item_mod(&mut self, module: &'a syn::ItemMod) {
        if is_test(&module.attrs) {
            return;
        }
        if module.content.is_none() {
            self.modules.push(module.ident.to_string());
        }
        visit::visit_item_mod(self, module);
    }

    fn visit_item_impl(&mut self, item: &'a syn::ItemImpl) {
        if !is_test(&item.attrs) {
            self.of_type = Some(self.source(&item.self_ty.span().byte_range()).to_owned());
            visit::visit_item_impl(self, item);
            self.of_type = None;
        }
    }

    fn visit_item_fn(&mut self, item: &'a ItemFn) {
        if !is_test(&item.attrs) {
            self.in_function(&item.sig, &item.block);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        if !is_test(&item.attrs) {
            self.in_function(&item.sig, &item.block);
        }
    }

    fn visit_block(&mut self, block: &'a Block) {
        for statement in &block.stmts {
            if let Stmt::Expr(expr, semicolon) = statement
                && can_be_dropped(expr, semicolon.is_some())
            {
                self.add(&statement.span().byte_range(), "", Form::Skip);
            }
        }
        visit::visit_block(self, block);
    }

    fn visit_arm(&mut self, arm: &'a Arm) {
        if let Some((_, guard)) = &arm.guard {
            self.force(guard);
        }
        visit::visit_arm(self, arm);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Binary(binary) => self.binary(binary),
            Expr::Unary(unary) => self.unary(unary),
            Expr::Lit(literal) => self.literal(literal),
            Expr::Path(path) => self.path(&path.path),
            Expr::Range(range) => self.range_end(range),
            Expr::If(item) => self.force(&item.cond),
            Expr::While(item) => self.never(&item.cond),
            Expr::Match(item) => self.arms(item),
            Expr::MethodCall(call) => self.method(call),
            Expr::Macro(call) if call.mac.path.is_ident("matches") => self.matches(&call.mac),
            _ => (),
        }
        visit::visit_expr(self, expr);
    }
}

impl<'a> Finder<'a> {
    fn new(file: &'a str, text: &'a str) -> Self {
        Self {
            file,
            text,
            modules: Vec::new(),
            found: Vec::new(),
            of_type: None,
            function: String::new(),
            const_fn: None,
        }
    }

    fn source(&self, range: &Range<usize>) -> &'a str {
        &self.text[range.clone()]
    }

    fn of(&self, node: &impl Spanned) -> &'a str {
        self.source(&node.span().byte_range())
    }

    fn add(&mut self, range: &Range<usize>, mutated: impl Into<String>, form: Form) {
        let original = self.source(range).to_owned();
        self.add_named(range, original, mutated.into(), form);
    }

    fn add_named(&mut self, range: &Range<usize>, original: String, mutated: String, form: Form) {
        self.found.push(Candidate {
            file: self.file.to_owned(),
            line: self.text[..range.start].matches('\n').count() + 1,
            function: self.function.clone(),
            range: range.clone(),
            original,
            mutated,
            form,
            const_fn: self.const_fn.clone(),
        });
    }

    /// The node, or another expression.
    fn choice(&mut self, node: &impl Spanned, mutated: impl Into<String>) {
        self.add(&node.span().byte_range(), mutated, Form::Choice);
    }

    fn in_function(&mut self, signature: &Signature, block: &Block) {
        let name = signature.ident.to_string();
        self.const_fn = signature.constness.map(|keyword| {
            let Range { start, end } = keyword.span().byte_range();
            ConstFn {
                name: name.clone(),
                keyword: start..end + 1,
            }
        });
        self.function = match &self.of_type {
            Some(of_type) => format!("{of_type}::{name}"),
            None => name,
        };
        self.returns(&signature.output, block);
        if matches!(signature.output, ReturnType::Default)
            && let Some(Stmt::Expr(last, None)) = block.stmts.last()
            && can_be_dropped(last, true)
        {
            self.add(&last.span().byte_range(), "", Form::Skip);
        }
        self.visit_block(block);
    }

    /// A function that gives one answer to all.
    fn returns(&mut self, output: &ReturnType, block: &Block) {
        let answers: &[&str] = match output {
            ReturnType::Default if block.stmts.is_empty() => &[],
            ReturnType::Default => &["return;"],
            ReturnType::Type(_, of_type) => answers(of_type),
        };
        let start = block.brace_token.span.open().byte_range().end;
        for answer in answers {
            self.add(&(start..start), *answer, Form::Entry);
        }
    }

    /// Another operator, or one operand alone.
    fn binary(&mut self, binary: &syn::ExprBinary) {
        if binds(&binary.left) || binds(&binary.right) {
            return;
        }
        let (left, right) = (self.of(&binary.left), self.of(&binary.right));
        if let Some(operator) = other_operator(&binary.op) {
            self.choice(
                binary,
                match is_assignment(&binary.op) {
                    true => format!("{left} {operator} {right}"),
                    false => format!("({left}) {operator} ({right})"),
                },
            );
        }
        if matches!(binary.op, BinOp::And(_) | BinOp::Or(_) | BinOp::BitOr(_)) {
            self.choice(binary, left);
            self.choice(binary, right);
        }
    }

    fn unary(&mut self, unary: &syn::ExprUnary) {
        if matches!(unary.op, UnOp::Not(_) | UnOp::Neg(_)) {
            self.choice(unary, self.of(&unary.expr));
        }
    }

    fn literal(&mut self, literal: &ExprLit) {
        match &literal.lit {
            Lit::Bool(value) => self.choice(literal, (!value.value).to_string()),
            Lit::Int(value) => {
                if let Ok(number) = value.base10_parse::<u128>() {
                    self.choice(literal, format!("{}{}", number + 1, value.suffix()));
                }
            }
            _ => (),
        }
    }

    /// Another error number, or a constant off by one.
    fn path(&mut self, path: &syn::Path) {
        let Some(last) = path.segments.last() else {
            return;
        };
        let name = last.ident.to_string();
        let of_errno =
            path.segments.len() > 1 && path.segments[path.segments.len() - 2].ident == "Errno";
        if of_errno {
            let other = if name == "EINVAL" { "EPERM" } else { "EINVAL" };
            let start = path.span().byte_range();
            let prefix = self.source(&start).trim_end_matches(&name).to_owned();
            self.choice(path, format!("{prefix}{other}"));
        } else if name.len() > 1 && !name.contains(char::is_lowercase) {
            self.choice(path, format!("{} + 1", self.of(path)));
        }
    }

    fn range_end(&mut self, range: &syn::ExprRange) {
        if let Some(end) = &range.end {
            self.choice(end, format!("({}) + 1", self.of(end)));
        }
    }

    fn force(&mut self, condition: &Expr) {
        if !binds(condition) {
            self.choice(condition, "true");
            self.choice(condition, "false");
        }
    }

    fn never(&mut self, condition: &Expr) {
        if !binds(condition) {
            self.choice(condition, "false");
        }
    }

    /// Arms that leave their cases to the last one, which takes all.
    fn arms(&mut self, item: &syn::ExprMatch) {
        let Some((last, arms)) = item.arms.split_last() else {
            return;
        };
        if last.guard.is_none() && matches!(last.pat, Pat::Wild(_)) {
            for arm in arms.iter().filter(|arm| arm.guard.is_none()) {
                let Range { end, .. } = arm.pat.span().byte_range();
                let pattern = self.of(&arm.pat).to_owned();
                self.add_named(&(end..end), pattern, String::new(), Form::Arm);
            }
        }
    }

    fn method(&mut self, call: &syn::ExprMethodCall) {
        let name = call.method.to_string();
        if name == "is_empty" {
            self.choice(call, format!("!{}", self.of(call)));
        }
        // Of one flag both methods say the same.
        let one_flag = call
            .args
            .iter()
            .all(|argument| matches!(argument, Expr::Path(_)));
        if one_flag && matches!(name.as_str(), "contains" | "intersects") {
            return;
        }
        let Some(other) = other_method(&name) else {
            return;
        };
        let Range { start, end } = call.span().byte_range();
        let method = call.method.span().byte_range();
        let (before, after) = (
            self.source(&(start..method.start)),
            self.source(&(method.end..end)),
        );
        self.choice(call, format!("{before}{other}{after}"));
    }

    /// The opposite, or one alternative fewer.
    fn matches(&mut self, call: &syn::Macro) {
        self.choice(call, format!("!{}", self.of(call)));
        let Ok(Matches {
            value,
            pattern: Pat::Or(pattern),
            guard,
        }) = call.parse_body()
        else {
            return;
        };
        let value = self.of(&value);
        let guard = guard.map_or(String::new(), |guard| format!(" if {}", self.of(&guard)));
        for dropped in 0..pattern.cases.len() {
            let kept = pattern
                .cases
                .iter()
                .enumerate()
                .filter(|(index, _)| *index != dropped);
            let kept: Vec<&str> = kept.map(|(_, case)| self.of(case)).collect();
            self.choice(
                call,
                format!("matches!({value}, {}{guard})", kept.join(" | ")),
            );
        }
    }
}

/// The arguments of `matches!`.
struct Matches {
    value: Expr,
    pattern: Pat,
    guard: Option<Expr>,
}

impl Parse for Matches {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let value = input.parse()?;
        input.parse::<Token![,]>()?;
        let pattern = Pat::parse_multi_with_leading_vert(input)?;
        let guard = match input.parse::<Option<Token![if]>>()? {
            Some(_) => Some(input.parse()?),
            None => None,
        };
        input.parse::<Option<Token![,]>>()?;
        Ok(Self {
            value,
            pattern,
            guard,
        })
    }
}

/// Whether a condition binds names by `let`.
fn binds(condition: &Expr) -> bool {
    match condition {
        Expr::Let(_) => true,
        Expr::Binary(binary) => binds(&binary.left) || binds(&binary.right),
        _ => false,
    }
}

/// Statements that are there for what they do.
fn can_be_dropped(expr: &Expr, has_no_value: bool) -> bool {
    match expr {
        Expr::ForLoop(_) => true,
        Expr::Try(inner) => can_be_dropped(&inner.expr, has_no_value),
        Expr::MethodCall(_) | Expr::Call(_) | Expr::Assign(_) => has_no_value,
        Expr::Binary(binary) => has_no_value && is_assignment(&binary.op),
        _ => false,
    }
}

/// Answers that a function of that type could give to all.
fn answers(of_type: &Type) -> &'static [&'static str] {
    let Type::Path(path) = of_type else {
        return &[];
    };
    let Some(last) = path.path.segments.last() else {
        return &[];
    };
    match last.ident.to_string().as_str() {
        "bool" => &["return true;", "return false;"],
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" => {
            &["return 0;", "return 1;"]
        }
        "Option" => &["return None;"],
        "Result" if gives_nothing(&last.arguments) => &["return Ok(());"],
        _ => &[],
    }
}

/// Whether the first of some generic arguments is `()`, or there are none.
fn gives_nothing(arguments: &PathArguments) -> bool {
    let PathArguments::AngleBracketed(arguments) = arguments else {
        return true;
    };
    let first: Option<&GenericArgument> = arguments.args.first();
    matches!(first, Some(GenericArgument::Type(Type::Tuple(tuple))) if tuple.elems.is_empty())
}

fn is_assignment(operator: &BinOp) -> bool {
    use BinOp::*;
    matches!(
        operator,
        AddAssign(_)
            | SubAssign(_)
            | MulAssign(_)
            | DivAssign(_)
            | RemAssign(_)
            | BitXorAssign(_)
            | BitAndAssign(_)
            | BitOrAssign(_)
            | ShlAssign(_)
            | ShrAssign(_)
    )
}

fn other_operator(operator: &BinOp) -> Option<&'static str> {
    use BinOp::*;
    Some(match operator {
        Lt(_) => "<=",
        Le(_) => "<",
        Gt(_) => ">=",
        Ge(_) => ">",
        Eq(_) => "!=",
        Ne(_) => "==",
        And(_) => "||",
        Or(_) => "&&",
        Add(_) => "-",
        Sub(_) => "+",
        Mul(_) | Rem(_) => "/",
        Div(_) => "*",
        BitAnd(_) | BitXor(_) => "|",
        BitOr(_) => "&",
        Shl(_) => ">>",
        Shr(_) => "<<",
        AddAssign(_) => "-=",
        SubAssign(_) => "+=",
        MulAssign(_) | RemAssign(_) => "/=",
        DivAssign(_) => "*=",
        BitAndAssign(_) | BitXorAssign(_) => "|=",
        BitOrAssign(_) => "&=",
        ShlAssign(_) => ">>=",
        ShrAssign(_) => "<<=",
        _ => return None,
    })
}

fn other_method(name: &str) -> Option<&'static str> {
    const PAIRS: [(&str, &str); 13] = [
        ("min", "max"),
        ("is_some", "is_none"),
        ("is_some_and", "is_none_or"),
        ("is_ok", "is_err"),
        ("any", "all"),
        ("first", "last"),
        ("push_front", "push_back"),
        ("pop_front", "pop_back"),
        ("contains", "intersects"),
        ("insert", "remove"),
        ("wrapping_add", "wrapping_sub"),
        ("saturating_add", "saturating_sub"),
        ("checked_add", "checked_sub"),
    ];
    PAIRS.iter().find_map(|(one, other)| match name {
        _ if name == *one => Some(*other),
        _ if name == *other => Some(*one),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What could be made of a text, in the order of the source's nodes.
    fn candidates(text: &str) -> Vec<String> {
        let mut finder = Finder::new("src/a.rs", text);
        finder.visit_file(&syn::parse_file(text).unwrap());
        let found = finder.found.iter().map(ToString::to_string);
        found
            .map(|text| text.split_once(' ').unwrap().1.to_owned())
            .collect()
    }

    #[test]
    fn every_kind_of_place_is_found() {
        for (text, expected) in [
            (
                "fn f() -> bool { a < b }",
                vec![
                    "f: `return true;` at once",
                    "f: `return false;` at once",
                    "f: `a < b` becomes `(a) <= (b)`",
                ],
            ),
            (
                "fn f() -> T { a | b }",
                vec![
                    "f: `a | b` becomes `(a) & (b)`",
                    "f: `a | b` becomes `a`",
                    "f: `a | b` becomes `b`",
                ],
            ),
            (
                "fn f() { a += 7; }",
                vec![
                    "f: `return;` at once",
                    "f: `a += 7;` dropped",
                    "f: `a += 7` becomes `a -= 7`",
                    "f: `7` becomes `8`",
                ],
            ),
            (
                "impl A { fn f() -> T { if a { x } else { y } } }",
                vec!["A::f: `a` becomes `true`", "A::f: `a` becomes `false`"],
            ),
            (
                "fn f() -> T { match a { 1 if b => x, 2 => y, _ => z } }",
                vec![
                    "f: arm `2` dropped",
                    "f: `b` becomes `true`",
                    "f: `b` becomes `false`",
                ],
            ),
            (
                "fn f() -> T { matches!(a, B | C) }",
                vec![
                    "f: `matches!(a, B | C)` becomes `!matches!(a, B | C)`",
                    "f: `matches!(a, B | C)` becomes `matches!(a, C)`",
                    "f: `matches!(a, B | C)` becomes `matches!(a, B)`",
                ],
            ),
            (
                "fn f() -> T { Errno::EINVAL }",
                vec!["f: `Errno::EINVAL` becomes `Errno::EPERM`"],
            ),
            (
                "fn f() -> T { a.min(MAX) }",
                vec![
                    "f: `a.min(MAX)` becomes `a.max(MAX)`",
                    "f: `MAX` becomes `MAX + 1`",
                ],
            ),
            (
                "fn f() -> T { if let Some(a) = b && c > d { x } else { y } }",
                vec!["f: `c > d` becomes `(c) >= (d)`"],
            ),
        ] {
            assert_eq!(candidates(text), expected, "{text}");
        }
    }

    #[test]
    fn tests_and_constants_are_left_out() {
        for text in [
            "const A: u32 = 1 + 2;",
            "enum A { B = 1 }",
            "#[cfg(test)] mod tests { fn f() { a(); } }",
            "#[cfg(test)] mod tests;",
            "fn f() -> [u8; 4] { [a; 4] }",
        ] {
            assert_eq!(candidates(text), Vec::<String>::new(), "{text}");
        }
    }
}
