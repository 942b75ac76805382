//! Every way in which a file may store a table's type, and every way in which it may not.

use std::sync::Arc;

use crate::files::{array, column, map, structure, OneFile};
use arrow::array::*;
use arrow::datatypes::*;
use lakeio_scan::MappingMode;
use lakeio_store::{Class, Error, Runtime};
use parquet::basic::{Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::data_type as raw;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterVersion};
use serde_json::{json, Value};

fn runtime() -> Runtime {
    Runtime::with_defaults().unwrap()
}

fn plain() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .build()
}

/// A file of one optional leaf `x` of the given Parquet type; none is NULL.
fn one_leaf<T: raw::DataType>(leaf: &str, values: &[Option<T::T>], kind: Value) -> OneFile {
    one_leaf_with::<T>(leaf, values, kind, plain())
}

fn one_leaf_with<T: raw::DataType>(
    leaf: &str,
    values: &[Option<T::T>],
    kind: Value,
    properties: WriterProperties,
) -> OneFile {
    let file = OneFile::new(vec![column("x", kind)]);
    file.write_parquet(
        &format!("message m {{ optional {leaf}; }}"),
        properties,
        |group| {
            let levels: Vec<i16> = values.iter().map(|v| i16::from(v.is_some())).collect();
            let present: Vec<T::T> = values.iter().flatten().cloned().collect();
            let mut writer = group.next_column().unwrap().unwrap();
            writer
                .typed::<T>()
                .write_batch(&present, Some(&levels), None)
                .unwrap();
            writer.close().unwrap();
        },
    );
    file
}

fn read(file: &OneFile) -> ArrayRef {
    file.read(&runtime())
        .unwrap_or_else(|e| panic!("{e:?}"))
        .column(0)
        .clone()
}

fn fails(file: &OneFile) -> Error {
    file.read(&runtime()).unwrap_err()
}

fn micros(values: Vec<Option<i64>>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
}

fn decimals(values: Vec<Option<i128>>, precision: u8, scale: i8) -> ArrayRef {
    Arc::new(
        Decimal128Array::from(values)
            .with_precision_and_scale(precision, scale)
            .unwrap(),
    )
}

#[test]
fn integers_of_every_width() {
    let values = [Some(-128), None, Some(127)];
    let of = |leaf: &str, kind: &str| read(&one_leaf::<raw::Int32Type>(leaf, &values, json!(kind)));
    for leaf in ["int32 x", "int32 x (INTEGER(8,true))", "int32 x (INT_16)"] {
        assert_eq!(
            *of(leaf, "byte").as_primitive(),
            Int8Array::from(vec![Some(-128), None, Some(127)])
        );
        assert_eq!(
            *of(leaf, "short").as_primitive(),
            Int16Array::from(vec![Some(-128), None, Some(127)])
        );
        assert_eq!(
            *of(leaf, "integer").as_primitive(),
            Int32Array::from(vec![Some(-128), None, Some(127)])
        );
        assert_eq!(
            *of(leaf, "long").as_primitive(),
            Int64Array::from(vec![Some(-128), None, Some(127)])
        );
        assert_eq!(
            *of(leaf, "double").as_primitive(),
            Float64Array::from(vec![Some(-128.0), None, Some(127.0)])
        );
        assert_eq!(
            of(leaf, "decimal(5,2)").to_data(),
            decimals(vec![Some(-12800), None, Some(12700)], 5, 2).to_data()
        );
    }
    let wide = one_leaf::<raw::Int32Type>("int32 x", &[Some(128)], json!("byte"));
    assert_eq!(fails(&wide).class(), Class::DataFileCorrupt);
    let wide = one_leaf::<raw::Int32Type>("int32 x", &[Some(1000)], json!("decimal(5,2)"));
    assert_eq!(fails(&wide).class(), Class::DataFileCorrupt);
    let wide = one_leaf::<raw::Int64Type>("int64 x", &[Some((1 << 53) + 1)], json!("double"));
    assert!(fails(&wide).message().contains("9007199254740993"));
    let text = one_leaf::<raw::Int64Type>("int64 x", &[Some(1)], json!("string"));
    assert!(fails(&text).message().contains("integer for string"));
}

