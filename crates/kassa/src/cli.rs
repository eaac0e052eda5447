//! The command line: what can be asked of the binary. One file per command does it.
//!
//! Without a command Kassa serves, and takes the flags of `serve`.

mod acquirer;
mod audit;
mod backup;
mod ca;
mod decode;
mod keys;
mod migrate;
mod open;
pub mod pay;
mod serve;
mod simulator;
mod sites;

use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;

use crate::bench::Bench;
use crate::config::{Flags, StoreFlags};
use crate::store::Variant;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  Serve on http://127.0.0.1:8080, with the data in ./kassa-data:
    kassa
  Serve on another port and folder:
    kassa --listen 127.0.0.1:9000 --data-dir /tmp/kassa
  Serve as configured in a file; flags and environment variables (KASSA_LISTEN, …) win over it:
    kassa serve --config /etc/kassa.toml
  Pay an order of a test site:
    kassa pay 'http://127.0.0.1:8080/connect/SESSION/?lang=en_US'";

const SERVE_EXAMPLES: &str = "\
Examples:
  Try it out; the first start prints an API key and a request to send:
    kassa serve
  Behind a reverse proxy:
    kassa serve --public-url https://pay.example.com
  With HTTPS for the names that an unmodified client knows (docs/unmodified-clients.md); ports below 1024 need root:
    kassa serve --tls --tls-names testapi.multisafepay.com --listen 127.0.0.1:443
  On PostgreSQL, with the password kept out of the command line:
    KASSA_DATABASE='postgres://kassa:…@db.example.com/kassa' kassa serve --key-file /etc/kassa/key

Every flag is also an environment variable (--data-dir is KASSA_DATA_DIR) and a key of the file (data_dir).
Kassa stops on SIGTERM or Ctrl-C once the requests under way are answered.";

const BENCH_EXAMPLES: &str = "\
Examples:
  A first look, within three minutes:
    kassa bench --quick
  Everything, on PostgreSQL too, with the figures for a program:
    kassa bench --database postgres://kassa@localhost/postgres --json figures.json

Uses both sides of the machine: run it where nothing else runs. docs/performance.md explains the columns.";

const AUDIT_EXAMPLES: &str = "\
Examples:
  kassa audit
  kassa audit --config /etc/kassa.toml

Exit code: 0 everything adds up, 1 there is a difference or something went wrong.";

const BACKUP_EXAMPLES: &str = "\
Examples:
  Every night, while Kassa serves:
    kassa backup --to \"/srv/backups/kassa-$(date +%F).db\"
  As the Debian package is set up:
    sudo -u kassa kassa backup --config /etc/kassa/kassa.toml --to /var/lib/kassa/backup.db

To restore: stop Kassa, move the data folder away, make a new one with the backup as kassa.db and the key file in it,
then start. docs/operating.md has every step, and how PostgreSQL is backed up.";

const MIGRATE_EXAMPLES: &str = "\
Examples:
  Prepare a new PostgreSQL database, or update it before the new version is started:
    kassa migrate --database postgres://kassa@localhost/kassa --key-file /etc/kassa/key

  Move from the embedded database to PostgreSQL, with the gateway stopped:
    kassa migrate --from sqlite:./kassa-data --to postgres://kassa@localhost/kassa

`kassa serve` brings its database up to date by itself at its start. A move reads one snapshot, writes one transaction,
compares counts and checksums of every table on both sides before it commits, and leaves the source as it was. The key
file stays the same.

Exit code: 0 done, 1 there is a difference or something went wrong, and nothing was written.";

const KEYS_EXAMPLES: &str = "\
Examples:
  Which keys there are, and how much is sealed with each; exit code 1 if one is missing:
    kassa keys list
  Change the key once a year, while Kassa serves:
    kassa keys rotate --destroy-old

docs/keys.md says which key does what, and what to do with several machines.";

const ADD_KEY_EXAMPLES: &str = "\
Examples:
  With several machines on one PostgreSQL, before kassa keys rotate:
    kassa keys add --config /etc/kassa.toml";

