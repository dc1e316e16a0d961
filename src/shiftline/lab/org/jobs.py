"""Jobs whose POST was answered 202: their work is done when their time has come, not when somebody asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shiftline.lab.org.refusals import ApiError, not_found

Work = Callable[[], dict[str, Any]]
"""Does a job's work and returns what its answer carries besides id, status and type."""


@dataclass(slots=True, kw_only=True)
class Job:
    """A job in the store; ``owner`` is the OAuth client that started it."""

    id: str
    type: str
    owner: str
    path: str
    ready_at: float
    work: Work
    correlation_id: str
    answer: dict[str, Any] | None = None

    def body(self) -> dict[str, Any]:
        """Return the job as the API shows it."""
        envelope = {"id": self.id, "type": self.type, "selfUri": f"{self.path}/{self.id}"}
        return envelope | (self.answer or {"status": "Processing"})

    def finish(self) -> None:
        """Do the work; a refusal becomes the job's error, as Genesys reports it."""
        try:
            self.answer = {"status": "Complete"} | self.work()
        except ApiError as error:
            self.answer = {"status": "Error", "error": error.body(self.correlation_id)}


class JobStore:
    """Jobs in the order they were started."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._waiting: list[Job] = []

    def add(self, job: Job) -> None:
        """Take in a job that will be answered later."""
        self._jobs[job.id] = job
        self._waiting.append(job)

    def finish_due(self, now: float) -> None:
        """Finish every job whose time has come."""
        due = [job for job in self._waiting if job.ready_at <= now]
        self._waiting = [job for job in self._waiting if job.ready_at > now]
        for job in due:
            job.finish()

    def find(self, job_id: str, job_type: str, owner: str) -> Job:
        """Return a job; raises ApiError 404 unless this client started it and its POST answered 202."""
        job = self._jobs.get(job_id)
        if job is None or job.owner != owner or job.type != job_type:
            raise not_found(f"Job {job_id}")
        return job
