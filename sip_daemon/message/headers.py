"""The header fields of one message: ordered, case-insensitive, raw until somebody asks.

One rule: a known name has one spelling in memory (compact forms are expanded when they come in), and what we do
not know is kept with name and value as it came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sip_daemon.errors import LocalProtocolError
from sip_daemon.message.grammar import is_token, split_list

T = TypeVar("T")

_KNOWN = (
    "Accept Accept-Contact Accept-Encoding Accept-Language Alert-Info Allow Allow-Events Authentication-Info "
    "Authorization Call-ID Call-Info Contact Content-Disposition Content-Encoding Content-Language Content-Length "
    "Content-Type CSeq Date Diversion Error-Info Event Expires Feature-Caps Flow-Timer From History-Info Identity "
    "Identity-Info Info-Package In-Reply-To Join Max-Breadth Max-Forwards MIME-Version Min-Expires Min-SE "
    "Organization P-Access-Network-Info P-Asserted-Identity P-Called-Party-ID P-Preferred-Identity Path Priority "
    "Privacy Proxy-Authenticate Proxy-Authorization Proxy-Require RAck Reason Record-Route Recv-Info Refer-Sub "
    "Refer-To Referred-By Reject-Contact Remote-Party-ID Replaces Reply-To Request-Disposition Require Retry-After "
    "Route RSeq Server Service-Route Session-Expires SIP-ETag SIP-If-Match Subject Subscription-State Supported "
    "Timestamp To Unsupported User-Agent Via Warning WWW-Authenticate"
)

# RFC 3261 §7.3.3 and the registry of header fields that continues it.
COMPACT_FORMS = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "n": "Identity-Info",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}

SPELLINGS: dict[str, str] = {
    spelling: name for name in _KNOWN.split(" ") for spelling in (name, name.lower(), name.upper(), name.title())
}
"""Canonical name by the spellings that peers use; any other mix of cases takes the slower way."""
for _letter, _name in COMPACT_FORMS.items():
    SPELLINGS[_letter] = SPELLINGS[_letter.upper()] = _name


_UNREAD = object()

TOP_VIA = "Via (top)"
"""Under this name the typed value of the first Via alone is kept; it is forgotten together with Via."""


def canonical_name(name: str) -> str | None:
    """The one spelling of a known header name or compact form; None for a name we do not know."""
    return SPELLINGS.get(name) or SPELLINGS.get(name.lower())


class Headers:
    """An ordered list of (name, raw value) with typed values kept beside it.

    `get` and the like take a name in any spelling. Mutation forgets the typed value of that header.
    """

    __slots__ = ("_first", "_items", "_typed")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._items: list[tuple[str, str]] = []
        self._first: dict[str, str] | None = None
        self._typed: dict[str, Any] = {}
        for name, value in items:
            self.add(name, value)

    @classmethod
    def from_checked(cls, items: list[tuple[str, str]], first: dict[str, str] | None = None) -> Headers:
        """Take over lines with canonical names and checked values, and the first value of each by name."""
        made = cls.__new__(cls)
        made._items = items
        made._first = first
        made._typed = {}
        return made

    def get(self, name: str) -> str | None:
        """The first value of that name as it came (folded lines joined)."""
        known = SPELLINGS.get(name)
        if known is None:
            return next(iter(self.get_all(name)), None)
        first = self._first
        return (first if first is not None else self._index()).get(known)

    @property
    def first_values(self) -> Mapping[str, str]:
        """The first value of each name, by canonical name."""
        first = self._first
        return first if first is not None else self._index()

    def _index(self) -> dict[str, str]:
        self._first = first = dict(reversed(self._items))
        return first

    def get_all(self, name: str) -> list[str]:
        """Every line's value of that name."""
        known = canonical_name(name)
        if known is not None:
            values = self.first_values
            first = values.get(known)
            if first is None:
                return []
            if len(values) == len(self._items):
                return [first]
            return [value for key, value in self._items if key == known]
        lowered = name.lower()
        return [value for key, value in self._items if key.lower() == lowered]

    def values(self, name: str) -> list[str]:
        """All values of that name, comma-separated ones apart (quotes and angle brackets respected)."""
        lines = self.get_all(name)
        if len(lines) == 1 and lines[0] and "," not in lines[0]:
            return lines
        return [value for line in lines for value in split_list(line) if value]

    def typed(self, name: str, parse: Callable[[Headers], T]) -> T:
        """The typed value under a canonical name, parsed on first use."""
        found: Any = self._typed.get(name, _UNREAD)
        if found is _UNREAD:
            found = self._typed[name] = parse(self)
        value: T = found
        return value

    def remember(self, name: str, typed: object) -> None:
        """Keep a typed value that was just written, so that it is not parsed again."""
        self._typed[name] = typed

    def add(self, name: str, value: str) -> None:
        """Append a header line."""
        line = self._change(name, value)
        self._items.append(line)
        if self._first is not None:
            self._first.setdefault(*line)

    def extend(self, lines: Iterable[tuple[str, str]]) -> None:
        """Append several header lines at once."""
        for name, value in lines:
            self.add(name, value)

    def prepend(self, name: str, value: str) -> None:
        """Put a header line before all others: Via, Route and Record-Route are stacks."""
        line = self._change(name, value)
        self._items.insert(0, line)
        if self._first is not None:
            self._first[line[0]] = value

    def set(self, name: str, value: str) -> None:
        """Replace all lines of that name by one, in the place of the first."""
        if (canonical := SPELLINGS.get(name)) is not None and canonical not in self.first_values:
            self.add(name, value)
        else:
            self.set_all(name, [value])

    def set_all(self, name: str, values: Iterable[str]) -> None:
        """Replace all lines of that name by these, in the place of the first."""
        lines = [self._change(name, value) for value in values]
        same = self._matcher(name)
        place = next((index for index, item in enumerate(self._items) if same(item[0])), len(self._items))
        kept_behind = [item for item in self._items[place:] if not same(item[0])]
        self._items[place:] = lines + kept_behind
        self._forget(canonical_name(name) or name)
        self._first = None

    def set_first(self, name: str, value: str) -> None:
        """Replace the first value of that name, which may share its line with others, or append a line."""
        line = self._change(name, value)
        first = self._first
        for index, (key, text) in enumerate(self._items):
            if key == line[0]:
                rest = split_list(text)[1:] if "," in text else ()
                self._items[index] = line = (key, ", ".join([value, *rest])) if rest else line
                break
        else:
            self._items.append(line)
        if first is not None:
            first[line[0]] = line[1]

    def remove(self, name: str) -> None:
        """Drop all lines of that name, if any."""
        if (canonical := SPELLINGS.get(name)) is None or canonical in self.first_values:
            self.set_all(name, ())

    def copy(self) -> Headers:
        """An independent copy; typed values, which are immutable, are shared."""
        made = self.__class__.__new__(self.__class__)
        made._items = self._items.copy()
        made._first = None
        made._typed = self._typed.copy()
        return made

    def items(self) -> Sequence[tuple[str, str]]:
        """Name and raw value of each line in order."""
        return self._items

    def _change(self, name: str, value: str) -> tuple[str, str]:
        # Only our own code comes here; a line end in a value would let a display name write headers.
        canonical = SPELLINGS.get(name) or canonical_name(name)
        if canonical is None and is_token(name):
            canonical = name
        if canonical is None or "\r" in value or "\n" in value:
            raise LocalProtocolError(f"not a header line: {name!r}")
        self._forget(canonical)
        return canonical, value

    def _forget(self, canonical: str) -> None:
        typed = self._typed
        if typed:
            typed.pop(canonical, None)
            if canonical == "Via":
                typed.pop(TOP_VIA, None)

    @staticmethod
    def _matcher(name: str) -> Callable[[str], bool]:
        known = canonical_name(name)
        if known is not None:
            return known.__eq__
        lowered = name.lower()
        return lambda key: key.lower() == lowered

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return self._items == other._items if isinstance(other, Headers) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Headers({[name for name, _ in self._items]})"
