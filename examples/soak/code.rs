//! Random machine code as the text of a program: bytes of any kind, among them system calls with
//! wild registers, so that the kernel sees calls that no compiler would make.

use crate::dice::Dice;
use forklab::Machine;
use forklab::kernel::boot::Config;
use forklab::kernel::fork::SpawnArgs;
use forklab::kernel::fs::{ProgramImage, TEXT_START};
use forklab::machine::Command;
use forklab::view;
use std::sync::Arc;

/// A machine and a program for it.
#[derive(Debug)]
pub struct Code {
    cpus: u32,
    interleave: u32,
    ticks: u64,
    uid: u32,
    text: Vec<u8>,
    data: Vec<u8>,
}

pub fn code(dice: &mut Dice) -> Code {
    let mut text = Vec::new();
    let length = 50 + dice.below(1500);
    while text.len() < length {
        match dice.below(10) {
            0..=2 => random_bytes(dice, &mut text),
            3 => text.extend([0x50 | dice.byte() & 15]),
            4 => text.extend([0x70 | dice.byte() & 15, dice.byte() & 0x3f]),
            5 => text.extend([0xcd, 0x80]),
            _ => system_call(dice, &mut text),
        }
    }
    Code {
        cpus: 1 + dice.below(3) as u32,
        interleave: 1 + dice.below(150) as u32,
        ticks: 1 + dice.below(40) as u64,
        uid: dice.pick(&[0, 500]),
        text,
        data: (0..dice.below(200)).map(|_| dice.byte()).collect(),
    }
}

fn random_bytes(dice: &mut Dice, text: &mut Vec<u8>) {
    for _ in 0..1 + dice.below(12) {
        let byte = dice.byte();
        // hlt and its like end most programs too early.
        text.push(if byte == 0xf4 { 0x90 } else { byte });
    }
}

/// Loads registers and enters the kernel.
fn system_call(dice: &mut Dice, text: &mut Vec<u8>) {
    text.push(0xb8);
    let number = if dice.percent(98) {
        dice.below(300) as u32
    } else {
        dice.word()
    };
    text.extend(number.to_le_bytes());
    for register in [3, 1, 2, 6, 7] {
        match dice.below(5) {
            // mov register, esp
            0 => text.extend([0x89, 0xe0 | register]),
            1 => {}
            2 => move_to(text, register, dice.below(12) as u32),
            3 => move_to(text, register, TEXT_START + dice.below(0x3000) as u32),
            _ => move_to(text, register, dice.word()),
        }
    }
    text.extend([0xcd, 0x80]);
}

fn move_to(text: &mut Vec<u8>, register: u8, value: u32) {
    text.push(0xb8 | register);
    text.extend(value.to_le_bytes());
}

impl Code {
    /// Runs it; what it leaves behind, in words.
    ///
    /// # Errors
    /// If the kernel's invariants do not hold afterwards.
    pub fn run(&self) -> Result<String, String> {
        let mut machine = Machine::boot(Config {
            cpus: self.cpus,
            interleave: self.interleave,
            mem: 16 << 20,
            ..Config::default()
        })?;
        let image = ProgramImage {
            text: self.text.clone(),
            data: self.data.clone(),
            bss: 8192,
            entry: TEXT_START,
            ..ProgramImage::default()
        };
        let spawn = Command::SpawnProgram {
            args: SpawnArgs::new("code", self.uid),
            image: Arc::new(image),
            argv: vec![b"code".to_vec()],
        };
        let mut out = format!("{:?}\n", machine.apply(spawn));
        for _ in 0..self.ticks {
            out += &format!("{:?}\n", machine.apply(Command::Tick(1)));
            if machine.kernel.panicked().is_some() {
                break;
            }
            machine.kernel.check()?;
        }
        out += &format!("{}\n", view::ps(&machine).text());
        for record in machine.kernel.log.records() {
            out += &format!("{record:?}\n");
        }
        Ok(out)
    }
}
