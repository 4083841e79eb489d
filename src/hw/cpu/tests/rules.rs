//! What a comparison with the host cannot show: exceptions, segments, budgets, self-modifying code.

use super::*;
use crate::hw::{ErrorCode, PageFault};
use iced_x86::code_asm::*;

fn page_fault(va: u32, code: u32) -> Event {
    Event::Exception(Exception::PageFault(PageFault {
        addr: VirtAddr(va),
        error_code: ErrorCode(code),
    }))
}

/// Registers with an address in ESI and EDI, and arbitrary values in the others.
fn with_registers(mut rig: Rig, address: u32) -> Rig {
    let regs = &mut rig.regs;
    (regs.eax, regs.ebx, regs.ecx, regs.edx) = (0x1111, 0x2222, 3, 0x4444);
    (regs.esi, regs.edi, regs.ebp) = (address, address, 0x7777);
    regs.eflags = 0x202 | 0x895;
    rig
}

#[test]
fn a_fault_changes_nothing_and_eip_stays_at_the_instruction() {
    use Exception::*;
    let cases: [(&[u8], u32, Exception); 34] = [
        (&[0xf7, 0xf1], DATA, DivideError), // div ecx: the quotient is too large
        (&[0xf7, 0x3e], DATA, DivideError), // idiv dword [esi], which is 0
        (&[0xd4, 0x00], DATA, DivideError), // aam 0
        (&[0x0f, 0x0b], DATA, InvalidOpcode), // ud2
        (&[0xd9, 0xe8], DATA, DeviceNotAvailable), // fld1
        (&[0x9b], DATA, DeviceNotAvailable), // wait
        (&[0xdb, 0x0e], DATA, InvalidOpcode), // fisttp dword [esi]
        (&[0x0f, 0x77], DATA, InvalidOpcode), // emms
        (&[0x0f, 0x58, 0xc0], DATA, InvalidOpcode), // addps
        (&[0xf0, 0x01, 0xc8], DATA, InvalidOpcode), // lock add eax,ecx
        (&[0xf0, 0x8b, 0x06], DATA, InvalidOpcode), // lock mov eax,[esi]
        (&[0x8d, 0xc0], DATA, InvalidOpcode), // lea eax,eax
        (&[0x8e, 0xc8], DATA, InvalidOpcode), // mov cs,eax
        (&[0x62, 0x06], DATA, Bound),       // bound eax,[esi]
        (&[0xf4], DATA, GeneralProtection(0)), // hlt
        (&[0xfa], DATA, GeneralProtection(0)), // cli
        (&[0xe4, 0x60], DATA, GeneralProtection(0)), // in al,60h
        (&[0x6c], DATA, GeneralProtection(0)), // insb
        (&[0x0f, 0x20, 0xc0], DATA, GeneralProtection(0)), // mov eax,cr0
        (&[0x0f, 0x22, 0xd8], DATA, GeneralProtection(0)), // mov cr3,eax
        (&[0x0f, 0x21, 0xc0], DATA, GeneralProtection(0)), // mov eax,dr0
        (&[0x0f, 0x01, 0x16], DATA, GeneralProtection(0)), // lgdt [esi]
        (&[0x0f, 0x30], DATA, GeneralProtection(0)), // wrmsr
        (&[0xcf], DATA, GeneralProtection(0)), // iret
        (&[0xcb], DATA, GeneralProtection(0)), // retf
        (&[0xff, 0x2e], DATA, GeneralProtection(0)), // jmp far [esi]
        (&[0xcd, 0x81], DATA, GeneralProtection(0x40a)), // int 81h
        (&[0x8e, 0xe1], DATA, GeneralProtection(0)), // mov fs,ecx: null is allowed, see below
        (&[0x8e, 0xe3], DATA, GeneralProtection(0x2220)), // mov fs,ebx
        (&[0x8e, 0xd1], DATA, GeneralProtection(0)), // mov ss,ecx: null
        (&[0x65, 0x8b, 0x06], DATA, GeneralProtection(0)), // mov eax,gs:[esi]: null
        (&[0x2e, 0x89, 0x06], DATA, GeneralProtection(0)), // mov cs:[esi],eax
        (&[0x65, 0xa5], DATA, GeneralProtection(0)), // movsd es:[edi],gs:[esi]
        (&[0x90; 0], DATA, GeneralProtection(0)),
    ];
    for (bytes, address, exception) in cases {
        if bytes.is_empty() || bytes == [0x8e, 0xe1] {
            continue;
        }
        let mut rig = with_registers(Rig::new(bytes), address);
        let before = rig.clone();
        let exit = rig.run(10);
        let event = Event::Exception(exception);
        assert_eq!(exit, RunExit { used: 0, event }, "{bytes:x?}");
        assert_eq!(rig.regs, before.regs, "{bytes:x?}");
    }
}

