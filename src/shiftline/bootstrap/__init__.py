"""The only place that builds objects: settings in, a running worker out."""

from shiftline.bootstrap.policies import (
    decision_policy,
    genesys_settings,
    list_policy,
    publish_windows,
    qualification_policy,
    roster_addresses,
    trunk_key,
    trunk_serving,
    trunk_tls,
)
from shiftline.bootstrap.trunk import OpenTrunk, new_token, open_trunk
from shiftline.bootstrap.trunk_plan import TrunkPlan, plan_trunk, resolve_trunk
from shiftline.bootstrap.worker import (
    ADHERENCE_CALLS_PER_MINUTE,
    BUDGET_SECONDS,
    WorkerPlan,
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
    "TrunkPlan",
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
    "plan_trunk",
    "plan_worker",
    "publish_windows",
    "qualification_policy",
    "resolve_trunk",
    "roster_addresses",
    "sign_in",
    "trunk_key",
    "trunk_serving",
    "trunk_tls",
]
