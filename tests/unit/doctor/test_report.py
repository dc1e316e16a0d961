"""The doctor's report and bundle, of a small recording of the incident and of made-up findings."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pytest
from tests.unit.html_page import HtmlPage, require_self_contained, require_spoken_charts

from shiftline.cli.doctor.gathered import conclude, gather
from shiftline.cli.doctor.read_report import as_json
from shiftline.diagnosis.exchange import Exchange, Place
from shiftline.diagnosis.finding import Separation
from shiftline.diagnosis.statistics import statistics_of
from shiftline.doctor.reading.reading import Reading
from shiftline.doctor.report.bundle import write_bundle
from shiftline.doctor.report.charts import LEGEND, course_chart, rate_chart
from shiftline.doctor.report.excerpt import Quoted, excerpt_of_files, places_of
from shiftline.doctor.report.ladders import _is_turned
from shiftline.doctor.report.material import Material
from shiftline.doctor.report.page import render
from shiftline.lab.recordings import Scene, record
from shiftline.sip.glance import glance
from shiftline.sip.trace import Direction, TracedMessage
from shiftline.sip.transport import Transport

ZONE = ZoneInfo("America/Chicago")
MADE_AT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
SCENE = Scene(
    personality="kamailio",
    fault_ids=("throttle.source",),
    seed=5,
    trades=40,
    phones=5,
    seconds=120.0,
    published_after_seconds=40.0,
)
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(SCENE).write(tmp_path_factory.mktemp("report") / "incident")[0]


@cache
def told(capture: Path) -> tuple[Material, dict[str, Any]]:
    """What is to be reported of the recording."""
    reading = Reading([capture], zone=ZONE)
    gathered = gather(reading, ZONE)
    diagnosis = conclude(gathered)
    assert diagnosis is not None
    material = Material(
        name=capture.name,
        made_at=MADE_AT,
        diagnosis=diagnosis,
        statistics=gathered.statistics,
        excerpt=excerpt_of_files(reading.sightings, places_of(diagnosis)),
        zone=ZONE,
        files=reading.ledger.files,
        skipped=reading.ledger.skipped,
    )
    return material, as_json(gathered, diagnosis)


def with_main(material: Material, **changes: Any) -> Material:
    """The same with another main finding."""
    main = replace(material.diagnosis.findings[0], **changes)
    diagnosis = replace(material.diagnosis, findings=(main, *material.diagnosis.findings[1:]))
    return replace(material, diagnosis=diagnosis)


def test_the_page_tells_all_that_was_found(capture: Path) -> None:
    material, _ = told(capture)
    html = render(material)
    page = HtmlPage(html)
    require_self_contained(html)
    require_spoken_charts(page)
    main = material.diagnosis.findings[0]
    for words in (
        "The PBX answers only so many requests a second from one address",
        *(one.sentence for one in main.statements[:12]),
        *(one.sentence.replace("`", "") for one in material.diagnosis.suspicions),
        *(one.suspect for one in material.diagnosis.suspicions),
        main.refuted_by.replace("`", ""),
        *(step.replace("`", "") for step in main.remedy if "`" not in step),
        "incident.pcap",
        "Sent nothing",
    ):
        assert " ".join(words.split()) in page.text
    assert len(page.all("table")) == len(page.all("caption")) == 5
    assert len(page.all("svg")) == 4  # two charts, one exchange that was refused and one that was not
    assert "publish window" in page.text


def test_evidence_names_packets_that_are_what_it_says(capture: Path) -> None:
    material, _ = told(capture)
    main = material.diagnosis.findings[0]
    refused = next(one for one in main.statements if "120 a second" in one.sentence)
    for place in refused.places:
        conversation = material.excerpt.conversation(place)
        assert place in {one.place for one in conversation}
        assert 503 in {glance(one.message.data).status for one in conversation}
        (calls,) = {glance(one.message.data).call_id for one in conversation}
        assert calls


def test_hostile_text_is_shown_and_not_obeyed(capture: Path) -> None:
    material, _ = told(capture)
    main = material.diagnosis.findings[0]
    statements = tuple(replace(one, sentence=HOSTILE) for one in main.statements)
    hostile = with_main(material, statements=statements, remedy=(f"`{HOSTILE}`",), refuted_by=HOSTILE)
    quoted = tuple(
        replace(one, message=replace(one.message, data=one.message.data.replace(b"sip:", b"sip:<script>")))
        for one in material.excerpt.quoted
    )
    separation = Separation(experiment="p0", sentence=HOSTILE, command=HOSTILE)
    html = render(
        replace(
            hostile,
            name=HOSTILE,
            diagnosis=replace(hostile.diagnosis, separation=separation, cause=None),
            excerpt=replace(material.excerpt, quoted=quoted),
        )
    )
    assert "<script" not in html
    require_self_contained(html)
    assert HOSTILE in HtmlPage(html).text


def test_what_is_undecided_says_between_whom_and_what_would_settle_it(capture: Path) -> None:
    material, _ = told(capture)
    open_ = with_main(material, indistinguishable_from=("throttle.user", "ban.source"))
    separation = Separation(experiment="p8", sentence="Ask.", command="shiftline doctor run --allow may-trip")
    diagnosis = replace(open_.diagnosis, cause=None, separation=separation)
    page = HtmlPage(render(replace(open_, diagnosis=diagnosis)))
    assert "Undecided between throttle.source, throttle.user and ban.source." in page.text
    assert "shiftline doctor run --allow may-trip" in page.text


@pytest.mark.parametrize("case", ["nothing counted", "one request", "a time that no calendar has"])
def test_odd_records_give_a_whole_page(capture: Path, case: str) -> None:
    material, _ = told(capture)
    exchanges = []
    if case != "nothing counted":
        at = 1e300 if "calendar" in case else 1.7e9
        exchanges.append(Exchange(at=at, source="192.0.2.7", method="OPTIONS", status=403))
    html = render(replace(material, statistics=statistics_of(exchanges)))
    assert not re.search(r'(?:nan|inf)[ "LZ]', "".join(re.findall(r"<svg.*?</svg>", html, re.DOTALL)))


def test_a_bundle_has_everything_and_no_secret(capture: Path, tmp_path: Path) -> None:
    material, result = told(capture)
    assert any(b"response=" in one.message.data for one in material.excerpt.quoted)
    bundle = tmp_path / "ticket.zip"
    write_bundle(bundle, material, result, pseudonyms=False)
    assert bundle.stat().st_mode & 0o077 == 0
    with ZipFile(bundle) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    assert sorted(files) == ["README.txt", "diagnosis.json", "excerpt.pcap", "report.html"]
    assert json.loads(files["diagnosis.json"])["verdict"] == result["verdict"]
    for data in files.values():
        assert not re.search(rb'(?:response|nonce|opaque)="(?!redacted)', data)
    secrets = {
        found
        for one in material.excerpt.quoted
        for found in re.findall(rb'(?:response|nonce)="([^"]+)"', one.message.data)
    }
    assert secrets
    assert not [one for one in secrets for data in files.values() if one in data]


def test_the_excerpt_of_a_bundle_is_read_again_to_the_same_exchanges(capture: Path, tmp_path: Path) -> None:
    material, result = told(capture)
    write_bundle(tmp_path / "ticket.zip", material, result, pseudonyms=True)
    with ZipFile(tmp_path / "ticket.zip") as opened:
        opened.extract("excerpt.pcap", tmp_path)
    reading = Reading([tmp_path / "excerpt.pcap"])
    read = [one for one in reading if isinstance(one, Exchange)]
    assert reading.ledger.messages == len(material.excerpt.quoted)
    refused = [one for one in read if one.status == 503]
    assert refused
    assert all(one.user.startswith("user") for one in read if one.user)


def test_pseudonyms_hide_everybody_in_all_files(capture: Path, tmp_path: Path) -> None:
    material, result = told(capture)
    write_bundle(tmp_path / "ticket.zip", material, result, pseudonyms=True)
    with ZipFile(tmp_path / "ticket.zip") as opened:
        files = {name: opened.read(name).decode("latin-1") for name in opened.namelist()}
    for name, text in files.items():
        assert not re.search(r"\b(?:agent\d{4}|call\d{4})\b", text), name
        assert "shiftline@" not in text
    assert "sip:user1@" in files["excerpt.pcap"]
    by_account = json.loads(files["diagnosis.json"])["traffic"]["by_account"]
    assert all(one["value"].startswith("user") for one in by_account)


def test_credentials_that_are_challenged_again_were_refused() -> None:
    """The ladder of a wrong password shows the second 401; a challenge that nobody answered is a passage."""

    def quoted(number: int, data: bytes) -> Quoted:
        message = TracedMessage(
            at=float(number),
            direction=Direction.SENT,
            local=("192.0.2.1", 5060),
            peer=("192.0.2.9", 5060),
            transport=Transport.UDP,
            data=data,
        )
        return Quoted(place=Place(file="x.pcap", number=number), call_id="c", message=message)

    asked = quoted(1, b"REGISTER sip:x SIP/2.0\r\nCSeq: 1 REGISTER\r\n\r\n")
    challenge = quoted(2, b"SIP/2.0 401 Unauthorized\r\nCSeq: 1 REGISTER\r\n\r\n")
    login = quoted(3, b"REGISTER sip:x SIP/2.0\r\nauthorization : Digest x\r\n\r\n")
    again = quoted(4, b"SIP/2.0 401 Unauthorized\r\nCSeq: 2 REGISTER\r\n\r\n")
    assert not _is_turned([asked, challenge])
    assert _is_turned([asked, challenge, login, again])


def test_the_legend_has_what_is_drawn(capture: Path) -> None:
    """Nothing was left without an answer in this record."""
    material, _ = told(capture)
    charts = [one for one in (rate_chart(material), course_chart(material)) if one is not None]
    drawn = frozenset[str]().union(*(one.drawn for one in charts))
    html = render(material)
    for swatch in LEGEND:
        assert (f'class="swatch {swatch}"' in html) is (swatch in drawn)
    assert drawn < set(LEGEND)
