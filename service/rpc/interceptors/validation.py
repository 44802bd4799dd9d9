"""The rules that the contract states are checked before anything is done."""

from __future__ import annotations

from collections.abc import AsyncIterator

import protovalidate
from google.protobuf.message import Message

from service.domain.errors import InvalidRequest, Violation
from service.rpc.interceptors.layers import Call, Inner

REQUIRED = "is required"
"""What is said of a field that must be there and is not."""


class Validation:
    """Refuses requests that break a rule of the contract."""

    def __init__(self, validator: protovalidate.Validator) -> None:
        """Keep the validator, which compiles the rules of each message once."""
        self._validator = validator

    async def __call__(self, call: Call, inner: Inner) -> bytes:
        """Raise InvalidRequest with every broken rule; of a stream, when the request that breaks them is read."""
        if call.request is not None:
            check_message(self._validator, call.request)
        if call.requests is not None:
            call.requests = self._checked(call.requests)
        return await inner(call)

    async def _checked(self, requests: AsyncIterator[Message]) -> AsyncIterator[Message]:
        """Yield the requests of a stream. Raises InvalidRequest that says which one is wrong, counted from 1."""
        number = 0
        async for request in requests:
            number += 1
            try:
                check_message(self._validator, request)
            except InvalidRequest as error:
                raise InvalidRequest(f"record {number}: {error.message}", error.violations, record=str(number)) from error
            yield request


def check_message(validator: protovalidate.Validator, message: Message) -> None:
    """Raise InvalidRequest with every rule of the contract that a message breaks."""
    if broken := validator.collect_violations(message):
        violations = [_violation(violation) for violation in broken]
        first = violations[0]
        raise InvalidRequest(f"{first.field}: {first.description}", violations)


def _violation(broken: protovalidate.Violation) -> Violation:
    path = broken.proto.field
    field = "".join(map(_element, path.elements)).removeprefix(".") if path is not None else ""
    if _is_absent(broken):
        return Violation(field=field, description=REQUIRED, missing=True)
    return Violation(field=field, description=broken.proto.message)


def _is_absent(broken: protovalidate.Violation) -> bool:
    """Return whether the field was left out: what proto3 cannot tell from absent, "" and enum value 0, counts as absent."""
    rule = broken.proto.rule_id
    return rule == "required" or (rule in {"string.min_len", "enum.not_in", "repeated.min_items"} and not broken.field_value)


def _element(element: protovalidate.FieldPathElementPb) -> str:
    """Return one step of a field's path, such as `.messages[2]`."""
    subscript = element.subscript
    return f".{element.field_name}" if subscript is None else f".{element.field_name}[{subscript.value}]"
