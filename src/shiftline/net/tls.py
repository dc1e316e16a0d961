"""TLS for SIP: contexts that verify, and what went wrong in words (RFC 3261 section 26.3.1, RFC 5922)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from shiftline.errors import ConfigurationError, PeerError, ShiftlineError, UnavailableError
from shiftline.secrets import Secret

_EXPIRED, _NOT_YET_VALID, _WRONG_NAME, _WRONG_ADDRESS = 10, 9, 62, 64  # of OpenSSL's X509_V_ERR


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """How a client trusts, and who it says it is. Paths of PEM files; empty ones are left out."""

    ca: str = ""
    """Whom to trust instead of the system's authorities."""
    certificate: str = ""
    """Our own certificate, its chain after it."""
    key: str = ""
    """Its private key; empty: in the same file."""
    key_password: Secret | None = None
    verify: bool = True
    """False takes any certificate: encrypted, to whoever answers."""


def client_context(settings: TlsSettings) -> ssl.SSLContext:
    """Build the client's side: at least TLS 1.2, certificate and name verified unless told otherwise.

    Raises ConfigurationError for a file that cannot be used.
    """
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.ca:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        _load_authorities(context, settings.ca)
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.certificate:
        _load_certificate(context, settings)
    return context


def server_context(settings: TlsSettings) -> ssl.SSLContext:
    """Build the server's side; with ``ca`` set it wants a client certificate from there.

    Raises ConfigurationError for a file that cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_certificate(context, settings)
    if settings.ca:
        _load_authorities(context, settings.ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def tls_fault(error: ssl.SSLError, name: str) -> ShiftlineError:
    """Say what kept TLS to ``name`` from coming up, and what to do about it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate_fault(error, name)
    reason = (error.reason or "").upper()
    if "CERTIFICATE_REQUIRED" in reason or "HANDSHAKE_FAILURE" in reason:
        return PeerError(
            f"{name} ended the TLS handshake; it may want a client certificate.",
            remedy="Set trunk.tls_certificate to ours.",
        )
    if "PROTOCOL_VERSION" in reason or "UNSUPPORTED_PROTOCOL" in reason:
        return PeerError(
            f"{name} speaks no TLS that is safe; 1.2 is the oldest we take.",
            remedy="Have TLS 1.2 or 1.3 switched on there.",
        )
    if any(word in reason for word in ("UNKNOWN_CA", "BAD_CERTIFICATE", "CERTIFICATE_EXPIRED")):
        return PeerError(
            f"{name} does not accept our certificate ({_words(error)}).",
            remedy="Have trunk.tls_certificate signed by an authority that it trusts.",
        )
    if "WRONG_VERSION_NUMBER" in reason or "HTTP_REQUEST" in reason:
        return PeerError(
            f"{name} does not speak TLS on this port.",
            remedy="Use the port of SIP over TLS, most often 5061.",
        )
    return UnavailableError(
        f"TLS with {name} failed: {_words(error)}.", remedy="Look into the log of the other side."
    )


def _certificate_fault(error: ssl.SSLCertVerificationError, name: str) -> PeerError:
    if error.verify_code in (_EXPIRED, _NOT_YET_VALID):
        when = "has expired" if error.verify_code == _EXPIRED else "is not valid yet"
        return PeerError(
            f"The certificate of {name} {when}.",
            remedy="Have it renewed, and check the clocks of both sides.",
        )
    if error.verify_code in (_WRONG_NAME, _WRONG_ADDRESS):
        return PeerError(
            f"The certificate of {name} is for another name.",
            remedy="Write the name of the certificate into trunk.address.",
        )
    return PeerError(
        f"The certificate of {name} is not trusted: {error.verify_message}.",
        remedy="Set trunk.tls_ca to the file of the authority that signed it.",
    )


def _load_authorities(context: ssl.SSLContext, path: str) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise _unusable(path, "certificates of authorities", error) from error


def _load_certificate(context: ssl.SSLContext, settings: TlsSettings) -> None:
    password = settings.key_password

    def reveal() -> str:
        return password.reveal() if password else ""

    try:
        context.load_cert_chain(settings.certificate, settings.key or None, password=reveal)
    except (OSError, ssl.SSLError) as error:
        which = settings.key if settings.key and not Path(settings.key).is_file() else settings.certificate
        raise _unusable(which, "a certificate and its private key", error) from error


def _unusable(path: str, what: str, error: Exception) -> ConfigurationError:
    why = _words(error) if isinstance(error, ssl.SSLError) else getattr(error, "strerror", None) or str(error)
    return ConfigurationError(
        f"The file {path} cannot be used for TLS: {why}.", remedy=f"It must hold {what} as PEM."
    )


def _words(error: ssl.SSLError) -> str:
    """OpenSSL's reason, as it names it."""
    return (error.reason or str(error)).lower().replace("_", " ")
