//! Settings as an operator may write them.

use super::sources::read;
use super::*;

const EXAMPLE: &str = include_str!("../../../../config.example.toml");
const README: &str = include_str!("../../../../README.md");

fn load(file: Option<&str>, environment: &[(&str, &str)], flags: Flags) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let mut flags = flags;
    if let Some(text) = file {
        let path = folder.path().join("kassa.toml");
        std::fs::write(&path, text).unwrap();
        flags.store.config = Some(path.to_str().unwrap().to_owned());
    }
    let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
    read(flags, environment).map_err(|error| {
        let text = format!("{error:#}");
        assert!(!text.contains('\n'), "{text}");
        text.replace(&format!("{}/", folder.path().display()), "")
    })
}

fn from_file(text: &str) -> Result<Config, String> {
    load(Some(text), &[], Flags::default())
}

fn from_environment(name: &str, value: &str) -> Result<Config, String> {
    load(None, &[(name, value)], Flags::default())
}

#[test]
fn nothing_set_means_the_defaults() {
    let config = load(None, &[("HOME", "/root"), ("KASSANDRA", "1")], Flags::default()).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.base_url(config.listen), "http://127.0.0.1:8080");
    assert_eq!(config.key_path(), PathBuf::from("./kassa-data/key-encryption.key"));
    assert_eq!(config.sqlite_path(), PathBuf::from("./kassa-data/kassa.db"));
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let file = "listen = '127.0.0.1:1'\nlog = 'warn'\nlog_format = 'json'\npage_wait_ms = 5";
    let environment = [("KASSA_LISTEN", "127.0.0.1:2"), ("KASSA_LOG", "debug"), ("KASSA_PAGE_WAIT_MS", "")];
    let flags = Flags { listen: Some("[::1]:3".to_owned()), ..Flags::default() };
    let config = load(Some(file), &environment, flags).unwrap();
    assert_eq!(config.listen, "[::1]:3".parse().unwrap());
    assert_eq!(config.log, Level::DEBUG);
    assert_eq!(config.log_format, LogFormat::Json);
    assert_eq!(config.page_wait_ms, 5, "an empty variable is one that is not set");
}

#[test]
fn the_file_is_found_by_its_variable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings");
    std::fs::write(&path, "log = 'error'").unwrap();
    let config = from_environment("KASSA_CONFIG", path.to_str().unwrap()).unwrap();
    assert_eq!(config.log, Level::ERROR);
    let missing = from_environment("KASSA_CONFIG", "/nowhere/kassa.toml").unwrap_err();
    assert!(missing.starts_with("cannot read the configuration file /nowhere/kassa.toml: "), "{missing}");
}

#[test]
fn every_flag_sets_its_key() {
    let keys: Vec<_> = Flags::default().into_pairs().map(|(key, _)| key).to_vec();
    let expected: Vec<_> =
        KEYS.into_iter().filter(|key| !["test_api_key", "traces_header"].contains(key)).collect();
    assert_eq!(keys, expected);
}

