"""
The text of API keys.

A minted key is `rai_<key id>_<secret><checksum>`: 10 characters of the id, 43 of the secret (32 random bytes, base64url) and 6 of
the CRC32 of all before it, base62. The prefix lets scanners find leaked keys, the checksum refuses typing errors without a look
into the store. An operator may choose any other text; the id of such a key is a keyed hash of its text, because the id is public
and a plain hash of a weak text could be guessed from it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
import string
from functools import cache

from service.domain.ids import KeyId

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID_LENGTH = 10
_CHECKSUM_LENGTH = 6
_MINTED = re.compile(rf"rai_(?P<key_id>[0-9A-Za-z]{{{_ID_LENGTH}}})_[0-9A-Za-z_-]{{43}}(?P<checksum>[0-9A-Za-z]{{6}})")


def mint_key() -> str:
    """Return the text of a new random key."""
    key_id = "".join(secrets.choice(_DIGITS) for _ in range(_ID_LENGTH))
    secret = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    body = f"rai_{key_id}_{secret}"
    return body + _checksum(body)


def key_id_of(text: str, *, pepper: bytes) -> KeyId:
    """Return the public id of the key with this *text*."""
    minted = _MINTED.fullmatch(text)
    if minted and minted["checksum"] == _checksum(text[:-_CHECKSUM_LENGTH]):
        return KeyId(minted["key_id"])
    return KeyId("op-" + _keyed_hash(pepper, b"id", text).hex()[:16])


def digest_of(text: str, *, pepper: bytes) -> bytes:
    """Return what is kept of a key: its HMAC-SHA256 under the *pepper*, 32 bytes."""
    # a fast hash will do: there is no guessing 256 random bits
    return _keyed_hash(pepper, b"key", text)


def _keyed_hash(pepper: bytes, purpose: bytes, text: str) -> bytes:
    hashed = _keyed(pepper).copy()
    hashed.update(purpose + b"\0" + text.encode())
    return hashed.digest()


@cache
def _keyed(pepper: bytes) -> hmac.HMAC:
    """Return a hash that has taken in the *pepper*: to look for the algorithm takes longer than to run it."""
    return hmac.new(pepper, digestmod="sha256")


def _checksum(body: str) -> str:
    """Return the CRC32 of *body*, six base62 digits."""
    number = binascii.crc32(body.encode())
    digits = ""
    for _ in range(_CHECKSUM_LENGTH):
        number, place = divmod(number, len(_DIGITS))
        digits = _DIGITS[place] + digits
    return digits
