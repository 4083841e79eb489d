//! Small programs from the first instruction to the system call.

use super::*;
use iced_x86::code_asm::*;

#[test]
fn a_loop_sums_and_calls_the_kernel() {
    let mut rig = Rig::assembled(|a| {
        let mut again = a.create_label();
        a.mov(ecx, 10).unwrap();
        a.xor(eax, eax).unwrap();
        a.set_label(&mut again).unwrap();
        a.add(eax, ecx).unwrap();
        a.dec(ecx).unwrap();
        a.jne(again).unwrap();
        a.push(eax).unwrap();
        a.mov(dword_ptr(DATA), eax).unwrap();
        a.int(0x80).unwrap();
    });
    let exit = rig.run(1000);
    assert_eq!(exit.event, Event::Syscall);
    assert_eq!(exit.used, 2 + 30 + 3);
    assert_eq!(
        (rig.regs.eax, rig.peek(DATA), rig.peek(STACK - 4)),
        (55, 55, 55)
    );
    assert_eq!(rig.regs.esp, STACK - 4);
}
