//! What is known about a program beyond its bytes: lines of the source, functions, variables and
//! their types. Debuggers and explanations use it; the kernel never does.

use crate::hw::Regs;
use std::sync::Arc;

/// The debug information of a program.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DebugInfo {
    /// The source files, to which [`LineEntry`] refers.
    pub sources: Vec<Source>,
    /// The source position of each instruction, in order of address.
    pub lines: Vec<LineEntry>,
    /// The functions, in order of address.
    pub functions: Vec<FunctionInfo>,
    /// Variables in data or bss.
    pub globals: Vec<GlobalInfo>,
    /// Variables that only have symbols, and all others, in order of address.
    pub objects: Vec<ObjectInfo>,
    /// The types of C to which [`ValueKind::C`] refers.
    pub types: Vec<CType>,
    /// Where callers' frames are, in order of address; empty if each function has a frame pointer.
    pub frames: Vec<FrameRule>,
}

/// A variable as the linker knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ObjectInfo {
    /// Its name.
    pub name: Arc<str>,
    /// The file that it is private to; empty if it belongs to the whole program.
    pub file: Arc<str>,
    /// Its address.
    pub addr: u32,
    /// Its size in bytes.
    pub size: u32,
}

/// A source file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Source {
    /// Its name: that of a script or a C file, or `<prompt>`.
    pub name: Arc<str>,
    /// Its text; empty if it is not known.
    pub text: Arc<str>,
}

/// From `addr` up to the next entry, instructions come from this source position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LineEntry {
    /// Address of an instruction.
    pub addr: u32,
    /// The source file, by its index in [`DebugInfo::sources`].
    pub file: u16,
    /// Line, from 1; 0 for code without a source line (start-up, library).
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Whether a statement begins here: breakpoints on the line go here, and `next_line` stops
    /// here.
    pub statement: bool,
}

/// A function of a program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FunctionInfo {
    /// Its name; `<closure 22:31>` for a closure.
    pub name: Arc<str>,
    /// Address of its first instruction.
    pub start: u32,
    /// Address after its last one.
    pub end: u32,
    /// Address of the first instruction after the frame is set up.
    pub body: u32,
    /// Parameters, then local variables in the order of the source.
    pub locals: Vec<LocalInfo>,
}

/// A parameter or a local variable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalInfo {
    /// Name of the variable.
    pub name: Arc<str>,
    /// The kind of value it holds.
    pub kind: ValueKind,
    /// Where it is while an instruction in `from..to` runs.
    pub place: Place,
    /// First address where it exists.
    pub from: u32,
    /// First address where it no longer exists.
    pub to: u32,
}

/// A global variable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GlobalInfo {
    /// Name of the variable.
    pub name: Arc<str>,
    /// The kind of value it holds.
    pub kind: ValueKind,
    /// Address of the variable.
    pub addr: u32,
}

/// The kind of value in a variable, for display.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValueKind {
    /// A signed 32-bit integer.
    Int,
    /// `false` or `true`: 0 or 1.
    Bool,
    /// A character: its code point.
    Char,
    /// The address of a null-terminated string.
    Str,
    /// That many words, stored in place.
    Array(u32),
    /// The address of a variable that a closure shares with the function that created it.
    Captured,
    /// The address of a function.
    Function,
    /// A value of C, by the index of its type in [`DebugInfo::types`].
    C(u32),
}

/// The location of a variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// At `[ebp + n]`.
    Frame(i32),
    /// In a register, by its number in machine code (0 eax, 1 ecx, 2 edx, 3 ebx, 6 esi, 7 edi).
    Register(u8),
    /// At a distance from a register, by its number.
    Based(u8, i32),
    /// At a distance from the canonical frame address: what `esp` was before the call.
    Cfa(i32),
    /// At an address.
    At(u32),
    /// Nowhere: the compiler knows its value.
    Known(u32),
}

/// What holds the value of a variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Held {
    /// Memory at an address.
    At(u32),
    /// A register, or the compiler's knowledge.
    Word(u32),
}

/// Where the frame of a function is while an instruction in `from..to` runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameRule {
    /// First address.
    pub from: u32,
    /// Address behind the last one.
    pub to: u32,
    /// The canonical frame address: a register, by its number, and a distance from it. The return
    /// address is right below it.
    pub cfa: (u8, i32),
    /// Where the caller's `ebp` is saved, from there; `None` if it is still in the register.
    pub ebp: Option<i32>,
}

/// A type of C.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CType {
    /// Its name, as `struct point`; empty if it has none.
    pub name: Arc<str>,
    /// Size in bytes.
    pub size: u32,
    /// What it consists of.
    pub shape: CShape,
}

