"""What ``shiftline storm`` prints in the end."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shiftline.storm.asserts import Outcome
from shiftline.storm.histogram import Histogram
from shiftline.storm.knee_run import Knee
from shiftline.storm.plan import ClosedLoop, Plan
from shiftline.storm.sample import TIMEOUT, Result, percentiles_ms, status_words
from shiftline.storm.trust import LEAST_SECONDS, flows_at_server
from shiftline.storm.verdict.verdict import Kind, Verdict


def print_result(result: Result, plan: Plan, console: Console) -> None:
    """The figures as a table, then what speaks against them."""
    whole = result.whole
    table = Table(title=f"{plan.target.transport.value} load on {plan.target}", show_header=False)
    table.add_column(style="bold")
    table.add_column()
    statuses = ", ".join(f"{status} {count:,}" for status, count in status_words(whole.statuses).items())
    table.add_row("flows", f"{result.flows:,}, of which {result.ok:,} succeeded ({statuses or 'none ended'})")
    table.add_row("rate", _rate(result))
    unanswered = whole.statuses[TIMEOUT]
    but = f"; {unanswered:,} without an answer are not in it" if unanswered else ""
    table.add_row("latency, per request", _percentiles(whole.latency) + but)
    table.add_row("response, from the schedule", _percentiles(whole.response))
    table.add_row("send lag", _percentiles(whole.lag))
    if isinstance(plan.load, ClosedLoop) and (at_server := flows_at_server(result, plan)) is not None:
        mean = f"{at_server:,.0f} of {plan.load.concurrency:,} in the mean; storm had the others"
        table.add_row("flows with the server", mean)
    copies = f"{whole.retransmissions:,} sent again, {whole.late_answers:,} late answers"
    table.add_row("requests", f"{whole.requests:,}; {copies}")
    table.add_row("our processor", f"{result.cpu_us_per_flow:.1f} us per flow")
    table.add_row("dropped by kernels", _drops(result))
    if result.bindings is not None:
        found = f"{result.bindings.bound} of {result.bindings.asked} are there"
        others = f", {result.bindings.others} with other contacts than ours" if result.bindings.others else ""
        table.add_row("bindings asked about", found + others)
    lasting = max(mixed.script.binding_seconds for mixed in plan.mix)
    if lasting and result.ok:
        table.add_row("bindings left behind", f"they end by themselves within {lasting:,} s (--expires)")
    if result.users_out:
        table.add_row("users left alone", f"{result.users_out:,}: their password was not accepted")
    console.print(table)
    for reason in result.invalid_reasons:
        console.print(f"[bold red]invalid:[/] {escape(reason)}")


_COLOURS = {
    Kind.LIMITER: "yellow",
    Kind.CAPACITY: "yellow",
    Kind.NONE: "green",
    Kind.STOPPED: "red",
    Kind.UNDECIDED: "yellow",
    Kind.INVALID: "red",
}


def print_verdict(verdict: Verdict, console: Console) -> None:
    """The answer, what to do, and what it rests on."""
    console.print(f"\n[bold {_COLOURS[verdict.kind]}]{escape(verdict.sentence)}[/]", soft_wrap=True)
    console.print(escape(verdict.advice), soft_wrap=True)
    for sentence in verdict.evidence:
        console.print(f"[dim]  - {escape(sentence)}[/]", soft_wrap=True)
    if verdict.alternatives:
        console.print(
            f"[dim]  - explain it about as well: {', '.join(verdict.alternatives)}[/]", soft_wrap=True
        )


def print_conditions(outcomes: Sequence[Outcome], console: Console) -> None:
    """What was asserted, and whether it holds."""
    for outcome in outcomes:
        word = "[green]holds[/] " if outcome.holds else "[bold red]broken[/]"
        console.print(f"{word} {escape(outcome.words)}", soft_wrap=True)


def print_knee(knee: Knee, console: Console) -> None:
    """The search, step by step, and its result."""
    table = Table("flows/s", "seconds", "flows", "failed", "p99", title="Search for the knee")
    for step in knee.steps:
        rate = f"{step.attempt.rate:,.1f}{' (confirmation)' if step.attempt.is_confirmation else ''}"
        seconds, p99 = f"{step.attempt.seconds:,.0f}", f"{step.p99_ms:,.1f} ms"
        table.add_row(rate, seconds, f"{step.flows:,}", f"{step.failed:,}", p99)
    console.print(table)
    console.print(f"[bold]{escape(knee.sentence)}[/]", soft_wrap=True)


def _rate(result: Result) -> str:
    if not result.flows:
        return "none"
    if result.sending_seconds < LEAST_SECONDS:
        return f"{result.ok:,} flows within {result.sending_seconds * 1000.0:,.1f} ms, too short for a rate"
    return f"{result.flows_per_second:,.1f} flows/s over {result.sending_seconds:.1f} s"


def _percentiles(histogram: Histogram) -> str:
    if not histogram.count:
        return "none"
    words = [f"{name} {value:,.2f} ms" for name, value in percentiles_ms(histogram).items()]
    return ", ".join(words)


def _drops(result: Result) -> str:
    target = result.whole.target_drops
    theirs = "unknown at the target" if target is None else f"{target:,} at the target"
    return f"{result.whole.our_drops:,} here, {theirs}"
