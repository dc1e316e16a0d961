"""Experiments that change one thing about the message, ahead of the challenge and behind it."""

from __future__ import annotations

from shiftline.diagnosis.experiment import Experiment, Means, Risk
from shiftline.diagnosis.probe import Aim, Credentials, Method, Probe, Shape
from shiftline.diagnosis.questions import LOGIN


def _bisection(
    shape: Shape, title: str, reads: str, needs: frozenset[Means] = frozenset()
) -> list[Experiment]:
    """The same change to the message, ahead of the challenge and behind it."""
    return [
        Experiment(
            id=f"p10.{shape}",
            title=f"ask for our bindings {title}",
            reads=reads,
            probe=Probe(method=Method.REGISTER, shape=shape),
            risk=Risk.HARMLESS,
            cost=1,
            needs=needs,
        ),
        Experiment(
            id=f"p10.{shape}.login",
            title=f"log in {title}",
            reads=reads,
            probe=Probe(method=Method.REGISTER, credentials=Credentials.FRESH, shape=shape),
            risk=Risk.HARMLESS,
            cost=2,
            needs=needs | LOGIN,
        ),
        Experiment(
            id=f"p10.{shape}.options",
            title=f"send OPTIONS with our credentials {title}",
            reads=reads,
            # What a check asks: OPTIONS to the server itself pass many a rule.
            probe=Probe(method=Method.OPTIONS, credentials=Credentials.FRESH, shape=shape, aim=Aim.PRESENT),
            risk=Risk.HARMLESS,
            cost=2,
            needs=needs | LOGIN,
        ),
    ]


BISECTIONS = (
    *_bisection(Shape.MINIMAL, "with the shortest message", "whether something in the message is disliked"),
    *_bisection(Shape.OTHER_AGENT, "under another User-Agent", "whether our User-Agent is refused"),
    *_bisection(
        Shape.OTHER_CONTACT,
        "with another host in Contact",
        "whether the host in Contact is refused",
        frozenset({Means.OTHER_ADDRESS}),
    ),
    Experiment(
        id="p10.other-contact.bind",
        title="register a contact with the other host for a minute, then remove it",
        reads="whether the host in Contact is refused",
        probe=Probe(method=Method.REGISTER_CONTACT, credentials=Credentials.FRESH, shape=Shape.OTHER_CONTACT),
        risk=Risk.MAY_TRIP,
        cost=4,
        needs=frozenset({Means.OTHER_ADDRESS}) | LOGIN,
    ),
    *_bisection(
        Shape.OTHER_DOMAIN,
        "with another domain in From, To and the Request-URI",
        "whether the domain is refused",
        frozenset({Means.OTHER_HOST}),
    ),
    *_bisection(
        Shape.OTHER_CALLER,
        "with another name in From",
        "whether From must name somebody else",
        frozenset({Means.OTHER_CALLER}),
    ),
    *_bisection(
        Shape.WITH_METADATA,
        "with the headers that production adds",
        "whether the server wants headers that were missing",
        frozenset({Means.METADATA}),
    ),
    *_bisection(Shape.LARGE, "in a message of 1,500 bytes", "whether large messages are lost or refused"),
    *_bisection(
        Shape.OTHER_VIA,
        "with the other address in Via",
        "whether the address in Via is what the server looks at",
        frozenset({Means.OTHER_ADDRESS}),
    ),
)
