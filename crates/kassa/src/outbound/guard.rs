//! Which addresses a request on a merchant's behalf may reach.
//!
//! A notification URL is chosen by somebody who cannot see our network and must not be able to make us
//! see it for them. So the rule is turned around: an address is refused unless it is an ordinary public
//! unicast one, and the operator's `allowed` networks (a shop in the same LAN) are the only exception.
//! IPv6 forms that carry an IPv4 address are refused as a form, whatever they carry: no shop needs them,
//! and what they lead to is decided by a router we do not know.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// How far a request may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// To any address: only for a person's own command line, never for a URL that came from elsewhere.
    Anywhere,
    /// To public addresses, and to those inside the `allowed` networks.
    Public {
        /// Networks the operator opened although they are not public.
        allowed: Vec<Network>,
    },
}

/// Loopback and the private networks: where a developer's own shop listens.
const OWN_V4: [(Ipv4Addr, u8); 4] = [
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
];
const OWN_V6: [(Ipv6Addr, u8); 2] =
    [(Ipv6Addr::LOCALHOST, 128), (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7)];

impl Reach {
    /// To public, loopback and private addresses, for test sites; link-local ones, where clouds keep their
    /// secrets, stay out of reach.
    #[must_use]
    pub fn own_network(allowed: &[Network]) -> Self {
        let v4 = OWN_V4.map(|(start, prefix)| Network::new(start.into(), prefix));
        let v6 = OWN_V6.map(|(start, prefix)| Network::new(start.into(), prefix));
        Self::Public { allowed: v4.into_iter().chain(v6).chain(allowed.iter().copied()).collect() }
    }

    /// Whether a connection to `address` is allowed.
    #[must_use]
    pub fn permits(&self, address: IpAddr) -> bool {
        match self {
            Reach::Anywhere => true,
            Reach::Public { allowed } => {
                is_public(address) || allowed.iter().any(|network| network.contains(address))
            }
        }
    }
}

/// Whether `address` is an ordinary public unicast address.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            !SPECIAL_V4.iter().any(|&(start, prefix)| Network::new(start.into(), prefix).contains(v4.into()))
        }
        IpAddr::V6(v6) => {
            GLOBAL_UNICAST_V6.contains(address)
                && !is_isatap(v6)
                && !SPECIAL_V6
                    .iter()
                    .any(|&(start, prefix)| Network::new(start.into(), prefix).contains(address))
        }
    }
}

/// The IANA IPv4 special-purpose registry, multicast, and what clouds add to it. Blocks inside a larger one
/// are not repeated, and the few globally reachable blocks of the registry are refused with the rest:
/// there is no shop in them.
const SPECIAL_V4: [(Ipv4Addr, u8); 18] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8), // this network; Linux connects 0.0.0.0 to itself
    (Ipv4Addr::new(10, 0, 0, 0), 8), // private
    (Ipv4Addr::new(100, 64, 0, 0), 10), // carrier-grade NAT; a cloud's metadata at 100.100.100.200
    (Ipv4Addr::new(127, 0, 0, 0), 8), // loopback
    (Ipv4Addr::new(168, 63, 129, 16), 32), // Azure's host agent, inside public space
    (Ipv4Addr::new(169, 254, 0, 0), 16), // link-local; cloud metadata at 169.254.169.254
    (Ipv4Addr::new(172, 16, 0, 0), 12), // private
    (Ipv4Addr::new(192, 0, 0, 0), 24), // protocol assignments; Oracle's metadata at 192.0.0.192
    (Ipv4Addr::new(192, 0, 2, 0), 24), // documentation
    (Ipv4Addr::new(192, 31, 196, 0), 24), // AS112
    (Ipv4Addr::new(192, 52, 193, 0), 24), // automatic multicast tunnels
    (Ipv4Addr::new(192, 88, 99, 0), 24), // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16), // private
    (Ipv4Addr::new(192, 175, 48, 0), 24), // AS112
    (Ipv4Addr::new(198, 18, 0, 0), 15), // benchmarking
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24), // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 3), // multicast, reserved, broadcast
];

