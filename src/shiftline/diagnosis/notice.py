"""What a single answer says of itself, as marks."""

from __future__ import annotations

from functools import lru_cache

from shiftline.diagnosis.catalogue.mark_tables import PHRASES
from shiftline.diagnosis.evidence import Mark
from shiftline.diagnosis.exchange import Exchange


def notice(exchange: Exchange) -> tuple[Mark, ...]:
    """The marks of one answer: who made it, and what its phrase and headers speak of."""
    if exchange.status is None:
        return ()
    found = []
    for header, text in (("phrase", exchange.reason), *exchange.hints.items()):
        if text and not (header == "phrase" and exchange.status < 300):
            found += [
                Mark(kind=kind, text=text, places=exchange.places[:1])
                for kind in kinds_of(header, text, exchange.status)
            ]
    return tuple(found)


@lru_cache(maxsize=4096)
def kinds_of(header: str, text: str, status: int) -> tuple[str, ...]:
    """Kinds of marks that one header, or the reason phrase (``phrase``), makes."""
    return tuple(
        phrase.mark.kind
        for phrase in PHRASES
        if phrase.header == header
        and (not phrase.statuses or status in phrase.statuses)
        and phrase.pattern.search(text)
    )
