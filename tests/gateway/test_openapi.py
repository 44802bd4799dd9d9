"""The OpenAPI document says what the gateway does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from mneme.v1.users_service_pb2 import DESCRIPTOR

from gateway.transcode.methods import methods_of
from gateway.transcode.openapi import openapi_document
from gateway.wiring import CONTRACT

DOCUMENT = openapi_document(CONTRACT)
CONTEXT = DOCUMENT["paths"]["/api/v1/users/{user_id}/sessions/{session_id}/context"]["get"]


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield verb, path and entry of every operation."""
    for path, verbs in DOCUMENT["paths"].items():
        for verb, entry in verbs.items():
            yield verb.upper(), path, entry


def references(value: Any) -> Iterator[str]:
    """Yield every reference in *value*."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "$ref":
                yield each
            else:
                yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_every_route_is_in_it() -> None:
    """Each verb and path of the contract has an entry."""
    routes = {(binding.verb, binding.template.text) for method in methods_of(CONTRACT) for binding in method.bindings}

    assert routes == {(verb, path) for verb, path, _ in operations()}


def test_operation_ids_are_unique() -> None:
    """No two operations have one id, although some methods have two paths."""
    ids = [entry["operationId"] for _, _, entry in operations()]

    assert sorted(set(ids)) == sorted(ids)


def test_references_lead_somewhere() -> None:
    """Every reference names a schema that is there."""
    known = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}

    assert set() == set(references(DOCUMENT)) - known


def test_everything_is_described() -> None:
    """Operations, parameters and schemas carry the comments of the contract."""
    described = [entry for _, _, entry in operations()]
    described += [parameter for _, _, entry in operations() for parameter in entry["parameters"]]
    described += DOCUMENT["components"]["schemas"].values()

    assert [] == [entry for entry in described if not entry.get("description")]


@pytest.mark.parametrize(
    ("verb", "path", "status"), [("post", "/api/v1/users", "201"), ("delete", "/api/v1/users/{user_id}", "204")]
)
def test_success_status(verb: str, path: str, status: str) -> None:
    """The answer of an operation has the status that it is sent with."""
    assert status == next(iter(DOCUMENT["paths"][path][verb]["responses"]))


def test_parameters_of_inline_options() -> None:
    """The fields of inline messages are parameters, with the bounds of the contract."""
    schemas = {parameter["name"]: parameter["schema"] for parameter in CONTEXT["parameters"]}

    assert {"type": "integer", "format": "int32", "minimum": 5, "maximum": 50} == schemas["min_top_k"]
    assert ["low_latency", "balanced", "agentic", "auto"] == schemas["recall_strategy"]["enum"]


def test_two_methods_on_one_path() -> None:
    """Where a parameter chooses between an answer and a stream, the entry has the parameter and both content types."""
    assert ["application/json", "text/event-stream"] == sorted(CONTEXT["responses"]["200"]["content"])
    assert "stream" in [parameter["name"] for parameter in CONTEXT["parameters"]]


def test_aliases_are_in_it() -> None:
    """A user is shown with both names of its id, and can be created under either."""
    schemas = DOCUMENT["components"]["schemas"]

    assert {"user_id", "custom_user_id"} <= set(schemas["User"]["properties"])
    assert {"user_id", "custom_user_id"} <= set(schemas["CreateUserRequestInput"]["properties"])


def test_path_fields_are_not_in_the_body() -> None:
    """What stands in the path is no property of the body."""
    assert "user_id" not in DOCUMENT["components"]["schemas"]["UpdateUserRequestInput"]["properties"]


def test_absent_values_may_be_null() -> None:
    """A field that can be absent allows null; one that cannot does not."""
    properties = DOCUMENT["components"]["schemas"]["Memory"]["properties"]

    assert (["string", "null"], "string") == (properties["expired_at"]["type"], properties["content"]["type"])


def test_comments_are_those_of_the_contract() -> None:
    """Generated code holds no comments; the document has them all the same."""
    text = DOCUMENT["paths"]["/api/v1/users"]["post"]["description"]

    assert re.match(r"CreateUser adds a user\.", text)
    assert DESCRIPTOR.services_by_name["UsersService"].methods_by_name["CreateUser"].name in text


def test_a_list_may_stand_for_the_message_that_holds_it() -> None:
    """The schema of such a field allows the object and the array."""
    request = DOCUMENT["components"]["schemas"]["ResolveConflictRequestInput"]["properties"]

    for name in ("answers", "question_answers"):
        as_object, as_list = request[name]["anyOf"]
        assert ("#/components/schemas/ConflictAnswersInput", "array") == (as_object["$ref"], as_list["type"])


def test_errors_have_the_shape_of_their_surface() -> None:
    """A route of another API tells that API's errors."""
    paths = openapi_document(CONTRACT)["paths"]
    shapes = [
        paths[path]["post"]["responses"]["401"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for path in ("/v1/ingest", "/api/v1/users")
    ]
    assert ["ClaivError", "Error"] == shapes
