//! Whether a file can hold a row that the predicate keeps.

use std::cmp::Ordering;

use lakeio_scan::predicate::{ColumnPath, CompareOp, LikePart, Operand, Predicate};
use lakeio_scan::scalar::Scalar;
use lakeio_scan::types::{DataType, Field, Primitive};

use crate::stats::Bounds;

/// The outcomes that rows of a file may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Outcomes(u8);

impl Outcomes {
    const NONE: Outcomes = Outcomes(0);
    const TRUE: Outcomes = Outcomes(1);
    const FALSE: Outcomes = Outcomes(2);
    const UNKNOWN: Outcomes = Outcomes(4);
    const ALL: Outcomes = Outcomes(7);

    fn has(self, other: Outcomes) -> bool {
        self.0 & other.0 != 0
    }

    fn or(self, other: Outcomes) -> Outcomes {
        Outcomes(self.0 | other.0)
    }

    fn when(self, condition: bool) -> Outcomes {
        if condition {
            self
        } else {
            Outcomes::NONE
        }
    }

    fn not(self) -> Outcomes {
        Outcomes::TRUE
            .when(self.has(Outcomes::FALSE))
            .or(Outcomes::FALSE.when(self.has(Outcomes::TRUE)))
            .or(Outcomes::UNKNOWN.when(self.has(Outcomes::UNKNOWN)))
    }

    fn and(self, other: Outcomes) -> Outcomes {
        let (t, f, u) = (Outcomes::TRUE, Outcomes::FALSE, Outcomes::UNKNOWN);
        t.when(self.has(t) && other.has(t))
            .or(f.when(self.has(f) || other.has(f)))
            .or(u.when(
                (self.has(u) && (other.has(u) || other.has(t))) || (other.has(u) && self.has(t)),
            ))
    }
}

/// Answers what is known of a column: physical path and type of a primitive leaf.
pub(crate) type Lookup<'a> = dyn Fn(&[&str], Primitive) -> Bounds + 'a;

/// False only when certainly no row of the file makes `predicate` true.
pub(crate) fn may_keep(predicate: &Predicate, schema: &[Field], lookup: &Lookup<'_>) -> bool {
    outcomes(predicate, schema, lookup).has(Outcomes::TRUE)
}

fn outcomes(predicate: &Predicate, schema: &[Field], lookup: &Lookup<'_>) -> Outcomes {
    match predicate {
        Predicate::And(args) => args.iter().fold(Outcomes::TRUE, |left, arg| {
            left.and(outcomes(arg, schema, lookup))
        }),
        Predicate::Or(args) => args.iter().fold(Outcomes::FALSE, |left, arg| {
            left.not().and(outcomes(arg, schema, lookup).not()).not()
        }),
        Predicate::Not(arg) => outcomes(arg, schema, lookup).not(),
        Predicate::Literal(Some(true)) => Outcomes::TRUE,
        Predicate::Literal(Some(false)) => Outcomes::FALSE,
        Predicate::Literal(None) => Outcomes::UNKNOWN,
        Predicate::IsNull { column, negated } => {
            let Some(bounds) = bounds_of(column, schema, lookup) else {
                return Outcomes::ALL;
            };
            let is_null = Outcomes::TRUE
                .when(!bounds.no_nulls)
                .or(Outcomes::FALSE.when(!bounds.all_nulls));
            if *negated {
                is_null.not()
            } else {
                is_null
            }
        }
        Predicate::Compare { op, left, right } => match (left, right) {
            (Operand::Column(column), Operand::Literal(literal)) => {
                compare(*op, column, literal.value.as_ref(), schema, lookup)
            }
            (Operand::Literal(literal), Operand::Column(column)) => {
                compare(op.flipped(), column, literal.value.as_ref(), schema, lookup)
            }
            _ => Outcomes::ALL,
        },
        Predicate::In {
            arg: Operand::Column(column),
            values,
        } => {
            let Some(bounds) = bounds_of(column, schema, lookup) else {
                return Outcomes::ALL;
            };
            let found = !bounds.all_nulls
                && values
                    .iter()
                    .filter_map(|v| v.value.as_ref())
                    .any(|v| may_equal(&bounds, v));
            let unknown = !bounds.no_nulls || values.iter().any(|v| v.value.is_none());
            Outcomes::TRUE
                .when(found)
                .or(Outcomes::FALSE)
                .or(Outcomes::UNKNOWN.when(unknown))
        }
        Predicate::In { .. } => Outcomes::ALL,
        Predicate::Like {
            column,
            pattern,
            escape,
        } => {
            let Some(bounds) = bounds_of(column, schema, lookup) else {
                return Outcomes::ALL;
            };
            let found = !bounds.all_nulls && may_start_with(&bounds, &prefix(pattern, *escape));
            Outcomes::TRUE
                .when(found)
                .or(Outcomes::FALSE)
                .or(Outcomes::UNKNOWN.when(!bounds.no_nulls))
        }
    }
}

/// The text that every match of a pattern starts with.
fn prefix(pattern: &str, escape: Option<char>) -> String {
    let parts = lakeio_scan::predicate::like_parts(pattern, escape).unwrap_or_default();
    parts
        .iter()
        .map_while(|part| match part {
            LikePart::Character(c) => Some(*c),
            LikePart::AnyOne | LikePart::AnyText => None,
        })
        .collect()
}

