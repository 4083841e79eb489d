//! The x87 instructions: which operation each is, and its operands in memory.

use super::arith::Compare;
use super::convert::Short;
use super::float80::F80;
use super::image::ENVIRONMENT_WORDS;
use super::operate::{Angle, Basic, Constant, Pair, Source, Unary};
use super::remainder::Quotient;
use super::round::Context;
use super::stack::StackFault;
use super::word::{C0, C1, C2, C3, DE, IE, OE, PE, UE};
use crate::hw::AccessKind;
use crate::hw::cpu::Exception;
use crate::hw::cpu::alu::Width;
use crate::hw::cpu::flags::{AF, CF, OF, PF, SF, ZF};
use crate::hw::cpu::operand::is_memory;
use crate::hw::cpu::segment::CS;
use crate::hw::cpu::state::{Core, EAX, Step};
use iced_x86::{Instruction, MemorySize, Mnemonic, OpKind};

/// How an instruction behaves towards exceptions that wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// Does not report them: `fnstcw` and the like.
    Silent,
    /// Reports them, and leaves the pointers to the last instruction.
    Control,
    /// Reports them, and is pointed to if it raises one itself.
    Data,
}

/// `None` if it is no x87 instruction.
fn kind(i: &Instruction) -> Option<Kind> {
    use Mnemonic::*;
    Some(match i.mnemonic() {
        Fnclex | Fninit | Fnstcw | Fnstsw | Fnstenv | Fnsave | Feni | Fdisi | Fndisi | Fneni
        | Fsetpm | Fnsetpm => Kind::Silent,
        Wait | Fldcw | Fldenv | Frstor => Kind::Control,
        F2xm1 | Fabs | Fadd | Faddp | Fbld | Fbstp | Fchs | Fcmovb | Fcmovbe | Fcmove | Fcmovnb
        | Fcmovnbe | Fcmovne | Fcmovnu | Fcmovu | Fcom | Fcomi | Fcomip | Fcomp | Fcompp | Fcos
        | Fdecstp | Fdiv | Fdivp | Fdivr | Fdivrp | Ffree | Ffreep | Fiadd | Ficom | Ficomp
        | Fidiv | Fidivr | Fild | Fimul | Fincstp | Fist | Fistp | Fisub | Fisubr | Fld | Fld1
        | Fldl2e | Fldl2t | Fldlg2 | Fldln2 | Fldpi | Fldz | Fmul | Fmulp | Fnop | Fpatan
        | Fprem | Fprem1 | Fptan | Frndint | Fscale | Fsin | Fsincos | Fsqrt | Fst | Fstp
        | Fstpnce | Fsub | Fsubp | Fsubr | Fsubrp | Ftst | Fucom | Fucomi | Fucomip | Fucomp
        | Fucompp | Fxam | Fxch | Fxtract | Fyl2x | Fyl2xp1 => Kind::Data,
        _ => return None,
    })
}

/// Whether it is an instruction of the x87.
pub(in crate::hw::cpu) fn is_x87(i: &Instruction) -> bool {
    kind(i).is_some()
}

/// How many registers it pops at its end, if it takes place. Operations that always pop do it
/// themselves.
fn pops(i: &Instruction) -> u32 {
    use Mnemonic::*;
    match i.mnemonic() {
        Faddp | Fmulp | Fsubp | Fsubrp | Fdivp | Fdivrp | Fcomp | Fucomp | Ficomp | Fcomip
        | Fucomip | Fstp | Fstpnce | Fistp | Fbstp | Ffreep => 1,
        Fcompp | Fucompp => 2,
        _ => 0,
    }
}

