//! `why` in words: one screen, one line per step, the outcomes last.

use super::{Area, Fate, Forecast, Mapper, TaskName, Why};
use crate::abi::{Later, Pfn, later_than};
use crate::hw::{ErrorCode, Pte};
use crate::kernel::mm::{SwapEntry, WpWhy, pte_to_pgoff};
use crate::view::memory::maps::MapsRow;
use crate::view::memory::vtop::{PageView, TlbView, station};
use crate::view::text::{Line, Role, Text, cell, task_tag};

/// How many mappings of a frame are named one by one.
const MAX_NAMED: usize = 4;

/// The first difference that concerns a name.
fn later_than_this(name: &str) -> Option<&'static Later> {
    later_than(name).next()
}

impl Why {
    /// At most fifteen lines, unless the TLBs of many CPUs differ.
    pub fn text(&self) -> Text {
        let whose = cell(Role::Plain, " of ").join(self.task.tag());
        let mut text: Text = self.walk.address_line(whose).into();
        text.push(self.walk.cr3_line());
        text.push(self.walk.pde.line("PDE"));
        text.push(self.pte_line());
        text.lines.extend(self.tlb_lines());
        text.push(station("area").join(self.area_line()));
        if let Some(page) = &self.walk.page {
            text.push(self.page_line(page));
        }
        text.push(self.forecast_line("read", &self.read));
        text.push(self.forecast_line("write", &self.write));
        let fetch = self.forecast_line("fetch", &self.fetch);
        let unmarked = self.fetch.succeeds() && !self.area.is_executable();
        text.push(if unmarked {
            fetch.add(Role::Dim, "  (not x, but an i386 entry has no such bit)")
        } else {
            fetch
        });
        text.lines.extend(self.later_lines());
        text
    }

    /// What a later kernel does otherwise with such an access.
    fn later_lines(&self) -> impl Iterator<Item = Line> {
        let zero = matches!(self.read.fate, Fate::ZeroPage).then_some("zero_page_map");
        let grows = (self.read.grows_by > 0).then_some("stack grows");
        let differ = [zero, grows].into_iter().flatten();
        differ.filter_map(later_than_this).map(|later| {
            let words = format!("since {}: {}", later.version, later.there);
            cell(Role::Dim, words)
        })
    }

    fn area_line(&self) -> Line {
        let line = self.area.line();
        if self.walk.locked {
            line.plain("  locked: reclaim leaves its pages in memory")
        } else {
            line
        }
    }

    fn pte_line(&self) -> Line {
        let Some(pte) = &self.walk.pte else {
            let none = match self.walk.pfn {
                Some(_) => "none: the directory entry maps 4 MiB",
                None => "none: there is no page table",
            };
            return station("PTE").add(Role::Dim, none);
        };
        station("PTE")
            .add(Role::Address, format_args!("{:#010x}", pte.value))
            .plain("  at ")
            .add(Role::Dim, format_args!("{:#010x}", pte.phys))
            .plain("  ")
            .add(Role::Flag, pte_words(Pte(pte.value)))
    }

    /// One line for all CPUs whose TLBs agree about the page.
    fn tlb_lines(&self) -> Vec<Line> {
        let views = &self.walk.tlb;
        if views.is_empty() {
            let none = "no CPU uses this address space now";
            return vec![station("TLB").add(Role::Dim, none)];
        }
        let same = |a: &TlbView, b: &TlbView| {
            TlbView {
                cpu: b.cpu,
                ..a.clone()
            } == *b
        };
        let firsts = views.iter().enumerate();
        let firsts = firsts.filter(|(nr, view)| !views[..*nr].iter().any(|old| same(old, view)));
        let line = |(_, first): (usize, &TlbView)| {
            let alike = views.iter().filter(|view| same(first, view));
            let cpus: Vec<String> = alike.map(|view| view.cpu.to_string()).collect();
            first.line_of_cpus(&cpus.join(", "))
        };
        firsts.map(line).collect()
    }

    fn page_line(&self, page: &PageView) -> Line {
        let line = page.line();
        if self.mapped_by.is_empty() {
            return line;
        }
        let with_rights = |mapper: &Mapper| {
            let (role, rights) = if mapper.writable {
                (Role::Bad, " rw")
            } else {
                (Role::Good, " r-")
            };
            mapper.tag().add(role, rights)
        };
        line.plain("; mapped by ")
            .join(listed(self.mapped_by.iter().map(with_rights)))
    }

    fn forecast_line(&self, access: &str, forecast: &Forecast) -> Line {
        let line = cell(Role::Heading, format_args!("{access:<7}"));
        let line = match forecast.fault {
            None => line,
            Some(code) => line
                .plain("fault ")
                .add(Role::Number, format_args!("{code:#x}"))
                .plain(format_args!(" ({}) -> ", forecast.words(code))),
        };
        let line = match forecast.grows_by {
            0 => line,
            pages => line
                .plain("the stack grows by ")
                .add(Role::Number, pages)
                .plain(if pages == 1 {
                    " page, then "
                } else {
                    " pages, then "
                }),
        };
        line.join(self.fate(&forecast.fate))
    }