#[test]
fn a_page_fault_changes_no_register_and_no_byte() {
    let read: [&[u8]; 9] = [
        &[0x8b, 0x06],       // mov eax,[esi]
        &[0x03, 0x06],       // add eax,[esi]
        &[0xff, 0x36],       // push dword [esi]
        &[0xff, 0x16],       // call dword [esi]
        &[0xff, 0x26],       // jmp dword [esi]
        &[0x0f, 0xbe, 0x06], // movsx eax,byte [esi]
        &[0xad],             // lodsd
        &[0x0f, 0x44, 0x06], // cmove eax,[esi]
        &[0x0f, 0xa3, 0x06], // bt [esi],eax
    ];
    let write: [&[u8]; 14] = [
        &[0x89, 0x06],             // mov [esi],eax
        &[0x01, 0x06],             // add [esi],eax
        &[0xff, 0x06],             // inc dword [esi]
        &[0x87, 0x06],             // xchg [esi],eax
        &[0xf0, 0x0f, 0xc1, 0x06], // lock xadd [esi],eax
        &[0x0f, 0xb1, 0x06],       // cmpxchg [esi],eax
        &[0x0f, 0xc7, 0x0e],       // cmpxchg8b [esi]
        &[0xf7, 0x1e],             // neg dword [esi]
        &[0xd1, 0x26],             // shl dword [esi],1
        &[0x8f, 0x06],             // pop dword [esi]
        &[0xab],                   // stosd
        &[0x0f, 0x94, 0x06],       // sete [esi]
        &[0x0f, 0xab, 0x16],       // bts [esi],edx
        &[0xc7, 0x06, 1, 0, 0, 0], // mov dword [esi],1
    ];
    let reads = read.iter().map(|code| (*code, UNMAPPED, 4, UNMAPPED));
    let writes = write.iter().map(|code| (*code, READ_ONLY, 7, READ_ONLY));
    let crossing = write
        .iter()
        .map(|code| (*code, READ_ONLY - 1, 7, READ_ONLY));
    for (code, address, error, place) in reads.chain(writes).chain(crossing) {
        let single_byte = code == [0x0f, 0x94, 0x06];
        if code == [0x0f, 0xa3, 0x06] || code == [0x0f, 0xab, 0x16] || single_byte {
            // A bit may be far away; a byte crosses no boundary.
            continue;
        }
        let mut rig = with_registers(Rig::new(code), address);
        rig.regs.esp -= 16;
        let before = rig.clone();
        let exit = rig.run(10);
        assert_eq!(
            exit.event,
            page_fault(place, error),
            "{code:x?} at {address:x}"
        );
        assert_eq!((rig.regs, exit.used), (before.regs, 0), "{code:x?}");
        for pfn in (8..10).chain(16..18).chain(24..29) {
            assert!(
                rig.ram.frame(Pfn(pfn)) == before.ram.frame(Pfn(pfn)),
                "{code:x?}"
            );
        }
    }
}

