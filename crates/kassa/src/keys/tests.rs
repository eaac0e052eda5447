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
    let (other, third) = ("00".repeat(32), "11".repeat(32));
    for (text, why) in [
        (format!("{key}\n\n"), "has no key in line 2: it must be 64 hexadecimal digits"),
        (format!("{key}\n{other} nxt\n"), "has no key in line 2: it must be 64 hexadecimal digits"),
        (format!("{key}\r\n{other}\r\n"), "has no key in line 1: it must be 64 hexadecimal digits"),
        (format!("{key}\n{other}\n{}\n", key.to_uppercase()), "has the key of line 3 twice"),
        (format!("{key} next\n{other}\n"), "begins with a key that is only the next one"),
        (format!("{key}\n{other} next\n{third} next\n"), "has more than one next key"),
        (
            (0..5).map(|digit| format!("{digit}").repeat(64)).collect::<Vec<_>>().join("\n"),
            "has no key in line 5: it must be 64 hexadecimal digits",
        ),
    ] {
        let refused = Folder::with(text.as_bytes(), 0o600).refusal();
        assert_eq!(refused, format!("the key file kassa.key {why}"), "{text:?}");
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
    let ring = KeyRing::of(&[[7; 32]]);
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
fn the_first_key_seals_and_every_key_opens() {
    let (old, new) = (KeyRing::of(&[[1; 32]]), KeyRing::of(&[[2; 32]]));
    let both = KeyRing::of(&[[2; 32], [1; 32]]);
    let sealed = both.seal("x", b"secret").unwrap();
    assert!(sealed.starts_with(&both.newest().beginning()));
    assert_eq!(*new.open_sealed("x", &sealed).unwrap(), b"secret");
    assert!(old.open_sealed("x", &sealed).is_err());
    for before in [old.seal("x", b"earlier").unwrap(), new.seal("x", b"earlier").unwrap()] {
        assert_eq!(*both.open_sealed("x", &before).unwrap(), b"earlier");
    }
    assert_eq!(both.digest("key"), new.digest("key"));
    assert_eq!(both.digests("key"), [new.digest("key"), old.digest("key")]);
    assert_eq!(KeyId::of_sealed(&sealed), Some(both.newest()));
    assert_eq!(KeyId::of_sealed(&sealed[..4]), None);
    assert_eq!(KeyRing::of(&[[7; 32]]).newest().to_string(), "859233f5");
}

/// A gateway that runs, and `kassa keys` beside it.
#[test]
fn a_running_ring_follows_the_file_step_by_step() {
    let (folder, random) = (Folder::new(), Random::system());
    KeyRing::create(&folder.path(), &random).unwrap();
    let (running, idle) = (KeyRing::open(&folder.path()).unwrap(), KeyRing::open(&folder.path()).unwrap());
    let first = running.newest();
    let early = running.seal("x", b"early").unwrap();

    let mut file = KeyFile::lock(&folder.path()).unwrap();
    let second = file.add_next(&random).unwrap();
    assert_eq!((file.next(), file.count()), (Some(second), 2));
    assert!(running.seal("x", b"").unwrap().starts_with(&first.beginning()), "not every node may know it");
    assert_eq!(running.ids(), [(first, Role::Seals), (second, Role::Next)]);
    assert_eq!(file.promote(&random).unwrap(), second);
    let sealed = running.seal("x", b"new").unwrap();
    assert!(sealed.starts_with(&second.beginning()));
    assert_eq!(running.ids(), [(second, Role::Seals), (first, Role::Old)]);
    assert_eq!(*running.open_sealed("x", &early).unwrap(), b"early");
    assert_eq!(idle.ids().len(), 1, "nothing made it look");
    assert_eq!(*idle.open_sealed("x", &sealed).unwrap(), b"new", "meeting an unknown key does");

    assert_eq!(file.destroy_others().unwrap(), [first]);
    assert_eq!(running.ids().len(), 2, "nothing made it look");
    running.refresh();
    assert_eq!(running.ids(), [(second, Role::Seals)]);
    let error = running.open_sealed("x", &early).unwrap_err().to_string();
    assert_eq!(error, "opening x: sealed with another key file");
    assert_eq!(fs::read_dir(folder.0.path()).unwrap().count(), 1, "no draft stays behind");
}

#[test]
fn a_file_that_cannot_be_used_changes_nothing_for_who_runs() {
    let (folder, random) = (Folder::new(), Random::system());
    KeyRing::create(&folder.path(), &random).unwrap();
    let running = KeyRing::open(&folder.path()).unwrap();
    let (first, good) = (running.newest(), fs::read(folder.path()).unwrap());
    for (text, mode) in [("", 0o600), ("rubbish", 0o600), ("22".repeat(32).as_str(), 0o644)] {
        fs::remove_file(folder.path()).unwrap();
        *running.failed_at.lock().unwrap() = None;
        running.refresh();
        assert_eq!(running.newest(), first, "missing");
        fs::write(folder.path(), text).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        *running.failed_at.lock().unwrap() = None;
        running.refresh();
        assert_eq!(running.newest(), first, "{text:?}");
        assert!(running.failed_at.lock().unwrap().is_some(), "{text:?} was looked at");
    }
    // A mistake that is mended: both keys, and the right mode.
    fs::write(folder.path(), [format!("{}\n", "22".repeat(32)).as_bytes(), &good].concat()).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o600)).unwrap();
    running.refresh();
    assert_eq!(running.newest(), first, "not more than once a second");
    *running.failed_at.lock().unwrap() = None;
    running.refresh();
    assert_eq!(running.ids().len(), 2);
    assert_eq!(running.ids()[1], (first, Role::Old));
}