    fn fate(&self, fate: &Fate) -> Line {
        let good = |word: &str| cell(Role::Good, word);
        match fate {
            Fate::Ok { value, stale } => ok_line(*value, *stale),
            Fate::ZeroPage => good("ZERO PAGE").plain(": the zero page is mapped read-only"),
            Fate::ZeroedFrame => good("ZEROED FRAME").plain(": a new frame is allocated"),
            Fate::FilePage { cached } => {
                good("FILE PAGE").plain(": ").join(self.file_page(*cached))
            }
            Fate::NonlinearPage { index, cached } => good("FILE PAGE")
                .plain(": the entry names page ")
                .add(Role::Number, index)
                .plain(" of the file: ")
                .join(self.file_page(*cached)),
            Fate::FileCopy { cached } => good("FILE COPY")
                .plain(": a private copy of ")
                .join(self.file_page(*cached)),
            Fate::SwapIn { .. } => self.swap_in(fate),
            Fate::Copy { pfn, why } => self.copy(*pfn, *why),
            Fate::Reuse { pfn } => good("REUSE")
                .plain(": frame ")
                .add(Role::Frame, pfn)
                .plain(" has no other owner"),
            Fate::Again => good("try again").plain(": the page table allows it by now"),
            Fate::Sigsegv { code, reason } => {
                cell(Role::Bad, "SIGSEGV").plain(format_args!(" ({code}): {reason}"))
            }
            Fate::Sigbus => cell(Role::Bad, "SIGBUS").plain(": beyond the end of the file"),
        }
    }

    /// `frame 0x1094 of the page cache (/sh)`
    fn file_page(&self, cached: Option<Pfn>) -> Line {
        let line = match cached {
            Some(pfn) if self.area.is_shared_memory() => cell(Role::Plain, "frame ")
                .add(Role::Frame, pfn)
                .plain(" of the shared memory"),
            None if self.area.is_shared_memory() => {
                cell(Role::Plain, "a new zero-filled page of the shared memory")
            }
            Some(pfn) => cell(Role::Plain, "frame ")
                .add(Role::Frame, pfn)
                .plain(" of the page cache"),
            None => cell(Role::Plain, "a page that is not in the page cache yet"),
        };
        match &self.area {
            Area::Inside {
                row: MapsRow {
                    name: Some(name), ..
                },
            } => line.plain(" (").add(Role::Name, name).plain(")"),
            _ => line,
        }
    }

    /// `SWAP IN: swap slot 36 has 2 owners (2:sh, 3:sh); it is read: a major fault`
    fn swap_in(&self, fate: &Fate) -> Line {
        let Fate::SwapIn {
            slot,
            cached,
            writeback,
            copies,
            ..
        } = fate
        else {
            return Line::default();
        };
        let owners = self.slot_owners.len();
        let line = cell(Role::Good, "SWAP IN").plain(format_args!(": {slot} has "));
        let line = line.add(Role::Number, owners).plain(if owners == 1 {
            " owner ("
        } else {
            " owners ("
        });
        let line = line
            .join(listed(self.slot_owners.iter().map(Mapper::tag)))
            .plain(")");
        let line = match cached {
            Some(pfn) => line
                .plain("; frame ")
                .add(Role::Frame, pfn)
                .plain(" of the swap cache is mapped")
                .plain(if *writeback {
                    " while it is being written"
                } else {
                    ""
                })
                .plain(": a minor fault"),
            None => line.plain("; it is read: a major fault"),
        };
        if !copies {
            return line;
        }
        let why = if owners > 1 {
            ": the slot has another owner"
        } else {
            ": the page has another user"
        };
        line.plain(", then ").add(Role::Bad, "COPY").plain(why)
    }

    /// `COPY: frame 0x412 has 2 owners (2:sh, 3:sh)`
    fn copy(&self, pfn: Pfn, why: WpWhy) -> Line {
        let line = cell(Role::Bad, "COPY")
            .plain(": frame ")
            .add(Role::Frame, pfn);
        let count = match why {
            WpWhy::ZeroPage => return line.plain(" is the zero page, which everyone shares"),
            WpWhy::Reserved => return line.plain(" belongs to the kernel"),
            WpWhy::SwapShared { entry, owners } => {
                let others = owners - 1;
                let line = line.plain(format_args!(" has one owner, but {entry} has "));
                let line = line.add(Role::Number, others).plain(if others == 1 {
                    " more"
                } else {
                    " others"
                });
                return line;
            }
            WpWhy::Shared { count } => count,
        };
        let line = line
            .plain(" has ")
            .add(Role::Number, count)
            .plain(" owners (");
        let holders = self.held_by.iter().map(|who| cell(Role::Plain, who));
        line.join(listed(
            self.mapped_by.iter().map(Mapper::tag).chain(holders),
        ))
        .plain(")")
    }
}

