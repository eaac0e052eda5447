//! The certificate authority of one deployment: a key and a self-signed certificate in a folder.
//!
//! | File | Mode | What |
//! |---|---|---|
//! | `ca.key` | 0600 | private key, ECDSA P-256, PKCS #8 in PEM |
//! | `ca.pem` | 0644, in a folder of mode 0700 | certificate to trust, ten years |
//!
//! Everything in the certificate but its dates follows from the key: `ca.pem` can be lost and made again, and it
//! shows when the two files do not belong together. The authority may name any host. Limiting it to the names set at
//! its birth would mean to trust a new one with every name that is added; what protects its users is that the key
//! stays on the machine that trusts it, and that it signs servers' certificates and no further authority.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use payments::time::{Millis, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData as _, date_time_ymd,
};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, OtherError, RootCertStore};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

const DAYS: i64 = 3_653;
/// A certificate begins a day before it is made: clients' clocks differ.
const HEAD_START: Millis = Millis::days(-1);
/// Bits of a file's mode: the group's and everybody else's, or only the latter.
const GROUP_AND_OTHERS: u32 = 0o077;
const OTHERS: u32 = 0o007;

/// A certificate authority that is ready to sign.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    path: PathBuf,
}

impl Authority {
    /// The authority in `folder`, created when there is none.
    ///
    /// # Errors
    /// When its files cannot be read or written, others can read its key, or they do not belong together.
    pub fn open_or_create(folder: &Path, now: Timestamp) -> anyhow::Result<Self> {
        let (key_path, path) = (folder.join("ca.key"), folder.join("ca.pem"));
        let key = if key_path.exists() {
            read_key(&key_path)?
        } else if path.exists() {
            bail!(
                "the key {} of the certificate authority {} is missing; without both files the next start \
                 creates a new authority, to be trusted anew",
                key_path.display(),
                path.display()
            );
        } else {
            create_key(folder, &key_path)?
        };
        let params = params(&key);
        if !path.exists() {
            let made =
                valid(params.clone(), now, DAYS).self_signed(&key).context("making a TLS authority")?;
            write(&path, made.pem().as_bytes(), 0o644)?;
        }
        let certificate = certificate(&path)?;
        Ok(Self { issuer: Issuer::new(params, key), certificate, path })
    }

    /// The path and the PEM of the certificate in `folder`, if there is one: what clients have to trust.
    ///
    /// # Errors
    /// When it is there and cannot be read, or is no certificate.
    pub fn to_trust(folder: &Path) -> anyhow::Result<Option<(PathBuf, String)>> {
        let path = folder.join("ca.pem");
        if !path.exists() {
            return Ok(None);
        }
        certificate(&path)?;
        let pem = fs::read_to_string(&path).with_context(|| cannot_read(&path))?;
        Ok(Some((path, pem)))
    }

    /// A new key and a certificate for `names`, checked as a client would check it.
    pub(super) fn issue(
        &self,
        names: &[String],
        now: Timestamp,
        days: i64,
    ) -> anyhow::Result<Arc<CertifiedKey>> {
        let key = KeyPair::generate().context("making a TLS key")?;
        let mut params = CertificateParams::new(names).context("making a TLS certificate")?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "Kassa");
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let leaf = valid(params, now, days).signed_by(&key, &self.issuer);
        let leaf = leaf.context("making a TLS certificate")?.der().clone();
        for name in names {
            self.check(&leaf, name, now)?;
        }
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = rustls::crypto::ring::default_provider();
        let shown = CertifiedKey::from_der(vec![leaf], private, &provider);
        Ok(Arc::new(shown.context("using a TLS certificate")?))
    }

    /// Whether a client that trusts `ca.pem` takes this certificate for this name.
    fn check(&self, leaf: &CertificateDer<'_>, name: &str, now: Timestamp) -> anyhow::Result<()> {
        let shown = self.path.display();
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).with_context(|| format!("using the TLS authority {shown}"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .with_context(|| format!("using the TLS authority {shown}"))?;
        let server = ServerName::try_from(name).with_context(|| format!("reading the TLS name {name}"))?;
        let time = UnixTime::since_unix_epoch(since_epoch(now));
        let verify = |certificate: &CertificateDer<'_>| match verifier.verify_server_cert(
            certificate,
            &[],
            &server,
            &[],
            time,
        ) {
            Ok(_) => Ok(()),
            Err(rustls::Error::InvalidCertificate(why)) => Err(why),
            Err(other) => Err(CertificateError::Other(OtherError(Arc::new(other)))),
        };
        // This library takes an authority's dates for no matter; others do not. Shown as a server's certificate it
        // is refused in any case, and for its dates before anything else.
        if let Err(CertificateError::Expired | CertificateError::ExpiredContext { .. }) =
            verify(&self.certificate)
        {
            bail!(
                "the TLS authority {shown} has expired; without it the next start makes one to be trusted anew"
            );
        }
        match verify(leaf) {
            Ok(()) => Ok(()),
            Err(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
                bail!("the TLS authority {shown} does not belong to the key beside it")
            }
            Err(why) => bail!("the TLS authority {shown} cannot vouch for {name}: {why}"),
        }
    }
}

