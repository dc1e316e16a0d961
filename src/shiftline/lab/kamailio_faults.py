"""Faults of real Kamailio: by its own modules and script, never by pretence (facts: 3.1 and 3.8).

Each is a change of ``kamailio.cfg``: script at the hooks it has for that, parameters of modules, other
passwords in the table of accounts. What stock Debian Kamailio cannot be is not here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from hashlib import md5
from random import Random
from types import MappingProxyType

from shiftline.errors import ConfigurationError
from shiftline.lab.kamailio_change import OTHERS, Change, KamailioFaults, challenge, drop, refuse
from shiftline.lab.kamailio_conditions import CONDITIONS
from shiftline.lab.kamailio_limits import LIMITS
from shiftline.lab.pbx.agents import TRUNK_ACCOUNT
from shiftline.lab.pbx.bank.access import COVERED
from shiftline.lab.pbx.bank.build import require_fault
from shiftline.lab.pbx.bank.draw import Lottery
from shiftline.lab.pbx.bank.wishes import Drawn, Wishes
from shiftline.lab.pbx.bank.words import LISTED

OUR_SOURCE = "127.0.0.2"
"""Where the lab's clients are, as its configurations say."""


def _sources(why: str, phrase: str) -> Callable[[Lottery], Change]:
    def make(draw: Lottery) -> Change:
        draw.tell("listed", sorted(LISTED))
        listed = " || ".join(f'$si == "{host}"' for host in sorted(LISTED))
        return Change(source=refuse(why, f"!({listed})", 403, phrase))

    return make


def _partial(draw: Lottery) -> Change:
    draw.tell("missing", OUR_SOURCE)
    return Change(source=refuse("acl.partial", f'$si == "{OUR_SOURCE}"', 403, "Forbidden"))


def _contact(draw: Lottery) -> Change:
    allowed = draw.pick("allowed_contacts", "10.20.0.", "192.168.7.", "phone.lab")
    condition = f'is_method("REGISTER") && is_present_hf("Contact") && !($ct =~ "@{allowed}") && {OTHERS}'
    return Change(source=refuse("acl.contact", condition, 403, "Forbidden"))


def _via(draw: Lottery) -> Change:
    draw.tell("listed", sorted(LISTED))
    listed = " || ".join(f'$sel(via[1].host) == "{host}"' for host in sorted(LISTED))
    return Change(source=refuse("acl.via-source", f"!({listed})", 403, "Forbidden"))


def _method(draw: Lottery) -> Change:
    method = draw.pick("method", "OPTIONS", "REGISTER")
    status = draw.pick("status", 405, 403)
    phrase = "Method Not Allowed" if status == 405 else "Forbidden"
    allow = "Allow: INVITE, ACK, BYE" if status == 405 else ""
    return Change(source=refuse("policy.method", f'is_method("{method}")', status, phrase, allow))


def _domain(draw: Lottery) -> Change:
    domain = draw.pick("domain", "lab", "pbx.lab.example", "sip.lab.example")
    condition = f'$fd != "{domain}" && $rd != "{domain}" && {OTHERS}'
    return Change(source=refuse("policy.domain", condition, 403, "Not relaying"))


def _user_agent(draw: Lottery) -> Change:
    allowed = draw.pick("allowed_agents", "Genesys", "PureCloud", "Campaign", "Polycom")
    return Change(shape=drop("policy.user-agent", f'!($ua =~ "{allowed}") && {OTHERS}'))


def _transport(draw: Lottery) -> Change:
    phrase = draw.pick("phrase", "Use TCP or TLS", "Forbidden")
    return Change(source=refuse("policy.transport", f"proto == UDP && {OTHERS}", 403, phrase))


def _disabled(draw: Lottery) -> Change:
    del draw
    condition = f'$au == "{TRUNK_ACCOUNT}"'
    return Change(proven=refuse("policy.account-disabled", condition, 403, "Forbidden - Barred"))


def _unregistered(draw: Lottery) -> Change:
    del draw
    condition = f'!is_method("REGISTER") && !registered("location", "$fu") && {OTHERS}'
    return Change(
        proven=refuse("policy.unregistered-source", condition, 403, "Forbidden - You must register first")
    )


