//! Names of files in `_delta_log`.

/// What a name says about a file of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LogName {
    /// `N.json`
    Commit(u64),
    /// `N.checkpoint.parquet`
    Checkpoint(u64),
    /// `N.checkpoint.I.OF.parquet`
    CheckpointPart { version: u64, index: u32, of: u32 },
    /// `N.checkpoint.UUID.parquet` or `.json`
    CheckpointV2 { version: u64, json: bool },
    /// `N.crc`
    Checksum(u64),
    /// A name that starts with a version and is of no use here.
    Other,
}

/// The file that points at a recent checkpoint.
pub(crate) const LAST_CHECKPOINT: &str = "_last_checkpoint";

/// `N.json`.
pub(crate) fn commit(version: u64) -> String {
    format!("{version:020}.json")
}

/// `N.crc`.
pub(crate) fn checksum(version: u64) -> String {
    format!("{version:020}.crc")
}

/// The part of a name that all files of a version begin with.
pub(crate) fn prefix(version: u64) -> String {
    format!("{version:020}")
}

/// What `name` says; `None` when it does not start with a version of 20 digits and a dot.
pub(crate) fn parse(name: &str) -> Option<LogName> {
    let (digits, rest) = name.split_once('.')?;
    let number = |text: &str, width: usize| -> Option<u64> {
        let all_digits = text.len() == width && text.bytes().all(|b| b.is_ascii_digit());
        all_digits.then(|| text.parse().ok()).flatten()
    };
    let version = number(digits, 20)?;
    Some(match rest.split('.').collect::<Vec<_>>().as_slice() {
        ["json"] => LogName::Commit(version),
        ["crc"] => LogName::Checksum(version),
        ["checkpoint", "parquet"] => LogName::Checkpoint(version),
        ["checkpoint", _uuid, kind @ ("parquet" | "json")] => LogName::CheckpointV2 {
            version,
            json: *kind == "json",
        },
        ["checkpoint", index, of, "parquet"] => {
            let part = |text| number(text, 10).and_then(|n| u32::try_from(n).ok());
            match (part(index), part(of)) {
                (Some(index), Some(of)) if index >= 1 && index <= of => {
                    LogName::CheckpointPart { version, index, of }
                }
                _ => LogName::Other,
            }
        }
        _ => LogName::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        let v = "00000000000000000007";
        assert_eq!(parse(&format!("{v}.json")), Some(LogName::Commit(7)));
        assert_eq!(parse(&format!("{v}.crc")), Some(LogName::Checksum(7)));
        assert_eq!(
            parse(&format!("{v}.checkpoint.parquet")),
            Some(LogName::Checkpoint(7))
        );
        assert_eq!(
            parse(&format!("{v}.checkpoint.0000000002.0000000005.parquet")),
            Some(LogName::CheckpointPart {
                version: 7,
                index: 2,
                of: 5
            })
        );
        assert_eq!(
            parse(&format!("{v}.checkpoint.a-b.json")),
            Some(LogName::CheckpointV2 {
                version: 7,
                json: true
            })
        );
        assert_eq!(
            parse(&format!("{v}.{v}.compacted.json")),
            Some(LogName::Other)
        );
        assert_eq!(
            parse(&format!("{v}.checkpoint.0000000006.0000000005.parquet")),
            Some(LogName::Other)
        );
        for name in [
            "7.json",
            "_last_checkpoint",
            "0000000000000000000a.json",
            ".tmp",
            "",
        ] {
            assert_eq!(parse(name), None, "{name}");
        }
    }
}
