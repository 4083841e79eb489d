//! Operations that do not jump, and of whose memory accesses all hit the TLB. They are carried out
//! without a look at what comes next: for each of them there is a function, and for each two that are
//! frequent one that does both.
//!
//! An access that is more than a hit changes nothing: from there on the instructions of the block are
//! carried out one by one.

use super::alu::{Alu, Width};
use super::op::{Code, Op};
use super::state::Core;
use crate::abi::VirtAddr;

/// What one of them does.
pub(super) trait Straight {
    /// Carries it out with these operands; `None`, and nothing is changed, if it uses a page that is
    /// not remembered.
    fn run(core: &mut Core<'_>, op: &Op) -> Option<()>;
}

/// Declares operations: a type with the name of each code.
macro_rules! straight {
    ($($name:ident: |$core:ident, $op:ident| $what:expr;)*) => {
        $(
            pub(super) struct $name;

            impl Straight for $name {
                #[inline(always)]
                fn run($core: &mut Core<'_>, $op: &Op) -> Option<()> {
                    $what;
                    Some(())
                }
            }
        )*
    };
}

/// Declares operations that set no flag: on `src`, and on `index` plus `imm`; the same with the first
/// operand in the window; with the second one there; and with the second one in memory.
macro_rules! quiet {
    ($($registers:ident $first:ident $second:ident $memory:ident: $f:expr;)*) => {
        straight! {
            $(
                $registers: |core, op| {
                    let b = core.r(op.index).wrapping_add(op.imm);
                    core.set(op.dst, $f(core.r(op.src), b));
                };
                $first: |core, op| {
                    let b = core.r(op.index).wrapping_add(op.imm);
                    core.set(op.dst, $f(core.word_inside(op.disp), b));
                };
                $second: |core, op| {
                    let b = core.word_inside(op.disp);
                    core.set(op.dst, $f(core.r(op.src), b));
                };
                $memory: |core, op| {
                    let b = core.load_hit(op)?;
                    core.set(op.dst, $f(core.r(op.src), b));
                };
            )*
        }
    };
}

/// Declares operations that set flags: on `dst` and `src`; `imm`; what is in memory; or what is in
/// the window.
macro_rules! flagged {
    ($($rr:ident $ri:ident $rm:ident $rw:ident: $alu:ident;)*) => {
        straight! {
            $(
                $rr: |core, op| core.change(op.dst, Alu::$alu, core.r(op.src));
                $ri: |core, op| core.change(op.dst, Alu::$alu, op.imm);
                $rm: |core, op| {
                    let b = core.load_hit(op)?;
                    core.change(op.dst, Alu::$alu, b);
                };
                $rw: |core, op| core.change(op.dst, Alu::$alu, core.word_inside(op.disp));
            )*
        }
    };
}

/// Declares operations on a copy of `src`, and those on what is loaded, with a register plus `imm`.
macro_rules! copied {
    ($($moved:ident $loaded:ident: $alu:ident;)*) => {
        straight! {
            $(
                $moved: |core, op| {
                    let (a, b) = (core.r(op.src), core.r(op.index).wrapping_add(op.imm));
                    let result = core.flags.alu(Alu::$alu, a, b, Width::W32);
                    core.set(op.dst, result);
                };
                $loaded: |core, op| {
                    let a = core.load_at_base(op)?;
                    let b = core.r(op.src).wrapping_add(op.imm);
                    let result = core.flags.alu(Alu::$alu, a, b, Width::W32);
                    core.set(op.dst, result);
                };
            )*
        }
    };
}

impl Core<'_> {
    /// Replaces a register by the result of an operation.
    #[inline(always)]
    fn change(&mut self, register: u8, alu: Alu, b: u32) {
        let a = self.r(register);
        let result = self.flags.alu(alu, a, b, Width::W32);
        self.set(register, result);
    }

    /// The memory operand, whose address has no index.
    #[inline(always)]
    pub(super) fn load_at_base(&mut self, op: &Op) -> Option<u32> {
        let word = self.words_hit(self.r(op.base).wrapping_add(op.disp))?;
        Some(u32::from_le_bytes(word))
    }

    #[inline(always)]
    fn store_hit<const N: usize>(&mut self, va: u32, bytes: [u8; N]) -> Option<()> {
        let phys = self.write_remembered::<N>(VirtAddr(va))?;
        self.ram.store(phys, bytes);
        Some(())
    }
}

