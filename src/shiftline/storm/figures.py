"""The figures of a run as JSON; docs/reference/json.md explains each."""

from __future__ import annotations

from typing import Any

from shiftline.storm.examine import Examination
from shiftline.storm.for_doctor import causes_of
from shiftline.storm.plan import ClosedLoop, Plan
from shiftline.storm.sample import Result, Sample, percentiles_ms, status_words
from shiftline.storm.trust import flows_at_server


def result_figures(result: Result, plan: Plan) -> dict[str, Any]:
    """Everything that a machine may want to know of a run; `json.dumps` takes it."""
    whole, at_server = result.whole, flows_at_server(result, plan)
    return {
        "target": str(plan.target),
        "transport": plan.target.transport.value,
        "load": load_figures(plan),
        "flows": result.flows,
        "ok": result.ok,
        "ok_after_sending": result.ok_after_sending,
        "statuses": status_words(whole.statuses),
        "answers": status_words(whole.answers),
        "flows_per_second": round(result.flows_per_second, 2),
        "seconds": round(result.sending_seconds, 3),
        "requests": whole.requests,
        "retransmissions": whole.retransmissions,
        "late_answers": whole.late_answers,
        "held_back": whole.held_back,
        "latency_ms": percentiles_ms(whole.latency),
        "response_ms": percentiles_ms(whole.response),
        "send_lag_ms": percentiles_ms(whole.lag),
        "flows_at_server": None if at_server is None else round(at_server, 1),
        "cpu_us_per_flow": round(result.cpu_us_per_flow, 2),
        "processes": result.processes,
        "drops": {"ours": whole.our_drops, "target": whole.target_drops, "refused": whole.refused_datagrams},
        "bindings": None
        if result.bindings is None
        else {
            "asked": result.bindings.asked,
            "bound": result.bindings.bound,
            "others": result.bindings.others,
        },
        "users_left_alone": result.users_out,
        "stopped": result.stopped,
        "valid": result.valid,
        "invalid_reasons": list(result.invalid_reasons),
        "samples": [sample_figures(sample) for sample in result.samples],
    }


def examination_figures(examination: Examination, plan: Plan) -> dict[str, Any]:
    """The figures of the load that was asked for, with the verdict and the loads that led to it."""
    verdict = examination.verdict
    knee = None
    if verdict is not None:
        rate = None if verdict.rate is None else round(verdict.rate, 3)
        knee = {"rate": rate, "kind": verdict.kind.value, "key": verdict.key}
    return {
        **result_figures(examination.result, plan),
        "knee": knee,
        "verdict": None if verdict is None else {**verdict.as_json(), "causes": list(causes_of(verdict))},
        "phases": [
            {
                "purpose": phase.purpose,
                "requests": phase.result.whole.requests,
                "answers": status_words(phase.result.whole.answers),
            }
            for phase in examination.phases
        ],
    }


def load_figures(plan: Plan) -> dict[str, Any]:
    """What was asked for."""
    load = plan.load
    wanted: dict[str, Any] = (
        {"concurrency": load.concurrency}
        if isinstance(load, ClosedLoop)
        else {"shape": load.shape.name, "highest_rate": load.shape.highest_rate}
    )
    return {
        **wanted,
        "mix": {mixed.script.name: mixed.weight for mixed in plan.mix},
        "users": len(plan.names),
        "sources": list(plan.sources),
        "ports": plan.ports,
        "fresh_challenge": plan.fresh_challenge,
    }


def sample_figures(sample: Sample) -> dict[str, Any]:
    """One second."""
    return {
        "second": sample.second,
        "started": sample.started,
        "ended": sample.ended,
        "ok": sample.ok,
        "in_flight": sample.in_flight,
        "statuses": status_words(sample.statuses),
        "retransmissions": sample.retransmissions,
        "latency_ms": percentiles_ms(sample.latency),
        "send_lag_ms": percentiles_ms(sample.lag),
    }
