//! Finds the parts of a variant in a data file: its metadata, its bytes, and the typed columns that
//! it may be shredded to.

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as PhysicalType};
use parquet::schema::types::Type;

use lakeio_store::{Class, Error, Result};

use crate::convert::Convert;
use crate::file_tree::{mismatch, Group, Item, Node};
use crate::raw::Raw;
use crate::stored::Stored;
use crate::variant::{Shredded, Typed, TypedLeaf, VariantReader};

/// The readers of a variant column, and how its rows become text.
pub(crate) fn variant(node: Node<'_>, column: &str) -> Result<(Raw, Convert)> {
    let wrong = || mismatch(column, "variant");
    let group = node
        .group()
        .filter(|_| !node.is_repeated())
        .ok_or_else(wrong)?;
    let metadata = group
        .children()
        .find(|n| n.node.name() == "metadata")
        .ok_or_else(wrong)?;
    let mut children = vec![binary_leaf(metadata, column)?];
    let shredded = shredded(group, &mut children, column)?;
    let raw = Raw::Struct {
        children,
        levels: group.levels,
        nullable: node.nullable(),
    };
    let reader = VariantReader {
        column: column.to_string(),
        shredded,
        metadata: 0,
    };
    Ok((raw, Convert::Variant(Box::new(reader))))
}

/// `value` and `typed_value` of a group; their readers are added to `children`.
fn shredded(group: Group<'_>, children: &mut Vec<Raw>, column: &str) -> Result<Shredded> {
    let find = |name: &str| group.children().find(|n| n.node.name() == name);
    let mut shredded = Shredded {
        value: None,
        typed: None,
    };
    if let Some(node) = find("value") {
        shredded.value = Some(children.len());
        children.push(binary_leaf(node, column)?);
    }
    if let Some(node) = find("typed_value") {
        let (raw, typed) = typed(node, column)?;
        shredded.typed = Some((children.len(), typed));
        children.push(raw);
    }
    if shredded.value.is_none() && shredded.typed.is_none() {
        return Err(mismatch(column, "variant"));
    }
    Ok(shredded)
}

fn typed(node: Node<'_>, column: &str) -> Result<(Raw, Typed)> {
    let wrong = || mismatch(column, "a shredded variant");
    if node.is_repeated() {
        return Err(wrong());
    }
    let Some(group) = node.group() else {
        let raw = Raw::leaf(node.first, node.node, node.levels())?;
        return Ok((raw, Typed::Leaf(typed_leaf(node.node, column)?)));
    };
    if node.is_list() {
        let (Item::Inside(inner), nullable) = node.element(column)? else {
            return Err(wrong());
        };
        let element = inner.group().ok_or_else(wrong)?;
        let mut children = Vec::new();
        let shredded = shredded(element, &mut children, column)?;
        let item = Raw::Struct {
            children,
            levels: element.levels,
            nullable: inner.nullable(),
        };
        let raw = Raw::List {
            item: Box::new(item),
            levels: inner.parent,
            nullable,
        };
        return Ok((raw, Typed::Array(Box::new(shredded))));
    }
    let mut places = Vec::new();
    let mut raws = Vec::new();
    for field in group.children() {
        let inner = field
            .group()
            .filter(|_| !field.is_repeated())
            .ok_or_else(wrong)?;
        let mut children = Vec::new();
        let shredded = shredded(inner, &mut children, column)?;
        raws.push(Raw::Struct {
            children,
            levels: inner.levels,
            nullable: field.nullable(),
        });
        places.push((field.node.name().to_string(), shredded));
    }
    if raws.is_empty() {
        return Err(wrong());
    }
    let raw = Raw::Struct {
        children: raws,
        levels: group.levels,
        nullable: node.nullable(),
    };
    Ok((raw, Typed::Object(places)))
}

fn binary_leaf(node: Node<'_>, column: &str) -> Result<Raw> {
    let binary = !node.node.is_group()
        && !node.is_repeated()
        && node.node.get_physical_type() == PhysicalType::BYTE_ARRAY;
    if !binary {
        return Err(mismatch(column, "variant"));
    }
    Raw::leaf(node.first, node.node, node.levels())
}

fn typed_leaf(leaf: &Type, column: &str) -> Result<TypedLeaf> {
    let info = leaf.get_basic_info();
    match info.logical_type_ref() {
        Some(LogicalType::Uuid) => return Ok(TypedLeaf::Uuid),
        Some(LogicalType::Time(_)) => {
            let micros = leaf.get_physical_type() == PhysicalType::INT64
                && info.converted_type() == ConvertedType::TIME_MICROS
                || matches!(
                    info.logical_type_ref(),
                    Some(LogicalType::Time(kind)) if kind.unit == TimeUnit::MICROS
                );
            if micros {
                return Ok(TypedLeaf::TimeMicros);
            }
        }
        _ => {}
    }
    Ok(match Stored::of(leaf) {
        Some(Stored::Boolean) => TypedLeaf::Boolean,
        Some(Stored::Integer { unsigned: false }) => TypedLeaf::Integer,
        Some(Stored::Decimal { scale }) => TypedLeaf::Decimal { scale },
        Some(Stored::Date) => TypedLeaf::Date,
        Some(Stored::Timestamp { per_second, utc }) => TypedLeaf::Timestamp { per_second, utc },
        Some(Stored::Float) => TypedLeaf::Float,
        Some(Stored::Double) => TypedLeaf::Double,
        Some(Stored::Bytes { text: true }) => TypedLeaf::Text,
        Some(Stored::Bytes { text: false }) => TypedLeaf::Bytes,
        Some(Stored::Integer { unsigned: true } | Stored::Int96 | Stored::Fixed | Stored::Null)
        | None => {
            return Err(Error::new(
                Class::UnsupportedDataFile,
                format!("a variant is shredded to a type that is not known: column {column}"),
            )
            .with("column", column))
        }
    })
}
