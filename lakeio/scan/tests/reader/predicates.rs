//! Random predicates over random rows, against an interpreter that knows nothing of columns,
//! statistics or batches. Files have many row groups, so that what pruning leaves out is covered.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::files::{column, structure, OneFile, Random};
use arrow::array::*;
use arrow::datatypes::*;
use lakeio_scan::{DeletionVector, DeletionVectorStorage};
use lakeio_store::Runtime;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use roaring::RoaringTreemap;
use serde_json::{json, Value};

/// A value as the interpreter sees it. Numbers are hundredths, or beyond all of them.
#[derive(Clone, Debug, PartialEq)]
enum V {
    Null,
    Flag(bool),
    Number(Hundredths),
    Text(Vec<u8>),
    Count(i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hundredths {
    MinusInfinity,
    Finite(i128),
    Infinity,
    NaN,
}

fn hundredths(value: f64) -> Hundredths {
    if value.is_nan() {
        Hundredths::NaN
    } else if value == f64::INFINITY {
        Hundredths::Infinity
    } else if value == f64::NEG_INFINITY {
        Hundredths::MinusInfinity
    } else {
        Hundredths::Finite((value * 100.0) as i128)
    }
}

const COLUMNS: [(&str, &str); 12] = [
    ("b", "boolean"),
    ("y", "byte"),
    ("i", "integer"),
    ("l", "long"),
    ("f", "float"),
    ("d", "double"),
    ("dec", "decimal(9,2)"),
    ("s", "string"),
    ("bin", "binary"),
    ("dt", "date"),
    ("ts", "timestamp"),
    ("ntz", "timestamp_ntz"),
];

const SPECIAL: [f64; 5] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0];

/// A random value of a kind, near `base`, and its text as a literal.
fn random_value(random: &mut Random, kind: &str, base: i64) -> (V, Value) {
    if random.below(8) == 0 {
        return (V::Null, Value::Null);
    }
    let near = base + random.below(20) as i64 - 10;
    let number = |hundredths: i128| V::Number(Hundredths::Finite(hundredths));
    match kind {
        "boolean" => {
            let flag = random.below(2) == 0;
            (V::Flag(flag), json!(flag.to_string()))
        }
        "byte" => {
            let value = near % 100;
            (number(i128::from(value) * 100), json!(value.to_string()))
        }
        "integer" | "long" => (number(i128::from(near) * 100), json!(near.to_string())),
        "float" | "double" => {
            let value = match random.below(10) {
                0 => *random.pick(&SPECIAL),
                _ => near as f64 + 0.25 * random.below(4) as f64,
            };
            (
                V::Number(hundredths(value)),
                json!(format!("{value:?}").replace("inf", "Infinity")),
            )
        }
        "decimal(9,2)" => {
            let value = i128::from(near) * 100 + i128::from(random.below(100));
            let text = format!(
                "{}{}.{:02}",
                if value < 0 { "-" } else { "" },
                value.abs() / 100,
                value.abs() % 100
            );
            (number(value), json!(text))
        }
        "string" => {
            let text = match random.below(6) {
                0 => String::new(),
                1 => format!("é{near}"),
                2 => format!("{near}🙂{}", "x".repeat(100)),
                _ => format!("v{near:05}"),
            };
            (V::Text(text.clone().into_bytes()), json!(text))
        }
        "binary" => {
            let bytes = vec![(near & 0xff) as u8; random.below(4) as usize];
            let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
            (V::Text(bytes), json!(hex))
        }
        "date" => {
            let date = Date32Type::to_naive_date_opt(near as i32).unwrap();
            (V::Count(near), json!(date.format("%Y-%m-%d").to_string()))
        }
        _ => {
            let micros = near * 1_000_003;
            let time = arrow::temporal_conversions::timestamp_us_to_datetime(micros).unwrap();
            let zone = if kind == "timestamp" { "Z" } else { "" };
            (
                V::Count(micros),
                json!(format!("{}{zone}", time.format("%Y-%m-%dT%H:%M:%S%.6f"))),
            )
        }
    }
}

fn array_of(kind: &str, values: &[V]) -> ArrayRef {
    let finite = |v: &V| match v {
        V::Number(Hundredths::Finite(n)) => Some(*n),
        _ => None,
    };
    let double = |v: &V| match v {
        V::Number(Hundredths::Finite(n)) => Some(*n as f64 / 100.0),
        V::Number(Hundredths::NaN) => Some(f64::NAN),
        V::Number(Hundredths::Infinity) => Some(f64::INFINITY),
        V::Number(Hundredths::MinusInfinity) => Some(f64::NEG_INFINITY),
        _ => None,
    };
    let count = |v: &V| match v {
        V::Count(n) => Some(*n),
        _ => None,
    };
    let bytes = |v: &V| match v {
        V::Text(bytes) => Some(bytes.clone()),
        _ => None,
    };
    let values = values.iter();
    match kind {
        "boolean" => Arc::new(BooleanArray::from_iter(values.map(|v| match v {
            V::Flag(flag) => Some(*flag),
            _ => None,
        }))),
        "byte" => Arc::new(Int8Array::from_iter(
            values.map(|v| finite(v).map(|n| (n / 100) as i8)),
        )),
        "integer" => Arc::new(Int32Array::from_iter(
            values.map(|v| finite(v).map(|n| (n / 100) as i32)),
        )),
        "long" => Arc::new(Int64Array::from_iter(
            values.map(|v| finite(v).map(|n| (n / 100) as i64)),
        )),
        "float" => Arc::new(Float32Array::from_iter(
            values.map(|v| double(v).map(|n| n as f32)),
        )),
        "double" => Arc::new(Float64Array::from_iter(values.map(double))),
        "decimal(9,2)" => Arc::new(
            Decimal128Array::from_iter(values.map(finite))
                .with_precision_and_scale(9, 2)
                .unwrap(),
        ),
        "string" => Arc::new(StringArray::from_iter(
            values.map(|v| bytes(v).map(|b| String::from_utf8(b).unwrap())),
        )),
        "binary" => Arc::new(BinaryArray::from_iter(values.map(bytes))),
        "date" => Arc::new(Date32Array::from_iter(
            values.map(|v| count(v).map(|n| n as i32)),
        )),
        "timestamp" => {
            Arc::new(TimestampMicrosecondArray::from_iter(values.map(count)).with_timezone("UTC"))
        }
        _ => Arc::new(TimestampMicrosecondArray::from_iter(values.map(count))),
    }
}

/// A row: the values of `COLUMNS`, then the struct's field (a string), whether the struct is NULL.
struct Row {
    values: Vec<V>,
    field: V,
    no_struct: bool,
}

impl Row {
    fn get(&self, path: &Value) -> V {
        let path = path["column"].as_array().unwrap();
        let name = path[0].as_str().unwrap();
        match COLUMNS.iter().position(|(column, _)| *column == name) {
            Some(index) => self.values[index].clone(),
            None if path.len() == 1 => match self.no_struct {
                true => V::Null,
                false => V::Flag(true),
            },
            None if self.no_struct => V::Null,
            None => self.field.clone(),
        }
    }
}

fn literal(value: &Value) -> V {
    let Some(text) = value["value"].as_str() else {
        return V::Null;
    };
    match value["type"].as_str().unwrap() {
        "boolean" => V::Flag(text == "true"),
        "string" => V::Text(text.as_bytes().to_vec()),
        "binary" => V::Text(
            (0..text.len() / 2)
                .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
                .collect(),
        ),
        "date" => {
            let day = text.parse::<chrono_like::Date>().unwrap();
            V::Count(day.0)
        }
        "timestamp" | "timestamp_ntz" => V::Count(chrono_like::micros(text)),
        kind if kind.starts_with("decimal") => {
            V::Number(Hundredths::Finite(text.replace('.', "").parse().unwrap()))
        }
        _ => V::Number(hundredths(text.parse::<f64>().unwrap())),
    }
}

/// Texts of dates and times by Arrow's parser, which the reader does not use.
mod chrono_like {
    use arrow::compute::kernels::cast_utils::{string_to_timestamp_nanos, Parser};
    use arrow::datatypes::Date32Type;

