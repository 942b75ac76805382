//! What is known of the values of columns, and whether any row may then satisfy a predicate.
//!
//! Only a certain "no" counts: the three-valued result of each part is followed as the set of the
//! results that it may have.

use std::cmp::Ordering;

use crate::like::{like_parts, LikePart};
use crate::predicate::{ColumnPath, CompareOp, Literal, Operand, Predicate};
use crate::scalar::Scalar;

/// What is known of the values of a column in some rows. The default: nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// No value is less.
    pub min: Option<Scalar>,
    /// No value is greater, but for those that `above` allows.
    pub max: Option<Scalar>,
    /// Which values may be greater than `max` all the same.
    pub above: Above,
    /// There is no NULL.
    pub no_nulls: bool,
    /// There is nothing but NULL.
    pub only_nulls: bool,
}

/// Values that an upper bound does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Above {
    /// None: the bound holds.
    #[default]
    Nothing,
    /// NaN, which most writers leave out.
    Nan,
    /// Texts that begin with the bound, where a writer may have cut it.
    Longer,
}

impl Known {
    /// Of a column that has one value throughout.
    pub fn of_constant(value: Option<Scalar>) -> Known {
        Known {
            no_nulls: value.is_some(),
            only_nulls: value.is_none(),
            min: value.clone(),
            max: value,
            above: Above::Nothing,
        }
    }

    /// Whether a value may be equal to `value`, or greater, although it is above the bound.
    fn beyond(&self, value: &Scalar) -> (bool, bool) {
        match (self.above, &self.max, value) {
            (Above::Nan, _, Scalar::Float(value)) => (value.is_nan(), true),
            (Above::Nan, _, Scalar::Double(value)) => (value.is_nan(), true),
            (Above::Nan, _, _) => (false, true),
            (Above::Longer, Some(Scalar::String(max)), Scalar::String(value)) => {
                let longer = value.starts_with(max.as_str());
                (longer, longer)
            }
            (Above::Longer | Above::Nothing, _, _) => (false, false),
        }
    }
}

/// Which results a predicate may have for some rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Possible {
    yes: bool,
    no: bool,
    unknown: bool,
}

impl Possible {
    const ANY: Possible = Possible {
        yes: true,
        no: true,
        unknown: true,
    };

    fn only(value: Option<bool>) -> Possible {
        Possible {
            yes: value == Some(true),
            no: value == Some(false),
            unknown: value.is_none(),
        }
    }

    /// The possible results of AND over independent results.
    fn and(self, other: Possible) -> Possible {
        Possible {
            yes: self.yes && other.yes,
            no: self.no || other.no,
            unknown: (self.unknown && (other.unknown || other.yes))
                || (other.unknown && (self.unknown || self.yes)),
        }
    }

    fn not(self) -> Possible {
        Possible {
            yes: self.no,
            no: self.yes,
            unknown: self.unknown,
        }
    }
}

/// Whether any row may satisfy `predicate`, where `known` tells of its columns. False only when
/// certainly none does.
pub fn may_match(predicate: &Predicate, known: &dyn Fn(&ColumnPath) -> Known) -> bool {
    possible(predicate, known).yes
}

