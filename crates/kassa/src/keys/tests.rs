//! Key files and what is sealed under them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("kassa.key")
    }

    fn with(text: &[u8], mode: u32) -> Self {
        let folder = Folder::new();
        fs::write(folder.path(), text).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        folder
    }

    /// Why the key file does not open, without the folder's name.
    fn refusal(&self) -> String {
        let error = format!("{:#}", KeyRing::open(&self.path()).unwrap_err());
        assert!(!error.contains('\n'), "{error}");
        error.replace(&format!("{}/", self.0.path().display()), "")
    }
}

fn ring(seed: u64) -> KeyRing {
    KeyRing::create(&Folder::new().path(), &Random::seeded(seed)).unwrap()
}

#[test]
fn a_created_file_opens_again() {
    let folder = Folder::new();
    let created = KeyRing::create(&folder.path(), &Random::system()).unwrap();
    let opened = KeyRing::open(&folder.path()).unwrap();
    assert_eq!(created.digest("abc"), opened.digest("abc"));
    let sealed = created.seal("api-key/1/1", b"secret").unwrap();
    assert_eq!(*opened.open_sealed("api-key/1/1", &sealed).unwrap(), b"secret");

    let text = fs::read_to_string(folder.path()).unwrap();
    assert_eq!(text.len(), 65);
    assert!(text.ends_with('\n'));
    assert!(text.trim_end().bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
    let mode = fs::metadata(folder.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.0.path()).unwrap().count(), 1, "no draft stays behind");
}

#[test]
fn a_key_is_never_replaced() {
    let folder = Folder::new();
    KeyRing::create(&folder.path(), &Random::system()).unwrap();
    let before = fs::read(folder.path()).unwrap();
    let error = KeyRing::create(&folder.path(), &Random::system()).unwrap_err();
    assert!(error.to_string().ends_with("kassa.key exists already"), "{error}");
    assert_eq!(fs::read(folder.path()).unwrap(), before);
    assert_eq!(fs::read_dir(folder.0.path()).unwrap().count(), 1);
    let nowhere = folder.0.path().join("missing/kassa.key");
    let error = format!("{:#}", KeyRing::create(&nowhere, &Random::system()).unwrap_err());
    assert!(error.starts_with("cannot create the key file "), "{error}");
}

#[test]
fn a_wrong_file_is_refused_in_one_line() {
    let key = "0123456789abcdef".repeat(4);
    assert!(Folder::new().refusal().starts_with("the key file kassa.key is missing ("));
    for mode in [0o644, 0o640, 0o604, 0o660, 0o610] {
        let expected =
            format!("the key file kassa.key is open to others: its mode is {mode:04o} and must be 0600");
        assert_eq!(Folder::with(key.as_bytes(), mode).refusal(), expected);
    }
    for text in [
        String::new(),
        key[1..].to_owned(),
        format!("{key}0"),
        format!("{key}\n\n"),
        format!(" {}", &key[1..]),
        format!("{}g", &key[1..]),
        format!("+{}", &key[1..]),
        key.repeat(1000),
    ] {
        assert_eq!(
            Folder::with(text.as_bytes(), 0o600).refusal(),
            "the key file kassa.key does not contain a key: it must be 64 hexadecimal digits",
            "{text:?}"
        );
    }
    let folder = Folder::new();
    fs::create_dir(folder.path()).unwrap();
    assert_eq!(folder.refusal(), "the key file kassa.key is not a regular file");
}

#[test]
fn keys_written_by_other_hands_open() {
    let key = "0123456789abcdef".repeat(4);
    let digest =
        |text: &str, mode| KeyRing::open(&Folder::with(text.as_bytes(), mode).path()).unwrap().digest("x");
    let expected = digest(&key, 0o600);
    assert_eq!(digest(&format!("{key}\n"), 0o400), expected);
    assert_eq!(digest(&key.to_uppercase(), 0o600), expected);
}

/// What is stored must stay readable: these values never change.
#[test]
fn subkeys_and_format_stay_what_they_are() {
    let ring = KeyRing::derive(&Zeroizing::new([7; 32]));
    let hex: String = ring.digest("my-first-test-key").iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, DIGEST);
    let sealed: Vec<u8> = (0..SEALED.len())
        .step_by(2)
        .map(|index| u8::from_str_radix(&SEALED[index..index + 2], 16).unwrap())
        .collect();
    assert_eq!(sealed.len(), 1 + 4 + 12 + 6 + 16);
    assert_eq!(*ring.open_sealed("api-key/1/1", &sealed).unwrap(), b"secret");
}

const DIGEST: &str = "e4d90af7f2d9d487064f3d129a382744ba98cc086cd746269cf6f5aa9338f421";
const SEALED: &str = "01859233f56aa642ca6c22f0a08bfa13d50cc28cd812505ebeebabba54a3b29f42be144b0b1c08";

#[test]
fn what_is_sealed_opens_for_its_purpose_and_key_only() {
    let ours = ring(1);
    for plain in [&b""[..], b"secret", &[0; 1000]] {
        let sealed = ours.seal("api-key/1/1", plain).unwrap();
        assert_eq!(*ours.open_sealed("api-key/1/1", &sealed).unwrap(), plain);
        assert_ne!(ours.seal("api-key/1/1", plain).unwrap(), sealed, "a fresh nonce each time");
    }
    let sealed = ours.seal("api-key/1/1", b"secret").unwrap();
    let refusal =
        |ring: &KeyRing, purpose, sealed: &[u8]| ring.open_sealed(purpose, sealed).unwrap_err().to_string();
    assert_eq!(
        refusal(&ours, "api-key/2/1", &sealed),
        "opening api-key/2/1: what is stored has been damaged or moved"
    );
    assert_eq!(
        refusal(&ring(2), "api-key/1/1", &sealed),
        "opening api-key/1/1: sealed with another key file"
    );
    for length in 0..sealed.len() {
        assert!(ours.open_sealed("api-key/1/1", &sealed[..length]).is_err(), "{length}");
    }
    for index in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[index] ^= 1;
        assert!(ours.open_sealed("api-key/1/1", &changed).is_err(), "{index}");
    }
    let mut future = sealed;
    future[0] = 2;
    assert_eq!(
        refusal(&ours, "api-key/1/1", &future),
        "opening api-key/1/1: sealed in format 2, this version of kassa knows 1"
    );
}

#[test]
fn a_digest_depends_on_key_and_text() {
    let (one, two) = (ring(1), ring(2));
    assert_eq!(one.digest("abcde").len(), 32);
    assert_eq!(one.digest("abcde"), one.digest("abcde"));
    assert_ne!(one.digest("abcde"), one.digest("abcdf"));
    assert_ne!(one.digest("abcde"), two.digest("abcde"));
}

#[test]
fn drawn_keys_are_forty_letters_and_digits() {
    let random = Random::seeded(1);
    let (one, two) = (ApiSecret::draw(&random), ApiSecret::draw(&random));
    assert_ne!(one, two);
    assert_eq!(one.expose().len(), 40);
    assert!(one.expose().bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(ApiSecret::parse(one.expose()), Ok(one));
}

#[test]
fn nothing_secret_is_printed() {
    let ring = KeyRing::derive(&Zeroizing::new([7; 32]));
    assert_eq!(format!("{ring:?} {ring:#?}"), "KeyRing(…) KeyRing(…)");
    let key = ApiSecret::parse("my-first-test-key").unwrap();
    assert_eq!(format!("{key:?} {key:#?}"), "ApiSecret(…) ApiSecret(…)");
}
