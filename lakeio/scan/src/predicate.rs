//! The row predicate: a tree over the columns of a table, checked against a schema.
//!
//! `predicate_json` parses and prints it, `evaluate` computes it for rows and `prune` for
//! statistics.

use lakeio_store::{Class, Error, Result};

pub use crate::like::{like_parts, LikePart};
use crate::scalar::{Scalar, TextForm};
use crate::types::{DataType, Field, Primitive};

/// A tree of three-valued logic over the columns of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Predicate {
    /// All of them.
    And(Vec<Predicate>),
    /// Any of them.
    Or(Vec<Predicate>),
    /// The contrary; of unknown it is unknown.
    Not(Box<Predicate>),
    /// Whether a column is NULL (true) or not (false). `negated`: the other way round.
    IsNull {
        /// The column.
        column: ColumnPath,
        /// IS NOT NULL.
        negated: bool,
    },
    /// A comparison of two operands.
    Compare {
        /// Which comparison.
        op: CompareOp,
        /// The left operand.
        left: Operand,
        /// The right operand.
        right: Operand,
    },
    /// Whether the operand equals any of the values.
    In {
        /// The operand.
        arg: Operand,
        /// The values.
        values: Vec<Literal>,
    },
    /// SQL's LIKE on text.
    Like {
        /// The column.
        column: ColumnPath,
        /// The pattern: `%` any text, `_` any one character.
        pattern: String,
        /// The character that takes the meaning of the next one away.
        escape: Option<char>,
    },
    /// True, false or unknown.
    Literal(Option<bool>),
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<>` where NULL is a value like others
    Distinct,
    /// `=` where NULL is a value like others
    NotDistinct,
}

/// A path through structs, of logical names, from a top-level column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnPath(pub Vec<String>);

/// A side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// The column's value.
    Column(ColumnPath),
    /// A constant.
    Literal(Literal),
}

/// A typed constant or a typed NULL. Keeps its text, so that printing gives what was parsed.
#[derive(Clone, Debug, PartialEq)]
pub struct Literal {
    /// Its type.
    pub primitive: Primitive,
    /// Its value; none is NULL.
    pub value: Option<Scalar>,
    pub(crate) text: Option<String>,
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Class::InvalidPredicate, message)
}

impl Predicate {
    /// Checks that every column is in `schema` and that what is compared can be compared.
    pub fn check(&self, schema: &[Field]) -> Result<()> {
        let compare = |left: Primitive, right: Primitive| {
            if comparable(left, right) {
                return Ok(());
            }
            Err(invalid(format!(
                "the types cannot be compared: {} and {}",
                left.name(),
                right.name()
            )))
        };
        match self {
            Predicate::And(args) | Predicate::Or(args) => {
                args.iter().try_for_each(|arg| arg.check(schema))
            }
            Predicate::Not(arg) => arg.check(schema),
            Predicate::IsNull { column, .. } => column.resolve(schema).map(|_| ()),
            Predicate::Compare { left, right, .. } => {
                compare(left.primitive(schema)?, right.primitive(schema)?)
            }
            Predicate::In { arg, values } => {
                let primitive = arg.primitive(schema)?;
                values
                    .iter()
                    .try_for_each(|value| compare(primitive, value.primitive))
            }
            Predicate::Like { column, .. } => match column.resolve(schema)? {
                DataType::Primitive(Primitive::String) => Ok(()),
                _ => Err(invalid(format!(
                    "LIKE wants a string column: {}",
                    column.display()
                ))),
            },
            Predicate::Literal(_) => Ok(()),
        }
    }

    /// Calls `visit` with every column path in the tree.
    pub fn for_each_column<'a>(&'a self, visit: &mut impl FnMut(&'a ColumnPath)) {
        let mut operand = |operand: &'a Operand| {
            if let Operand::Column(column) = operand {
                visit(column);
            }
        };
        match self {
            Predicate::And(args) | Predicate::Or(args) => {
                for arg in args {
                    arg.for_each_column(visit);
                }
            }
            Predicate::Not(arg) => arg.for_each_column(visit),
            Predicate::IsNull { column, .. } | Predicate::Like { column, .. } => visit(column),
            Predicate::Compare { left, right, .. } => {
                operand(left);
                operand(right);
            }
            Predicate::In { arg, .. } => operand(arg),
            Predicate::Literal(_) => {}
        }
    }
}

impl CompareOp {
    const ALL: [(CompareOp, &'static str); 8] = [
        (CompareOp::Equal, "="),
        (CompareOp::NotEqual, "<>"),
        (CompareOp::Less, "<"),
        (CompareOp::LessOrEqual, "<="),
        (CompareOp::Greater, ">"),
        (CompareOp::GreaterOrEqual, ">="),
        (CompareOp::Distinct, "is_distinct"),
        (CompareOp::NotDistinct, "is_not_distinct"),
    ];

    /// The operator's word in the JSON form.
    pub fn name(self) -> &'static str {
        CompareOp::ALL
            .iter()
            .find(|(op, _)| *op == self)
            .map_or("", |(_, name)| name)
    }

    pub(crate) fn parse(name: &str) -> Option<CompareOp> {
        CompareOp::ALL
            .iter()
            .find(|(_, n)| *n == name)
            .map(|(op, _)| *op)
    }

    /// The operator with its sides exchanged.
    pub fn flipped(self) -> CompareOp {
        match self {
            CompareOp::Less => CompareOp::Greater,
            CompareOp::LessOrEqual => CompareOp::GreaterOrEqual,
            CompareOp::Greater => CompareOp::Less,
            CompareOp::GreaterOrEqual => CompareOp::LessOrEqual,
            CompareOp::Equal
            | CompareOp::NotEqual
            | CompareOp::Distinct
            | CompareOp::NotDistinct => self,
        }
    }

    /// Whether an order of two values that are not NULL satisfies the operator.
    #[inline]
    pub fn accepts(self, order: std::cmp::Ordering) -> bool {
        match self {
            CompareOp::Equal | CompareOp::NotDistinct => order.is_eq(),
            CompareOp::NotEqual | CompareOp::Distinct => order.is_ne(),
            CompareOp::Less => order.is_lt(),
            CompareOp::LessOrEqual => order.is_le(),
            CompareOp::Greater => order.is_gt(),
            CompareOp::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl ColumnPath {
    /// The path with dots, for messages.
    pub fn display(&self) -> String {
        self.0.join(".")
    }

    /// The type of the column in `schema`.
    pub fn resolve<'a>(&self, schema: &'a [Field]) -> Result<&'a DataType> {
        let unknown = || {
            Error::new(
                Class::ColumnNotFound,
                format!(
                    "the predicate's column is not in the schema: {}",
                    self.display()
                ),
            )
            .with("column", self.display())
        };
        let mut fields = schema;
        let mut found: Option<&DataType> = None;
        for name in &self.0 {
            if let Some(parent) = found {
                match parent {
                    DataType::Struct(children) => fields = children,
                    _ => return Err(unknown()),
                }
            }
            let field = fields
                .iter()
                .find(|field| field.name == *name)
                .ok_or_else(unknown)?;
            found = Some(&field.data_type);
        }
        found.ok_or_else(unknown)
    }
}

impl Literal {
    /// A literal of `primitive` from its text form; none is NULL.
    pub fn new(primitive: Primitive, text: Option<&str>) -> Result<Literal> {
        let value = match text {
            None => None,
            Some(text) => match Scalar::parse(primitive, text, TextForm::Literal) {
                Ok(value) => Some(value),
                Err(reason) => {
                    let name = primitive.name();
                    return Err(invalid(format!("a {name} literal is {reason}: {text}")));
                }
            },
        };
        Ok(Literal {
            primitive,
            value,
            text: text.map(str::to_string),
        })
    }
}

impl Operand {
    fn primitive(&self, schema: &[Field]) -> Result<Primitive> {
        match self {
            Operand::Literal(literal) => Ok(literal.primitive),
            Operand::Column(column) => match column.resolve(schema)? {
                DataType::Primitive(primitive) => Ok(*primitive),
                _ => Err(invalid(format!(
                    "a column of this type can only be compared with NULL: {}",
                    column.display()
                ))),
            },
        }
    }
}

/// Whether values of the two types have an order between them.
fn comparable(left: Primitive, right: Primitive) -> bool {
    #[derive(PartialEq)]
    enum Kind {
        Boolean,
        Number,
        String,
        Binary,
        Date,
        Timestamp,
        TimestampNtz,
    }
    let kind = |primitive| match primitive {
        Primitive::Boolean => Kind::Boolean,
        Primitive::Byte
        | Primitive::Short
        | Primitive::Integer
        | Primitive::Long
        | Primitive::Float
        | Primitive::Double
        | Primitive::Decimal(..) => Kind::Number,
        Primitive::String => Kind::String,
        Primitive::Binary => Kind::Binary,
        Primitive::Date => Kind::Date,
        Primitive::Timestamp => Kind::Timestamp,
        Primitive::TimestampNtz => Kind::TimestampNtz,
    };
    kind(left) == kind(right)
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{json, Value};

    use super::*;

    pub(crate) fn schema() -> Vec<Field> {
        let field = |name: &str, primitive| Field::new(name, DataType::Primitive(primitive));
        vec![
            field("id", Primitive::Long),
            field("name", Primitive::String),
            field("day", Primitive::Date),
            Field::new(
                "st",
                DataType::Struct(vec![field("x.y", Primitive::Double)]),
            ),
            Field::new("v", DataType::Variant),
        ]
    }

    #[test]
    fn types_and_columns_are_checked() {
        let check = |value: Value| Predicate::parse(&value).unwrap().check(&schema());
        let column = |name: &str| json!({"column": [name]});
        for value in [
            json!({"op":"=","left":column("id"),"right":{"type":"string","value":"1"}}),
            json!({"op":"=","left":column("day"),"right":{"type":"timestamp","value":null}}),
            json!({"op":"=","left":column("v"),"right":column("v")}),
            json!({"op":"in","arg":column("id"),"values":[{"type":"date","value":null}]}),
            json!({"op":"like","arg":column("id"),"pattern":"a","escape":null}),
        ] {
            assert_eq!(check(value).unwrap_err().class(), Class::InvalidPredicate);
        }
        for path in [
            json!(["nope"]),
            json!(["st", "z"]),
            json!(["id", "x"]),
            json!(["ID"]),
        ] {
            let error = check(json!({"op":"is_null","arg":{"column":path}})).unwrap_err();
            assert_eq!(error.class(), Class::ColumnNotFound);
        }
    }
}
