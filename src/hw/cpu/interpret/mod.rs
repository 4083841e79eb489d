//! Interprets any instruction as the decoder describes it: complete and simple.
//!
//! Frequent instructions also have a faster path, [`dispatch`](super::dispatch). Both must have the
//! same results.

mod arithmetic;
mod bits;
mod control;
mod data;
mod decimal;
mod stack;
mod string;
mod system;

pub use system::{CPUID_FEATURES, cpuid};
pub(super) use system::{condition, is_far, is_hint};

use super::Exception;
use super::state::{Core, Step};
use iced_x86::{Instruction, Mnemonic};

/// How an instruction ended that raised no fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Executed {
    /// The instruction has retired.
    Done,
    /// A string instruction has repetitions left, but no more may retire now.
    Unfinished,
    /// It retired, and was `int 0x80`.
    Syscall,
    /// It retired, and raises this exception.
    Trap(Exception),
}

impl Core<'_> {
    /// Executes the instruction at `eip`, which is `len` bytes before the next. If it faults, the state is unchanged
    /// except for the completed repetitions of a string instruction.
    pub(super) fn execute(&mut self, i: &Instruction) -> Step<Executed> {
        self.next = self.eip.wrapping_add(i.len() as u32);
        if is_string(i) {
            return self.string_instruction(i);
        }
        let (gpr, flags, segments) = (self.gpr, self.flags, self.segments);
        let outcome = self.execute_any(i);
        match outcome {
            Ok(_) => {
                self.eip = self.next;
                self.left -= 1;
            }
            Err(_) => {
                self.gpr = gpr;
                self.flags = flags;
                self.segments = segments;
            }
        }
        outcome
    }

    fn execute_any(&mut self, i: &Instruction) -> Step<Executed> {
        use Mnemonic::*;
        match i.mnemonic() {
            Add | Or | Adc | Sbb | And | Sub | Xor | Cmp | Test | Inc | Dec | Not | Neg | Rol
            | Ror | Rcl | Rcr | Shl | Sal | Shr | Sar | Shld | Shrd | Mul | Imul | Div | Idiv => {
                self.arithmetic(i)
            }
            Mov | Movzx | Movsx | Lea | Xchg | Xadd | Cmpxchg | Cmpxchg8b | Bswap | Cbw | Cwde
            | Cwd | Cdq | Lahf | Sahf | Xlatb | Lds | Les | Lfs | Lgs | Lss | Clc | Stc | Cmc
            | Cld | Std => self.data(i),
            Bt | Bts | Btr | Btc | Bsf | Bsr => self.bits(i),
            Daa | Das | Aaa | Aas | Aam | Aad => self.decimal(i),
            Push | Pop | Pusha | Pushad | Popa | Popad | Pushf | Pushfd | Popf | Popfd | Enter
            | Leave => self.stack(i),
            Jmp | Call | Ret | Jcxz | Jecxz | Loop | Loope | Loopne | Int | Int3 | Into | Bound => {
                return self.control(i);
            }
            Cpuid | Rdtsc => self.information(i),
            _ if is_hint(i) => Ok(()),
            _ => return self.conditional(i).map(|()| Executed::Done),
        }?;
        Ok(Executed::Done)
    }

    /// `jcc`, `setcc` and `cmovcc`, which have one mnemonic per condition, and all other
    /// instructions.
    fn conditional(&mut self, i: &Instruction) -> Step<()> {
        match condition(i) {
            Some(condition) if i.is_jcc_short_or_near() => {
                if self.flags.condition(condition) {
                    self.branch(i);
                }
                Ok(())
            }
            Some(condition) if i.op_count() == 1 => {
                let value = self.flags.condition(condition);
                self.write_operand(i, 0, value.into())
            }
            Some(condition) => {
                let value = self.read_operand(i, 1)?;
                if self.flags.condition(condition) {
                    self.write_operand(i, 0, value)?;
                }
                Ok(())
            }
            None => match self.x87(i) {
                Some(outcome) => outcome,
                None => Err(system::refusal(i)),
            },
        }
    }
}

/// Whether it is one of the instructions that may repeat, except for input and output.
fn is_string(i: &Instruction) -> bool {
    use Mnemonic::*;
    let mnemonic = i.mnemonic();
    i.is_string_instruction()
        && matches!(
            mnemonic,
            Movsb
                | Movsw
                | Movsd
                | Stosb
                | Stosw
                | Stosd
                | Lodsb
                | Lodsw
                | Lodsd
                | Scasb
                | Scasw
                | Scasd
                | Cmpsb
                | Cmpsw
                | Cmpsd
        )
}
