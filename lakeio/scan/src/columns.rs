//! Finds the table's columns in a data file: which leaves to decode and how to convert them.

use arrow::datatypes::DataType as ArrowType;
use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as PhysicalType};
use parquet::schema::types::{SchemaDescriptor, Type, TypePtr};

use lakeio_store::{Class, Error, Result};

use crate::calendar::Calendars;
use crate::convert::{Convert, Part};
use crate::leaf::LeafConvert;
use crate::raw::{Levels, Raw};
use crate::scan::MappingMode;
use crate::stored::Stored;
use crate::types::{DataType, Element, Field};
use crate::variant::{Shredded, Typed, TypedLeaf, VariantReader};

/// Where a column of the table is in a file.
pub(crate) struct FileColumn {
    pub raw: Raw,
    pub convert: Convert,
}

/// Finds columns in one file.
pub(crate) struct Matcher<'a> {
    mapping: MappingMode,
    calendars: &'a Calendars,
    check_text: bool,
    has_ids: bool,
}

/// A group of the file and where its leaves begin.
#[derive(Clone, Copy)]
struct Group<'a> {
    node: &'a Type,
    /// Number of its first leaf.
    first: usize,
    /// Levels of the group itself.
    levels: Levels,
}

/// A child of a group.
#[derive(Clone, Copy)]
struct Node<'a> {
    node: &'a TypePtr,
    first: usize,
    /// Levels of the group around it.
    parent: Levels,
}

impl<'a> Group<'a> {
    fn children(self) -> impl Iterator<Item = Node<'a>> {
        let mut next = self.first;
        self.node.get_fields().iter().map(move |node| {
            let first = next;
            next += leaf_count(node);
            Node {
                node,
                first,
                parent: self.levels,
            }
        })
    }
}

impl<'a> Node<'a> {
    fn repetition(self) -> Repetition {
        self.node.get_basic_info().repetition()
    }

    fn levels(self) -> Levels {
        self.parent.child(self.repetition())
    }

    fn nullable(self) -> bool {
        self.repetition() == Repetition::OPTIONAL
    }

    fn group(self) -> Option<Group<'a>> {
        self.node.is_group().then(|| Group {
            node: self.node,
            first: self.first,
            levels: self.levels(),
        })
    }

    fn is_repeated(self) -> bool {
        self.repetition() == Repetition::REPEATED
    }

    fn is_list(self) -> bool {
        let info = self.node.get_basic_info();
        info.converted_type() == ConvertedType::LIST
            || matches!(info.logical_type_ref(), Some(LogicalType::List))
    }
}

fn leaf_count(node: &Type) -> usize {
    match node {
        Type::PrimitiveType { .. } => 1,
        Type::GroupType { fields, .. } => fields.iter().map(|field| leaf_count(field)).sum(),
    }
}

fn any_id(node: &Type) -> bool {
    match node {
        Type::PrimitiveType { basic_info, .. } => basic_info.has_id(),
        Type::GroupType { basic_info, fields } => {
            basic_info.has_id() || fields.iter().any(|field| any_id(field))
        }
    }
}

fn mismatch(column: &str, wanted: &str) -> Error {
    Error::new(
        Class::DataFileCorrupt,
        format!(
            "a data file stores a column as a type that the table's cannot be read from: \
             column {column}, wanted {wanted}"
        ),
    )
    .with("column", column)
}

impl<'a> Matcher<'a> {
    pub(crate) fn new(
        schema: &SchemaDescriptor,
        mapping: MappingMode,
        calendars: &'a Calendars,
        check_text: bool,
    ) -> Self {
        Matcher {
            mapping,
            calendars,
            check_text,
            has_ids: any_id(schema.root_schema()),
        }
    }

    /// Finds a top-level column; none when the file has no such column.
    pub(crate) fn column(
        &self,
        schema: &SchemaDescriptor,
        field: &Field,
    ) -> Result<Option<FileColumn>> {
        let root = Group {
            node: schema.root_schema(),
            first: 0,
            levels: Levels::default(),
        };
        match self.find(root, field)? {
            Some(node) => {
                let (raw, convert) = self.data_type(&field.data_type, node, &field.name)?;
                Ok(Some(FileColumn { raw, convert }))
            }
            None => Ok(None),
        }
    }

