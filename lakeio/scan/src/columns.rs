//! Finds the table's columns in a data file: which leaves to decode and how to convert them.

use arrow::datatypes::DataType as ArrowType;
use parquet::schema::types::SchemaDescriptor;

use lakeio_store::{Class, Error, Result};

use crate::calendar::Calendars;
use crate::convert::{Convert, Part};
use crate::file_tree::{any_id, mismatch, Group, Item, Node};
use crate::leaf::LeafConvert;
use crate::raw::Raw;
use crate::scan::MappingMode;
use crate::stored::Stored;
use crate::types::{DataType, Element, Field};
use crate::variant_columns::variant;

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
        match self.find(Group::root(schema), field)? {
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
            DataType::Variant => variant(node, column),
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
        let (item, nullable) = node.element(column)?;
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
