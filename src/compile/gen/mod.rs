//! From a checked program to machine code with debug information.

mod address;
mod alloc;
mod arith;
mod branch;
mod call;
mod data;
mod debug;
mod expr;
mod function;
mod operand;
mod stmt;
mod stubs;

use super::checked::{Function, FunctionId, Program};
use super::tree::Pos;
use crate::kernel::fs::{DebugInfo, FunctionInfo, LineEntry, ProgramImage, Source, TEXT_START};
use data::{Data, Texts};
use debug::{Begins, Marks};
use function::FunctionGen;
use iced_x86::code_asm::{CodeAssembler, CodeLabel};
use iced_x86::{BlockEncoderOptions, IcedError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The result of emitting an instruction.
type Emit<T = ()> = Result<T, IcedError>;

/// The addresses, as far as they are known. In the first pass they are placeholders of the same
/// size.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Addresses {
    texts: u32,
    data: u32,
    functions: Vec<u32>,
}

/// The code generator of a program.
struct Code<'p> {
    asm: CodeAssembler,
    program: &'p Program,
    data: &'p Data,
    at: Addresses,
    texts: Texts,
    functions: Vec<CodeLabel>,
    /// The stubs that are called somewhere.
    stubs: BTreeMap<&'static str, CodeLabel>,
    lines: Vec<(usize, Pos, Begins)>,
    marks: Vec<Marks>,
}

/// The generated code with its addresses.
struct Assembled {
    code: Vec<u8>,
    at: Addresses,
    texts: Texts,
    lines: Vec<LineEntry>,
    functions: Vec<FunctionInfo>,
}

/// Generates the image of a program.
pub(super) fn generate(program: &Program, source_name: &str, source: &str) -> Emit<ProgramImage> {
    let data = Data::of(program);
    let mut at = Addresses {
        texts: TEXT_START,
        data: TEXT_START,
        functions: vec![TEXT_START; program.functions.len()],
    };
    let mut made = assemble(program, &data, &at)?;
    // The addresses of strings and functions depend on the size of the code. That size does not
    // depend on them, except through short forms of small numbers, and no address is small.
    while made.at != at {
        at = made.at;
        made = assemble(program, &data, &at)?;
    }
    let (bytes, bss) = data.bytes(&made.texts, &made.at);
    let mut text = made.code;
    text.resize((made.at.texts - TEXT_START) as usize, 0);
    text.extend_from_slice(made.texts.bytes());
    let globals = debug::globals(program, &data, made.at.data);
    Ok(ProgramImage {
        text,
        data: bytes,
        bss,
        entry: TEXT_START,
        debug: Arc::new(DebugInfo {
            sources: vec![Source {
                name: source_name.into(),
                text: source.into(),
            }],
            lines: made.lines,
            functions: made.functions,
            globals,
            ..DebugInfo::default()
        }),
    })
}

/// Generates the code once, with the addresses known so far.
fn assemble(program: &Program, data: &Data, at: &Addresses) -> Emit<Assembled> {
    let mut code = Code::new(program, data, at.clone())?;
    code.start_up()?;
    for id in 0..program.functions.len() {
        FunctionGen::generate(&mut code, id)?;
    }
    code.emit_stubs()?;
    code.finish()
}

impl<'p> Code<'p> {
    fn new(program: &'p Program, data: &'p Data, at: Addresses) -> Emit<Self> {
        let mut asm = CodeAssembler::new(32)?;
        let functions = program.functions.iter().map(|_| asm.create_label());
        let functions = functions.collect();
        let mut texts = Texts::default();
        data.intern(&mut texts);
        Ok(Self {
            asm,
            program,
            data,
            at,
            texts,
            functions,
            stubs: BTreeMap::new(),
            lines: Vec::new(),
            marks: Vec::new(),
        })
    }

    fn function(&self, id: FunctionId) -> &'p Function {
        &self.program.functions[id]
    }

    /// The number of the next instruction.
    fn here(&self) -> usize {
        self.asm.instructions().len()
    }

    /// Attributes the following instructions to a place in the source.
    fn line(&mut self, pos: Pos, begins: Begins) {
        let here = self.here();
        self.lines.push((here, pos, begins));
    }

    /// The address of a string.
    fn text(&mut self, text: &str) -> i32 {
        let offset = self.texts.intern(text);
        (self.at.texts + offset) as i32
    }

    /// The label of a stub.
    fn stub(&mut self, name: &'static str) -> CodeLabel {
        let asm = &mut self.asm;
        *self.stubs.entry(name).or_insert_with(|| asm.create_label())
    }

    fn finish(mut self) -> Emit<Assembled> {
        let options = BlockEncoderOptions::RETURN_NEW_INSTRUCTION_OFFSETS;
        let result = self.asm.assemble_options(u64::from(TEXT_START), options)?;
        let code = result.inner.code_buffer.clone();
        let end = TEXT_START + code.len() as u32;
        let offsets = &result.inner.new_instruction_offsets;
        let address = |instruction: usize| match offsets.get(instruction) {
            Some(offset) => TEXT_START + offset,
            None => end,
        };
        let texts = end.next_multiple_of(4);
        let text_end = texts + self.texts.bytes().len() as u32;
        let mut functions = Vec::new();
        for label in &self.functions {
            functions.push(result.label_ip(label)? as u32);
        }
        Ok(Assembled {
            at: Addresses {
                texts,
                data: text_end.next_multiple_of(crate::abi::PAGE_SIZE),
                functions,
            },
            lines: debug::lines(&self.lines, address),
            functions: self.marks.into_iter().map(|m| m.resolve(address)).collect(),
            texts: self.texts,
            code,
        })
    }
}

/// A name as it is shown in a debugger.
fn shown(name: &str) -> Arc<str> {
    name.into()
}
