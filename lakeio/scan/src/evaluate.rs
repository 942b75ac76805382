//! The row predicate computed for a batch, in three-valued logic and with Spark's comparisons.

use std::cmp::Ordering;
use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, StringArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::kernels::boolean::{and_kleene, not, or_kleene};
use arrow::datatypes::{
    DataType as ArrowType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type,
    Int32Type, Int64Type, Int8Type, TimestampMicrosecondType,
};

use lakeio_store::{Error, Result};

use crate::predicate::{like_parts, ColumnPath, CompareOp, LikePart, Literal, Operand, Predicate};
use crate::scalar::{compare_floats, rescale_exact, Number, Scalar};

/// Lists of more values than this are looked up in a set where their type allows.
const FEW_VALUES: usize = 8;

/// The rows of a batch, as far as a predicate sees them.
pub(crate) trait Rows {
    /// Number of rows.
    fn len(&self) -> usize;
    /// A top-level column in the table's type.
    fn column(&self, name: &str) -> Result<ArrayRef>;
}

fn surprise() -> Error {
    Error::internal("a predicate met a type that its check should have refused")
}

/// Computes `predicate` for every row: true, false or NULL (unknown).
pub(crate) fn evaluate(predicate: &Predicate, rows: &dyn Rows) -> Result<BooleanArray> {
    let length = rows.len();
    match predicate {
        Predicate::Literal(value) => Ok(constant(*value, length)),
        Predicate::And(args) => combine(args, rows, true),
        Predicate::Or(args) => combine(args, rows, false),
        Predicate::Not(arg) => not(&evaluate(arg, rows)?).map_err(|_| surprise()),
        Predicate::IsNull { column, negated } => {
            let array = resolve(column, rows)?;
            let buffer = match (array.logical_nulls(), negated) {
                (None, negated) => filled(*negated, length),
                (Some(nulls), true) => nulls.inner().clone(),
                (Some(nulls), false) => !nulls.inner(),
            };
            Ok(BooleanArray::new(buffer, None))
        }
        Predicate::Compare { op, left, right } => match (left, right) {
            (Operand::Column(left), Operand::Column(right)) => {
                compare_columns(*op, &resolve(left, rows)?, &resolve(right, rows)?)
            }
            (Operand::Column(column), Operand::Literal(literal)) => {
                compare_literal(*op, &resolve(column, rows)?, literal.value.as_ref())
            }
            (Operand::Literal(literal), Operand::Column(column)) => compare_literal(
                op.flipped(),
                &resolve(column, rows)?,
                literal.value.as_ref(),
            ),
            (Operand::Literal(left), Operand::Literal(right)) => {
                let value = compare_values(*op, left.value.as_ref(), right.value.as_ref())?;
                Ok(constant(value, length))
            }
        },
        Predicate::In { arg, values } => match arg {
            Operand::Literal(literal) => {
                let mut found = Some(false);
                for value in values {
                    let (left, right) = (literal.value.as_ref(), value.value.as_ref());
                    match compare_values(CompareOp::Equal, left, right)? {
                        Some(true) => return Ok(constant(Some(true), length)),
                        Some(false) => {}
                        None => found = None,
                    }
                }
                Ok(constant(found, length))
            }
            Operand::Column(column) => is_in(&resolve(column, rows)?, values),
        },
        Predicate::Like {
            column,
            pattern,
            escape,
        } => {
            let array = resolve(column, rows)?;
            let text: &StringArray = array.as_string_opt().ok_or_else(surprise)?;
            let pattern = LikePattern::new(&like_parts(pattern, *escape)?);
            let matches = BooleanBuffer::collect_bool(length, |row| {
                // The value under a NULL is some text, too.
                pattern.matches(text.value(row))
            });
            Ok(BooleanArray::new(matches, text.nulls().cloned()))
        }
    }
}

/// Rows for which the result is true.
pub(crate) fn selected(result: &BooleanArray) -> BooleanBuffer {
    match result.nulls() {
        None => result.values().clone(),
        Some(nulls) => result.values() & nulls.inner(),
    }
}

fn filled(value: bool, length: usize) -> BooleanBuffer {
    match value {
        true => BooleanBuffer::new_set(length),
        false => BooleanBuffer::new_unset(length),
    }
}

fn constant(value: Option<bool>, length: usize) -> BooleanArray {
    match value {
        Some(value) => BooleanArray::new(filled(value, length), None),
        None => BooleanArray::new_null(length),
    }
}

fn combine(args: &[Predicate], rows: &dyn Rows, all: bool) -> Result<BooleanArray> {
    let mut result = constant(Some(all), rows.len());
    for arg in args {
        let value = evaluate(arg, rows)?;
        let combined = match all {
            true => and_kleene(&result, &value),
            false => or_kleene(&result, &value),
        };
        result = combined.map_err(|_| surprise())?;
    }
    Ok(result)
}