/// A variable, its value, and what is said about it.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("KASSA_LISTEN", "8080", "KASSA_LISTEN must be an address and a port, like 127.0.0.1:8080"),
    ("KASSA_LISTEN", "localhost:8080", "KASSA_LISTEN must be an address and a port, like 127.0.0.1:8080"),
    (
        "KASSA_METRICS_LISTEN",
        "9464",
        "KASSA_METRICS_LISTEN must be an address and a port, like 127.0.0.1:9464",
    ),
    ("KASSA_PUBLIC_URL", "pay.example.com", "KASSA_PUBLIC_URL must be a URL like https://pay.example.com"),
    ("KASSA_PUBLIC_URL", "ftp://pay.example.com", "KASSA_PUBLIC_URL must start with http:// or https://"),
    ("KASSA_PUBLIC_URL", "https://a.example/?x", "KASSA_PUBLIC_URL must end before any ? or #"),
    ("KASSA_PUBLIC_URL", "https://a.example/#x", "KASSA_PUBLIC_URL must end before any ? or #"),
    ("KASSA_PUBLIC_URL", "https://me@a.example", "KASSA_PUBLIC_URL must not have a user name or password"),
    ("KASSA_TLS", "yes", "KASSA_TLS must be true or false"),
    ("KASSA_TLS_NAMES", ",", "KASSA_TLS_NAMES must have at least one host name or address"),
    (
        "KASSA_TLS_NAMES",
        "localhost, https://a.example",
        "KASSA_TLS_NAMES is wrong: \"https://a.example\" is neither a host name nor an address",
    ),
    ("KASSA_TLS_CERT", "/c", "tls_cert and tls_key must be set together"),
    ("KASSA_TLS_KEY", "/k", "tls_cert and tls_key must be set together"),
    ("KASSA_LOG", "loud", "KASSA_LOG must be error, warn, info, debug or trace"),
    ("KASSA_LOG_FORMAT", "xml", "KASSA_LOG_FORMAT must be text or json"),
    ("KASSA_TRACES_URL", "localhost:4318", "KASSA_TRACES_URL must start with http:// or https://"),
    ("KASSA_TRACES_URL", "collector", "KASSA_TRACES_URL must be a URL like http://localhost:4318/v1/traces"),
    (
        "KASSA_TRACES_URL",
        "https://me:hunter2@a.example",
        "KASSA_TRACES_URL must not have a user name or password; traces_header can",
    ),
    (
        "KASSA_TRACES_HEADER",
        "hunter2",
        "KASSA_TRACES_HEADER must be a name and a value, like Authorization: Bearer a-token",
    ),
    ("KASSA_TRACES_HEADER", "X-Token: hunter2\n", "traces_url must be set when traces_header is"),
    ("KASSA_TRACES_RATIO", "2", "KASSA_TRACES_RATIO must be a number from 0 to 1"),
    ("KASSA_TRACES_RATIO", "NaN", "KASSA_TRACES_RATIO must be a number from 0 to 1"),
    ("KASSA_NOTIFY_HOLD_MS", "10001", "KASSA_NOTIFY_HOLD_MS must be a whole number from 0 to 10000"),
    ("KASSA_NOTIFY_HOLD_MS", "-1", "KASSA_NOTIFY_HOLD_MS must be a whole number from 0 to 10000"),
    ("KASSA_ACQUIRER_ANSWER_MS", "1s", "KASSA_ACQUIRER_ANSWER_MS must be a whole number from 100 to 120000"),
    ("KASSA_CONNECTIONS_MAX", "0", "KASSA_CONNECTIONS_MAX must be a whole number from 1 to 1000000"),
    ("KASSA_TEST_API_KEY", "abcd", "KASSA_TEST_API_KEY must have 5 to 100 characters"),
    ("KASSA_TEST_API_KEY", "ab cde", "KASSA_TEST_API_KEY must be printable ASCII without blanks"),
    (
        "KASSA_NOTIFY_ALLOW",
        "10.0.0.0/8, 10.0.0.1/8",
        "KASSA_NOTIFY_ALLOW is wrong: not a network: \"10.0.0.1/8\" (write it like 10.0.0.0/8, with zeros after the prefix)",
    ),
    (
        "KASSA_DATABASE",
        "mysql://u:hunter2@db/kassa",
        "KASSA_DATABASE must start with postgres:// (leave it out for the embedded database)",
    ),
    (
        "KASSA_DATABASE",
        "postgres://db/kassa?hunter2=1",
        "KASSA_DATABASE is not a usable postgres:// URL (special characters in the password are written %XX)",
    ),
    (
        "KASSA_DATABASE",
        "postgres://u:hunter2@db/kassa",
        "key_file must be set when database is: the key is kept apart from what it seals",
    ),
    (
        "KASSA_LISTN",
        "127.0.0.1:80",
        "the environment variable KASSA_LISTN is not a setting, did you mean KASSA_LISTEN?",
    ),
    ("KASSA_CONFG", "", "the environment variable KASSA_CONFG is not a setting, did you mean KASSA_CONFIG?"),
    (
        "KASSA_listen",
        "",
        "the environment variable KASSA_listen is not a setting, did you mean KASSA_LISTEN?",
    ),
    ("KASSA_WEATHER", "rain", "the environment variable KASSA_WEATHER is not a setting"),
];

