//! The row predicate: its JSON form, version 1, checked against a schema.
//!
//! Parsing and checking are here; `evaluate` computes it for rows and `prune` for statistics.

use serde_json::{json, Map, Value};

use lakeio_store::{Class, Error, Result};

use crate::scalar::{Scalar, TextForm};
use crate::types::{DataType, Field, Primitive};

/// Deepest nesting of a predicate that is accepted.
const MAX_DEPTH: usize = 200;

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
    text: Option<String>,
}

/// One element of a LIKE pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LikePart {
    /// This character.
    Character(char),
    /// Any one character.
    AnyOne,
    /// Any text, the empty one too.
    AnyText,
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Class::InvalidPredicate, message)
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

    fn parse(name: &str) -> Option<CompareOp> {
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

/// An object whose members are taken one by one; what is left over is an error.
struct Members<'a> {
    object: &'a Map<String, Value>,
    taken: Vec<&'static str>,
}

impl<'a> Members<'a> {
    fn of(value: &'a Value, what: &str) -> Result<Self> {
        match value {
            Value::Object(object) => Ok(Members {
                object,
                taken: Vec::new(),
            }),
            _ => Err(invalid(format!("{what} is not an object"))),
        }
    }

    fn take(&mut self, key: &'static str) -> Result<&'a Value> {
        self.taken.push(key);
        self.object
            .get(key)
            .ok_or_else(|| invalid(format!("a member is missing: {key}")))
    }

    fn text(&mut self, key: &'static str) -> Result<&'a str> {
        self.take(key)?
            .as_str()
            .ok_or_else(|| invalid(format!("a member is not a text: {key}")))
    }

    fn list(&mut self, key: &'static str) -> Result<&'a Vec<Value>> {
        self.take(key)?
            .as_array()
            .ok_or_else(|| invalid(format!("a member is not a list: {key}")))
    }

    fn finish(self) -> Result<()> {
        match self
            .object
            .keys()
            .find(|key| !self.taken.contains(&key.as_str()))
        {
            Some(key) => Err(invalid(format!("a member is not known: {key}"))),
            None => Ok(()),
        }
    }
}

impl ColumnPath {
    fn parse(value: &Value) -> Result<ColumnPath> {
        let mut members = Members::of(value, "a column")?;
        let path = members.list("column")?;
        members.finish()?;
        let names = path.iter().map(|name| name.as_str().map(str::to_string));
        match names.collect::<Option<Vec<_>>>() {
            Some(names) if !names.is_empty() => Ok(ColumnPath(names)),
            _ => Err(invalid("a column path is not a list of names")),
        }
    }

    fn to_json(&self) -> Value {
        json!({ "column": self.0 })
    }

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

    fn parse(value: &Value) -> Result<Literal> {
        let mut members = Members::of(value, "a literal")?;
        let name = members.text("type")?;
        let text = members.take("value")?;
        members.finish()?;
        let primitive = Primitive::parse(name)
            .ok_or_else(|| invalid(format!("a literal's type is not a primitive one: {name}")))?;
        match text {
            Value::Null => Literal::new(primitive, None),
            Value::String(text) => Literal::new(primitive, Some(text)),
            _ => Err(invalid("a literal's value is neither a text nor null")),
        }
    }

    fn to_json(&self) -> Value {
        json!({"type": self.primitive.name(), "value": self.text})
    }
}

impl Operand {
    fn parse(value: &Value) -> Result<Operand> {
        match value.get("column") {
            Some(_) => ColumnPath::parse(value).map(Operand::Column),
            None => Literal::parse(value).map(Operand::Literal),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Operand::Column(column) => column.to_json(),
            Operand::Literal(literal) => literal.to_json(),
        }
    }

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

/// Splits a LIKE pattern into its parts. As in Spark, the escape character must stand before `%`,
/// `_` or itself.
pub fn like_parts(pattern: &str, escape: Option<char>) -> Result<Vec<LikePart>> {
    let mut parts = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        parts.push(match character {
            c if Some(c) == escape => match characters.next() {
                Some(next) if next == '%' || next == '_' || Some(next) == escape => {
                    LikePart::Character(next)
                }
                _ => {
                    return Err(invalid(format!(
                        "a LIKE pattern's escape character must stand before %, _ or itself: \
                         {pattern}"
                    )))
                }
            },
            '%' => LikePart::AnyText,
            '_' => LikePart::AnyOne,
            c => LikePart::Character(c),
        });
    }
    Ok(parts)
}

impl Predicate {
    /// Parses the JSON form. Anything that is not known is `INVALID_PREDICATE`.
    pub fn parse(value: &Value) -> Result<Predicate> {
        Self::parse_at(value, 0)
    }

    fn parse_at(value: &Value, depth: usize) -> Result<Predicate> {
        if depth > MAX_DEPTH {
            return Err(invalid("the predicate is nested too deeply"));
        }
        let mut members = Members::of(value, "a predicate")?;
        let op = members.text("op")?;
        let predicate = match op {
            "and" | "or" => {
                let args = members
                    .list("args")?
                    .iter()
                    .map(|arg| Self::parse_at(arg, depth + 1));
                let args = args.collect::<Result<Vec<_>>>()?;
                if op == "and" {
                    Predicate::And(args)
                } else {
                    Predicate::Or(args)
                }
            }
            "not" => Predicate::Not(Box::new(Self::parse_at(members.take("arg")?, depth + 1)?)),
            "is_null" | "is_not_null" => Predicate::IsNull {
                column: ColumnPath::parse(members.take("arg")?)?,
                negated: op == "is_not_null",
            },
            "in" => Predicate::In {
                arg: Operand::parse(members.take("arg")?)?,
                values: members
                    .list("values")?
                    .iter()
                    .map(Literal::parse)
                    .collect::<Result<_>>()?,
            },
            "like" => {
                let column = ColumnPath::parse(members.take("arg")?)?;
                let pattern = members.text("pattern")?.to_string();
                let escape = match members.take("escape")? {
                    Value::Null => None,
                    Value::String(text) => {
                        let mut characters = text.chars();
                        match (characters.next(), characters.next()) {
                            (Some(character), None) => Some(character),
                            _ => return Err(invalid("a LIKE escape is not one character")),
                        }
                    }
                    _ => return Err(invalid("a LIKE escape is neither a character nor null")),
                };
                like_parts(&pattern, escape)?;
                Predicate::Like {
                    column,
                    pattern,
                    escape,
                }
            }
            "literal" => match members.take("value")? {
                Value::Null => Predicate::Literal(None),
                Value::Bool(value) => Predicate::Literal(Some(*value)),
                _ => return Err(invalid("a literal predicate is not true, false or null")),
            },
            other => match CompareOp::parse(other) {
                Some(op) => Predicate::Compare {
                    op,
                    left: Operand::parse(members.take("left")?)?,
                    right: Operand::parse(members.take("right")?)?,
                },
                None => return Err(invalid(format!("an operation is not known: {other}"))),
            },
        };
        members.finish()?;
        Ok(predicate)
    }

    /// The JSON form; parsing it gives the same predicate.
    pub fn to_json(&self) -> Value {
        let list = |args: &[Predicate]| args.iter().map(Predicate::to_json).collect::<Vec<_>>();
        match self {
            Predicate::And(args) => json!({"op": "and", "args": list(args)}),
            Predicate::Or(args) => json!({"op": "or", "args": list(args)}),
            Predicate::Not(arg) => json!({"op": "not", "arg": arg.to_json()}),
            Predicate::IsNull { column, negated } => {
                let op = if *negated { "is_not_null" } else { "is_null" };
                json!({"op": op, "arg": column.to_json()})
            }
            Predicate::Compare { op, left, right } => {
                json!({"op": op.name(), "left": left.to_json(), "right": right.to_json()})
            }
            Predicate::In { arg, values } => json!({
                "op": "in",
                "arg": arg.to_json(),
                "values": values.iter().map(Literal::to_json).collect::<Vec<_>>(),
            }),
            Predicate::Like {
                column,
                pattern,
                escape,
            } => json!({
                "op": "like",
                "arg": column.to_json(),
                "pattern": pattern,
                "escape": escape.map(String::from),
            }),
            Predicate::Literal(value) => json!({"op": "literal", "value": value}),
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Vec<Field> {
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

    fn long(text: &str) -> Value {
        json!({"type": "long", "value": text})
    }

    #[test]
    fn every_operation_survives_parse_and_print() {
        let id = json!({"column": ["id"]});
        let value = json!({"op":"and","args":[
            {"op":"or","args":[]},
            {"op":"not","arg":{"op":"is_null","arg":{"column":["v"]}}},
            {"op":"is_not_null","arg":{"column":["st","x.y"]}},
            {"op":"=","left":id,"right":long("1")},
            {"op":"<>","left":long("1"),"right":id},
            {"op":"is_distinct","left":id,"right":{"type":"decimal(3,1)","value":"1.50"}},
            {"op":"is_not_distinct","left":id,"right":{"type":"double","value":null}},
            {"op":"<=","left":{"column":["st","x.y"]},"right":id},
            {"op":"in","arg":id,"values":[long("1"),{"type":"long","value":null}]},
            {"op":"like","arg":{"column":["name"]},"pattern":"a\\%_%","escape":"\\"},
            {"op":"like","arg":{"column":["name"]},"pattern":"a","escape":null},
            {"op":"literal","value":null},{"op":"literal","value":true}]});
        let predicate = Predicate::parse(&value).unwrap();
        assert_eq!(predicate.to_json().to_string(), value.to_string());
        predicate.check(&schema()).unwrap();
        let mut columns = Vec::new();
        predicate.for_each_column(&mut |column| columns.push(column.display()));
        assert_eq!(columns.len(), 11);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let id = json!({"column": ["id"]});
        for (value, word) in [
            (json!({"op":"xor","args":[]}), "xor"),
            (json!({"op":"and","args":[],"arg":1}), "arg"),
            (json!({"op":"and"}), "args"),
            (json!([]), "object"),
            (json!({"op":"=","left":id}), "right"),
            (
                json!({"op":"=","left":id,"right":{"type":"long","value":"1.5"}}),
                "1.5",
            ),
            (
                json!({"op":"=","left":id,"right":{"type":"long","value":1}}),
                "text",
            ),
            (
                json!({"op":"=","left":id,"right":{"type":"variant","value":null}}),
                "variant",
            ),
            (json!({"op":"=","left":{"column":[]},"right":id}), "path"),
            (
                json!({"op":"like","arg":id,"pattern":"a\\b","escape":"\\"}),
                "escape",
            ),
            (
                json!({"op":"like","arg":id,"pattern":"a\\","escape":"\\"}),
                "escape",
            ),
            (
                json!({"op":"like","arg":id,"pattern":"a","escape":"ab"}),
                "escape",
            ),
            (json!({"op":"literal","value":1}), "literal"),
        ] {
            let error = Predicate::parse(&value).unwrap_err();
            assert_eq!(error.class(), Class::InvalidPredicate, "{value}");
            assert!(
                error.message().contains(word),
                "{value}: {}",
                error.message()
            );
        }
        let mut deep = json!({"op":"literal","value":true});
        for _ in 0..300 {
            deep = json!({"op":"not","arg":deep});
        }
        assert!(Predicate::parse(&deep).is_err());
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
