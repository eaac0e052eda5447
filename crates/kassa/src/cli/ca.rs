//! `kassa ca`: the certificate authority of `kassa serve --tls`, for whoever has to trust it.

use crate::config::{Config, Flags, StoreFlags};
use crate::server::tls::Authority;
use anyhow::Context as _;
use std::io::Write as _;

pub(super) fn run(flags: StoreFlags) -> anyhow::Result<u8> {
    let config = Config::load(Flags::from(flags))?;
    let folder = config.tls_dir();
    let (path, pem) = Authority::to_trust(&folder)?.with_context(|| {
        format!("there is no certificate authority in {}; kassa serve --tls creates one", folder.display())
    })?;
    // Absolute, because it goes into other programs' settings.
    let path = std::path::absolute(&path).unwrap_or(path);
    // Where standard error is closed nobody asks how.
    let _ = write!(std::io::stderr(), "{}", how_to_trust(&path.display().to_string()));
    std::io::stdout().write_all(pem.as_bytes())?;
    Ok(0)
}

fn how_to_trust(path: &str) -> String {
    format!(
        "The certificate authority of this Kassa is {path}
Trust it where you develop and test, and nowhere else.

  curl         curl --cacert '{path}' …
  kassa pay    kassa pay --ca '{path}' …
  Python       SSL_CERT_FILE='{path}'         (ssl, urllib, httpx)
               REQUESTS_CA_BUNDLE='{path}'    (requests)
               cat '{path}' >> \"$(python -m certifi)\"    (what the SDK of MultiSafepay reads)
  Node.js      NODE_EXTRA_CA_CERTS='{path}'
  PHP          php -d curl.cainfo='{path}' -d openssl.cafile='{path}' …
  Ruby, Go     SSL_CERT_FILE='{path}'
  Java         keytool -importcert -noprompt -alias kassa -file '{path}' -cacerts -storepass changeit
  .NET         as the system
  Debian       sudo cp '{path}' /usr/local/share/ca-certificates/kassa.crt && sudo update-ca-certificates
  macOS        sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain '{path}'
  Windows      certutil -addstore -f Root '{path}'    (as administrator)
  Firefox      Settings, Privacy & Security, Certificates, View Certificates, Authorities, Import

The variables replace the authorities a program trusts, except with Node.js, which adds to them.

"
    )
}