    pub struct Date(pub i64);

    impl std::str::FromStr for Date {
        type Err = ();

        fn from_str(text: &str) -> Result<Self, ()> {
            Date32Type::parse(text)
                .map(|day| Date(day.into()))
                .ok_or(())
        }
    }

    pub fn micros(text: &str) -> i64 {
        string_to_timestamp_nanos(text).unwrap() / 1000
    }
}

fn operand(value: &Value, row: &Row) -> V {
    match value.get("column") {
        Some(_) => row.get(value),
        None => literal(value),
    }
}

fn order(left: &V, right: &V) -> Option<Ordering> {
    match (left, right) {
        (V::Null, _) | (_, V::Null) => None,
        (V::Flag(a), V::Flag(b)) => Some(a.cmp(b)),
        (V::Number(a), V::Number(b)) => Some(a.cmp(b)),
        (V::Text(a), V::Text(b)) => Some(a.cmp(b)),
        (V::Count(a), V::Count(b)) => Some(a.cmp(b)),
        _ => panic!("{left:?} against {right:?}"),
    }
}

fn like(text: &[char], pattern: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|at| like(&text[at..], rest)),
        ['\\', c, rest @ ..] => text.first() == Some(c) && like(&text[1..], rest),
        ['_', rest @ ..] => !text.is_empty() && like(&text[1..], rest),
        [c, rest @ ..] => text.first() == Some(c) && like(&text[1..], rest),
    }
}

