//! The window of a block: bytes of one page that several of its instructions use at fixed distances
//! from one address, such as the variables of a function.
//!
//! Whether all of them hit the TLB is found out once, before the block is run. Its operations then
//! use the window without a further look, and none of them can fault. A block whose window does not
//! open, say because it extends into another page, is run without.

use super::op::{Code, Op};
use super::state::{Core, EBP, ESP, ZERO};
use crate::abi::{PAGE_SIZE, VirtAddr};

/// The largest window: the larger it is, the more often it extends into another page.
const LARGEST: u32 = PAGE_SIZE / 2;
/// As many accesses pay for opening a window.
const WORTHWHILE: usize = 2;

/// A register and an index with its shift count, as in an [`Op`]; [`ZERO`] for none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Base {
    register: u8,
    index: u8,
}

/// What a block uses of a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// What the places are relative to, as it is before the block.
    base: Base,
    /// The distance of the first byte.
    first: u32,
    len: u32,
    /// Whether any of it is written.
    written: bool,
}

/// An access that may go through a window.
#[derive(Clone, Copy)]
struct Place {
    /// Which of the operations it belongs to.
    op: usize,
    code: Code,
    base: Base,
    distance: u32,
    len: u32,
    written: bool,
}

/// The window for some operations, and these with those that use it replaced. In these, `disp` is
/// the distance from the base of the window.
pub(super) fn window(plain: &[Op]) -> Option<(Window, Vec<Op>)> {
    let places = places(plain);
    let of = |base: Base| places.iter().filter(move |place| place.base == base);
    let bases = places.iter().map(|place| place.base);
    let base = bases.max_by_key(|base| of(*base).count())?;
    if of(base).count() < WORTHWHILE {
        return None;
    }
    // Distances below the base count as negative.
    let first = of(base).map(|place| place.distance as i32).min()?;
    let end = of(base).map(|place| i64::from(place.distance as i32) + i64::from(place.len));
    let len = u32::try_from(end.max()? - i64::from(first)).ok()?;
    if len > LARGEST {
        return None;
    }
    let mut ops = plain.to_vec();
    for place in of(base) {
        let op = &mut ops[place.op];
        (op.code, op.disp) = (place.code, place.distance);
        (op.base, op.index) = (ZERO, ZERO);
    }
    let window = Window {
        base,
        first: first as u32,
        len,
        written: of(base).any(|place| place.written),
    };
    Some((window, ops))
}

/// The accesses whose distance from a register is known.
fn places(plain: &[Op]) -> Vec<Place> {
    let mut places = Vec::new();
    let mut values = Values::new();
    for (op, n) in plain.iter().zip(0..) {
        // Its accesses may change the TLB.
        if matches!(op.code, Code::Any | Code::X87 | Code::Within) {
            break;
        }
        if let Some((code, len, written)) = through_window(op.code)
            && let Some((base, distance)) = values.address(op)
        {
            places.push(Place {
                op: n,
                code,
                base,
                distance,
                len,
                written,
            });
        }
        values.after(op);
    }
    places
}

/// The operation that does the same in the window, how many bytes it uses, and whether it writes
/// them.
const fn through_window(code: Code) -> Option<(Code, u32, bool)> {
    use Code::*;
    Some(match code {
        MovRm => (LoadW, 4, false),
        Movzx8Rm => (LoadZx8W, 1, false),
        AddRm => (AddW, 4, false),
        SubRm => (SubW, 4, false),
        AndRm => (AndW, 4, false),
        OrRm => (OrW, 4, false),
        XorRm => (XorW, 4, false),
        MovMr => (StoreW, 4, true),
        MovMi => (StoreIW, 4, true),
        Mov8Mr => (Store8W, 1, true),
        Mov8Mi => (Store8IW, 1, true),
        AddMr => (AddToW, 4, true),
        _ => return None,
    })
}

/// What is known of the registers: what each had before the block, plus a number.
struct Values([Option<(u8, u32)>; 8]);

impl Values {
    fn new() -> Self {
        Self([0, 1, 2, 3, 4, 5, 6, 7].map(|register| Some((register, 0))))
    }

    fn of(&self, register: u8) -> Option<(u8, u32)> {
        if register == ZERO {
            return Some((ZERO, 0));
        }
        self.0[usize::from(register & 7)]
    }

