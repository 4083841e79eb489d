//! Interned task and program names (`comm`), so that trace events can stay plain `Copy` data.

/// The longest `comm`, in bytes (`TASK_COMM_LEN` - 1).
const COMM_MAX: usize = 15;

/// An interned `comm`. Only the [`Names`] table that made it can resolve it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Name(u16);

/// The table of interned names.
#[derive(Clone, Debug)]
pub struct Names {
    names: Vec<Box<str>>,
}

impl Default for Names {
    /// A table that contains only `swapper`, the idle task's name, as `Name::default()`.
    fn default() -> Self {
        Self {
            names: vec!["swapper".into()],
        }
    }
}

impl Names {
    /// Interns `name`, truncated to 15 bytes at a character boundary like `set_task_comm` does.
    ///
    /// When the table is full (65,536 different names), the last entry stands for all later ones.
    pub fn intern(&mut self, name: &str) -> Name {
        let comm = truncate(name);
        if let Some(known) = self.names.iter().position(|n| &**n == comm) {
            return Name(known as u16);
        }
        if self.names.len() > usize::from(u16::MAX) {
            return Name(u16::MAX);
        }
        self.names.push(comm.into());
        Name((self.names.len() - 1) as u16)
    }

    /// How many names there are.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub const fn len(&self) -> usize {
        self.names.len()
    }

    /// The text of an interned name.
    pub fn get(&self, name: Name) -> &str {
        self.names.get(usize::from(name.0)).map_or("?", |n| n)
    }
}

fn truncate(name: &str) -> &str {
    let mut end = name.len().min(COMM_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_interned_once_and_cut_to_fifteen_bytes() {
        let mut names = Names::default();
        let a = names.intern("a-very-long-program-name");
        assert_eq!(names.get(a), "a-very-long-pro");
        assert_eq!(names.intern("a-very-long-pro"), a);
        assert_eq!(names.get(Name::default()), "swapper");
    }

    #[test]
    fn a_multi_byte_character_is_never_cut_in_half() {
        let mut names = Names::default();
        let a = names.intern("fourteen-byte-é");
        assert_eq!(names.get(a), "fourteen-byte-");
    }
}