#[test]
fn unsigned_integers() {
    let values = [Some(-1), Some(1)];
    let of = |leaf: &str, kind: &str| one_leaf::<raw::Int32Type>(leaf, &values, json!(kind));
    let long = read(&of("int32 x (INTEGER(32,false))", "long"));
    assert_eq!(
        *long.as_primitive(),
        Int64Array::from(vec![u32::MAX.into(), 1i64])
    );
    assert_eq!(
        fails(&of("int32 x (UINT_32)", "integer")).class(),
        Class::DataFileCorrupt
    );
    let values = [Some(-1i64), None];
    let file = one_leaf::<raw::Int64Type>("int64 x (UINT_64)", &values, json!("decimal(20,0)"));
    assert_eq!(
        read(&file).to_data(),
        decimals(vec![Some(u64::MAX.into()), None], 20, 0).to_data()
    );
}

#[test]
fn decimals_in_every_physical_type() {
    let target = json!("decimal(20,4)");
    let expected = decimals(vec![Some(-12300), None, Some(50000)], 20, 4);
    let ints = [Some(-123), None, Some(500)];
    let int32 = one_leaf::<raw::Int32Type>("int32 x (DECIMAL(9,2))", &ints, target.clone());
    assert_eq!(read(&int32).to_data(), expected.to_data());
    let longs = [Some(-123), None, Some(500)];
    let int64 = one_leaf::<raw::Int64Type>("int64 x (DECIMAL(18,2))", &longs, target.clone());
    assert_eq!(read(&int64).to_data(), expected.to_data());
    let bytes = |v: i64, n: usize| v.to_be_bytes()[8 - n..].to_vec();
    let values = [
        Some(raw::ByteArray::from(bytes(-123, 1))),
        None,
        Some(bytes(500, 3).into()),
    ];
    let binary =
        one_leaf::<raw::ByteArrayType>("binary x (DECIMAL(10,2))", &values, target.clone());
    assert_eq!(read(&binary).to_data(), expected.to_data());
    let values: Vec<_> = [Some(-123), None, Some(500)]
        .map(|v: Option<i64>| v.map(|v| raw::FixedLenByteArray::from(bytes(v, 5))))
        .to_vec();
    let fixed = one_leaf::<raw::FixedLenByteArrayType>(
        "fixed_len_byte_array(5) x (DECIMAL(10,2))",
        &values,
        target,
    );
    assert_eq!(read(&fixed).to_data(), expected.to_data());
    // Fewer digits after the point only where they are zeros.
    let narrower =
        one_leaf::<raw::Int32Type>("int32 x (DECIMAL(9,2))", &ints, json!("decimal(9,1)"));
    assert_eq!(fails(&narrower).class(), Class::DataFileCorrupt);
    let narrower = one_leaf::<raw::Int32Type>(
        "int32 x (DECIMAL(9,2))",
        &[Some(500)],
        json!("decimal(9,1)"),
    );
    assert_eq!(
        read(&narrower).to_data(),
        decimals(vec![Some(50)], 9, 1).to_data()
    );
    let overflow = one_leaf::<raw::Int64Type>(
        "int64 x (DECIMAL(18,2))",
        &[Some(1000)],
        json!("decimal(3,2)"),
    );
    assert_eq!(fails(&overflow).class(), Class::DataFileCorrupt);
}

#[test]
fn timestamps_in_every_unit() {
    let of = |leaf: &str, value: i64, kind: &str| {
        one_leaf::<raw::Int64Type>(leaf, &[Some(value), None], json!(kind))
    };
    let millis = of("int64 x (TIMESTAMP(MILLIS,true))", -1, "timestamp");
    assert_eq!(
        read(&millis).to_data(),
        micros(vec![Some(-1000), None]).to_data()
    );
    let millis = of(
        "int64 x (TIMESTAMP_MILLIS)",
        i64::MAX / 1000 + 1,
        "timestamp",
    );
    assert_eq!(fails(&millis).class(), Class::DataFileCorrupt);
    let plain = of("int64 x (TIMESTAMP_MICROS)", i64::MIN, "timestamp");
    assert_eq!(
        read(&plain).to_data(),
        micros(vec![Some(i64::MIN), None]).to_data()
    );
    // Cut towards the past, as INT96 is.
    let nanos = of("int64 x (TIMESTAMP(NANOS,true))", -1, "timestamp");
    assert_eq!(
        read(&nanos).to_data(),
        micros(vec![Some(-1), None]).to_data()
    );
    let local = of("int64 x (TIMESTAMP(MICROS,false))", 5, "timestamp_ntz");
    assert_eq!(
        *read(&local).as_primitive(),
        TimestampMicrosecondArray::from(vec![Some(5), None])
    );
    let local = of("int64 x (TIMESTAMP(MICROS,false))", 5, "timestamp");
    assert_eq!(
        read(&local).to_data(),
        micros(vec![Some(5), None]).to_data()
    );
    let zoned = of("int64 x (TIMESTAMP(MICROS,true))", 5, "timestamp_ntz");
    assert_eq!(fails(&zoned).class(), Class::DataFileCorrupt);
    let bare = of("int64 x", 5, "timestamp");
    assert_eq!(fails(&bare).class(), Class::DataFileCorrupt);
    let time = of("int64 x (TIME(MICROS,true))", 5, "long");
    assert_eq!(fails(&time).class(), Class::UnsupportedDataFile);
}

