//! The historical fork (`cow: false`), which copies every page: the same situations, for
//! comparison.

use super::lab::{Effect, Lab, PRIVATE, RW, SHARED};
use crate::abi::VirtAddr;
use crate::kernel::boot::Config;

fn config() -> Config {
    Config {
        cow: false,
        ..Config::default()
    }
}

#[test]
fn fork_copies_every_private_page_and_nobody_faults_later() {
    let (mut lab, a) = Lab::with_task_on(config());
    let va = lab.dirty(a, 10);
    lab.write(a, va, 7);
    let copied = lab.k.stat.frames_copied;
    let mut child = None;
    let effect = lab.watch(a, |lab| child = Some(lab.fork(a)));
    // The page with the arguments is copied too.
    assert_eq!((effect.frames, effect.tables), (11, 2));
    assert_eq!(lab.k.stat.frames_copied - copied, 11);
    let b = child.unwrap();
    assert_eq!((lab.bits(a, va), lab.bits(b, va)), (0x067, 0x047));
    assert_eq!((lab.mm(b).rss, lab.mm(b).anon_rss), (11, 11));
    for task in [a, b] {
        lab.run(task);
        assert_eq!(lab.counts(lab.pfn(task, va)), (1, 1));
        let effect = lab.watch(task, |lab| {
            assert_eq!(lab.read(task, va), 7);
            lab.write(task, va, 8);
        });
        assert_eq!(effect, Effect::default());
        lab.write(task, va, 7);
    }
}

#[test]
fn zero_pages_and_shared_memory_are_not_copied() {
    let (mut lab, a) = Lab::with_task_on(config());
    let (zero, shared) = (lab.mmap(a, 1, RW, PRIVATE), lab.mmap(a, 1, RW, SHARED));
    lab.read(a, zero);
    lab.write(a, shared, 5);
    let b = lab.fork(a);
    assert_eq!(lab.pte(a, zero), lab.pte(b, zero));
    assert_eq!(lab.pfn(a, shared), lab.pfn(b, shared));
    lab.write(b, shared, 6);
    assert_eq!(lab.read(a, shared), 6);
    lab.check();
}

#[test]
fn pages_of_files_become_the_childs_own() {
    let (mut lab, a) = Lab::with_task_on(config());
    let text = VirtAddr(lab.mm(a).start_code);
    lab.read(a, text);
    let b = lab.fork(a);
    assert_ne!(lab.pfn(a, text), lab.pfn(b, text));
    assert_eq!(lab.counts(lab.pfn(b, text)), (1, 1));
    assert_eq!(lab.read(a, text), lab.read(b, text));
    lab.exit(b);
    lab.check();
}
