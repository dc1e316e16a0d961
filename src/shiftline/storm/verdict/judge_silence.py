"""From silence to a verdict: answers that came too late, a target that stopped, losses that did not recur."""

from __future__ import annotations

from shiftline.storm.verdict.look import Look
from shiftline.storm.verdict.verdict import Kind, Verdict
from shiftline.storm.verdict.words import late_advice, late_sentence, many


def judge_lateness(look: Look, rate: float) -> Verdict:
    """Silence that was lateness: ``rate`` flows per second succeeded while the load lasted."""
    waits = look.waits
    return Verdict(
        kind=Kind.CAPACITY,
        sentence=late_sentence(rate, waits),
        advice=late_advice(rate),
        evidence=(
            (
                f"a single request was answered after {waits.alone * 1000:,.1f} ms, half of the load's after"
                f" {waits.median * 1000:,.0f} ms or more"
            ),
            (
                f"half of the answers came {waits.after_copy * 1000:,.0f} ms or more after the last copy:"
                " what a limiter lets through is answered at once"
            ),
            (
                f"{waits.copies:,} copies were sent, and {waits.late_answers:,} answers came to copies or to"
                " what was given up"
            ),
        ),
        rate=rate,
    )


def stopped_verdict(
    requests: int, waited: float, *, came_back: bool = False, asked_all: bool = False
) -> Verdict:
    """It stopped answering, and came back after ``waited`` seconds, or not within them.

    ``asked_all``: another user and another source address got no answer either.
    """
    whoever = "whoever asked, " if asked_all else ""
    back = (
        f"answered again {waited:,.0f} s later" if came_back else f"did not come back within {waited:,.0f} s"
    )
    return Verdict(
        kind=Kind.STOPPED,
        sentence=(
            f"It stopped answering after {many(requests, 'request')}, {whoever}and {back}: down, hung, or"
            " shut. Storm cannot tell which."
        ),
        advice=(
            "Look at the server: does its process live, what is the last line of its log? If it does, ask it"
            " once from another machine; if that is answered, this one was shut out."
        ),
        evidence=(
            f"{many(requests, 'request')} answered before",
            "after that single requests got no answer" + (" for a while" if came_back else ""),
        ),
    )


def lost_verdict(look: Look) -> Verdict:
    """Silence that did not come again under lighter loads."""
    return Verdict(
        kind=Kind.UNDECIDED,
        sentence=(
            f"Not certain: {look.refused:,} of {look.passes + look.refused:,} requests got no answer at once"
            " or at all, and none was lost under lighter loads. A limiter that drops does so, and a"
            " server at its end."
        ),
        advice=(
            "Ask for the same load for longer, or a little more; and look at the server's processors and"
            " receive buffer meanwhile."
        ),
        evidence=(
            f"{look.waits.copies:,} copies were sent, {look.waits.late_answers:,} answers came late",
            f"half of the answers took {look.waits.median * 1000:,.0f} ms or more",
        ),
    )