fn int96(days_since_1970: i64, nanos: i64) -> raw::Int96 {
    let mut value = raw::Int96::new();
    let day = (days_since_1970 + 2_440_588) as u32;
    value.set_data(nanos as u32, (nanos >> 32) as u32, day);
    value
}

fn spark(version: &str, more: &[(&str, &str)]) -> WriterProperties {
    let mut pairs = vec![KeyValue::new(
        "org.apache.spark.version".into(),
        version.to_string(),
    )];
    pairs.extend(
        more.iter()
            .map(|(k, v)| KeyValue::new(k.to_string(), v.to_string())),
    );
    WriterProperties::builder()
        .set_created_by("parquet-mr version 1.10.1".into())
        .set_key_value_metadata(Some(pairs))
        .build()
}

#[test]
fn int96_over_its_whole_range() {
    let values = [
        Some(int96(-719_162, 0)),
        None,
        Some(int96(2_932_896, 86_399_999_999_999)),
        Some(int96(-1, 1_999)),
    ];
    let file = one_leaf::<raw::Int96Type>("int96 x", &values, json!("timestamp"));
    let expected = vec![
        Some(-719_162 * 86_400_000_000),
        None,
        Some(2_932_896 * 86_400_000_000 + 86_399_999_999),
        Some(-86_400_000_000 + 1),
    ];
    assert_eq!(read(&file).to_data(), micros(expected).to_data());
    let far = one_leaf::<raw::Int96Type>(
        "int96 x",
        &[Some(int96(200_000_000, 0))],
        json!("timestamp"),
    );
    assert_eq!(fails(&far).class(), Class::DataFileCorrupt);
}

#[test]
fn dates_of_the_legacy_calendar() {
    let days = [
        Some(-719_164),
        None,
        Some(-141_428),
        Some(-141_427),
        Some(0),
    ];
    let of = |properties| {
        one_leaf_with::<raw::Int32Type>("int32 x (DATE)", &days, json!("date"), properties)
    };
    let date = |values: Vec<Option<i32>>| Date32Array::from(values);
    let as_they_are = date(days.to_vec());
    let rebased = date(vec![
        Some(-719_162),
        None,
        Some(-141_438),
        Some(-141_427),
        Some(0),
    ]);
    assert_eq!(*read(&of(spark("3.5.1", &[]))).as_primitive(), as_they_are);
    assert_eq!(*read(&of(spark("2.4.8", &[]))).as_primitive(), rebased);
    let key = ("org.apache.spark.legacyDateTime", "");
    assert_eq!(*read(&of(spark("3.5.1", &[key]))).as_primitive(), rebased);
    assert_eq!(*read(&of(plain())).as_primitive(), as_they_are);
    let hive = WriterProperties::builder()
        .set_created_by("parquet-mr version 1.8.1".into())
        .build();
    let error = fails(&of(hive));
    assert_eq!(error.class().name(), "UNSUPPORTED_LEGACY_CALENDAR");
    assert_eq!(error.details()[0], ("column".to_string(), "x".to_string()));
}