flagged! {
    AddRr AddRi AddRm AddW: Add;
    OrRr OrRi OrRm OrW: Or;
    AndRr AndRi AndRm AndW: And;
    SubRr SubRi SubRm SubW: Sub;
    XorRr XorRi XorRm XorW: Xor;
}

copied! {
    MovAdd LoadAdd: Add;
    MovSub LoadSub: Sub;
    MovAnd LoadAnd: And;
}

quiet! {
    QuietAdd WQuietAdd QuietAddW QuietAddRm: u32::wrapping_add;
    QuietSub WQuietSub QuietSubW QuietSubRm: u32::wrapping_sub;
    QuietAnd WQuietAnd QuietAndW QuietAndRm: |a, b| a & b;
    QuietOr WQuietOr QuietOrW QuietOrRm: |a, b| a | b;
    QuietXor WQuietXor QuietXorW QuietXorRm: |a, b| a ^ b;
}

straight! {
    MovRr: |core, op| core.set(op.dst, core.r(op.src));
    MovRi: |core, op| core.set(op.dst, op.imm);
    IncR: |core, op| {
        let a = core.r(op.dst);
        let result = core.flags.inc(a, Width::W32);
        core.set(op.dst, result);
    };
    DecR: |core, op| {
        let a = core.r(op.dst);
        let result = core.flags.dec(a, Width::W32);
        core.set(op.dst, result);
    };
    LoadAt: |core, op| {
        let value = core.load_at_base(op)?;
        core.set(op.dst, value);
    };
    MovRm: |core, op| {
        let value = core.load_hit(op)?;
        core.set(op.dst, value);
    };
    Movzx8Rm: |core, op| {
        let [byte] = core.words_hit(core.effective(op))?;
        core.set(op.dst, byte.into());
    };
    StoreAt: |core, op| {
        let va = core.r(op.base).wrapping_add(op.disp);
        core.store_hit(va, core.r(op.src).to_le_bytes())?;
    };
    Store8IAt: |core, op| {
        let va = core.r(op.base).wrapping_add(op.disp);
        core.store_hit(va, [op.imm as u8])?;
    };
    MovMr: |core, op| core.store_hit(core.effective(op), core.r(op.src).to_le_bytes())?;
    MovMi: |core, op| core.store_hit(core.effective(op), op.imm.to_le_bytes())?;
    Mov8Mr: |core, op| {
        let byte = core.reg(op.src.into(), Width::W8) as u8;
        core.store_hit(core.effective(op), [byte])?;
    };
    Mov8Mi: |core, op| core.store_hit(core.effective(op), [op.imm as u8])?;
    Copy: |core, op| core.copy_word(op)?;
    LoadInc: |core, op| {
        let a = core.load_at_base(op)?;
        let result = core.flags.inc(a, Width::W32);
        core.set(op.dst, result);
    };
    LoadDec: |core, op| {
        let a = core.load_at_base(op)?;
        let result = core.flags.dec(a, Width::W32);
        core.set(op.dst, result);
    };
    Enter: |core, _op| core.enter_frame()?;
    CallOn: |core, op| core.push_hit(core.page.wrapping_add(op.imm).to_le_bytes())?;
    CallEnter: |core, op| core.call_and_enter(core.page.wrapping_add(op.imm))?;
    PushCallEnter: |core, op| {
        let value = core.r(op.src).wrapping_add(op.imm);
        core.push_call_and_enter(value, core.page.wrapping_add(op.target))?;
    };
    PushI: |core, op| core.push_hit(op.imm.to_le_bytes())?;
    PopR: |core, op| core.pop_hit(op)?;
    DropPush: |core, op| core.drop_and_push(op)?;
    DropPop: |core, op| core.drop_and_pop(op)?;
    Push2: |core, op| core.push_two(op)?;
    Pop2: |core, op| core.pop_two(op)?;
    PushR: |core, op| core.push_hit(core.r(op.src).to_le_bytes())?;
    Movzx8Rr: |core, op| core.set(op.dst, core.reg(op.src.into(), Width::W8));
    AddToW: |core, op| {
        let (a, b) = (core.word_inside(op.disp), core.r(op.src));
        let sum = core.flags.add(a, b, Width::W32);
        core.store_inside(op.disp, sum.to_le_bytes());
    };
    Lea: |core, op| core.set(op.dst, core.effective(op));
    BswapR: |core, op| core.set(op.dst, core.r(op.dst).swap_bytes());
    QuietShl: |core, op| core.set(op.dst, core.r(op.src).wrapping_shl(count(core, op)));
    QuietShr: |core, op| core.set(op.dst, core.r(op.src).wrapping_shr(count(core, op)));
    QuietSar: |core, op| {
        let a = core.r(op.src) as i32;
        core.set(op.dst, a.wrapping_shr(count(core, op)) as u32);
    };
    QuietRol: |core, op| core.set(op.dst, core.r(op.src).rotate_left(count(core, op)));
    QuietRor: |core, op| core.set(op.dst, core.r(op.src).rotate_right(count(core, op)));
    RolXor: |core, op| {
        let rotated = core.r(op.src).rotate_left(op.imm);
        core.set(op.dst, rotated ^ core.r(op.index));
    };
    WQuietRol: |core, op| core.set(op.dst, core.word_inside(op.disp).rotate_left(op.imm));
    WRolXor: |core, op| {
        let rotated = core.word_inside(op.disp).rotate_left(op.imm);
        core.set(op.dst, rotated ^ core.r(op.index));
    };
    LoadW: |core, op| core.set(op.dst, core.word_inside(op.disp));
    LoadZx8W: |core, op| {
        let [byte] = core.inside(op.disp);
        core.set(op.dst, byte.into());
    };
    StoreW: |core, op| core.store_inside(op.disp, core.r(op.src).to_le_bytes());
    StoreIW: |core, op| core.store_inside(op.disp, op.imm.to_le_bytes());
    Store8W: |core, op| {
        let byte = core.reg(op.src.into(), Width::W8) as u8;
        core.store_inside(op.disp, [byte]);
    };
    Store8IW: |core, op| core.store_inside(op.disp, [op.imm as u8]);
    CopyW: |core, op| {
        let word = core.inside::<4>(op.disp);
        core.store_inside(op.imm, word);
        core.set(op.dst, u32::from_le_bytes(word));
    };
    QuietAddToW: |core, op| {
        let sum = core.word_inside(op.disp).wrapping_add(core.r(op.src));
        core.store_inside(op.disp, sum.to_le_bytes());
    };
}

