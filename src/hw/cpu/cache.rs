//! A cache of decoded code, kept for each frame that instructions were fetched from.
//!
//! It is not part of the machine's state: dropping it at any time changes nothing but speed. Code
//! is found by its frame and the offset in it, so all address spaces and CPUs share it. It is valid
//! as long as the RAM reports that [the contents](Ram::code_number) have not changed.

use super::fetch::{Decoded, decode};
use super::fuse::fuse;
use super::lower::{interpreted, lower};
use super::op::{Code, Op, accesses};
use super::smooth::Smooth;
use super::straight::{Stride, straighten};
use super::window::{Window, window};
use crate::abi::{PAGE_SIZE, Pfn};
use crate::hw::{Frame, Ram};
use iced_x86::Instruction;
use std::fmt;

/// The most operations in a block.
const LONGEST_BLOCK: usize = 64;
/// The most frames whose code is kept. Beyond that, everything is dropped and decoded again.
const MOST_FRAMES: usize = 512;

/// The code that a CPU has decoded.
pub(super) struct DecodeCache {
    frames: Vec<FrameCode>,
    /// For each frame of RAM, its index in `frames` plus one; 0 for none.
    places: Vec<u32>,
    /// Switched off only to show that nothing depends on it.
    pub(super) enabled: bool,
}

impl Default for DecodeCache {
    fn default() -> Self {
        Self {
            frames: Vec::new(),
            places: Vec::new(),
            enabled: true,
        }
    }
}

/// A copy starts with nothing decoded.
impl Clone for DecodeCache {
    fn clone(&self) -> Self {
        Self {
            enabled: self.enabled,
            ..Self::default()
        }
    }
}

/// Shows nothing, because it is not part of the machine.
impl fmt::Debug for DecodeCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DecodeCache")
    }
}

impl DecodeCache {
    /// The decoded code of a frame; empty if the frame has changed since.
    pub(super) fn frame(&mut self, ram: &mut Ram, pfn: Pfn) -> &mut FrameCode {
        if self.places.len() <= pfn.index() {
            self.places.resize(pfn.index() + 1, 0);
        }
        if self.places[pfn.index()] == 0 {
            self.add(pfn);
        }
        let code = &mut self.frames[self.places[pfn.index()] as usize - 1];
        let number = ram.code_number(pfn);
        if code.number != number {
            code.clear();
            code.number = number;
        }
        code
    }

    #[cold]
    fn add(&mut self, pfn: Pfn) {
        if self.frames.len() == MOST_FRAMES {
            self.frames.clear();
            self.places.fill(0);
        }
        self.frames.push(FrameCode::new());
        self.places[pfn.index()] = self.frames.len() as u32;
    }
}

/// Instructions that are carried out one after the other once the first one is.
#[derive(Default)]
pub(super) struct Block {
    /// An operation for each.
    pub(super) plain: Box<[Op]>,
    /// The same with fewer operations, for whoever carries out all of them.
    pub(super) fused: Route,
    /// The same for whoever has opened the window.
    pub(super) windowed: Option<(Window, Route)>,
    /// How often they access memory.
    pub(super) accesses: u64,
}

/// A way through a block.
pub(super) struct Route {
    pub(super) way: Way,
    /// The operations before any of them became part of a stride.
    #[cfg(test)]
    fused: Vec<Op>,
}

/// What is carried out on a route.
pub(super) enum Way {
    /// All in one go.
    Smooth(Smooth),
    /// Operations, and the strides that they refer to.
    Mixed(Box<[Op]>, Box<[Stride]>),
}

impl Route {
    /// The operations stand for plain ones, which begin at that offset.
    fn of(plain: &[Op], start: usize) -> Self {
        let fused = fuse(plain);
        let way = match Smooth::of(&fused, plain, start as u32) {
            Some(smooth) => Way::Smooth(smooth),
            None => {
                let (ops, strides) = straighten(&fused);
                Way::Mixed(ops, strides)
            }
        };
        Self {
            way,
            #[cfg(test)]
            fused,
        }
    }
}

impl Default for Route {
    fn default() -> Self {
        Self::of(&[], 0)
    }
}

/// The decoded code of one frame.
pub(super) struct FrameCode {
    /// The number of the contents that it was decoded from.
    pub(super) number: u64,
    /// For each offset, the block that begins there; 0 if none is decoded.
    starts: Box<[u16; PAGE_SIZE as usize]>,
    /// The first block is empty.
    blocks: Vec<Block>,
    /// The instructions that operations refer to.
    others: Vec<Instruction>,
}

impl FrameCode {
    fn new() -> Self {
        Self {
            number: 0,
            starts: Box::new([0; PAGE_SIZE as usize]),
            blocks: vec![Block::default()],
            others: Vec::new(),
        }
    }

    fn clear(&mut self) {
        if self.blocks.len() > 1 {
            self.starts.fill(0);
            self.blocks.truncate(1);
            self.others.clear();
        }
    }

    /// The operations from an offset to the end of their block; none if they are not decoded.
    #[inline(always)]
    pub(super) fn block(&self, offset: usize) -> &Block {
        let block = self.starts[offset & (PAGE_SIZE as usize - 1)];
        &self.blocks[usize::from(block)]
    }

    pub(super) fn other(&self, place: u32) -> Option<&Instruction> {
        self.others.get(place as usize)
    }

    /// Decodes the block at an offset. There is none if its first instruction is invalid or does
    /// not end in this page.
    pub(super) fn decode_block(&mut self, bytes: &Frame, offset: usize) -> bool {
        let mut plain = Vec::new();
        let mut at = offset;
        while at < bytes.len() && plain.len() < LONGEST_BLOCK {
            let Decoded::Instruction(instruction) = decode(&bytes[at..], at as u32) else {
                break;
            };
            let mut op = self.op(&instruction, at + instruction.len());
            op.at = plain.len() as u8;
            op.go_on_at_target();
            at = op.next.into();
            plain.push(op);
            if op.ends_block() {
                break;
            }
        }
        if plain.is_empty() {
            return false;
        }
        // There are no more blocks than offsets in a page.
        self.starts[offset] = self.blocks.len() as u16;
        self.blocks.push(Block {
            fused: Route::of(&plain, offset),
            windowed: window(&plain).map(|(window, ops)| (window, Route::of(&ops, offset))),
            accesses: accesses(&plain),
            plain: plain.into(),
        });
        true
    }

    fn op(&mut self, instruction: &Instruction, next: usize) -> Op {
        let mut op = lower(instruction).unwrap_or_else(|| interpreted(instruction));
        if matches!(op.code, Code::Any | Code::X87 | Code::Within) {
            op.imm = self.others.len() as u32;
            self.others.push(*instruction);
        }
        op.next = next as u16;
        op
    }
}

#[cfg(test)]
impl DecodeCache {
    /// The codes of all fused operations.
    pub(super) fn fused_codes(&self) -> impl Iterator<Item = Code> {
        let blocks = self.frames.iter().flat_map(|frame| &frame.blocks);
        let routes = blocks.flat_map(|block| {
            let windowed = block.windowed.iter().map(|(_, route)| route);
            [&block.fused].into_iter().chain(windowed)
        });
        let ops = routes.flat_map(|route| {
            let mixed: &[Op] = match &route.way {
                Way::Mixed(ops, _) => ops,
                Way::Smooth(_) => &[],
            };
            route.fused.iter().chain(mixed)
        });
        ops.map(|op| op.code).filter(|code| code.is_fused())
    }
}
