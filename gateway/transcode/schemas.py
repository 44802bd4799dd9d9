"""JSON Schema for messages, as the codec reads and writes them; the component schemas of the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from gateway.transcode.options import accepted_list_field, bare_list_field, enum_spellings, field_options, is_map, message_of

Schema = dict[str, Any]

_WELL_KNOWN: Mapping[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string"},
    "google.protobuf.FieldMask": {"type": "string"},
    "google.protobuf.Struct": {"type": "object", "additionalProperties": True},
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array", "items": {}},
}
_SCALARS: Mapping[int, Schema] = {
    FieldDescriptor.CPPTYPE_STRING: {"type": "string"},
    FieldDescriptor.CPPTYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.CPPTYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.CPPTYPE_FLOAT: {"type": "number", "format": "float"},
    FieldDescriptor.CPPTYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.CPPTYPE_UINT32: {"type": "integer", "minimum": 0},
    FieldDescriptor.CPPTYPE_INT64: {"type": "integer", "format": "int64"},
    FieldDescriptor.CPPTYPE_UINT64: {"type": "integer", "minimum": 0},
}
_NUMERIC_BOUNDS = {"gte": "minimum", "lte": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}
_STRING_BOUNDS = {"min_len": "minLength", "max_len": "maxLength", "pattern": "pattern"}
_LIST_BOUNDS = {"min_items": "minItems", "max_items": "maxItems"}


class Schemas:
    """
    Collects the schemas of the messages that are asked for, and of those that they hold.

    Requests and responses are different things: a response field is always there, an absent one as null.
    """

    def __init__(self, comments: Mapping[str, str]) -> None:
        """Describe things with their *comments*, by full name."""
        self._comments = comments
        self.components: dict[str, Schema] = {}

    def response(self, message: Descriptor) -> Schema:
        """Return the schema of a *message* as it is written."""
        return self._message(message, message.name, self._response_properties)

    def request(self, message: Descriptor, without: Collection[str]) -> Schema:
        """Return the schema of a *message* as it is read, all but the top-level fields named in *without*."""
        return self._message(message, f"{message.name}Input", lambda each: self._request_properties(each, without))

    def parameter(self, field: FieldDescriptor) -> Schema:
        """Return the schema of a *field* in a path or a query."""
        return (
            {"type": "string", "contentMediaType": "application/json"} if field_options(field).json_text else self._value(field)
        )

    def field(self, field: FieldDescriptor) -> Schema:
        """Return the schema of a *field* of a response."""
        return self._value(field)

    def describe(self, full_name: str) -> str:
        """Return the comment of a thing; nothing when it has none."""
        return self._comments.get(full_name, "")

    def _message(self, message: Descriptor, name: str, properties: Callable[[Descriptor], Schema]) -> Schema:
        """Return a reference to the component called *name*, after making it when it is new."""
        if name not in self.components:
            # a message may hold itself: the name is taken before its fields are looked at
            schema = self.components[name] = {"type": "object"}
            schema.update(description=self.describe(message.full_name), properties=properties(message))
        return {"$ref": f"#/components/schemas/{name}"}

    def _response_properties(self, message: Descriptor) -> Schema:
        properties: Schema = {}
        for field in message.fields:
            if field_options(field).inline:
                properties.update(self._response_properties(message_of(field)))
                continue
            schema = self._nullable(field, self._described(field, self._value(field)))
            for name in (field.name, *field_options(field).also_emitted_as):
                properties[name] = schema
        return properties

    def _request_properties(self, message: Descriptor, without: Collection[str]) -> Schema:
        properties: Schema = {}
        for field in message.fields:
            if field.name in without:
                continue
            if field_options(field).inline:
                properties.update(self._request_properties(message_of(field), ()))
                continue
            properties[field.name] = self._described(field, self._value(field, self.request_value))
            for name in field_options(field).aliases:
                properties[name] = {**properties[field.name], "description": f"Another name of `{field.name}`."}
        return properties

    def request_value(self, message: Descriptor) -> Schema:
        """Return the schema of a *message* inside a request."""
        schema, listed = self.request(message, ()), accepted_list_field(message)
        return {"anyOf": [schema, self._value(listed, self.request_value)]} if listed is not None else schema

    def _value(self, field: FieldDescriptor, of_message: Callable[[Descriptor], Schema] | None = None) -> Schema:
        """Return the schema of the value of *field*, bounds included."""
        of_message = of_message or self.response
        rules = field.GetOptions().Extensions[validate_pb2.field]
        if is_map(field):
            return {"type": "object", "additionalProperties": self._value(message_of(field).fields_by_name["value"], of_message)}
        if field.is_repeated:
            items = self._single(field, rules.repeated.items, of_message)
            return {"type": "array", "items": items, **_bounds(rules.repeated, _LIST_BOUNDS)}
        return self._single(field, rules, of_message)

    def _single(
        self, field: FieldDescriptor, rules: validate_pb2.FieldRules, of_message: Callable[[Descriptor], Schema]
    ) -> Schema:
        """Return the schema of one value of *field* under its *rules*."""
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        if field.message_type is not None:
            known = _WELL_KNOWN.get(field.message_type.full_name)
            if known is not None:
                return dict(known)
            bare = bare_list_field(field.message_type)
            return self._value(bare, of_message) if bare is not None else of_message(field.message_type)
        if field_options(field).raw:
            return {}
        if field.type == field.TYPE_BYTES:
            return {"type": "string", "contentEncoding": "base64"}
        schema = dict(_SCALARS[field.cpp_type])
        kind = rules.WhichOneof("type")
        if kind == "string":
            schema.update(_bounds(rules.string, _STRING_BOUNDS))
        elif kind is not None:
            schema.update(_bounds(getattr(rules, kind), _NUMERIC_BOUNDS))
        return schema

    def _enum(self, enum: EnumDescriptor) -> Schema:
        """Return the schema of an *enum*: the words that are written, and what each means."""
        spellings = enum_spellings(enum)
        scope = enum.full_name.rpartition(".")[0]
        meanings = [
            f"`{spellings[v.number]}`: {self.describe(f'{scope}.{v.name}')}" for v in enum.values if v.number in spellings
        ]
        return {"type": "string", "enum": list(spellings.values()), "description": "\n".join(meanings)}

    def _described(self, field: FieldDescriptor, schema: Schema) -> Schema:
        """Return *schema* with the comment of *field* before what it says itself."""
        text = "\n\n".join(filter(None, [self.describe(field.full_name), schema.get("description", "")]))
        return {**schema, "description": text} if text else schema

    @staticmethod
    def _nullable(field: FieldDescriptor, schema: Schema) -> Schema:
        """Return *schema*, allowing the null of an absent *field*."""
        absent = field.has_presence or (field.enum_type is not None and not field.is_repeated)
        if not absent or field_options(field).omit_absent:
            return schema
        description = {"description": schema["description"]} if "description" in schema else {}
        bare = {key: value for key, value in schema.items() if key != "description"}
        if set(bare) <= {"type", "format"} and "type" in bare:
            return {**bare, "type": [bare["type"], "null"], **description}
        return {"anyOf": [bare, {"type": "null"}], **description}


def _bounds(rules: Any, names: Mapping[str, str]) -> Schema:
    """Return the bounds that *rules* set, under their names in JSON Schema."""
    known = rules.DESCRIPTOR.fields_by_name
    return {schema_name: getattr(rules, name) for name, schema_name in names.items() if name in known and rules.HasField(name)}
