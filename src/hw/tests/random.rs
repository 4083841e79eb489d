//! Long random runs: with flushes where the rules require them, a TLB of any kind is invisible, and
//! a restored checkpoint equals the RAM at its time.

use super::*;
use fastrand::Rng;

/// One step of a run; all machines do the same.
#[derive(Clone, Copy, Debug)]
enum Step {
    Read(VirtAddr, Mode),
    Write(VirtAddr, u32, Mode),
    Increment(VirtAddr, Mode),
    SetPte(VirtAddr, Pte),
    SetPde(Pde),
    SetWp(bool),
    LoadCr3,
    Checkpoint,
}

impl Step {
    fn random(random: &mut Rng) -> Self {
        // Eight pages, more than the smallest TLB has entries, at any offset.
        let va = VirtAddr(PAGE.0 + random.u32(..8 * 4096));
        let mode = *random.choice(&[User, Supervisor]).unwrap();
        match random.u32(..40) {
            0..14 => Self::Read(va, mode),
            14..26 => Self::Write(va, random.u32(..), mode),
            26..30 => Self::Increment(va, mode),
            30..35 => {
                let flags = *random
                    .choice(&[0x000, 0x001, 0x003, 0x005, 0x007, 0x107, 0x065, 0x0e0])
                    .unwrap();
                Self::SetPte(va, Pte::new(Pfn(16 + random.u32(..24)), flags))
            }
            35 => Self::SetPde(Pde(*random
                .choice(&[0x2007, 0x2007, 0x2005, 0x2003, 0x2006, 0x0087])
                .unwrap())),
            36 => Self::SetWp(random.u32(..2) == 0),
            37..39 => Self::LoadCr3,
            _ => Self::Checkpoint,
        }
    }

    /// Performs the step, with the flush that belongs to it.
    fn apply(self, machine: &mut Machine) -> Result<u32, PageFault> {
        let Machine { mmu, ram } = machine;
        match self {
            Self::Read(va, mode) => return mmu.read_u32(ram, va, mode),
            Self::Write(va, value, mode) => return mmu.write_u32(ram, va, value, mode).map(|()| 0),
            Self::Increment(va, mode) => {
                return mmu.read_modify_write_u32(ram, va, mode, |v| v.wrapping_add(1));
            }
            Self::SetPte(va, pte) => {
                machine.set_pte(va, pte);
                machine.mmu.invlpg(va);
            }
            Self::SetPde(pde) => {
                machine.set_pde(pde);
                machine.mmu.flush_all();
            }
            Self::SetWp(wp) => mmu.set_cr0(cr0(wp)),
            Self::LoadCr3 => mmu.load_cr3(mmu.cr3),
            Self::Checkpoint => {
                ram.checkpoint();
            }
        }
        Ok(0)
    }
}

fn machine(tlb: Tlb) -> Machine {
    let mut machine = Machine::new(0);
    machine.mmu.tlb = tlb;
    machine.mmu.set_cr4(CR4_PSE | CR4_PGE);
    machine
}

fn assert_same_ram(a: &Ram, b: &Ram) {
    let differing = (0..a.frames())
        .map(Pfn)
        .find(|pfn| a.frame(*pfn) != b.frame(*pfn));
    assert_eq!(differing, None, "frames differ");
}

#[test]
fn a_tlb_that_is_flushed_by_the_rules_is_invisible() {
    for (size, policy) in [
        (64, TlbPolicy::DirectMapped),
        (4, TlbPolicy::DirectMapped),
        (8, TlbPolicy::FullyAssociative),
    ] {
        let mut random = Rng::with_seed(0x2612_0386);
        let mut cached = machine(Tlb::new(size, policy));
        let mut walking = machine(Tlb::new(0, policy));
        for _ in 0..20_000 {
            let step = Step::random(&mut random);
            assert_eq!(
                step.apply(&mut cached),
                step.apply(&mut walking),
                "{step:?}"
            );
        }
        assert_same_ram(&cached.ram, &walking.ram);
        assert_eq!(cached.mmu.cr2, walking.mmu.cr2);
        assert!(cached.mmu.tlb.hits > 1000, "the TLB was used");
        assert_eq!(walking.mmu.tlb.hits, 0);
    }
}

#[test]
fn a_restored_checkpoint_is_the_ram_of_its_moment() {
    let mut random = Rng::with_seed(0x2612);
    let mut machine = machine(Tlb::new(16, TlbPolicy::DirectMapped));
    let mut moments = Vec::new();
    for round in 0..60 {
        for _ in 0..50 {
            // A fault is as good as a success here.
            let _ = Step::random(&mut random).apply(&mut machine);
        }
        if round % 3 == 0 {
            moments.push((machine.ram.checkpoint(), machine.ram.clone()));
        } else {
            let (image, copy) = &moments[random.usize(..moments.len())];
            machine.ram.restore(image);
            machine.mmu.flush_all();
            assert_same_ram(&machine.ram, copy);
        }
    }
}
