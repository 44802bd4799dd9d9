"""The OpenAPI 3.1 document of the contract, from the same descriptors that serve it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor, FileDescriptor
from mneme.v1.http_pb2 import ErrorStyle, StreamFormat

from gateway.transcode.binding import WHOLE
from gateway.transcode.comments import contract_comments
from gateway.transcode.methods import Binding, Method, methods_of
from gateway.transcode.options import field_options
from gateway.transcode.query import Parameter, parameters_of
from gateway.transcode.schemas import Schema, Schemas

NO_CONTENT = 204

_STREAM_TYPES = {
    StreamFormat.STREAM_FORMAT_SSE: "text/event-stream",
    StreamFormat.STREAM_FORMAT_NDJSON: "application/x-ndjson",
}
_ERRORS = {
    "401": "No credential, or one that is not good.",
    "404": "There is no such thing, or it is another project's.",
    "422": "The request breaks a rule; `detail` lists each violation with its place.",
    "429": "Too many requests; see Retry-After.",
    "503": "A store or the service is unavailable; nothing was changed.",
}
_ERROR_SCHEMA: Schema = {
    "type": "object",
    "description": "Every error.",
    "properties": {
        "detail": {
            "description": "A text; for 422 a list of violations; for unknown categories an object.",
            "anyOf": [
                {"type": "string"},
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["loc", "msg", "type"],
                        "properties": {
                            "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
                            "msg": {"type": "string"},
                            "type": {"type": "string"},
                            "input": {},
                        },
                    },
                },
                {
                    "type": "object",
                    "properties": {
                        "message": {"type": "string"},
                        "invalid_categories": {"type": "array", "items": {"type": "string"}},
                    },
                },
            ],
        }
    },
    "required": ["detail"],
}


_CLAIV_ERROR_SCHEMA: Schema = {
    "type": "object",
    "description": "Every error of the Claiv API.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "request_id"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "request_id": {"type": "string"},
                "details": {"description": "For 400 and 422 a list of fields; for 429 what to wait for."},
            },
        }
    },
}
_RECONIFY_ERROR_SCHEMA: Schema = {
    "type": "object",
    "description": "Every error of the Reconify API.",
    "required": ["status", "message"],
    "properties": {"status": {"const": "error"}, "message": {"type": "string"}},
}
_ERROR_NAMES: Mapping[ErrorStyle.ValueType, str] = {
    ErrorStyle.ERROR_STYLE_DETAIL: "Error",
    ErrorStyle.ERROR_STYLE_CLAIV: "ClaivError",
    ErrorStyle.ERROR_STYLE_RECONIFY: "ReconifyError",
}


def openapi_document(files: Iterable[FileDescriptor]) -> dict[str, Any]:
    """Return the document of every method in *files* that has an HTTP rule. Two methods on one verb and path become one entry."""
    schemas = Schemas(contract_comments())
    schemas.components |= {"Error": _ERROR_SCHEMA, "ClaivError": _CLAIV_ERROR_SCHEMA, "ReconifyError": _RECONIFY_ERROR_SCHEMA}
    paths: dict[str, dict[str, Schema]] = {}
    tags: dict[str, str] = {}
    # the method that answers by default comes first, so that the others are added to it
    for method in sorted(methods_of(files), key=lambda method: bool(method.selected_by)):
        service = method.path.split("/")[1]
        tags.setdefault(service.rpartition(".")[2], schemas.describe(service))
        for binding in method.bindings:
            verbs = paths.setdefault(binding.template.text, {})
            operation = _operation(method, binding, schemas)
            known = verbs.get(binding.verb.lower())
            verbs[binding.verb.lower()] = operation if known is None else _merged(known, operation, method.selected_by)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Mneme", "version": "1", "summary": "Memory for applications built on large language models."},
        "tags": [{"name": name, "description": text} for name, text in tags.items()],
        "paths": paths,
        "components": {"schemas": schemas.components, "securitySchemes": _SECURITY},
        "security": [{"apiKey": [], "projectId": []}, {"bearer": []}],
    }


_SECURITY: dict[str, Schema] = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-Recallr-Api-Key"},
    "projectId": {"type": "apiKey", "in": "header", "name": "X-Recallr-Project-Id"},
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key alone; the project is the key's own."},
}


def _operation(method: Method, binding: Binding, schemas: Schemas) -> Schema:
    """Return the entry of one *binding* of a *method*."""
    service, _, name = method.path.removeprefix("/").rpartition("/")
    description = schemas.describe(method.descriptor.full_name)
    operation: Schema = {
        "operationId": name if binding is method.bindings[0] else f"{name}_{binding.template.text.strip('/').replace('/', '_')}",
        "tags": [service.rpartition(".")[2]],
        "summary": description.split(". ")[0].rstrip("."),
        "description": description,
        "parameters": _parameters(method, binding, schemas),
        "responses": _responses(method, binding, schemas),
    }
    if binding.body == WHOLE:
        in_path = {variable.field for variable in binding.template.variables}
        schema = schemas.request(method.input, in_path)
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    elif binding.body:
        schema = schemas.parameter(method.input.fields_by_name[binding.body])
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return operation


def _parameters(method: Method, binding: Binding, schemas: Schemas) -> list[Schema]:
    """Return the path, query and header parameters of a *binding*."""
    in_path = [variable.field for variable in binding.template.variables]
    found = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": schemas.describe(f"{method.input.full_name}.{name}"),
            "schema": {"type": "string"},
        }
        for name in in_path
    ]
    if binding.body != WHOLE:
        found += [_query(parameter, schemas) for parameter in parameters_of(method.input, {*in_path, binding.body})]
    if method.selected_by:
        found.append(_selector(method.selected_by))
    return found + [_header(field, schemas) for field in method.input.fields if field_options(field).header]


def _query(parameter: Parameter, schemas: Schemas) -> Schema:
    """Return one query parameter."""
    entry = {
        "name": parameter.names[-1],
        "in": "query",
        "description": schemas.describe(parameter.field.full_name),
        "schema": schemas.parameter(parameter.field),
    }
    return entry | {"style": "form", "explode": True} if parameter.field.is_repeated else entry


def _selector(name: str) -> Schema:
    """Return the query parameter that chooses a method."""
    text = "Whether to answer with a stream of events."
    return {"name": name, "in": "query", "description": text, "schema": {"type": "boolean", "default": False}}


def _header(field: FieldDescriptor, schemas: Schemas) -> Schema:
    """Return the request header that fills *field*."""
    name, text = field_options(field).header, schemas.describe(field.full_name)
    return {"name": name, "in": "header", "description": text, "schema": schemas.parameter(field)}


def _responses(method: Method, binding: Binding, schemas: Schemas) -> Schema:
    """Return the answers of a *binding*: its success and the errors that any method can have."""
    error = {"application/json": {"schema": {"$ref": f"#/components/schemas/{_ERROR_NAMES[method.error_style]}"}}}
    responses: Schema = {status: {"description": text, "content": error} for status, text in _ERRORS.items()}
    if method.success_status == NO_CONTENT:
        return {str(NO_CONTENT): {"description": "Done."}, **responses}
    if binding.response_body:
        schema = schemas.field(method.output.fields_by_name[binding.response_body])
    else:
        schema = schemas.response(method.output)
    content_type = _STREAM_TYPES[method.stream_format] if method.streams else "application/json"
    description = schemas.describe(method.output.full_name)
    return {str(method.success_status): {"description": description, "content": {content_type: {"schema": schema}}}, **responses}


def _merged(default: Schema, selected: Schema, selector: str) -> Schema:
    """Return the entry of two methods that a query parameter tells apart: the default one with the other's answer added."""
    merged = dict(default)
    merged["description"] = f"{default['description']}\n\nWith `{selector}=true`: {selected['description']}"
    merged["parameters"] = [*default["parameters"], _selector(selector)]
    responses = {status: dict(answer) for status, answer in default["responses"].items()}
    for status, answer in selected["responses"].items():
        known = responses.setdefault(status, answer)
        if "content" in answer:
            known["content"] = {**known.get("content", {}), **answer["content"]}
    merged["responses"] = responses
    return merged
