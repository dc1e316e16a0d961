"""Several servers behind one address that do not all answer alike."""

from __future__ import annotations

from collections.abc import Iterator

from shiftline.diagnosis.catalogue.cause import Cause, Remedy, Signature, Stage, when
from shiftline.diagnosis.catalogue.failing import fails_by_chance
from shiftline.diagnosis.catalogue.words import EVERY, recalled, shows
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Credentials

_SHARES = (("2", 1 / 2, "One of two"), ("3", 1 / 3, "One of some three"))
"""One of five is as near to one of three as single questions can tell."""
_ANSWERS = {Outcome.FORBIDDEN: 0.85, Outcome.UNAVAILABLE: 0.15}
"""A server that says no is left in the pool; one that is silent is taken out of it. Silence by chance is the
way's loss: nobody shall be sent to look for a server that is not there."""
_POOLS = recalled("pools behind DNS SRV (RFC 3263 section 4.2), anycast or a dispatcher: known in the field")


def _signatures() -> Iterator[Signature]:
    """A login that answers a challenge is two requests, and either may meet the server that refuses."""
    for end, share, which in _SHARES:
        for letter, stage, words in (
            ("n", Stage.PATH, "refuses whatever comes to it"),
            ("l", Stage.SOURCE_LIST, "refuses all but OPTIONS to the server itself"),
        ):
            yield shows(
                f"{letter}.{end}",
                EVERY,
                stage,
                (when(1.0 - (1.0 - share) ** 2, credentials=Credentials.FRESH), when(share)),
                _ANSWERS,
                f"{which} servers {words}.",
                _POOLS,
            )
    yield from fails_by_chance("e", Stage.PATH, _SHARES, "RFC 3263 section 4.2; RFC 3261 section 21.5.1")


CAUSES = (
    Cause(
        id="network.uneven-nodes",
        meaning="Of several servers behind the one address, one refuses, or fails at, what the others serve.",
        seen="A share of everything fails, at any time and rate; tried again, the same works.",
        tells="Equal questions at rest are refused and served by turns, ahead of the login, whoever asks.",
        refuted_by="Ten equal questions at rest answered alike; refusals that keep to a time or a rate.",
        remedy=Remedy(
            steps=(
                (
                    "Find the servers: `dig NAPTR name`, `dig SRV _sip._udp.name`, `dig A name`; or ask the "
                    "operator what stands behind the address."
                ),
                "Ask each by its own address, ten times: `shiftline check sip:USER@NODE`.",
                (
                    "Compare the answers that refuse with those that serve: Server, the form of the To tag, "
                    "`received` in Via and the times of answers tell the servers apart."
                ),
                (
                    "Take the one that refuses out of the pool, and give it the configuration of the others: "
                    "list of addresses, accounts, domains."
                ),
            ),
            by_family={
                Family.KAMAILIO: ("`kamcmd dispatcher.list`; `kamcmd dispatcher.set_state ip GROUP URI`.",),
                Family.OPENSIPS: (
                    "`opensips-cli -x mi ds_list`; `opensips-cli -x mi ds_set_state i GROUP URI`.",
                ),
            },
        ),
        sources=("RFC 3263 section 4.2", "known in the field"),
        signatures=tuple(_signatures()),
        prior=0.1,
    ),
)
