"""An exchange as a ladder in SVG: arrows between lifelines, one row a message."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from shiftline.diagnosis.finding import Finding, Statement
from shiftline.doctor.report.excerpt import Excerpt, Quoted
from shiftline.pictures.drawing import Drawing
from shiftline.sip.ladder import Ladder, Row, ladder_of
from shiftline.sip.trace import Trace

MOST_ROWS = 14
_WIDTH = 480.0
_LEFT, _RIGHT = 84.0, 452.0
_HEAD, _STEP, _FOOT = 46.0, 40.0, 12.0
_ARROW = 7.0
_LONGEST = 44
_URI = re.compile(r"\bsips?:([^@\s;]+)@\S+")
_CLASSES = {0: "ask", 1: "progress", 2: "fine", 3: "progress", 4: "challenge", 5: "turned", 6: "turned"}
_CHALLENGES = (401, 407)
_LOGIN = re.compile(rb"\n(?:Proxy-)?Authorization[ \t]*:", re.IGNORECASE)
_PASSED = ("was accepted", "was asked for credentials.")
"""What sentences say of a question that was not refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderPicture:
    """A drawn exchange, and what it is to show."""

    caption: str
    places: str
    svg: Markup


def telling_ladders(finding: Finding, excerpt: Excerpt, *, key: str) -> tuple[LadderPicture, ...]:
    """One exchange that was refused and one that was not, of the weightiest evidence that has them."""
    chosen: dict[bool, tuple[Statement, tuple[Quoted, ...]]] = {}
    for statement in finding.statements:
        is_of_passage = any(word in statement.sentence for word in _PASSED)
        if (not is_of_passage) in chosen:
            continue
        conversations = (excerpt.conversation(place) for place in statement.places)
        for conversation in conversations:
            # Of a load that was refused some passed: the picture is of what the sentence says.
            if conversation and _is_turned(conversation) is not is_of_passage:
                chosen[not is_of_passage] = statement, conversation
                break
    ordered = [chosen[turned] for turned in (True, False) if turned in chosen]
    return tuple(
        _picture(statement, conversation, key=f"{key}-{number}")
        for number, (statement, conversation) in enumerate(ordered)
    )


def _is_turned(conversation: Sequence[Quoted]) -> bool:
    """Whether it ended in a refusal or in silence; so did credentials that were challenged again."""
    last = max((_status(one) for one in conversation[-2:]), default=0)
    if last in _CHALLENGES:
        return any(_LOGIN.search(one.message.data) for one in conversation)
    return not 200 <= last < 300


def _status(quoted: Quoted) -> int:
    head = quoted.message.data[:12]
    return int(head[8:11]) if head.startswith(b"SIP/2.0 ") and head[8:11].isdigit() else 0


def _picture(statement: Statement, conversation: Sequence[Quoted], *, key: str) -> LadderPicture:
    shown = conversation[: 3 * MOST_ROWS]
    drawn = ladder_of(Trace(one.message for one in shown))
    first, last = shown[0].place, shown[-1].place
    places = str(first) if first == last else f"{first} to #{last.number}"
    return LadderPicture(caption=statement.sentence, places=places, svg=draw(drawn, key=key))


def draw(ladder: Ladder, *, key: str) -> Markup:
    """The ladder; what is beyond `MOST_ROWS` is counted in a last line."""
    rows = ladder.rows[:MOST_ROWS]
    height = _HEAD + _STEP * len(rows) + _FOOT + (18.0 if len(ladder.rows) > len(rows) else 0.0)
    told = "; ".join(f"{row.seconds:.3f} s {_words(row, 200)}" for row in rows)
    drawing = Drawing(
        key=key,
        title=f"{len(ladder.rows)} messages between {' and '.join(str(one) for one in ladder.participants)}",
        description=told,
        height=height,
        width=_WIDTH,
    )
    bottom = _HEAD + _STEP * len(rows)
    for place, participant in enumerate(ladder.participants):
        x = _lifeline(ladder, place)
        drawing.path([(x, _HEAD - 14.0), (x, bottom)], css="lifeline")
        anchor = "start" if place == 0 else "end" if place == len(ladder.participants) - 1 else "middle"
        shift = -14.0 if place == 0 else 14.0 if anchor == "end" else 0.0
        drawing.text(x + shift, 18.0, str(participant), css="caption", anchor=anchor)
    for number, row in enumerate(rows):
        _draw_row(drawing, ladder, row, _HEAD + _STEP * (number + 0.6))
    if rows and not any(row.status for row in ladder.rows):
        drawing.text(_RIGHT - 8.0, bottom + 8.0, "no answer", css="said turned", anchor="end")
    if len(ladder.rows) > len(rows):
        drawing.text(_LEFT, bottom + 20.0, f"and {len(ladder.rows) - len(rows)} messages more")
    return drawing.markup()


def _lifeline(ladder: Ladder, place: int) -> float:
    return _LEFT + (_RIGHT - _LEFT) * place / max(1, len(ladder.participants) - 1)


def _draw_row(drawing: Drawing, ladder: Ladder, row: Row, y: float) -> None:
    start, end = _lifeline(ladder, row.source), _lifeline(ladder, row.target)
    way = 1.0 if end >= start else -1.0
    css = "challenge" if row.status in _CHALLENGES else _CLASSES[row.status // 100]
    css = "turned" if css == "challenge" and row.status not in _CHALLENGES else css
    drawing.text(_LEFT - 20.0, y + 4.0, f"{row.seconds:.3f} s", anchor="end")
    shaft = drawing.path([(start, y), (end - way * _ARROW, y)], css=f"arrow {css}")
    tip = [(end, y), (end - way * _ARROW, y - 4.0), (end - way * _ARROW, y + 4.0)]
    drawing.path(tip, css=f"tip {css}", closed=True)
    if shaft is not None:
        drawing.tell(shaft, "; ".join((row.label, *row.notes)))
    drawing.text((start + end) / 2.0, y - 6.0, _words(row, _LONGEST), css=f"said {css}", anchor="middle")


def _words(row: Row, longest: int) -> str:
    """The label without what every row has, with its notes as far as there is room."""
    text = _URI.sub(r"\1", row.label).partition(" (CSeq")[0]
    if row.times > 1:
        text += f", {row.times} times"
    for note in row.notes:
        if len(text) + len(note) + 2 <= longest:
            text += f", {note}"
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