/// The predicate's JSON, interpreted for one row.
fn interpret(predicate: &Value, row: &Row) -> Option<bool> {
    let op = predicate["op"].as_str().unwrap();
    let args = || {
        predicate["args"]
            .as_array()
            .unwrap()
            .iter()
            .map(|arg| interpret(arg, row))
    };
    match op {
        "and" => {
            let args: Vec<_> = args().collect();
            if args.contains(&Some(false)) {
                Some(false)
            } else if args.contains(&None) {
                None
            } else {
                Some(true)
            }
        }
        "or" => {
            let args: Vec<_> = args().collect();
            if args.contains(&Some(true)) {
                Some(true)
            } else if args.contains(&None) {
                None
            } else {
                Some(false)
            }
        }
        "not" => interpret(&predicate["arg"], row).map(|value| !value),
        "is_null" => Some(row.get(&predicate["arg"]) == V::Null),
        "is_not_null" => Some(row.get(&predicate["arg"]) != V::Null),
        "literal" => predicate["value"].as_bool(),
        "in" => {
            let arg = operand(&predicate["arg"], row);
            let values: Vec<V> = predicate["values"]
                .as_array()
                .unwrap()
                .iter()
                .map(literal)
                .collect();
            if values.is_empty() {
                return Some(false);
            }
            let equal: Vec<_> = values
                .iter()
                .map(|value| order(&arg, value).map(Ordering::is_eq))
                .collect();
            if equal.contains(&Some(true)) {
                Some(true)
            } else if equal.contains(&None) {
                None
            } else {
                Some(false)
            }
        }
        "like" => match row.get(&predicate["arg"]) {
            V::Text(bytes) => {
                let text: Vec<char> = String::from_utf8(bytes).unwrap().chars().collect();
                let pattern: Vec<char> = predicate["pattern"].as_str().unwrap().chars().collect();
                Some(like(&text, &pattern))
            }
            _ => None,
        },
        _ => {
            let (left, right) = (
                operand(&predicate["left"], row),
                operand(&predicate["right"], row),
            );
            let nulls = (left == V::Null, right == V::Null);
            match (op, nulls) {
                ("is_distinct", (true, true)) => return Some(false),
                ("is_distinct", (a, b)) if a != b => return Some(true),
                ("is_not_distinct", (true, true)) => return Some(true),
                ("is_not_distinct", (a, b)) if a != b => return Some(false),
                _ => {}
            }
            let order = order(&left, &right)?;
            Some(match op {
                "=" | "is_not_distinct" => order.is_eq(),
                "<>" | "is_distinct" => order.is_ne(),
                "<" => order.is_lt(),
                "<=" => order.is_le(),
                ">" => order.is_gt(),
                _ => order.is_ge(),
            })
        }
    }
}

const OPS: [&str; 8] = [
    "=",
    "<>",
    "<",
    "<=",
    ">",
    ">=",
    "is_distinct",
    "is_not_distinct",
];
const NUMBERS: [&str; 6] = ["byte", "integer", "long", "float", "double", "decimal(9,2)"];

