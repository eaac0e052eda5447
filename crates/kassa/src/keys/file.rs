//! The key file: 64 hexadecimal digits and a line break, as `openssl rand -hex 32` writes them, mode 0600.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use zeroize::Zeroizing;

use super::Key;
use crate::random::Random;

const DIGITS: usize = 64;
const OTHERS: u32 = 0o077;

/// Writes `key` to a new file. It is written under another name first and linked to its own when it is on the
/// disk: a crash leaves a whole file or none, and linking never replaces a key that is there already.
pub(super) fn create(path: &Path, key: &Key, random: &Random) -> anyhow::Result<()> {
    let draft = draft_of(path, random);
    let linked = write(&draft, key).and_then(|()| fs::hard_link(&draft, path));
    // Whatever happened, no second copy of a key stays behind; one that cannot be removed is of mode 0600.
    let _ = fs::remove_file(&draft);
    match linked {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("the key file {} exists already", path.display())
        }
        Err(error) => {
            return Err(error).with_context(|| format!("cannot create the key file {}", path.display()));
        }
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("cannot create the key file {}", path.display()))
}

fn draft_of(path: &Path, random: &Random) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(random.alphanumeric(8));
    PathBuf::from(name)
}

fn write(path: &Path, key: &Key) -> io::Result<()> {
    let mut text = Zeroizing::new(Vec::with_capacity(DIGITS + 1));
    for byte in key.iter() {
        text.extend_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
    }
    text.push(b'\n');
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&text)?;
    file.sync_all()
}

pub(super) fn read(path: &Path) -> anyhow::Result<Box<Key>> {
    let shown = path.display();
    // Asked before opening, because opening a pipe would wait for its other end.
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => bail!("the key file {shown} is not a regular file"),
        Err(error) if error.kind() == ErrorKind::NotFound => bail!(
            "the key file {shown} is missing (what is sealed with it cannot be read without it; \
             for a new database, create one: (umask 077; openssl rand -hex 32 > FILE))"
        ),
        Err(error) => return Err(error).with_context(|| format!("cannot read the key file {shown}")),
    }
    let cannot_read = || format!("cannot read the key file {shown}");
    let file = File::open(path).with_context(cannot_read)?;
    let mode = file.metadata().with_context(cannot_read)?.permissions().mode() & 0o777;
    if mode & OTHERS != 0 {
        bail!("the key file {shown} is open to others: its mode is {mode:04o} and must be 0600");
    }
    // Room for one byte more than a key has, so that a longer file is noticed.
    let mut text = Zeroizing::new(Vec::with_capacity(DIGITS + 2));
    file.take(DIGITS as u64 + 2).read_to_end(&mut text).with_context(cannot_read)?;
    match parse(text.strip_suffix(b"\n").unwrap_or(&text)) {
        Some(key) => Ok(key),
        None => bail!("the key file {shown} does not contain a key: it must be 64 hexadecimal digits"),
    }
}

fn parse(text: &[u8]) -> Option<Box<Key>> {
    if text.len() != DIGITS {
        return None;
    }
    let mut key = Box::new(Key::default());
    for (byte, pair) in key.iter_mut().zip(text.chunks_exact(2)) {
        let digit = |letter: u8| char::from(letter).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(key)
}

fn hex_digit(value: u8) -> u8 {
    b"0123456789abcdef"[usize::from(value & 15)]
}
