"""What every call goes through, in one order: request id, usage, log, errors, deadline, authentication, limits, validation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import protovalidate

from service.rpc.interceptors.access import Authentication, access_table, unlimited_methods
from service.rpc.interceptors.deadline import Deadline
from service.rpc.interceptors.errors import Errors
from service.rpc.interceptors.layers import Layer
from service.rpc.interceptors.log import Log, RpcMetrics
from service.rpc.interceptors.metering import metered_methods
from service.rpc.interceptors.request_id import RequestIds
from service.rpc.interceptors.usage import Limits, Usage
from service.rpc.interceptors.validation import Validation
from service.rpc.logger import Logger
from service.usecases.projects.authenticate import Authenticate
from service.usecases.usage.admit import Admit
from service.usecases.usage.record import RecordUsage


def layers(
    *, log: Logger, metrics: RpcMetrics, authenticate: Authenticate, admit: Admit, record: RecordUsage, deadline: timedelta
) -> Sequence[Layer]:
    """Return the layers, outermost first."""
    methods = metered_methods()
    return (
        RequestIds(),
        Usage(record, methods),
        Log(log, metrics),
        Errors(log),
        Deadline(deadline, unlimited_methods()),
        Authentication(authenticate, access_table()),
        Limits(admit, methods),
        Validation(protovalidate.Validator()),
    )
