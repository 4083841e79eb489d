//! What fused operations do, as long as every access is to a page that is remembered: whatever needs
//! more than that is left to the instructions they were made of, or done once the page is.
//!
//! Words of the stack that lie side by side are one access.

use super::alu::{Alu, Width};
use super::fuse::holds;
use super::op::Op;
use super::state::{Core, EBP, ESP};
use crate::abi::VirtAddr;

impl Core<'_> {
    /// Compares as `cmp` and looks the outcome up in a [truth table](super::fuse::holds).
    #[inline(always)]
    pub(super) fn decide(&mut self, a: u32, b: u32, truths: u8) -> bool {
        self.flags.alu(Alu::Cmp, a, b, Width::W32);
        holds(truths, a, b)
    }

    /// The same for bytes.
    #[inline(always)]
    pub(super) fn decide_byte(&mut self, a: u32, b: u32, truths: u8) -> bool {
        self.flags.alu(Alu::Cmp, a, b, Width::W8);
        holds(truths, a << 24, b << 24)
    }

    /// `mov` from memory through a register to memory.
    #[inline(always)]
    pub(super) fn copy_word(&mut self, op: &Op) -> Option<()> {
        let from = self.r(op.base).wrapping_add(op.disp);
        let word = self.words_hit::<4>(from)?;
        let to = VirtAddr(self.r(op.src).wrapping_add(op.imm));
        let phys = self.write_remembered::<4>(to)?;
        self.ram.store(phys, word);
        self.set(op.dst, u32::from_le_bytes(word));
        Some(())
    }

    #[inline(always)]
    pub(super) fn load_hit(&mut self, op: &Op) -> Option<u32> {
        let bytes = self.words_hit(self.effective(op))?;
        Some(u32::from_le_bytes(bytes))
    }

    #[inline(always)]
    pub(super) fn words_hit<const N: usize>(&mut self, from: u32) -> Option<[u8; N]> {
        let phys = self.read_remembered::<N>(VirtAddr(from))?;
        Some(self.ram.load(phys))
    }

    #[inline(always)]
    pub(super) fn push_hit<const N: usize>(&mut self, words: [u8; N]) -> Option<()> {
        let esp = self.gpr[ESP].wrapping_sub(N as u32);
        let phys = self.write_remembered::<N>(VirtAddr(esp))?;
        self.ram.store(phys, words);
        self.gpr[ESP] = esp;
        Some(())
    }

    /// `push ebp; mov ebp, esp`.
    #[inline(always)]
    pub(super) fn enter_frame(&mut self) -> Option<()> {
        self.push_hit(self.gpr[EBP].to_le_bytes())?;
        self.gpr[EBP] = self.gpr[ESP];
        Some(())
    }

    /// `call` of a function that begins with `push ebp; mov ebp, esp`.
    #[inline(always)]
    pub(super) fn call_and_enter(&mut self, back: u32) -> Option<()> {
        self.push_hit(pair(self.gpr[EBP], back))?;
        self.gpr[EBP] = self.gpr[ESP];
        Some(())
    }

    /// The same, with a `push` before it.
    #[inline(always)]
    pub(super) fn push_call_and_enter(&mut self, value: u32, back: u32) -> Option<()> {
        let mut words = [0; 12];
        words[..8].copy_from_slice(&pair(self.gpr[EBP], back));
        words[8..].copy_from_slice(&value.to_le_bytes());
        self.push_hit(words)?;
        self.gpr[EBP] = self.gpr[ESP];
        Some(())
    }

    /// `leave; ret`: gives where to.
    #[inline(always)]
    pub(super) fn leave_and_return(&mut self) -> Option<u32> {
        let ebp = self.gpr[EBP];
        let words = u64::from_le_bytes(self.words_hit(ebp)?);
        self.gpr[ESP] = ebp.wrapping_add(8);
        self.gpr[EBP] = words as u32;
        Some((words >> 32) as u32)
    }

    #[inline(always)]
    pub(super) fn push_two(&mut self, op: &Op) -> Option<()> {
        self.push_hit(pair(self.r(op.dst), self.r(op.src)))
    }

    #[inline(always)]
    pub(super) fn pop_two(&mut self, op: &Op) -> Option<()> {
        let esp = self.gpr[ESP];
        let words = u64::from_le_bytes(self.words_hit(esp)?);
        self.gpr[ESP] = esp.wrapping_add(8);
        self.set(op.src, words as u32);
        self.set(op.dst, (words >> 32) as u32);
        Some(())
    }

    #[inline(always)]
    pub(super) fn pop_hit(&mut self, op: &Op) -> Option<()> {
        let esp = self.gpr[ESP];
        let word = u32::from_le_bytes(self.words_hit(esp)?);
        self.gpr[ESP] = esp.wrapping_add(4);
        self.set(op.dst, word);
        Some(())
    }

    /// `add esp, n; push`.
    #[inline(always)]
    pub(super) fn drop_and_push(&mut self, op: &Op) -> Option<()> {
        let top = self.gpr[ESP];
        let esp = top.wrapping_add(op.imm).wrapping_sub(4);
        let phys = self.write_remembered::<4>(VirtAddr(esp))?;
        self.flags.add(top, op.imm, Width::W32);
        self.ram.store(phys, self.r(op.src).to_le_bytes());
        self.gpr[ESP] = esp;
        Some(())
    }

    /// `add esp, n; pop`.
    #[inline(always)]
    pub(super) fn drop_and_pop(&mut self, op: &Op) -> Option<()> {
        let top = self.gpr[ESP];
        let esp = top.wrapping_add(op.imm);
        let word = u32::from_le_bytes(self.words_hit(esp)?);
        self.flags.add(top, op.imm, Width::W32);
        self.gpr[ESP] = esp.wrapping_add(4);
        self.set(op.dst, word);
        Some(())
    }
}

/// Two words in memory, the lower one first.
#[inline(always)]
fn pair(low: u32, high: u32) -> [u8; 8] {
    (u64::from(low) | u64::from(high) << 32).to_le_bytes()
}