def _caller(draw: Lottery) -> Change:
    number = draw.pick("verified", "+13125550100", "13125550199", "support")
    condition = f'!is_method("REGISTER") && $fU != "{number}" && {OTHERS}'
    return Change(proven=refuse("policy.caller-identity", condition, 403, "Not Allowed"))


def _asked_user(draw: Lottery) -> Change:
    """A rule by the user of the Request-URI, as the stock script has them for dialled numbers (K10)."""
    covers = draw.pick("covers", *COVERED)
    about = '$rU == "LAB_PRESENT"' if covers == COVERED[0] else 'registered("location", "$ru")'
    place = draw.pick("stands", "before the login", "after the login")
    phrase = draw.pick("phrase", "Not Allowed", "Forbidden")
    condition = f'!is_method("REGISTER") && $rU != $null && {OTHERS} && {about}'
    refused = refuse("policy.asked-user", condition, 403, phrase)
    return Change(source=refused) if place == "before the login" else Change(proven=refused)


def _wrong_password(draw: Lottery) -> Change:
    del draw
    return Change(password_of_trunk="another one")  # noqa: S106 - wrong on purpose


def _unknown_user(draw: Lottery) -> Change:
    del draw
    return Change(password_of_trunk="")


def _identity(draw: Lottery) -> Change:
    line = draw.pick("identity", "line4711", "trunk01", "+13125550100")
    named = f'(is_method("REGISTER") && $tU != "{line}") || (!is_method("REGISTER") && $fU != "{line}")'
    condition = f'$au == "{TRUNK_ACCOUNT}" && ({named})'
    phrase = "Authentication and To-Header mismatch"  # K21
    return Change(proven=refuse("credentials.identity-mismatch", condition, 403, phrase))


def _realm(draw: Lottery) -> Change:
    realm = draw.pick("realm", "asterisk", "sip.example.com", "pbx.old.example")
    return Change(realm=realm, has_hashes=True)


def _stale(draw: Lottery) -> Change:
    seconds = draw.pick("nonce_seconds", 1, 2, 3)
    return Change(load=f'modparam("auth", "nonce_expire", {seconds})')


def _nonce_count(draw: Lottery) -> Change:
    draw.tell("nonce_uses", 1)
    return Change(load='modparam("auth", "one_time_nonce", 1)')


def _digest_uri(draw: Lottery) -> Change:
    draw.tell("domain", "lab")
    condition = f'$au == "{TRUNK_ACCOUNT}" && $adu != "sip:lab"'
    return Change(user=challenge("credentials.digest-uri", condition))


def _lock(lock_seconds: float) -> Change:
    """The dictionary-attack recipe of htable's README: so many failures lock the user (K5)."""
    seconds = f"{lock_seconds:.0f}"
    return Change(
        load='modparam("htable", "htable", "failed=>size=8;initval=0;autoexpire=600;")\n'
        f'modparam("htable", "htable", "shut=>size=8;autoexpire={seconds};dbtable=shut;")\n'
        'modparam("htable", "db_expires", 1)',
        user=refuse("ban.user", "$sht(shut=>$au) != $null", 403, "Try later"),
        wrong="\tif ($shtinc(failed=>$au) >= 3) { $sht(shut=>$au) = 1; $sht(failed=>$au) = 0; }",
    )


def _ban_user(draw: Lottery) -> Change:
    draw.tell("failures", 3)
    lock = _lock(draw.between("lock_seconds", 60.0, 900.0, digits=0))
    return replace(lock, locked_seconds=draw.between("in_force_seconds", 20.0, 300.0, digits=0))


def _shared_lockout(draw: Lottery) -> Change:
    draw.tell("failures", 3)
    lock = _lock(draw.between("lock_seconds", 20.0, 60.0, digits=0))
    refused = lock.user.replace("ban.user", "credentials.shared-lockout")
    every = draw.between("others_every_seconds", 1.0, 3.0)
    return replace(lock, user=refused, others_every_seconds=every)