fn possible(predicate: &Predicate, known: &dyn Fn(&ColumnPath) -> Known) -> Possible {
    match predicate {
        Predicate::Literal(value) => Possible::only(*value),
        Predicate::And(args) => args
            .iter()
            .map(|arg| possible(arg, known))
            .fold(Possible::only(Some(true)), Possible::and),
        Predicate::Or(args) => args
            .iter()
            .map(|arg| possible(arg, known).not())
            .fold(Possible::only(Some(true)), Possible::and)
            .not(),
        Predicate::Not(arg) => possible(arg, known).not(),
        Predicate::IsNull { column, negated } => {
            let column = known(column);
            let result = Possible {
                yes: !column.no_nulls,
                no: !column.only_nulls,
                unknown: false,
            };
            if *negated {
                result.not()
            } else {
                result
            }
        }
        Predicate::Compare { op, left, right } => match (left, right) {
            (Operand::Column(column), Operand::Literal(literal)) => {
                compare(*op, &known(column), literal.value.as_ref())
            }
            (Operand::Literal(literal), Operand::Column(column)) => {
                compare(op.flipped(), &known(column), literal.value.as_ref())
            }
            (Operand::Column(_), Operand::Column(_))
            | (Operand::Literal(_), Operand::Literal(_)) => Possible::ANY,
        },
        Predicate::In {
            arg: Operand::Column(column),
            values,
        } => is_in(&known(column), values),
        Predicate::In {
            arg: Operand::Literal(_),
            ..
        } => Possible::ANY,
        Predicate::Like {
            column,
            pattern,
            escape,
        } => like(
            &known(column),
            &like_parts(pattern, *escape).unwrap_or_default(),
        ),
    }
}

fn compare(op: CompareOp, known: &Known, value: Option<&Scalar>) -> Possible {
    let null_safe = matches!(op, CompareOp::Distinct | CompareOp::NotDistinct);
    let Some(value) = value else {
        if !null_safe {
            return Possible::only(None);
        }
        let distinct = Possible {
            yes: !known.only_nulls,
            no: !known.no_nulls,
            unknown: false,
        };
        return if op == CompareOp::Distinct {
            distinct
        } else {
            distinct.not()
        };
    };
    // What the orders of the values that are not NULL can be.
    let mut orders = [Ordering::Less, Ordering::Equal, Ordering::Greater].map(|o| (o, true));
    if known.only_nulls {
        orders
            .iter_mut()
            .for_each(|(_, possible)| *possible = false);
    }
    if let Some(min) = known.min.as_ref().and_then(|min| min.compare(value)) {
        orders[0].1 &= min.is_lt();
        orders[1].1 &= min.is_le();
    }
    if let Some(max) = known.max.as_ref().and_then(|max| max.compare(value)) {
        let (equal, greater) = known.beyond(value);
        orders[1].1 &= max.is_ge() || equal;
        orders[2].1 &= max.is_gt() || greater;
    }
    let mut result = Possible {
        yes: false,
        no: false,
        unknown: false,
    };
    for (order, possible) in orders {
        if possible {
            match op.accepts(order) {
                true => result.yes = true,
                false => result.no = true,
            }
        }
    }
    if !known.no_nulls {
        match op {
            CompareOp::Distinct => result.yes = true,
            CompareOp::NotDistinct => result.no = true,
            _ => result.unknown = true,
        }
    }
    result
}

fn is_in(known: &Known, values: &[Literal]) -> Possible {
    values
        .iter()
        .map(|value| compare(CompareOp::Equal, known, value.value.as_ref()).not())
        .fold(Possible::only(Some(true)), Possible::and)
        .not()
}

