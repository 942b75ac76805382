//! The row predicate computed for a batch, in three-valued logic: the tree is walked here, its
//! comparisons are `compare`'s and its patterns `like`'s.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, StringArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::kernels::boolean::{and_kleene, not, or_kleene};
use arrow::datatypes::DataType as ArrowType;

use lakeio_store::Result;

use crate::compare::{
    compare_columns, compare_literal, compare_values, compare_with, integers, surprise,
};
use crate::like::{like_parts, LikePattern};
use crate::predicate::{ColumnPath, CompareOp, Literal, Operand, Predicate};
use crate::scalar::Scalar;

/// Lists of more values than this are looked up in a set where their type allows.
const FEW_VALUES: usize = 8;

/// The rows of a batch, as far as a predicate sees them.
pub(crate) trait Rows {
    /// Number of rows.
    fn len(&self) -> usize;
    /// A top-level column in the table's type.
    fn column(&self, name: &str) -> Result<ArrayRef>;
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
        Predicate::Compare { op, left, right } => compare(*op, left, right, rows),
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
        } => like(&resolve(column, rows)?, pattern, *escape),
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

fn compare(
    op: CompareOp,
    left: &Operand,
    right: &Operand,
    rows: &dyn Rows,
) -> Result<BooleanArray> {
    match (left, right) {
        (Operand::Column(left), Operand::Column(right)) => {
            compare_columns(op, &resolve(left, rows)?, &resolve(right, rows)?)
        }
        (Operand::Column(column), Operand::Literal(literal)) => {
            compare_literal(op, &resolve(column, rows)?, literal.value.as_ref())
        }
        (Operand::Literal(literal), Operand::Column(column)) => compare_literal(
            op.flipped(),
            &resolve(column, rows)?,
            literal.value.as_ref(),
        ),
        (Operand::Literal(left), Operand::Literal(right)) => {
            let value = compare_values(op, left.value.as_ref(), right.value.as_ref())?;
            Ok(constant(value, rows.len()))
        }
    }
}

fn like(array: &ArrayRef, pattern: &str, escape: Option<char>) -> Result<BooleanArray> {
    let text: &StringArray = array.as_string_opt().ok_or_else(surprise)?;
    let pattern = LikePattern::new(&like_parts(pattern, escape)?);
    let matches = BooleanBuffer::collect_bool(text.len(), |row| {
        // The value under a NULL is some text, too.
        pattern.matches(text.value(row))
    });
    Ok(BooleanArray::new(matches, text.nulls().cloned()))
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

/// Marks all rows but those of `deleted`, which are in order and below `length`.
pub(crate) fn all_but(length: usize, deleted: &[usize]) -> BooleanBuffer {
    let mut builder = BooleanBufferBuilder::new(length);
    builder.append_n(length, true);
    for row in deleted {
        builder.set_bit(*row, false);
    }
    builder.finish()
}
