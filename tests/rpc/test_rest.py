"""Bodies of webhooks spell messages as the REST API does."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given, settings
from hypothesis import strategies as st
from mneme.v1 import conflict_pb2, session_pb2

from gateway.transcode.encoding import Encoder
from service.rpc.mapping.rest import rest_value
from tests.gateway.test_oracle import messages


@pytest.mark.parametrize("kind", [conflict_pb2.Conflict, session_pb2.Session], ids=["conflict", "session"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_message_is_spelled_as_the_gateway_does(kind: Any, data: st.DataObject) -> None:
    """Whatever it holds."""
    descriptor: Descriptor = kind.DESCRIPTOR
    message = data.draw(messages(descriptor))
    assert orjson.loads(orjson.dumps(Encoder().message(descriptor)(message))) == orjson.loads(orjson.dumps(rest_value(message)))
    assert isinstance(message, GetMessageClass(descriptor))
