"""A diagnosis as the JSON of `shiftline doctor`. The keys are a contract: docs/reference/json.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shiftline.diagnosis.finding import Diagnosis, Finding, Separation, Suspicion
from shiftline.diagnosis.refusals import Refusal

_MOST_REFUSALS = 50


def as_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """The whole result; numbers are rounded for reading."""
    return {
        "verdict": {
            "cause": diagnosis.cause,
            "confidence": round(diagnosis.confidence, 3),
            "basis": str(diagnosis.basis),
        },
        "beside": list(diagnosis.beside),
        "findings": [_finding(finding) for finding in diagnosis.findings],
        "suspects": [_suspicion(suspicion) for suspicion in diagnosis.suspicions],
        "separating_experiment": _separation(diagnosis.separation),
        "families": {
            str(family): round(share, 3) for family, share in diagnosis.families.items() if share >= 0.005
        },
        "requests_sent": diagnosis.requests_sent,
        "not_asked_about": [
            {"causes": list(one.causes), "options": list(one.options)} for one in diagnosis.unasked
        ],
    }


def refusals_as_json(refusals: Sequence[Refusal]) -> list[dict[str, Any]]:
    """In whose words requests were refused."""
    return [
        {"status": one.status, "reason": one.reason, "count": one.count, "headers": dict(one.headers)}
        for one in refusals[:_MOST_REFUSALS]
    ]


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "cause": finding.cause,
        "indistinguishable_from": list(finding.indistinguishable_from),
        "confidence": round(finding.confidence, 3),
        "subject": {
            "name": finding.subject.name,
            "key": finding.subject.key,
            "values": list(finding.subject.values),
            "requests": finding.subject.requests,
            "refused": finding.subject.refused,
        },
        "evidence": [
            {
                "sentence": statement.sentence,
                "speaks_for": statement.speaks_for,
                "weight": round(statement.weight, 2),
                "places": [str(place) for place in statement.places],
            }
            for statement in finding.statements
        ],
        "remedy": list(finding.remedy),
        "refuted_by": finding.refuted_by,
        "figures": dict(finding.figures),
    }


def _suspicion(suspicion: Suspicion) -> dict[str, Any]:
    return {
        "suspect": suspicion.suspect,
        "causes": list(suspicion.causes),
        "verdict": str(suspicion.verdict),
        "sentence": suspicion.sentence,
    }


def _separation(separation: Separation | None) -> dict[str, str] | None:
    if separation is None:
        return None
    return {
        "experiment": separation.experiment,
        "sentence": separation.sentence,
        "command": separation.command,
    }
