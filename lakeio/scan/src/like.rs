//! SQL's LIKE: patterns taken apart, and whether a text matches one.

use lakeio_store::{Class, Error, Result};

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
                    return Err(Error::new(
                        Class::InvalidPredicate,
                        format!(
                            "a LIKE pattern's escape character must stand before %, _ or itself: \
                             {pattern}"
                        ),
                    ))
                }
            },
            '%' => LikePart::AnyText,
            '_' => LikePart::AnyOne,
            c => LikePart::Character(c),
        });
    }
    Ok(parts)
}

/// A LIKE pattern made ready.
pub(crate) enum LikePattern {
    Exact(String),
    Prefix(String),
    Suffix(String),
    Contains(String),
    General(Vec<LikePart>),
}

impl LikePattern {
    pub(crate) fn new(parts: &[LikePart]) -> LikePattern {
        let text = |parts: &[LikePart]| -> Option<String> {
            let character = |part: &LikePart| match part {
                LikePart::Character(c) => Some(*c),
                LikePart::AnyOne | LikePart::AnyText => None,
            };
            parts.iter().map(character).collect()
        };
        let simple = match parts {
            [LikePart::AnyText, middle @ .., LikePart::AnyText] => {
                text(middle).map(LikePattern::Contains)
            }
            [LikePart::AnyText, rest @ ..] => text(rest).map(LikePattern::Suffix),
            [rest @ .., LikePart::AnyText] => text(rest).map(LikePattern::Prefix),
            all => text(all).map(LikePattern::Exact),
        };
        simple.unwrap_or_else(|| LikePattern::General(parts.to_vec()))
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            LikePattern::Exact(pattern) => text == pattern,
            LikePattern::Prefix(prefix) => text.starts_with(prefix.as_str()),
            LikePattern::Suffix(suffix) => text.ends_with(suffix.as_str()),
            LikePattern::Contains(part) => text.contains(part.as_str()),
            LikePattern::General(parts) => matches_general(parts, text),
        }
    }
}

/// Greedy matching that goes back to the last `%` only: at most text times pattern steps.
fn matches_general(parts: &[LikePart], text: &str) -> bool {
    let mut rest = text.chars();
    let mut at = 0;
    let mut last_any: Option<(usize, std::str::Chars<'_>)> = None;
    loop {
        let mut ahead = rest.clone();
        let step = match (parts.get(at), ahead.next()) {
            (Some(LikePart::AnyText), _) => {
                last_any = Some((at, rest.clone()));
                at += 1;
                continue;
            }
            (None, None) => return true,
            (Some(LikePart::AnyOne), Some(_)) => true,
            (Some(LikePart::Character(c)), Some(next)) => *c == next,
            (_, None) => return false,
            (None, Some(_)) => false,
        };
        if step {
            rest = ahead;
            at += 1;
            continue;
        }
        // The last `%` takes one character more.
        let Some((any, from)) = &mut last_any else {
            return false;
        };
        if from.next().is_none() {
            return false;
        }
        at = *any + 1;
        rest = from.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(pattern: &str, text: &str) -> bool {
        LikePattern::new(&like_parts(pattern, Some('\\')).unwrap()).matches(text)
    }

    #[test]
    fn like_patterns() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("%", "", true),
            ("%", "anything", true),
            ("a%", "abc", true),
            ("%c", "abc", true),
            ("%b%", "abc", true),
            ("_", "é", true),
            ("_", "🙂", true),
            ("__", "🙂", false),
            ("a_c", "abc", true),
            ("a\\_c", "abc", false),
            ("a\\_c", "a_c", true),
            ("\\%", "%", true),
            ("%a%b%c", "xxaxxbxxc", true),
            ("%a%b%c", "xxaxxbxxcx", false),
            ("%ab%ab_", "abaabab", false),
            ("%ab%ab_", "abaababx", true),
            ("a%", "a\nb", true),
        ] {
            assert_eq!(like(pattern, text), expected, "{pattern} {text}");
        }
        let many = "a".repeat(5000);
        assert!(!like("%a%a%a%a%a%a%a%a%b", &many));
    }
}