fn resolve(path: &ColumnPath, rows: &dyn Rows) -> Result<ArrayRef> {
    let mut array = rows.column(&path.0[0])?;
    for name in &path.0[1..] {
        let group = array.as_struct_opt().ok_or_else(surprise)?;
        let child = group.column_by_name(name).ok_or_else(surprise)?.clone();
        array = match group.nulls() {
            None => child,
            // A field of a NULL struct is NULL.
            Some(outer) => {
                let nulls = NullBuffer::union(Some(outer), child.nulls());
                let data = child.to_data().into_builder().nulls(nulls);
                // SAFETY: more NULLs do no harm to any layout.
                arrow::array::make_array(unsafe { data.build_unchecked() })
            }
        };
    }
    Ok(array)
}

/// Two values compared; none is unknown.
fn compare_values(
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
fn integers(array: &ArrayRef) -> Option<Box<dyn Fn(usize) -> i64 + '_>> {
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

fn compare_literal(
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

fn compare_with(op: CompareOp, array: &ArrayRef, value: &Scalar) -> Result<BooleanBuffer> {
    let length = array.len();
    // The literal in the column's own type where it has an equal there: the fast way.
    let fast = match (array.data_type(), value.number()) {
        (ArrowType::Decimal128(_, scale), Some(Number::Exact(unscaled, from))) => {
            rescale_exact(unscaled, from.into(), (*scale).into())
        }
        (_, Some(Number::Exact(unscaled, from))) => rescale_exact(unscaled, from.into(), 0),
        _ => None,
    };
    macro_rules! ordered {
        ($kind:ty, $literal:expr) => {{
            let (values, literal) = (array.as_primitive::<$kind>().values(), $literal);
            return Ok(mask(op, length, |i| values[i].cmp(&literal)));
        }};
    }
    match (array.data_type(), value) {
        (ArrowType::Boolean, Scalar::Boolean(literal)) => {
            let values = array.as_boolean().values();
            return Ok(mask(op, length, |i| values.value(i).cmp(literal)));
        }
        (ArrowType::Utf8, Scalar::String(literal)) => {
            let (text, literal) = (array.as_string::<i32>(), literal.as_bytes());
            return Ok(mask(op, length, |i| text.value(i).as_bytes().cmp(literal)));
        }
        (ArrowType::Binary, Scalar::Binary(literal)) => {
            let bytes = array.as_binary::<i32>();
            return Ok(mask(op, length, |i| bytes.value(i).cmp(literal.as_slice())));
        }
        (ArrowType::Date32, Scalar::Date(literal)) => ordered!(Date32Type, *literal),
        (ArrowType::Timestamp(..), Scalar::Timestamp(literal) | Scalar::TimestampNtz(literal)) => {
            ordered!(TimestampMicrosecondType, *literal)
        }
        (ArrowType::Float32, Scalar::Float(literal)) => {
            let values = array.as_primitive::<Float32Type>().values();
            let literal = f64::from(*literal);
            return Ok(mask(op, length, |i| {
                compare_floats(values[i].into(), literal)
            }));
        }
        (ArrowType::Float64, Scalar::Double(literal)) => {
            let values = array.as_primitive::<Float64Type>().values();
            return Ok(mask(op, length, |i| compare_floats(values[i], *literal)));
        }
        _ => {}
    }
    if let Some(literal) = fast {
        match array.data_type() {
            ArrowType::Int8 if i8::try_from(literal).is_ok() => ordered!(Int8Type, literal as i8),
            ArrowType::Int16 if i16::try_from(literal).is_ok() => {
                ordered!(Int16Type, literal as i16)
            }
            ArrowType::Int32 if i32::try_from(literal).is_ok() => {
                ordered!(Int32Type, literal as i32)
            }
            ArrowType::Int64 if i64::try_from(literal).is_ok() => {
                ordered!(Int64Type, literal as i64)
            }
            ArrowType::Decimal128(..) => ordered!(Decimal128Type, literal),
            _ => {}
        }
    }
    let (numbers, literal) = numbers(array).zip(value.number()).ok_or_else(surprise)?;
    Ok(mask(op, length, |i| numbers(i).compare(literal)))
}

fn compare_columns(op: CompareOp, left: &ArrayRef, right: &ArrayRef) -> Result<BooleanArray> {
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

fn is_in(array: &ArrayRef, list: &[Literal]) -> Result<BooleanArray> {
    let length = array.len();
    if list.is_empty() {
        return Ok(constant(Some(false), length));
    }
    let has_null = list.iter().any(|literal| literal.value.is_none());
    let values: Vec<&Scalar> = list
        .iter()
        .filter_map(|literal| literal.value.as_ref())
        .collect();
    let found = match lookup(array, &values) {
        Some(found) => found,
        None => {
            let mut found = BooleanBuffer::new_unset(length);
            for value in values {
                found = &found | &compare_with(CompareOp::Equal, array, value)?;
            }
            found
        }
    };
    let mut nulls = array.logical_nulls();
    if has_null {
        // Not found among values of which one is unknown: unknown.
        let known = match &nulls {
            None => found.clone(),
            Some(nulls) => nulls.inner() & &found,
        };
        nulls = Some(NullBuffer::new(known));
    }
    Ok(BooleanArray::new(found, nulls))
}

/// Looks values up in a set; none when a comparison one by one is as good or needed.
fn lookup(array: &ArrayRef, values: &[&Scalar]) -> Option<BooleanBuffer> {
    if values.len() <= FEW_VALUES {
        return None;
    }
    let length = array.len();
    if let ArrowType::Utf8 = array.data_type() {
        let text = array.as_string::<i32>();
        let set: HashSet<&str> = values
            .iter()
            .filter_map(|value| match value {
                Scalar::String(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        return Some(BooleanBuffer::collect_bool(length, |i| {
            set.contains(text.value(i))
        }));
    }
    let integers = integers(array)?;
    let mut set = HashSet::new();
    for value in values {
        match value {
            Scalar::Integer(value) => set.insert(*value),
            _ => return None,
        };
    }
    Some(BooleanBuffer::collect_bool(length, |i| {
        set.contains(&integers(i))
    }))
}

/// A LIKE pattern made ready.
enum LikePattern {
    Exact(String),
    Prefix(String),
    Suffix(String),
    Contains(String),
    General(Vec<LikePart>),
}

impl LikePattern {
    fn new(parts: &[LikePart]) -> LikePattern {
        let text = |parts: &[LikePart]| -> Option<String> {
            let character = |part: &LikePart| match part {
                LikePart::Character(c) => Some(*c),
                LikePart::AnyOne | LikePart::AnyText => None,
            };
            parts.iter().map(character).collect()
        };
        let simple = match parts {
            [LikePart::AnyText, middle @ .., LikePart::AnyText] => {
                text(middle).map(LikePattern::Contains)
            }
            [LikePart::AnyText, rest @ ..] => text(rest).map(LikePattern::Suffix),
            [rest @ .., LikePart::AnyText] => text(rest).map(LikePattern::Prefix),
            all => text(all).map(LikePattern::Exact),
        };
        simple.unwrap_or_else(|| LikePattern::General(parts.to_vec()))
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            LikePattern::Exact(pattern) => text == pattern,
            LikePattern::Prefix(prefix) => text.starts_with(prefix.as_str()),
            LikePattern::Suffix(suffix) => text.ends_with(suffix.as_str()),
            LikePattern::Contains(part) => text.contains(part.as_str()),
            LikePattern::General(parts) => matches_general(parts, text),
        }
    }
}

/// Greedy matching that goes back to the last `%` only: at most text times pattern steps.
fn matches_general(parts: &[LikePart], text: &str) -> bool {
    let mut rest = text.chars();
    let mut at = 0;
    let mut last_any: Option<(usize, std::str::Chars<'_>)> = None;
    loop {
        let mut ahead = rest.clone();
        let step = match (parts.get(at), ahead.next()) {
            (Some(LikePart::AnyText), _) => {
                last_any = Some((at, rest.clone()));
                at += 1;
                continue;
            }
            (None, None) => return true,
            (Some(LikePart::AnyOne), Some(_)) => true,
            (Some(LikePart::Character(c)), Some(next)) => *c == next,
            (_, None) => return false,
            (None, Some(_)) => false,
        };
        if step {
            rest = ahead;
            at += 1;
            continue;
        }
        // The last `%` takes one character more.
        let Some((any, from)) = &mut last_any else {
            return false;
        };
        if from.next().is_none() {
            return false;
        }
        at = *any + 1;
        rest = from.clone();
    }
}

/// Marks all rows but those of `deleted`, which are in order and below `length`.
pub(crate) fn all_but(length: usize, deleted: &[usize]) -> BooleanBuffer {
    let mut builder = BooleanBufferBuilder::new(length);
    builder.append_n(length, true);
    for row in deleted {
        builder.set_bit(*row, false);
    }
    builder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(pattern: &str, text: &str) -> bool {
        LikePattern::new(&like_parts(pattern, Some('\\')).unwrap()).matches(text)
    }

    #[test]
    fn like_patterns() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("%", "", true),
            ("%", "anything", true),
            ("a%", "abc", true),
            ("%c", "abc", true),
            ("%b%", "abc", true),
            ("_", "é", true),
            ("_", "🙂", true),
            ("__", "🙂", false),
            ("a_c", "abc", true),
            ("a\\_c", "abc", false),
            ("a\\_c", "a_c", true),
            ("\\%", "%", true),
            ("%a%b%c", "xxaxxbxxc", true),
            ("%a%b%c", "xxaxxbxxcx", false),
            ("%ab%ab_", "abaabab", false),
            ("%ab%ab_", "abaababx", true),
            ("a%", "a\nb", true),
        ] {
            assert_eq!(like(pattern, text), expected, "{pattern} {text}");
        }
        let many = "a".repeat(5000);
        assert!(!like("%a%a%a%a%a%a%a%a%b", &many));
    }
}
