//! Settings of HTTPS: the names a certificate is for, and which of them stands in links.

use std::net::{IpAddr, SocketAddr};

use rustls::pki_types::ServerName;

/// A list of host names and addresses, spelt as certificates spell them.
pub(super) fn names(text: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> = super::list(text).map(name).collect::<Result<_, _>>()?;
    if names.is_empty() {
        return Err("must have at least one host name or address".to_owned());
    }
    Ok(names)
}

fn name(text: &str) -> Result<String, String> {
    let wrong = || format!("is wrong: {text:?} is neither a host name nor an address");
    match ServerName::try_from(text).map_err(|_| wrong())? {
        ServerName::DnsName(name) => Ok(name.as_ref().trim_end_matches('.').to_lowercase()),
        ServerName::IpAddress(address) => Ok(IpAddr::from(address).to_string()),
        _ => Err(wrong()),
    }
}

/// What links start with: the address when a certificate has it, else the first name. The usual port is left out.
pub(super) fn base_url(names: &[String], visible: SocketAddr) -> String {
    let address = visible.ip().to_string();
    let host = match names.first() {
        Some(first) if !names.contains(&address) => first,
        _ => &address,
    };
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    match visible.port() {
        443 => format!("https://{host}"),
        port => format!("https://{host}:{port}"),
    }
}