#[test]
fn a_mistake_is_named_with_its_place() {
    for &(name, value, message) in MISTAKES {
        assert_eq!(from_environment(name, value).unwrap_err(), message, "{name}={value}");
    }
}

#[test]
fn a_mistake_in_the_file_is_named_with_its_place() {
    for (text, message) in [
        ("data-dir = 'x'", "kassa.toml: \"data-dir\" is not a setting, did you mean data_dir?"),
        ("databse = 'x'", "kassa.toml: \"databse\" is not a setting, did you mean database?"),
        ("config = 'x'", "kassa.toml: \"config\" is not a setting"),
        ("[log]\nlevel = 'info'", "kassa.toml: log must be a text, a number, true, false or a list of texts"),
        ("listen = 8080", "kassa.toml: listen must be an address and a port, like 127.0.0.1:8080"),
        ("page_wait_ms = 1.5", "kassa.toml: page_wait_ms must be a whole number from 0 to 30000"),
        (
            "page_wait_ms = 2026-11-23",
            "kassa.toml: page_wait_ms must be a text, a number, true, false or a list of texts",
        ),
        ("data_dir = ''", "kassa.toml: data_dir must not be empty"),
    ] {
        assert_eq!(from_file(text).unwrap_err(), message, "{text}");
    }
    let syntax = from_file("log = 'info'\nlisten = [").unwrap_err();
    assert!(syntax.starts_with("kassa.toml, line 2: "), "{syntax}");
    let twice = from_file("log = 'info'\n\nlog = 'warn'").unwrap_err();
    assert!(twice.starts_with("kassa.toml, line 3: "), "{twice}");
    let flags = Flags { page_wait_ms: Some("soon".to_owned()), ..Flags::default() };
    assert_eq!(load(None, &[], flags).unwrap_err(), "--page-wait-ms must be a whole number from 0 to 30000");
}

