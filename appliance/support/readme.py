"""The text that lies in every bundle: what is in it, and what is not."""

from __future__ import annotations

import time

README = """\
GoSIP support bundle, made {made_at}

It shows to somebody who helps what this system is, what it does and what happened last. Look through it before you
give it away: every part is text.

What is in it
  versions.json      GoSIP, Python, SQLite, OpenSSL and the Python packages
  settings.json      each setting with the source of its value; of a secret only whether it is set
  status.json        what each program answers, or why it does not
  processes.json     the processes of GoSIP with memory and processor time
  listeners.json     who listens on which port of this machine
  host.json          kernel, memory, disk, load, addresses, whether the clock is synchronised
  database.json      the schema, rows of each table, and what SQLite's quick_check says
  events.jsonl       the last events, newest first
  calls.jsonl        the last calls, newest first; legs.jsonl their phones with the quality of sound
  sip-messages.txt   the last SIP messages in memory, oldest first, redacted
  logs/              the last lines of each program, redacted
  manifest.json      size and SHA-256 of each part, whether it was shortened, or why it could not be made

What is not in it
  no password of a phone or person, no hash of one, no token, code or key, sealed or not; no digest response, no media
  key. What this system knows as a secret was searched for in every part, and what looks like one was blanked: ***
  no audio, no recording, no text of a message
  no audit log and no list of people or phones

{masks}
IP addresses, ports, the kinds of phones and the names of this machine and of its SIP domain are in it: without them
nothing can be found out. Call-IDs are, too.
"""
MASKED = """\
Numbers and names
  are masked: number-3 is the same number everywhere in this bundle, and in no other. Numbers and names that this
  system knows, and those in SIP addresses, are found in running text, too. A name that it does not know may be left
  in a line of a log or in a SIP message.
"""
SHOWN = """\
Numbers and names
  stand in it as they are: whoever made it asked for that.
"""


def readme(now: float, *, with_numbers: bool) -> str:
    made_at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    return README.format(made_at=made_at, masks=SHOWN if with_numbers else MASKED)
