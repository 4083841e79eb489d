//! A bar for work that takes more than half a second: it shows how much is done and how long the
//! rest will take, and vanishes in the end. Only a terminal gets one.

use crate::script::Progress;
use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};
use std::fmt::Write;
use std::io::{self, IsTerminal, stderr};
use std::time::Duration;

/// For so long nothing is shown.
const PATIENCE: Duration = Duration::from_millis(500);

/// Shows the progress on standard error, if that is a terminal.
pub(super) fn progress() -> Option<Progress> {
    if !stderr().is_terminal() {
        return None;
    }
    let mut bar: Option<ProgressBar> = None;
    Some(Box::new(move |done, all| {
        let shown = bar.get_or_insert_with(|| bar_on(all, ProgressDrawTarget::hidden()));
        shown.set_position(done);
        if done == all {
            shown.finish_and_clear();
            bar = None;
        } else if shown.is_hidden() && shown.elapsed() > PATIENCE {
            shown.set_draw_target(target());
        }
    }))
}

/// A bar on the terminal that shows from the start how far some work has come; nothing anywhere
/// else.
pub(super) fn bar(all: u64) -> ProgressBar {
    bar_on(all, target())
}

fn bar_on(all: u64, target: ProgressDrawTarget) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(all), target);
    let template = "[{bar:24}] {pos}/{len}  {rate} a second, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        let rate = |state: &ProgressState, to: &mut dyn Write| {
            let _ = write!(to, "{:.1}", state.per_sec());
        };
        bar.set_style(style.with_key("rate", rate).progress_chars("##-"));
    }
    bar
}

/// The columns that a bar leaves free at the right: a terminal echoes Ctrl-C as `^C`, and if that
/// began another line, the bar on this one would stay.
const ROOM: u16 = 2;
/// How often a second a bar is drawn at most.
const DRAWN: u8 = 20;

/// Where bars are drawn: on standard error, if that is a terminal.
fn target() -> ProgressDrawTarget {
    if stderr().is_terminal() {
        ProgressDrawTarget::term_like_with_hz(Box::new(Narrower(Term::stderr())), DRAWN)
    } else {
        ProgressDrawTarget::hidden()
    }
}

/// A terminal without its last columns.
#[derive(Debug)]
struct Narrower(Term);

impl TermLike for Narrower {
    fn width(&self) -> u16 {
        self.0.size().1.saturating_sub(ROOM).max(1)
    }

    fn height(&self) -> u16 {
        self.0.size().0
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_up(n)
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_left(n)
    }

    fn write_line(&self, s: &str) -> io::Result<()> {
        self.0.write_line(s)
    }

    fn write_str(&self, s: &str) -> io::Result<()> {
        self.0.write_str(s)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }
}
