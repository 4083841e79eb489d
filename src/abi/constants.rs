//! The constants of the C headers, given to scripts and programs with a line on what each stands
//! for. The macros here declare them: a constant is written down once, in the file of its header.

use super::{
    DefaultAction, Errno, Signal, capability, clone_flags, fcntl, futex, ioctl, ipc, mman, poll,
    prio, ptrace, resource, sigaction, siginfo, stat, termios, time, wait,
};

/// A constant of a C header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Constant {
    /// Its name in C.
    pub name: &'static str,
    /// Its value, a 32-bit word.
    pub value: i64,
    /// What it stands for, as the doc comment of the declaration has it.
    pub doc: &'static str,
}

impl Constant {
    /// What it stands for, as it goes into a sentence: `a flag of open: for reading`.
    pub fn meaning(&self) -> String {
        let doc = self.doc.trim().trim_end_matches('.').replace('`', "");
        let mut chars = doc.chars();
        let first = chars.next().map(|c| c.to_ascii_lowercase());
        first.into_iter().chain(chars).collect()
    }
}

/// Declares numbers that stand alone, with the list `CONSTANTS` of them.
macro_rules! constants {
    ($($(#[doc = $doc:literal])+ $name:ident: $ty:ty = $value:expr;)*) => {
        $($(#[doc = $doc])+ pub const $name: $ty = $value;)*

        pub(in crate::abi) const CONSTANTS: &[$crate::abi::Constant] = &[$(
            $crate::abi::Constant {
                name: stringify!($name),
                value: $name as i64,
                doc: concat!($($doc),+),
            },
        )*];
    };
}

/// Declares a set of flags, each with its name in C, and the list `CONSTANTS` of them.
macro_rules! flags {
    (
        $(#[$meta:meta])*
        pub struct $set:ident {
            $($(#[doc = $doc:literal])+ $flag:ident $name:literal = $value:expr;)*
        }
    ) => {
        bitflags::bitflags! {
            $(#[$meta])*
            #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
            pub struct $set: u32 {
                $($(#[doc = $doc])+ const $flag = $value;)*
            }
        }

        impl $set {
            pub(in crate::abi) const CONSTANTS: &[$crate::abi::Constant] = &[$(
                $crate::abi::Constant {
                    name: $name,
                    value: $value as i64,
                    doc: concat!($($doc),+),
                },
            )*];
        }
    };
}

/// Declares numbers of which one is meant at a time, each with its name in C, and the list
/// `CONSTANTS` of them.
macro_rules! numbered {
    (
        $(#[$meta:meta])*
        pub enum $type:ident {
            $($(#[doc = $doc:literal])+ $variant:ident $name:literal = $value:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $type {
            $($(#[doc = $doc])+ $variant = $value,)*
        }

        impl $type {
            /// All of them, in the order of their numbers.
            pub const ALL: [Self; [$($value),*].len()] = [$(Self::$variant),*];

            pub(in crate::abi) const CONSTANTS: &[$crate::abi::Constant] = &[$(
                $crate::abi::Constant {
                    name: $name,
                    value: $value,
                    doc: concat!($($doc),+),
                },
            )*];

            /// The one of that number.
            pub const fn from_number(number: u32) -> Option<Self> {
                match number {
                    $($value => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The name of its constant.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

/// Every list but that of the signals.
const LISTS: &[&[Constant]] = &[
    Errno::CONSTANTS,
    capability::CONSTANTS,
    fcntl::CONSTANTS,
    ioctl::CONSTANTS,
    stat::CONSTANTS,
    futex::CONSTANTS,
    ipc::CONSTANTS,
    mman::CONSTANTS,
    mman::Prot::CONSTANTS,
    mman::MapFlags::CONSTANTS,
    mman::RemapFlags::CONSTANTS,
    poll::CONSTANTS,
    prio::CONSTANTS,
    ptrace::CONSTANTS,
    ptrace::PtraceEvent::CONSTANTS,
    resource::CONSTANTS,
    resource::Resource::CONSTANTS,
    clone_flags::CloneFlags::CONSTANTS,
    sigaction::CONSTANTS,
    sigaction::SaFlags::CONSTANTS,
    siginfo::si_code::CONSTANTS,
    termios::CONSTANTS,
    time::CONSTANTS,
    wait::CONSTANTS,
    wait::WaitOptions::CONSTANTS,
];

/// All kinds, in the order of their numbers.
pub fn constants() -> impl Iterator<Item = Constant> {
    let signals = Signal::NAMED.iter().map(|(name, signal)| Constant {
        name,
        value: i64::from(signal.number()),
        doc: match signal.default_action() {
            DefaultAction::Ignore => "A signal; by default it is ignored.",
            DefaultAction::Terminate => "A signal; by default it kills the process.",
            DefaultAction::Core => "A signal; by default it kills the process, with a core dump.",
            DefaultAction::Stop => "A signal; by default it stops the process.",
        },
    });
    LISTS
        .iter()
        .flat_map(|list| list.iter().copied())
        .chain(signals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_name_stands_for_one_number() {
        let mut names = BTreeSet::new();
        for constant in constants() {
            assert!(
                names.insert(constant.name),
                "{} stands twice",
                constant.name
            );
        }
    }

    #[test]
    fn the_doc_comment_of_a_declaration_says_what_the_constant_means() {
        let meaning = |name: &str| {
            let found = constants().find(|constant| constant.name == name);
            found.unwrap().meaning()
        };
        assert_eq!(meaning("O_RDONLY"), "a flag of open: for reading");
        assert_eq!(meaning("SEEK_SET"), "lseek: from the beginning of the file");
        assert_eq!(meaning("EINTR"), "an error number: interrupted system call");
        assert_eq!(meaning("SIGCHLD"), "a signal; by default it is ignored");
    }
}
