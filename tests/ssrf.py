"""URLs that try to lead a request where it must not go: the corpus for everything here that calls out."""

from __future__ import annotations

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

LOOPBACK_LITERALS = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "127.0.0.1.",
    "0",
    "0.0.0.0",  # noqa: S104 - not bound: refused
    "localhost",
    "localhost.",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1%25eth0]",
    "169.254.169.254",
    "[fd00:ec2::254]",
    "metadata.google.internal",
    "10.0.0.1",
    "100.64.0.1",
    "192.168.1.1",
]
ELSEWHERE = ["evil.example", "api.openai.com.evil.example", "api.openai.com:80", "api.openai.com:8443"]
"""Public servers, only not those that the forward proxy allows."""
ODD_HOSTS = [
    "evil.example%2fapi.openai.com",
    "api.openai.com%2f@evil.example",
    "api.openai.com%2F..%2Fevil.example",
    "api.openai.com%23@evil.example",
    "api.openai.com%3f@evil.example",
    "user@api.openai.com",
    "user:password@api.openai.com",
    "api.openai.com@evil.example",
    "evil.example%40api.openai.com",
    "api.openai.com:443:443",
    "api.openai.com:",
    "api.openai.com.",
    "api.openai.com%00",
    "api%2eopenai.com",
    "api.open%09ai.com",
    "api.openai.com%0d%0aHost:%20evil.example",
    "api.openai.com\\@evil.example",
    "%E2%91%A0%E2%91%A1%E2%91%A6.0.0.1",
    "api.openai.%E2%93%92om",
    "",
    "*",
]
ODD_SCHEMES = [
    "http://api.openai.com",
    "ftp://api.openai.com",
    "file:///etc/passwd",
    "gopher://api.openai.com",
    "//api.openai.com",
    "api.openai.com",
    "https:api.openai.com",
    "https:\\\\api.openai.com",
    "https:///api.openai.com",
    " https://api.openai.com",
    "javascript:https://api.openai.com",
]
FORBIDDEN = (
    [f"https://{host}" for host in LOOPBACK_LITERALS + ODD_HOSTS] + [f"http://{host}" for host in LOOPBACK_LITERALS] + ODD_SCHEMES
)
"""What no request may go to."""
CORPUS = FORBIDDEN + [f"https://{host}" for host in ELSEWHERE]
NOT_PUBLIC = [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "192.0.0.192",
        "0.0.0.0",  # noqa: S104 - refused
        "224.0.0.1", "255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%1", "fd00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001:db8::1", "2001::1",
    ]  # fmt: skip
"""Addresses that no public server has."""


class Rebinding(AbstractResolver):
    """Answers with a public address first, and then with what it is told."""

    def __init__(self, *answers: list[str]) -> None:
        """Keep the answers, the first one first."""
        self.answers = list(answers)

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """Return the next answer."""
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self.answers.pop(0)
        ]

    async def close(self) -> None:
        """Do nothing."""
