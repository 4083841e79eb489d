//! What there is to say of a system call that scripts have under another name, or not at all.

use crate::kernel::syscall::{SYSCALLS, Status, SyscallInfo};

/// What there is to say of the system call of that name, if it is one.
pub(in crate::script) fn about(name: &str) -> Option<String> {
    let info = SYSCALLS.iter().find(|info| info.name == name)?;
    let has_it = match info.status {
        Status::Exact | Status::Simplified => "",
        Status::Absent => "; forklab does not have it (ENOSYS)",
        Status::Hole => ": there is none under this number (ENOSYS)",
    };
    let mut text = format!(
        "{name}({})\n  system call {} of 2.6.12{has_it}",
        info.params, info.nr
    );
    for (who, names) in [
        ("methods of puppets", info.puppets.join(", ")),
        ("words of programs", words(info)),
    ] {
        if !names.is_empty() {
            text.push_str(&format!("\n  {who}: {names}"));
        }
    }
    Some(text)
}

fn words(info: &SyscallInfo) -> String {
    let names: Vec<&str> = info.programs.iter().map(|word| word.name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::about;

    #[test]
    fn a_call_says_who_makes_it_or_that_nobody_can() {
        insta::assert_snapshot!(about("execve").unwrap(), @r"
        execve(char *path, char **argv, char **envp)
          system call 11 of 2.6.12
          methods of puppets: exec
          words of programs: execve
        ");
        insta::assert_snapshot!(about("quotactl").unwrap(), @r"
        quotactl(unsigned int command, const char *dev, int id, void *addr)
          system call 131 of 2.6.12; forklab does not have it (ENOSYS)
        ");
        assert_eq!(about("frok"), None);
    }
}
