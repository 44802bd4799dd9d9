"""Settings of a project as JSON, spelled as the REST API spells them."""

from __future__ import annotations

import json

import protovalidate
from google.protobuf.json_format import MessageToDict, Parse, ParseError
from mneme.v1 import project_pb2

from service.domain.errors import InvalidRequest
from service.domain.projects import Project, ProjectSettings
from service.domain.values import JsonObject
from service.rpc.interceptors.validation import check_message
from service.rpc.mapping.projects import from_settings, to_project


def project_document(project: Project) -> JsonObject:
    """Return a project as a JSON object."""
    document: JsonObject = MessageToDict(
        to_project(project), preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return document


def settings_of_json(text: str) -> ProjectSettings:
    """Return the settings in a JSON text; what it leaves out is the default. Raises InvalidRequest."""
    try:
        message = Parse(text, project_pb2.ProjectSettings())
    except (ParseError, json.JSONDecodeError) as error:
        raise InvalidRequest(f"settings: {error}") from error
    check_message(protovalidate.Validator(), message)
    return from_settings(message)