/// The only part of IPv6 from which public unicast addresses are given out. What lies outside needs no list:
/// unspecified, loopback, IPv4-compatible and -mapped, NAT64 (64:ff9b::/96, 64:ff9b:1::/48), discard
/// (100::/64), SRv6 (5f00::/16), unique local, link-local, site-local, multicast.
const GLOBAL_UNICAST_V6: Network = Network::new(IpAddr::V6(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0)), 3);

/// The IANA IPv6 special-purpose registry inside global unicast space.
const SPECIAL_V6: [(Ipv6Addr, u8); 5] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // Teredo, benchmarking, ORCHID, DRIP, anycast services
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48), // AS112
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// ISATAP hides an IPv4 address behind an interface id that any prefix may carry (RFC 5214).
fn is_isatap(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    matches!(segments[4], 0 | 0x200) && segments[5] == 0x5efe
}

/// A block of addresses, written `10.0.0.0/8`, `fd00::/8`, or as one bare address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    start: IpAddr,
    prefix: u8,
}

impl Network {
    const fn new(start: IpAddr, prefix: u8) -> Self {
        Network { start, prefix }
    }

    /// Whether `address` lies in this block. An IPv4 block never contains an IPv6 form of its addresses.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let (difference, width) = match (self.start, address) {
            (IpAddr::V4(start), IpAddr::V4(other)) => (u128::from(start.to_bits() ^ other.to_bits()), 32_u8),
            (IpAddr::V6(start), IpAddr::V6(other)) => (start.to_bits() ^ other.to_bits(), 128),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
        };
        let host_bits = u32::from(width.saturating_sub(self.prefix));
        difference.checked_shr(host_bits).unwrap_or(0) == 0
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    /// Host bits must be zero: in `10.0.0.7/8` either the address or the length is a slip, and opening the
    /// wrong one of the two is not ours to choose.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let fail = || NetworkError(text.to_owned());
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let start: IpAddr = address.parse().map_err(|_| fail())?;
        let width = if start.is_ipv4() { 32 } else { 128 };
        let prefix = match length {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| fail())?
            }
            Some(_) => return Err(fail()),
            None => width,
        };
        let host_bits_are_zero = match start {
            IpAddr::V4(v4) => u32::from(prefix).saturating_add(v4.to_bits().trailing_zeros()) >= 32,
            IpAddr::V6(v6) => u32::from(prefix).saturating_add(v6.to_bits().trailing_zeros()) >= 128,
        };
        if prefix > width || !host_bits_are_zero {
            return Err(fail());
        }
        Ok(Network { start, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.start, self.prefix)
    }
}

/// A text that is not a [`Network`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkError(String);

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a network: {:?} (write it like 10.0.0.0/8, with zeros after the prefix)", self.0)
    }
}

