"""Which nonces of ours were used, and how often: the guard against replays (RFC 7616 §5.12).

Theory of operation. Two generations. The younger takes what is new; when it is full, or older than a nonce may be, it
becomes the older one, and the one that was older is let go as a whole. A single table that loses its oldest entry for
each new one would remember the same, but a dict that is changed so is built anew again and again, and its memory takes
a million registrations to settle.

The rule: what was let go before its time must not be taken again. `floor` is the time up to which nothing is.
"""

from __future__ import annotations


class UsedNonces:
    """Remembers at most `most` of them, and each for at least `seconds` unless there are too many."""

    __slots__ = ("_began", "_latest", "_most", "_older", "_older_latest", "_seconds", "_younger", "floor")

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._younger: dict[bytes, int] = {}
        self._older: dict[bytes, int] = {}
        self._latest = self._older_latest = -1
        """When the last one in each was issued."""
        self._began = 0.0
        self.floor = -1
        """Milliseconds: nonces that were issued then or before are not to be taken any more."""

    def __len__(self) -> int:
        return len(self._younger) + len(self._older)

    def use(self, nonce: bytes, issued: int, count: int, now: float) -> bool:
        """Note one use of a nonce, issued in that millisecond. False when it was used with this count before."""
        for generation in (self._younger, self._older):
            last = generation.get(nonce)
            if last is not None:
                generation[nonce] = max(last, count)
                return count > last
        self._make_room(now)
        self._younger[nonce] = count
        self._latest = max(self._latest, issued)
        return True

    def _make_room(self, now: float) -> None:
        is_old = now - self._began >= self._seconds
        if not is_old and 2 * len(self._younger) < self._most:
            return
        if not is_old:
            self.floor = max(self.floor, self._older_latest)
        self._older, self._younger = self._younger, {}
        self._older_latest, self._latest, self._began = self._latest, -1, now
