"""Numbers and names, replaced by the same word wherever they stand: `number-3` is one number in the whole bundle.

What is masked: what stands in fields of numbers and names; the user part of every SIP URI and the name before it; and
each number, user name and name that this system knows, wherever it stands as a word. A star code belongs to a service
and stays.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Protocol

WORD = re.compile(r"\w+")
# Patterns as text: `re` compiles them when first used. Each command imports this, and few make a bundle.
URI_USER = r"(?i)(?P<scheme>\b(?:sips?:|tel:)|\bsips?%3a)(?P<user>[^\s@;<>\"]{1,200})(?P<end>@|%40|(?=[;>\s]|\Z))"
QUOTED_NAME = r'(?i)"(?P<name>(?:[^"\\]|\\.){1,200})"(?P<end>\s*<(?:sips?|tel):)'
BARE_NAME = r"(?im)(?P<start>^[\w-]+:[ \t]*|,[ \t]*)(?P<name>[^\s\"<>,:][^\"<>,:]{0,200}?)(?P<end>\s*<(?:sips?|tel):)"
USERNAME = r'(?i)(?P<start>\busername\s*=\s*")(?P<name>[^"]{1,200})(?P<end>")'
ORIGIN = r"(?m)(?P<start>^o=)(?P<name>[^\s-]\S*)(?P<end>\s)"
"""RFC 8866 §5.2."""
SUBJECT = r"(?m)(?P<start>^[iep]=|^[ \t]*s=)(?P<name>[^\r\n-][^\r\n]*)(?P<end>$)"
MASKED = re.compile(r"(?:number|name)-\d+\Z")
"""None is masked again."""
CODE = re.compile(r"\*\d{1,6}#?\Z")
HOST = r"(?i)\[?[0-9a-f.:]+\]?(?::\d+)?\Z|[\w-]+(?:\.[\w-]+)+(?::\d+)?\Z|localhost(?::\d+)?\Z"


class Mask(Protocol):
    """What becomes of numbers and names."""

    def number(self, value: str) -> str:
        """A number, or the user name of a device."""

    def name(self, value: str) -> str:
        """What somebody is called."""

    def text(self, text: str) -> str:
        """Whatever a program says."""

    def message(self, text: str) -> str:
        """A SIP message: its digits are mostly no numbers of phones."""


class NoMask:
    """They stay as they are."""

    def number(self, value: str) -> str:
        return value

    def name(self, value: str) -> str:
        return value

    def text(self, text: str) -> str:
        return text

    def message(self, text: str) -> str:
        return text


class Pseudonyms:
    """Implements `Mask`. `numbers` and `names` are those that the system knows."""

    def __init__(self, numbers: Iterable[str] = (), names: Iterable[str] = ()) -> None:
        self._given: dict[str, str] = {}
        self._counts: dict[str, int] = defaultdict(int)
        self._kinds: dict[str, str] = {}
        self._by_word: dict[str, list[str]] = defaultdict(list)
        for kind, values in (("name", names), ("number", numbers)):
            for value in values:
                self._learn(kind, value)
        for known in self._by_word.values():
            known.sort(key=len, reverse=True)

    def _learn(self, kind: str, value: str) -> None:
        first = WORD.search(value)
        if first is not None and len(value) > 1:
            if value not in self._kinds:
                self._by_word[first[0]].append(value)
            self._kinds[value] = kind

    def number(self, value: str) -> str:
        return self._word("number", value)

    def name(self, value: str) -> str:
        return self._word("name", value)

    def text(self, text: str) -> str:
        return self._known(self._addresses(text), digits=True)

    def message(self, text: str) -> str:
        text = self._addresses(text)
        text = re.sub(BARE_NAME, partial(masked, self.name), text)
        for pattern, mask in ((USERNAME, self.number), (ORIGIN, self.number), (SUBJECT, self.name)):
            text = re.sub(pattern, partial(masked, mask), text)
        return self._known(text, digits=False)

    def _word(self, kind: str, value: str) -> str:
        if not value or value.isspace() or CODE.match(value) or MASKED.match(value):
            return value
        if value not in self._given:
            kind = self._kinds.get(value, kind)
            self._counts[kind] += 1
            self._given[value] = f"{kind}-{self._counts[kind]}"
        return self._given[value]

    def _addresses(self, text: str) -> str:
        text = re.sub(QUOTED_NAME, lambda found: f'"{self.name(found["name"])}"{found["end"]}', text)
        return re.sub(URI_USER, self._uri, text)

    def _uri(self, found: re.Match[str]) -> str:
        user = found["user"]
        is_host = not found["end"] and not found["scheme"].lower().startswith("tel") and re.match(HOST, user)
        return found[0] if is_host else f"{found['scheme']}{self.number(user)}{found['end']}"

    def _known(self, text: str, *, digits: bool) -> str:
        parts: list[str] = []
        end = 0
        for begin, value in self._found(text):
            if begin < end or (value.isdigit() and (not digits or is_part_of_address(text, begin, begin + len(value)))):
                continue
            parts += [text[end:begin], self._word(self._kinds[value], value)]
            end = begin + len(value)
        return "".join([*parts, text[end:]])

    def _found(self, text: str) -> Iterator[tuple[int, str]]:
        for word in WORD.finditer(text):
            for value in self._by_word.get(word[0], ()):
                begin = word.start() - value.index(word[0])
                stop = begin + len(value)
                if begin >= 0 and text.startswith(value, begin) and not text[stop : stop + 1].isalnum():
                    yield begin, value
                    break


def masked(mask: Callable[[str], str], found: re.Match[str]) -> str:
    return f"{found['start']}{mask(found['name'])}{found['end']}"


def is_part_of_address(text: str, begin: int, end: int) -> bool:
    """Whether digits stand in an IP address, a port, a moment or a version, and not as a number."""
    before, after = text[max(0, begin - 1) : begin], text[end : end + 2]
    return before in (":", ".", "+") or (after[:1] in (":", ".", "-") and after[1:].isdigit())