impl Core<'_> {
    /// Executes an x87 instruction; `None` if it is none.
    pub(in crate::hw::cpu) fn x87(&mut self, i: &Instruction) -> Option<Step<()>> {
        let kind = kind(i)?;
        if self.fpu.task_switched {
            return Some(Err(Exception::DeviceNotAvailable));
        }
        if kind != Kind::Silent && self.fpu.x87.is_pending() {
            return Some(Err(Exception::CoprocessorError));
        }
        if kind != Kind::Data {
            return Some(self.control_fpu(i));
        }
        // The place is taken first: the instruction may change what it is computed from.
        let place = is_memory(i, 0).then(|| self.place(i));
        let outcome = self.operate(i);
        if outcome.is_ok() {
            self.point_at(place);
        }
        Some(outcome)
    }

    /// Executes an x87 instruction between decoded ones, which remember the pages that they used.
    #[inline(never)]
    pub(in crate::hw::cpu) fn x87_in_block(&mut self, i: &Instruction) -> Step<()> {
        if is_memory(i, 0) {
            self.forget_pages();
        }
        self.x87(i).unwrap_or(Err(Exception::InvalidOpcode))
    }

    /// Lets the pointers show the current instruction.
    fn point_at(&mut self, place: Option<(usize, u32)>) {
        let pointers = &mut self.fpu.x87.pointers;
        pointers.instruction = self.eip;
        pointers.code_selector = self.segments[CS].selector;
        if let Some((segment, offset)) = place {
            pointers.operand = offset;
            pointers.operand_selector = self.segments[segment].selector;
        }
        if self.fpu.x87.is_pending() {
            let eip = self.eip;
            self.fpu.x87.pointers.opcode = self.opcode_at(eip);
        }
    }

    /// The low eleven bits of the two bytes of an x87 opcode, behind its prefixes.
    fn opcode_at(&mut self, mut eip: u32) -> u16 {
        const LONGEST: usize = 15;
        for _ in 0..LONGEST {
            // It was just executed, so it can be read.
            let Ok(bytes) = self.read(CS, eip, Width::W16) else {
                break;
            };
            if bytes & 0xf8 == 0xd8 {
                return (bytes << 8 & 0x700 | bytes >> 8) as u16;
            }
            eip = eip.wrapping_add(1);
        }
        0
    }

    /// Control instructions.
    fn control_fpu(&mut self, i: &Instruction) -> Step<()> {
        use Mnemonic::*;
        match i.mnemonic() {
            Fnclex => self.fpu.x87.clear_exceptions(),
            Fninit => self.fpu.x87.init(),
            Fldcw => {
                let control = self.read_operand(i, 0)?;
                self.fpu.x87.set_control(control as u16);
            }
            Fnstcw => return self.write_operand(i, 0, self.fpu.x87.control().into()),
            Fnstsw if !is_memory(i, 0) => {
                self.set_reg(EAX, Width::W16, self.fpu.x87.status().into());
            }
            Fnstsw => return self.write_operand(i, 0, self.fpu.x87.status().into()),
            Fnstenv | Fnsave => return self.store_state(i),
            Fldenv | Frstor => return self.load_state(i),
            // `wait`, and what only the 8087 and the 287 did.
            _ => {}
        }
        Ok(())
    }

    fn store_state(&mut self, i: &Instruction) -> Step<()> {
        let mut bytes = Vec::with_capacity(super::FSAVE_SIZE);
        if has_short_environment(i) {
            let words = self.fpu.x87.short_environment();
            bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        } else {
            let words = self.fpu.x87.environment();
            bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        }
        if i.mnemonic() == Mnemonic::Fnstenv {
            self.write_bytes(i, &bytes)?;
            self.fpu.x87.mask_all();
            return Ok(());
        }
        bytes.extend(self.fpu.x87.stack_bytes());
        self.write_bytes(i, &bytes)?;
        self.fpu.x87.init();
        Ok(())
    }

    fn load_state(&mut self, i: &Instruction) -> Step<()> {
        let mut x87 = self.fpu.x87;
        let size = if has_short_environment(i) {
            let bytes: [u8; 2 * ENVIRONMENT_WORDS] = self.read_bytes(i, 0)?;
            let mut words = [0; ENVIRONMENT_WORDS];
            for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
                *word = u16::from_le_bytes(*bytes);
            }
            x87.set_short_environment(words);
            bytes.len()
        } else {
            let bytes: [u8; 4 * ENVIRONMENT_WORDS] = self.read_bytes(i, 0)?;
            let mut words = [0; ENVIRONMENT_WORDS];
            for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
                *word = u32::from_le_bytes(*bytes);
            }
            x87.set_environment(words);
            bytes.len()
        };
        if i.mnemonic() == Mnemonic::Frstor {
            x87.set_stack_bytes(&self.read_bytes(i, size as u32)?);
        }
        self.fpu.x87 = x87;
        Ok(())
    }

    /// Instructions on data.
    fn operate(&mut self, i: &Instruction) -> Step<()> {
        use Mnemonic::*;
        let takes_place = match i.mnemonic() {
            Fadd | Faddp | Fiadd => self.basic(i, Basic::Add)?,
            Fmul | Fmulp | Fimul => self.basic(i, Basic::Multiply)?,
            Fsub | Fsubp | Fisub => self.basic(i, Basic::Subtract)?,
            Fsubr | Fsubrp | Fisubr => self.basic(i, Basic::SubtractReversed)?,
            Fdiv | Fdivp | Fidiv => self.basic(i, Basic::Divide)?,
            Fdivr | Fdivrp | Fidivr => self.basic(i, Basic::DivideReversed)?,
            Fcom | Fcomp | Fcompp | Ficom | Ficomp => self.x87_compare(i, Compare::Ordered)?,
            Fucom | Fucomp | Fucompp => self.x87_compare(i, Compare::Unordered)?,
            Fcomi | Fcomip => self.compare_to_flags(i, Compare::Ordered),
            Fucomi | Fucomip => self.compare_to_flags(i, Compare::Unordered),
            Fst | Fstp | Fstpnce | Fist | Fistp | Fbstp => self.store_top(i)?,
            Fld | Fild | Fbld => {
                self.load_number(i)?;
                true
            }
            Ffree | Ffreep => {
                self.fpu.x87.clear_code1();
                self.fpu.x87.free(register(i, 0));
                true
            }
            _ => {
                self.operate_on_stack(i);
                true
            }
        };
        if takes_place {
            (0..pops(i)).for_each(|_| self.fpu.x87.pop());
        }
        Ok(())
    }

    /// Instructions without an operand in memory that pop nothing, or by themselves.
    fn operate_on_stack(&mut self, i: &Instruction) {
        use Mnemonic::*;
        let x87 = &mut self.fpu.x87;
        match i.mnemonic() {
            Fchs => x87.unary(Unary::Negate),
            Fabs => x87.unary(Unary::Absolute),
            Fsqrt => x87.unary(Unary::SquareRoot),
            Frndint => x87.unary(Unary::RoundToIntegral),
            F2xm1 => x87.unary(Unary::PowerMinusOne),
            Fscale => x87.pair(Pair::Scale),
            Fpatan => x87.pair(Pair::ArcTangent),
            Fyl2x => x87.pair(Pair::Logarithm),
            Fyl2xp1 => x87.pair(Pair::LogarithmPlusOne),
            Fsin => x87.angle(Angle::Sine),
            Fcos => x87.angle(Angle::Cosine),
            Fsincos => x87.angle(Angle::Both),
            Fptan => x87.angle(Angle::Tangent),
            Fprem => x87.remainder(Quotient::Chopped),
            Fprem1 => x87.remainder(Quotient::Nearest),
            Fxtract => x87.extract(),
            Ftst => x87.test(),
            Fxam => x87.examine(),
            Fxch => x87.exchange(register(i, 1)),
            Fincstp | Fdecstp => {
                x87.clear_code1();
                x87.rotate(if i.mnemonic() == Fincstp { 1 } else { 7 });
            }
            Fld1 => x87.load_constant(Constant::One),
            Fldl2t => x87.load_constant(Constant::Log2Of10),
            Fldl2e => x87.load_constant(Constant::Log2OfE),
            Fldpi => x87.load_constant(Constant::Pi),
            Fldlg2 => x87.load_constant(Constant::Log10Of2),
            Fldln2 => x87.load_constant(Constant::LogEOf2),
            Fldz => x87.load_constant(Constant::Zero),
            Fnop => {}
            _ => self.move_if(i),
        }
    }

    fn move_if(&mut self, i: &Instruction) {
        use Mnemonic::*;
        let flags = self.flags.eflags();
        let is_set = |mask: u32| flags & mask != 0;
        let holds = match i.mnemonic() {
            Fcmovb => is_set(CF),
            Fcmovnb => !is_set(CF),
            Fcmove => is_set(ZF),
            Fcmovne => !is_set(ZF),
            Fcmovbe => is_set(CF | ZF),
            Fcmovnbe => !is_set(CF | ZF),
            Fcmovu => is_set(PF),
            _ => !is_set(PF),
        };
        self.fpu.x87.move_if(holds, register(i, 1));
    }

    /// The destination is the first of two registers, or `st(0)`.
    fn basic(&mut self, i: &Instruction, op: Basic) -> Step<bool> {
        let (to, source) = if is_memory(i, 0) {
            (0, self.number(i)?)
        } else {
            (register(i, 0), Source::Register(register(i, 1)))
        };
        Ok(self.fpu.x87.basic(op, to, source))
    }

    fn x87_compare(&mut self, i: &Instruction, how: Compare) -> Step<bool> {
        let source = match i.op_count() {
            // `fcompp` and `fucompp`.
            0 => Source::Register(1),
            _ if is_memory(i, 0) => self.number(i)?,
            _ => Source::Register(register(i, 1)),
        };
        Ok(self.fpu.x87.compare_to_codes(source, how))
    }

    fn compare_to_flags(&mut self, i: &Instruction, how: Compare) -> bool {
        let source = Source::Register(register(i, 1));
        self.fpu.x87.clear_code1();
        let (codes, takes_place) = self.fpu.x87.compare(source, how);
        let flag = |code: u16, flag: u32| if codes & code != 0 { flag } else { 0 };
        let set = flag(C3, ZF) | flag(C2, PF) | flag(C0, CF);
        let all = ZF | PF | CF | OF | SF | AF;
        let kept = self.flags.eflags() & !all;
        self.flags.set_all(kept | set);
        takes_place
    }

    /// The operand in memory.
    fn number(&mut self, i: &Instruction) -> Step<Source> {
        Ok(match i.memory_size() {
            MemorySize::Float32 => Source::Float(self.read_operand(i, 0)?.into(), Short::Single),
            MemorySize::Float64 => {
                Source::Float(u64::from_le_bytes(self.read_bytes(i, 0)?), Short::Double)
            }
            MemorySize::Int16 => {
                Source::Integer((self.read_operand(i, 0)? as u16).cast_signed().into())
            }
            MemorySize::Int32 => Source::Integer(self.read_operand(i, 0)?.cast_signed().into()),
            _ => Source::Integer(i64::from_le_bytes(self.read_bytes(i, 0)?)),
        })
    }

    fn load_number(&mut self, i: &Instruction) -> Step<()> {
        if !is_memory(i, 0) {
            self.fpu.x87.load_register(register(i, 0));
            return Ok(());
        }
        match i.memory_size() {
            MemorySize::Float80 => {
                let bytes = self.read_bytes(i, 0)?;
                self.fpu.x87.load_extended(F80::from_bytes(bytes));
            }
            MemorySize::Bcd => {
                let bytes = self.read_bytes(i, 0)?;
                self.fpu.x87.load_decimal(bytes);
            }
            _ => match self.number(i)? {
                Source::Float(bits, short) => self.fpu.x87.load(bits, short),
                Source::Integer(value) => self.fpu.x87.load_integer(value),
                Source::Register(n) => self.fpu.x87.load_register(n),
            },
        }
        Ok(())
    }

    /// Stores `st(0)`. Returns whether that takes place.
    fn store_top(&mut self, i: &Instruction) -> Step<bool> {
        if !is_memory(i, 0) {
            return Ok(self.store_in_register(i));
        }
        match i.memory_size() {
            MemorySize::Float32 => self.store_as(i, |context, a| {
                (context.store(a, Short::Single) as u32).to_le_bytes()
            }),
            MemorySize::Float64 => self.store_as(i, |context, a| {
                context.store(a, Short::Double).to_le_bytes()
            }),
            MemorySize::Float80 => self.store_as(i, |_, a| a.to_bytes()),
            MemorySize::Int16 => self.store_as(i, |context, a| {
                (context.store_integer(a, 16) as i16).to_le_bytes()
            }),
            MemorySize::Int32 => self.store_as(i, |context, a| {
                (context.store_integer(a, 32) as i32).to_le_bytes()
            }),
            MemorySize::Int64 => {
                self.store_as(i, |context, a| context.store_integer(a, 64).to_le_bytes())
            }
            _ => self.store_as(i, Context::store_decimal),
        }
    }

    /// The undocumented `fstpnce` only pops if there is nothing to store.
    fn store_in_register(&mut self, i: &Instruction) -> bool {
        let (x87, n) = (&mut self.fpu.x87, register(i, 0));
        if i.mnemonic() == Mnemonic::Fstpnce && x87.is_empty(0) {
            x87.clear_code1();
            return true;
        }
        x87.store_register(n)
    }

    /// Stores `st(0)` in the form that `convert` gives it. Nothing has changed if the access faults.
    fn store_as<const N: usize>(
        &mut self,
        i: &Instruction,
        convert: impl Fn(&mut Context, F80) -> [u8; N],
    ) -> Step<bool> {
        let mut context = self.fpu.x87.context();
        let Some(value) = self.fpu.x87.st(0) else {
            if self.fpu.x87.control() & IE != 0 {
                let indefinite = convert(&mut context, F80::INDEFINITE);
                self.write_bytes(i, &indefinite)?;
            }
            return Ok(self.fpu.x87.stack_fault(StackFault::Underflow));
        };
        let bytes = convert(&mut context, value);
        // Memory has no room for a wrapped exponent, so it keeps what it holds.
        let prevented = context.is_unmasked(IE | DE | OE | UE);
        if prevented {
            context.raised &= !(PE | C1);
        } else {
            self.write_bytes(i, &bytes)?;
        }
        self.fpu.x87.commit(context);
        Ok(!prevented)
    }

    /// Bytes of the memory operand, from an offset on.
    fn read_bytes<const N: usize>(&mut self, i: &Instruction, from: u32) -> Step<[u8; N]> {
        let (seg, offset) = self.place(i);
        let offset = offset.wrapping_add(from);
        self.linear(seg, offset, N as u32, AccessKind::Read)?;
        let mut bytes = [0; N];
        let (words, rest) = bytes.as_chunks_mut::<4>();
        let whole = 4 * words.len() as u32;
        for (n, word) in (0..).zip(words) {
            let value = self.read(seg, offset.wrapping_add(4 * n), Width::W32)?;
            *word = value.to_le_bytes();
        }
        // Two bytes or none.
        if let [low, high] = rest {
            let value = self.read(seg, offset.wrapping_add(whole), Width::W16)?;
            [*low, *high] = (value as u16).to_le_bytes();
        }
        Ok(bytes)
    }

    /// Writes the memory operand as a whole or not at all.
    fn write_bytes(&mut self, i: &Instruction, bytes: &[u8]) -> Step<()> {
        let (seg, offset) = self.place(i);
        let len = bytes.len() as u32;
        let va = self.linear(seg, offset, len, AccessKind::Write)?;
        self.probe(va, len)?;
        let (words, rest) = bytes.as_chunks::<4>();
        for (n, word) in (0..).zip(words) {
            let value = u32::from_le_bytes(*word);
            self.write(seg, offset.wrapping_add(4 * n), Width::W32, value)?;
        }
        if let [low, high] = rest {
            let value = u16::from_le_bytes([*low, *high]);
            let offset = offset.wrapping_add(4 * words.len() as u32);
            self.write(seg, offset, Width::W16, value.into())?;
        }
        Ok(())
    }
}

/// Whether its environment in memory consists of 16-bit words.
fn has_short_environment(i: &Instruction) -> bool {
    matches!(
        i.memory_size(),
        MemorySize::FpuEnv14 | MemorySize::FpuState94
    )
}

/// The number of a stack register.
fn register(i: &Instruction, operand: u32) -> u32 {
    debug_assert_eq!(i.op_kind(operand), OpKind::Register);
    i.op_register(operand).number() as u32
}