const ROTATE_KEYS_EXAMPLES: &str = "\
Examples:
  kassa keys rotate --destroy-old

A command that was interrupted is run again, and goes on. Gateways that run take no notice: they read the key
file again when it changes. Keep a backup of the new key file; the old one opens older backups of the database.";

const CA_EXAMPLES: &str = "\
Examples:
  Read where it is and how to trust it:
    kassa ca
  Save it:
    kassa ca > kassa-ca.pem

The certificate goes to standard output, the rest to standard error. Trust it only on machines for development: its
private key is beside it, in the data folder of kassa serve --tls.";

const SITES_EXAMPLES: &str = "\
Examples:
  kassa sites list
  kassa sites create --name 'My shop'
  kassa sites rotate-key 2";

const LIST_EXAMPLES: &str = "\
Examples:
  kassa sites list
  kassa sites list --data-dir /var/lib/kassa";

const CREATE_EXAMPLES: &str = "\
Examples:
  A site for test cards, answered by the built-in simulator:
    kassa sites create --name 'My shop (test)'
  A site for real cards:
    kassa sites create --name 'My shop' --live";

const ROTATE_EXAMPLES: &str = "\
Examples:
  kassa sites rotate-key 2

Prints the new key. Notifications are signed with it at once; the old one stops working within a second.";

const WEBHOOK_EXAMPLES: &str = "\
Examples:
  kassa sites webhook-secret 2
  kassa sites webhook-secret 2 --rotate

Prints the secret to verify webhooks with, as libraries of Standard Webhooks take it. After a rotation, webhooks carry
signatures of both secrets for 24 hours.";

/// An open-source payment gateway that speaks the JSON API of MultiSafepay.
#[derive(Debug, Parser)]
#[command(name = "kassa", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    serve: Flags,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Serve the API, the payment pages and the workers; what `kassa` does without a command.
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Box<Flags>),
    /// Play the customer: open a payment link, enter a test card, answer 3-D Secure.
    Pay(pay::Pay),
    /// Print the certificate authority of `serve --tls`, and how to make clients trust it.
    #[command(after_help = CA_EXAMPLES)]
    Ca(StoreFlags),
    /// Measure how fast this machine runs Kassa, beside what it could do at most.
    #[command(after_help = BENCH_EXAMPLES)]
    Bench(Bench),
    /// Serve with a store to measure against.
    #[command(hide = true, after_help = BENCH_EXAMPLES)]
    BenchServe(Box<BenchServe>),
    /// Recompute every balance and status from the records.
    #[command(after_help = AUDIT_EXAMPLES)]
    Audit(StoreFlags),
    /// Copy the embedded database to a file, while Kassa serves.
    #[command(after_help = BACKUP_EXAMPLES)]
    Backup(Backup),
    /// Try the acquirers of the configuration.
    Acquirer(acquirer::Acquirer),
    /// Print a message to or from an acquirer's host, masked.
    Decode(decode::Decode),
    /// Simulate the other side, for others to test against.
    Simulator(simulator::Simulator),
    /// Prepare a database, update it to this version, or move everything to another one.
    #[command(after_help = MIGRATE_EXAMPLES)]
    Migrate(Box<Migrate>),
    /// List and create sites, rotate their API keys.
    #[command(after_help = SITES_EXAMPLES)]
    Sites(Sites),
    /// List, add and rotate the keys that seal API keys and stored cards.
    #[command(after_help = KEYS_EXAMPLES)]
    Keys(Keys),
}

/// `kassa bench-serve`: what `kassa bench` starts.
#[derive(Debug, Clone, Args)]
pub struct BenchServe {
    /// How writes are done.
    #[arg(long, value_enum)]
    pub store: Variant,

    /// The settings.
    #[command(flatten)]
    pub flags: Flags,
}