#[test]
fn timestamps_of_the_legacy_calendar() {
    let day = 86_400_000_000i64;
    let of = |value: i64, properties| {
        let leaf = "int64 x (TIMESTAMP_MICROS)";
        one_leaf_with::<raw::Int64Type>(leaf, &[Some(value)], json!("timestamp"), properties)
    };
    let utc = ("org.apache.spark.timeZone", "UTC");
    let legacy = ("org.apache.spark.legacyDateTime", "");
    let old = -719_164 * day + 7;
    let rebased = micros(vec![Some(-719_162 * day + 7)]);
    assert_eq!(
        read(&of(old, spark("3.1.0", &[legacy, utc]))).to_data(),
        rebased.to_data()
    );
    assert_eq!(
        read(&of(old, spark("3.1.0", &[]))).to_data(),
        micros(vec![Some(old)]).to_data()
    );
    let unknown = fails(&of(old, spark("2.4.8", &[])));
    assert_eq!(unknown.class(), Class::UnsupportedCalendar);
    let berlin = ("org.apache.spark.timeZone", "Europe/Berlin");
    assert_eq!(
        fails(&of(
            -2_208_988_800_000_001,
            spark("3.1.0", &[legacy, berlin])
        ))
        .class(),
        Class::UnsupportedCalendar
    );
    let new = -2_208_988_800_000_000;
    assert_eq!(
        read(&of(new, spark("2.4.8", &[]))).to_data(),
        micros(vec![Some(new)]).to_data()
    );
    let int96_of = |properties| {
        let values = [Some(int96(-719_164, 7_000))];
        one_leaf_with::<raw::Int96Type>("int96 x", &values, json!("timestamp"), properties)
    };
    assert_eq!(
        read(&int96_of(spark("3.0.0", &[utc]))).to_data(),
        rebased.to_data()
    );
    assert_eq!(
        fails(&int96_of(spark("3.0.0", &[]))).class(),
        Class::UnsupportedCalendar
    );
    assert_eq!(
        read(&int96_of(spark("3.1.0", &[]))).to_data(),
        micros(vec![Some(old)]).to_data()
    );
}

#[test]
fn dates_widened_to_timestamps() {
    let file =
        one_leaf::<raw::Int32Type>("int32 x (DATE)", &[Some(-1), None], json!("timestamp_ntz"));
    let expected = TimestampMicrosecondArray::from(vec![Some(-86_400_000_000), None]);
    assert_eq!(*read(&file).as_primitive(), expected);
    let far =
        one_leaf::<raw::Int32Type>("int32 x (DATE)", &[Some(i32::MAX)], json!("timestamp_ntz"));
    assert_eq!(fails(&far).class(), Class::DataFileCorrupt);
}

#[test]
fn text_and_bytes() {
    let values = [Some("é".into()), None, Some("".into())];
    for leaf in [
        "binary x (STRING)",
        "binary x (UTF8)",
        "binary x",
        "binary x (ENUM)",
        "binary x (JSON)",
    ] {
        let text = one_leaf::<raw::ByteArrayType>(leaf, &values, json!("string"));
        assert_eq!(
            *read(&text).as_string::<i32>(),
            StringArray::from(vec![Some("é"), None, Some("")])
        );
        let bytes = one_leaf::<raw::ByteArrayType>(leaf, &values, json!("binary"));
        assert_eq!(
            *read(&bytes).as_binary::<i32>(),
            BinaryArray::from(vec![Some("é".as_bytes()), None, Some(b"")])
        );
    }
    let bad = [Some(vec![b'a'].into()), Some(vec![0xff].into())];
    let error = fails(&one_leaf::<raw::ByteArrayType>(
        "binary x (STRING)",
        &bad,
        json!("string"),
    ));
    assert_eq!(error.class(), Class::CharacterNotInRepertoire);
    assert!(error.message().contains("UTF-8") && error.message().ends_with("column x"));
    assert!(error.object().ends_with("part.parquet"));
    let fixed = [Some(raw::FixedLenByteArray::from(vec![1u8, 2, 3])), None];
    let fixed = one_leaf::<raw::FixedLenByteArrayType>(
        "fixed_len_byte_array(3) x",
        &fixed,
        json!("binary"),
    );
    assert_eq!(
        *read(&fixed).as_binary::<i32>(),
        BinaryArray::from(vec![Some(&[1u8, 2, 3][..]), None])
    );
}

#[test]
fn a_column_of_nulls_only_reads_as_any_type() {
    for kind in ["string", "timestamp", "decimal(3,1)", "boolean"] {
        let file = one_leaf::<raw::Int32Type>("int32 x (UNKNOWN)", &[None, None], json!(kind));
        assert_eq!(read(&file).null_count(), 2);
    }
}