/// A pattern with a fixed beginning is a range of text.
fn like(known: &Known, parts: &[LikePart]) -> Possible {
    let mut prefix = String::new();
    for part in parts {
        match part {
            LikePart::Character(c) => prefix.push(*c),
            LikePart::AnyOne | LikePart::AnyText => break,
        }
    }
    let mut result = Possible {
        yes: !known.only_nulls,
        no: true,
        unknown: !known.no_nulls,
    };
    if let Some(Scalar::String(max)) = &known.max {
        let longer = known.above == Above::Longer && prefix.starts_with(max.as_str());
        result.yes &= max.as_bytes() >= prefix.as_bytes() || longer;
    }
    if let Some(Scalar::String(min)) = &known.min {
        let head = &min.as_bytes()[..min.len().min(prefix.len())];
        result.yes &= head <= prefix.as_bytes();
    }
    result
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, StringArray};
    use serde_json::json;

    use super::*;
    use crate::evaluate::{evaluate, selected, Rows};
    use crate::scalar::TextForm;
    use crate::types::Primitive;

    fn result(op: CompareOp, known: &Known, value: f64) -> Possible {
        compare(op, known, Some(&Scalar::Double(value)))
    }

    #[test]
    fn and_over_results() {
        let yes = Possible::only(Some(true));
        let no = Possible::only(Some(false));
        let unknown = Possible::only(None);
        assert_eq!(yes.and(unknown), unknown);
        assert_eq!(no.and(unknown), no);
        assert_eq!(unknown.and(unknown), unknown);
        assert_eq!(Possible::ANY.and(yes), Possible::ANY);
        assert_eq!(
            Possible::ANY.and(no),
            Possible {
                yes: false,
                no: true,
                unknown: false
            }
        );
    }

    #[test]
    fn a_nan_may_be_above_the_bound() {
        let known = Known {
            min: Some(Scalar::Double(1.0)),
            max: Some(Scalar::Double(2.0)),
            above: Above::Nan,
            no_nulls: true,
            only_nulls: false,
        };
        assert!(result(CompareOp::Greater, &known, 5.0).yes);
        assert!(!result(CompareOp::Equal, &known, 5.0).yes);
        assert!(result(CompareOp::Equal, &known, f64::NAN).yes);
        assert!(!result(CompareOp::Less, &known, 1.0).yes);
        assert!(!result(CompareOp::Equal, &known, 0.5).yes);
        assert!(!result(CompareOp::Equal, &known, 1.5).unknown);
    }

    #[test]
    fn prefixes_of_like() {
        let text = |t: &str| Some(Scalar::String(t.into()));
        let known = Known {
            min: text("bb"),
            max: text("dd"),
            ..Known::default()
        };
        let like = |pattern: &str| like(&known, &like_parts(pattern, None).unwrap()).yes;
        assert!(like("b%"));
        assert!(like("bbx%"));
        assert!(!like("ba%"));
        assert!(like("dd%"));
        assert!(!like("de%"));
        assert!(like("d%"));
        assert!(like("%x"));
        assert!(!like("a"));
    }

    /// Values of one column, or of a text column, and predicates over it.
    struct Cases(u64);

    impl Cases {
        fn below(&mut self, end: u64) -> u64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (self.0 >> 33) % end
        }

        fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
            items[self.below(items.len() as u64) as usize]
        }

        fn value(&mut self, kind: &str) -> Option<&'static str> {
            let value = match kind {
                "long" => self.pick(&["", "-1", "0", "1", "2"]),
                "double" => self.pick(&["", "-1", "0", "1.5", "NaN", "Infinity"]),
                _ => self.pick(&["_", "", "a", "ab", "abc", "abd", "b"]),
            };
            Some(value).filter(|value| {
                !matches!((kind, *value), ("string", "_") | ("long" | "double", ""))
            })
        }

        fn predicate(&mut self, kind: &str, depth: u64) -> serde_json::Value {
            let column = json!({"column": ["c"]});
            let mut literal = || json!({"type": kind, "value": self.value(kind)});
            let (first, second) = (literal(), literal());
            match self.below(if depth > 0 { 7 } else { 4 }) {
                0 => json!({"op": self.pick(&["is_null", "is_not_null"]), "arg": column}),
                1 if kind == "string" => {
                    let pattern = self.pick(&["a%", "ab%", "abc%", "abd_", "b", "%", "%b"]);
                    json!({"op": "like", "arg": column, "pattern": pattern, "escape": null})
                }
                2 => json!({"op": "in", "arg": column, "values": [first, second]}),
                4 => json!({"op": "not", "arg": self.predicate(kind, depth - 1)}),
                5 | 6 => {
                    let args = [
                        self.predicate(kind, depth - 1),
                        self.predicate(kind, depth - 1),
                    ];
                    json!({"op": self.pick(&["and", "or"]), "args": args})
                }
                _ => {
                    let ops = [
                        "=",
                        "<>",
                        "<",
                        "<=",
                        ">",
                        ">=",
                        "is_distinct",
                        "is_not_distinct",
                    ];
                    json!({"op": self.pick(&ops), "left": column, "right": first})
                }
            }
        }

        /// What a writer may say of `values`: all of it true, none of it certain to be said.
        fn known(&mut self, values: &[Option<Scalar>]) -> Known {
            let nan = |value: &Scalar| matches!(value, Scalar::Double(value) if value.is_nan());
            let mut there: Vec<Scalar> = values
                .iter()
                .flatten()
                .filter(|v| !nan(v))
                .cloned()
                .collect();
            there.sort_by(|a, b| a.compare(b).unwrap());
            let nulls = values.iter().filter(|value| value.is_none()).count();
            let mut known = Known {
                min: there.first().cloned(),
                max: there.last().cloned(),
                above: match there.first() {
                    Some(Scalar::Double(_)) => Above::Nan,
                    _ => Above::Nothing,
                },
                no_nulls: nulls == 0,
                only_nulls: nulls == values.len(),
            };
            if let (Some(Scalar::String(max)), 0) = (&mut known.max, self.below(2)) {
                known.above = Above::Longer;
                let kept = self.below(max.len() as u64 + 1);
                max.truncate(kept as usize);
            }
            match self.below(6) {
                0 => known.min = None,
                1 => known.max = None,
                2 => known.no_nulls = false,
                3 => known.only_nulls = false,
                4 if values.windows(2).all(|two| two[0] == two[1]) => {
                    known = Known::of_constant(values[0].clone());
                }
                _ => {}
            }
            known
        }
    }

    struct OneColumn(ArrayRef);

    impl Rows for OneColumn {
        fn len(&self) -> usize {
            self.0.len()
        }

        fn column(&self, _: &str) -> lakeio_store::Result<ArrayRef> {
            Ok(self.0.clone())
        }
    }

    fn array(values: &[Option<Scalar>], kind: &str) -> ArrayRef {
        let long = |value: &Scalar| match value {
            Scalar::Integer(value) => *value,
            _ => unreachable!(),
        };
        let double = |value: &Scalar| match value {
            Scalar::Double(value) => *value,
            _ => unreachable!(),
        };
        let text = |value: &Scalar| match value {
            Scalar::String(value) => value.clone(),
            _ => unreachable!(),
        };
        let values = values.iter().map(Option::as_ref);
        match kind {
            "long" => Arc::new(values.map(|v| v.map(long)).collect::<Int64Array>()),
            "double" => Arc::new(values.map(|v| v.map(double)).collect::<Float64Array>()),
            _ => Arc::new(values.map(|v| v.map(text)).collect::<StringArray>()),
        }
    }

    #[test]
    fn no_row_that_matches_is_ruled_out() {
        let mut cases = Cases(7);
        let (mut matched, mut ruled_out) = (0, 0);
        for _ in 0..60_000 {
            let kind = cases.pick(&["long", "double", "string"]);
            let primitive = Primitive::parse(kind).unwrap();
            let values: Vec<Option<Scalar>> = (0..1 + cases.below(3))
                .map(|_| {
                    let text = cases.value(kind)?;
                    Some(Scalar::parse(primitive, text, TextForm::Literal).unwrap())
                })
                .collect();
            let known = cases.known(&values);
            let json = cases.predicate(kind, 2);
            let predicate = Predicate::parse(&json).unwrap();
            let rows = OneColumn(array(&values, kind));
            let matches = selected(&evaluate(&predicate, &rows).unwrap()).count_set_bits();
            let may = may_match(&predicate, &|_| known.clone());
            assert!(may || matches == 0, "{json} {known:?} {values:?}");
            matched += usize::from(matches > 0);
            ruled_out += usize::from(!may);
        }
        assert!(
            matched > 10_000 && ruled_out > 10_000,
            "{matched} {ruled_out}"
        );
    }
}
