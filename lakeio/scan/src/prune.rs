//! What a footer's statistics tell of a predicate: whether any row of a row group may satisfy it.
//!
//! Bounds that are missing, of another order, cut, not a number or in another calendar tell nothing.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, FixedSizeBinaryArray};
use arrow::datatypes::{DataType as ArrowType, TimeUnit};
use parquet::basic::{ColumnOrder, SortOrder};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use crate::columns::FileColumn;
use crate::convert::{Convert, Part};
use crate::known::{may_match, Above, Known};
use crate::leaf::LeafConvert;
use crate::predicate::{ColumnPath, Predicate};
use crate::raw::Raw;
use crate::scalar::Scalar;

/// Whether a row group may have a row that satisfies `predicate`. `column`: where a top-level
/// column of the table comes from.
pub(crate) fn row_group_may_match(
    predicate: &Predicate,
    metadata: &ParquetMetaData,
    group: &RowGroupMetaData,
    column: &dyn Fn(&str) -> Option<Place>,
) -> bool {
    may_match(predicate, &|path| match column(&path.0[0]) {
        None => Known::default(),
        Some(Place::Constant(value)) => Known::of_constant(value),
        Some(Place::Missing) => Known::of_constant(None),
        Some(Place::File(file)) => in_file(&file, path, metadata, group),
    })
}

/// Where the values of a top-level column come from.
pub(crate) enum Place {
    Constant(Option<Scalar>),
    Missing,
    File(Arc<FileColumn>),
}

fn in_file(
    file: &FileColumn,
    path: &ColumnPath,
    metadata: &ParquetMetaData,
    group: &RowGroupMetaData,
) -> Known {
    let (mut raw, mut convert) = (&file.raw, &file.convert);
    for name in &path.0[1..] {
        let (Raw::Struct { children, .. }, Convert::Struct { fields, parts }) = (raw, convert)
        else {
            return Known::default();
        };
        let Some((index, _)) = fields.find(name) else {
            return Known::default();
        };
        match &parts[index] {
            Part::Missing(_) => return Known::of_constant(None),
            Part::Child(child, inner) => (raw, convert) = (&children[*child], inner),
        }
    }
    let (Raw::Leaf { column, .. }, Convert::Leaf(leaf)) = (raw, convert) else {
        return Known::default();
    };
    let Some(statistics) = group.column(*column).statistics() else {
        return Known::default();
    };
    let rows = u64::try_from(group.num_rows()).ok();
    let nulls = statistics.null_count_opt();
    let order = metadata.file_metadata().column_order(*column);
    let (min, max) = bounds(statistics, order, leaf).unwrap_or_default();
    let above = match max {
        Some(Scalar::Float(_) | Scalar::Double(_)) => Above::Nan,
        _ => Above::Nothing,
    };
    Known {
        min,
        max,
        above,
        no_nulls: nulls == Some(0),
        only_nulls: nulls.is_some() && nulls == rows,
    }
}

type Bounds = (Option<Scalar>, Option<Scalar>);
type StoredBounds = (Option<ArrayRef>, Option<ArrayRef>);

fn bounds(statistics: &Statistics, order: ColumnOrder, leaf: &LeafConvert) -> Option<Bounds> {
    if !leaf.keeps_order() || !is_of_our_order(statistics, order, leaf) {
        return None;
    }
    let value = |array: Option<ArrayRef>| {
        let array = leaf.apply(&array?).ok()?;
        scalar_at(&array, 0)
    };
    let (min, max) = stored_bounds(statistics, leaf)?;
    let (min, max) = (value(min), value(max));
    let nan = |bound: &Option<Scalar>| match bound {
        Some(Scalar::Float(v)) => v.is_nan(),
        Some(Scalar::Double(v)) => v.is_nan(),
        _ => false,
    };
    if nan(&min) || nan(&max) {
        return None;
    }
    // Bounds that contradict each other are of a writer that is not to be trusted.
    if let (Some(min), Some(max)) = (&min, &max) {
        if min.compare(max).is_none_or(Ordering::is_gt) {
            return None;
        }
    }
    Some((min, max))
}