#[test]
fn names_that_differ_in_case_only() {
    let values = [Some(1)];
    let file = one_leaf::<raw::Int32Type>("int32 X", &values, json!("integer"));
    assert_eq!(*read(&file).as_primitive(), Int32Array::from(vec![1]));
    let mut mapped = one_leaf::<raw::Int32Type>("int32 X", &values, json!("integer"));
    mapped.mapping = MappingMode::Name;
    assert_eq!(read(&mapped).null_count(), 1);
}

#[test]
fn old_forms_of_lists() {
    // Elements 1 and 2 in the first row, none in the second, 3 in the third.
    for (message, definition, element) in [
        (
            "optional group x (LIST) { repeated int32 element; }",
            [2, 2, 1, 2],
            json!("integer"),
        ),
        ("repeated int32 x;", [1, 1, 0, 1], json!("integer")),
        (
            "optional group x (LIST) { repeated group array { required int32 y; } }",
            [2, 2, 1, 2],
            structure(vec![column("y", json!("integer"))]),
        ),
        (
            "optional group x (LIST) { repeated group x_tuple { required int32 y; } }",
            [2, 2, 1, 2],
            structure(vec![column("y", json!("integer"))]),
        ),
        (
            "optional group x (LIST) { repeated group bag { required int32 y; } }",
            [2, 2, 1, 2],
            json!("integer"),
        ),
        (
            "optional group x (LIST) { repeated group list { optional int32 element; } }",
            [3, 3, 1, 3],
            json!("integer"),
        ),
    ] {
        let file = OneFile::new(vec![column("x", array(element.clone()))]);
        file.write_parquet(&format!("message m {{ {message} }}"), plain(), |group| {
            let mut writer = group.next_column().unwrap().unwrap();
            writer
                .typed::<raw::Int32Type>()
                .write_batch(&[1, 2, 3], Some(&definition), Some(&[0, 1, 0, 0]))
                .unwrap();
            writer.close().unwrap();
        });
        let lists = read(&file);
        let lists = lists.as_list::<i32>();
        assert_eq!(lists.value_offsets(), [0, 2, 2, 3], "{message}");
        assert_eq!(lists.null_count(), 0);
        let values = match element.is_string() {
            true => lists.values().clone(),
            false => lists.values().as_struct().column(0).clone(),
        };
        assert_eq!(
            *values.as_primitive(),
            Int32Array::from(vec![1, 2, 3]),
            "{message}"
        );
    }
}

#[test]
fn a_struct_whose_fields_are_all_new() {
    let inner = structure(vec![column("new", array(json!("string")))]);
    let file = OneFile::new(vec![
        column("st", inner.clone()),
        column("list", array(inner.clone())),
        column("map", map(json!("string"), inner)),
    ]);
    let old = |values: Vec<Option<i32>>| Arc::new(Int32Array::from(values)) as ArrayRef;
    let old_field = Arc::new(Field::new("old", DataType::Int32, true));
    let structs = StructArray::new(
        Fields::from(vec![old_field.clone()]),
        vec![old(vec![Some(1), None, None])],
        Some(vec![true, true, false].into()),
    );
    let items = StructArray::new(
        Fields::from(vec![old_field.clone()]),
        vec![old(vec![Some(1), None])],
        Some(vec![true, false].into()),
    );
    let lists = ListArray::new(
        Arc::new(Field::new("element", items.data_type().clone(), true)),
        arrow::buffer::OffsetBuffer::new(vec![0, 2, 2, 2].into()),
        Arc::new(items.clone()),
        Some(vec![true, true, false].into()),
    );
    let entries = StructArray::from(vec![
        (
            Arc::new(Field::new("key", DataType::Utf8, false)),
            Arc::new(StringArray::from(vec!["a", "b"])) as ArrayRef,
        ),
        (
            Arc::new(Field::new("value", items.data_type().clone(), true)),
            Arc::new(items) as ArrayRef,
        ),
    ]);
    let maps = MapArray::new(
        Arc::new(Field::new("entries", entries.data_type().clone(), false)),
        arrow::buffer::OffsetBuffer::new(vec![0, 2, 2, 2].into()),
        entries,
        Some(vec![true, true, false].into()),
        false,
    );
    file.write_arrow(
        vec![
            ("st", Arc::new(structs)),
            ("list", Arc::new(lists)),
            ("map", Arc::new(maps)),
        ],
        plain(),
    );
    let read = file.read(&runtime()).unwrap();
    let valid = |array: &dyn Array| {
        (0..array.len())
            .map(|i| array.is_valid(i))
            .collect::<Vec<_>>()
    };
    let structs = read.column(0).as_struct();
    assert_eq!(valid(structs), [true, true, false]);
    assert_eq!(structs.column(0).null_count(), 3);
    let lists = read.column(1).as_list::<i32>();
    assert_eq!(
        (lists.value_offsets(), valid(lists)),
        (&[0, 2, 2, 2][..], vec![true, true, false])
    );
    assert_eq!(valid(lists.values()), [true, false]);
    let maps = read.column(2).as_map();
    assert_eq!(
        (maps.value_offsets(), valid(maps)),
        (&[0, 2, 2, 2][..], vec![true, true, false])
    );
    assert_eq!(valid(maps.values()), [true, false]);
    assert_eq!(
        *maps.keys().as_string::<i32>(),
        StringArray::from(vec!["a", "b"])
    );
}