/// `kassa migrate`.
#[derive(Debug, Clone, Args)]
pub struct Migrate {
    /// Copy everything from this database, sqlite:PATH or a postgres:// URL; no gateway may use it meanwhile.
    #[arg(long, value_name = "DATABASE")]
    pub from: Option<migrate::Place>,

    /// To this one, which has to be empty [default: --database].
    #[arg(long, value_name = "DATABASE", requires = "from")]
    pub to: Option<migrate::Place>,

    /// Where the data is.
    #[command(flatten)]
    pub store: StoreFlags,
}

/// `kassa backup`.
#[derive(Debug, Clone, Args)]
pub struct Backup {
    /// The file to write; it must not exist.
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,

    /// Where the data is.
    #[command(flatten)]
    pub store: StoreFlags,
}

/// `kassa keys`.
#[derive(Debug, Clone, Args)]
pub struct Keys {
    /// What to do with keys.
    #[command(subcommand)]
    pub command: KeysCommand,
}

/// What to do with keys.
#[derive(Debug, Clone, Subcommand)]
pub enum KeysCommand {
    /// Show every key's id, what it is for, and how many values it has sealed.
    List(StoreFlags),
    /// Add a key to the key file that opens and does not seal yet.
    #[command(after_help = ADD_KEY_EXAMPLES)]
    Add(StoreFlags),
    /// Seal everything with a new key.
    #[command(after_help = ROTATE_KEYS_EXAMPLES)]
    Rotate(RotateKeys),
}

/// `kassa keys rotate`.
#[derive(Debug, Clone, Args)]
pub struct RotateKeys {
    /// Drop the older keys from the key file once nothing is sealed with them.
    #[arg(long)]
    pub destroy_old: bool,

    /// Seconds that gateways get for what they have under way before an old key is dropped.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(..=3600))]
    pub wait: u64,

    /// Where the data is.
    #[command(flatten)]
    pub store: StoreFlags,
}

/// `kassa sites`.
#[derive(Debug, Clone, Args)]
pub struct Sites {
    /// What to do with sites.
    #[command(subcommand)]
    pub command: SitesCommand,
}

/// What to do with sites.
#[derive(Debug, Clone, Subcommand)]
pub enum SitesCommand {
    /// Show every site.
    #[command(after_help = LIST_EXAMPLES)]
    List(StoreFlags),
    /// Create a site and print its API key.
    #[command(after_help = CREATE_EXAMPLES)]
    Create(CreateSite),
    /// Give a site a new API key and print it.
    #[command(after_help = ROTATE_EXAMPLES)]
    RotateKey(RotateKey),
    /// Print the secret that signs a site's webhooks, or give it another one.
    #[command(after_help = WEBHOOK_EXAMPLES)]
    WebhookSecret(WebhookSecret),
}

/// `kassa sites create`.
#[derive(Debug, Clone, Args)]
pub struct CreateSite {
    /// Name of the shop, as customers read it on the payment page.
    #[arg(long, value_parser = name)]
    pub name: String,

    /// For real payments; without this the site is for test cards.
    #[arg(long)]
    pub live: bool,

    /// The shop has its own contract with American Express, which pays it directly.
    #[arg(long)]
    pub own_amex: bool,

    /// Where the data is.
    #[command(flatten)]
    pub store: StoreFlags,
}

/// `kassa sites webhook-secret`.
#[derive(Debug, Clone, Args)]
pub struct WebhookSecret {
    /// The site's number, as `kassa sites list` shows it.
    #[arg(value_name = "SITE_ID", value_parser = clap::value_parser!(i64).range(1..))]
    pub site_id: i64,

    /// Draw another secret first.
    #[arg(long)]
    pub rotate: bool,

    /// Where the data is.
    #[command(flatten)]
    pub store: StoreFlags,
}

/// `kassa sites rotate-key`.
#[derive(Debug, Clone, Args)]
pub struct RotateKey {
    /// The site's number, as `kassa sites list` shows it.
    #[arg(value_name = "SITE_ID", value_parser = clap::value_parser!(i64).range(1..))]
    pub site_id: i64,

