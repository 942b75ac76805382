//! The JSON form of the row predicate, version 1: parsing, which refuses what it does not know, and
//! printing, which gives what was parsed.

use serde_json::{json, Map, Value};

use lakeio_store::Result;

use crate::like::like_parts;
use crate::predicate::{invalid, ColumnPath, CompareOp, Literal, Operand, Predicate};
use crate::types::Primitive;

/// Deepest nesting of a predicate that is accepted.
const MAX_DEPTH: usize = 200;

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
            "like" => Self::parse_like(&mut members)?,
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

    fn parse_like(members: &mut Members<'_>) -> Result<Predicate> {
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
        Ok(Predicate::Like {
            column,
            pattern,
            escape,
        })
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
}

impl Literal {
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

#[cfg(test)]
mod tests {
    use lakeio_store::Class;

    use super::*;
    use crate::predicate::tests::schema;

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
}
