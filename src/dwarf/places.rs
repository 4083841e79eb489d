//! Where variables and frames are: location expressions of the simple forms that compilers make
//! for i386, and the call frame information.

use super::{Allowance, Bytes, Entry, InUnit, MAX_ENTRIES};
use crate::kernel::fs::{FrameRule, Place};
use gimli::{
    AttributeValue, BaseAddresses, CfaRule, CieOrFde, DebugFrame, EhFrame, EndianSlice, Expression,
    LittleEndian, Operation, Register, RegisterRule, Section, SectionId, UnwindContext,
    UnwindSection, constants,
};
use object::{Object, ObjectSection};

/// `ebp`, by its number in DWARF, which is that in machine code.
const EBP: Register = Register(5);

/// A place, and the addresses of the instructions for which it holds.
pub(super) struct Span {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) place: Place,
}

/// Where a variable is: in one place as long as it exists, or in several in turn.
pub(super) fn of_variable<'a>(
    unit: &InUnit<'_, 'a>,
    entry: &Entry<'a>,
    frame_base: Option<Place>,
    (from, to): (u32, u32),
    left: &mut Allowance,
) -> Vec<Span> {
    let Some(location) = entry.attr_value(constants::DW_AT_location) else {
        let known = entry.attr_value(constants::DW_AT_const_value);
        let value = known.and_then(|value| value.sdata_value());
        let place = value.map(|value| Place::Known(value as u32));
        return place
            .map(|place| Span { from, to, place })
            .into_iter()
            .collect();
    };
    if let Some(expression) = location.exprloc_value() {
        return of_expression(unit, expression, frame_base)
            .map(|place| Span { from, to, place })
            .into_iter()
            .collect();
    }
    let Ok(Some(mut list)) = unit.dwarf.attr_locations(unit.unit, location) else {
        return Vec::new();
    };
    let mut spans = Vec::new();
    while let Ok(Some(entry)) = list.next() {
        if left.take().is_none() {
            break;
        }
        let place = of_expression(unit, entry.data, frame_base);
        let range = u32::try_from(entry.range.begin)
            .ok()
            .zip(u32::try_from(entry.range.end).ok());
        if let Some((place, (begin, end))) = place.zip(range) {
            spans.push(Span {
                from: begin.max(from),
                to: end.min(to),
                place,
            });
        }
    }
    spans
}

/// The frame base of a function.
pub(super) fn frame_base<'a>(unit: &InUnit<'_, 'a>, entry: &Entry<'a>) -> Option<Place> {
    let value: AttributeValue<_> = entry.attr_value(constants::DW_AT_frame_base)?;
    let place = of_expression(unit, value.exprloc_value()?, None)?;
    Some(match place {
        // As a base, a register stands for what it holds.
        Place::Register(number) => Place::Based(number, 0),
        place => place,
    })
}

/// The place that an expression of one operation describes, or a value.
fn of_expression<'a>(
    unit: &InUnit<'_, 'a>,
    expression: Expression<Bytes<'a>>,
    frame_base: Option<Place>,
) -> Option<Place> {
    let mut operations = expression.operations(unit.unit.encoding());
    let first = operations.next().ok()??;
    let second = operations.next().ok()?;
    let is_value = matches!(second, Some(Operation::StackValue));
    if second.is_some() && !is_value {
        return None;
    }
    Some(match first {
        Operation::UnsignedConstant { value } if is_value => Place::Known(value as u32),
        Operation::SignedConstant { value } if is_value => Place::Known(value as u32),
        _ if is_value => return None,
        Operation::FrameOffset { offset } => displaced(frame_base?, offset)?,
        Operation::Register { register } => Place::Register(number(register)?),
        Operation::RegisterOffset {
            register, offset, ..
        } => based(number(register)?, i32::try_from(offset).ok()?),
        Operation::Address { address } => Place::At(u32::try_from(address).ok()?),
        Operation::CallFrameCFA => Place::Cfa(0),
        _ => return None,
    })
}

/// A place at a distance from another.
fn displaced(base: Place, offset: i64) -> Option<Place> {
    let offset = i32::try_from(offset).ok()?;
    match base {
        Place::Based(register, from) => Some(based(register, from.checked_add(offset)?)),
        Place::Frame(from) => Some(Place::Frame(from.checked_add(offset)?)),
        Place::Cfa(from) => Some(Place::Cfa(from.checked_add(offset)?)),
        Place::Register(_) | Place::At(_) | Place::Known(_) => None,
    }
}

fn based(register: u8, offset: i32) -> Place {
    match register {
        5 => Place::Frame(offset),
        register => Place::Based(register, offset),
    }
}

/// The number of one of the eight general registers.
fn number(register: Register) -> Option<u8> {
    u8::try_from(register.0).ok().filter(|number| *number < 8)
}

/// Where the frames of functions are, in order of address.
pub(super) fn frames(file: &object::File<'_>) -> Vec<FrameRule> {
    let section = |id: SectionId| {
        let section = file.section_by_name(id.name());
        let data = section.as_ref().and_then(|section| section.data().ok());
        let address = section.map_or(0, |section| section.address());
        (data.unwrap_or_default(), address)
    };
    let mut left = Allowance(MAX_ENTRIES);
    let mut rules = Vec::new();
    let (data, address) = section(SectionId::EhFrame);
    let mut eh_frame = EhFrame::from(EndianSlice::new(data, LittleEndian));
    eh_frame.set_address_size(4);
    let bases = BaseAddresses::default().set_eh_frame(address);
    add_frames(&eh_frame, &bases, &mut rules, &mut left);
    let (data, _) = section(DebugFrame::<Bytes<'_>>::id());
    let mut debug_frame = DebugFrame::from(EndianSlice::new(data, LittleEndian));
    debug_frame.set_address_size(4);
    add_frames(
        &debug_frame,
        &BaseAddresses::default(),
        &mut rules,
        &mut left,
    );
    rules.sort_by_key(|rule| rule.from);
    rules
}

fn add_frames<'a, S: UnwindSection<Bytes<'a>>>(
    section: &S,
    bases: &BaseAddresses,
    rules: &mut Vec<FrameRule>,
    left: &mut Allowance,
) -> Option<()> {
    let mut context = UnwindContext::new();
    let mut entries = section.entries(bases);
    while let Ok(Some(entry)) = entries.next() {
        left.take()?;
        let CieOrFde::Fde(partial) = entry else {
            continue;
        };
        let Ok(function) = partial.parse(S::cie_from_offset) else {
            continue;
        };
        let Ok(mut rows) = function.rows(section, bases, &mut context) else {
            continue;
        };
        while let Ok(Some(row)) = rows.next_row() {
            left.take()?;
            let CfaRule::RegisterAndOffset { register, offset } = *row.cfa() else {
                continue;
            };
            let range = (
                u32::try_from(row.start_address()),
                u32::try_from(row.end_address()),
            );
            let (Ok(from), Ok(to)) = range else { continue };
            let cfa = number(register).zip(i32::try_from(offset).ok());
            let ebp = match row.register(EBP) {
                Some(RegisterRule::Offset(offset)) => i32::try_from(offset).ok(),
                _ => None,
            };
            if let Some(cfa) = cfa {
                rules.push(FrameRule { from, to, cfa, ebp });
            }
        }
    }
    Some(())
}
