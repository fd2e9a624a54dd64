"""Pages of a long list."""

from __future__ import annotations

import pytest

from appliance.operations.paging import DEFAULT_SIZE, MAX_SIZE, PageRequest
from flask_admin_ui.paging import Listing, read_page


def page(number: int, total: int, size: int = 20) -> Listing[int]:
    rows = range(min(size, max(0, total - (number - 1) * size)))
    return Listing(rows, total, number, size, "/calls", {"status": "missed", "number": ""})


def test_twenty_rows_by_default() -> None:
    assert read_page({}) == PageRequest(1, DEFAULT_SIZE)


def test_never_more_than_a_hundred() -> None:
    assert read_page({"size": "5000"}).size == MAX_SIZE


@pytest.mark.parametrize("text", ["", "0", "-1", "abc", "1e9", "9" * 50, "²", "1 OR 1=1"])
def test_a_number_that_is_none_means_the_first_page(text: str) -> None:
    assert read_page({"page": text}).number == 1


def test_says_which_rows_are_shown() -> None:
    second = page(2, 45)
    assert (second.first, second.last, second.pages) == (21, 40, 3)
    assert (page(3, 45).first, page(3, 45).last) == (41, 45)


def test_an_empty_list_has_one_empty_page() -> None:
    empty = page(1, 0)
    assert (empty.first, empty.last, empty.pages, empty.window) == (0, 0, 1, [1])


def test_far_pages_are_offered_with_gaps() -> None:
    assert page(10, 2000).window == [1, None, 9, 10, 11, None, 100]
    assert page(1, 40).window == [1, 2]


def test_the_address_keeps_the_filters_that_are_set() -> None:
    assert page(1, 45).address(2) == "/calls?status=missed&page=2"
    assert page(2, 45).address(1) == "/calls?status=missed"