/// Whether the bounds were taken in the order that values are compared in here.
fn is_of_our_order(statistics: &Statistics, order: ColumnOrder, leaf: &LeafConvert) -> bool {
    let signed = matches!(statistics, Statistics::Int32(_) | Statistics::Int64(_));
    if statistics.is_min_max_deprecated() {
        // Written when every order was the signed one, and for bytes not even that.
        return signed && !leaf.is_unsigned()
            || matches!(
                statistics,
                Statistics::Boolean(_) | Statistics::Float(_) | Statistics::Double(_)
            );
    }
    let undefined = matches!(
        order,
        ColumnOrder::UNDEFINED | ColumnOrder::TYPE_DEFINED_ORDER(SortOrder::UNDEFINED)
    );
    signed || !undefined
}

/// The least and the greatest value as the file stores them, each an array of one row.
fn stored_bounds(statistics: &Statistics, leaf: &LeafConvert) -> Option<StoredBounds> {
    macro_rules! values {
        ($statistics:expr, $array:ty) => {{
            let pick =
                |value: Option<_>| value.map(|v| Arc::new(<$array>::from(vec![v])) as ArrayRef);
            (
                pick($statistics.min_opt().copied()),
                pick($statistics.max_opt().copied()),
            )
        }};
    }
    Some(match statistics {
        Statistics::Boolean(s) => values!(s, arrow::array::BooleanArray),
        Statistics::Int32(s) => values!(s, arrow::array::Int32Array),
        Statistics::Int64(s) => values!(s, arrow::array::Int64Array),
        Statistics::Float(s) => values!(s, arrow::array::Float32Array),
        Statistics::Double(s) => values!(s, arrow::array::Float64Array),
        Statistics::Int96(_) => return None,
        Statistics::ByteArray(s) => {
            if leaf.is_decimal() && !(s.min_is_exact() && s.max_is_exact()) {
                return None;
            }
            let pick = |v: &[u8]| Arc::new(BinaryArray::from_vec(vec![v])) as ArrayRef;
            (s.min_bytes_opt().map(pick), s.max_bytes_opt().map(pick))
        }
        Statistics::FixedLenByteArray(s) => {
            if !(s.min_is_exact() && s.max_is_exact()) && leaf.is_decimal() {
                return None;
            }
            let pick = |v: &[u8]| -> Option<ArrayRef> {
                let array = FixedSizeBinaryArray::try_from_iter(std::iter::once(v)).ok()?;
                Some(Arc::new(array))
            };
            (
                s.min_bytes_opt().and_then(pick),
                s.max_bytes_opt().and_then(pick),
            )
        }
    })
}

/// The value of a row in the table's type; none when it is NULL or not of a primitive type.
fn scalar_at(array: &ArrayRef, row: usize) -> Option<Scalar> {
    use arrow::datatypes as t;
    if array.is_null(row) {
        return None;
    }
    Some(match array.data_type() {
        ArrowType::Boolean => Scalar::Boolean(array.as_boolean().value(row)),
        ArrowType::Int8 => Scalar::Integer(array.as_primitive::<t::Int8Type>().value(row).into()),
        ArrowType::Int16 => Scalar::Integer(array.as_primitive::<t::Int16Type>().value(row).into()),
        ArrowType::Int32 => Scalar::Integer(array.as_primitive::<t::Int32Type>().value(row).into()),
        ArrowType::Int64 => Scalar::Integer(array.as_primitive::<t::Int64Type>().value(row)),
        ArrowType::Float32 => Scalar::Float(array.as_primitive::<t::Float32Type>().value(row)),
        ArrowType::Float64 => Scalar::Double(array.as_primitive::<t::Float64Type>().value(row)),
        ArrowType::Decimal128(_, scale) => Scalar::Decimal(
            array.as_primitive::<t::Decimal128Type>().value(row),
            *scale as u8,
        ),
        ArrowType::Utf8 => Scalar::String(array.as_string::<i32>().value(row).to_string()),
        ArrowType::Binary => Scalar::Binary(array.as_binary::<i32>().value(row).to_vec()),
        ArrowType::Date32 => Scalar::Date(array.as_primitive::<t::Date32Type>().value(row)),
        ArrowType::Timestamp(TimeUnit::Microsecond, zone) => {
            let value = array
                .as_primitive::<t::TimestampMicrosecondType>()
                .value(row);
            match zone {
                Some(_) => Scalar::Timestamp(value),
                None => Scalar::TimestampNtz(value),
            }
        }
        _ => return None,
    })
}