#[test]
fn bound_lets_an_index_through_that_lies_between_both_limits() {
    for (index, passes) in [(-3, false), (-2, true), (0, true), (5, true), (6, false)] {
        let mut rig = Rig::new(&[0x62, 0x06]); // bound eax,[esi]
        rig.poke(DATA, &(-2_i32).to_le_bytes());
        rig.poke(DATA + 4, &5_i32.to_le_bytes());
        (rig.regs.eax, rig.regs.esi) = (index as u32, DATA);
        let event = if passes {
            Event::Budget
        } else {
            Event::Exception(Exception::Bound)
        };
        assert_eq!(rig.run(1).event, event, "{index}");
    }
}

#[test]
fn traps_leave_eip_behind_the_instruction() {
    let cases: [(&[u8], u32, Event); 6] = [
        (&[0xcc], 1, Event::Exception(Exception::Breakpoint)),
        (&[0xcd, 3], 2, Event::Exception(Exception::Breakpoint)),
        (&[0xce], 1, Event::Exception(Exception::Overflow)),
        (&[0xcd, 4], 2, Event::Exception(Exception::Overflow)),
        (&[0xcd, 0x80], 2, Event::Syscall),
        (&[0x90, 0xcd, 0x80], 3, Event::Syscall),
    ];
    for (code, len, event) in cases {
        let mut rig = with_registers(Rig::new(code), DATA);
        assert_eq!(rig.run(10).event, event);
        assert_eq!(rig.regs.eip, CODE + len);
    }
    let mut rig = Rig::new(&[0xce, 0xcd, 0x80]);
    assert_eq!(
        (rig.run(10).used, rig.regs.eip),
        (2, CODE + 3),
        "into without OF"
    );
}

#[test]
fn a_budget_is_exact() {
    let mut rig = Rig::assembled(|a| {
        for _ in 0..200 {
            a.inc(eax).unwrap();
        }
        a.int(0x80).unwrap();
    });
    for budget in [1, 0, 1, 2, 63, 64, 65] {
        let before = rig.regs;
        let exit = rig.run(budget);
        assert_eq!(
            exit,
            RunExit {
                used: budget,
                event: Event::Budget
            }
        );
        assert_eq!(rig.regs.eax, before.eax + budget as u32);
        assert_eq!(rig.regs.eip, before.eip + budget as u32);
    }
    assert_eq!(
        rig.run(100),
        RunExit {
            used: 5,
            event: Event::Syscall
        }
    );
}

#[test]
fn tf_stops_behind_each_instruction() {
    let mut rig = Rig::new(&[0x40, 0x40, 0xf3, 0xaa, 0x40]);
    rig.regs.eflags |= 0x100;
    (rig.regs.ecx, rig.regs.edi) = (2, DATA);
    for eip in [1, 2, 2, 4, 5] {
        let exit = rig.run(100);
        assert_eq!(
            exit,
            RunExit {
                used: 1,
                event: Event::Exception(Exception::Debug)
            }
        );
        assert_eq!(rig.regs.eip, CODE + eip);
    }
}

#[test]
fn popf_in_user_mode_keeps_if_and_iopl_and_can_set_tf() {
    let mut rig = Rig::assembled(|a| {
        a.push(0x24_7fd7_u32 as i32).unwrap();
        a.popfd().unwrap();
        a.nop().unwrap();
    });
    let exit = rig.run(10);
    assert_eq!(
        exit,
        RunExit {
            used: 3,
            event: Event::Exception(Exception::Debug)
        }
    );
    assert_eq!(rig.regs.eflags, 0x24_4fd7 | 0x200);
}

