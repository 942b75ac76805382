//! Files that count days in the hybrid Julian and Gregorian calendar, as Spark before 3.0 and Hive
//! wrote them: how they are told from others, and the same days in the proleptic Gregorian one.
//!
//! A stored day stands for the date that the writer's calendar calls it; the result is the day that
//! bears the same name in the proleptic calendar, which is what Spark does. A time of day in a zone
//! whose history matters and is not known cannot be carried over and is refused.

use parquet::file::metadata::FileMetaData;

use crate::civil::{days_from_civil, DAY_MICROS};

/// First day on which both calendars agree: 1582-10-15.
pub(crate) const FIRST_COMMON_DAY: i32 = -141_427;
/// 1900-01-01T00:00:00Z: from here on no zone differs between the calendars.
pub(crate) const FIRST_COMMON_MICROS: i64 = -2_208_988_800_000_000;

/// How values of one kind are to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Calendar {
    /// As they are.
    Proleptic,
    /// In the hybrid calendar; times in UTC.
    Hybrid,
    /// Not known for old values, which are refused.
    Unknown,
}

/// The calendars of a file's kinds of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Calendars {
    pub dates: Calendar,
    pub timestamps: Calendar,
    pub int96: Calendar,
}

impl Calendars {
    /// Tells them from the footer.
    pub(crate) fn of(file: &FileMetaData) -> Calendars {
        let pairs = file.key_value_metadata();
        let value = |key: &str| -> Option<&str> {
            let pair = pairs?.iter().find(|pair| pair.key == key)?;
            Some(pair.value.as_deref().unwrap_or_default())
        };
        Self::from_keys(file.created_by().unwrap_or_default(), value)
    }

    fn from_keys<'a>(created_by: &str, value: impl Fn(&str) -> Option<&'a str>) -> Calendars {
        let in_zone = |zone: Option<&str>| match zone {
            Some("UTC" | "Etc/UTC" | "GMT" | "Z" | "+00:00") => Calendar::Hybrid,
            _ => Calendar::Unknown,
        };
        if let Some(version) = value("org.apache.spark.version") {
            let zone = in_zone(value("org.apache.spark.timeZone"));
            let old = |key: &str, first: (u32, u32)| {
                spark_version(version) < first || value(key).is_some()
            };
            let datetime = old("org.apache.spark.legacyDateTime", (3, 0));
            let int96 = old("org.apache.spark.legacyINT96", (3, 1));
            let choose = |old, calendar| if old { calendar } else { Calendar::Proleptic };
            return Calendars {
                dates: choose(datetime, Calendar::Hybrid),
                timestamps: choose(datetime, zone),
                int96: choose(int96, zone),
            };
        }
        let all = |calendar| Calendars {
            dates: calendar,
            timestamps: calendar,
            int96: calendar,
        };
        match value("writer.date.proleptic") {
            Some("true") => return all(Calendar::Proleptic),
            Some(_) => {
                let times = in_zone(value("writer.time.zone"));
                return Calendars {
                    dates: Calendar::Hybrid,
                    timestamps: times,
                    int96: times,
                };
            }
            None => {}
        }
        // Hive and old versions of other tools on the same library leave no trace of their
        // calendar; every other library counts proleptic days.
        let traceless = created_by.starts_with("parquet-mr") && value("iceberg.schema").is_none();
        all(if traceless {
            Calendar::Unknown
        } else {
            Calendar::Proleptic
        })
    }
}

/// Major and minor number; of a text that is none, the highest: a new Spark.
fn spark_version(text: &str) -> (u32, u32) {
    let mut numbers = text.split(['.', '-']).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor),
        _ => (u32::MAX, u32::MAX),
    }
}