/// The parts separated by commas; after a few, how many more there are.
fn listed(parts: impl Iterator<Item = Line>) -> Line {
    let parts: Vec<Line> = parts.collect();
    let shown = match parts.len() {
        len if len <= MAX_NAMED + 1 => len,
        _ => MAX_NAMED,
    };
    let more = parts.len() - shown;
    let line = parts
        .into_iter()
        .take(shown)
        .reduce(|line, part| line.plain(", ").join(part))
        .unwrap_or_default();
    match more {
        0 => line,
        more => line.plain(format_args!(", and {more} more")),
    }
}

fn ok_line(value: Option<u32>, stale: bool) -> Line {
    let line = cell(Role::Good, "ok");
    let line = match value {
        Some(value) => line.plain(": ").add(Role::Number, value),
        None => line,
    };
    if stale {
        line.add(
            Role::Bad,
            "  by a stale TLB entry: the page tables no longer permit it",
        )
    } else {
        line
    }
}

/// A page table entry in words: `present, read-only, dirty`.
fn pte_words(pte: Pte) -> String {
    if pte == Pte(0) {
        return "empty".to_owned();
    }
    if let Some(page) = pte_to_pgoff(pte) {
        return format!("names page {page} of the file");
    }
    if !pte.is_hw_present() {
        let hidden = pte.contains(Pte::PROTNONE);
        return match SwapEntry::of_pte(pte) {
            Some(slot) => format!("not present: {slot}"),
            None if hidden => "hidden from the hardware (PROT_NONE)".to_owned(),
            None => "not present".to_owned(),
        };
    }
    let rights = if pte.contains(Pte::RW) {
        "writable"
    } else {
        "read-only"
    };
    let mut words = vec!["present", rights];
    if !pte.contains(Pte::USER) {
        words.push("kernel only");
    }
    if pte.contains(Pte::DIRTY) {
        words.push("dirty");
    }
    words.join(", ")
}

impl Forecast {
    /// A protection fault that copy on write will handle is a write to a read-only page.
    fn words(&self, code: u32) -> String {
        let words = ErrorCode(code).describe();
        match self.fate {
            Fate::Copy { .. } | Fate::Reuse { .. } => words.replace("protection", "read-only"),
            _ => words.to_owned(),
        }
    }
}

impl Forecast {
    /// Whether the access is carried out in the end.
    const fn succeeds(&self) -> bool {
        !matches!(self.fate, Fate::Sigsegv { .. } | Fate::Sigbus)
    }
}

impl TaskName {
    fn tag(&self) -> Line {
        task_tag(self.pid, &self.name)
    }
}

impl Mapper {
    /// `2:sh`, or `2:sh+4:sh` for tasks that share the address space.
    fn tag(&self) -> Line {
        let tags = self.tasks.iter().map(TaskName::tag);
        tags.reduce(|line, tag| line.plain("+").join(tag))
            .unwrap_or_else(|| cell(Role::Dim, "nobody any more"))
    }
}

impl Area {
    fn is_executable(&self) -> bool {
        match self {
            Self::Inside { row } | Self::BelowStack { row, .. } => row.perms.contains('x'),
            // The vsyscall page, which is there to be executed.
            Self::Hole { .. } | Self::Kernel => true,
        }
    }

    fn is_shared_memory(&self) -> bool {
        matches!(self, Self::Inside { row } if row.is_shared_memory())
    }

    fn line(&self) -> Line {
        match self {
            Self::Inside { row } => row.line().trimmed(),
            Self::BelowStack { row, grows_by } => {
                let pages = if *grows_by == 1 { "page" } else { "pages" };
                cell(Role::Plain, "none here; the stack above, ")
                    .join(short_row(row))
                    .plain(format_args!(", would grow down by {grows_by} {pages}"))
            }
            Self::Hole { next: Some(row) } => {
                cell(Role::Plain, "none here; the next one above is ").join(short_row(row))
            }
            Self::Hole { next: None } => cell(Role::Plain, "none here, nor above"),
            Self::Kernel => cell(Role::Plain, "none: the address belongs to the kernel"),
        }
    }
}

/// `bffeb000-c0000000 rw-p [stack]`
fn short_row(row: &MapsRow) -> Line {
    let (start, end) = (row.start, row.end);
    let line = cell(Role::Address, format_args!("{start:08x}-{end:08x}"))
        .plain(" ")
        .add(Role::Flag, &row.perms);
    match &row.name {
        Some(name) => line.plain(" ").add(Role::Name, name),
        None => line,
    }
}