    /// Where the data is.
    #[command(flatten)]
    pub store: StoreFlags,
}

/// Reads this process's command line. Where help, the version or a mistake is the answer, it prints that and
/// exits: with 1 for a mistake, because clap's own 2 is what `kassa pay` says about an unpaid order.
#[must_use]
pub fn parse() -> Command {
    parse_from(std::env::args_os())
}

/// The same of another command line, which begins with the program's name.
#[must_use]
pub fn parse_from<A: Into<OsString> + Clone>(arguments: impl IntoIterator<Item = A>) -> Command {
    match Cli::try_parse_from(arguments) {
        Ok(cli) => cli.into_command(),
        Err(answer) => {
            // Nobody is left to tell when the output is closed.
            let _ = answer.print();
            std::process::exit(i32::from(answer.use_stderr()))
        }
    }
}

impl Command {
    /// Does what the command says; the process's exit code.
    ///
    /// # Errors
    /// What could not be done, and why.
    pub async fn run(self) -> anyhow::Result<u8> {
        match self {
            Self::Serve(flags) => serve::run(*flags, Variant::Group).await,
            Self::Bench(bench) => crate::bench::run(bench).await,
            Self::BenchServe(serve) => serve::run(serve.flags, serve.store).await,
            Self::Pay(pay) => Ok(u8::try_from(pay::run(pay).await).unwrap_or(1)),
            Self::Ca(store) => ca::run(store),
            Self::Audit(store) => audit::run(store).await,
            Self::Backup(backup) => backup::run(backup),
            Self::Acquirer(acquirer) => acquirer::run(acquirer.command).await,
            Self::Decode(decode) => decode::run(decode),
            Self::Simulator(simulator) => simulator::run(simulator.command).await,
            Self::Migrate(migrate) => migrate::run(*migrate).await,
            Self::Sites(sites) => sites::run(sites.command).await,
            Self::Keys(keys) => keys::run(keys.command).await,
        }
    }
}

impl Cli {
    fn into_command(self) -> Command {
        self.command.unwrap_or_else(|| Command::Serve(Box::new(self.serve)))
    }
}