#[test]
fn variables_that_describe_a_service_are_not_settings() {
    for (name, value) in [
        ("KASSA_SERVICE_HOST", "10.0.0.1"),
        ("KASSA_SERVICE_PORT", "8080"),
        ("KASSA_SERVICE_PORT_HTTP", "8080"),
        ("KASSA_PORT", "tcp://10.0.0.1:8080"),
        ("KASSA_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("KASSA_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("KASSA_DB_SERVICE_HOST", "10.0.0.2"),
    ] {
        assert_eq!(from_environment(name, value), Ok(Config::default()), "{name}");
    }
    assert!(from_environment("KASSA_PORT", "8080").is_err(), "somebody means listen");
}

#[test]
fn the_address_in_links_is_one_to_visit() {
    let url = |text: &str| from_environment("KASSA_PUBLIC_URL", text).unwrap().public_url.unwrap();
    assert_eq!(url("https://pay.example.com/"), "https://pay.example.com");
    assert_eq!(url("HTTP://Pay.Example.com:80/kassa//"), "http://pay.example.com/kassa");
    let links = |bound: &str| Config::default().base_url(bound.parse().unwrap());
    assert_eq!(links("127.0.0.1:49152"), "http://127.0.0.1:49152");
    assert_eq!(links("0.0.0.0:80"), "http://127.0.0.1:80");
    assert_eq!(links("[::]:80"), "http://[::1]:80");
    let config = from_environment("KASSA_PUBLIC_URL", "https://pay.example.com").unwrap();
    assert_eq!(config.base_url(config.listen), "https://pay.example.com");
}

#[test]
fn with_tls_links_lead_to_a_name_of_the_certificate() {
    let links = |names: &str, bound: &str| {
        let file = format!("tls = true\ntls_names = '{names}'");
        from_file(&file).unwrap().base_url(bound.parse().unwrap())
    };
    let default = from_file("tls = true").unwrap();
    assert_eq!(default.base_url(default.listen), "https://127.0.0.1:8080");
    assert_eq!(default.base_url("[::]:443".parse().unwrap()), "https://[::1]");
    assert_eq!(default.tls_dir(), PathBuf::from("./kassa-data/tls"));
    assert_eq!(links("Pay.Example.,127.0.0.1", "127.0.0.2:8443"), "https://pay.example:8443");
    assert_eq!(links("pay.example,0:0:0:0:0:0:0:1", "[::1]:8443"), "https://[::1]:8443");
    assert_eq!(links("pay.example", "127.0.0.1:443"), "https://pay.example");
    assert_eq!(links("2001:DB8::1", "127.0.0.1:443"), "https://[2001:db8::1]");
    let flags = Flags { tls: Some("false".to_owned()), ..Flags::default() };
    assert!(!load(Some("tls = true"), &[], flags).unwrap().tls, "a flag can take it back");
}

#[test]
fn a_certificate_of_ones_own_needs_tls_and_a_name() {
    let own = "tls_cert = '/c'\ntls_key = '/k'\n";
    assert_eq!(from_file(own).unwrap_err(), "tls must be true when tls_cert is set");
    let needs_name = "public_url must be set when tls_cert is: links need a name that is in it";
    assert_eq!(from_file(&format!("{own}tls = true")).unwrap_err(), needs_name);
    let config = from_file(&format!("{own}tls = true\npublic_url = 'https://pay.example'")).unwrap();
    assert_eq!((config.tls_cert, config.tls_key), (Some("/c".into()), Some("/k".into())));
}

#[test]
fn lists_are_arrays_or_texts_with_commas() {
    let expected: Vec<Network> = ["10.0.0.0/8", "fd00::/8"].map(|text| text.parse().unwrap()).to_vec();
    let written = ["notify_allow = ['10.0.0.0/8', 'fd00::/8']", "notify_allow = '10.0.0.0/8, fd00::/8,'"];
    for text in written {
        assert_eq!(from_file(text).unwrap().notify_allow, expected, "{text}");
    }
}

#[test]
fn secrets_print_masked() {
    let database = "postgresql://kassa:hunter2@db1,db2:5433/shop?password=hunter2";
    let environment =
        [("KASSA_DATABASE", database), ("KASSA_KEY_FILE", "/k"), ("KASSA_TEST_API_KEY", "hunter2hunter2")];
    let config = load(None, &environment, Flags::default()).unwrap();
    let printed = format!("{config:?} {config:#?}");
    assert!(!printed.contains("hunter2"), "{printed}");
    assert!(printed.contains("postgres://db1,db2/shop"), "{printed}");
    assert_eq!(config.database.unwrap().expose(), database);
    assert_eq!(config.test_api_key.unwrap().expose(), "hunter2hunter2");
    let socket = DatabaseUrl::parse("postgres://kassa@%2Frun%2Fpg/kassa").unwrap();
    assert_eq!(socket.to_string(), "postgres:///run/pg/kassa");
}

/// The example as it is, and with the settings that have no default switched on.
#[test]
fn the_example_has_every_key_with_its_default() {
    assert_eq!(from_file(EXAMPLE).unwrap(), Config::default());

    let all = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(setting) if KEYS.iter().any(|key| setting.starts_with(&format!("{key} ="))) => setting,
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n")
        // Which a certificate asks for.
        .replace("\ntls = false\n", "\ntls = true\n");
    let table: toml::Table = all.parse().unwrap();
    let mut keys: Vec<_> = table.keys().map(String::as_str).collect();
    keys.sort_unstable();
    let mut expected = KEYS;
    expected.sort_unstable();
    assert_eq!(keys, expected);

    let config = from_file(&all).unwrap();
    let default = Config::default();
    assert_eq!(config.base_url(config.listen), default.base_url(default.listen));
    assert_eq!(config.key_path(), default.key_path());
}

#[test]
fn the_readme_has_every_key() {
    for key in KEYS.into_iter().chain([CONFIG]) {
        let variable = format!("| `KASSA_{}` |", key.to_uppercase());
        assert!(README.contains(&variable), "{variable}");
    }
}

/// The table of the example that begins so, switched on.
fn example(begins: &str) -> String {
    let from = EXAMPLE.find(&format!("# {begins}")).unwrap();
    let lines = EXAMPLE[from..].lines().map_while(|line| line.strip_prefix('#'));
    lines.map(str::trim_start).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_3d_secure_of_the_example_is_one() {
    let config = from_file(&example("[threeds]")).unwrap();
    assert_ne!(config.threeds, Config::default().threeds);
}

#[test]
fn the_acquirer_of_the_example_is_one() {
    let text = example("[[acquirer]]");
    let config = from_file(&text).unwrap();
    let [acquirer] = config.acquirers.as_slice() else { panic!("{:?}", config.acquirers) };
    // What is there is what happens without it.
    let short = text.lines().filter(|line| {
        let key = line.split(' ').next().unwrap();
        ![
            "profile",
            "has_inquiry",
            "reverses_by_advice",
            "completion",
            "sessions",
            "in_flight",
            "suspend_after",
        ]
        .contains(&key)
    });
    let short = short.collect::<Vec<_>>().join("\n");
    let (before, rest) = short.split_once("[acquirer.network_codes]").unwrap();
    let (_, rest) = rest.split_once("[acquirer.mac]").unwrap();
    let config = from_file(&format!("{before}[acquirer.mac]{rest}")).unwrap();
    assert_eq!(config.acquirers.as_slice(), std::slice::from_ref(acquirer));
}

#[test]
fn a_wrong_acquirer_is_named_with_what_is_wrong() {
    let text = example("[[acquirer]]");
    for (right, wrong, says) in [
        ("address = \"host.acquirer.example:5000\"", "address = \"host\"", "address must be"),
        ("address = \"host.acquirer.example:5000\"", "", "either address must be set"),
        (
            "name = \"example\"",
            "name = \"example\"\nlisten = \"127.0.0.1:5000\"",
            "either address must be set",
        ),
        (
            "address = \"host.acquirer.example:5000\"",
            "listen = \"127.0.0.1:5000\"",
            "a host that calls is shown certificate and key, and has no server_name",
        ),
        ("address = \"host.acquirer.example:5000\"", "listen = \"localhost\"", "invalid socket address"),
        (
            "city = \"Amsterdam\"",
            "city = \"Amsterdam\"\ncallers = [\"10.1.0.9\"]",
            "callers are of a host that calls",
        ),
        ("city = \"Amsterdam\"", "city = \"Amsterdam\"\ncallers = [\"host\"]", "invalid IP address"),
        ("country = \"528\"", "country = \"NL\"", "country must have three digits"),
        ("currencies = [\"EUR\"]", "currencies = [\"EURO\"]", "currencies must be codes"),
        ("suspend_after = 10", "suspend_after = 1001", "suspend_after must be"),
        ("sessions = 1", "sessions = 0", "sessions must be"),
        ("echo = \"301\"", "echo = \"31\"", "network_codes must have"),
        ("connect_ms = 5000", "connect_ms = 0", "timers must be"),
        ("connect_ms = 5000", "answer_ms = 99", "answer_ms must be from 100 to 120000"),
        ("connect_ms = 5000", "answer_ms = 120001", "answer_ms must be from 100 to 120000"),
        ("key = \"/etc/kassa/acquirer.key\"", "", "certificate and key must be set together"),
        ("Z1 = \"91\"", "Z1 = \"9\"", "response_codes must have"),
        ("\"VISA:Z1\" = \"05\"", "\"VISA:Z\" = \"05\"", "response_codes must have"),
        ("\"VISA:Z1\" = \"05\"", "\"VISTA:Z1\" = \"05\"", "response_codes must have"),
        ("terminal_id = \"12345678\"", "terminal_id = \"\"", "terminal_id must have"),
        ("name = \"example\"", "nam = \"example\"", "unknown field `nam`"),
        ("algorithm = \"hmac-sha256\"", "algorithm = \"x9.19\"", "unknown variant `x9.19`"),
    ] {
        assert!(text.contains(right), "{right}");
        let error = from_file(&text.replacen(right, wrong, 1)).unwrap_err();
        assert!(error.starts_with("kassa.toml: acquirer: ") && error.contains(says), "{wrong}: {error}");
    }
    let twice = from_file(&format!("{text}\n{text}")).unwrap_err();
    assert!(twice.ends_with("there are two of this name"), "{twice}");
    let error = from_file(&format!("{text}\n{}", text.replacen("example", "other", 1))).unwrap_err();
    assert!(error.ends_with("site 2 is there twice"), "{error}");
}
