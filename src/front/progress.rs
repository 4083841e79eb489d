//! A bar for work that takes more than half a second: it shows how much is done and how long the
//! rest will take, and vanishes in the end. Only a terminal gets one.

use crate::script::Progress;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, stderr};
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
        let shown = bar.get_or_insert_with(hidden_bar);
        shown.set_length(all);
        shown.set_position(done);
        if done == all {
            shown.finish_and_clear();
            bar = None;
        } else if shown.is_hidden() && shown.elapsed() > PATIENCE {
            shown.set_draw_target(indicatif::ProgressDrawTarget::stderr());
        }
    }))
}

/// A bar that is not shown yet.
fn hidden_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("[{bar:40}] {pos}/{len}  {per_sec}  {eta}");
    let bar = ProgressBar::with_draw_target(None, indicatif::ProgressDrawTarget::hidden());
    match style {
        Ok(style) => bar.with_style(style.progress_chars("##-")),
        Err(_) => bar,
    }
}
