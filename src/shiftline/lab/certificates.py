"""Certificates for the lab's TLS ports, right or wrong in one way, made by the program openssl."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from shiftline.errors import UnavailableError

_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class LabCertificates:
    """Files for one TLS port. ``authority`` is whom its clients shall trust."""

    server: Path
    """Certificate and key."""
    authority: Path
    wanted: Path | None = None
    """The authority whose certificates the clients must show; None: they need none."""


def make_certificates(directory: Path, host: str, fault: str = "") -> LabCertificates:
    """Make them for a numeric host, wrong as the ``tls.`` fault says.

    Raises UnavailableError where openssl is missing.
    """
    _openssl(directory, "req", "-x509", *_CURVE, *_certificate("authority", "Shiftline lab authority"))
    if fault == "tls.untrusted":
        _openssl(directory, "req", "-x509", *_CURVE, *_certificate("server", host), "-addext", _names(host))
    else:
        named = "192.0.2.1" if fault == "tls.name" else host
        _signed(directory, named, days=-1 if fault == "tls.expired" else _DAYS)
    server = directory / "server.pem"
    server.write_bytes(server.read_bytes() + (directory / "server.key").read_bytes())
    authority = directory / "authority.pem"
    wanted = authority if fault == "tls.client-certificate" else None
    return LabCertificates(server=server, authority=authority, wanted=wanted)


def _certificate(name: str, common_name: str) -> list[str]:
    files = ["-keyout", f"{name}.key", "-out", f"{name}.pem"]
    return [*files, "-days", str(_DAYS), "-subj", f"/CN={common_name}"]


def _names(host: str) -> str:
    return f"subjectAltName=IP:{host}"


def _signed(directory: Path, host: str, *, days: int) -> None:
    (directory / "names").write_text(f"{_names(host)}\n")
    wish = ("-keyout", "server.key", "-out", "server.csr", "-subj", f"/CN={host}")
    _openssl(directory, "req", *_CURVE, *wish)
    authority = ("-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial")
    made = ("-in", "server.csr", "-out", "server.pem", "-extfile", "names", "-days", str(days))
    _openssl(directory, "x509", "-req", *made, *authority)


def _openssl(directory: Path, *arguments: str) -> None:
    program = shutil.which("openssl")
    if program is None:
        raise UnavailableError(
            "The program openssl is not installed.", remedy="Install it, or leave TLS away."
        )
    try:
        subprocess.run([program, *arguments], cwd=directory, check=True, capture_output=True)
    except subprocess.CalledProcessError as error:
        words = error.stderr.decode(errors="replace").strip().splitlines()
        raise UnavailableError(f"openssl cannot make a certificate: {words[-1] if words else ''}") from error
