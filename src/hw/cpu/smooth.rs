//! Blocks that are carried out without a look at their single operations: what is in them is
//! [straight](super::straight), and a jump ends them.
//!
//! They follow each other as long as the budget is enough and all accesses hit the TLB.

use super::alu::Width;
use super::around::{Around, sets_flags};
use super::cache::{Block, FrameCode, Way};
use super::fuse::{BELOW, EQUAL, LESS, holds};
use super::op::{Code, Op};
use super::state::{Core, ESP, ZERO};
use super::straight::Stride;
use crate::abi::PAGE_SIZE;

/// Ends a block in the page that begins there; gives where execution goes on, or `None` if it uses a
/// page that is not remembered. It accesses memory at most once.
pub(super) type End = fn(&mut Core<'_>, &Op, u32) -> Option<u32>;

/// Where runs through smooth blocks end.
pub(super) struct Stop {
    /// The beginning of a block.
    pub(super) eip: u32,
    /// The instruction of the block that comes next, if it has been begun.
    pub(super) within: Option<u8>,
}

/// A comparison that ends a block, and decides about a jump.
trait Decision {
    /// What comes before the comparison.
    fn prepare(core: &mut Core<'_>, op: &Op);
    /// What is compared; `None` if it is in a page that is not remembered.
    fn sides(core: &mut Core<'_>, op: &Op) -> Option<(u32, u32)>;
    fn set_flags(core: &mut Core<'_>, a: u32, b: u32) {
        core.flags.sub(a, b, Width::W32);
    }
    /// What is compared as numbers of 32 bits.
    fn widened(sides: (u32, u32)) -> (u32, u32) {
        sides
    }
}

/// Declares decisions: a type with the name of each code.
macro_rules! decisions {
    ($($name:ident: |$core:ident, $op:ident| $sides:expr;)*) => {
        $(
            struct $name;

            impl Decision for $name {
                fn prepare(_: &mut Core<'_>, _: &Op) {}

                #[inline(always)]
                fn sides($core: &mut Core<'_>, $op: &Op) -> Option<(u32, u32)> {
                    Some($sides)
                }
            }
        )*
    };
}

decisions! {
    CmpJ: |core, op| (core.r(op.dst), core.r(op.src).wrapping_add(op.imm));
    CmpMJ: |core, op| (core.load_hit(op)?, core.r(op.src).wrapping_add(op.imm));
    // ... whose address has no index.
    CmpMAtJ: |core, op| (core.load_at_base(op)?, core.r(op.src).wrapping_add(op.imm));
    CmpRmJ: |core, op| {
        let b = core.load_hit(op)?;
        (core.r(op.dst), b)
    };
    // What `and` gives has the flags of its difference from 0.
    TestJ: |core, op| (core.r(op.dst) & core.r(op.src).wrapping_add(op.imm), 0);
}

struct StepJ;

impl Decision for StepJ {
    #[inline(always)]
    fn prepare(core: &mut Core<'_>, op: &Op) {
        let step = core.r(op.src).wrapping_add(op.disp);
        core.set(op.dst, core.r(op.dst).wrapping_add(step));
    }

    #[inline(always)]
    fn sides(core: &mut Core<'_>, op: &Op) -> Option<(u32, u32)> {
        Some((core.r(op.dst), core.r(op.index).wrapping_add(op.imm)))
    }
}

/// Declares decisions about bytes.
macro_rules! byte_decisions {
    ($($name:ident: |$core:ident, $op:ident| $sides:expr;)*) => {
        $(
            struct $name;

            impl Decision for $name {
                fn prepare(_: &mut Core<'_>, _: &Op) {}

                #[inline(always)]
                fn sides($core: &mut Core<'_>, $op: &Op) -> Option<(u32, u32)> {
                    Some($sides)
                }

                #[inline(always)]
                fn set_flags(core: &mut Core<'_>, a: u32, b: u32) {
                    core.flags.sub(a, b, Width::W8);
                }

                #[inline(always)]
                fn widened((a, b): (u32, u32)) -> (u32, u32) {
                    (a << 24, b << 24)
                }
            }
        )*
    };
}

byte_decisions! {
    Cmp8J: |core, op| (core.reg(op.dst.into(), Width::W8), op.imm);
    Cmp8MJ: |core, op| {
        let [a] = core.words_hit(core.effective(op))?;
        (a.into(), op.imm)
    };
}

fn decide<D: Decision, const TRUTHS: u8>(core: &mut Core<'_>, op: &Op, page: u32) -> Option<u32> {
    D::prepare(core, op);
    let (a, b) = D::sides(core, op)?;
    D::set_flags(core, a, b);
    let (a, b) = D::widened((a, b));
    Some(whither(is_true::<TRUTHS>(a, b), op, page))
}

fn again<D: Decision, const TRUTHS: u8>(core: &mut Core<'_>, op: &Op) -> bool {
    D::prepare(core, op);
    D::sides(core, op).is_some_and(|(a, b)| is_true::<TRUTHS>(a, b))
}

fn settle<D: Decision>(core: &mut Core<'_>, op: &Op) {
    if let Some((a, b)) = D::sides(core, op) {
        D::set_flags(core, a, b);
    }
}

const BELOW_OR_EQUAL: u8 = BELOW | EQUAL;
const LESS_OR_EQUAL: u8 = LESS | EQUAL;
const NOT_BELOW: u8 = !BELOW;
const NOT_EQUAL: u8 = !EQUAL;
const NOT_LESS: u8 = !LESS;
const ABOVE: u8 = !BELOW_OR_EQUAL;
const GREATER: u8 = !LESS_OR_EQUAL;

/// The instance of a function for a truth table.
macro_rules! with_truths {
    ($truths:expr, $function:ident::<$decision:ty>) => {
        match $truths {
            BELOW => $function::<$decision, BELOW>,
            EQUAL => $function::<$decision, EQUAL>,
            LESS => $function::<$decision, LESS>,
            BELOW_OR_EQUAL => $function::<$decision, BELOW_OR_EQUAL>,
            LESS_OR_EQUAL => $function::<$decision, LESS_OR_EQUAL>,
            NOT_BELOW => $function::<$decision, NOT_BELOW>,
            NOT_EQUAL => $function::<$decision, NOT_EQUAL>,
            NOT_LESS => $function::<$decision, NOT_LESS>,
            ABOVE => $function::<$decision, ABOVE>,
            GREATER => $function::<$decision, GREATER>,
            _ => return None,
        }
    };
}

/// What ends a block with a decision.
fn decision(op: &Op) -> Option<End> {
    let end: End = match op.code {
        Code::CmpJ => with_truths!(op.index, decide::<CmpJ>),
        Code::CmpMJ if op.index == ZERO => with_truths!(op.dst, decide::<CmpMAtJ>),
        Code::CmpMJ => with_truths!(op.dst, decide::<CmpMJ>),
        Code::CmpRmJ => with_truths!(op.src, decide::<CmpRmJ>),
        Code::TestJ => with_truths!(op.index, decide::<TestJ>),
        Code::StepJ => with_truths!(op.base, decide::<StepJ>),
        Code::Cmp8J => with_truths!(op.index, decide::<Cmp8J>),
        Code::Cmp8MJ => with_truths!(op.dst, decide::<Cmp8MJ>),
        _ => return None,
    };
    Some(end)
}

/// How to go round in a block that ends with this operation.
fn around(plain: &[Op], last: &Op) -> Option<Around> {
    type Again = fn(&mut Core<'_>, &Op) -> bool;
    type Settle = fn(&mut Core<'_>, &Op);
    let (again, settle, compared): (Again, Settle, _) = match last.code {
        Code::CmpJ => (
            with_truths!(last.index, again::<CmpJ>),
            settle::<CmpJ>,
            [last.dst, last.src],
        ),
        Code::TestJ => (
            with_truths!(last.index, again::<TestJ>),
            settle::<TestJ>,
            [last.dst, last.src],
        ),
        Code::StepJ => (
            with_truths!(last.base, again::<StepJ>),
            settle::<StepJ>,
            [last.dst, last.index],
        ),
        _ => return None,
    };
    Some(Around {
        again,
        settle,
        sets_flags: sets_flags(plain, compared)?,
    })
}

/// [`holds`] for a table that is known before.
#[inline(always)]
fn is_true<const TRUTHS: u8>(a: u32, b: u32) -> bool {
    let (left, right) = (a as i32, b as i32);
    match TRUTHS {
        BELOW => a < b,
        EQUAL => a == b,
        LESS => left < right,
        BELOW_OR_EQUAL => a <= b,
        LESS_OR_EQUAL => left <= right,
        NOT_BELOW => a >= b,
        NOT_EQUAL => a != b,
        NOT_LESS => left >= right,
        ABOVE => a > b,
        GREATER => left > right,
        _ => holds(TRUTHS, a, b),
    }
}

/// Where a jump leads to.
#[inline(always)]
fn whither(taken: bool, op: &Op, page: u32) -> u32 {
    page.wrapping_add(if taken { op.target } else { op.next.into() })
}

fn on_flags<const CONDITION: u8>(core: &mut Core<'_>, op: &Op, page: u32) -> Option<u32> {
    Some(whither(core.flags.condition(CONDITION), op, page))
}

fn jump(_: &mut Core<'_>, op: &Op, page: u32) -> Option<u32> {
    Some(page.wrapping_add(op.target))
}

/// The block ends without a jump.
fn through(_: &mut Core<'_>, op: &Op, page: u32) -> Option<u32> {
    Some(page.wrapping_add(op.next.into()))
}

fn to_register(core: &mut Core<'_>, op: &Op, _: u32) -> Option<u32> {
    Some(core.r(op.src))
}

fn call(core: &mut Core<'_>, op: &Op, page: u32) -> Option<u32> {
    let back = page.wrapping_add(op.next.into());
    core.push_hit(back.to_le_bytes())?;
    Some(page.wrapping_add(op.target))
}

fn ret(core: &mut Core<'_>, op: &Op, _: u32) -> Option<u32> {
    let esp = core.gpr[ESP];
    let target = u32::from_le_bytes(core.words_hit(esp)?);
    // What `ret` drops; `op.imm` is 0 without it.
    core.gpr[ESP] = esp.wrapping_add(4).wrapping_add(op.imm);
    Some(target)
}

fn leave_ret(core: &mut Core<'_>, _: &Op, _: u32) -> Option<u32> {
    core.leave_and_return()
}

/// What ends a block with this operation.
fn end_of(op: &Op) -> Option<End> {
    use Code::*;
    let end: End = match op.code {
        Jo => on_flags::<0>,
        Jno => on_flags::<1>,
        Jb => on_flags::<2>,
        Jae => on_flags::<3>,
        Je => on_flags::<4>,
        Jne => on_flags::<5>,
        Jbe => on_flags::<6>,
        Ja => on_flags::<7>,
        Js => on_flags::<8>,
        Jns => on_flags::<9>,
        Jp => on_flags::<10>,
        Jnp => on_flags::<11>,
        Jl => on_flags::<12>,
        Jge => on_flags::<13>,
        Jle => on_flags::<14>,
        Jg => on_flags::<15>,
        Jmp => jump,
        JmpR => to_register,
        Call => call,
        Ret | RetI => ret,
        LeaveRet => leave_ret,
        _ => return decision(op),
    };
    Some(end)
}

/// How running the same block again and again ends.
enum Rounds {
    /// The jump was not taken.
    All,
    /// That instruction of the last round needs more than hits of the TLB.
    Until(u8),
    /// The budget is not enough for another round.
    Budget,
}

/// What is smooth about a block.
pub(super) struct Smooth {
    pub(super) strides: Box<[Stride]>,
    end: End,
    last: Op,
    around: Option<Around>,
}

impl Smooth {
    /// `None` if not all of the operations are straight, but for a jump at the end. They stand for
    /// the plain ones, which begin at that offset.
    pub(super) fn of(ops: &[Op], plain: &[Op], start: u32) -> Option<Self> {
        let (last, others) = ops.split_last()?;
        let (end, straight) = match end_of(last) {
            Some(end) => (end, others),
            None => (through as End, ops),
        };
        Some(Self {
            strides: Stride::all(straight)?,
            end,
            last: Op {
                next: plain.last()?.next,
                ..*last
            },
            around: around(plain, last).filter(|_| last.target == start),
        })
    }
}

impl Core<'_> {
    /// Runs blocks in the page that begins there, as long as they are smooth.
    #[inline(never)]
    pub(super) fn run_smoothly(&mut self, code: &FrameCode, page: u32, mut eip: u32) -> Stop {
        loop {
            let offset = eip.wrapping_sub(page);
            if offset >= PAGE_SIZE {
                return Stop { eip, within: None };
            }
            let block = code.block(offset as usize);
            let count = block.plain.len() as u64;
            loop {
                let Way::Smooth(smooth) = self.quickest(block) else {
                    return Stop { eip, within: None };
                };
                if count > self.left {
                    return Stop { eip, within: None };
                }
                self.left -= count;
                self.hits = self.hits.wrapping_add(block.accesses);
                for stride in &smooth.strides {
                    if let within @ Some(_) = stride.run(self) {
                        return Stop { eip, within };
                    }
                }
                let target = (smooth.end)(self, &smooth.last, page);
                let Some(target) = target.or_else(|| self.end_again(smooth, page)) else {
                    let within = Some(smooth.last.at);
                    return Stop { eip, within };
                };
                if target != eip {
                    eip = target;
                    break;
                }
                // A loop runs the same block again.
                if let (Some(around), None) = (smooth.around, &block.windowed) {
                    match self.go_round(block, smooth, around) {
                        Rounds::All => {
                            eip = page.wrapping_add(smooth.last.next.into());
                            break;
                        }
                        Rounds::Until(at) => {
                            let within = Some(at);
                            return Stop { eip, within };
                        }
                        Rounds::Budget => {}
                    }
                }
            }
        }
    }

    /// Ends a block whose end uses a page that was not remembered.
    #[cold]
    #[inline(never)]
    fn end_again(&mut self, smooth: &Smooth, page: u32) -> Option<u32> {
        if !self.look_up_missed() {
            return None;
        }
        (smooth.end)(self, &smooth.last, page)
    }

    /// Runs a block whose last jump led to its beginning, as long as it does and the budget is
    /// enough.
    #[inline(never)]
    fn go_round(&mut self, block: &Block, smooth: &Smooth, around: Around) -> Rounds {
        let most = self.left / block.plain.len() as u64;
        let mut rounds = 0;
        let mut end = Rounds::Budget;
        'rounds: while rounds < most {
            rounds += 1;
            for stride in &smooth.strides {
                if let Some(at) = stride.run(self) {
                    end = Rounds::Until(at);
                    break 'rounds;
                }
            }
            if !(around.again)(self, &smooth.last) {
                end = Rounds::All;
                break;
            }
        }
        if !matches!(end, Rounds::Until(at) if at > around.sets_flags) {
            (around.settle)(self, &smooth.last);
        }
        self.left -= rounds * block.plain.len() as u64;
        self.hits = self.hits.wrapping_add(rounds.wrapping_mul(block.accesses));
        end
    }

    /// The quickest way through a block.
    #[inline(always)]
    pub(super) fn quickest<'b>(&mut self, block: &'b Block) -> &'b Way {
        match &block.windowed {
            Some((window, route)) if self.open(window) => &route.way,
            _ => &block.fused.way,
        }
    }
}
