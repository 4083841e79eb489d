//! Our machine code stubs: start-up, system calls, `clone`, calls of closures, `printf`.

use super::super::calls::{self, SystemCall};
use super::debug::{Begins, Marks};
use super::{Code, Emit};
use crate::abi::Errno;
use crate::compile::tree::Pos;
use crate::kernel::syscall::nr;
use iced_x86::code_asm::{
    AsmRegister32, CodeLabel, dword_ptr, eax, ebp, ebx, ecx, edi, edx, esi, esp, gs,
};

/// The registers that hold the arguments of a system call.
const ARGUMENTS: [AsmRegister32; 6] = [ebx, ecx, edx, esi, edi, ebp];
/// The most bytes that one `print` shows.
const BUFFER: i32 = 1024;

impl Code<'_> {
    /// `_start`: the kernel enters a program with argc, argv and envp on the stack.
    pub(super) fn start_up(&mut self) -> Emit {
        let start = self.here();
        self.line(Pos::default(), Begins::Nothing);
        let main = self.functions[self.program.entry];
        let asm = &mut self.asm;
        asm.xor(ebp, ebp)?;
        asm.mov(eax, dword_ptr(esp))?;
        asm.lea(ecx, dword_ptr(esp + 4))?;
        asm.lea(edx, dword_ptr(ecx + eax * 4 + 4))?;
        asm.push(edx)?;
        asm.push(ecx)?;
        asm.push(eax)?;
        asm.call(main)?;
        if self.gives_status() {
            self.asm.mov(ebx, eax)?;
        } else {
            self.asm.xor(ebx, ebx)?;
        }
        self.asm.mov(eax, i32::from(nr::exit_group))?;
        self.asm.int(0x80)?;
        self.asm.hlt()?;
        self.mark_stub("_start", start);
        Ok(())
    }

    /// Whether the first function returns an exit status.
    fn gives_status(&self) -> bool {
        let ret = self.program.functions[self.program.entry].ret;
        self.program.types.get(ret) != super::super::types::Type::Unit
    }

    fn mark_stub(&mut self, name: &str, start: usize) {
        let end = self.here();
        self.marks.push(Marks {
            name: super::shown(name),
            start,
            body: start,
            end,
            locals: Vec::new(),
        });
    }

    /// Emits all stubs that are called, and those that these call.
    pub(super) fn emit_stubs(&mut self) -> Emit {
        let mut done = Vec::new();
        while let Some(name) = self
            .stubs
            .keys()
            .find(|name| !done.contains(*name))
            .copied()
        {
            done.push(name);
            let start = self.here();
            self.line(Pos::default(), Begins::Nothing);
            let mut label = self.stub(name);
            self.asm.set_label(&mut label)?;
            self.stubs.insert(name, label);
            self.emit_stub(name)?;
            self.mark_stub(name, start);
        }
        Ok(())
    }

    fn emit_stub(&mut self, name: &str) -> Emit {
        match name {
            "clone" => self.clone_stub(),
            "vfork" => self.vfork_stub(),
            "mmap" => self.mmap_stub(),
            "syscall" => self.syscall_stub(),
            "set_gs" => self.set_gs_stub(),
            "load_gs" => self.load_gs_stub(),
            "store_gs" => self.store_gs_stub(),
            "call_closure" => self.call_closure(),
            "printf" => self.printf(),
            _ => match calls::system_call(name) {
                Some(call) => self.system_call(&call),
                None => self.asm.ud2(),
            },
        }
    }

    /// `set_gs(selector)`: loads the segment register.
    fn set_gs_stub(&mut self) -> Emit {
        self.asm.mov(eax, dword_ptr(esp + 4))?;
        self.asm.mov(gs, eax)?;
        self.asm.ret()
    }

    /// `load_gs(offset)`: loads a word of the segment.
    fn load_gs_stub(&mut self) -> Emit {
        self.asm.mov(eax, dword_ptr(esp + 4))?;
        self.asm.mov(eax, dword_ptr(eax).gs())?;
        self.asm.ret()
    }

    /// `store_gs(offset, value)`: stores a word in the segment.
    fn store_gs_stub(&mut self) -> Emit {
        self.asm.mov(ecx, dword_ptr(esp + 4))?;
        self.asm.mov(eax, dword_ptr(esp + 8))?;
        self.asm.mov(dword_ptr(ecx).gs(), eax)?;
        self.asm.ret()
    }

    fn save(&mut self, count: usize) -> Emit<i32> {
        let mut saved = 0;
        for register in ARGUMENTS[..count]
            .iter()
            .filter(|register| is_preserved(**register))
        {
            self.asm.push(*register)?;
            saved += 1;
        }
        Ok(saved)
    }

    fn restore(&mut self, count: usize) -> Emit {
        let saved = ARGUMENTS[..count].iter().rev();
        for register in saved.filter(|register| is_preserved(**register)) {
            self.asm.pop(*register)?;
        }
        Ok(())
    }

    /// Loads arguments into registers, from above the return address and the saved registers.
    fn take(&mut self, count: usize, skip: i32) -> Emit {
        for (at, register) in ARGUMENTS[..count].iter().enumerate() {
            let from = dword_ptr(esp + (4 * at as i32 + skip));
            self.asm.mov(*register, from)?;
        }
        Ok(())
    }

    fn system_call(&mut self, call: &SystemCall) -> Emit {
        let count = call.arity();
        let saved = self.save(count)?;
        self.take(count, 4 * saved + 4)?;
        self.asm.mov(eax, i32::from(call.number()))?;
        self.asm.int(0x80)?;
        self.restore(count)?;
        self.asm.ret()
    }

    /// `syscall(number, ...)`: any system call by its number.
    fn syscall_stub(&mut self) -> Emit {
        let saved = self.save(6)?;
        self.asm.mov(eax, dword_ptr(esp + (4 * saved + 4)))?;
        self.take(6, 4 * saved + 8)?;
        self.asm.int(0x80)?;
        self.restore(6)?;
        self.asm.ret()
    }

    /// The child runs on this stack before the parent returns. The return address is kept in a
    /// register, where the child cannot overwrite it.
    fn vfork_stub(&mut self) -> Emit {
        self.asm.pop(ecx)?;
        self.asm.mov(eax, i32::from(nr::vfork))?;
        self.asm.int(0x80)?;
        self.asm.push(ecx)?;
        self.asm.ret()
    }

    /// The kernel's mmap2 counts the offset in pages.
    fn mmap_stub(&mut self) -> Emit {
        let mut bad = self.asm.create_label();
        let saved = self.save(6)?;
        self.take(6, 4 * saved + 4)?;
        self.asm.mov(eax, -Errno::EINVAL.code())?;
        self.asm.test(ebp, 0xfff)?;
        self.asm.jne(bad)?;
        self.asm.shr(ebp, 12)?;
        self.asm.mov(eax, i32::from(nr::mmap2))?;
        self.asm.int(0x80)?;
        self.asm.set_label(&mut bad)?;
        self.restore(6)?;
        self.asm.ret()
    }

    /// `clone(fn, stack, flags, arg, parent_tid, tls, child_tid)`, as in the C library: the child
    /// calls `fn(arg)` on the new stack and exits with the result.
    fn clone_stub(&mut self) -> Emit {
        let (mut child, mut bad) = (self.asm.create_label(), self.asm.create_label());
        let asm = &mut self.asm;
        asm.mov(eax, dword_ptr(esp + 4))?;
        asm.mov(ecx, dword_ptr(esp + 8))?;
        asm.test(eax, eax)?;
        asm.je(bad)?;
        asm.test(ecx, ecx)?;
        asm.je(bad)?;
        asm.sub(ecx, 8)?;
        asm.mov(dword_ptr(ecx), eax)?;
        asm.mov(eax, dword_ptr(esp + 16))?;
        asm.mov(dword_ptr(ecx + 4), eax)?;
        asm.push(ebx)?;
        asm.push(esi)?;
        asm.push(edi)?;
        asm.mov(ebx, dword_ptr(esp + 24))?;
        asm.mov(edx, dword_ptr(esp + 32))?;
        asm.mov(esi, dword_ptr(esp + 36))?;
        asm.mov(edi, dword_ptr(esp + 40))?;
        asm.mov(eax, i32::from(nr::clone))?;
        asm.int(0x80)?;
        asm.test(eax, eax)?;
        asm.je(child)?;
        asm.pop(edi)?;
        asm.pop(esi)?;
        asm.pop(ebx)?;
        asm.ret()?;
        asm.set_label(&mut bad)?;
        asm.mov(eax, -Errno::EINVAL.code())?;
        asm.ret()?;
        asm.set_label(&mut child)?;
        asm.xor(ebp, ebp)?;
        asm.pop(eax)?;
        self.call_function()?;
        self.asm.mov(ebx, eax)?;
        self.asm.mov(eax, i32::from(nr::exit))?;
        self.asm.int(0x80)?;
        self.asm.hlt()
    }

    /// Calls the function value in eax.
    fn call_function(&mut self) -> Emit {
        if self.program.has_captures {
            let label: CodeLabel = self.stub("call_closure");
            return self.asm.call(label);
        }
        self.asm.call(eax)
    }

    /// A function value is the address of code, or of a closure's record, which is above all code.
    /// The closure expects the record in ecx.
    fn call_closure(&mut self) -> Emit {
        let mut plain = self.asm.create_label();
        let data = self.at.data as i32;
        self.asm.cmp(eax, data)?;
        self.asm.jb(plain)?;
        self.asm.mov(ecx, eax)?;
        self.asm.mov(eax, dword_ptr(eax))?;
        self.asm.set_label(&mut plain)?;
        self.asm.jmp(eax)
    }

    /// `printf(pattern, ...)`: formats everything on the stack and writes it at once.
    fn printf(&mut self) -> Emit {
        let functions = &self.program.functions;
        let format = functions
            .iter()
            .position(|f| f.library && &*f.name == "format");
        let Some(format) = format.map(|id| self.functions[id]) else {
            return self.asm.ud2();
        };
        let write = self.stub("write");
        let asm = &mut self.asm;
        asm.push(ebp)?;
        asm.mov(ebp, esp)?;
        asm.sub(esp, BUFFER)?;
        asm.lea(eax, dword_ptr(ebp + 12))?;
        asm.push(eax)?;
        asm.push(dword_ptr(ebp + 8))?;
        asm.push(ebp)?;
        asm.lea(eax, dword_ptr(ebp - BUFFER))?;
        asm.push(eax)?;
        asm.call(format)?;
        asm.push(eax)?;
        asm.lea(eax, dword_ptr(ebp - BUFFER))?;
        asm.push(eax)?;
        asm.push(1)?;
        asm.call(write)?;
        asm.leave()?;
        asm.ret()
    }
}

fn is_preserved(register: AsmRegister32) -> bool {
    [ebx, esi, edi, ebp].contains(&register)
}