    /// The address of the memory operand, as a distance from what was there before the block.
    fn address(&self, op: &Op) -> Option<(Base, u32)> {
        let (register, known) = self.of(op.base)?;
        let (index, steps) = self.of(op.index & 15)?;
        let shift = op.index >> 4 & 3;
        let index = if index == ZERO {
            ZERO
        } else {
            index | shift << 4
        };
        let distance = known.wrapping_add(steps << shift).wrapping_add(op.disp);
        Some((Base { register, index }, distance))
    }

    fn step(&mut self, register: usize, by: u32) {
        let value = &mut self.0[register & 7];
        *value = value.map(|(base, known)| (base, known.wrapping_add(by)));
    }

    /// Carries an operation out, as far as it matters.
    fn after(&mut self, op: &Op) {
        use Code::*;
        let dst = usize::from(op.dst & 7);
        match op.code {
            CmpRr | CmpRi | CmpRm | CmpMr | CmpMi | TestRr | TestRi | TestRm | TestMr | TestMi
            | AddMr | AddMi | OrMr | OrMi | AdcMr | AdcMi | SbbMr | SbbMi | AndMr | AndMi
            | SubMr | SubMi | XorMr | XorMi | Alu8Mr | Alu8Mi | Alu16Mr | Alu16Mi | IncM | DecM
            | MovMr | MovMi | Mov8Mr | Mov8Mi | Mov16Mr | Mov16Mi | Nop => {}
            AddRi => self.step(dst, op.imm),
            SubRi => self.step(dst, op.imm.wrapping_neg()),
            IncR => self.step(dst, 1),
            DecR => self.step(dst, u32::MAX),
            MovRr => self.0[dst] = self.of(op.src),
            MovRi => self.0[dst] = Some((ZERO, op.imm)),
            Lea if op.index == ZERO => {
                self.0[dst] = self.of(op.base);
                self.step(dst, op.disp);
            }
            PushR | PushI | PushM | CallOn => self.step(ESP, 4u32.wrapping_neg()),
            PopR => {
                self.step(ESP, 4);
                self.0[dst] = None;
            }
            Leave => {
                self.0[ESP] = self.0[EBP];
                self.step(ESP, 4);
                self.0[EBP] = None;
            }
            AddRr | AddRm | OrRr | OrRi | OrRm | AdcRr | AdcRi | AdcRm | SbbRr | SbbRi | SbbRm
            | AndRr | AndRi | AndRm | SubRr | SubRm | XorRr | XorRi | XorRm | NegR | NotR
            | MovRm | Mov16Rr | Mov16Ri | Mov16Rm | Movzx8Rr | Movzx8Rm | Movzx16Rr | Movzx16Rm
            | Movsx8Rr | Movsx8Rm | Movsx16Rr | Movsx16Rm | Lea | ShlRi | ShrRi | SarRi | ShlRc
            | ShrRc | SarRc | RolRi | RorRi | RolRc | RorRc | ShldRri | ShrdRri | ImulRr
            | ImulRm | ImulRri | ImulRmi | BswapR | CmovRr | CmovRm => self.0[dst] = None,
            // Registers of one byte are parts of the first four.
            Mov8Rr | Mov8Ri | Mov8Rm | SetccR | Alu8Rr | Alu8Ri | Alu8Rm => {
                self.0[usize::from(op.dst & 3)] = None;
            }
            _ => self.0 = [None; 8],
        }
    }
}

impl Core<'_> {
    /// Opens a window, if all of it is in one page and accesses to that hit the TLB.
    #[inline(always)]
    pub(super) fn open(&mut self, window: &Window) -> bool {
        let Base { register, index } = window.base;
        let index = self.r(index & 15) << (index >> 4 & 3);
        let base = self.r(register).wrapping_add(index);
        let first = VirtAddr(base.wrapping_add(window.first));
        if first.page_offset() + window.len > PAGE_SIZE {
            return false;
        }
        let phys = if window.written {
            self.write_hit::<1>(first)
        } else {
            self.read_hit::<1>(first)
        };
        let Some(phys) = phys else {
            return false;
        };
        self.window = phys.wrapping_sub(window.first);
        true
    }

    /// A number in the window, at a distance from its base.
    #[inline(always)]
    pub(super) fn inside<const N: usize>(&self, distance: u32) -> [u8; N] {
        self.ram.load(self.window.wrapping_add(distance))
    }

    #[inline(always)]
    pub(super) fn word_inside(&self, distance: u32) -> u32 {
        u32::from_le_bytes(self.inside(distance))
    }

    #[inline(always)]
    pub(super) fn store_inside<const N: usize>(&mut self, distance: u32, bytes: [u8; N]) {
        self.ram.store(self.window.wrapping_add(distance), bytes);
    }
}
