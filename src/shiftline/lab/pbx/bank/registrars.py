"""registrar.*: what is wrong with bindings (facts: A5 to A8, K17, F5, V4)."""

from __future__ import annotations

from dataclasses import replace

from shiftline.lab.pbx.agents import TRUNK_ACCOUNT
from shiftline.lab.pbx.bank.draw import Draw, Entry
from shiftline.lab.pbx.bank.words import FORBIDDEN, Shown, Stage, Visit, at, everywhere, is_stranger, say

_OTHERS = "127.0.0.9"
"""Where the other systems' phones are."""


def _binds(visit: Visit) -> bool:
    """Whether it would add a binding."""
    lasting = (visit.request.headers.get("Expires") or "").strip() != "0"
    return visit.method == "REGISTER" and visit.contact_host is not None and lasting


def _full(draw: Draw) -> None:
    """The trunk's address has as many contacts as it may have already, and they are refreshed for ever."""
    most = draw.pick("max_contacts", 1, 2, 4)
    contacts = tuple(f"<sip:line{number}@{_OTHERS}:{5070 + number}>" for number in range(most))
    draw.settings.foreign_contacts.append(
        lambda user, elapsed: contacts if user == TRUNK_ACCOUNT else None  # noqa: ARG005 - always theirs
    )
    draw.refuse(lambda visit: _binds(visit) and visit.user == TRUNK_ACCOUNT)


def _no_aor(draw: Draw) -> None:
    """A5 and A8 are of one endpoint; a profile without a registrar (F7) registers nobody."""
    nobody = draw.showing.stage is Stage.METHOD
    draw.refuse(
        lambda visit: (
            is_stranger(visit) and visit.method == "REGISTER" and (nobody or visit.user == TRUNK_ACCOUNT)
        )
    )


def _shared(draw: Draw) -> None:
    """Another system registers the same address again and again, and its contact takes the place of ours."""
    every = draw.between("others_every_seconds", 4.0, 20.0, digits=0)
    theirs = (f"<sip:other@{_OTHERS}:5099>",)

    def contacts(user: str, elapsed: float) -> tuple[str, ...] | None:  # noqa: ARG001 - every address
        return theirs if elapsed % every < every / 2 else None

    draw.settings.foreign_contacts.append(contacts)


def _brief(draw: Draw) -> None:
    shortest = draw.pick("min_expires", 900, 1800, 3600, 7200)
    limits = draw.settings.expires
    draw.settings.expires = replace(limits, shortest=shortest, longest=max(shortest, limits.longest))


_SHARED: Shown = everywhere(
    at(Stage.TARGET, replace(say(200), words="200 with another system's Contact in place of ours"))
)

REGISTRARS = (
    Entry(
        id="registrar.max-contacts",
        does="the address of shiftline has as many contacts as it may have",
        make=_full,
        shown={
            "practice": (at(Stage.TARGET, FORBIDDEN),),
            "pjsip": (at(Stage.TARGET, FORBIDDEN),),  # A7
            "freeswitch": (at(Stage.TARGET, FORBIDDEN),),  # F5
            "kamailio": (
                at(
                    Stage.TARGET,
                    say(503, headers=(("P-Registrar-Error", "Too many registered contacts"),)),
                ),
            ),  # K17
            "sbc": (at(Stage.TARGET, FORBIDDEN),),  # V4
        },
    ),
    Entry(
        id="registrar.no-aor",
        does="shiftline may not register: there is nothing to bind a contact to",
        make=_no_aor,
        shown={
            "practice": (at(Stage.TARGET, FORBIDDEN),),
            "chan_sip": (at(Stage.TARGET, say(404)), at(Stage.TARGET, FORBIDDEN)),  # C3
            "pjsip": (at(Stage.TARGET, FORBIDDEN), at(Stage.TARGET, say(404))),  # A5, A8
            "freeswitch": (at(Stage.METHOD, FORBIDDEN),),  # F7
            "kamailio": (at(Stage.TARGET, say(404, "Not Found")),),
            "sbc": (at(Stage.TARGET, say(404)), at(Stage.TARGET, FORBIDDEN)),
        },
    ),
    Entry(
        id="registrar.shared-aor",
        does="another system registers the same addresses, and its contact takes the place of ours",
        make=_shared,
        shown=_SHARED,
    ),
    Entry(
        id="registrar.interval-too-brief",
        does="a registration for less than a quarter of an hour to two hours gets 423",
        make=_brief,
        shown=everywhere(at(Stage.TARGET, say(423))),
    ),
)
