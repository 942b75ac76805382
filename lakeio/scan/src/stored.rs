//! What the leaf columns of a data file hold, read from their annotations: the newer (logical) form
//! where there is one, else the older (converted) one, else the physical type.

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as PhysicalType};
use parquet::schema::types::Type;

/// What a leaf column of a file holds, by its annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    Boolean,
    /// INT32 or INT64; `unsigned`: the bits are those of an unsigned number of that width.
    Integer {
        unsigned: bool,
    },
    /// Unscaled, in INT32, INT64 or bytes.
    Decimal {
        scale: i32,
    },
    Date,
    /// Ticks, of which a second has so many.
    Timestamp {
        per_second: i64,
        utc: bool,
    },
    Int96,
    Float,
    Double,
    /// Bytes of any length; `text`: annotated as text.
    Bytes {
        text: bool,
    },
    Fixed,
    /// Only NULLs, whatever the physical type.
    Null,
}

impl Stored {
    /// Reads the annotation of a leaf; none when it is one that no table column can be stored as.
    pub(crate) fn of(leaf: &Type) -> Option<Stored> {
        let Type::PrimitiveType {
            basic_info,
            physical_type,
            scale,
            ..
        } = leaf
        else {
            return None;
        };
        let annotation = match basic_info.logical_type_ref().map(Annotation::of_logical) {
            Some(annotation) if annotation != Annotation::Silent => annotation,
            _ => Annotation::of_converted(basic_info.converted_type(), *scale),
        };
        match annotation {
            Annotation::Stored(stored) => stored.fits(*physical_type).then_some(stored),
            Annotation::Silent => Some(Stored::of_physical(*physical_type)),
            Annotation::Foreign => None,
        }
    }

    fn of_physical(physical: PhysicalType) -> Stored {
        match physical {
            PhysicalType::BOOLEAN => Stored::Boolean,
            PhysicalType::INT32 | PhysicalType::INT64 => Stored::Integer { unsigned: false },
            PhysicalType::INT96 => Stored::Int96,
            PhysicalType::FLOAT => Stored::Float,
            PhysicalType::DOUBLE => Stored::Double,
            PhysicalType::BYTE_ARRAY => Stored::Bytes { text: false },
            PhysicalType::FIXED_LEN_BYTE_ARRAY => Stored::Fixed,
        }
    }

    /// Whether what an annotation says can be held by leaves of the physical type.
    fn fits(self, physical: PhysicalType) -> bool {
        use PhysicalType as P;
        match self {
            Stored::Integer { .. } => matches!(physical, P::INT32 | P::INT64),
            Stored::Decimal { .. } => matches!(
                physical,
                P::INT32 | P::INT64 | P::BYTE_ARRAY | P::FIXED_LEN_BYTE_ARRAY
            ),
            Stored::Date => physical == P::INT32,
            Stored::Timestamp { .. } => physical == P::INT64,
            Stored::Bytes { .. } => physical == P::BYTE_ARRAY,
            Stored::Null => true,
            // No annotation says these.
            Stored::Boolean | Stored::Int96 | Stored::Float | Stored::Double | Stored::Fixed => {
                false
            }
        }
    }

    /// The kind in words, for messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Stored::Boolean => "boolean",
            Stored::Integer { unsigned: false } => "integer",
            Stored::Integer { unsigned: true } => "unsigned integer",
            Stored::Decimal { .. } => "decimal",
            Stored::Date => "date",
            Stored::Timestamp { utc: true, .. } => "timestamp",
            Stored::Timestamp { utc: false, .. } => "timestamp without zone",
            Stored::Int96 => "INT96 timestamp",
            Stored::Float => "float",
            Stored::Double => "double",
            Stored::Bytes { text: true } => "string",
            Stored::Bytes { text: false } => "binary",
            Stored::Fixed => "fixed-length binary",
            Stored::Null => "null",
        }
    }
}

/// What an annotation says of a leaf.
#[derive(PartialEq)]
enum Annotation {
    /// That it holds this, if its physical type can.
    Stored(Stored),
    /// Nothing that matters: the physical type tells.
    Silent,
    /// That it holds what no table column is stored as.
    Foreign,
}

impl Annotation {
    fn of_logical(logical: &LogicalType) -> Annotation {
        Annotation::Stored(match logical {
            LogicalType::Unknown => Stored::Null,
            LogicalType::Integer(kind) => Stored::Integer {
                unsigned: !kind.is_signed,
            },
            LogicalType::Decimal(kind) => Stored::Decimal { scale: kind.scale },
            LogicalType::Date => Stored::Date,
            LogicalType::Timestamp(kind) => Stored::Timestamp {
                per_second: match kind.unit {
                    TimeUnit::MILLIS => 1_000,
                    TimeUnit::MICROS => 1_000_000,
                    TimeUnit::NANOS => 1_000_000_000,
                },
                utc: kind.is_adjusted_to_u_t_c,
            },
            LogicalType::String | LogicalType::Enum | LogicalType::Json => {
                Stored::Bytes { text: true }
            }
            LogicalType::Bson | LogicalType::Uuid => return Annotation::Silent,
            // Times, 16-bit floats, shapes and whatever comes later.
            _ => return Annotation::Foreign,
        })
    }

    /// The older form of annotations, which a decimal's `scale` belongs to.
    fn of_converted(converted: ConvertedType, scale: i32) -> Annotation {
        use ConvertedType as C;
        let utc = |per_second| Stored::Timestamp {
            per_second,
            utc: true,
        };
        Annotation::Stored(match converted {
            C::NONE | C::BSON => return Annotation::Silent,
            C::INT_8 | C::INT_16 | C::INT_32 | C::INT_64 => Stored::Integer { unsigned: false },
            C::UINT_8 | C::UINT_16 | C::UINT_32 | C::UINT_64 => Stored::Integer { unsigned: true },
            C::DECIMAL => Stored::Decimal { scale },
            C::DATE => Stored::Date,
            C::TIMESTAMP_MILLIS => utc(1_000),
            C::TIMESTAMP_MICROS => utc(1_000_000),
            C::UTF8 | C::ENUM | C::JSON => Stored::Bytes { text: true },
            C::TIME_MILLIS | C::TIME_MICROS | C::INTERVAL | C::MAP | C::MAP_KEY_VALUE | C::LIST => {
                return Annotation::Foreign
            }
        })
    }
}
