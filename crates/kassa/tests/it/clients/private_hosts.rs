//! Host names of the internet that lead to this machine, for the processes of one test and nobody else.
//!
//! The first way that the machine permits is taken; `./test` prints which:
//!
//! 1. A network and a mount namespace of their own (`unshare`): the processes have a loopback interface and nothing
//!    else, and a hosts file of their own is mounted over `/etc/hosts`. Root may do this, in a container only with
//!    `CAP_SYS_ADMIN`.
//! 2. The same within a user namespace, where the system lets users have one.
//! 3. `nss_wrapper` (Debian: libnss-wrapper), a library that reads another hosts file, preloaded into the clients. The
//!    network is the machine's, so the server takes a loopback address of its own.

use crate::harness::run;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `unshare` makes: mount and network, for a user with a user namespace around them.
const OF_ROOT: &str = "-mn";
const OF_A_USER: &str = "-Urmn";
const PRELOADED: &str = "libnss_wrapper.so";

/// How the names come to lead here.
#[derive(Debug)]
enum Way {
    Namespace { user: bool },
    Preload,
}

/// The names, and the way.
#[derive(Debug)]
pub(super) struct PrivateHosts {
    way: Way,
    file: PathBuf,
    address: String,
}

impl PrivateHosts {
    /// Writes a hosts file into `folder` with which `names` lead to the server.
    pub(super) fn prepare(folder: &Path, names: &[&str]) -> Self {
        let permitted = |flags| {
            let needed = "mount --bind /etc/hosts /etc/hosts && ip link set lo up";
            run(Command::new("unshare").args([flags, "sh", "-c", needed])).code == Some(0)
        };
        let way = if permitted(OF_ROOT) {
            Way::Namespace { user: false }
        } else if permitted(OF_A_USER) {
            Way::Namespace { user: true }
        } else {
            let preloaded = run(Command::new("true").env("LD_PRELOAD", PRELOADED));
            assert_eq!(
                preloaded.stderr, "",
                "no namespaces are permitted here, and libnss-wrapper is missing: run ./test, which installs it"
            );
            Way::Preload
        };
        let address = match way {
            Way::Namespace { .. } => "127.0.0.1".to_owned(),
            Way::Preload => {
                let [_, _, high, low] = std::process::id().to_be_bytes();
                format!("127.83.{high}.{}", low.max(1))
            }
        };
        let file = folder.join("hosts");
        fs::write(&file, format!("{address} {}\n", names.join(" "))).unwrap();
        Self { way, file, address }
    }

    /// Where the server has to listen.
    pub(super) fn listen(&self) -> String {
        format!("{}:443", self.address)
    }

    /// The command of the server, among its own hosts. It becomes the server: the process keeps its id.
    pub(super) fn server(&self, command: &Command) -> Command {
        let Way::Namespace { user } = self.way else {
            return around("env", &[], command);
        };
        let flags = if user { OF_A_USER } else { OF_ROOT };
        let script = r#"mount --bind "$0" /etc/hosts && ip link set lo up && exec "$@""#;
        around("unshare", &[flags, "--", "sh", "-c", script, self.file.to_str().unwrap()], command)
    }

    /// The command of a client, among the hosts of the server with this process id.
    pub(super) fn client(&self, command: &Command, server: u32) -> Command {
        let target = format!("--target={server}");
        match self.way {
            Way::Namespace { user: false } => around("nsenter", &[&target, "-m", "-n", "--"], command),
            Way::Namespace { user: true } => {
                around("nsenter", &[&target, "-U", "-m", "-n", "--preserve-credentials", "--"], command)
            }
            Way::Preload => {
                let mut client = around("env", &[], command);
                client.env("LD_PRELOAD", PRELOADED).env("NSS_WRAPPER_HOSTS", &self.file);
                client
            }
        }
    }
}

/// A command that is run by another one, with the environment that it has.
fn around(program: &str, arguments: &[&str], command: &Command) -> Command {
    let mut outer = Command::new(program);
    outer.args(arguments).arg(command.get_program()).args(command.get_args()).env_clear();
    outer.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    outer
}
