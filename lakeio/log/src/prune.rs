//! Whether a file can hold a row that the predicate keeps.

use lakeio_scan::predicate::{ColumnPath, Predicate};
use lakeio_scan::types::{DataType, Field, Primitive};
use lakeio_scan::{may_match, Known};

/// Answers what is known of a column: physical path and type of a primitive leaf.
pub(crate) type Lookup<'a> = dyn Fn(&[&str], Primitive) -> Known + 'a;

/// False only when certainly no row of the file makes `predicate` true.
pub(crate) fn may_keep(predicate: &Predicate, schema: &[Field], lookup: &Lookup<'_>) -> bool {
    may_match(predicate, &|column| {
        known(column, schema, lookup).unwrap_or_default()
    })
}

/// What is known of a primitive column; `None` for others.
fn known(column: &ColumnPath, schema: &[Field], lookup: &Lookup<'_>) -> Option<Known> {
    let mut fields = schema;
    let mut path = Vec::with_capacity(column.0.len());
    let mut found: Option<&Field> = None;
    for name in &column.0 {
        if let Some(parent) = found {
            let DataType::Struct(children) = &parent.data_type else {
                return None;
            };
            fields = children;
        }
        let field = fields.iter().find(|field| field.name == *name)?;
        path.push(field.physical());
        found = Some(field);
    }
    match found?.data_type {
        DataType::Primitive(primitive) => Some(lookup(&path, primitive)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lakeio_scan::scalar::Scalar;
    use lakeio_scan::Above;
    use serde_json::{json, Value};

    fn schema() -> Vec<Field> {
        Field::parse_schema(&json!({"type":"struct","fields":[
            {"name":"n","type":"long","nullable":true,"metadata":{}},
            {"name":"s","type":"string","nullable":true,"metadata":{}},
            {"name":"f","type":"double","nullable":true,"metadata":{}}
        ]}))
        .unwrap()
    }

    fn keeps(predicate: Value, bounds: Known) -> bool {
        let predicate = Predicate::parse(&predicate).unwrap();
        may_keep(&predicate, &schema(), &|_, _| bounds.clone())
    }

    fn n(op: &str, value: &str) -> Value {
        json!({"op":op,"left":{"column":["n"]},"right":{"type":"long","value":value}})
    }

    fn between(low: i64, high: i64) -> Known {
        Known {
            min: Some(Scalar::Integer(low)),
            max: Some(Scalar::Integer(high)),
            ..Known::default()
        }
    }

    #[test]
    fn comparisons() {
        for (op, value, kept) in [
            ("=", "4", false),
            ("=", "5", true),
            ("=", "9", true),
            ("=", "10", false),
            ("<", "5", false),
            ("<=", "5", true),
            (">", "9", false),
            (">=", "9", true),
            ("<>", "5", true),
            ("is_not_distinct", "4", false),
            ("is_distinct", "4", true),
        ] {
            assert_eq!(keeps(n(op, value), between(5, 9)), kept, "{op} {value}");
        }
        assert!(!keeps(n("<>", "5"), between(5, 5)));
        assert!(!keeps(json!({"op":"not","arg":n("=", "5")}), between(5, 5)));
        assert!(keeps(json!({"op":"not","arg":n("=", "5")}), between(5, 6)));
    }

    #[test]
    fn nulls() {
        let all = Known {
            only_nulls: true,
            ..Known::default()
        };
        let none = Known {
            no_nulls: true,
            ..Known::default()
        };
        let is_null = json!({"op":"is_null","arg":{"column":["n"]}});
        assert!(keeps(is_null.clone(), all.clone()) && !keeps(is_null, none.clone()));
        assert!(!keeps(n("=", "1"), all.clone()) && keeps(n("is_distinct", "1"), all.clone()));
        let null = json!({"op":"=","left":{"column":["n"]},"right":{"type":"long","value":null}});
        assert!(!keeps(null, none.clone()));
        // NOT of unknown is unknown, never true.
        assert!(!keeps(json!({"op":"not","arg":n("=", "1")}), all));
    }

    #[test]
    fn truncated_text() {
        let bounds = Known {
            min: Some(Scalar::String("abc".into())),
            max: Some(Scalar::String("abd".into())),
            above: Above::Longer,
            ..Known::default()
        };
        let s = |op: &str, value: &str| json!({"op":op,"left":{"column":["s"]},"right":{"type":"string","value":value}});
        assert!(keeps(s("=", "abdzz"), bounds.clone()));
        assert!(keeps(s(">", "abdzz"), bounds.clone()));
        assert!(!keeps(s("=", "abe"), bounds.clone()));
        assert!(!keeps(s(">", "abe"), bounds.clone()));
        assert!(!keeps(s("<", "abc"), bounds.clone()));
        let like = |pattern: &str| json!({"op":"like","arg":{"column":["s"]},"pattern":pattern,"escape":null});
        for (pattern, kept) in [
            ("ab%", true),
            ("abd%", true),
            ("abdx%", true),
            ("abe%", false),
            ("abb%", false),
            ("%x", true),
        ] {
            assert_eq!(keeps(like(pattern), bounds.clone()), kept, "{pattern}");
        }
    }

    #[test]
    fn unknown_bounds_keep_everything() {
        for op in ["=", "<>", "<", ">", "<=", ">="] {
            assert!(keeps(n(op, "1"), Known::default()));
        }
        let f = json!({"op":">","left":{"column":["f"]},"right":{"type":"double","value":"9"}});
        let bounds = Known {
            min: Some(Scalar::Double(1.0)),
            ..Known::default()
        };
        assert!(keeps(f, bounds), "NaN may lie above every bound");
    }

    #[test]
    fn not_in() {
        let not_in = |values: Value| json!({"op":"not","arg":{"op":"in","arg":{"column":["n"]},"values":values}});
        let five = json!({"type":"long","value":"5"});
        let none = json!({"type":"long","value":null});
        assert!(keeps(not_in(json!([five])), between(5, 6)));
        assert!(!keeps(not_in(json!([five])), between(5, 5)));
        assert!(!keeps(not_in(json!([five, none])), between(1, 9)));
    }

    #[test]
    fn or_and_and() {
        let both = json!({"op":"and","args":[n("=", "5"), n("=", "50")]});
        let either = json!({"op":"or","args":[n("=", "5"), n("=", "50")]});
        assert!(!keeps(both, between(5, 9)));
        assert!(keeps(either, between(5, 9)));
        assert!(!keeps(
            json!({"op":"or","args":[n("=", "1"), n("=", "50")]}),
            between(5, 9)
        ));
    }
}