fn name(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 100 || text.chars().any(char::is_control) {
        return Err("must have 1 to 100 printable characters");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use clap::error::ErrorKind;

    use super::*;

    fn parse(line: &str) -> Result<Command, ErrorKind> {
        Cli::try_parse_from(line.split(' ')).map(Cli::into_command).map_err(|error| error.kind())
    }

    #[test]
    fn serving_is_what_happens_without_a_command() {
        for line in ["kassa --listen [::1]:80 --data-dir d", "kassa serve --data-dir d --listen [::1]:80"] {
            let Ok(Command::Serve(flags)) = parse(line) else { panic!("{line}") };
            assert_eq!(flags.listen.as_deref(), Some("[::1]:80"));
            assert_eq!(flags.store.data_dir.as_deref(), Some("d"));
        }
        assert!(matches!(parse("kassa"), Ok(Command::Serve(_))));
    }

    #[test]
    fn every_command_is_understood() {
        let Ok(Command::Ca(store)) = parse("kassa ca --data-dir d") else { panic!() };
        assert_eq!(store.data_dir.as_deref(), Some("d"));
        for (line, tls) in
            [("kassa --tls", "true"), ("kassa serve --tls --log info", "true"), ("kassa --tls=x", "x")]
        {
            let Ok(Command::Serve(flags)) = parse(line) else { panic!("{line}") };
            assert_eq!(flags.tls.as_deref(), Some(tls), "{line}");
        }
        let Ok(Command::Audit(store)) = parse("kassa audit --config c") else { panic!() };
        assert_eq!(store.config.as_deref(), Some("c"));
        let Ok(Command::Migrate(migrate)) = parse("kassa migrate --database d --key-file k") else {
            panic!()
        };
        let store = &migrate.store;
        assert_eq!((store.database.as_deref(), store.key_file.as_deref()), (Some("d"), Some("k")));
        let moving = parse("kassa migrate --from sqlite:a.db --to postgres://u@h/d");
        assert!(
            matches!(moving, Ok(Command::Migrate(migrate)) if migrate.from.is_some() && migrate.to.is_some())
        );
        let Ok(Command::Pay(pay)) = parse("kassa pay http://localhost/connect/s/") else { panic!() };
        assert_eq!(pay.payment_url.path(), "/connect/s/");
        let sites = |line: &str| match parse(line) {
            Ok(Command::Sites(sites)) => sites.command,
            other => panic!("{line}: {other:?}"),
        };
        assert!(matches!(sites("kassa sites list --data-dir d"), SitesCommand::List(_)));
        let SitesCommand::Create(create) = sites("kassa sites create --name Shop --live --own-amex") else {
            panic!()
        };
        assert!(create.name == "Shop" && create.live && create.own_amex);
        let SitesCommand::RotateKey(rotate) = sites("kassa sites rotate-key 7 --data-dir d") else {
            panic!()
        };
        assert_eq!(rotate.site_id, 7);
        let keys = |line| match parse(line) {
            Ok(Command::Keys(keys)) => keys.command,
            other => panic!("{line}: {other:?}"),
        };
        assert!(matches!(keys("kassa keys list --data-dir d"), KeysCommand::List(_)));
        assert!(matches!(keys("kassa keys add --key-file k"), KeysCommand::Add(_)));
        let KeysCommand::Rotate(rotate) = keys("kassa keys rotate --destroy-old") else { panic!() };
        assert!(rotate.destroy_old && rotate.wait == 30);
        for (line, rotates) in [("", false), (" --rotate", true)] {
            let line = format!("kassa sites webhook-secret 7 --data-dir d{line}");
            let SitesCommand::WebhookSecret(secret) = sites(line.as_str()) else { panic!() };
            assert_eq!((secret.site_id, secret.rotate), (7, rotates));
        }
    }

    #[test]
    fn mistakes_are_refused() {
        for (line, kind) in [
            ("kassa --version", ErrorKind::DisplayVersion),
            ("kassa --help", ErrorKind::DisplayHelp),
            ("kassa bake", ErrorKind::InvalidSubcommand),
            ("kassa --listn 127.0.0.1:80", ErrorKind::UnknownArgument),
            ("kassa --test-api-key abcde", ErrorKind::UnknownArgument),
            ("kassa --listen 127.0.0.1:80 audit", ErrorKind::ArgumentConflict),
            ("kassa audit --listen 127.0.0.1:80", ErrorKind::UnknownArgument),
            ("kassa pay --ca f --insecure http://localhost/", ErrorKind::ArgumentConflict),
            ("kassa sites", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
            ("kassa sites create", ErrorKind::MissingRequiredArgument),
            ("kassa sites create --name ", ErrorKind::ValueValidation),
            ("kassa sites rotate-key", ErrorKind::MissingRequiredArgument),
            ("kassa sites rotate-key 0", ErrorKind::ValueValidation),
            ("kassa sites rotate-key mine", ErrorKind::ValueValidation),
            ("kassa migrate --to sqlite:a.db", ErrorKind::MissingRequiredArgument),
            ("kassa migrate --from mysql://h/d --to sqlite:a.db", ErrorKind::ValueValidation),
            ("kassa keys", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
            ("kassa keys rotate --wait 3601", ErrorKind::ValueValidation),
        ] {
            assert_eq!(parse(line).map(|_| ()), Err(kind), "{line}");
        }
    }

    #[test]
    fn every_command_has_help_with_examples() {
        fn check(command: &mut clap::Command) {
            if command.get_name() == "help" {
                return;
            }
            let help = command.render_long_help().to_string();
            assert!(help.contains("Examples:") || command.get_name() == "list", "{help}");
            command.get_subcommands_mut().for_each(check);
        }
        Cli::command().debug_assert();
        check(&mut Cli::command());
    }
}