#[test]
fn nested_types_of_any_nullability_are_what_the_plain_reader_reads() {
    // list<struct<list<map<string, struct<decimal>>>>>, with NULLs and empty ones at each level.
    let mut random = crate::files::Random(7);
    let decimal = DataType::Decimal128(10, 2);
    let leaf = Fields::from(vec![Field::new("d", decimal.clone(), true)]);
    let mut builder = ListBuilder::new(StructBuilder::new(
        Fields::from(vec![Field::new(
            "m",
            DataType::List(Arc::new(Field::new(
                "item",
                DataType::Map(
                    Arc::new(Field::new(
                        "entries",
                        DataType::Struct(Fields::from(vec![
                            Field::new("key", DataType::Utf8, false),
                            Field::new("value", DataType::Struct(leaf.clone()), true),
                        ])),
                        false,
                    )),
                    false,
                ),
                true,
            ))),
            true,
        )]),
        vec![Box::new(ListBuilder::new(MapBuilder::new(
            None,
            StringBuilder::new(),
            StructBuilder::new(
                leaf.clone(),
                vec![Box::new(Decimal128Builder::new().with_data_type(decimal))],
            ),
        )))],
    ));
    for _ in 0..500 {
        for _ in 0..random.below(4) {
            let structs = builder.values();
            let lists: &mut ListBuilder<MapBuilder<StringBuilder, StructBuilder>> =
                structs.field_builder(0).unwrap();
            for _ in 0..random.below(3) {
                let maps = lists.values();
                for key in 0..random.below(3) {
                    maps.keys().append_value(format!("k{key}"));
                    let value = maps.values();
                    let number: &mut Decimal128Builder = value.field_builder(0).unwrap();
                    match random.below(3) {
                        0 => number.append_null(),
                        n => number.append_value(i128::from(n) * 100 - 150),
                    }
                    value.append(random.below(4) > 0);
                }
                maps.append(random.below(4) > 0).unwrap();
            }
            lists.append(random.below(4) > 0);
            structs.append(random.below(4) > 0);
        }
        builder.append(random.below(4) > 0);
    }
    let written: ArrayRef = Arc::new(builder.finish());
    let kind = array(structure(vec![column(
        "m",
        array(map(
            json!("string"),
            structure(vec![column("d", json!("decimal(10,2)"))]),
        )),
    )]));
    let mut file = OneFile::new(vec![column("x", kind)]);
    file.options.batch_rows = 33;
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(100))
        .set_data_page_row_count_limit(13)
        .set_write_batch_size(7)
        .build();
    file.write_arrow(vec![("x", written.clone())], properties);
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(
        std::fs::File::open(file.path()).unwrap(),
    );
    let batches: Vec<_> = reader
        .unwrap()
        .build()
        .unwrap()
        .map(|b| b.unwrap())
        .collect();
    let plain = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
    let text = |array: &ArrayRef| {
        let options = arrow::util::display::FormatOptions::default().with_null("∅");
        let formatter = arrow::util::display::ArrayFormatter::try_new(array, &options).unwrap();
        (0..array.len())
            .map(|row| formatter.value(row).to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(text(&read(&file)), text(plain.column(0)));
}

#[test]
fn every_compression_encoding_and_page_version() {
    let rows = 20_000;
    let mut random = crate::files::Random(3);
    let mut numbers = || -> Vec<u64> { (0..rows).map(|_| random.next() >> 40).collect() };
    let longs: ArrayRef = Arc::new(Int64Array::from_iter(
        numbers()
            .into_iter()
            .map(|v| (v % 7 != 0).then_some(v as i64)),
    ));
    let ints: ArrayRef = Arc::new(Int32Array::from_iter_values(
        numbers().into_iter().map(|v| v as i32),
    ));
    let doubles: ArrayRef = Arc::new(Float64Array::from_iter_values(
        numbers().into_iter().map(|v| v as f64 / 3.0),
    ));
    let texts: ArrayRef = Arc::new(StringArray::from_iter(
        numbers()
            .into_iter()
            .map(|v| (v % 5 != 0).then(|| format!("prefix-{v}"))),
    ));
    let flags: ArrayRef = Arc::new(BooleanArray::from_iter(
        numbers()
            .into_iter()
            .map(|v| (v % 11 != 0).then_some(v % 2 == 0)),
    ));
    let columns = || {
        vec![
            ("longs", longs.clone()),
            ("ints", ints.clone()),
            ("doubles", doubles.clone()),
            ("texts", texts.clone()),
            ("flags", flags.clone()),
        ]
    };
    let check = |what: &str, builder: parquet::file::properties::WriterPropertiesBuilder| {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            let mut file = OneFile::new(vec![
                column("longs", json!("long")),
                column("ints", json!("integer")),
                column("doubles", json!("double")),
                column("texts", json!("string")),
                column("flags", json!("boolean")),
            ]);
            file.options.batch_rows = 999;
            let properties = builder
                .clone()
                .set_writer_version(version)
                .set_data_page_size_limit(5000)
                .set_max_row_group_row_count(Some(7777))
                .build();
            file.write_arrow(columns(), properties);
            let read = file
                .read(&runtime())
                .unwrap_or_else(|e| panic!("{what} {e:?}"));
            for (index, (name, column)) in columns().into_iter().enumerate() {
                assert_eq!(
                    read.column(index).to_data(),
                    column.to_data(),
                    "{what} {name}"
                );
            }
        }
    };
    let builder = WriterProperties::builder;
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(Default::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        check(
            &format!("{compression:?}"),
            builder().set_compression(compression),
        );
    }
    let path = parquet::schema::types::ColumnPath::from;
    check(
        "delta",
        builder()
            .set_dictionary_enabled(false)
            .set_column_encoding(path("longs"), Encoding::DELTA_BINARY_PACKED)
            .set_column_encoding(path("ints"), Encoding::DELTA_BINARY_PACKED)
            .set_column_encoding(path("doubles"), Encoding::BYTE_STREAM_SPLIT)
            .set_column_encoding(path("texts"), Encoding::DELTA_BYTE_ARRAY)
            .set_column_encoding(path("flags"), Encoding::RLE),
    );
    check(
        "delta length",
        builder()
            .set_dictionary_enabled(false)
            .set_column_encoding(path("texts"), Encoding::DELTA_LENGTH_BYTE_ARRAY)
            .set_column_encoding(path("longs"), Encoding::BYTE_STREAM_SPLIT),
    );
}

