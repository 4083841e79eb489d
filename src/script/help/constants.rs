//! The meanings of the constants that scripts can use.

use crate::script::api;

/// The help text for a constant, if the name is one.
pub(in crate::script) fn about(name: &str) -> Option<String> {
    let constant = api::constants()
        .into_iter()
        .find(|known| known.name == name)?;
    let (value, meaning) = (constant.value, constant.meaning());
    let mut text = match value {
        10.. => format!("{name} = {value} = {value:#x}"),
        _ => format!("{name} = {value}"),
    };
    if name.starts_with("CLONE_") {
        text.push_str(&format!(
            "\n  a flag of clone: {meaning}\n  explain_clone({name}) says what a clone with it would do"
        ));
    } else {
        text.push_str(&format!("\n  {meaning}"));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_constant_is_explained() {
        for constant in api::constants() {
            let text = about(constant.name).unwrap();
            assert!(text.lines().count() >= 2, "{text}");
        }
        assert_eq!(about("CLONE_WM"), None);
    }
}