impl std::error::Error for NetworkError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hosts as they may be written in a URL; each goes through the URL parser first, as in real life.
    const REFUSED: &str = "
        0.0.0.0 0 0.255.255.255 0x0 00
        10.0.0.0 10.1.2.3 10.255.255.255 0x0a000001 167772161 012.0.0.1
        100.64.0.0 100.100.100.200 100.127.255.255
        127.0.0.1 127.1 127.255.255.255 0x7f.1 0x7f000001 2130706433 0177.0.0.1 017700000001 127.0.0.1.
        168.63.129.16 169.254.0.0 169.254.169.254 169.254.255.255 0xa9fea9fe 2852039166
        172.16.0.0 172.20.10.1 172.31.255.255
        192.0.0.0 192.0.0.8 192.0.0.9 192.0.0.192 192.0.0.255 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1
        192.168.0.0 192.168.1.1 192.168.255.255 192.175.48.1
        198.18.0.0 198.19.255.255 198.51.100.7 203.0.113.7
        224.0.0.1 239.255.255.255 240.0.0.1 254.1.1.1 255.255.255.254 255.255.255.255
        [::] [::1] [0:0:0:0:0:0:0:1] [::127.0.0.1] [::8.8.8.8] [::2]
        [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:8.8.8.8] [::ffff:0:127.0.0.1] [::ffff:0:8.8.8.8]
        [64:ff9b::127.0.0.1] [64:ff9b::8.8.8.8] [64:ff9b:1::1] [64:ff9b:1:ffff::1]
        [100::1] [100:0:0:1::1] [1fff::1]
        [2001::1] [2001:0:4136:e378:8000:63bf:3fff:fdd2] [2001:1::1] [2001:2::1] [2001:3::1] [2001:4:112::1]
        [2001:10::1] [2001:20::1] [2001:30::1] [2001:1ff:ffff::1] [2001:db8::1] [2001:db8:ffff::1]
        [2002:7f00:1::1] [2002:808:808::1] [2620:4f:8000::1] [3fff::1] [3fff:fff::1]
        [2a00:1450:4001::5efe:7f00:1] [2a00:1450:4001:0:200:5efe:a00:1]
        [4000::1] [5f00::1] [8000::1] [fc00::1] [fd00:ec2::254] [fdff::1]
        [fe80::1] [febf::1] [fec0::1] [feff::1] [ff00::1] [ff02::1] [ff0e::1]";

    const PUBLIC: &str = "
        1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1
        168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0
        192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 203.0.112.255 203.0.114.0 223.255.255.255
        0x08080808 134744072
        [2000::1] [2001:200::1] [2001:4860:4860::8888] [2001:db7::1] [2001:db9::1] [2003::1] [2606:4700::1111]
        [2620:4f:7fff::1] [2620:4f:8001::1] [2a00:1450:4001:80b::2004] [3ffe::1] [3fff:1000::1]";

    fn literal(host: &str) -> IpAddr {
        let url = url::Url::parse(&format!("http://{host}/")).expect(host);
        match url.host() {
            Some(url::Host::Ipv4(v4)) => v4.into(),
            Some(url::Host::Ipv6(v6)) => v6.into(),
            other => panic!("{host} was read as {other:?}"),
        }
    }

    #[test]
    fn only_public_addresses_are_reached() {
        let reach = Reach::Public { allowed: Vec::new() };
        let expect = |hosts: &str, public: bool| {
            for host in hosts.split_whitespace() {
                assert_eq!(reach.permits(literal(host)), public, "{host}");
                assert!(Reach::Anywhere.permits(literal(host)), "{host}");
            }
            hosts.split_whitespace().count()
        };
        let cases = expect(REFUSED, false) + expect(PUBLIC, true);
        assert!(cases >= 80, "{cases}");
    }

    #[test]
    fn every_refused_v4_address_is_refused_in_its_v6_clothes() {
        for host in REFUSED.split_whitespace() {
            if let IpAddr::V4(v4) = literal(host) {
                let [a, b, c, d] = v4.octets().map(u16::from);
                let (high, low) = (a << 8 | b, c << 8 | d);
                let clothes = [
                    v4.to_ipv6_mapped(),
                    Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
                    Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                    Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
                    Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                    Ipv6Addr::new(0x2001, 0, high, low, 0, 0, !high, !low),
                ];
                for v6 in clothes {
                    assert!(!is_public(v6.into()), "{v6}");
                }
            }
        }
    }

    #[test]
    fn the_operator_may_open_networks() {
        let allowed = ["10.1.0.0/16", "fd12::/16", "127.0.0.1", "::1"].map(|text| text.parse().unwrap());
        let reach = Reach::Public { allowed: allowed.to_vec() };
        for (host, permitted) in [
            ("10.1.2.3", true),
            ("10.2.0.1", false),
            ("[fd12:3::4]", true),
            ("[fd13::1]", false),
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("[::1]", true),
            ("[::2]", false),
            ("[::ffff:10.1.2.3]", false),
            ("8.8.8.8", true),
        ] {
            assert_eq!(reach.permits(literal(host)), permitted, "{host}");
        }
    }

    #[test]
    fn networks_are_read_strictly() {
        for (text, printed) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("192.168.1.7", "192.168.1.7/32"),
            ("::/0", "::/0"),
            ("fd00::1", "fd00::1/128"),
        ] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), printed);
        }
        for text in [
            "",
            "/",
            "/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "10.0.0.0/+8",
            "10.0.0.0/8/8",
            "10.0.0/8",
            "::/129",
            "::1/64",
            "fd00::/256",
            "shop.example/8",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
        let everything: Network = "::/0".parse().unwrap();
        assert!(everything.contains("ffff::1".parse().unwrap()));
        assert!(!everything.contains("1.2.3.4".parse().unwrap()));
    }
}