    fn find<'t>(&self, group: Group<'t>, field: &Field) -> Result<Option<Node<'t>>> {
        let one = |found: &mut dyn Iterator<Item = Node<'t>>| -> Result<Option<Node<'t>>> {
            let first = found.next();
            match found.next() {
                None => Ok(first),
                Some(_) => Err(Error::new(
                    Class::DataFileCorrupt,
                    format!("a data file has a column twice: {}", field.name),
                )
                .with("column", &field.name)),
            }
        };
        if let (MappingMode::Id, true, Some(id)) = (self.mapping, self.has_ids, field.id) {
            return one(&mut group.children().filter(|node| {
                let info = node.node.get_basic_info();
                info.has_id() && i64::from(info.id()) == id
            }));
        }
        let name = match self.mapping {
            MappingMode::None => &field.name,
            MappingMode::Name | MappingMode::Id => field.physical(),
        };
        let exact = one(&mut group.children().filter(|node| node.node.name() == name))?;
        if exact.is_some() || self.mapping != MappingMode::None {
            return Ok(exact);
        }
        // Writers without column mapping may differ in the case of names, as in Spark.
        let lower = name.to_lowercase();
        one(&mut group
            .children()
            .filter(|node| node.node.name().to_lowercase() == lower))
    }

    fn data_type(
        &self,
        data_type: &DataType,
        node: Node<'_>,
        column: &str,
    ) -> Result<(Raw, Convert)> {
        match data_type {
            DataType::Void => Err(Error::internal("a void column was matched")),
            DataType::Primitive(primitive) => {
                if node.is_repeated() || node.node.is_group() {
                    return Err(mismatch(column, &primitive.name()));
                }
                let stored = Stored::of(node.node).ok_or_else(|| {
                    Error::new(
                        Class::UnsupportedDataFile,
                        format!(
                            "a data file stores a column as a type that is not known: {column}"
                        ),
                    )
                    .with("column", column)
                })?;
                let convert =
                    LeafConvert::new(stored, *primitive, self.calendars, self.check_text, column)?;
                let raw = Raw::leaf(node.first, node.node, node.levels())?;
                Ok((raw, Convert::Leaf(convert)))
            }
            DataType::Struct(fields) => {
                let group = node.group().filter(|_| !node.is_repeated());
                let group = group.ok_or_else(|| mismatch(column, "struct"))?;
                self.structure(fields, group, node.nullable(), column)
            }
            DataType::Array(element) => self.array(element, node, column),
            DataType::Map(key, value) => self.map(key, value, node, column),
            DataType::Variant => self.variant(node, column),
        }
    }

    fn structure(
        &self,
        fields: &[Field],
        group: Group<'_>,
        nullable: bool,
        column: &str,
    ) -> Result<(Raw, Convert)> {
        let mut children = Vec::new();
        let mut parts = Vec::new();
        for field in fields
            .iter()
            .filter(|field| field.data_type != DataType::Void)
        {
            let path = format!("{column}.{}", field.name);
            match self.find(group, field)? {
                Some(node) => {
                    let (raw, convert) = self.data_type(&field.data_type, node, &path)?;
                    parts.push(Part::Child(children.len(), convert));
                    children.push(raw);
                }
                None => parts.push(Part::Missing(field.data_type.arrow())),
            }
        }
        if children.is_empty() {
            // Whether the struct itself is NULL is told by the levels of any of its columns.
            let first = group
                .children()
                .next()
                .ok_or_else(|| mismatch(column, "struct"))?;
            children.push(probe(first)?);
        }
        let raw = Raw::Struct {
            children,
            levels: group.levels,
            nullable,
        };
        Ok((
            raw,
            Convert::Struct {
                fields: Field::arrow_fields(fields),
                parts,
            },
        ))
    }

    fn array(&self, element: &Element, node: Node<'_>, column: &str) -> Result<(Raw, Convert)> {
        let path = format!("{column}.element");
        let ArrowType::List(field) = DataType::Array(Box::new(element.clone())).arrow() else {
            return Err(Error::internal("an array is not a list"));
        };
        let (item, nullable) = self.list_item(node, column)?;
        let (raw, convert, levels) = match item {
            // The repeated node is the element itself, which is never NULL.
            Item::Repeated(repeated) => {
                let (raw, convert) = self.required(&element.data_type, repeated, &path)?;
                (raw, convert, repeated.levels())
            }
            Item::Inside(inner) => {
                let (raw, convert) = self.data_type(&element.data_type, inner, &path)?;
                (raw, convert, inner.parent)
            }
        };
        let raw = Raw::List {
            item: Box::new(raw),
            levels,
            nullable,
        };
        Ok((
            raw,
            Convert::List {
                field,
                item: Box::new(convert),
            },
        ))
    }

    /// A repeated node taken for one value of it.
    fn required(
        &self,
        data_type: &DataType,
        node: Node<'_>,
        column: &str,
    ) -> Result<(Raw, Convert)> {
        match (data_type, node.group()) {
            (DataType::Struct(fields), Some(group)) => self.structure(fields, group, false, column),
            (DataType::Primitive(primitive), None) => {
                let stored =
                    Stored::of(node.node).ok_or_else(|| mismatch(column, &primitive.name()))?;
                let convert =
                    LeafConvert::new(stored, *primitive, self.calendars, self.check_text, column)?;
                Ok((
                    Raw::leaf(node.first, node.node, node.levels())?,
                    Convert::Leaf(convert),
                ))
            }
            _ => Err(mismatch(column, "an element")),
        }
    }

    /// The element of a list by the rules for backward compatibility, and whether the list may be
    /// NULL.
    fn list_item<'t>(&self, node: Node<'t>, column: &str) -> Result<(Item<'t>, bool)> {
        if node.is_repeated() {
            // Repeated without any annotation: a required list of required elements.
            return Ok((Item::Repeated(node), false));
        }
        let wrong = || mismatch(column, "array");
        let group = node.group().filter(|_| node.is_list()).ok_or_else(wrong)?;
        let mut children = group.children();
        let repeated = children
            .next()
            .filter(|child| child.is_repeated())
            .ok_or_else(wrong)?;
        if children.next().is_some() {
            return Err(wrong());
        }
        let Some(inner) = repeated.group() else {
            return Ok((Item::Repeated(repeated), node.nullable()));
        };
        let count = inner.node.get_fields().len();
        let name = repeated.node.name();
        let old_name = name == "array" || name == format!("{}_tuple", node.node.name());
        let only = inner.children().next().ok_or_else(wrong)?;
        let is_element = count != 1 || (old_name && !repeated.is_list() && !only.is_repeated());
        Ok((
            if is_element {
                Item::Repeated(repeated)
            } else {
                Item::Inside(only)
            },
            node.nullable(),
        ))
    }

    fn map(
        &self,
        key: &Element,
        value: &Element,
        node: Node<'_>,
        column: &str,
    ) -> Result<(Raw, Convert)> {
        let wrong = || mismatch(column, "map");
        let group = node
            .group()
            .filter(|_| !node.is_repeated())
            .ok_or_else(wrong)?;
        let mut children = group.children();
        let repeated = children
            .next()
            .filter(|child| child.is_repeated())
            .ok_or_else(wrong)?;
        let entries = repeated
            .group()
            .filter(|entries| entries.node.get_fields().len() == 2);
        let entries = entries
            .filter(|_| children.next().is_none())
            .ok_or_else(wrong)?;
        let mut pair = entries.children();
        let (key_node, value_node) = pair.next().zip(pair.next()).ok_or_else(wrong)?;
        let (key_raw, key_convert) =
            self.data_type(&key.data_type, key_node, &format!("{column}.key"))?;
        let (value_raw, value_convert) =
            self.data_type(&value.data_type, value_node, &format!("{column}.value"))?;
        let map = DataType::Map(Box::new(key.clone()), Box::new(value.clone()));
        let ArrowType::Map(field, _) = map.arrow() else {
            return Err(Error::internal("a map is not a map"));
        };
        let levels = repeated.levels();
        let item = Raw::Struct {
            children: vec![key_raw, value_raw],
            levels,
            nullable: false,
        };
        let raw = Raw::List {
            item: Box::new(item),
            levels,
            nullable: node.nullable(),
        };
        let convert = Convert::Map {
            entries: field,
            key: Box::new(key_convert),
            value: Box::new(value_convert),
            column: column.to_string(),
        };
        Ok((raw, convert))
    }

    fn variant(&self, node: Node<'_>, column: &str) -> Result<(Raw, Convert)> {
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
        let shredded = self.shredded(group, &mut children, column)?;
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
    fn shredded(
        &self,
        group: Group<'_>,
        children: &mut Vec<Raw>,
        column: &str,
    ) -> Result<Shredded> {
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
            let (raw, typed) = self.typed(node, column)?;
            shredded.typed = Some((children.len(), typed));
            children.push(raw);
        }
        if shredded.value.is_none() && shredded.typed.is_none() {
            return Err(mismatch(column, "variant"));
        }
        Ok(shredded)
    }

    fn typed(&self, node: Node<'_>, column: &str) -> Result<(Raw, Typed)> {
        let wrong = || mismatch(column, "a shredded variant");
        if node.is_repeated() {
            return Err(wrong());
        }
        let Some(group) = node.group() else {
            let raw = Raw::leaf(node.first, node.node, node.levels())?;
            return Ok((raw, Typed::Leaf(typed_leaf(node.node, column)?)));
        };
        if node.is_list() {
            let (Item::Inside(inner), nullable) = self.list_item(node, column)? else {
                return Err(wrong());
            };
            let element = inner.group().ok_or_else(wrong)?;
            let mut children = Vec::new();
            let shredded = self.shredded(element, &mut children, column)?;
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
            let shredded = self.shredded(inner, &mut children, column)?;
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
}

enum Item<'a> {
    /// The repeated node is the element.
    Repeated(Node<'a>),
    /// The only child of the repeated group is the element.
    Inside(Node<'a>),
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
                    Some(LogicalType::Time(kind)) if kind.unit == parquet::basic::TimeUnit::MICROS
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

/// Reads the first leaf under a node, for its levels only.
fn probe(node: Node<'_>) -> Result<Raw> {
    let levels = node.levels();
    let inner = match node.group() {
        None => Raw::leaf(node.first, node.node, levels)?,
        Some(group) => {
            let first = group
                .children()
                .next()
                .ok_or_else(|| mismatch(group.node.name(), "a group with columns"))?;
            Raw::Struct {
                children: vec![probe(first)?],
                levels,
                nullable: node.nullable(),
            }
        }
    };
    Ok(match node.is_repeated() {
        true => Raw::List {
            item: Box::new(inner),
            levels,
            nullable: false,
        },
        false => inner,
    })
}
