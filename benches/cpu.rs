//! How many instructions of user code a CPU executes in a second.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on fails"
)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use forklab::abi::{Pfn, VirtAddr};
use forklab::hw::{Cpu, Event, Pde, Pte, Ram, Regs, pde_phys, pte_phys};
use iced_x86::code_asm::*;
use std::hint::black_box;

const DIRECTORY: Pfn = Pfn(1);
const TABLE: Pfn = Pfn(2);
const CODE: u32 = 0x0804_8000;
const DATA: u32 = 0x0805_0000;
const STACK: u32 = 0x0806_0000;
/// Instructions in one measurement.
const BUDGET: u64 = 1_000_000;

/// A CPU that never gets to the end of its code.
struct Rig {
    ram: Ram,
    cpu: Cpu,
    regs: Regs,
}

impl Rig {
    fn new(write: impl FnOnce(&mut CodeAssembler)) -> Self {
        let mut assembler = CodeAssembler::new(32).unwrap();
        write(&mut assembler);
        let code = assembler.assemble(CODE.into()).unwrap();
        let (mut ram, mut cpu) = (Ram::new(256), Cpu::new(64));
        cpu.mmu.load_cr3(DIRECTORY.phys());
        let pde = pde_phys(DIRECTORY.phys(), VirtAddr(CODE));
        ram.write_u32(pde, Pde::new(TABLE, 0x067).0);
        for page in 0..64 {
            let va = VirtAddr(CODE + page * 0x1000);
            ram.write_u32(pte_phys(TABLE, va), Pte::new(Pfn(8 + page), 0x067).0);
        }
        ram.frame_mut(Pfn(8))[..code.len()].copy_from_slice(&code);
        let regs = Regs {
            eip: CODE,
            esp: STACK,
            ..Regs::default()
        };
        Self { ram, cpu, regs }
    }

    fn run(&mut self) {
        let exit = self.cpu.run(&mut self.ram, &mut self.regs, BUDGET, 0);
        assert_eq!(black_box(exit).event, Event::Budget);
    }
}

fn registers(a: &mut CodeAssembler) {
    let mut again = a.create_label();
    a.set_label(&mut again).unwrap();
    a.add(eax, ecx).unwrap();
    a.add(ecx, 3).unwrap();
    a.cmp(ecx, 1_000_000).unwrap();
    a.jne(again).unwrap();
}

fn memory(a: &mut CodeAssembler) {
    let mut again = a.create_label();
    a.set_label(&mut again).unwrap();
    a.mov(eax, dword_ptr(DATA + ecx * 4)).unwrap();
    a.add(eax, edx).unwrap();
    a.mov(dword_ptr(DATA + 0x1000 + ecx * 4), eax).unwrap();
    a.inc(ecx).unwrap();
    a.and(ecx, 0x3ff).unwrap();
    a.jmp(again).unwrap();
}

fn calls(a: &mut CodeAssembler) {
    let (mut again, mut function) = (a.create_label(), a.create_label());
    a.set_label(&mut again).unwrap();
    a.push(eax).unwrap();
    a.call(function).unwrap();
    a.pop(ecx).unwrap();
    a.jmp(again).unwrap();
    a.set_label(&mut function).unwrap();
    a.push(ebp).unwrap();
    a.mov(ebp, esp).unwrap();
    a.mov(eax, dword_ptr(ebp + 8)).unwrap();
    a.add(eax, 1).unwrap();
    a.leave().unwrap();
    a.ret().unwrap();
}

/// The primes below 8192, again and again, with bytes as the compiler writes it.
fn sieve(a: &mut CodeAssembler) {
    let [mut start, mut clear, mut outer, mut inner, mut next] = [(); 5].map(|()| a.create_label());
    a.set_label(&mut start).unwrap();
    a.xor(ecx, ecx).unwrap();
    a.set_label(&mut clear).unwrap();
    a.mov(byte_ptr(DATA + ecx), 1).unwrap();
    a.inc(ecx).unwrap();
    a.cmp(ecx, 8192).unwrap();
    a.jne(clear).unwrap();
    a.mov(ebx, 2).unwrap();
    a.set_label(&mut outer).unwrap();
    a.cmp(byte_ptr(DATA + ebx), 0).unwrap();
    a.je(next).unwrap();
    a.lea(ecx, dword_ptr(ebx + ebx)).unwrap();
    a.set_label(&mut inner).unwrap();
    a.mov(byte_ptr(DATA + ecx), 0).unwrap();
    a.add(ecx, ebx).unwrap();
    a.cmp(ecx, 8192).unwrap();
    a.jb(inner).unwrap();
    a.set_label(&mut next).unwrap();
    a.inc(ebx).unwrap();
    a.cmp(ebx, 4096).unwrap();
    a.jb(outer).unwrap();
    a.jmp(start).unwrap();
}

type Program = fn(&mut CodeAssembler);

fn instructions(c: &mut Criterion) {
    let mut group = c.benchmark_group("cpu");
    group.throughput(Throughput::Elements(BUDGET));
    let programs: [(&str, Program); 4] = [
        ("registers", registers),
        ("memory", memory),
        ("calls", calls),
        ("sieve", sieve),
    ];
    for (name, program) in programs {
        let mut rig = Rig::new(program);
        group.bench_function(name, |b| b.iter(|| rig.run()));
    }
    group.finish();
}

criterion_group!(benches, instructions);
criterion_main!(benches);