/// What a type of C consists of. Other types are given by their index in [`DebugInfo::types`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CShape {
    /// Nothing, or a type that is not known.
    Void,
    /// A signed integer.
    Signed,
    /// An unsigned integer.
    Unsigned,
    /// A character.
    Char,
    /// `_Bool`.
    Bool,
    /// A floating-point number.
    Float,
    /// An enumeration: the names of its values.
    Enum(Arc<[(Arc<str>, i64)]>),
    /// A pointer to a type.
    Pointer(u32),
    /// A function, to which a pointer may point.
    Function,
    /// That many elements of a type; several dimensions are arrays of arrays.
    Array(u32, u32),
    /// A structure or a union.
    Struct(Arc<[Member]>),
}

/// A member of a structure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its name; empty for a structure without one.
    pub name: Arc<str>,
    /// Where it is in the structure, in bytes.
    pub offset: u32,
    /// The index of its type.
    pub of: u32,
    /// A bit field: the number of its lowest bit from there, and how many bits it has.
    pub bits: Option<(u32, u32)>,
}

impl DebugInfo {
    /// The source position of the instruction at an address.
    pub fn line_at(&self, addr: u32) -> Option<LineEntry> {
        let after = self.lines.partition_point(|entry| entry.addr <= addr);
        let entry = *self.lines.get(after.checked_sub(1)?)?;
        (entry.line != 0).then_some(entry)
    }

    /// The text of a line of the source, without blanks around it; empty if it is not known.
    pub fn source_line(&self, entry: LineEntry) -> &str {
        let source = self.sources.get(usize::from(entry.file));
        let at = (entry.line as usize).checked_sub(1);
        let text = source.zip(at);
        let text = text.and_then(|(source, at)| source.text.lines().nth(at));
        text.unwrap_or_default().trim()
    }

    /// The name of the file of a line, without folders; empty for a script, whose lines are
    /// numbered throughout.
    pub fn file_name(&self, entry: LineEntry) -> String {
        let source = self.sources.get(usize::from(entry.file));
        let name = source.map_or("", |source| &source.name);
        let name = name.rsplit('/').next().unwrap_or_default();
        let is_c = [".c", ".h", ".s", ".S"]
            .iter()
            .any(|end| name.ends_with(end));
        if is_c { name.to_owned() } else { String::new() }
    }

    /// Where the frame of the function at an address is.
    pub fn frame_at(&self, addr: u32) -> Option<FrameRule> {
        let after = self.frames.partition_point(|rule| rule.from <= addr);
        let rule = *self.frames.get(after.checked_sub(1)?)?;
        (addr < rule.to).then_some(rule)
    }

    /// The canonical frame address of the function that is being executed: what `esp` was before
    /// the call. The return address is right below it.
    pub fn frame_address(&self, regs: &Regs) -> u32 {
        match self.frame_at(regs.eip) {
            Some(FrameRule { cfa, .. }) => regs.general(cfa.0).wrapping_add_signed(cfa.1),
            // The saved frame pointer lies below the return address.
            None => regs.ebp.wrapping_add(8),
        }
    }

    /// What holds a variable of the function that is being executed.
    pub fn held(&self, place: Place, regs: &Regs) -> Held {
        match place {
            Place::Frame(offset) => Held::At(regs.ebp.wrapping_add_signed(offset)),
            Place::Based(register, offset) => {
                Held::At(regs.general(register).wrapping_add_signed(offset))
            }
            Place::Cfa(offset) => Held::At(self.frame_address(regs).wrapping_add_signed(offset)),
            Place::At(addr) => Held::At(addr),
            Place::Register(register) => Held::Word(regs.general(register)),
            Place::Known(value) => Held::Word(value),
        }
    }

    /// The function that contains an address.
    pub fn function_at(&self, addr: u32) -> Option<&FunctionInfo> {
        let after = self.functions.partition_point(|f| f.start <= addr);
        let function = self.functions.get(after.checked_sub(1)?)?;
        (addr < function.end).then_some(function)
    }

    /// The variable that contains an address.
    pub fn object_at(&self, addr: u32) -> Option<&ObjectInfo> {
        let after = self.objects.partition_point(|object| object.addr <= addr);
        let object = self.objects.get(after.checked_sub(1)?)?;
        (addr - object.addr < object.size).then_some(object)
    }

    /// Whether a type of C is that of pointers.
    pub fn is_pointer(&self, of: u32) -> bool {
        let of = self.types.get(of as usize);
        of.is_some_and(|of| matches!(of.shape, CShape::Pointer(_)))
    }

    /// The name of a type of C, as a declaration has it: `struct point [2]`.
    pub fn type_name(&self, of: u32) -> String {
        let (mut of, mut dimensions) = (of, String::new());
        while let Some(CType {
            shape: CShape::Array(element, len),
            ..
        }) = self.types.get(of as usize)
        {
            dimensions.push_str(&format!("[{len}]"));
            of = *element;
        }
        let name = self.types.get(of as usize).map_or("", |of| &of.name);
        match dimensions.as_str() {
            "" => name.to_owned(),
            dimensions => format!("{name} {dimensions}"),
        }
    }

    /// The function with that name.
    pub fn function(&self, name: &str) -> Option<&FunctionInfo> {
        self.functions.iter().find(|f| &*f.name == name)
    }
}
