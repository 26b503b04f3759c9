"""The certificate authorities this machine trusts, in the form Java reads.

A Java installed by the system trusts what the system trusts. The runtime in a wheel brings a list of its own, which
lacks an authority that was added to the machine, such as that of a company's proxy; pip works there and Java does
not. So the wheel's runtime is given what Python's own TLS library trusts.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path

PASSWORD = "changeit"  # noqa: S105 - Java's customary one; a list of public certificates needs no secret
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")
_MAGIC, _VERSION, _TRUSTED_CERTIFICATE = 0xFEEDFEED, 2, 2


def _files() -> Iterator[Path]:
    paths = ssl.get_default_verify_paths()  # these follow SSL_CERT_FILE and SSL_CERT_DIR
    if paths.cafile:
        yield Path(paths.cafile)
    if paths.capath:
        yield from sorted(path for path in Path(paths.capath).iterdir() if path.is_file())


def trusted_certificates() -> list[bytes]:
    """Return the certificates Python's TLS library trusts, in DER form, each once."""
    found: dict[bytes, None] = {}
    for path in _files():
        with contextlib.suppress(OSError, UnicodeDecodeError):
            for pem in _PEM.findall(path.read_text(encoding="ascii", errors="replace")):
                with contextlib.suppress(ValueError):
                    found[ssl.PEM_cert_to_DER_cert(pem)] = None
    return list(found)


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def trust_store(certificates: list[bytes]) -> bytes:
    """Return a Java key store (type JKS) that holds DER certificates as trusted.

    Notes
    -----
    The layout is that of ``sun.security.provider.JavaKeyStore``: magic, version, number of entries; per entry its
    kind, alias, creation time in ms, certificate type, length and certificate; at the end a SHA-1 digest, keyed by
    the password, of all that.
    """
    parts = [struct.pack(">III", _MAGIC, _VERSION, len(certificates))]
    for number, certificate in enumerate(certificates):
        parts += [struct.pack(">I", _TRUSTED_CERTIFICATE), _text(str(number)), struct.pack(">Q", 0), _text("X.509")]
        parts += [struct.pack(">I", len(certificate)), certificate]
    content = b"".join(parts)
    digest = hashlib.sha1(PASSWORD.encode("utf-16-be") + b"Mighty Aphrodite" + content)  # noqa: S324 - the format's
    return content + digest.digest()


def trust_flags(path: Path) -> list[str]:
    """Write the store to `path` and return the JVM's flags for it; none where Python trusts no certificate."""
    certificates = trusted_certificates()
    if not certificates:
        return []
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(trust_store(certificates))
    prefix = "-Djavax.net.ssl.trustStore"
    return [f"{prefix}={path}", f"{prefix}Type=JKS", f"{prefix}Password={PASSWORD}"]
