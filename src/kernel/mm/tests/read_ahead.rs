//! Which pages of a file are read with the one that is asked for.

use super::lab::RW;
use super::mapped_lab::{Mapped, READ, SHARED, page};
use crate::abi::PAGE_SIZE;
use crate::kernel::mm::VmFlags;
use crate::kernel::syscall::Syscall;

#[test]
fn reclaim_example_70_sequential_reads() {
    let mut f = Mapped::file(200 * PAGE_SIZE);
    let task = f.task;
    let buffer = f.lab.mmap(task, 1, RW, super::lab::PRIVATE);
    let read = |f: &mut Mapped, fd, index: u32| {
        let offset = (index * PAGE_SIZE) as i32;
        f.lab.call(task, Syscall::Lseek(fd, offset, 0)).unwrap();
        f.lab
            .call(task, Syscall::Read(fd, buffer, PAGE_SIZE))
            .unwrap();
        f.cached().len()
    };
    let fd = f.fd;
    let counts: Vec<usize> = (0..9).map(|index| read(&mut f, fd, index)).collect();
    assert_eq!(counts, [8, 24, 24, 24, 24, 24, 24, 24, 56]);
    f.drop_cache();
    let fd = f.lab.open(task, "data", 0);
    assert_eq!(read(&mut f, fd, 5), 1);
    assert_eq!((read(&mut f, fd, 6), f.cached()), (9, (5..14).collect()));
    f.lab.check();
}

#[test]
fn reclaim_example_71_a_fault_reads_the_pages_around_it() {
    for (touched, cached) in [(16, 0..32), (17, 1..33), (2, 0..32), (99, 83..100)] {
        let mut f = Mapped::file(100 * PAGE_SIZE);
        let va = f.map(100, READ, SHARED);
        assert_eq!(f.read(page(va, touched)), touched + 1);
        assert_eq!(f.cached(), cached.collect::<Vec<u32>>(), "page {touched}");
        assert_eq!(f.maj_flt(), 1);
        let faults = f.min_flt();
        f.read(page(va, touched - 1));
        assert_eq!((f.maj_flt(), f.min_flt()), (1, faults + 1), "a neighbour");
    }
}

/// `mm/filemap.c`, `filemap_nopage()`: with a read that is complete at once the fault is minor.
#[test]
fn reclaim_example_72_random_access_reads_one_page() {
    let mut f = Mapped::file(100 * PAGE_SIZE);
    let va = f.map(100, READ, SHARED);
    f.lab.advise(f.task, va, VmFlags::RAND_READ);
    let faults = f.min_flt();
    f.read(page(va, 50));
    assert_eq!(
        (f.cached(), f.maj_flt(), f.min_flt()),
        (vec![50], 0, faults + 1)
    );
    f.lab.advise(f.task, va, VmFlags::SEQ_READ);
    f.read(page(va, 60));
    assert_eq!(f.cached(), [50, 60], "not sequential yet");
    f.read(page(va, 61));
    assert_eq!(f.cached(), [vec![50], (60..69).collect()].concat());
}

/// `MMAP_LOTSAMISS`: a file that is only missed is read page by page in the end.
#[test]
fn a_file_that_is_never_hit_is_not_read_around_any_more() {
    let mut f = Mapped::file(PAGE_SIZE);
    let fd = f.fd;
    let file = f.lab.k.fget(f.task, fd).unwrap();
    f.lab.k.open_files[file].f_ra.mmap_miss = 100;
    let va = f.map(1, READ, SHARED);
    f.read(va);
    assert_eq!(
        (f.maj_flt(), f.lab.k.open_files[file].f_ra.mmap_hit),
        (0, 1)
    );
}
