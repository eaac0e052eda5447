//! The key file: for each key a line of 64 hexadecimal digits, as `openssl rand -hex 32` writes it; mode 0600.
//!
//! The first key seals, every key opens. A key that not every node may know yet is marked with the word `next`
//! behind it. A file of one line is the usual one.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use zeroize::Zeroizing;

use super::{KEYS_MAX, Key};
use crate::random::Random;

const DIGITS: usize = 64;
const NEXT: &[u8] = b" next";
const OTHERS: u32 = 0o077;
/// The longest file: every line with its mark and its break.
const LENGTH_MAX: usize = KEYS_MAX * (DIGITS + NEXT.len() + 1);

/// A key of the file.
pub(super) struct Entry {
    pub(super) key: Box<Key>,
    /// Does not seal before every node knows it.
    pub(super) is_next: bool,
}

impl Entry {
    pub(super) fn draw(random: &Random) -> Self {
        let mut key = Box::new(Key::default());
        random.fill(key.as_mut_slice());
        Self { key, is_next: false }
    }
}

/// Tells one file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// What is at `path` now; `None` when nothing can be seen there.
pub(super) fn stamp(path: &Path) -> Option<Stamp> {
    fs::metadata(path).ok().as_ref().map(Stamp::of)
}

/// Writes a first key to a new file. It is written under another name first and linked to its own when it is on
/// the disk: a crash leaves a whole file or none, and linking never replaces a key that is there already.
pub(super) fn create(path: &Path, entry: &Entry, random: &Random) -> anyhow::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".");
    draft.push(random.alphanumeric(8));
    let draft = PathBuf::from(draft);
    let linked = write(&draft, std::slice::from_ref(entry)).and_then(|_| fs::hard_link(&draft, path));
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
    sync_folder(path).with_context(|| format!("cannot create the key file {}", path.display()))
}

/// The folder a file is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes sure that a new name in the file's folder outlives a power cut.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// Writes a new file of mode 0600 and waits until it is on the disk.
pub(super) fn write(path: &Path, entries: &[Entry]) -> io::Result<File> {
    let mut text = Zeroizing::new(Vec::with_capacity(entries.len() * (DIGITS + NEXT.len() + 1)));
    for entry in entries {
        for byte in entry.key.iter() {
            text.extend_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
        }
        if entry.is_next {
            text.extend_from_slice(NEXT);
        }
        text.push(b'\n');
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&text)?;
    file.sync_all()?;
    Ok(file)
}

pub(super) fn read(path: &Path) -> anyhow::Result<(Vec<Entry>, Stamp)> {
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
    let metadata = file.metadata().with_context(cannot_read)?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & OTHERS != 0 {
        bail!("the key file {shown} is open to others: its mode is {mode:04o} and must be 0600");
    }
    // Room for one byte more than a file has, so that a longer one is noticed.
    let mut text = Zeroizing::new(Vec::with_capacity(LENGTH_MAX + 1));
    file.take(LENGTH_MAX as u64 + 1).read_to_end(&mut text).with_context(cannot_read)?;
    match parse(text.strip_suffix(b"\n").unwrap_or(&text)) {
        Ok(entries) => Ok((entries, Stamp::of(&metadata))),
        Err(why) => bail!("the key file {shown} {why}"),
    }
}

fn parse(text: &[u8]) -> Result<Vec<Entry>, String> {
    let mut entries: Vec<Entry> = Vec::new();
    let lines = text.split(|byte| *byte == b'\n').count();
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let (digits, is_next) = match line.strip_suffix(NEXT) {
            Some(digits) => (digits, true),
            None => (line, false),
        };
        let key = match parse_key(digits) {
            Some(key) => key,
            None if lines == 1 => {
                return Err("does not contain a key: it must be 64 hexadecimal digits".to_owned());
            }
            None => return Err(format!("has no key in line {}: it must be 64 hexadecimal digits", at + 1)),
        };
        if entries.iter().any(|entry| entry.key == key) {
            return Err(format!("has the key of line {} twice", at + 1));
        }
        entries.push(Entry { key, is_next });
    }
    if entries.len() > KEYS_MAX {
        return Err(format!("has more than {KEYS_MAX} keys"));
    }
    if entries.first().is_some_and(|first| first.is_next) {
        return Err("begins with a key that is only the next one".to_owned());
    }
    if entries.iter().filter(|entry| entry.is_next).count() > 1 {
        return Err("has more than one next key".to_owned());
    }
    Ok(entries)
}

fn parse_key(digits: &[u8]) -> Option<Box<Key>> {
    if digits.len() != DIGITS {
        return None;
    }
    let mut key = Box::new(Key::default());
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |letter: u8| char::from(letter).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(key)
}

fn hex_digit(value: u8) -> u8 {
    b"0123456789abcdef"[usize::from(value & 15)]
}
