"""Every call has an id, the caller's own if it sent one."""

from __future__ import annotations

import re
from uuid import uuid4

from service.rpc.interceptors.layers import Call, Inner

REQUEST_ID = "x-request-id"
_PLAIN = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class RequestIds:
    """Names each call and sends the name back in the trailing metadata."""

    async def __call__(self, call: Call, inner: Inner) -> bytes:
        """Take the caller's id when it cannot forge a line of the log, else make one."""
        given = call.metadata.get(REQUEST_ID, "")
        call.request_id = given if _PLAIN.fullmatch(given) else uuid4().hex
        call.context.set_trailing_metadata(((REQUEST_ID, call.request_id),))
        return await inner(call)
