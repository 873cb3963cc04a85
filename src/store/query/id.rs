//! Names of what the API shows: days, parts, calls; and times in its format.

use crate::directory::{day_name, day_named};
use record::Micros;
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use time::{OffsetDateTime, UtcOffset};

/// A time in microseconds since the epoch, written as RFC 3339, UTC, with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub Micros);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
            .to_offset(UtcOffset::UTC);
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            at.millisecond()
        )
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a text that should be an id is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no id of this kind")]
pub struct NoId;

/// A session part: its day and its number there. `2026-11-22.184`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartId {
    /// Days since the epoch.
    pub day: i32,
    /// `parts.part`.
    pub part: i64,
}

/// A call: its day, its part and its number in the day. `2026-11-22.184.7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId {
    /// Days since the epoch.
    pub day: i32,
    /// `parts.part`.
    pub part: i64,
    /// `call_rows.call`.
    pub call: i64,
}

/// An attack: its day and its number there. `2026-11-22.a9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttackId {
    /// Days since the epoch.
    pub day: i32,
    /// `attack_rows.attack`.
    pub attack: i64,
}

impl CallId {
    /// The part it belongs to.
    #[must_use]
    pub const fn part(self) -> PartId {
        PartId { day: self.day, part: self.part }
    }
}

impl fmt::Display for PartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", day_name(self.day), self.part)
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", day_name(self.day), self.part, self.call)
    }
}

impl fmt::Display for AttackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.a{}", day_name(self.day), self.attack)
    }
}

impl FromStr for PartId {
    type Err = NoId;

    fn from_str(text: &str) -> Result<Self, NoId> {
        let (day, part) = text.split_once('.').ok_or(NoId)?;
        Ok(Self { day: day_named(day).ok_or(NoId)?, part: number(part)? })
    }
}

impl FromStr for CallId {
    type Err = NoId;

    fn from_str(text: &str) -> Result<Self, NoId> {
        let (part, call) = text.rsplit_once('.').ok_or(NoId)?;
        let PartId { day, part } = part.parse()?;
        Ok(Self { day, part, call: number(call)? })
    }
}

impl FromStr for AttackId {
    type Err = NoId;

    fn from_str(text: &str) -> Result<Self, NoId> {
        let (day, attack) = text.split_once(".a").ok_or(NoId)?;
        Ok(Self { day: day_named(day).ok_or(NoId)?, attack: number(attack)? })
    }
}

/// One spelling only: ids are compared as text by those who use them.
fn number(text: &str) -> Result<i64, NoId> {
    let number: i64 = text.parse().map_err(|_| NoId)?;
    if number.to_string() == text && number >= 0 { Ok(number) } else { Err(NoId) }
}

macro_rules! serialize_as_text {
    ($($name:ty),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}
serialize_as_text!(PartId, CallId, AttackId);
