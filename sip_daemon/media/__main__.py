"""`python -m sip_daemon.media --index N --workers M`: one media worker, until SIGTERM."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from appliance.control.errors import ControlError
from sip_daemon.media.session.ports import PortSlice
from sip_daemon.media.worker import WorkerConfig, run


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    config = WorkerConfig(
        index=options.index,
        socket=options.socket,
        ports=options.ports
        if options.ports is not None
        else PortSlice(20000, 29999).part(options.index, options.workers),
        grace_seconds=options.grace,
        silence_seconds=options.silence,
    )
    try:
        run(config)
    except ControlError as error:
        print(f"gosip media: {error}", file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="sip_daemon.media", description=__doc__)
    made.add_argument("--index", type=int, default=0, help="number of this worker")
    made.add_argument("--workers", type=int, default=1, help="how many workers share the port range")
    made.add_argument("--socket", type=Path, help="control socket, instead of the one in the run folder")
    made.add_argument("--ports", type=port_slice, help="A-B: the ports of this worker alone")
    made.add_argument("--grace", type=float, default=120.0, help="seconds that sessions outlive their owner")
    made.add_argument("--silence", type=float, default=30.0, help="seconds of silence until a peer counts as gone")
    return made


def port_slice(text: str) -> PortSlice:
    first, _, last = text.partition("-")
    if not (first.isdecimal() and last.isdecimal() and 1024 <= int(first) < int(last) <= 65535):
        raise argparse.ArgumentTypeError("give a range of ports such as 20000-29999")
    return PortSlice(int(first), int(last))


if __name__ == "__main__":
    sys.exit(main())
