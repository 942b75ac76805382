//! Statistics of a file, gathered while it is written.

use std::cmp::Ordering;

use arrow::array::{make_comparator, Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Fields, Float32Type, Float64Type};

use crate::value_text::bound;

/// Leaf columns that statistics are gathered of, as other writers do.
const INDEXED: usize = 32;

/// The statistics of one file.
pub(crate) struct Gather {
    rows: u64,
    columns: Vec<Column>,
}

struct Column {
    name: String,
    kind: Kind,
}

enum Kind {
    Struct(Vec<Column>),
    Leaf(Leaf),
}

#[derive(Default)]
struct Leaf {
    nulls: u64,
    bounded: bool,
    /// One-row arrays with the least and the greatest value so far.
    low: Option<ArrayRef>,
    high: Option<ArrayRef>,
}

impl Gather {
    pub(crate) fn new(fields: &Fields) -> Self {
        let mut left = INDEXED;
        Gather {
            rows: 0,
            columns: columns_of(fields, &mut left),
        }
    }

    pub(crate) fn add(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        for column in &mut self.columns {
            if let Some(values) = batch.column_by_name(&column.name) {
                column.add(values, &vec![true; batch.num_rows()]);
            }
        }
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// The statistics' JSON text.
    pub(crate) fn text(&self) -> String {
        let object = |f: &dyn Fn(&Leaf) -> Option<String>| members(&self.columns, f);
        format!(
            "{{\"numRecords\":{},\"minValues\":{},\"maxValues\":{},\"nullCount\":{}}}",
            self.rows,
            object(&|leaf| bound(leaf.low.as_deref()?, 0, false)),
            object(&|leaf| bound(leaf.high.as_deref()?, 0, true)),
            object(&|leaf| Some(leaf.nulls.to_string())),
        )
    }
}

fn columns_of(fields: &Fields, left: &mut usize) -> Vec<Column> {
    let mut columns = Vec::new();
    for field in fields {
        let kind = match field.data_type() {
            DataType::Struct(children) => Kind::Struct(columns_of(children, left)),
            data_type => {
                if *left == 0 {
                    continue;
                }
                *left -= 1;
                let bounded = !matches!(
                    data_type,
                    DataType::Boolean
                        | DataType::Binary
                        | DataType::List(_)
                        | DataType::Map(..)
                        | DataType::Null
                );
                Kind::Leaf(Leaf {
                    bounded,
                    ..Leaf::default()
                })
            }
        };
        columns.push(Column {
            name: field.name().clone(),
            kind,
        });
    }
    columns
}

fn members(columns: &[Column], f: &dyn Fn(&Leaf) -> Option<String>) -> String {
    let parts: Vec<String> = columns
        .iter()
        .filter_map(|column| {
            let value = match &column.kind {
                Kind::Struct(children) => members(children, f),
                Kind::Leaf(leaf) => f(leaf)?,
            };
            let name = serde_json::Value::String(column.name.clone());
            Some(format!("{name}:{value}"))
        })
        .collect();
    format!("{{{}}}", parts.join(","))
}

impl Column {
    /// Adds values; `present` tells in which rows all parents are there.
    fn add(&mut self, values: &ArrayRef, present: &[bool]) {
        match &mut self.kind {
            Kind::Struct(children) => {
                let Some(parent) = values.as_struct_opt() else {
                    return;
                };
                let present: Vec<bool> = present
                    .iter()
                    .enumerate()
                    .map(|(i, p)| *p && parent.is_valid(i))
                    .collect();
                for child in children {
                    if let Some(values) = parent.column_by_name(&child.name) {
                        child.add(values, &present);
                    }
                }
            }
            Kind::Leaf(leaf) => leaf.add(values, present),
        }
    }
}

impl Leaf {
    fn add(&mut self, values: &ArrayRef, present: &[bool]) {
        let there = |i: usize| present[i] && values.is_valid(i);
        self.nulls += (0..values.len()).filter(|i| !there(*i)).count() as u64;
        if !self.bounded {
            return;
        }
        if has_nan(values) {
            // NaN has no place in JSON, and bounds without it would be wrong.
            self.bounded = false;
            self.low = None;
            self.high = None;
            return;
        }
        let Ok(compare) = make_comparator(values.as_ref(), values.as_ref(), SortOptions::default())
        else {
            self.bounded = false;
            return;
        };
        let (mut low, mut high): (Option<usize>, Option<usize>) = (None, None);
        for row in (0..values.len()).filter(|row| there(*row)) {
            if low.is_none_or(|low| compare(row, low) == Ordering::Less) {
                low = Some(row);
            }
            if high.is_none_or(|high| compare(row, high) == Ordering::Greater) {
                high = Some(row);
            }
        }
        replace(&mut self.low, values, low, Ordering::Less);
        replace(&mut self.high, values, high, Ordering::Greater);
    }
}

/// Replaces the value kept by that of `row` when it is beyond it in the direction `wanted`.
fn replace(kept: &mut Option<ArrayRef>, values: &ArrayRef, row: Option<usize>, wanted: Ordering) {
    let Some(row) = row else { return };
    let candidate = values.slice(row, 1);
    let better = match kept {
        None => true,
        Some(kept) => make_comparator(candidate.as_ref(), kept.as_ref(), SortOptions::default())
            .is_ok_and(|compare| compare(0, 0) == wanted),
    };
    if better {
        // A copy, so that the batch is not kept.
        *kept = arrow::compute::take(candidate.as_ref(), &UInt32Array::from(vec![0]), None).ok();
    }
}

fn has_nan(values: &ArrayRef) -> bool {
    let any = |mut it: Box<dyn Iterator<Item = bool> + '_>| it.any(|nan| nan);
    match values.data_type() {
        DataType::Float32 => {
            let column = values.as_primitive::<Float32Type>();
            any(Box::new(column.iter().map(|v| v.is_some_and(f32::is_nan))))
        }
        DataType::Float64 => {
            let column = values.as_primitive::<Float64Type>();
            any(Box::new(column.iter().map(|v| v.is_some_and(f64::is_nan))))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float64Array, Int64Array, StringArray, StructArray};
    use arrow::buffer::NullBuffer;
    use arrow::datatypes::Field;
    use std::sync::Arc;

    #[test]
    fn statistics_of_two_batches() {
        let batch = |ids: Vec<Option<i64>>, floats: Vec<f64>| {
            let valid = NullBuffer::from_iter(ids.iter().map(Option::is_some));
            let inner: ArrayRef = Arc::new(StringArray::from_iter_values(
                ids.iter().map(|id| format!("t{}", id.unwrap_or(0))),
            ));
            let fields = Fields::from(vec![Field::new("t", DataType::Utf8, true)]);
            RecordBatch::try_from_iter(vec![
                ("id", Arc::new(Int64Array::from(ids)) as ArrayRef),
                ("f", Arc::new(Float64Array::from(floats)) as ArrayRef),
                (
                    "s",
                    Arc::new(StructArray::new(fields, vec![inner], Some(valid))) as ArrayRef,
                ),
            ])
            .unwrap()
        };
        let first = batch(vec![Some(5), None], vec![0.5, -1.5]);
        let mut gather = Gather::new(first.schema().fields());
        gather.add(&first);
        gather.add(&batch(vec![Some(-7), Some(9)], vec![2.0, 1.0]));
        assert_eq!(
            gather.text(),
            r#"{"numRecords":4,"minValues":{"id":-7,"f":-1.5,"s":{"t":"t-7"}},"maxValues":{"id":9,"f":2.0,"s":{"t":"t9"}},"nullCount":{"id":1,"f":0,"s":{"t":1}}}"#
        );
        gather.add(&batch(vec![Some(1)], vec![f64::NAN]));
        assert!(!gather.text().contains("-1.5"), "{}", gather.text());
    }
}
