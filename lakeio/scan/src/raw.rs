//! The columns of a data file as the Parquet decoders give them: physical types only, without any
//! annotation, so that no value is changed before `convert` looks at it.
//!
//! A `Raw` tree mirrors the part of a file's schema that is read. Its levels follow Parquet's rules
//! for nested columns, backward compatible lists included.

use std::sync::Arc;

use arrow::datatypes::{DataType as ArrowType, Field as ArrowField, Fields};
use parquet::arrow::array_reader::{
    make_byte_array_reader, make_fixed_len_byte_array_reader, ArrayReader, ListArrayReader,
    PrimitiveArrayReader, StructArrayReader,
};
use parquet::basic::{Repetition, Type as PhysicalType};
use parquet::column::page::PageIterator;
use parquet::data_type::{BoolType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::errors::Result as ParquetResult;
use parquet::schema::types::{ColumnDescPtr, ColumnDescriptor, ColumnPath, Type, TypePtr};

use lakeio_store::{Class, Error, Result};

/// Bytes of an INT96 value, which is read as bytes of fixed length.
const INT96_BYTES: i32 = 12;

/// Definition and repetition level of a place in the schema.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Levels {
    pub definition: i16,
    pub repetition: i16,
}

impl Levels {
    /// The levels of a child of this repetition.
    pub(crate) fn child(self, repetition: Repetition) -> Levels {
        match repetition {
            Repetition::REQUIRED => self,
            Repetition::OPTIONAL => Levels {
                definition: self.definition + 1,
                ..self
            },
            Repetition::REPEATED => Levels {
                definition: self.definition + 1,
                repetition: self.repetition + 1,
            },
        }
    }
}

/// What is read, as a tree.
pub(crate) enum Raw {
    /// One leaf column of the file.
    Leaf {
        /// Its number among the file's leaves.
        column: usize,
        descriptor: ColumnDescPtr,
    },
    /// A group.
    Struct {
        children: Vec<Raw>,
        levels: Levels,
        nullable: bool,
    },
    /// A list; a map is a list of structs of key and value.
    List {
        item: Box<Raw>,
        levels: Levels,
        nullable: bool,
    },
}

impl Raw {
    /// A leaf: `levels` are its own.
    pub(crate) fn leaf(column: usize, leaf: &TypePtr, levels: Levels) -> Result<Raw> {
        let (physical, length) = match leaf.as_ref() {
            Type::PrimitiveType {
                physical_type: PhysicalType::INT96,
                ..
            } => (PhysicalType::FIXED_LEN_BYTE_ARRAY, INT96_BYTES),
            Type::PrimitiveType {
                physical_type,
                type_length,
                ..
            } => (*physical_type, *type_length),
            Type::GroupType { .. } => return Err(Error::internal("a group was taken for a leaf")),
        };
        if physical == PhysicalType::FIXED_LEN_BYTE_ARRAY && !(1..=1 << 20).contains(&length) {
            return Err(Error::new(
                Class::DataFileCorrupt,
                format!(
                    "a column has an implausible fixed length: {}, {length}",
                    leaf.name()
                ),
            ));
        }
        let plain = Type::primitive_type_builder(leaf.name(), physical)
            .with_length(length)
            .with_repetition(leaf.get_basic_info().repetition())
            .build()
            .map_err(|e| Error::new(Class::DataFileCorrupt, e.to_string()))?;
        let path = ColumnPath::from(leaf.name());
        let descriptor =
            ColumnDescriptor::new(Arc::new(plain), levels.definition, levels.repetition, path);
        Ok(Raw::Leaf {
            column,
            descriptor: Arc::new(descriptor),
        })
    }

    /// Calls `visit` with the number of every leaf.
    pub(crate) fn for_each_leaf(&self, visit: &mut impl FnMut(usize, &ColumnDescPtr)) {
        match self {
            Raw::Leaf { column, descriptor } => visit(*column, descriptor),
            Raw::Struct { children, .. } => {
                for child in children {
                    child.for_each_leaf(visit);
                }
            }
            Raw::List { item, .. } => item.for_each_leaf(visit),
        }
    }