/// A rotation that was over before the gateway looked, or somebody else's file.
#[test]
fn a_file_without_a_known_key_takes_none_away() {
    let (folder, random) = (Folder::new(), Random::system());
    KeyRing::create(&folder.path(), &random).unwrap();
    let running = KeyRing::open(&folder.path()).unwrap();
    let (first, early) = (running.newest(), running.seal("x", b"early").unwrap());
    let mut file = KeyFile::lock(&folder.path()).unwrap();
    let second = file.promote(&random).unwrap();
    file.destroy_others().unwrap();
    running.refresh();
    assert_eq!(running.ids(), [(second, Role::Seals), (first, Role::Old)]);
    assert_eq!(*running.open_sealed("x", &early).unwrap(), b"early");
    let third = file.promote(&random).unwrap();
    running.refresh();
    assert_eq!(running.ids(), [(third, Role::Seals), (second, Role::Old)], "until the next file");
}

#[test]
fn the_file_changes_whole_and_stays_its_owners() {
    let (folder, random) = (Folder::new(), Random::system());
    KeyRing::create(&folder.path(), &random).unwrap();
    // What a crash may have left.
    let draft = folder.0.path().join("kassa.key.draft");
    fs::write(&draft, "half a ke").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o400)).unwrap();
    let link = folder.0.path().join("link");
    std::os::unix::fs::symlink(folder.path(), &link).unwrap();

    let mut file = KeyFile::lock(&link).unwrap();
    let refused = KeyFile::lock(&folder.path()).err().unwrap().to_string();
    assert!(refused.starts_with("another kassa is changing the key file "), "{refused}");
    let next = file.add_next(&random).unwrap();
    assert!(!draft.exists());
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.path()), 0o400, "as before");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "a link stays a link");
    let text = fs::read_to_string(folder.path()).unwrap();
    assert_eq!(text.lines().count(), 2);
    assert!(text.ends_with(" next\n"));
    let refused = file.add_next(&random).unwrap_err().to_string();
    assert!(refused.starts_with(&format!("the key {next} is waiting already")), "{refused}");
    drop(file);
    let mut file = KeyFile::lock(&folder.path()).unwrap();
    assert_eq!(file.promote(&random).unwrap(), next);
    file.add_next(&random).unwrap();
    file.promote(&random).unwrap();
    file.add_next(&random).unwrap();
    file.promote(&random).unwrap();
    let refused = file.add_next(&random).unwrap_err().to_string();
    assert!(refused.starts_with("the key file has 4 keys"), "{refused}");
    assert_eq!(KeyRing::open(&link).unwrap().ids().len(), 4);
    assert_eq!(file.destroy_others().unwrap().len(), 3);
    assert_eq!(file.destroy_others().unwrap(), []);
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
    let ring = KeyRing::of(&[[7; 32]]);
    assert_eq!(format!("{ring:?} {ring:#?}"), "KeyRing(…) KeyRing(…)");
    let key = ApiSecret::parse("my-first-test-key").unwrap();
    assert_eq!(format!("{key:?} {key:#?}"), "ApiSecret(…) ApiSecret(…)");
}
