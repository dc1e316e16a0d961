"""The bundle for a ticket: report, diagnosis, the messages that are the evidence, and a word about them.

No secret goes in: messages are redacted (`sip.redaction`), and where it is wished users and numbers get
pseudonyms, the same ones in all files.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from shiftline.diagnosis.groups import Key
from shiftline.doctor.report.commands import renamed_command
from shiftline.doctor.report.excerpt import Quoted
from shiftline.doctor.report.material import Material
from shiftline.doctor.report.page import render
from shiftline.doctor.report.wording import headline, verdict
from shiftline.net.capture import capture_of, write_private
from shiftline.sip.pseudonyms import Pseudonyms
from shiftline.sip.trace import TracedMessage

REPORT, DIAGNOSIS, EXCERPT, README = "report.html", "diagnosis.json", "excerpt.pcap", "README.txt"


def write_bundle(path: Path, material: Material, result: dict[str, Any], *, pseudonyms: bool) -> None:
    """Write the zip file, readable by its owner only, whole or not at all.

    ``result`` is the JSON of the verb. Raises ConfigurationError when it cannot be written.
    """
    shown = _redacted(material)
    if pseudonyms:
        shown, result = _renamed(shown, result)
    capture, left = _capture(shown.excerpt.quoted)
    content = io.BytesIO()
    with ZipFile(content, "w", ZIP_DEFLATED) as bundle:
        for name, data in (
            (README, _readme(shown, left, pseudonyms=pseudonyms).encode()),
            (REPORT, render(shown).encode()),
            (DIAGNOSIS, f"{json.dumps(result, indent=2)}\n".encode()),
            (EXCERPT, capture),
        ):
            entry = ZipInfo(name, date_time=material.made_at.timetuple()[:6])
            entry.compress_type = ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            bundle.writestr(entry, data)
    write_private(path, content.getvalue())


def _redacted(material: Material) -> Material:
    quoted = tuple(replace(one, message=one.message.redacted()) for one in material.excerpt.quoted)
    return replace(material, excerpt=replace(material.excerpt, quoted=quoted))


def _renamed(material: Material, result: dict[str, Any]) -> tuple[Material, dict[str, Any]]:
    """The same under pseudonyms, of whoever was given to a run, or stands in excerpt, traffic or findings."""
    names = Pseudonyms()
    for kind, given in material.given.items():
        names.learn(*given, kind=kind)
    names.learn_from(one.message.data for one in material.excerpt.quoted)
    if material.statistics.total:
        names.learn(*(group.value for group in material.statistics.groups(Key.ACCOUNT)))
    names.learn_from(str(refusal).encode() for refusal in material.statistics.refusals)
    for finding in material.diagnosis.findings:
        # Lines of logs are quoted there, with people whom no message names.
        names.learn_from(statement.sentence.encode() for statement in finding.statements)
        if finding.subject.key == "user":
            names.learn(*finding.subject.values)
    diagnosis, command = material.diagnosis, ""
    if (separation := diagnosis.separation) is not None:
        names.learn_from([separation.command.encode()])
        command = renamed_command(separation.command, names)
        diagnosis = replace(diagnosis, separation=replace(separation, command=command))
    quoted = tuple(_under(names, one) for one in material.excerpt.quoted)
    shown = replace(
        material,
        name=material.name if material.was_read else names.text(material.name),
        diagnosis=diagnosis,
        excerpt=replace(material.excerpt, quoted=quoted),
        named=names.text,
    )
    told: dict[str, Any] = _strings(names, result)
    if told.get("separating_experiment"):
        told["separating_experiment"]["command"] = command
    return shown, told


def _under(names: Pseudonyms, quoted: Quoted) -> Quoted:
    return replace(quoted, message=replace(quoted.message, data=names.message(quoted.message.data)))


def _strings(names: Pseudonyms, value: Any) -> Any:
    if isinstance(value, str):
        return names.text(value)
    if isinstance(value, dict):
        return {key: _strings(names, one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_strings(names, one) for one in value]
    return value


def _capture(quoted: Sequence[Quoted]) -> tuple[bytes, int]:
    """The excerpt as pcap, and how many messages have no addresses to be written with."""
    messages = [one.message for one in quoted if _has_addresses(one.message)]
    content, _ = capture_of(messages, epoch_offset=0.0)
    return content, len(quoted) - len(messages)


def _has_addresses(message: TracedMessage) -> bool:
    try:
        ip_address(message.local[0]), ip_address(message.peer[0])
    except ValueError:  # a log knows names, or nothing
        return False
    return True


def _readme(material: Material, left: int, *, pseudonyms: bool) -> str:
    diagnosis, messages = material.diagnosis, len(material.excerpt.quoted) - left
    lines = [
        f"What is the matter with {material.name}",
        "",
        material.named(verdict(diagnosis)),
        f"Finding: {headline(diagnosis)}.",
        f"Made by shiftline doctor, {material.made_at:%Y-%m-%d %H:%M %Z}.",
        "",
        "In this bundle",
        f"  {REPORT:15} the whole report: open it in a browser, it needs nothing else",
        f"  {EXCERPT:15} the {messages} SIP messages behind it: open it in Wireshark",
        f"  {DIAGNOSIS:15} the same findings for programs",
        "",
        "What is not in it",
        "  Digest responses, nonces, passwords, tokens and media keys were replaced by the word 'redacted'.",
        "  A nonce keeps a label, so that one can see whether it was a new one.",
    ]
    if pseudonyms:
        lines += [
            "  Users and numbers have pseudonyms, the same ones in all files: user1, number1, ...",
            "  What a run was told has them as well: domain1, program1 (User-Agent), value1 (of a header).",
            "  They stand wherever such a name stood, also in Call-IDs, warnings and reason phrases.",
            "  Devices (+sip.instance) are device1, ...; bodies but session descriptions are left out.",
            "  Other hosts, addresses, programs and file names are as they were. So is free text otherwise:",
            "  somebody who is named nowhere else may stand in it. Look it over before you send it.",
        ]
    else:
        lines.append("  User names and telephone numbers are as they were.")
    if left:
        lines.append(f"  {left} messages of logs have no addresses, and are not in {EXCERPT}.")
    if material.excerpt.left_out:
        lines.append(f"  {material.excerpt.left_out} messages more did not fit.")
    lines += [
        "",
        "What we ask, or do",
        *(f"  - {material.named(step)}" for step in diagnosis.findings[0].remedy),
    ]
    if diagnosis.separation is not None:
        lines += ["", f"What would settle it: {material.named(diagnosis.separation.sentence)}"]
    return "\n".join([*lines, ""])
