"""A ladder on the terminal: one line a message, or a plain list where there is no room for lifelines."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from shiftline.sip.ladder import Ladder, Participant, Row, ladder_of
from shiftline.sip.trace import Trace

_TIME_CELLS = 11
_NARROWEST_LANE = 40
"""Cells between two lifelines below which labels say too little."""
_WIDEST_LANE = 90
_STYLES = {0: "bold", 1: "cyan", 2: "green", 3: "blue", 4: "yellow", 5: "red", 6: "red"}
"""By status class; 0 is a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signs:
    life: str
    line: str
    right: str
    left: str
    dot: str
    more: str


_DRAWN = _Signs(life="│", line="─", right="▶", left="◀", dot="·", more="…")
_TYPED = _Signs(life="|", line="-", right=">", left="<", dot="-", more="..")


def print_ladder(console: Console, trace: Trace, *, redacted: bool = True) -> None:
    """Draw the trace; in colours by status class on a terminal, as plain text elsewhere."""
    drawn = ladder_of(trace, redacted=redacted)
    signs = _TYPED if console.options.ascii_only else _DRAWN
    lines = [Text(f"{drawn.dropped} earlier messages are not shown.", "dim")] if drawn.dropped else []
    lanes = len(drawn.participants) - 1
    if not drawn.rows:
        lines.append(Text("Nothing went over the wire."))
    elif (lane := (console.width - _TIME_CELLS - lanes - 1) // lanes) >= _NARROWEST_LANE:
        lines += _ladder(drawn, min(lane, _WIDEST_LANE), signs)
    else:
        lines += _list(drawn, console.width, signs)
    for line in lines:
        line.rstrip()
        console.print(line, soft_wrap=True, highlight=False)


def _ladder(drawn: Ladder, lane: int, signs: _Signs) -> list[Text]:
    lines = [_heading(drawn, lane, signs)]
    for row in drawn.rows:
        cells = _span(row, lane)
        words = _words(row, signs)
        aside = _notes(row, signs) if words.cell_len + _notes(row, signs).cell_len > cells - 5 else Text()
        if not aside:
            words.append_text(_notes(row, signs))
        time = Text.assemble((f"{row.seconds:>{_TIME_CELLS - 3}.3f} s ", "dim"))
        lines.append(_between(drawn, row, lane, signs, lead=time, shaft=_shaft(row, words, cells, signs)))
        if aside:
            shaft = Text("  ").append_text(aside)
            shaft.truncate(cells)
            shaft.pad_right(cells - shaft.cell_len)
            lead = Text(" " * _TIME_CELLS)
            lines.append(_between(drawn, row, lane, signs, lead=lead, shaft=shaft))
    return lines


def _heading(drawn: Ladder, lane: int, signs: _Signs) -> Text:
    """Each name begins at its lifeline; the last one ends there."""
    line = Text(" " * _TIME_CELLS)
    for place, participant in enumerate(drawn.participants[:-1]):
        line.append_text(_fitting(_name(participant), lane, signs))
        line.pad_right(_TIME_CELLS + (place + 1) * (lane + 1) - line.cell_len)
    last = _fitting(_name(drawn.participants[-1]), lane, signs)
    line.right_crop(max(0, last.cell_len - 1))
    if line.plain and line.plain[-1] != " ":  # the name before it reaches so far
        line.append("  ")
    return line.append_text(last)


def _name(participant: Participant) -> Text:
    return Text(f"Shiftline {participant}" if participant.is_ours else str(participant), "bold")


def _between(drawn: Ladder, row: Row, lane: int, signs: _Signs, *, lead: Text, shaft: Text) -> Text:
    """One line: the lifelines, with ``shaft`` in place of what lies between the two of this row."""
    left, right = min(row.source, row.target), max(row.source, row.target)
    line = lead.copy()
    for place in range(len(drawn.participants)):
        if left < place < right:
            continue  # the shaft goes across this lifeline
        line.append(signs.life, "dim")
        if place == left:
            line.append_text(shaft)
        elif place < len(drawn.participants) - 1:
            line.append(" " * lane)
    return line


def _shaft(row: Row, words: Text, cells: int, signs: _Signs) -> Text:
    style = _style(row)
    label = _fitting(words, cells - 5, signs)
    rest = signs.line * (cells - 4 - label.cell_len)
    if row.source < row.target:
        return Text.assemble((signs.line, style), " ", label, " ", (rest + signs.right, style))
    return Text.assemble((signs.left, style), " ", label, " ", (rest + signs.line, style))


def _list(drawn: Ladder, width: int, signs: _Signs) -> list[Text]:
    """For more ends than the terminal has room for: who to whom, and what below it."""
    lines = []
    for row in drawn.rows:
        ends = f"{drawn.participants[row.source]} {signs.line}{signs.right} {drawn.participants[row.target]}"
        lines.append(Text.assemble((f"{row.seconds:>{_TIME_CELLS - 3}.3f} s ", "dim"), ends))
        words = _words(row, signs).append_text(_notes(row, signs))
        lines.append(
            Text(" " * _TIME_CELLS).append_text(_fitting(words, max(20, width - _TIME_CELLS), signs))
        )
    return lines


def _words(row: Row, signs: _Signs) -> Text:
    words = Text.assemble((_spelt(row.label, signs), _style(row)))
    if row.times > 1:
        words.append(f" x{row.times}", "bold magenta")
    return words


def _notes(row: Row, signs: _Signs) -> Text:
    notes = [f" {signs.dot} {_spelt(note, signs)}" for note in row.notes]
    return Text.assemble(("".join(notes), "dim"))


def _spelt(text: str, signs: _Signs) -> str:
    return text.encode("ascii", "replace").decode() if signs is _TYPED else text


def _style(row: Row) -> str:
    return _STYLES[row.status // 100]


def _span(row: Row, lane: int) -> int:
    return abs(row.source - row.target) * (lane + 1) - 1


def _fitting(text: Text, cells: int, signs: _Signs) -> Text:
    """The text, cut in its middle if it is too long: its end tells CSeq and repetitions."""
    if text.cell_len <= cells:
        return text
    tail = min(16, cells // 3)
    head = text.copy()
    head.truncate(cells - tail - len(signs.more))
    end = text[-tail:]
    while end.cell_len > tail:  # some characters take two cells
        end = end[1:]
    return Text.assemble(head, signs.more, end)