def _full(draw: Lottery) -> Change:
    draw.tell("max_contacts", 1)
    return Change(load='modparam("registrar", "max_contacts", 1)', registers_trunk=True)


def _no_aor(draw: Lottery) -> Change:
    del draw
    return Change(register=refuse("registrar.no-aor", "1", 404, "Not Found"))


def _brief(draw: Lottery) -> Change:
    least = draw.pick("min_expires", 900, 1800, 3600, 7200)
    condition = (
        f'is_present_hf("Contact") && $(hdr(Expires){{s.int}}) > 0 && $(hdr(Expires){{s.int}}) < {least}'
    )
    said = f"Min-Expires: {least}"
    return Change(register=refuse("too-brief", condition, 423, "Interval Too Brief", said))


def _tls(name: str) -> Callable[[Lottery], Change]:
    loads = {
        "tls.version": 'modparam("tls", "tls_method", "TLSv1.1")',
        "tls.client-certificate": 'modparam("tls", "require_certificate", 1)\n'
        'modparam("tls", "verify_certificate", 1)\nmodparam("tls", "ca_list", "LAB_AUTHORITY")',
    }
    return lambda draw: Change(load=loads.get(name, ""), tls_fault=name)  # noqa: ARG005 - nothing is drawn


KAMAILIO_FAULTS: Mapping[str, Callable[[Lottery], Change]] = MappingProxyType(
    {
        "credentials.wrong-password": _wrong_password,
        "credentials.rotated": _wrong_password,
        "credentials.unknown-user": _unknown_user,
        "credentials.identity-mismatch": _identity,
        "credentials.realm": _realm,
        "credentials.stale-nonce": _stale,
        "credentials.nonce-count": _nonce_count,
        "credentials.digest-uri": _digest_uri,
        "credentials.shared-lockout": _shared_lockout,
        "acl.source": _sources("acl.source", "Forbidden"),
        "acl.partial": _partial,
        "acl.contact": _contact,
        "acl.via-source": _via,
        "policy.method": _method,
        "policy.domain": _domain,
        "policy.user-agent": _user_agent,
        "policy.transport": _transport,
        "policy.account-disabled": _disabled,
        "policy.no-trunk-match": _sources("policy.no-trunk-match", "Not Allowed"),
        "policy.unregistered-source": _unregistered,
        "policy.caller-identity": _caller,
        "policy.asked-user": _asked_user,
        "registrar.max-contacts": _full,
        "registrar.no-aor": _no_aor,
        "registrar.interval-too-brief": _brief,
        "ban.user": _ban_user,
        **LIMITS,
        **CONDITIONS,
        **{
            name: _tls(name)
            for name in ("tls.untrusted", "tls.name", "tls.expired", "tls.version", "tls.client-certificate")
        },
    }
)
"""What real Kamailio can have, by the ids of the doctor's catalogue."""


def kamailio_faults(names: Iterable[str], *, seed: int, wishes: Wishes) -> KamailioFaults:
    """Draw them. Raises ConfigurationError for one that Kamailio cannot have, and for two limiters."""
    changes, truth = [], []
    for name in sorted(set(names)):
        require_fault(name)
        make = KAMAILIO_FAULTS.get(name)
        if make is None:
            raise ConfigurationError(
                f"Kamailio cannot have the fault {name}.",
                remedy="Leave it away, or use --engine practice.",
            )
        draw = Lottery(Random(f"{seed}/engine/{name}"), wishes)
        changes.append(make(draw))
        truth.append({"id": name, "drawn": dict[str, Drawn](draw.truth)})
    if sum(bool(change.limiter) for change in changes) > 1:
        raise ConfigurationError(
            "Kamailio has one limiter in this lab, and two faults want one.",
            remedy="Leave one of them away, or use --engine practice.",
        )
    return KamailioFaults(changes=tuple(changes), truth=tuple(truth))


def hashed_password(user: str, realm: str, password: str) -> str:
    """H(A1) of RFC 7616 section 3.4.2, as such tables store it."""
    return md5(f"{user}:{realm}:{password}".encode(), usedforsecurity=False).hexdigest()