#[test]
fn a_fault_in_the_middle_of_rep_movs_keeps_what_was_done() {
    let mut rig = Rig::new(&[0xf3, 0xa5, 0xcd, 0x80]);
    rig.poke(DATA, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    (rig.regs.esi, rig.regs.edi, rig.regs.ecx) = (DATA, READ_ONLY - 8, 4);
    let exit = rig.run(100);
    assert_eq!((exit.used, exit.event), (2, page_fault(READ_ONLY, 7)));
    assert_eq!(
        (rig.regs.esi, rig.regs.edi, rig.regs.ecx),
        (DATA + 8, READ_ONLY, 2)
    );
    assert_eq!((rig.regs.eip, rig.peek(READ_ONLY - 4)), (CODE, 0x0807_0605));
    rig.map(READ_ONLY, Pfn(28), 0x067);
    let exit = rig.run(100);
    assert_eq!(
        (exit.used, exit.event, rig.regs.ecx),
        (3, Event::Syscall, 0)
    );
}

#[test]
fn string_instructions_count_by_repetitions_and_go_both_ways() {
    let mut rig = Rig::new(&[0xf3, 0xaa, 0xfd, 0xf2, 0xae, 0xcd, 0x80]);
    (rig.regs.eax, rig.regs.edi, rig.regs.ecx) = (7, DATA, 5);
    assert_eq!(
        rig.run(3),
        RunExit {
            used: 3,
            event: Event::Budget
        }
    );
    assert_eq!((rig.regs.ecx, rig.regs.eip), (2, CODE));
    assert_eq!(rig.run(3).used, 3);
    assert_eq!(
        (rig.regs.ecx, rig.regs.edi, rig.regs.eip),
        (0, DATA + 5, CODE + 3)
    );
    // An instruction with nothing to repeat counts once.
    assert_eq!(rig.run(1).used, 1);
    assert_eq!(rig.regs.eip, CODE + 5);
    rig.regs.eip = CODE + 3;
    rig.regs.ecx = 100;
    assert_eq!(rig.run(100).used, 3, "scasb at DATA+5 and DATA+4, int");
    assert_eq!((rig.regs.ecx, rig.regs.edi), (98, DATA + 3));
}

#[test]
fn an_instruction_across_pages_is_fetched_from_both() {
    let mut rig = Rig::new(&[]);
    let start = CODE + 0xffd;
    rig.poke(start, &[0xb8, 0x78, 0x56, 0x34, 0x12, 0xcd, 0x80]);
    rig.regs.eip = start;
    let mut broken = rig.clone();
    assert_eq!((rig.run(10).used, rig.regs.eax), (2, 0x1234_5678));
    broken.map(CODE + 0x1000, Pfn(9), 0);
    let exit = broken.run(10);
    assert_eq!((exit.used, exit.event), (0, page_fault(CODE + 0x1000, 4)));
    assert_eq!(broken.regs.eip, start);
}

#[test]
fn more_than_15_bytes_are_no_instruction() {
    let mut code = [0x66; 16];
    code[15] = 0x90;
    let mut rig = Rig::new(&code);
    assert_eq!(
        rig.run(1).event,
        Event::Exception(Exception::GeneralProtection(0))
    );
    rig.regs.eip += 1;
    assert_eq!(rig.run(1).event, Event::Budget);
}

#[test]
fn thread_local_storage_is_reached_through_gs() {
    let mut rig = Rig::assembled(|a| {
        a.mov(eax, 0x33).unwrap();
        a.mov(gs, eax).unwrap();
        a.mov(ecx, dword_ptr(4).gs()).unwrap();
        a.mov(dword_ptr(8).gs(), ecx).unwrap();
        a.mov(edx, dword_ptr(13).gs()).unwrap();
    });
    rig.cpu.gdt_tls[0] = segment(DATA + 0x100, 15, 0x41);
    rig.poke(DATA + 0x104, &[1, 2, 3, 4]);
    let exit = rig.run(10);
    assert_eq!(
        exit.event,
        Event::Exception(Exception::GeneralProtection(0))
    );
    assert_eq!(
        (exit.used, rig.regs.ecx, rig.regs.gs),
        (4, 0x0403_0201, 0x33)
    );
    assert_eq!(rig.peek(DATA + 0x108), 0x0403_0201);
}

#[test]
fn loading_a_segment_register_checks_the_descriptor() {
    use Exception::*;
    let gp = |code| Err(GeneralProtection(code));
    let cases: [(u32, u32, Result<(), Exception>); 12] = [
        (0x03, 0, Ok(())),
        (0x7b, 0, Ok(())),
        (0x73, 0, Ok(())),
        (0x33, 0x41, Ok(())),
        (0x30, 0x41, Ok(())),
        (0x33, 0x61, Err(SegmentNotPresent(0x30))),
        (0x33, 0x4d, gp(0x30)),
        (0x3b, 0x41, gp(0x38)),
        (0x37, 0x41, gp(0x34)),
        (0x60, 0, gp(0x60)),
        (0x68, 0, gp(0x68)),
        (0xfb, 0, gp(0xf8)),
    ];
    for (selector, flags, expected) in cases {
        for code in [[0x8e, 0xe8, 0x90], [0x50, 0x0f, 0xa9]] {
            let mut rig = Rig::new(&code);
            if flags != 0 {
                rig.cpu.gdt_tls[0] = segment(DATA, 15, flags);
            }
            rig.regs.eax = selector;
            let event = expected.map_or_else(Event::Exception, |()| Event::Budget);
            assert_eq!(rig.run(2).event, event, "{selector:x} {flags:x}");
            let loaded = if expected.is_ok() { selector } else { 0 };
            assert_eq!(rig.regs.gs, loaded, "{selector:x}");
        }
    }
}

/// A string instruction retires once, with or without something to repeat.
#[test]
fn string_instructions_without_a_prefix_go_on_behind_themselves() {
    for (code, written, read) in [
        ([0xaa, 0x90], 1, 0), // stosb
        ([0xab, 0x90], 4, 0), // stosd
        ([0xa4, 0x90], 1, 1), // movsb
        ([0xad, 0x90], 0, 4), // lodsd
        ([0xae, 0x90], 1, 0), // scasb
        ([0xa7, 0x90], 4, 4), // cmpsd
    ] {
        let mut rig = Rig::new(&code);
        (rig.regs.esi, rig.regs.edi, rig.regs.ecx) = (DATA, DATA, 7);
        assert_eq!((rig.run(1).used, rig.regs.eip), (1, CODE + 1), "{code:x?}");
        let moved = (rig.regs.edi - DATA, rig.regs.esi - DATA, rig.regs.ecx);
        assert_eq!(moved, (written, read, 7), "{code:x?}");
    }
}

/// SS takes only data that may be written, with the privilege level of user mode in selector and
/// descriptor; a selector of none is no stack either.
#[test]
fn loading_the_stack_segment_is_stricter() {
    use Exception::*;
    let gp = |code| Err(GeneralProtection(code));
    let cases: [(u32, u32, Result<(), Exception>); 11] = [
        (0x7b, 0, Ok(())),
        (0x78, 0, gp(0x78)),
        (0x79, 0, gp(0x78)),
        (0x7a, 0, gp(0x78)),
        (0x00, 0, gp(0)),
        (0x03, 0, gp(0)),
        (0x73, 0, gp(0x70)),
        (0x33, 0x41, Ok(())),
        (0x30, 0x41, gp(0x30)),
        // Read-only, and not present.
        (0x33, 0x49, gp(0x30)),
        (0x33, 0x61, Err(StackSegment(0x30))),
    ];
    for (selector, flags, expected) in cases {
        for code in [[0x8e, 0xd0, 0x90], [0x50, 0x17, 0x90]] {
            let mut rig = Rig::new(&code);
            if flags != 0 {
                rig.cpu.gdt_tls[0] = segment(DATA, 0xf_ffff, flags | 0x10);
            }
            rig.regs.eax = selector;
            let event = expected.map_or_else(Event::Exception, |()| Event::Budget);
            assert_eq!(rig.run(2).event, event, "{selector:x} {flags:x}");
            let loaded = if expected.is_ok() { selector } else { 0x7b };
            assert_eq!(rig.regs.ss, loaded, "{selector:x}");
        }
    }
}

/// Decoded operations check no segment but CS, FS and GS, so they are used only while the other
/// three are flat.
#[test]
fn a_data_segment_that_is_not_flat_moves_every_access() {
    type Access = fn(&mut CodeAssembler);
    type Selector = fn(&mut Regs) -> &mut u32;
    let cases: [(Selector, Access); 3] = [
        (|regs| &mut regs.ds, |a| a.mov(ecx, dword_ptr(4)).unwrap()),
        (
            |regs| &mut regs.es,
            |a| a.mov(ecx, dword_ptr(4).es()).unwrap(),
        ),
        (|regs| &mut regs.ss, |a| a.mov(ecx, dword_ptr(ebp)).unwrap()),
    ];
    for (selector, access) in cases {
        let mut rig = Rig::assembled(access);
        // A writable segment of 4 GiB: only its base is not that of a flat one.
        rig.cpu.gdt_tls[0] = segment(DATA, 0xf_ffff, 0x51);
        rig.poke(DATA + 4, &[1, 2, 3, 4]);
        *selector(&mut rig.regs) = 0x33;
        rig.regs.ebp = 4;
        assert_eq!(rig.run(1).event, Event::Budget);
        assert_eq!(rig.regs.ecx, 0x0403_0201);
    }
}

/// The translation of the page that code is fetched from is looked up again only after a flush of
/// that page.
#[test]
fn a_flush_of_another_page_costs_the_code_no_lookup() {
    let mut rig = Rig::new(&[0x40; 16]);
    let lookups = |rig: &Rig| rig.cpu.mmu.tlb.hits + rig.cpu.mmu.tlb.misses;
    rig.run(1);
    let before = lookups(&rig);
    rig.cpu.mmu.invlpg(VirtAddr(DATA));
    rig.run(1);
    assert_eq!(lookups(&rig), before);
    rig.cpu.mmu.invlpg(VirtAddr(CODE));
    rig.run(1);
    assert_eq!(lookups(&rig), before + 1);
}

#[test]
fn code_that_changes_itself_is_changed_at_the_next_instruction() {
    // mov byte [next],0x41 (inc ecx); next: inc eax; jmp next twice
    let mut rig = Rig::assembled(|a| {
        a.inc(eax).unwrap();
        a.mov(byte_ptr(CODE + 8), 0x41).unwrap();
        a.inc(eax).unwrap();
        a.inc(eax).unwrap();
        a.int(0x80).unwrap();
    });
    for round in 1..=3 {
        rig.regs.eip = CODE;
        assert_eq!(
            rig.run(100),
            RunExit {
                used: 5,
                event: Event::Syscall
            }
        );
        assert_eq!((rig.regs.eax, rig.regs.ecx), (2 * round, round));
    }
}

#[test]
fn whoever_writes_decoded_code_is_noticed() {
    let add = [0x83, 0xc0, 1, 0xcd, 0x80];
    type Change = fn(&mut Rig, &mut Cpu);
    let code = Pfn(8);
    assert_eq!(code.phys(), 0x8000);
    let changes: [Change; 7] = [
        |rig, _| rig.ram.write_u8(0x8002, 5),
        |rig, _| rig.ram.frame_mut(Pfn(8))[2] = 5,
        |rig, _| {
            rig.ram.frame_mut(Pfn(40)).copy_from_slice(&[0x90; 4096]);
            rig.ram.frame_mut(Pfn(40))[..5].copy_from_slice(&[0x83, 0xc0, 5, 0xcd, 0x80]);
            rig.ram.copy_frame(Pfn(40), Pfn(8));
        },
        // Another CPU, which wrote to the frame before it contained decoded code.
        |rig, other| {
            other
                .mmu
                .write_u8(&mut rig.ram, VirtAddr(CODE + 2), 5, crate::hw::Mode::User)
                .unwrap();
        },
        |rig, _| {
            let image = rig.ram.checkpoint();
            rig.ram.write_u8(0x8002, 5);
            let changed = rig.ram.checkpoint();
            rig.ram.restore(&image);
            assert_eq!(rig.run(10).event, Event::Syscall);
            rig.regs.eax = 1;
            rig.regs.eip = CODE;
            rig.ram.restore(&changed);
        },
        // The frame stays, the page moves.
        |rig, _| {
            rig.ram.frame_mut(Pfn(41))[..5].copy_from_slice(&[0x83, 0xc0, 5, 0xcd, 0x80]);
            rig.map(CODE, Pfn(41), 0x067);
            rig.cpu.mmu.invlpg(VirtAddr(CODE));
        },
        |rig, _| {
            let mut mmu = rig.cpu.mmu.clone();
            mmu.write_u8(&mut rig.ram, VirtAddr(CODE + 2), 5, crate::hw::Mode::User)
                .unwrap();
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut rig = Rig::new(&add);
        let mut other = Cpu::new(64);
        other.mmu.load_cr3(DIRECTORY.phys());
        for _ in 0..2 {
            let user = crate::hw::Mode::User;
            other
                .mmu
                .write_u8(&mut rig.ram, VirtAddr(CODE + 2), 1, user)
                .unwrap();
        }
        assert_eq!((rig.run(10).used, rig.regs.eax), (2, 1));
        rig.regs.eip = CODE;
        change(&mut rig, &mut other);
        rig.regs.eip = CODE;
        assert_eq!(rig.run(10).event, Event::Syscall);
        assert_eq!(rig.regs.eax, 6, "change {number}");
    }
}

#[test]
fn two_cpus_see_each_others_code() {
    let mut rig = Rig::new(&[0x40, 0xcd, 0x80]);
    let mut second = rig.cpu.clone();
    for (round, opcode) in [0x40u8, 0x48, 0x40, 0x90].into_iter().enumerate() {
        rig.poke(CODE, &[opcode]);
        let mut regs = [rig.regs; 2];
        for (cpu, regs) in [&mut rig.cpu, &mut second].into_iter().zip(&mut regs) {
            (regs.eip, regs.eax) = (CODE, 10);
            cpu.run(&mut rig.ram, regs, 10, 0);
        }
        let expected = [11, 9, 11, 10][round];
        assert_eq!(regs.map(|regs| regs.eax), [expected; 2]);
    }
}

#[test]
fn the_stack_instructions_with_many_words() {
    let mut rig = Rig::assembled(|a| {
        a.pushad().unwrap();
        a.mov(eax, 0).unwrap();
        a.popad().unwrap();
        a.enter(8, 0).unwrap();
        a.leave().unwrap();
        a.enter(16, 3).unwrap();
        a.int(0x80).unwrap();
    });
    rig.regs.eax = 5;
    rig.regs.ebp = STACK - 0x100;
    rig.poke(STACK - 0x104, &[1, 0, 0, 0]);
    rig.poke(STACK - 0x108, &[2, 0, 0, 0]);
    assert_eq!(rig.run(20).event, Event::Syscall);
    assert_eq!((rig.regs.eax, rig.regs.ebp), (5, STACK - 4));
    assert_eq!(rig.regs.esp, STACK - 16 - 16);
    let words = [4, 8, 12, 16].map(|back| rig.peek(STACK - back));
    assert_eq!(words, [STACK - 0x100, 1, 2, STACK - 4]);
    // The top of the stack at the end must be writable.
    let mut rig = Rig::assembled(|a| a.enter(0x3000, 0).unwrap());
    let before = rig.regs;
    assert_eq!(rig.run(1).event, page_fault(STACK - 0x3004, 6));
    assert_eq!(rig.regs, before);
}

#[test]
fn rdtsc_reads_the_time_of_the_caller_and_the_instructions_since() {
    let mut rig = Rig::new(&[0x90, 0x90, 0x0f, 0x31]);
    rig.cpu.run(&mut rig.ram, &mut rig.regs, 3, 0x1_0000_0000);
    assert_eq!((rig.regs.edx, rig.regs.eax), (1, 2));
}

#[test]
fn text_of_instructions() {
    let code = [
        0x8b, 0x45, 0xfc, 0xcd, 0x80, 0xff, 0xff, 0xe8, 0, 0, 0, 0, 0x74, 0,
    ];
    let lines = disassemble(&code, CODE);
    let texts: Vec<_> = lines
        .iter()
        .map(|line| (line.addr - CODE, line.text.as_str()))
        .collect();
    assert_eq!(
        texts,
        [
            (0, "mov eax,[ebp-4]"),
            (3, "int 0x80"),
            (5, "(bad)"),
            (6, "(bad)"),
            (7, "call 0x804800c"),
            (12, "je 0x804800e")
        ]
    );
}