/// By how much a shift or rotation moves.
#[inline(always)]
fn count(core: &Core<'_>, op: &Op) -> u32 {
    core.r(op.index).wrapping_add(op.imm)
}

/// Carries one or two operations out; gives the number of the one that uses a page that is not
/// remembered, or 0.
type Run = fn(&mut Core<'_>, &[Op; 2]) -> usize;

fn one<A: Straight>(core: &mut Core<'_>, [op, _]: &[Op; 2]) -> usize {
    match A::run(core, op) {
        Some(()) => 0,
        None => 1,
    }
}

fn two<A: Straight, B: Straight>(core: &mut Core<'_>, [first, second]: &[Op; 2]) -> usize {
    if A::run(core, first).is_none() {
        return 1;
    }
    match B::run(core, second) {
        Some(()) => 0,
        None => 2,
    }
}

/// Makes the tables of the functions: for one operation, and for two of those that are frequent.
macro_rules! tables {
    (frequent: $($name:ident)*; calls: $($call:ident)*; others: $($other:ident)*;) => {
        /// The operations that are carried out in pairs, and behind them the others.
        const CODES: &[Code] = &[$(Code::$name,)* $(Code::$other,)*];
        const FREQUENT: usize = [$(Code::$name,)*].len();

        const fn followed<A: Straight>() -> [Run; FREQUENT] {
            [$(two::<A, $name>),*]
        }

        /// Those that are carried out in pairs where functions are called.
        const OF_CALLS: &[Code] = &[$(Code::$call,)*];

        const fn called<A: Straight>() -> [Run; OF_CALLS.len()] {
            [$(two::<A, $call>),*]
        }

        static TWO_OF_CALLS: [[Run; OF_CALLS.len()]; OF_CALLS.len()] = [$(called::<$call>()),*];
        static ONE: [Run; CODES.len()] = [$(one::<$name>,)* $(one::<$other>,)*];
        static TWO: [[Run; FREQUENT]; FREQUENT] = [$(followed::<$name>()),*];
    };
}

tables! {
    frequent: MovRr MovRi Lea BswapR LoadW StoreW StoreIW Store8IW CopyW LoadZx8W
        QuietAdd QuietSub QuietAnd QuietOr QuietXor QuietShl QuietShr QuietRol RolXor
        QuietAddW QuietAndW QuietOrW QuietXorW QuietAddToW
        WQuietAdd WQuietAnd WQuietOr WQuietXor WQuietRol WRolXor
        AddRr AddRi LoadAt StoreAt MovRm QuietAddRm;
    calls: MovRr AddRr LoadAt LoadAdd LoadSub LoadDec PushR PopR DropPush DropPop CallEnter
        PushCallEnter;
    others: OrRr OrRi OrRm OrW AndRr AndRi AndRm AndW SubRr SubRi SubRm SubW XorRr XorRi XorRm
        XorW AddRm AddW MovAdd MovSub MovAnd LoadAdd LoadSub LoadAnd IncR DecR LoadInc LoadDec
        MovMr MovMi Mov8Mr Mov8Mi Store8IAt Movzx8Rm Movzx8Rr Copy Enter Push2 Pop2 PushR PushI PopR DropPush DropPop
        CallOn CallEnter PushCallEnter AddToW
        QuietSubW WQuietSub QuietSar QuietRor Store8W
        QuietSubRm QuietAndRm QuietOrRm QuietXorRm;
}

/// For each code its place among [`CODES`], or one behind them.
static PLACES: [u8; 256] = {
    let mut places = [u8::MAX; 256];
    let mut place = 0;
    while place < CODES.len() {
        places[CODES[place] as usize] = place as u8;
        place += 1;
    }
    places
};

fn place(op: &Op) -> Option<usize> {
    let place = usize::from(PLACES[op.code as usize]);
    (place < CODES.len()).then_some(place)
}

/// The function for two operations, if there is one.
fn pair(first: &Op, second: &Op) -> Option<Run> {
    let frequent = || Some(*TWO.get(place(first)?)?.get(place(second)?)?);
    let of_calls = |op: &Op| OF_CALLS.iter().position(|code| *code == op.code);
    frequent().or_else(|| Some(TWO_OF_CALLS[of_calls(first)?][of_calls(second)?]))
}

/// One or two operations.
pub(super) struct Stride {
    run: Run,
    ops: [Op; 2],
}

impl Stride {
    /// The first of some operations, or the first two, and how many.
    fn of(ops: &[Op]) -> Option<(Self, usize)> {
        let first = ops.first()?;
        let place_of_first = place(first)?;
        if let Some(second) = ops.get(1)
            && let Some(run) = pair(first, second)
        {
            let ops = [*first, *second];
            return Some((Self { run, ops }, 2));
        }
        let stride = Self {
            run: ONE[place_of_first],
            ops: [*first; 2],
        };
        Some((stride, 1))
    }

    /// Operations of which all are straight.
    pub(super) fn all(ops: &[Op]) -> Option<Box<[Self]>> {
        let mut strides = Vec::with_capacity(ops.len());
        let mut rest = ops;
        while !rest.is_empty() {
            let (stride, count) = Self::of(rest)?;
            strides.push(stride);
            rest = &rest[count..];
        }
        Some(strides.into())
    }

    /// Carries them out; gives the instruction from where that needs more than hits of the TLB.
    #[inline(always)]
    pub(super) fn run(&self, core: &mut Core<'_>) -> Option<u8> {
        match (self.run)(core, &self.ops) {
            0 => None,
            failed => self.go_on(core, failed),
        }
    }

    /// Goes on from an operation whose page was not remembered.
    #[cold]
    #[inline(never)]
    fn go_on(&self, core: &mut Core<'_>, mut failed: usize) -> Option<u8> {
        while failed > 0 {
            let first = &self.ops[failed - 1];
            if !core.look_up_missed() {
                return Some(first.at);
            }
            failed = match place(first) {
                Some(place) if failed == 2 => 2 * ONE[place](core, &[*first; 2]),
                _ => (self.run)(core, &self.ops),
            };
        }
        None
    }
}

/// Operations with strides in the place of what is straight.
pub(super) fn straighten(ops: &[Op]) -> (Box<[Op]>, Box<[Stride]>) {
    let (mut fewer, mut strides) = (Vec::with_capacity(ops.len()), Vec::new());
    for row in ops.chunk_by(|a, b| place(a).is_some() == place(b).is_some()) {
        let start = strides.len();
        if let Some(row) = Stride::all(row) {
            strides.extend(row);
        } else {
            fewer.extend(row);
            continue;
        }
        fewer.push(Op {
            at: row[0].at,
            imm: start as u32,
            disp: (strides.len() - start) as u32,
            ..Op::new(Code::Straight)
        });
    }
    (fewer.into(), strides.into())
}
