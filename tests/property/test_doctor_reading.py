"""Whatever a record holds: nothing is raised, nothing is told twice, and how it was cut is no matter."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from fuzz.records import one
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.doctor.captures import request, response

from shiftline.diagnosis.exchange import Brief
from shiftline.doctor.reading.heads import Heads
from shiftline.doctor.reading.pairing import Pairing
from shiftline.doctor.reading.sighting import Flow
from shiftline.doctor.reading.streams import Streams

FLOW, BACK = Flow("192.0.2.7", 5060, "198.51.100.1", 5060), Flow("198.51.100.1", 5060, "192.0.2.7", 5060)
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30)


@given(st.integers(0, 6), st.binary(max_size=400))
@example(6, response("4\x9b\x18 Odd"))
def test_no_bytes_raise_anything(kind: int, data: bytes) -> None:
    one(bytes([kind]) + data)


@given(st.integers(0, 6), st.data())
def test_no_damage_to_messages_raises_anything(kind: int, data: st.DataObject) -> None:
    whole = bytearray(data.draw(st.sampled_from((request(), response(), request() + response()))))
    for _ in range(data.draw(st.integers(0, 5))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
        whole = whole or bytearray(b"\r")
    one(bytes([kind]) + bytes(whole))


@given(st.lists(st.tuples(TEXT, TEXT), max_size=8), st.booleans())
def test_a_learned_shape_reads_what_the_careful_way_reads(
    rows: list[tuple[str, str]], is_answer: bool
) -> None:
    extra = "".join(f"X-{name.replace(':', '')}: {value}\r\n" for name, value in rows)
    data = response(extra=extra) if is_answer else request(extra=extra)
    common, *changing = Heads().read(FLOW, data)
    heads = Heads()
    for _ in range(7):  # row by row, by a shape, by a stencil
        again, *found = heads.read(FLOW, data)
        assert (again.values, found) == (common.values, changing)


@given(st.data())
def test_segments_in_any_order_give_the_same_messages(data: st.DataObject) -> None:
    messages = [request(branch=f"z9hG4bK{number}", body="x" * number) for number in range(4)]
    stream = b"".join(messages)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stream) - 1), max_size=8)) | {0, len(stream)})
    pieces = [(begin, stream[begin:end]) for begin, end in pairwise(cuts)]
    pieces = data.draw(st.permutations(pieces))
    pieces += data.draw(st.lists(st.sampled_from(pieces), max_size=4))
    start = data.draw(st.sampled_from((0, 2**32 - 200)))
    streams = Streams(Counter())
    list(streams.segment(b"k", start - 1, b"", 0.0, opens=True))
    found = [
        message
        for begin, piece in pieces
        for message in streams.segment(b"k", (start + begin) % 2**32, piece, 0.0, opens=False)
    ]
    assert found == messages


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 90), st.booleans()), max_size=40))
def test_each_request_is_told_once_or_counted(rows: list[tuple[int, float, bool]]) -> None:
    skipped: Counter[str] = Counter()
    record = [
        (
            at,
            BACK if is_answer else FLOW,
            (response if is_answer else request)(branch=f"z9hG4bK{number}"),
            place,
        )
        for place, (number, at, is_answer) in enumerate(sorted(rows, key=lambda row: row[1]))
    ]
    found = [one for one in Pairing("f", skipped).pair(record) if isinstance(one, Brief)]
    unfinished = skipped["requests that the end of the record cuts off"]
    early = skipped["requests forgotten before their answer, for want of room"]
    requests = [number for number, _, is_answer in rows if not is_answer]
    assert len(found) + unfinished + early >= len(set(requests))
    assert sum(exchange.copies for exchange in found) + unfinished + early <= len(requests)
    assert [exchange.at for exchange in found] == sorted(exchange.at for exchange in found)