    fn arrow(&self) -> ArrowType {
        match self {
            Raw::Leaf { descriptor, .. } => match descriptor.physical_type() {
                PhysicalType::BOOLEAN => ArrowType::Boolean,
                PhysicalType::INT32 => ArrowType::Int32,
                PhysicalType::INT64 => ArrowType::Int64,
                PhysicalType::FLOAT => ArrowType::Float32,
                PhysicalType::DOUBLE => ArrowType::Float64,
                PhysicalType::BYTE_ARRAY => ArrowType::Binary,
                PhysicalType::INT96 | PhysicalType::FIXED_LEN_BYTE_ARRAY => {
                    ArrowType::FixedSizeBinary(descriptor.type_length())
                }
            },
            Raw::Struct { children, .. } => {
                let field =
                    |(i, child): (usize, &Raw)| ArrowField::new(i.to_string(), child.arrow(), true);
                ArrowType::Struct(children.iter().enumerate().map(field).collect::<Fields>())
            }
            Raw::List { item, .. } => {
                ArrowType::List(Arc::new(ArrowField::new("element", item.arrow(), true)))
            }
        }
    }

    /// The reader of this tree. `pages` gives the pages of a leaf; `rows` is the most that will be
    /// read at once.
    pub(crate) fn reader(
        &self,
        pages: &mut impl FnMut(usize) -> ParquetResult<Box<dyn PageIterator>>,
        rows: usize,
    ) -> ParquetResult<Box<dyn ArrayReader>> {
        self.reader_in(pages, rows, None)
    }

    /// `list`: definition level of the list around, below which entries are not values of it.
    fn reader_in(
        &self,
        pages: &mut impl FnMut(usize) -> ParquetResult<Box<dyn PageIterator>>,
        rows: usize,
        list: Option<i16>,
    ) -> ParquetResult<Box<dyn ArrayReader>> {
        Ok(match self {
            Raw::Leaf { column, descriptor } => {
                leaf_reader(pages(*column)?, descriptor, self.arrow(), rows, list)?
            }
            Raw::Struct {
                children,
                levels,
                nullable,
            } => {
                let readers = children
                    .iter()
                    .map(|child| child.reader_in(pages, rows, list))
                    .collect::<ParquetResult<Vec<_>>>()?;
                Box::new(StructArrayReader::new(
                    self.arrow(),
                    readers,
                    levels.definition,
                    levels.repetition,
                    *nullable,
                    list,
                ))
            }
            Raw::List {
                item,
                levels,
                nullable,
            } => {
                let reader = item.reader_in(pages, rows, Some(levels.definition))?;
                Box::new(ListArrayReader::<i32>::new(
                    reader,
                    self.arrow(),
                    levels.definition,
                    levels.repetition,
                    *nullable,
                    list,
                ))
            }
        })
    }
}

fn leaf_reader(
    pages: Box<dyn PageIterator>,
    descriptor: &ColumnDescPtr,
    kind: ArrowType,
    rows: usize,
    list: Option<i16>,
) -> ParquetResult<Box<dyn ArrayReader>> {
    let (column, kind) = (descriptor.clone(), Some(kind));
    macro_rules! primitive {
        ($kind:ty) => {
            Box::new(PrimitiveArrayReader::<$kind>::new(
                pages, column, kind, rows, list,
            )?)
        };
    }
    Ok(match descriptor.physical_type() {
        PhysicalType::BOOLEAN => primitive!(BoolType),
        PhysicalType::INT32 => primitive!(Int32Type),
        PhysicalType::INT64 => primitive!(Int64Type),
        PhysicalType::FLOAT => primitive!(FloatType),
        PhysicalType::DOUBLE => primitive!(DoubleType),
        PhysicalType::BYTE_ARRAY => make_byte_array_reader(pages, column, kind, rows, list)?,
        PhysicalType::INT96 | PhysicalType::FIXED_LEN_BYTE_ARRAY => {
            make_fixed_len_byte_array_reader(pages, column, kind, rows, list)?
        }
    })
}
