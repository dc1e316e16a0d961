"""``shiftline check --list``: one list instead of many agents, in the same table."""

from __future__ import annotations

from collections.abc import Callable

from shiftline.cli.check.plan import AskedServer, open_endpoint
from shiftline.cli.check.report import Line, Report
from shiftline.clock import clock_from_environment
from shiftline.net.checkup import Found
from shiftline.net.list_checkup import ListCheckup
from shiftline.net.subscription_driver import NotifyInbox
from shiftline.net.watcher import Watcher
from shiftline.sip.trace import TracedMessage


async def ask_list(
    server: AskedServer,
    report: Report,
    timeout_seconds: float,
    told: Callable[[Found], None],
    on_message: Callable[[TracedMessage], None] | None,
) -> None:
    """Ask the server's list, and put the named members, or all, into the report."""
    assert server.listed is not None  # noqa: S101 - it is called for lists only
    inbox = NotifyInbox()
    async with await open_endpoint(server, inbox, on_message, timeout_seconds, accept_tcp=True) as endpoint:
        watcher = Watcher(
            endpoint,
            inbox,
            target=server.targets[0],
            identity=server.identity,
            digest=server.digest(),
        )
        checkup = ListCheckup(watcher, server.policy, clock_from_environment())
        await checkup.ask(server.listed, timeout_seconds=timeout_seconds)
    named = [str(uri) for uri in server.uris] or checkup.members
    report.lines = [Line(uri=uri, found=checkup.found(uri)) for uri in named]
    for line in report.lines:
        if line.found is not None:
            told(line.found)
    report.close(checkup)
