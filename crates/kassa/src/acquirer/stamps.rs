//! The times that messages carry.

use jiff::tz::TimeZone;
use payments::time::Timestamp;

/// One moment as messages write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamps {
    /// DE 7: MMDDhhmmss in UTC.
    pub(crate) transmission: String,
    /// DE 13 and DE 12: MMDDhhmmss where the merchant is.
    pub(crate) local_time: String,
    /// What an RRN begins with: the last digit of the year, the day of the year and the hour, in UTC.
    pub(crate) rrn: String,
}

impl Stamps {
    /// Of a moment, for a merchant in `zone`.
    pub(crate) fn of(now: Timestamp, zone: &TimeZone) -> Self {
        let at = jiff::Timestamp::from_millisecond(now.0).unwrap_or_default();
        let (utc, local) = (at.to_zoned(TimeZone::UTC), at.to_zoned(zone.clone()));
        let year = utc.year().rem_euclid(10);
        Self {
            transmission: utc.strftime("%m%d%H%M%S").to_string(),
            local_time: local.strftime("%m%d%H%M%S").to_string(),
            rrn: format!("{year}{}", utc.strftime("%j%H")),
        }
    }

    /// Where no merchant is meant.
    pub(crate) fn utc(now: Timestamp) -> Self {
        Self::of(now, &TimeZone::UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_hosts_read_it() {
        let at: jiff::Timestamp = "2026-11-22T23:30:15Z".parse().unwrap();
        let zone = TimeZone::get("Europe/Amsterdam").unwrap();
        let stamps = Stamps::of(Timestamp(at.as_millisecond()), &zone);
        assert_eq!(stamps.transmission, "1122233015");
        assert_eq!(stamps.local_time, "1123003015", "the next day already");
        assert_eq!(stamps.rrn, "632623", "the 326th day of a year that ends in 6");
    }
}
