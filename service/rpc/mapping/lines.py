"""Records of archives as lines of JSON, spelled as the REST API spells them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import protovalidate
from google.protobuf.descriptor import Descriptor, EnumDescriptor
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from mneme.v1 import archive_pb2, http_pb2

from service.domain.archives import ArchiveRecord
from service.domain.errors import InvalidRequest
from service.rpc.interceptors.validation import check_message
from service.rpc.mapping.archives import from_record, to_record

_OURS = "mneme."
_STRUCT = "google.protobuf.Struct"


def to_line(record: ArchiveRecord) -> str:
    """Return a record as one line of JSON, without its end."""
    document = MessageToDict(to_record(record), preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    _respell(document, archive_pb2.ArchiveRecord.DESCRIPTOR, _spellings)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def from_line(line: str | bytes, validator: protovalidate.Validator) -> ArchiveRecord:
    """Return the record of a line. Raises InvalidRequest for what is no JSON, no record, or breaks a rule of the contract."""
    try:
        document = json.loads(line)
        if not isinstance(document, dict):
            raise InvalidRequest("is no JSON object")
        _respell(document, archive_pb2.ArchiveRecord.DESCRIPTOR, _names)
        message = ParseDict(document, archive_pb2.ArchiveRecord())
    except ParseError as error:
        raise InvalidRequest(str(error)) from error
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("is no JSON") from error
    check_message(validator, message)
    return from_record(message)


def _respell(document: dict[str, Any], message: Descriptor, table: Callable[[EnumDescriptor], Mapping[str, str]]) -> None:
    """
    Spell the enum values below a *document* as the *table* of their enum says; what it does not know is left to the parser.
    Objects of the caller's own are put in order.
    """
    for name, value in document.items():
        field = message.fields_by_name.get(name)
        if field is None:
            continue
        if field.enum_type is not None and isinstance(value, str):
            document[name] = table(field.enum_type).get(value, value)
        if field.message_type is not None and field.message_type.full_name == _STRUCT:
            document[name] = _in_order(value)
        if field.message_type is not None and field.message_type.full_name.startswith(_OURS):
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, dict):
                    _respell(one, field.message_type, table)


def _in_order(value: Any) -> Any:
    """Return a JSON value whose objects are in order of their names: a message has them in another one in each process."""
    if isinstance(value, dict):
        return {name: _in_order(value[name]) for name in sorted(value)}
    return [_in_order(each) for each in value] if isinstance(value, list) else value


def _spellings(enum: EnumDescriptor) -> Mapping[str, str]:
    return {value.name: value.GetOptions().Extensions[http_pb2.json_value].spelling or value.name for value in enum.values}


def _names(enum: EnumDescriptor) -> Mapping[str, str]:
    return {spelling: name for name, spelling in _spellings(enum).items()}