fn random_literal(random: &mut Random, kind: &str, base: i64) -> Value {
    // Numbers compare with numbers of other types.
    let kind = match NUMBERS.contains(&kind) {
        true => *random.pick(&NUMBERS),
        false => kind,
    };
    let (_, text) = random_value(random, kind, base);
    json!({"type": kind, "value": text})
}

fn random_predicate(random: &mut Random, depth: u32, base: i64) -> Value {
    if depth > 0 && random.below(3) > 0 {
        let mut list = |n| {
            (0..n)
                .map(|_| random_predicate(random, depth - 1, base))
                .collect::<Vec<_>>()
        };
        return match depth % 3 {
            0 => json!({"op": "not", "arg": list(1)[0]}),
            1 => json!({"op": "and", "args": list(2)}),
            _ => json!({"op": "or", "args": list(3)}),
        };
    }
    let (name, kind) = *random.pick(&COLUMNS);
    let path = json!({"column": [name]});
    match random.below(12) {
        0 => {
            json!({"op": "is_null", "arg": random.pick(&[path, json!({"column":["st"]}), json!({"column":["st","z"]})])})
        }
        1 => json!({"op": "is_not_null", "arg": path}),
        2 => {
            let count = *random.pick(&[0, 1, 3, 20]);
            let values: Vec<_> = (0..count)
                .map(|_| {
                    let (_, text) = random_value(random, kind, base);
                    json!({"type": kind, "value": text})
                })
                .collect();
            json!({"op": "in", "arg": path, "values": values})
        }
        3 => {
            let patterns = [
                "v%", "%5", "%🙂%", "_0%", "v000__", "", "%", "v0001_%", "\\%", "é-%", "%x_x%1",
            ];
            let column = random.pick(&[json!(["s"]), json!(["st", "z"])]).clone();
            json!({"op": "like", "arg": {"column": column}, "pattern": random.pick(&patterns), "escape": "\\"})
        }
        4 => {
            json!({"op": "literal", "value": random.pick(&[json!(true), json!(false), json!(null)])})
        }
        5 => {
            let kinds: Vec<_> = COLUMNS
                .iter()
                .filter(|(_, other)| {
                    *other == kind || NUMBERS.contains(other) && NUMBERS.contains(&kind)
                })
                .collect();
            let other = json!({"column": [random.pick(&kinds).0]});
            json!({"op": random.pick(&OPS), "left": path, "right": other})
        }
        6 => {
            let literal = random_literal(random, kind, base);
            json!({"op": random.pick(&OPS), "left": literal, "right": path})
        }
        7 => {
            let (_, text) = random_value(random, "string", base);
            let value = json!({"type": "string", "value": text});
            json!({"op": random.pick(&OPS), "left": {"column": ["st", "z"]}, "right": value})
        }
        _ => {
            let literal = random_literal(random, kind, base);
            json!({"op": random.pick(&OPS), "left": path, "right": literal})
        }
    }
}

fn base85(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 85] =
        b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    let mut text = String::new();
    for group in bytes.chunks(4) {
        let mut padded = [0; 4];
        padded[..group.len()].copy_from_slice(group);
        let value = u32::from_be_bytes(padded);
        for power in (0..5).rev() {
            text.push(DIGITS[(value / 85u32.pow(power) % 85) as usize] as char);
        }
    }
    text
}

fn deletion_vector(rows: &RoaringTreemap) -> DeletionVector {
    let mut bytes = 1_681_511_377u32.to_le_bytes().to_vec();
    rows.serialize_into(&mut bytes).unwrap();
    DeletionVector {
        storage: DeletionVectorStorage::Inline,
        path_or_inline: base85(&bytes),
        offset: None,
        size: bytes.len() as u32,
        cardinality: rows.len(),
    }
}

