//! Comparisons of columns and values for the rows of a batch, with Spark's order: by value across
//! types of numbers, NaN the greatest, text by its bytes.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{
    DataType as ArrowType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type,
    Int32Type, Int64Type, Int8Type, TimestampMicrosecondType,
};

use lakeio_store::{Error, Result};

use crate::number::{compare_floats, rescale_exact, Number};
use crate::predicate::CompareOp;
use crate::scalar::Scalar;

/// The error of what a predicate's check lets nobody see.
pub(crate) fn surprise() -> Error {
    Error::internal("a predicate met a type that its check should have refused")
}

/// Two values compared; none is unknown.
pub(crate) fn compare_values(
    op: CompareOp,
    left: Option<&Scalar>,
    right: Option<&Scalar>,
) -> Result<Option<bool>> {
    let distinct = match op {
        CompareOp::Distinct => Some(true),
        CompareOp::NotDistinct => Some(false),
        _ => None,
    };
    match (left, right) {
        (Some(left), Some(right)) => {
            Ok(Some(op.accepts(left.compare(right).ok_or_else(surprise)?)))
        }
        (None, None) => Ok(distinct.map(|distinct| !distinct)),
        _ => Ok(distinct),
    }
}

/// For each row whether `op` accepts the order that `order` gives.
fn mask(op: CompareOp, length: usize, order: impl Fn(usize) -> Ordering) -> BooleanBuffer {
    match op {
        CompareOp::Equal | CompareOp::NotDistinct => {
            BooleanBuffer::collect_bool(length, |i| order(i).is_eq())
        }
        CompareOp::NotEqual | CompareOp::Distinct => {
            BooleanBuffer::collect_bool(length, |i| order(i).is_ne())
        }
        CompareOp::Less => BooleanBuffer::collect_bool(length, |i| order(i).is_lt()),
        CompareOp::LessOrEqual => BooleanBuffer::collect_bool(length, |i| order(i).is_le()),
        CompareOp::Greater => BooleanBuffer::collect_bool(length, |i| order(i).is_gt()),
        CompareOp::GreaterOrEqual => BooleanBuffer::collect_bool(length, |i| order(i).is_ge()),
    }
}

/// Integers of any width as one function of the row; none when the array is not of integers.
pub(crate) fn integers(array: &ArrayRef) -> Option<Box<dyn Fn(usize) -> i64 + '_>> {
    Some(match array.data_type() {
        ArrowType::Int8 => {
            let values = array.as_primitive::<Int8Type>().values();
            Box::new(move |i| values[i].into())
        }
        ArrowType::Int16 => {
            let values = array.as_primitive::<Int16Type>().values();
            Box::new(move |i| values[i].into())
        }
        ArrowType::Int32 => {
            let values = array.as_primitive::<Int32Type>().values();
            Box::new(move |i| values[i].into())
        }
        ArrowType::Int64 => {
            let values = array.as_primitive::<Int64Type>().values();
            Box::new(move |i| values[i])
        }
        _ => return None,
    })
}

/// Numbers of any type as one function of the row.
fn numbers(array: &ArrayRef) -> Option<Box<dyn Fn(usize) -> Number + '_>> {
    if let Some(integers) = integers(array) {
        return Some(Box::new(move |i| Number::Exact(integers(i).into(), 0)));
    }
    Some(match array.data_type() {
        ArrowType::Float32 => {
            let values = array.as_primitive::<Float32Type>().values();
            Box::new(move |i| Number::Float(values[i].into()))
        }
        ArrowType::Float64 => {
            let values = array.as_primitive::<Float64Type>().values();
            Box::new(move |i| Number::Float(values[i]))
        }
        ArrowType::Decimal128(_, scale) => {
            let (values, scale) = (
                array.as_primitive::<Decimal128Type>().values(),
                *scale as u8,
            );
            Box::new(move |i| Number::Exact(values[i], scale))
        }
        _ => return None,
    })
}

/// Each row compared with one value; none is NULL.
pub(crate) fn compare_literal(
    op: CompareOp,
    array: &ArrayRef,
    value: Option<&Scalar>,
) -> Result<BooleanArray> {
    let length = array.len();
    let nulls = array.logical_nulls();
    let Some(value) = value else {
        let is_null = || match &nulls {
            None => BooleanBuffer::new_unset(length),
            Some(nulls) => !nulls.inner(),
        };
        return Ok(match op {
            CompareOp::NotDistinct => BooleanArray::new(is_null(), None),
            CompareOp::Distinct => BooleanArray::new(!&is_null(), None),
            _ => BooleanArray::new_null(length),
        });
    };
    let values = compare_with(op, array, value)?;
    Ok(with_nulls(op, values, nulls, None))
}

/// Each row compared with one value; what NULL rows give has no meaning.
pub(crate) fn compare_with(
    op: CompareOp,
    array: &ArrayRef,
    value: &Scalar,
) -> Result<BooleanBuffer> {
    let fast = compare_same(op, array, value).or_else(|| compare_exact(op, array, value));
    if let Some(fast) = fast {
        return Ok(fast);
    }
    let (numbers, literal) = numbers(array).zip(value.number()).ok_or_else(surprise)?;
    Ok(mask(op, array.len(), |i| numbers(i).compare(literal)))
}

