//! Names and limits on the command line.

use clap::ValueEnum;
use core::time::Duration;
use synod_consistency_checker::Format;

/// A choice, or `auto`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Auto<T>(pub(super) Option<T>);

impl<T: ValueEnum> core::str::FromStr for Auto<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self(None));
        }
        T::from_str(text, false).map(|value| Self(Some(value))).map_err(|_| {
            let names: Vec<_> = T::value_variants().iter().filter_map(ValueEnum::to_possible_value).collect();
            let names: Vec<&str> = names.iter().map(clap::builder::PossibleValue::get_name).collect();
            format!("expected auto, {}", names.join(", "))
        })
    }
}

/// The models by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ModelName {
    Register,
    Kv,
}

impl ModelName {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Kv => "kv",
        }
    }
}

/// The formats by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatName {
    JepsenLog,
    Edn,
    KvText,
    JsonLines,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::JepsenLog => Self::JepsenLog,
            FormatName::Edn => Self::Edn,
            FormatName::KvText => Self::KvText,
            FormatName::JsonLines => Self::JsonLines,
        }
    }
}

/// The name of a format.
pub(super) const fn format_name(format: Format) -> &'static str {
    match format {
        Format::JepsenLog => "jepsen-log",
        Format::Edn => "edn",
        Format::KvText => "kv-text",
        Format::JsonLines => "json-lines",
        _ => "other",
    }
}

/// A limit, or `none`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit<T>(pub(super) Option<T>);

/// A time limit.
pub(super) fn seconds(text: &str) -> Result<Limit<Duration>, String> {
    if text == "none" {
        return Ok(Limit(None));
    }
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0);
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.map(|limit| Limit(Some(limit))).ok_or_else(|| "expected seconds above 0, or none".to_owned())
}

/// A memory limit in bytes.
pub(super) fn mebibytes(text: &str) -> Result<Limit<usize>, String> {
    if text == "none" {
        return Ok(Limit(None));
    }
    let bytes = text.parse::<usize>().ok().filter(|mib| *mib > 0).and_then(|mib| mib.checked_mul(1 << 20));
    bytes.map(|limit| Limit(Some(limit))).ok_or_else(|| "expected mebibytes from 1, or none".to_owned())
}
