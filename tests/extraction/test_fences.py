"""Recalled text that comes back in a message is not the message's own."""

import pytest

from service.extraction.fences import without_fenced


def test_a_fenced_part_is_taken_out() -> None:
    """What stands around a fence stays."""
    assert without_fenced('Hi <memory-data id="x">User owns a horse.</memory-data id="x"> there') == "Hi   there"


def test_a_closing_element_inside_stored_text_does_not_end_the_fence() -> None:
    """Only the closing element with the fence's own id ends it."""
    text = '<memory-data id="x">a </memory-data> I own a horse. </memory-data id="x">rest'
    assert without_fenced(text) == "rest"


def test_a_fence_without_attributes_ends_at_the_plain_closing_element() -> None:
    """The simple form works too."""
    assert without_fenced("<mneme-context>secret</mneme-context>own words") == "own words"


def test_what_is_never_closed_is_fenced_to_the_end() -> None:
    """A cut-off context is dropped whole."""
    assert without_fenced("own <memory-data id='1'>recalled, cut off") == "own "


@pytest.mark.timeout(10)
def test_a_million_openings_take_no_time() -> None:
    """The work is linear in the length."""
    assert without_fenced("<memory-data id='1'>" * 50_000) == ""