fn check(seed: u64, spread: i64, statistics: EnabledStatistics, predicates: usize) {
    let runtime = Runtime::with_defaults().unwrap();
    let mut random = Random(seed);
    let rows: Vec<Row> = (0..1000)
        .map(|row| {
            let base = row / 50 * spread;
            let mut value = |kind| random_value(&mut random, kind, base).0;
            let values = COLUMNS.iter().map(|(_, kind)| value(kind)).collect();
            let field = value("string");
            Row {
                values,
                field,
                no_struct: row % 7 == 3,
            }
        })
        .collect();
    let mut fields: Vec<Value> = COLUMNS
        .iter()
        .map(|(name, kind)| column(name, json!(kind)))
        .collect();
    fields.push(column("st", structure(vec![column("z", json!("string"))])));
    fields.push(column("row", json!("long")));
    let mut file = OneFile::new(fields);
    let mut arrays: Vec<(&str, ArrayRef)> = COLUMNS
        .iter()
        .enumerate()
        .map(|(index, (name, kind))| {
            let values: Vec<V> = rows.iter().map(|row| row.values[index].clone()).collect();
            (*name, array_of(kind, &values))
        })
        .collect();
    let texts: Vec<V> = rows.iter().map(|row| row.field.clone()).collect();
    let structs = StructArray::new(
        Fields::from(vec![Field::new("z", DataType::Utf8, true)]),
        vec![array_of("string", &texts)],
        Some(
            rows.iter()
                .map(|row| !row.no_struct)
                .collect::<Vec<_>>()
                .into(),
        ),
    );
    arrays.push(("st", Arc::new(structs)));
    arrays.push(("row", Arc::new(Int64Array::from_iter_values(0..1000))));
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(50))
        .set_statistics_enabled(statistics)
        .build();
    file.write_arrow(arrays, properties);
    file.columns = Some(vec!["row".into()]);
    file.options.batch_rows = 32;
    let mut hits = 0;
    for number in 0..predicates {
        let base = 50 * spread * random.below(20) as i64 / 50;
        let predicate = random_predicate(&mut random, number as u32 % 5, base);
        let deleted: RoaringTreemap = match number % 3 {
            0 => (0..100)
                .map(|_| random.below(1000))
                .chain(200..300)
                .collect(),
            _ => RoaringTreemap::new(),
        };
        file.deletion_vector = (!deleted.is_empty()).then(|| deletion_vector(&deleted));
        file.predicate = Some(predicate.clone());
        let expected: Vec<i64> = (0..1000)
            .filter(|row| !deleted.contains(*row as u64))
            .filter(|row| interpret(&predicate, &rows[*row as usize]) == Some(true))
            .collect();
        let read = file
            .read(&runtime)
            .unwrap_or_else(|e| panic!("{e:?} {predicate}"));
        let read = read.column(0).as_primitive::<Int64Type>().values().to_vec();
        assert_eq!(read, expected, "seed {seed}: {predicate}");
        hits += usize::from(!expected.is_empty() && expected.len() < 800);
    }
    assert!(
        hits * 5 > predicates,
        "the predicates select too seldom: {hits} of {predicates}"
    );
}

#[test]
fn random_predicates_over_clustered_rows() {
    check(1, 40, EnabledStatistics::Chunk, 600);
    check(2, 5, EnabledStatistics::Page, 600);
}

#[test]
fn random_predicates_over_mixed_rows() {
    check(3, 0, EnabledStatistics::Chunk, 400);
    check(4, 40, EnabledStatistics::None, 200);
}

#[test]
fn row_groups_that_cannot_match_are_not_read() {
    let runtime = Runtime::with_defaults().unwrap();
    let mut file = OneFile::new(vec![column("x", json!("long"))]);
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(100))
        .set_dictionary_enabled(false)
        .build();
    file.write_arrow(
        vec![("x", Arc::new(Int64Array::from_iter_values(0..1000)))],
        properties,
    );
    // Everything but the last row group's pages is destroyed.
    let mut bytes = file.bytes();
    let metadata = parquet::file::metadata::ParquetMetaDataReader::new()
        .parse_and_finish(&bytes::Bytes::from(bytes.clone()))
        .unwrap();
    let last = metadata.row_group(9).column(0).byte_range().0 as usize;
    bytes[4..last].fill(0xff);
    file.set_bytes(&bytes);
    assert!(file.read(&runtime).is_err());
    let long = |value: &str| json!({"type": "long", "value": value});
    file.predicate = Some(json!({"op": ">=", "left": {"column": ["x"]}, "right": long("900")}));
    assert_eq!(file.read(&runtime).unwrap().num_rows(), 100);
    file.predicate =
        Some(json!({"op": "in", "arg": {"column": ["x"]}, "values": [long("950"), long("5000")]}));
    assert_eq!(file.read(&runtime).unwrap().num_rows(), 1);
}