/// As `compare_with`, for a value of the column's own type.
fn compare_same(op: CompareOp, array: &ArrayRef, value: &Scalar) -> Option<BooleanBuffer> {
    let length = array.len();
    Some(match (array.data_type(), value) {
        (ArrowType::Boolean, Scalar::Boolean(literal)) => {
            let values = array.as_boolean().values();
            mask(op, length, |i| values.value(i).cmp(literal))
        }
        (ArrowType::Utf8, Scalar::String(literal)) => {
            let (text, literal) = (array.as_string::<i32>(), literal.as_bytes());
            mask(op, length, |i| text.value(i).as_bytes().cmp(literal))
        }
        (ArrowType::Binary, Scalar::Binary(literal)) => {
            let bytes = array.as_binary::<i32>();
            mask(op, length, |i| bytes.value(i).cmp(literal.as_slice()))
        }
        (ArrowType::Date32, Scalar::Date(literal)) => ordered::<Date32Type>(op, array, *literal),
        (ArrowType::Timestamp(..), Scalar::Timestamp(literal) | Scalar::TimestampNtz(literal)) => {
            ordered::<TimestampMicrosecondType>(op, array, *literal)
        }
        (ArrowType::Float32, Scalar::Float(literal)) => {
            let values = array.as_primitive::<Float32Type>().values();
            let literal = f64::from(*literal);
            mask(op, length, |i| compare_floats(values[i].into(), literal))
        }
        (ArrowType::Float64, Scalar::Double(literal)) => {
            let values = array.as_primitive::<Float64Type>().values();
            mask(op, length, |i| compare_floats(values[i], *literal))
        }
        _ => return None,
    })
}

/// As `compare_with`, for a number that has an equal in the column's own type.
fn compare_exact(op: CompareOp, array: &ArrayRef, value: &Scalar) -> Option<BooleanBuffer> {
    let Some(Number::Exact(unscaled, from)) = value.number() else {
        return None;
    };
    let scale = match array.data_type() {
        ArrowType::Decimal128(_, scale) => (*scale).into(),
        _ => 0,
    };
    let literal = rescale_exact(unscaled, from.into(), scale)?;
    Some(match array.data_type() {
        ArrowType::Int8 => ordered::<Int8Type>(op, array, literal.try_into().ok()?),
        ArrowType::Int16 => ordered::<Int16Type>(op, array, literal.try_into().ok()?),
        ArrowType::Int32 => ordered::<Int32Type>(op, array, literal.try_into().ok()?),
        ArrowType::Int64 => ordered::<Int64Type>(op, array, literal.try_into().ok()?),
        ArrowType::Decimal128(..) => ordered::<Decimal128Type>(op, array, literal),
        _ => return None,
    })
}

fn ordered<T>(op: CompareOp, array: &ArrayRef, literal: T::Native) -> BooleanBuffer
where
    T: ArrowPrimitiveType,
    T::Native: Ord,
{
    let values = array.as_primitive::<T>().values();
    mask(op, array.len(), |i| values[i].cmp(&literal))
}

/// Two columns compared row by row.
pub(crate) fn compare_columns(
    op: CompareOp,
    left: &ArrayRef,
    right: &ArrayRef,
) -> Result<BooleanArray> {
    let length = left.len();
    macro_rules! ordered {
        ($kind:ty) => {{
            let (a, b) = (
                left.as_primitive::<$kind>().values(),
                right.as_primitive::<$kind>().values(),
            );
            mask(op, length, |i| a[i].cmp(&b[i]))
        }};
    }
    let values = match (left.data_type(), right.data_type()) {
        (ArrowType::Boolean, ArrowType::Boolean) => {
            let (a, b) = (left.as_boolean().values(), right.as_boolean().values());
            mask(op, length, |i| a.value(i).cmp(&b.value(i)))
        }
        (ArrowType::Utf8, ArrowType::Utf8) => {
            let (a, b) = (left.as_string::<i32>(), right.as_string::<i32>());
            mask(op, length, |i| {
                a.value(i).as_bytes().cmp(b.value(i).as_bytes())
            })
        }
        (ArrowType::Binary, ArrowType::Binary) => {
            let (a, b) = (left.as_binary::<i32>(), right.as_binary::<i32>());
            mask(op, length, |i| a.value(i).cmp(b.value(i)))
        }
        (ArrowType::Date32, ArrowType::Date32) => ordered!(Date32Type),
        (ArrowType::Timestamp(..), ArrowType::Timestamp(..)) => ordered!(TimestampMicrosecondType),
        (ArrowType::Int32, ArrowType::Int32) => ordered!(Int32Type),
        (ArrowType::Int64, ArrowType::Int64) => ordered!(Int64Type),
        _ => {
            let (a, b) = numbers(left).zip(numbers(right)).ok_or_else(surprise)?;
            mask(op, length, |i| a(i).compare(b(i)))
        }
    };
    Ok(with_nulls(
        op,
        values,
        left.logical_nulls(),
        right.logical_nulls(),
    ))
}

/// Puts in what NULLs on either side make of a comparison.
fn with_nulls(
    op: CompareOp,
    values: BooleanBuffer,
    left: Option<NullBuffer>,
    right: Option<NullBuffer>,
) -> BooleanArray {
    let distinct = match op {
        CompareOp::Distinct => true,
        CompareOp::NotDistinct => false,
        _ => {
            return BooleanArray::new(values, NullBuffer::union(left.as_ref(), right.as_ref()));
        }
    };
    if left.is_none() && right.is_none() {
        return BooleanArray::new(values, None);
    }
    let valid = |nulls: &Option<NullBuffer>, i| nulls.as_ref().is_none_or(|n| n.is_valid(i));
    let values = BooleanBuffer::collect_bool(values.len(), |i| {
        match (valid(&left, i), valid(&right, i)) {
            (true, true) => values.value(i),
            (false, false) => !distinct,
            _ => distinct,
        }
    });
    BooleanArray::new(values, None)
}
