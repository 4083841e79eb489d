//! Values that can go to another thread: copies of the plain ones. Handles cannot, because they
//! belong to the machine of their session.

use crate::script::api::Workload;
use rhai::{AST, Array, Dynamic, FnPtr, Map};

/// How deeply nested values are copied.
const MAX_DEPTH: usize = 100;

/// A copy of a value.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::script) enum Plain {
    Unit,
    Bool(bool),
    Int(i64),
    Float(f64),
    Char(char),
    Text(String),
    Array(Vec<Self>),
    Map(Vec<(String, Self)>),
    /// A function of the script, with the values that a closure has captured.
    Function(String, Vec<Self>),
    Workload(Workload),
}

impl Plain {
    /// A copy of a value; `None` if it is not plain.
    pub(in crate::script) fn of(value: &Dynamic) -> Option<Self> {
        Self::at_depth(value, MAX_DEPTH)
    }

    fn at_depth(value: &Dynamic, depth: usize) -> Option<Self> {
        let depth = depth.checked_sub(1)?;
        let value = value.flatten_clone();
        let all = |values: &[Dynamic]| -> Option<Vec<Self>> {
            values
                .iter()
                .map(|value| Self::at_depth(value, depth))
                .collect()
        };
        if value.is_unit() {
            return Some(Self::Unit);
        }
        if let Ok(value) = value.as_bool() {
            return Some(Self::Bool(value));
        }
        if let Ok(value) = value.as_int() {
            return Some(Self::Int(value));
        }
        if let Ok(value) = value.as_float() {
            return Some(Self::Float(value));
        }
        if let Ok(value) = value.as_char() {
            return Some(Self::Char(value));
        }
        if let Ok(text) = value.as_immutable_string_ref() {
            return Some(Self::Text(text.to_string()));
        }
        if let Some(array) = value.read_lock::<Array>() {
            return all(&array).map(Self::Array);
        }
        if let Some(map) = value.read_lock::<Map>() {
            let entries = map
                .iter()
                .map(|(key, value)| Some((key.to_string(), Self::at_depth(value, depth)?)));
            return entries.collect::<Option<_>>().map(Self::Map);
        }
        if let Some(function) = value.read_lock::<FnPtr>() {
            let captured = all(function.curry())?;
            return Some(Self::Function(function.fn_name().to_owned(), captured));
        }
        let workload = value.read_lock::<Workload>()?;
        Some(Self::Workload(workload.clone()))
    }

    /// The value again, where these functions are; `None` if one of its functions is not among them.
    /// Captured variables are shared, as they were.
    pub(in crate::script) fn into_dynamic(self, functions: &AST) -> Option<Dynamic> {
        Some(match self {
            Self::Unit => Dynamic::UNIT,
            Self::Bool(value) => value.into(),
            Self::Int(value) => value.into(),
            Self::Float(value) => value.into(),
            Self::Char(value) => value.into(),
            Self::Text(text) => text.into(),
            Self::Array(values) => values
                .into_iter()
                .map(|value| value.into_dynamic(functions))
                .collect::<Option<Array>>()?
                .into(),
            Self::Map(entries) => entries
                .into_iter()
                .map(|(key, value)| Some((key.into(), value.into_dynamic(functions)?)))
                .collect::<Option<Map>>()?
                .into(),
            Self::Function(name, captured) => Dynamic::from(closure(&name, captured, functions)?),
            Self::Workload(workload) => Dynamic::from(workload),
        })
    }
}

/// A function with captured variables; `None` if it is not among the functions.
pub(super) fn closure(name: &str, captured: Vec<Plain>, functions: &AST) -> Option<FnPtr> {
    // Not by its name, from which only a named function can be made.
    let found = functions.iter_fn_def().find(|found| found.name == name)?;
    let mut function = FnPtr::from(found.clone());
    for value in captured {
        function.add_curry(value.into_dynamic(functions)?.into_shared());
    }
    Some(function)
}
