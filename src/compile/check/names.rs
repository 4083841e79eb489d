//! Suggestions for misspelt words.

/// The most similar word, if any is similar at all.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .filter(|other| *other != word && !super::rhai_ast::is_closure(other))
        .map(|other| (strsim::jaro_winkler(word, other), other))
        .filter(|(similarity, _)| *similarity > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, other)| other)
}
