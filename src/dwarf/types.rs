//! The types of C.

use super::{Allowance, Entry, InUnit};
use crate::kernel::fs::{CShape, CType, Member};
use gimli::{AttributeValue, UnitOffset, constants as dw};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How deep types of types go; C programs have a few.
const MAX_DEPTH: usize = 64;
/// The most members of a structure, values of an enumeration and dimensions of an array.
const MAX_PARTS: usize = 1000;
/// The number of the type that is nothing, or not known.
const VOID: u32 = 0;

/// The types of a unit that have been read, by their places in it.
pub(super) struct Types<'t> {
    all: &'t mut Vec<CType>,
    known: BTreeMap<usize, u32>,
}

impl<'t> Types<'t> {
    /// No types of this unit yet; `all` has those of other units.
    pub(super) fn new(all: &'t mut Vec<CType>) -> Self {
        if all.is_empty() {
            all.push(CType {
                name: Arc::default(),
                size: 0,
                shape: CShape::Void,
            });
        }
        Self {
            all,
            known: BTreeMap::new(),
        }
    }

    /// The number of the type of a variable or a member.
    pub(super) fn of<'a>(
        &mut self,
        unit: &InUnit<'_, 'a>,
        entry: &Entry<'a>,
        left: &mut Allowance,
    ) -> u32 {
        self.of_entry(unit, entry, left, MAX_DEPTH)
    }

    fn of_entry<'a>(
        &mut self,
        unit: &InUnit<'_, 'a>,
        entry: &Entry<'a>,
        left: &mut Allowance,
        depth: usize,
    ) -> u32 {
        match entry.attr_value(dw::DW_AT_type) {
            Some(AttributeValue::UnitRef(at)) if depth > 0 && left.take().is_some() => {
                self.at(unit, at, left, depth - 1)
            }
            _ => VOID,
        }
    }

    /// The type at a place of the unit. Its number is known before what it consists of, because
    /// that may lead back to it.
    fn at<'a>(
        &mut self,
        unit: &InUnit<'_, 'a>,
        at: UnitOffset,
        left: &mut Allowance,
        depth: usize,
    ) -> u32 {
        if let Some(known) = self.known.get(&at.0) {
            return *known;
        }
        let Ok(entry) = unit.unit.header.entry(&unit.unit.abbreviations, at) else {
            return VOID;
        };
        if matches!(
            entry.tag(),
            dw::DW_TAG_const_type | dw::DW_TAG_volatile_type | dw::DW_TAG_restrict_type
        ) {
            return self.of_entry(unit, &entry, left, depth);
        }
        // Its name too: pointers to it are named after it.
        let number = self.add(CType {
            name: type_name(unit, &entry, left),
            size: 0,
            shape: CShape::Void,
        });
        self.known.insert(at.0, number);
        let read = self.read(unit, &entry, left, depth);
        self.all[number as usize] = read;
        number
    }

    fn read<'a>(
        &mut self,
        unit: &InUnit<'_, 'a>,
        entry: &Entry<'a>,
        left: &mut Allowance,
        depth: usize,
    ) -> CType {
        let name = type_name(unit, entry, left);
        let size = entry
            .attr_value(dw::DW_AT_byte_size)
            .and_then(|size| u32::try_from(size.udata_value()?).ok())
            .unwrap_or(0);
        match entry.tag() {
            dw::DW_TAG_base_type => CType {
                shape: base(entry),
                name,
                size,
            },
            dw::DW_TAG_pointer_type => {
                let to = self.of_entry(unit, entry, left, depth);
                let target = &self.all[to as usize];
                let name = match (&target.shape, &*target.name) {
                    (CShape::Void, "") => "void *".into(),
                    (_, name) => format!("{name} *").into(),
                };
                CType {
                    name,
                    size: 4,
                    shape: CShape::Pointer(to),
                }
            }
            dw::DW_TAG_typedef => {
                let of = self.of_entry(unit, entry, left, depth);
                let of = &self.all[of as usize];
                CType {
                    name,
                    size: of.size,
                    shape: of.shape.clone(),
                }
            }
            dw::DW_TAG_structure_type | dw::DW_TAG_union_type => CType {
                shape: CShape::Struct(self.members(unit, entry, left, depth).into()),
                name,
                size,
            },
            dw::DW_TAG_enumeration_type => CType {
                shape: CShape::Enum(enumerators(unit, entry, left).into()),
                name,
                size,
            },
            dw::DW_TAG_array_type => self.array(unit, entry, left, depth),
            dw::DW_TAG_subroutine_type => CType {
                name: "function".into(),
                size: 0,
                shape: CShape::Function,
            },
            _ => CType {
                name,
                size,
                shape: CShape::Void,
            },
        }
    }

    fn members<'a>(
        &mut self,
        unit: &InUnit<'_, 'a>,
        entry: &Entry<'a>,
        left: &mut Allowance,
        depth: usize,
    ) -> Vec<Member> {
        let members = children(unit, entry, dw::DW_TAG_member, left);
        let mut member = |types: &mut Self, entry: &Entry<'a>| {
            let number = |name| {
                let value: Option<AttributeValue<_>> = entry.attr_value(name);
                u32::try_from(value?.udata_value()?).ok()
            };
            let bit = number(dw::DW_AT_data_bit_offset);
            let bits = number(dw::DW_AT_bit_size);
            let of = types.of_entry(unit, entry, left, depth);
            // The word that has the bits begins at a multiple of its size.
            let word = types.all[of as usize].size.max(1);
            let begin = bit.map(|bit| bit / 8 / word * word);
            Member {
                name: name_of(unit, entry, left),
                offset: begin
                    .or(number(dw::DW_AT_data_member_location))
                    .unwrap_or(0),
                of,
                bits: bit
                    .zip(begin)
                    .zip(bits)
                    .map(|((bit, begin), bits)| (bit - begin * 8, bits)),
            }
        };
        members.iter().map(|entry| member(self, entry)).collect()
    }

    /// An array: of several dimensions the last one varies fastest.
    fn array<'a>(
        &mut self,
        unit: &InUnit<'_, 'a>,
        entry: &Entry<'a>,
        left: &mut Allowance,
        depth: usize,
    ) -> CType {
        let mut of = self.of_entry(unit, entry, left, depth);
        let dimensions = children(unit, entry, dw::DW_TAG_subrange_type, left);
        let lengths = dimensions.iter().map(|dimension| {
            let number = |name| {
                dimension
                    .attr_value(name)
                    .and_then(|value| value.udata_value())
            };
            let count = number(dw::DW_AT_count);
            let above = number(dw::DW_AT_upper_bound).map(|last| last.wrapping_add(1));
            count.or(above).and_then(|len| u32::try_from(len).ok())
        });
        let lengths: Vec<u32> = lengths.map(|len| len.unwrap_or(0)).collect();
        let mut array = self.all[of as usize].clone();
        for (at, len) in lengths.iter().enumerate().rev() {
            let element = &self.all[of as usize];
            array = CType {
                name: Arc::default(),
                size: element.size.saturating_mul(*len),
                shape: CShape::Array(of, *len),
            };
            if at > 0 {
                of = self.add(array.clone());
            }
        }
        array
    }

    fn add(&mut self, new: CType) -> u32 {
        self.all.push(new);
        self.all.len() as u32 - 1
    }
}

