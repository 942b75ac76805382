//! Where each column of a scan comes from for one split: from the file, from the split (a partition
//! value), or from nowhere (NULL).

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::DataType as ArrowType;
use parquet::file::metadata::ParquetMetaData;

use lakeio_store::Result;

use crate::calendar::Calendars;
use crate::columns::{FileColumn, Matcher};
use crate::scalar::Scalar;
use crate::scan::Scan;
use crate::split::Split;
use crate::types::{DataType, Primitive};

/// Where a column of the scan's schema comes from.
pub(crate) enum Source {
    File(Arc<FileColumn>),
    Constant(Option<Scalar>, Primitive),
    Missing(ArrowType),
}

/// A column of the scan's schema.
pub(crate) struct Column {
    pub name: String,
    pub source: Source,
    pub in_predicate: bool,
    pub in_output: bool,
}

/// Visits the leaves of the file that the columns are read from.
pub(crate) fn for_each_leaf(columns: &[Column], visit: &mut impl FnMut(usize)) {
    for column in columns {
        if let Source::File(found) = &column.source {
            found.raw.for_each_leaf(&mut |leaf, _| visit(leaf));
        }
    }
}

/// The columns of the scan's schema that are given or compared, with where each comes from.
/// `check_text`: as in `ReadOptions`.
pub(crate) fn match_columns(
    scan: &Scan,
    split: &Split,
    metadata: &ParquetMetaData,
    check_text: bool,
) -> Result<Vec<Column>> {
    let mut in_predicate = BTreeSet::new();
    if let Some(predicate) = scan.predicate() {
        predicate.for_each_column(&mut |column| {
            in_predicate.insert(column.0[0].as_str());
        });
    }
    let schema = metadata.file_metadata().schema_descr();
    let calendars = Calendars::of(metadata.file_metadata());
    // What a predicate looks at must be text.
    let matcher = |check_text| Matcher::new(schema, scan.mapping(), &calendars, check_text);
    let [given, checked] = [matcher(check_text), matcher(true)];
    let matcher_of = |name: &str| match in_predicate.contains(name) {
        true => &checked,
        false => &given,
    };
    let partition = split.partition_scalars(scan)?;
    scan.schema()
        .iter()
        .filter(|field| {
            in_predicate.contains(field.name.as_str()) || scan.columns().contains(&field.name)
        })
        .map(|field| {
            let constant = scan
                .partition_columns()
                .iter()
                .position(|name| *name == field.name);
            let source = match (constant, &field.data_type) {
                (Some(index), DataType::Primitive(primitive)) => {
                    Source::Constant(partition[index].clone(), *primitive)
                }
                _ => match matcher_of(&field.name).column(schema, field)? {
                    Some(found) => Source::File(Arc::new(found)),
                    None => Source::Missing(field.data_type.arrow()),
                },
            };
            Ok(Column {
                name: field.name.clone(),
                source,
                in_predicate: in_predicate.contains(field.name.as_str()),
                in_output: scan.columns().contains(&field.name),
            })
        })
        .collect()
}
