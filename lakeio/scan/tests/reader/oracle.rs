//! Every table of `tests/data`, read through its splits, against what Spark read.

use crate::tables::{assert_same, golden, read_table, sorted, Unpacked};
use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use lakeio_log::ReadSpec;
use lakeio_scan::ReadOptions;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

fn regimes() -> Vec<(ReadOptions, u64)> {
    let ordinary = ReadOptions::default();
    let tiny = ReadOptions {
        batch_rows: 7,
        ..ordinary
    };
    let narrow = ReadOptions {
        batch_bytes: 1000,
        memory_bytes: 1,
        ..ordinary
    };
    vec![(ordinary, 0), (ordinary, 1), (tiny, 0), (narrow, 1)]
}

fn check(name: &str, key: &str) {
    let table = Unpacked::new(name);
    let expected = golden(name);
    for (options, target) in regimes() {
        let read = read_table(
            &table.location(),
            None,
            &ReadSpec::default(),
            options,
            target,
        );
        assert_same(&read, &expected, key, &format!("{name} {options:?}"));
    }
}

macro_rules! tables {
    ($($name:ident: $key:literal;)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name), $key);
        })*
    };
}

tables! {
    cdf: "id";
    cdf_dv: "id";
    ckpt_multipart: "id";
    clustered: "id";
    colmap: "id";
    colmap_id: "id";
    colmap_upgraded: "id";
    dv: "id";
    ict: "id";
    identity_default: "id";
    overwrite: "k";
    part: "id";
    part_types: "id";
    rowtrack: "id";
    typewiden: "id";
    uniform: "id";
    v2ckpt: "id";
    v2ckpt_parquet: "id";
}

#[test]
fn earlier_versions() {
    for (name, keys) in [
        ("ict", vec!["id"; 6]),
        ("overwrite", vec!["id", "id", "id", "k", "k"]),
    ] {
        let table = Unpacked::new(name);
        for (version, key) in keys.iter().enumerate() {
            let read = read_table(
                &table.location(),
                Some(version as u64),
                &ReadSpec::default(),
                ReadOptions::default(),
                0,
            );
            let name = format!("{name}_v{version}");
            assert_same(&read, &golden(&name), key, &name);
        }
    }
}

#[test]
fn variants() {
    for name in ["variant", "variant_shredded"] {
        let table = Unpacked::new(name);
        let expected = sorted(&golden(name), "id");
        for (options, target) in regimes() {
            let read = read_table(
                &table.location(),
                None,
                &ReadSpec::default(),
                options,
                target,
            );
            let read = sorted(&read, "id");
            assert_eq!(read.num_rows(), expected.num_rows());
            assert_eq!(
                read.schema().field(1).metadata()["spillway.type"],
                "variant"
            );
            let ids = read.column(0).as_primitive::<Int64Type>();
            let (v, st, av) = (read.column(1), read.column(2), read.column(3));
            let x = st.as_struct().column(0).clone();
            let elements = av.as_list::<i32>();
            let text = |name: &str| expected.column_by_name(name).unwrap().as_string::<i32>();
            let null = expected.column_by_name("v_sqlnull").unwrap().as_boolean();
            for row in 0..read.num_rows() {
                let id = ids.value(row);
                assert_eq!(v.is_null(row), null.value(row), "{name} {id}");
                let first = elements.value(row);
                for (read, column) in [
                    (v.as_string::<i32>().slice(row, 1), "v_json"),
                    (x.as_string::<i32>().slice(row, 1), "st_x_json"),
                    (first.as_string::<i32>().slice(0, 1), "av0_json"),
                ] {
                    let wanted = text(column).slice(row, 1);
                    assert_eq!(read, wanted, "{name} {id} {column}");
                }
                assert_eq!(first.len(), 2);
                assert!(first.is_null(1));
            }
        }
    }
}

#[test]
fn positions_are_those_of_the_file() {
    let table = Unpacked::new("dv");
    let spec = ReadSpec {
        columns: Some(vec!["id".into()]),
        row_position: true,
        ..ReadSpec::default()
    };
    let options = ReadOptions {
        batch_rows: 1000,
        ..ReadOptions::default()
    };
    let read = read_table(&table.location(), None, &spec, options, 1);
    let (ids, files, rows) = (
        read.column(0).as_primitive::<Int64Type>(),
        read.column(1).as_string::<i32>(),
        read.column(2).as_primitive::<Int64Type>(),
    );
    // What the Parquet crate itself finds at each position of each file.
    let mut plain = std::collections::HashMap::new();
    for row in 0..read.num_rows() {
        let stored = plain
            .entry(files.value(row).to_string())
            .or_insert_with_key(|path| {
                let file = std::fs::File::open(table.path().join(path)).unwrap();
                let reader = ParquetRecordBatchReaderBuilder::try_new(file)
                    .unwrap()
                    .build()
                    .unwrap();
                let ids = reader.map(|batch| batch.unwrap().column(0).clone());
                ids.flat_map(|ids| ids.as_primitive::<Int64Type>().values().to_vec())
                    .collect::<Vec<_>>()
            });
        assert_eq!(ids.value(row), stored[rows.value(row) as usize]);
    }
    assert_eq!(read.num_rows(), 98_959);
}

#[test]
fn columns_in_any_order_and_none_at_all() {
    let table = Unpacked::new("part");
    let expected = golden("part");
    let spec = ReadSpec {
        columns: Some(vec!["pd".into(), "id".into()]),
        ..ReadSpec::default()
    };
    let read = read_table(&table.location(), None, &spec, ReadOptions::default(), 0);
    assert_eq!(read.schema().field(0).name(), "pd");
    assert_same(&read, &expected, "id", "part pd id");
    let spec = ReadSpec {
        columns: Some(vec![]),
        ..ReadSpec::default()
    };
    let read = read_table(&table.location(), None, &spec, ReadOptions::default(), 0);
    assert_eq!((read.num_columns(), read.num_rows()), (0, 440));
}
