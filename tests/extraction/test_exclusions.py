"""What a project excludes by name."""

from __future__ import annotations

import pytest

from service.domain.ports.models import Embedder
from service.domain.projects import DEFAULT_CATEGORIES, Guidance
from service.extraction.embedded import EmbeddedExtractor
from tests.extraction.conftest import Session

SAID = ("I adopted a dog named Rex.", "My salary is 90000 euros a year.", "I program in C++ at work.")


async def contents(embedder: Embedder, session: Session, guidance: Guidance) -> str:
    """Return every memory and the summary of a session."""
    extraction = await EmbeddedExtractor(embedder).extract(session(*SAID), DEFAULT_CATEGORIES, guidance)
    return "\n".join([*(candidate.content for candidate in extraction.candidates), extraction.summary])


@pytest.mark.asyncio(loop_scope="module")
async def test_everything_is_kept_when_nothing_is_excluded(embedder: Embedder, session: Session) -> None:
    """The statements that the other tests exclude are there."""
    text = await contents(embedder, session, Guidance())
    assert [True, True, True] == [word in text for word in ("Rex", "salary", "C++")]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("keyword", ["SALARY", "90000  euros"])
async def test_a_keyword_excludes_in_any_case(embedder: Embedder, session: Session, keyword: str) -> None:
    """From the memories and from the summary, and with any white space in it."""
    text = await contents(embedder, session, Guidance(excluded_keywords=(keyword,)))
    assert [True, False] == [word in text for word in ("Rex", "salary")]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_keyword_is_no_part_of_a_word(embedder: Embedder, session: Session) -> None:
    """`salar` excludes no salary; a keyword may end with a sign."""
    text = await contents(embedder, session, Guidance(excluded_keywords=("salar", "c++")))
    assert [True, False] == [word in text for word in ("salary", "C++")]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_category_excludes_what_it_is_the_first_of(embedder: Embedder, session: Session) -> None:
    """And nothing else."""
    text = await contents(embedder, session, Guidance(excluded_categories=("possessions_and_finances",)))
    assert [True, False] == [word in text for word in ("Rex", "salary")]
