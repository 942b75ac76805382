//! Variants on their way into files that have no such type: their text becomes JSON that everybody
//! reads, with strings in the place of NaN and infinities.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, StringArray, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use arrow::error::ArrowError;

use lakeio_scan::types::ARROW_TYPE;

const WORDS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// Whether values of the field are, or hold, variants.
pub(crate) fn has_variant(field: &Field) -> bool {
    field
        .metadata()
        .get(ARROW_TYPE)
        .is_some_and(|name| name == "variant")
        || match field.data_type() {
            DataType::Struct(fields) => fields.iter().any(|field| has_variant(field)),
            DataType::List(inner) | DataType::Map(inner, _) => has_variant(inner),
            _ => false,
        }
}

/// `array`, of values of `field`, with valid JSON in its variants. Fails where the values are not what
/// the field says.
pub(crate) fn valid_json(array: &ArrayRef, field: &Field) -> Result<ArrayRef, ArrowError> {
    if !has_variant(field) {
        return Ok(array.clone());
    }
    Ok(match field.data_type() {
        DataType::Struct(fields) => Arc::new(valid_struct(array.as_struct(), fields)?),
        DataType::List(inner) => {
            let list = array.as_list::<i32>();
            Arc::new(ListArray::try_new(
                inner.clone(),
                list.offsets().clone(),
                valid_json(list.values(), inner)?,
                list.nulls().cloned(),
            )?)
        }
        DataType::Map(inner, sorted) => {
            let map = array.as_map();
            let DataType::Struct(fields) = inner.data_type() else {
                return Ok(array.clone());
            };
            Arc::new(MapArray::try_new(
                inner.clone(),
                map.offsets().clone(),
                valid_struct(map.entries(), fields)?,
                map.nulls().cloned(),
                *sorted,
            )?)
        }
        _ => {
            let texts = array.as_string::<i32>().iter();
            Arc::new(StringArray::from_iter(texts.map(|text| text.map(quoted))))
        }
    })
}

fn valid_struct(array: &StructArray, fields: &Fields) -> Result<StructArray, ArrowError> {
    let columns = array.columns().iter().zip(fields);
    let columns = columns.map(|(column, field)| valid_json(column, field));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    StructArray::try_new(fields.clone(), columns, array.nulls().cloned())
}

/// `json` with quotes around the words that stand outside of strings.
fn quoted(json: &str) -> Cow<'_, str> {
    if !WORDS.iter().any(|word| json.contains(word)) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 8);
    let mut rest = json;
    let mut in_string = false;
    let mut escaped = false;
    while let Some(c) = rest.chars().next() {
        let word = WORDS
            .iter()
            .find(|word| !in_string && rest.starts_with(**word));
        if let Some(word) = word {
            out.extend(["\"", word, "\""]);
            rest = &rest[word.len()..];
            continue;
        }
        in_string ^= c == '"' && !escaped;
        escaped = in_string && c == '\\' && !escaped;
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::Int32Type;
    use std::collections::HashMap;

    #[test]
    fn words_outside_of_strings_are_quoted() {
        for (json, valid) in [
            (r#"{"NaN":1}"#, r#"{"NaN":1}"#),
            ("NaN", r#""NaN""#),
            ("[NaN,-Infinity]", r#"["NaN","-Infinity"]"#),
            (
                r#"{"ä\"NaN":Infinity,"b\\":NaN}"#,
                r#"{"ä\"NaN":"Infinity","b\\":"NaN"}"#,
            ),
            // No JSON, but nothing to fall over either.
            (r#""NaN\ä"#, r#""NaN\ä"#),
            (r#""NaN\"#, r#""NaN\"#),
        ] {
            assert_eq!(quoted(json), valid, "{json}");
        }
    }

    #[test]
    fn variants_at_any_depth() {
        let mark = HashMap::from([(ARROW_TYPE.to_string(), "variant".to_string())]);
        let variant = Arc::new(Field::new("v", DataType::Utf8, true).with_metadata(mark));
        let plain = Arc::new(Field::new("t", DataType::Utf8, true));
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("NaN"), None]));
        let fields = Fields::from(vec![variant, plain]);
        let pair = StructArray::new(fields.clone(), vec![texts.clone(), texts], None);
        let inner = Arc::new(Field::new("item", DataType::Struct(fields), true));
        let offsets = OffsetBuffer::new(vec![0, 2].into());
        let list: ArrayRef = Arc::new(ListArray::new(inner.clone(), offsets, Arc::new(pair), None));
        let made = valid_json(&list, &Field::new("l", DataType::List(inner), true)).unwrap();
        let pair = made.as_list::<i32>().values().as_struct();
        let text = |column: usize| pair.column(column).as_string::<i32>().value(0).to_string();
        assert_eq!((text(0), text(1)), ("\"NaN\"".into(), "NaN".into()));
        assert!(pair.column(0).is_null(1));
        let numbers = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]);
        let field = Field::new("n", numbers.data_type().clone(), true);
        let numbers: ArrayRef = Arc::new(numbers);
        assert_eq!(&valid_json(&numbers, &field).unwrap(), &numbers);
    }
}