/// The proleptic day that bears the name that a hybrid day has.
pub(crate) fn hybrid_day_to_proleptic(day: i32) -> i32 {
    if day >= FIRST_COMMON_DAY {
        return day;
    }
    // Julian: every fourth year is a leap year. Days since 0000-03-01 (Julian), which is day
    // -719_470 of 1970.
    let since_march = i64::from(day) + 719_470;
    let cycle = since_march.div_euclid(1461);
    let in_cycle = since_march.rem_euclid(1461);
    let year_of_cycle = (in_cycle / 365).min(3);
    let day_of_year = in_cycle - 365 * year_of_cycle;
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5;
    let month = (month_from_march + 2) % 12 + 1;
    let year = cycle * 4 + year_of_cycle + i64::from(month <= 2);
    // A 29 February that the proleptic calendar lacks is its 1 March.
    let first = days_from_civil(year, month as u32, 1).unwrap_or_default();
    i32::try_from(first + day_of_month).unwrap_or(day)
}

/// The same for microseconds since 1970-01-01T00:00:00Z.
pub(crate) fn hybrid_micros_to_proleptic(micros: i64) -> i64 {
    let (day, time) = (micros.div_euclid(DAY_MICROS), micros.rem_euclid(DAY_MICROS));
    match i32::try_from(day) {
        Ok(day) => i64::from(hybrid_day_to_proleptic(day)) * DAY_MICROS + time,
        Err(_) => micros,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_move_by_the_difference_of_the_calendars() {
        // First hybrid day of each stretch and what is added in it, from 0001-01-01 on.
        let stretches = [
            (-719_164, 2),
            (-682_945, 1),
            (-646_420, 0),
            (-609_895, -1),
            (-536_845, -2),
            (-500_320, -3),
            (-463_795, -4),
            (-390_745, -5),
            (-354_220, -6),
            (-317_695, -7),
            (-244_645, -8),
            (-208_120, -9),
            (-171_595, -10),
            (-141_427, 0),
        ];
        for (at, (start, moved)) in stretches.iter().enumerate() {
            let end = stretches.get(at + 1).map_or(0, |(start, _)| *start);
            for day in *start..end {
                assert_eq!(hybrid_day_to_proleptic(day), day + moved, "{day}");
            }
        }
        assert_eq!(
            hybrid_micros_to_proleptic(-719_164 * DAY_MICROS + 5),
            -719_162 * DAY_MICROS + 5
        );
        assert_eq!(hybrid_micros_to_proleptic(-1), -1);
    }

    #[test]
    fn writers_are_told_apart() {
        let of = |created_by: &str, keys: &[(&str, &'static str)]| {
            let calendars = Calendars::from_keys(created_by, |key| {
                keys.iter().find(|(k, _)| *k == key).map(|(_, v)| *v)
            });
            (calendars.dates, calendars.timestamps, calendars.int96)
        };
        use Calendar::{Hybrid, Proleptic, Unknown};
        let version = "org.apache.spark.version";
        let zone = ("org.apache.spark.timeZone", "UTC");
        assert_eq!(
            of("parquet-mr", &[(version, "4.2.0")]),
            (Proleptic, Proleptic, Proleptic)
        );
        assert_eq!(
            of("parquet-mr", &[(version, "3.0.1")]),
            (Proleptic, Proleptic, Unknown)
        );
        assert_eq!(
            of("parquet-mr", &[(version, "2.4.8")]),
            (Hybrid, Unknown, Unknown)
        );
        assert_eq!(
            of("parquet-mr", &[(version, "2.4.8"), zone]),
            (Hybrid, Hybrid, Hybrid)
        );
        assert_eq!(
            of(
                "x",
                &[
                    (version, "3.5.0"),
                    ("org.apache.spark.legacyDateTime", ""),
                    zone
                ]
            ),
            (Hybrid, Hybrid, Proleptic)
        );
        assert_eq!(
            of(
                "x",
                &[(version, "3.5.0"), ("org.apache.spark.legacyINT96", "")]
            ),
            (Proleptic, Proleptic, Unknown)
        );
        assert_eq!(
            of("parquet-mr version 1.10", &[]),
            (Unknown, Unknown, Unknown)
        );
        assert_eq!(
            of("parquet-cpp-arrow 20", &[]),
            (Proleptic, Proleptic, Proleptic)
        );
        assert_eq!(
            of("parquet-mr", &[("writer.date.proleptic", "false")]),
            (Hybrid, Unknown, Unknown)
        );
        assert_eq!(
            of("parquet-mr", &[("writer.date.proleptic", "true")]),
            (Proleptic, Proleptic, Proleptic)
        );
    }
}
