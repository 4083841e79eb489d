//! Programs on the emulated CPU without a kernel: a few pages, and just enough of `exit`, `write`
//! and an abort.

use super::host::Ended;
use crate::abi::{PAGE_SIZE, Pfn, VirtAddr};
use crate::hw::{Cpu, Event, Exception, Pde, Pte, Ram, Regs, pde_phys, pte_phys};
use crate::kernel::fs::{ProgramImage, TEXT_START};

const DIRECTORY: Pfn = Pfn(1);
const TABLE: Pfn = Pfn(2);
const FIRST: u32 = 3;
/// The single page table maps 4 MiB from here.
const BOTTOM: u32 = 0x0800_0000;
const STACK: u32 = 0x0840_0000;
const STACK_PAGES: u32 = 128;
/// Present, accessed and dirty, writable, user.
const READ_WRITE: u32 = 0x067;
const READ_ONLY: u32 = 0x065;
/// No test takes longer, in instructions.
const LONGEST: u64 = 300_000_000;

struct Rig {
    ram: Ram,
    cpu: Cpu,
    regs: Regs,
    output: Vec<u8>,
    errors: Vec<u8>,
    used: u64,
}

/// What happens after a system call.
enum After {
    Return(i32),
    Exit(i32),
    /// It needs a kernel.
    Unknown,
}

impl Rig {
    fn new(image: &ProgramImage) -> Self {
        let mut rig = Self {
            ram: Ram::new(FIRST + 1024),
            cpu: Cpu::new(64),
            regs: Regs {
                eip: image.entry,
                esp: STACK - 32,
                ..Regs::default()
            },
            output: Vec::new(),
            errors: Vec::new(),
            used: 0,
        };
        rig.cpu.mmu.load_cr3(DIRECTORY.phys());
        let pde = pde_phys(DIRECTORY.phys(), VirtAddr(BOTTOM));
        rig.ram.write_u32(pde, Pde::new(TABLE, READ_WRITE).0);
        let data_bytes = image.data.len() as u32 + image.bss;
        rig.map(TEXT_START, image.text_pages(), READ_ONLY);
        rig.map(
            image.data_start(),
            data_bytes.div_ceil(PAGE_SIZE),
            READ_WRITE,
        );
        rig.map(STACK - STACK_PAGES * PAGE_SIZE, STACK_PAGES, READ_WRITE);
        rig.poke(TEXT_START, &image.text);
        rig.poke(image.data_start(), &image.data);
        // One argument, and no environment.
        let name = STACK - 16;
        rig.poke(name, b"/program");
        rig.poke(STACK - 32, &1_u32.to_le_bytes());
        rig.poke(STACK - 28, &name.to_le_bytes());
        rig
    }

    fn phys(va: u32) -> u32 {
        (va - BOTTOM) + FIRST * PAGE_SIZE
    }

    fn map(&mut self, from: u32, pages: u32, flags: u32) {
        for page in 0..pages {
            let va = from + page * PAGE_SIZE;
            let pfn = Pfn(Self::phys(va) / PAGE_SIZE);
            let pte = pte_phys(TABLE, VirtAddr(va));
            self.ram.write_u32(pte, Pte::new(pfn, flags).0);
        }
    }

    fn poke(&mut self, va: u32, bytes: &[u8]) {
        for (phys, byte) in (Self::phys(va)..).zip(bytes) {
            self.ram.write_u8(phys, *byte);
        }
    }

    fn system_call(&mut self) -> After {
        let regs = &self.regs;
        match regs.eax {
            1 | 252 => After::Exit((regs.ebx & 0xff) as i32),
            4 => {
                let from = Self::phys(regs.ecx);
                let bytes = (from..from + regs.edx).map(|phys| self.ram.read_u8(phys));
                let sink = if regs.ebx == 1 {
                    &mut self.output
                } else {
                    &mut self.errors
                };
                sink.extend(bytes);
                After::Return(regs.edx as i32)
            }
            20 => After::Return(7),
            37 if regs.ebx == 7 && regs.ecx == 6 => After::Exit(134),
            _ => After::Unknown,
        }
    }

    /// Runs to the end; returns the status.
    fn run(&mut self) -> Option<i32> {
        while self.used < LONGEST {
            let exit = self
                .cpu
                .run(&mut self.ram, &mut self.regs, LONGEST, self.used);
            self.used += exit.used;
            match exit.event {
                Event::Syscall => match self.system_call() {
                    After::Return(value) => self.regs.eax = value as u32,
                    After::Exit(status) => return Some(status),
                    After::Unknown => return None,
                },
                Event::Exception(Exception::DivideError) => return Some(136),
                Event::Exception(exception) => {
                    panic!("{exception} at {:x}", self.regs.eip)
                }
                Event::Budget => {}
            }
        }
        panic!("it does not end")
    }
}

/// Runs a program if it needs no kernel; returns how it ended, and after how many instructions.
pub(super) fn run(image: &ProgramImage) -> Option<(Ended, u64)> {
    let mut rig = Rig::new(image);
    let status = rig.run()?;
    let outcome = Ended {
        output: String::from_utf8_lossy(&rig.output).into_owned(),
        errors: String::from_utf8_lossy(&rig.errors).into_owned(),
        status,
    };
    Some((outcome, rig.used))
}

/// Instructions that a program takes.
fn instructions(source: &str) -> u64 {
    run(&super::program(source)).unwrap().1
}

#[test]
fn loops_take_few_instructions() {
    let of = |n: u32| {
        instructions(&format!(
            "fn main() {{ let sum = 0; for i in 0..{n} {{ sum += i; }} exit(sum & 1); }}"
        ))
    };
    assert_eq!(of(2000) - of(1000), 4 * 1000);
    let of = |n: u32| {
        instructions(&format!(
            "fn main() {{ let a = array(64); let i = 0; while i < {n} {{ a[i & 63] += i; i += 1; }} }}"
        ))
    };
    assert!(of(2000) - of(1000) <= 7 * 1000);
    let fib = "fn fib(n) { if n < 2 { return n; } fib(n - 1) + fib(n - 2) } fn main() { fib(20); }";
    // 21,891 calls.
    assert!(instructions(fib) < 21_891 * 17);
}