/// The name of a type, as C programs write it; empty if it has none.
fn type_name<'a>(unit: &InUnit<'_, 'a>, entry: &Entry<'a>, left: &mut Allowance) -> Arc<str> {
    let name = name_of(unit, entry, left);
    let tag = match entry.tag() {
        dw::DW_TAG_structure_type => "struct",
        dw::DW_TAG_union_type => "union",
        dw::DW_TAG_enumeration_type => "enum",
        _ => return name,
    };
    match &*name {
        "" => tag.into(),
        name => format!("{tag} {name}").into(),
    }
}

fn base<'a>(entry: &Entry<'a>) -> CShape {
    match entry.attr_value(dw::DW_AT_encoding) {
        Some(AttributeValue::Encoding(encoding)) => match encoding {
            dw::DW_ATE_signed_char | dw::DW_ATE_unsigned_char => CShape::Char,
            dw::DW_ATE_boolean => CShape::Bool,
            dw::DW_ATE_float => CShape::Float,
            dw::DW_ATE_unsigned => CShape::Unsigned,
            _ => CShape::Signed,
        },
        _ => CShape::Signed,
    }
}

fn enumerators<'a>(
    unit: &InUnit<'_, 'a>,
    entry: &Entry<'a>,
    left: &mut Allowance,
) -> Vec<(Arc<str>, i64)> {
    let values = children(unit, entry, dw::DW_TAG_enumerator, left);
    let named = values.iter().filter_map(|entry| {
        let value = entry.attr_value(dw::DW_AT_const_value)?;
        let value = value.udata_value().map_or_else(
            || value.sdata_value(),
            |unsigned| Some(unsigned.cast_signed()),
        );
        Some((name_of(unit, entry, left), value?))
    });
    named.collect()
}

/// The entries of a kind right below an entry.
fn children<'a>(
    unit: &InUnit<'_, 'a>,
    entry: &Entry<'a>,
    tag: gimli::DwTag,
    left: &mut Allowance,
) -> Vec<Entry<'a>> {
    let mut found = Vec::new();
    let Ok(mut raw) = unit
        .unit
        .header
        .entries_raw(&unit.unit.abbreviations, Some(entry.offset()))
    else {
        return found;
    };
    let mut child = Entry::null();
    let mut read = 0;
    while read < MAX_PARTS && !raw.is_empty() && raw.read_entry(&mut child).is_ok() {
        if left.take().is_none() {
            break;
        }
        read += 1;
        if read > 1 && child.depth() <= 0 {
            break;
        }
        if child.depth() == 1 && child.tag() == tag {
            found.push(child.clone());
        }
        if !entry.has_children() {
            break;
        }
    }
    found
}

/// The name of an entry; empty if it has none.
pub(super) fn name_of<'a>(
    unit: &InUnit<'_, 'a>,
    entry: &Entry<'a>,
    left: &mut Allowance,
) -> Arc<str> {
    let name = entry.attr_value(dw::DW_AT_name);
    let name = name.and_then(|name| unit.dwarf.attr_string(unit.unit, name).ok());
    name.map(|name| left.name(name)).unwrap_or_default()
}
