//! Days and times of the proleptic Gregorian calendar: from and to their parts, and parsed from
//! text with their zones.

/// Microseconds of a day.
pub const DAY_MICROS: i64 = 86_400_000_000;

/// Days since 1970-01-01 of a proleptic Gregorian date; none when there is no such day.
pub fn days_from_civil(year: i64, month: u32, day: u32) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => return None,
    };
    if day == 0 || day > length {
        return None;
    }
    // Years from March, so that the leap day is the last day of a year.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let month_from_march = i64::from((month + 9) % 12);
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Year, month and day of days since 1970-01-01, proleptic Gregorian.
pub fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
    let month = ((month_from_march + 2) % 12 + 1) as u32;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

/// `yyyy-MM-dd` as days since 1970-01-01.
pub(crate) fn parse_date(text: &str) -> Result<i32, String> {
    let bad = || "not a date".to_string();
    let (negative, rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let mut parts = rest.splitn(3, '-');
    let mut part = |max_length: usize| -> Result<u32, String> {
        let part = parts.next().ok_or_else(bad)?;
        if part.is_empty() || part.len() > max_length || !part.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        part.parse().map_err(|_| bad())
    };
    let year = i64::from(part(7)?);
    let month = part(2)?;
    let day = part(2)?;
    let days = days_from_civil(if negative { -year } else { year }, month, day).ok_or_else(bad)?;
    i32::try_from(days).map_err(|_| "date out of range".into())
}

/// `yyyy-MM-dd[( |T)HH:mm[:ss[.fraction]]][zone]` as local microseconds and the zone's offset in
/// seconds. The fraction has at most six digits that count.
pub(crate) fn parse_timestamp(text: &str) -> Result<(i64, Option<i32>), String> {
    let split = text.find(['T', ' ']);
    let (date, rest) = match split {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    };
    let days = i64::from(parse_date(date)?);
    if split.is_none() {
        let micros = days
            .checked_mul(DAY_MICROS)
            .ok_or("timestamp out of range")?;
        return Ok((micros, None));
    }
    let zone_at = rest
        .find(['Z', '+', '-', 'U', 'G', ' '])
        .unwrap_or(rest.len());
    let (time, zone) = rest.split_at(zone_at);
    let micros = parse_clock(time)?;
    let total = days
        .checked_mul(DAY_MICROS)
        .and_then(|d| d.checked_add(micros))
        .ok_or("timestamp out of range")?;
    let zone = match zone.trim_start() {
        "" => None,
        zone => Some(parse_zone(zone)?),
    };
    Ok((total, zone))
}

/// `HH:mm[:ss[.fraction]]` as microseconds of a day.
fn parse_clock(time: &str) -> Result<i64, String> {
    let bad = || "not a timestamp".to_string();
    let (clock, fraction) = match time.split_once('.') {
        Some((clock, fraction)) if !fraction.is_empty() => (clock, fraction),
        Some(_) => return Err(bad()),
        None => (time, ""),
    };
    let mut parts = clock.split(':');
    let mut part = |max: i64| -> Result<Option<i64>, String> {
        let Some(part) = parts.next() else {
            return Ok(None);
        };
        if part.is_empty() || part.len() > 2 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        let value: i64 = part.parse().map_err(|_| bad())?;
        if value > max {
            return Err(bad());
        }
        Ok(Some(value))
    };
    let hour = part(23)?.ok_or_else(bad)?;
    let minute = part(59)?.ok_or_else(bad)?;
    let second = part(59)?;
    if part(0)?.is_some() || (second.is_none() && !fraction.is_empty()) {
        return Err(bad());
    }
    let mut micros = 0i64;
    for (at, digit) in fraction.bytes().enumerate() {
        if !digit.is_ascii_digit() {
            return Err(bad());
        }
        match at {
            0..=5 => micros = micros * 10 + i64::from(digit - b'0'),
            _ if digit != b'0' => return Err("a timestamp finer than a microsecond".into()),
            _ => {}
        }
    }
    for _ in fraction.len()..6 {
        micros *= 10;
    }
    let seconds = hour * 3600 + minute * 60 + second.unwrap_or(0);
    Ok(seconds * 1_000_000 + micros)
}

/// `Z`, `UTC`, `GMT`, `UTC+01:00`, `+01`, `+0100`, `+01:00` or `+01:00:30` as seconds east of UTC.
pub fn parse_zone(text: &str) -> Result<i32, String> {
    let bad = || "a zone that is neither UTC nor an offset".to_string();
    let text = ["UTC", "GMT", "Z"]
        .iter()
        .find_map(|p| text.strip_prefix(p))
        .unwrap_or(text);
    if text.is_empty() {
        return Ok(0);
    }
    let (sign, rest) = match text.as_bytes()[0] {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return Err(bad()),
    };
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    let well_formed = digits.bytes().all(|b| b.is_ascii_digit())
        && (matches!(rest.len(), 1 | 2 | 4) && !rest.contains(':')
            || rest.len() == 5 && rest.as_bytes()[2] == b':'
            || rest.len() == 8 && rest.as_bytes()[2] == b':' && rest.as_bytes()[5] == b':');
    if !well_formed {
        return Err(bad());
    }
    let number = |from: usize| -> i32 {
        digits
            .get(from..(from + 2).min(digits.len()))
            .and_then(|d| d.parse().ok())
            .unwrap_or(0)
    };
    let (hours, minutes, seconds) = (number(0), number(2), number(4));
    if hours > 18 || minutes > 59 || seconds > 59 {
        return Err(bad());
    }
    Ok(sign * (hours * 3600 + minutes * 60 + seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_days_are_inverse() {
        for days in (-800_000..3_000_000).step_by(13) {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), Some(days));
        }
    }

    #[test]
    fn zones() {
        assert_eq!(parse_zone("UTC"), Ok(0));
        assert_eq!(parse_zone("+05:30"), Ok(19_800));
        assert_eq!(parse_zone("-0100"), Ok(-3600));
        assert_eq!(parse_zone("UTC+01:00"), Ok(3600));
        assert!(parse_zone("Europe/Berlin").is_err());
        assert!(parse_zone("+19:00").is_err());
        assert!(parse_zone("+1:00:0").is_err());
    }
}
