"""The only place that builds objects: settings in, a running worker out."""

from shiftline.bootstrap.policies import (
    decision_policy,
    genesys_settings,
    list_policy,
    publish_windows,
    qualification_policy,
    roster_addresses,
    trunk_key,
    trunk_tls,
)
from shiftline.bootstrap.trunk import OpenTrunk, WorkerPlan, new_token, open_trunk, resolve_trunk
from shiftline.bootstrap.worker import (
    ADHERENCE_CALLS_PER_MINUTE,
    BUDGET_SECONDS,
    open_store,
    open_wfm,
    open_worker,
    open_worker_on,
    plan_worker,
    sign_in,
)

__all__ = [
    "ADHERENCE_CALLS_PER_MINUTE",
    "BUDGET_SECONDS",
    "OpenTrunk",
    "WorkerPlan",
    "decision_policy",
    "genesys_settings",
    "list_policy",
    "new_token",
    "open_store",
    "open_trunk",
    "open_wfm",
    "open_worker",
    "open_worker_on",
    "plan_worker",
    "publish_windows",
    "qualification_policy",
    "resolve_trunk",
    "roster_addresses",
    "sign_in",
    "trunk_key",
    "trunk_tls",
]
