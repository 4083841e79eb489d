//! A worker process of `forklab grade`: it grades what comes in, and the host keeps it within bounds.

use super::options::WorkerArgs;
use crate::course::{Grader, Lab, stack};
use crate::front::exit_code::{FAILED, FINE};
use crate::front::host_file::{fetcher, is_c_file};
use crate::front::process::Process;
use crate::grade::serve;
use crate::script::{Fetch, Wanted};
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// How often a worker looks whether anybody wants its answers.
#[cfg(unix)]
const LOOK: Duration = Duration::from_millis(500);

/// Serves until its orders end; returns the exit code.
pub(in crate::front) fn run(process: &Process, args: &WorkerArgs) -> u8 {
    #[cfg(unix)]
    confine();
    let Ok(lab) = Lab::load(&args.lab) else {
        return FAILED;
    };
    let thread = thread::Builder::new().stack_size(stack(&process.limits));
    let served = thread::scope(|scope| {
        let work = || {
            let fetch = |folder: &Path| {
                if args.compile || lab.folder.as_deref() == Some(folder) {
                    fetcher(folder.to_owned())
                } else {
                    without_compiler(folder)
                }
            };
            let grader = Grader {
                limits: process.limits,
                host: &|| process.host(Box::new(|_| Ok(()))),
                fetch: &fetch,
                compiles: &|| args.compile,
            };
            serve(&lab, &grader, io::stdin().lock(), io::stdout().lock())
        };
        thread.spawn_scoped(scope, work).ok()?.join().ok()
    });
    match served {
        Some(Ok(())) => FINE,
        Some(Err(_)) | None => FAILED,
    }
}

/// Brings in files of a folder, but compiles nothing: a compiler reads whatever file a C file names.
fn without_compiler(folder: &Path) -> Fetch {
    let mut fetch = fetcher(folder.to_owned());
    Box::new(move |name, wanted| {
        if wanted == Wanted::Program && is_c_file(Path::new(name)) {
            return Err("C files of hand-ins are compiled only with --compile".to_owned());
        }
        fetch(name, wanted)
    })
}

/// Leaves no core file behind, and ends with whoever has started it, whatever it is doing.
#[cfg(unix)]
fn confine() {
    use nix::sys::resource::{Resource, setrlimit};
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::{getpid, getppid};
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let parent = getppid();
    thread::spawn(move || {
        // Orphans have another parent.
        while getppid() == parent {
            thread::sleep(LOOK);
        }
        let _ = kill(getpid(), Signal::SIGKILL);
    });
}
