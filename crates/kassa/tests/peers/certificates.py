"""A test CA for the links with a directory server: two CAs, a certificate for each end, and one of a stranger.

In the folder: `ca.pem`; `ds.pem` and `ds.key`, `server.pem` and `server.key` (the 3DS Server), both good as server and as
client on 127.0.0.1 and localhost; `stranger.pem` and `stranger.key`, signed by a CA that nobody trusts.
"""

import ipaddress
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Signer = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    ca, other_ca = authority("Kassa test CA"), authority("Nobody's CA")
    (folder / "ca.pem").write_bytes(pem(ca[0]))
    for name, signer in (("ds", ca), ("server", ca), ("stranger", other_ca)):
        certificate, key = signed(name, signer)
        (folder / f"{name}.pem").write_bytes(pem(certificate))
        (folder / f"{name}.key").write_bytes(private_pem(key))


def authority(name: str) -> Signer:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = begun(named(name), named(name), key)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    usage = dict.fromkeys(
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement encipher_only decipher_only".split(),
        False,
    )
    builder = builder.add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return builder.add_extension(identifier, critical=False).sign(key, hashes.SHA256()), key


def signed(name: str, signer: Signer) -> Signer:
    key = ec.generate_private_key(ec.SECP256R1())
    here = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    builder = begun(named(name), signer[0].subject, key).add_extension(here, critical=False)
    builder = builder.add_extension(uses, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer[1].public_key())
    return builder.add_extension(issuer, critical=False).sign(signer[1], hashes.SHA256()), key


def begun(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(timezone.utc)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=2))


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    pkcs8, nothing = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, pkcs8, nothing)
