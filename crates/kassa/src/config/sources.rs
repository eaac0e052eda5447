//! Merging the TOML file, the environment and the flags, and saying where a mistake is.

use std::ffi::OsString;
use std::fs;

use anyhow::{Context as _, anyhow, bail};
use toml::Value;

use super::acquirer::acquirers;
use super::{Acquirer, CONFIG, Config, Flags, KEYS, ThreeDs};

const PREFIX: &str = "KASSA_";
/// The tables of the file.
const ACQUIRER: &str = "acquirer";
const THREEDS: &str = "threeds";
/// How alike two names must be, from 0 to 1, for one to be a suggestion.
const ALIKE: f64 = 0.6;

/// What a source sets: the key, its text, and how to call it in an error.
struct Setting {
    key: &'static str,
    text: String,
    called: String,
}

pub(super) fn read(
    flags: Flags,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> anyhow::Result<Config> {
    let (file_by_variable, environment) = from_environment(environment)?;
    let file = flags.store.config.clone().or(file_by_variable);

    let (mut settings, tables) = match file {
        Some(path) => from_file(&path)?,
        None => (Vec::new(), Tables::default()),
    };
    settings.extend(environment);
    settings.extend(from_flags(flags));

    let Tables { acquirers, threeds } = tables;
    let mut config = Config { acquirers, threeds, ..Config::default() };
    for Setting { key, text, called } in settings {
        config.set(key, &text).map_err(|why| anyhow!("{called} {why}"))?;
    }
    config.check().map_err(anyhow::Error::msg)?;
    Ok(config)
}

fn from_flags(flags: Flags) -> impl Iterator<Item = Setting> {
    flags.into_pairs().into_iter().filter_map(|(key, text)| {
        Some(Setting { key, text: text?, called: format!("--{}", key.replace('_', "-")) })
    })
}

/// The path of the TOML file, if it is set, and the settings. An empty variable is one that is not set: that is
/// how compose files and CI systems write it.
fn from_environment(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> anyhow::Result<(Option<String>, Vec<Setting>)> {
    let mut file = None;
    let mut settings = Vec::new();
    for (name, value) in environment {
        let name = name.to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix(PREFIX) else {
            continue;
        };
        if is_service_link(rest, &value.to_string_lossy()) {
            continue;
        }
        let lower = rest.to_lowercase();
        let key = KEYS.into_iter().chain([CONFIG]).find(|key| *key == lower);
        let Some(key) = key.filter(|_| rest == rest.to_uppercase()) else {
            let known = KEYS.into_iter().chain([CONFIG]);
            let suggestion = nearest(&lower, known, |key| format!("{PREFIX}{}", key.to_uppercase()));
            bail!("the environment variable {name} is not a setting{suggestion}");
        };
        let Ok(text) = value.into_string() else {
            bail!("{name} is not valid UTF-8");
        };
        if text.is_empty() {
            continue;
        }
        if key == CONFIG {
            file = Some(text);
        } else {
            settings.push(Setting { key, text, called: name });
        }
    }
    Ok((file, settings))
}

/// Kubernetes and old Docker links describe a service called "kassa" in variables that look like ours:
/// `KASSA_SERVICE_HOST`, `KASSA_SERVICE_PORT_HTTP`, `KASSA_PORT=tcp://…`, `KASSA_PORT_8080_TCP_ADDR`.
fn is_service_link(rest: &str, value: &str) -> bool {
    let of_port = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    rest.ends_with("SERVICE_HOST")
        || rest.contains("SERVICE_PORT")
        || rest.rsplit_once("PORT_").is_some_and(|(_, port)| of_port(port))
        || (rest.ends_with("PORT") && value.contains("://"))
}

/// What is only in the file.
#[derive(Debug, Default)]
struct Tables {
    acquirers: Vec<Acquirer>,
    threeds: ThreeDs,
}

fn from_file(path: &str) -> anyhow::Result<(Vec<Setting>, Tables)> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read the configuration file {path}"))?;
    let mut table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
        let line = before.matches('\n').count() + 1;
        // The message may have several lines; the first says what is wrong.
        let message = error.message().lines().next().unwrap_or("not valid TOML");
        anyhow!("{path}, line {line}: {message}")
    })?;
    let acquirers = table.remove(ACQUIRER).map_or(Ok(Vec::new()), acquirers);
    let acquirers = acquirers.map_err(|why| anyhow!("{path}: {ACQUIRER}: {why}"))?;
    let threeds = table.remove(THREEDS).map_or(Ok(ThreeDs::default()), ThreeDs::read);
    let threeds = threeds.map_err(|why| anyhow!("{path}: {THREEDS}: {why}"))?;
    let settings = table
        .into_iter()
        .map(|(name, value)| {
            let Some(key) = KEYS.into_iter().find(|key| *key == name) else {
                let suggestion = nearest(&name, KEYS, str::to_owned);
                bail!("{path}: {name:?} is not a setting{suggestion}");
            };
            let called = format!("{path}: {key}");
            match into_text(value) {
                Some(text) => Ok(Setting { key, text, called }),
                None => bail!("{called} must be a text, a number, true, false or a list of texts"),
            }
        })
        .collect::<anyhow::Result<_>>()?;
    Ok((settings, Tables { acquirers, threeds }))
}

fn into_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Integer(number) => Some(number.to_string()),
        Value::Array(values) => {
            let texts: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
            Some(texts?.join(","))
        }
        Value::Boolean(yes) => Some(yes.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Datetime(_) | Value::Table(_) => None,
    }
}

/// `", did you mean …?"`, or nothing when no key is like it.
fn nearest(
    name: &str,
    known: impl IntoIterator<Item = &'static str>,
    print: impl Fn(&'static str) -> String,
) -> String {
    known
        .into_iter()
        .map(|key| (strsim::normalized_damerau_levenshtein(name, key), key))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, key)| format!(", did you mean {}?", print(key)))
        .unwrap_or_default()
}