/// What the authority's certificate says of itself.
fn params(key: &KeyPair) -> CertificateParams {
    let digest = Sha256::digest(key.subject_public_key_info());
    // Two deployments on one machine are two authorities, and a list of them has to tell them apart.
    let mark: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Kassa");
    params.distinguished_name.push(DnType::CommonName, format!("Kassa local authority {mark}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn valid(mut params: CertificateParams, now: Timestamp, days: i64) -> CertificateParams {
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_epoch(now.plus(HEAD_START));
    params.not_after = epoch + since_epoch(now.plus(Millis::days(days)));
    params
}

fn since_epoch(time: Timestamp) -> Duration {
    Duration::from_secs(u64::try_from(time.unix_seconds()).unwrap_or(0))
}

fn cannot_read(path: &Path) -> String {
    format!("reading the TLS authority {}", path.display())
}

fn certificate(path: &Path) -> anyhow::Result<CertificateDer<'static>> {
    CertificateDer::from_pem_file(path).with_context(|| cannot_read(path))
}

fn read_key(path: &Path) -> anyhow::Result<KeyPair> {
    refuse_if_readable(path, GROUP_AND_OTHERS).with_context(|| cannot_read(path))?;
    let text = Zeroizing::new(fs::read_to_string(path).with_context(|| cannot_read(path))?);
    KeyPair::from_pem(&text).with_context(|| cannot_read(path))
}

fn create_key(folder: &Path, path: &Path) -> anyhow::Result<KeyPair> {
    let shown = folder.display();
    let created = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    created.with_context(|| format!("creating the folder {shown}"))?;
    let key = KeyPair::generate().context("making a TLS key")?;
    write(path, Zeroizing::new(key.serialize_pem()).as_bytes(), 0o600)?;
    Ok(key)
}

/// Writes a new file: a crash leaves a whole one or none. Where two processes create the same authority, the first
/// to be there wins and the other one is told.
fn write(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let draft = path.with_added_extension(std::process::id().to_string());
    let written = write_new(&draft, bytes, mode).and_then(|()| fs::hard_link(&draft, path));
    // Whatever happened, no second copy of a key stays behind; one that cannot be removed is of the same mode.
    let _ = fs::remove_file(&draft);
    written
        .and_then(|()| File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all())
        .with_context(|| format!("creating {}", path.display()))
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Refuses an operator's own key that everybody on the machine can read. Its group may: that is how Debian hands
/// keys to services.
pub(crate) fn refuse_if_others_can_read(path: &Path) -> anyhow::Result<()> {
    refuse_if_readable(path, OTHERS)
}

fn refuse_if_readable(path: &Path, by: u32) -> anyhow::Result<()> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        bail!("it is not a regular file");
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & by != 0 {
        bail!("it is open to others: its mode is {mode:04o} and must be 0600");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_348_800_000);

    fn names() -> Vec<String> {
        ["pay.example", "127.0.0.1", "::1"].map(str::to_owned).to_vec()
    }

    fn accepts(authority: &Authority, shown: &CertifiedKey, name: &str, at: Timestamp) -> bool {
        authority.check(shown.end_entity_cert().unwrap(), name, at).is_ok()
    }

    #[test]
    fn a_certificate_is_good_for_its_names_and_its_days() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::open_or_create(&folder.path().join("tls"), NOW).unwrap();
        let shown = authority.issue(&names(), NOW, 90).unwrap();
        let days = |count| NOW.plus(Millis::days(count));
        for name in names() {
            assert!(accepts(&authority, &shown, &name, NOW), "{name}");
        }
        for name in ["example", "other.example", "a.pay.example", "127.0.0.2", "::2"] {
            assert!(!accepts(&authority, &shown, name, NOW), "{name}");
        }
        for (at, good) in [(-2, false), (0, true), (89, true), (91, false)] {
            assert_eq!(accepts(&authority, &shown, "pay.example", days(at)), good, "{at} days later");
        }
        let late = authority.issue(&names(), days(3_600), 90);
        assert!(late.is_ok(), "the authority lasts ten years");
        let after = authority.issue(&names(), days(3_700), 90).unwrap_err();
        assert!(format!("{after:#}").contains("ca.pem has expired"), "{after:#}");
    }

    #[test]
    fn the_authority_stays_and_a_lost_certificate_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Authority::open_or_create(folder.path(), NOW);
        let first = open().unwrap();
        let shown = first.issue(&names(), NOW, 90).unwrap();
        assert_eq!(open().unwrap().certificate, first.certificate);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no drafts stay behind");
        fs::remove_file(folder.path().join("ca.pem")).unwrap();
        let again = open().unwrap();
        assert!(accepts(&again, &shown, "pay.example", NOW), "what the first one signed is still good");
    }

    #[test]
    fn another_authoritys_certificate_is_noticed() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for folder in [&folder, &other] {
            Authority::open_or_create(folder.path(), NOW).unwrap();
        }
        fs::copy(other.path().join("ca.pem"), folder.path().join("ca.pem")).unwrap();
        let mixed = Authority::open_or_create(folder.path(), NOW).unwrap();
        let error = mixed.issue(&names(), NOW, 90).unwrap_err();
        assert!(format!("{error:#}").ends_with("does not belong to the key beside it"), "{error:#}");
    }
}