/// What is known of a primitive column; `None` for others.
fn bounds_of(column: &ColumnPath, schema: &[Field], lookup: &Lookup<'_>) -> Option<Bounds> {
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

fn compare(
    op: CompareOp,
    column: &ColumnPath,
    literal: Option<&Scalar>,
    schema: &[Field],
    lookup: &Lookup<'_>,
) -> Outcomes {
    let Some(bounds) = bounds_of(column, schema, lookup) else {
        return Outcomes::ALL;
    };
    let some_value = !bounds.all_nulls;
    let Some(literal) = literal else {
        let is_null = Outcomes::TRUE
            .when(!bounds.no_nulls)
            .or(Outcomes::FALSE.when(some_value));
        return match op {
            CompareOp::NotDistinct => is_null,
            CompareOp::Distinct => is_null.not(),
            _ => Outcomes::UNKNOWN,
        };
    };
    let less = some_value && may_be_less(&bounds, literal);
    let greater = some_value && may_be_greater(&bounds, literal);
    let equal = some_value && may_equal(&bounds, literal);
    let null = !bounds.no_nulls;
    let of = |holds: bool, fails: bool| Outcomes::TRUE.when(holds).or(Outcomes::FALSE.when(fails));
    let unknown = Outcomes::UNKNOWN.when(null);
    match op {
        CompareOp::Equal => of(equal, less || greater).or(unknown),
        CompareOp::NotEqual => of(less || greater, equal).or(unknown),
        CompareOp::Less => of(less, equal || greater).or(unknown),
        CompareOp::LessOrEqual => of(less || equal, greater).or(unknown),
        CompareOp::Greater => of(greater, equal || less).or(unknown),
        CompareOp::GreaterOrEqual => of(greater || equal, less).or(unknown),
        CompareOp::NotDistinct => of(equal, less || greater || null),
        CompareOp::Distinct => of(less || greater || null, equal),
    }
}

fn may_be_less(bounds: &Bounds, literal: &Scalar) -> bool {
    match bounds.low.as_ref().map(|low| low.compare(literal)) {
        Some(Some(order)) => order == Ordering::Less,
        _ => true,
    }
}

fn may_be_greater(bounds: &Bounds, literal: &Scalar) -> bool {
    let Some(high) = &bounds.high else {
        return true;
    };
    if extends(bounds, literal) {
        return true;
    }
    match high.compare(literal) {
        Some(order) => order == Ordering::Greater,
        None => true,
    }
}

fn may_equal(bounds: &Bounds, literal: &Scalar) -> bool {
    let above_low = match bounds.low.as_ref().map(|low| low.compare(literal)) {
        Some(Some(order)) => order != Ordering::Greater,
        _ => true,
    };
    let below_high = extends(bounds, literal)
        || match bounds.high.as_ref().map(|high| high.compare(literal)) {
            Some(Some(order)) => order != Ordering::Less,
            _ => true,
        };
    above_low && below_high
}

/// Whether the literal starts with an upper bound that may be the beginning of greater values.
fn extends(bounds: &Bounds, literal: &Scalar) -> bool {
    match (&bounds.high, literal) {
        (Some(Scalar::String(high)), Scalar::String(literal)) => {
            bounds.high_is_prefix && literal.starts_with(high.as_str())
        }
        _ => false,
    }
}

fn may_start_with(bounds: &Bounds, prefix: &str) -> bool {
    let cut = |text: &str| -> Vec<u8> { text.bytes().take(prefix.len()).collect() };
    let above_low = match &bounds.low {
        Some(Scalar::String(low)) => cut(low).as_slice() <= prefix.as_bytes(),
        _ => true,
    };
    let below_high = match &bounds.high {
        Some(Scalar::String(high)) => {
            high.as_bytes() >= prefix.as_bytes()
                || (bounds.high_is_prefix && prefix.starts_with(high.as_str()))
        }
        _ => true,
    };
    above_low && below_high
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, Value};

    fn schema() -> Vec<Field> {
        Field::parse_schema(&json!({"type":"struct","fields":[
            {"name":"n","type":"long","nullable":true,"metadata":{}},
            {"name":"s","type":"string","nullable":true,"metadata":{}},
            {"name":"f","type":"double","nullable":true,"metadata":{}}
        ]}))
        .unwrap()
    }

    fn keeps(predicate: Value, bounds: Bounds) -> bool {
        let predicate = Predicate::parse(&predicate).unwrap();
        may_keep(&predicate, &schema(), &|_, _| bounds.clone())
    }

    fn n(op: &str, value: &str) -> Value {
        json!({"op":op,"left":{"column":["n"]},"right":{"type":"long","value":value}})
    }

    fn between(low: i64, high: i64) -> Bounds {
        Bounds {
            low: Some(Scalar::Integer(low)),
            high: Some(Scalar::Integer(high)),
            ..Bounds::default()
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
        let all = Bounds {
            all_nulls: true,
            ..Bounds::default()
        };
        let none = Bounds {
            no_nulls: true,
            ..Bounds::default()
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
        let bounds = Bounds {
            low: Some(Scalar::String("abc".into())),
            high: Some(Scalar::String("abd".into())),
            high_is_prefix: true,
            ..Bounds::default()
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
            assert!(keeps(n(op, "1"), Bounds::default()));
        }
        let f = json!({"op":">","left":{"column":["f"]},"right":{"type":"double","value":"9"}});
        let bounds = Bounds {
            low: Some(Scalar::Double(1.0)),
            ..Bounds::default()
        };
        assert!(keeps(f, bounds), "NaN may lie above every bound");
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
