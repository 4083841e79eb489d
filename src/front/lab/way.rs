//! The way through the labs: which one to go on with, and which one comes next.

use crate::course::{Lab, Progress};

fn is_done(lab: &Lab, progress: &Progress) -> bool {
    let begun = progress.labs.get(&lab.name);
    begun.is_some_and(|begun| begun.is_done(lab))
}

/// The first lab that is not finished after the one that was begun last. After the last one come
/// those that were left out.
pub(in crate::front) fn next<'a>(labs: &'a [Lab], progress: &Progress) -> Option<&'a Lab> {
    let current = progress.current.as_ref();
    let here = labs.iter().position(|lab| Some(&lab.name) == current);
    let (before, after) = labs.split_at(here.map_or(0, |here| here + 1));
    let mut way = after.iter().chain(before);
    way.find(|lab| !is_done(lab, progress))
}

/// The lab to go on with: the one that was begun last, or else the next one.
pub(in crate::front) fn resume<'a>(labs: &'a [Lab], progress: &Progress) -> Option<&'a Lab> {
    let current = progress.current.as_ref();
    let last = labs.iter().find(|lab| Some(&lab.name) == current);
    let open = last.filter(|lab| !is_done(lab, progress));
    open.or_else(|| next(labs, progress))
}
