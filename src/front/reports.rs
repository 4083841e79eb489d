//! Which reports are wanted, and writing them: `--report FILE` chooses the form by the ending or the
//! name of the file.

use super::print::reason;
use crate::report::{self, Report};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The form of a report.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Form {
    /// JUnit XML.
    Junit,
    /// The Test Anything Protocol.
    Tap,
    /// The results of tests as JSON.
    Json,
    /// A table of marks.
    Csv,
    /// A page about a class.
    Html,
    /// A `results.json` for each hand-in.
    Gradescope,
}

/// The forms that results of tests have.
pub(super) const OF_TESTS: &[Form] = &[Form::Junit, Form::Json, Form::Tap];
/// The forms that the marks of a class have.
pub(super) const OF_MARKS: &[Form] = &[
    Form::Csv,
    Form::Html,
    Form::Junit,
    Form::Json,
    Form::Tap,
    Form::Gradescope,
];

impl Form {
    /// Its name, and the file that this name stands for.
    const fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::Junit => ("junit", "junit.xml"),
            Self::Tap => ("tap", "report.tap"),
            Self::Json => ("json", "report.json"),
            Self::Csv => ("csv", "marks.csv"),
            Self::Html => ("html", "report.html"),
            Self::Gradescope => ("gradescope", "results"),
        }
    }

    /// How the names of its files end.
    const fn ending(self) -> &'static str {
        match self {
            Self::Junit => ".xml",
            Self::Tap => ".tap",
            Self::Json => ".json",
            Self::Csv => ".csv",
            Self::Html => ".html",
            Self::Gradescope => "results.json",
        }
    }
}

/// A report that is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wanted {
    pub(super) form: Form,
    path: PathBuf,
}

/// The reports that files or names stand for, such as `out/junit.xml` or `tap`. Each file is opened at
/// once, so that nobody waits for a report that cannot be written.
///
/// # Errors
/// Which one cannot be made, and why.
pub(super) fn wanted(names: &[String], forms: &[Form]) -> Result<Vec<Wanted>, String> {
    let mut all: Vec<Wanted> = Vec::new();
    for name in names {
        let found = of_name(name, forms)?;
        if all.iter().any(|other| other.path == found.path) {
            return Err(format!("the report {name} is named twice"));
        }
        found.try_to_write()?;
        all.push(found);
    }
    Ok(all)
}

fn of_name(name: &str, forms: &[Form]) -> Result<Wanted, String> {
    if let Some(form) = forms.iter().find(|form| form.name().0 == name) {
        let path = PathBuf::from(form.name().1);
        return Ok(Wanted { form: *form, path });
    }
    let path = PathBuf::from(name);
    let file = path.file_name().map(OsStr::to_string_lossy);
    let file = file.unwrap_or_default();
    // The longest ending says most.
    let fits = forms.iter().filter(|form| file.ends_with(form.ending()));
    match fits.max_by_key(|form| form.ending().len()) {
        Some(form) => Ok(Wanted { form: *form, path }),
        None => {
            let endings: Vec<&str> = forms.iter().map(|form| form.ending()).collect();
            let names: Vec<&str> = forms.iter().map(|form| form.name().0).collect();
            Err(format!(
                "the report {name} has no known form; name a file that ends in {}, or just {}",
                endings.join(", "),
                names.join(", ")
            ))
        }
    }
}

impl Wanted {
    /// Whether it is a folder of files.
    fn is_folder(&self) -> bool {
        self.form == Form::Gradescope && self.path.extension().is_none()
    }

    fn try_to_write(&self) -> Result<(), String> {
        let tried = if self.is_folder() {
            fs::create_dir_all(&self.path)
        } else {
            // What is there already stays until there is something better.
            let mut options = fs::File::options();
            let opened = options.append(true).create(true).open(&self.path);
            opened.map(|_| ())
        };
        tried.map_err(|error| not_written(&self.path, &error))
    }

    /// Writes a report on tests.
    ///
    /// # Errors
    /// That it cannot be written, and why.
    pub(super) fn write(&self, report: &Report) -> Result<(), String> {
        self.write_text(&match self.form {
            Form::Junit => report::junit(report),
            Form::Tap => report::tap(report),
            _ => report::json(report),
        })
    }

    /// Writes a text.
    ///
    /// # Errors
    /// That it cannot be written, and why.
    pub(super) fn write_text(&self, text: &str) -> Result<(), String> {
        fs::write(&self.path, text).map_err(|error| not_written(&self.path, &error))
    }

    /// Writes a text for each name: into the folder, or into the file if there is only one.
    ///
    /// # Errors
    /// That they cannot be written, and why.
    pub(super) fn write_each(&self, texts: &[(String, String)]) -> Result<(), String> {
        if !self.is_folder() {
            return match texts {
                [(_, text)] => self.write_text(text),
                _ => Err(format!(
                    "{} is for one hand-in; --report gradescope writes a file for each",
                    self.path.display()
                )),
            };
        }
        let mut used = std::collections::BTreeSet::new();
        for (name, text) in texts {
            let mut file = name.clone();
            // Names that differ only in what a file name cannot hold, or in case.
            while !used.insert(file.to_lowercase()) {
                file.push('_');
            }
            let path = self.path.join(format!("{file}.json"));
            fs::write(&path, text).map_err(|error| not_written(&path, &error))?;
        }
        Ok(())
    }
}

fn not_written(path: &Path, error: &io::Error) -> String {
    let why = reason(error);
    format!("the report {} cannot be written: {why}", path.display())
}
