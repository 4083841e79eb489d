//! String instructions, one repetition at a time. Each repetition retires on its own, so a fault or
//! the end of the budget leaves the registers ready for the next one.

use super::Executed;
use crate::hw::cpu::alu::Width;
use crate::hw::cpu::operand::segment_number;
use crate::hw::cpu::segment::ES;
use crate::hw::cpu::state::{Core, EAX, ECX, EDI, ESI, Step};
use iced_x86::{Instruction, Mnemonic, OpKind};

/// What one repetition does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Movs,
    Stos,
    Lods,
    Scas,
    Cmps,
}

/// A decoded string instruction.
#[derive(Clone, Copy)]
struct StringOp {
    kind: Kind,
    width: Width,
    /// The segment of the source; that of the destination is ES.
    segment: usize,
    /// The width of ESI, EDI and ECX.
    address: Width,
}

impl Core<'_> {
    pub(super) fn string_instruction(&mut self, i: &Instruction) -> Step<Executed> {
        let op = StringOp::of(i);
        let (rep, repne) = (i.has_rep_prefix(), i.has_repne_prefix());
        if !rep && !repne {
            self.repetition(op)?;
            self.end_repetition();
            return Ok(Executed::Done);
        }
        if self.reg(ECX, op.address) == 0 {
            self.end_repetition();
            return Ok(Executed::Done);
        }
        let compares = matches!(op.kind, Kind::Scas | Kind::Cmps);
        loop {
            self.repetition(op)?;
            let count = self.reg(ECX, op.address).wrapping_sub(1);
            self.set_reg(ECX, op.address, count);
            if count == 0 || compares && self.flags.zf() != rep {
                self.end_repetition();
                return Ok(Executed::Done);
            }
            self.left -= 1;
            // The instruction may have overwritten itself.
            if self.left == 0 || !self.is_current() {
                return Ok(Executed::Unfinished);
            }
        }
    }

    /// The last repetition, after which the next instruction is due.
    fn end_repetition(&mut self) {
        self.left -= 1;
        self.eip = self.next;
    }

    fn repetition(&mut self, op: StringOp) -> Step<()> {
        let (si, di) = (self.reg(ESI, op.address), self.reg(EDI, op.address));
        let width = op.width;
        match op.kind {
            Kind::Movs => {
                let value = self.read(op.segment, si, width)?;
                self.write(ES, di, width, value)?;
            }
            Kind::Stos => self.write(ES, di, width, self.reg(EAX, width))?,
            Kind::Lods => {
                let value = self.read(op.segment, si, width)?;
                self.set_reg(EAX, width, value);
            }
            Kind::Scas => {
                let value = self.read(ES, di, width)?;
                self.flags.sub(self.reg(EAX, width), value, width);
            }
            Kind::Cmps => {
                let a = self.read(op.segment, si, width)?;
                let b = self.read(ES, di, width)?;
                self.flags.sub(a, b, width);
            }
        }
        let stride = self.stride(width);
        if matches!(op.kind, Kind::Movs | Kind::Lods | Kind::Cmps) {
            self.set_reg(ESI, op.address, si.wrapping_add(stride));
        }
        if op.kind != Kind::Lods {
            self.set_reg(EDI, op.address, di.wrapping_add(stride));
        }
        Ok(())
    }
}

impl StringOp {
    fn of(i: &Instruction) -> Self {
        use Mnemonic::*;
        let (kind, width) = match i.mnemonic() {
            Movsb => (Kind::Movs, Width::W8),
            Movsw => (Kind::Movs, Width::W16),
            Movsd => (Kind::Movs, Width::W32),
            Stosb => (Kind::Stos, Width::W8),
            Stosw => (Kind::Stos, Width::W16),
            Stosd => (Kind::Stos, Width::W32),
            Lodsb => (Kind::Lods, Width::W8),
            Lodsw => (Kind::Lods, Width::W16),
            Lodsd => (Kind::Lods, Width::W32),
            Scasb => (Kind::Scas, Width::W8),
            Scasw => (Kind::Scas, Width::W16),
            Scasd => (Kind::Scas, Width::W32),
            Cmpsb => (Kind::Cmps, Width::W8),
            Cmpsw => (Kind::Cmps, Width::W16),
            _ => (Kind::Cmps, Width::W32),
        };
        let short = i
            .op_kinds()
            .any(|kind| matches!(kind, OpKind::MemorySegSI | OpKind::MemoryESDI));
        Self {
            kind,
            width,
            segment: segment_number(i.memory_segment()),
            address: if short { Width::W16 } else { Width::W32 },
        }
    }
}