#[test]
fn partition_values_of_every_type() {
    let mut file = OneFile::new(vec![
        column("x", json!("integer")),
        column("ts", json!("timestamp")),
        column("dec", json!("decimal(5,2)")),
        column("bin", json!("binary")),
        column("f", json!("float")),
        column("s", json!("string")),
    ]);
    file.write_arrow(vec![("x", Arc::new(Int32Array::from(vec![1, 2])))], plain());
    let value = |name: &str, text: &str| (name.to_string(), Some(text.to_string()));
    file.partition = vec![
        value("ts", "2024-03-10 02:30:00.5"),
        value("dec", "-1.5"),
        value("bin", "é"),
        value("f", "NaN"),
        value("s", "__HIVE_DEFAULT_PARTITION__"),
    ];
    file.partition_columns = ["ts", "dec", "bin", "f", "s"].map(String::from).to_vec();
    file.zone = "+01:00";
    let read = file.read(&runtime()).unwrap();
    assert_eq!(read.num_rows(), 2);
    assert_eq!(
        read.column(1).to_data(),
        micros(vec![Some(1_710_034_200_500_000); 2]).to_data()
    );
    assert_eq!(
        read.column(2).to_data(),
        decimals(vec![Some(-150); 2], 5, 2).to_data()
    );
    assert_eq!(read.column(3).as_binary::<i32>().value(1), "é".as_bytes());
    assert!(read
        .column(4)
        .as_primitive::<Float32Type>()
        .value(0)
        .is_nan());
    assert_eq!(read.column(5).null_count(), 2);
}
