//! What a footer's statistics tell of a predicate: whether any row of a row group may satisfy it.
//!
//! Only a certain "no" counts. Bounds that are missing, of another order, cut, not a number or in
//! another calendar tell nothing; a NaN may hide above every bound of floats.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, FixedSizeBinaryArray};
use arrow::datatypes::{DataType as ArrowType, TimeUnit};
use parquet::basic::{ColumnOrder, SortOrder};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use crate::columns::FileColumn;
use crate::convert::{Convert, LeafConvert, Part};
use crate::predicate::{like_parts, ColumnPath, CompareOp, LikePart, Operand, Predicate};
use crate::raw::Raw;
use crate::scalar::Scalar;

/// What is known of the values of a column in some rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// No value is less.
    pub min: Option<Scalar>,
    /// No value is greater, NaN aside.
    pub max: Option<Scalar>,
    /// There is no NULL.
    pub no_nulls: bool,
    /// There is nothing but NULL.
    pub only_nulls: bool,
}

/// Which results a predicate may have for some rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Possible {
    yes: bool,
    no: bool,
    unknown: bool,
}

impl Possible {
    const ANY: Possible = Possible {
        yes: true,
        no: true,
        unknown: true,
    };

    fn only(value: Option<bool>) -> Possible {
        Possible {
            yes: value == Some(true),
            no: value == Some(false),
            unknown: value.is_none(),
        }
    }

    /// The possible results of AND over independent results.
    fn and(self, other: Possible) -> Possible {
        Possible {
            yes: self.yes && other.yes,
            no: self.no || other.no,
            unknown: (self.unknown && (other.unknown || other.yes))
                || (other.unknown && (self.unknown || self.yes)),
        }
    }

    fn not(self) -> Possible {
        Possible {
            yes: self.no,
            no: self.yes,
            unknown: self.unknown,
        }
    }
}

/// Whether any row may satisfy `predicate`, where `known` tells of its columns.
pub(crate) fn may_match(predicate: &Predicate, known: &dyn Fn(&ColumnPath) -> Known) -> bool {
    possible(predicate, known).yes
}

fn possible(predicate: &Predicate, known: &dyn Fn(&ColumnPath) -> Known) -> Possible {
    match predicate {
        Predicate::Literal(value) => Possible::only(*value),
        Predicate::And(args) => args
            .iter()
            .map(|arg| possible(arg, known))
            .fold(Possible::only(Some(true)), Possible::and),
        Predicate::Or(args) => args
            .iter()
            .map(|arg| possible(arg, known).not())
            .fold(Possible::only(Some(true)), Possible::and)
            .not(),
        Predicate::Not(arg) => possible(arg, known).not(),
        Predicate::IsNull { column, negated } => {
            let column = known(column);
            let result = Possible {
                yes: !column.no_nulls,
                no: !column.only_nulls,
                unknown: false,
            };
            if *negated {
                result.not()
            } else {
                result
            }
        }
        Predicate::Compare { op, left, right } => match (left, right) {
            (Operand::Column(column), Operand::Literal(literal)) => {
                compare(*op, &known(column), literal.value.as_ref())
            }
            (Operand::Literal(literal), Operand::Column(column)) => {
                compare(op.flipped(), &known(column), literal.value.as_ref())
            }
            (Operand::Column(_), Operand::Column(_))
            | (Operand::Literal(_), Operand::Literal(_)) => Possible::ANY,
        },
        Predicate::In {
            arg: Operand::Column(column),
            values,
        } => {
            let column = known(column);
            values
                .iter()
                .map(|value| compare(CompareOp::Equal, &column, value.value.as_ref()).not())
                .fold(Possible::only(Some(true)), Possible::and)
                .not()
        }
        Predicate::In {
            arg: Operand::Literal(_),
            ..
        } => Possible::ANY,
        Predicate::Like {
            column,
            pattern,
            escape,
        } => like(
            &known(column),
            &like_parts(pattern, *escape).unwrap_or_default(),
        ),
    }
}

fn is_float(value: &Scalar) -> bool {
    matches!(value, Scalar::Float(_) | Scalar::Double(_))
}

fn compare(op: CompareOp, known: &Known, value: Option<&Scalar>) -> Possible {
    let null_safe = matches!(op, CompareOp::Distinct | CompareOp::NotDistinct);
    let Some(value) = value else {
        if !null_safe {
            return Possible::only(None);
        }
        let distinct = Possible {
            yes: !known.only_nulls,
            no: !known.no_nulls,
            unknown: false,
        };
        return if op == CompareOp::Distinct {
            distinct
        } else {
            distinct.not()
        };
    };
    // What the orders of the values that are not NULL can be.
    let mut orders = [Ordering::Less, Ordering::Equal, Ordering::Greater].map(|o| (o, true));
    if known.only_nulls {
        orders
            .iter_mut()
            .for_each(|(_, possible)| *possible = false);
    }
    if let Some(min) = known.min.as_ref().and_then(|min| min.compare(value)) {
        orders[0].1 &= min.is_lt();
        orders[1].1 &= min.is_le();
    }
    let max = known.max.as_ref().filter(|max| !is_float(max));
    if let Some(max) = max.and_then(|max| max.compare(value)) {
        orders[1].1 &= max.is_ge();
        orders[2].1 &= max.is_gt();
    }
    // A NaN is above the bound, and so tells nothing of equality with a value within it only.
    if let Some(max) = known.max.as_ref().filter(|max| is_float(max)) {
        let nan = matches!(value, Scalar::Float(v) if v.is_nan())
            || matches!(value, Scalar::Double(v) if v.is_nan());
        if !nan && max.compare(value).is_some_and(Ordering::is_lt) {
            orders[1].1 = false;
        }
    }
    let mut result = Possible {
        yes: false,
        no: false,
        unknown: false,
    };
    for (order, possible) in orders {
        if possible {
            match op.accepts(order) {
                true => result.yes = true,
                false => result.no = true,
            }
        }
    }
    if !known.no_nulls {
        match op {
            CompareOp::Distinct => result.yes = true,
            CompareOp::NotDistinct => result.no = true,
            _ => result.unknown = true,
        }
    }
    result
}

/// A pattern with a fixed beginning is a range of text.
fn like(known: &Known, parts: &[LikePart]) -> Possible {
    let mut prefix = String::new();
    for part in parts {
        match part {
            LikePart::Character(c) => prefix.push(*c),
            LikePart::AnyOne | LikePart::AnyText => break,
        }
    }
    let mut result = Possible {
        yes: !known.only_nulls,
        no: true,
        unknown: !known.no_nulls,
    };
    if let Some(Scalar::String(max)) = &known.max {
        result.yes &= max.as_bytes() >= prefix.as_bytes();
    }
    if let Some(Scalar::String(min)) = &known.min {
        let head = &min.as_bytes()[..min.len().min(prefix.len())];
        result.yes &= head <= prefix.as_bytes();
    }
    result
}

/// What is known of a column that has one value throughout.
pub(crate) fn of_constant(value: Option<Scalar>) -> Known {
    match value {
        None => Known {
            only_nulls: true,
            ..Known::default()
        },
        Some(value) => Known {
            min: Some(value.clone()),
            // A NaN is its own bound, which `compare` would not take for one.
            max: Some(value),
            no_nulls: true,
            only_nulls: false,
        },
    }
}

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
        Some(Place::Constant(value)) => of_constant(value),
        Some(Place::Missing) => Known {
            only_nulls: true,
            ..Known::default()
        },
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
            Part::Missing(_) => {
                return Known {
                    only_nulls: true,
                    ..Known::default()
                }
            }
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
    Known {
        min,
        max,
        no_nulls: nulls == Some(0),
        only_nulls: nulls.is_some() && nulls == rows,
    }
}

type Bounds = (Option<Scalar>, Option<Scalar>);

fn bounds(statistics: &Statistics, order: ColumnOrder, leaf: &LeafConvert) -> Option<Bounds> {
    if !leaf.keeps_order() {
        return None;
    }
    let signed = matches!(statistics, Statistics::Int32(_) | Statistics::Int64(_));
    if statistics.is_min_max_deprecated() {
        // Written when every order was the signed one, and for bytes not even that.
        let plain = signed && !leaf.is_unsigned()
            || matches!(
                statistics,
                Statistics::Boolean(_) | Statistics::Float(_) | Statistics::Double(_)
            );
        if !plain {
            return None;
        }
    } else if matches!(
        order,
        ColumnOrder::UNDEFINED | ColumnOrder::TYPE_DEFINED_ORDER(SortOrder::UNDEFINED)
    ) && !signed
    {
        return None;
    }
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
    let (min, max): (Option<ArrayRef>, Option<ArrayRef>) = match statistics {
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
    };
    let value = |array: Option<ArrayRef>| {
        let array = leaf.apply(&array?).ok()?;
        scalar_at(&array, 0)
    };
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

/// The value of a row in the table's type; none when it is NULL or not of a primitive type.
pub(crate) fn scalar_at(array: &ArrayRef, row: usize) -> Option<Scalar> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn result(op: CompareOp, known: &Known, value: f64) -> Possible {
        compare(op, known, Some(&Scalar::Double(value)))
    }

    #[test]
    fn and_over_results() {
        let yes = Possible::only(Some(true));
        let no = Possible::only(Some(false));
        let unknown = Possible::only(None);
        assert_eq!(yes.and(unknown), unknown);
        assert_eq!(no.and(unknown), no);
        assert_eq!(unknown.and(unknown), unknown);
        assert_eq!(Possible::ANY.and(yes), Possible::ANY);
        assert_eq!(
            Possible::ANY.and(no),
            Possible {
                yes: false,
                no: true,
                unknown: false
            }
        );
    }

    #[test]
    fn a_nan_may_be_above_the_bound() {
        let known = Known {
            min: Some(Scalar::Double(1.0)),
            max: Some(Scalar::Double(2.0)),
            no_nulls: true,
            only_nulls: false,
        };
        assert!(result(CompareOp::Greater, &known, 5.0).yes);
        assert!(!result(CompareOp::Equal, &known, 5.0).yes);
        assert!(result(CompareOp::Equal, &known, f64::NAN).yes);
        assert!(!result(CompareOp::Less, &known, 1.0).yes);
        assert!(!result(CompareOp::Equal, &known, 0.5).yes);
        assert!(!result(CompareOp::Equal, &known, 1.5).unknown);
    }

    #[test]
    fn prefixes_of_like() {
        let text = |t: &str| Some(Scalar::String(t.into()));
        let known = Known {
            min: text("bb"),
            max: text("dd"),
            ..Known::default()
        };
        let like = |pattern: &str| like(&known, &like_parts(pattern, None).unwrap()).yes;
        assert!(like("b%"));
        assert!(like("bbx%"));
        assert!(!like("ba%"));
        assert!(like("dd%"));
        assert!(!like("de%"));
        assert!(like("d%"));
        assert!(like("%x"));
        assert!(!like("a"));
    }
}
