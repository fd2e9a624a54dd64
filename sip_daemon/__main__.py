"""`python -m sip_daemon`: the signalling process, until SIGTERM ends it and all calls, or SIGUSR2 it alone."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop

from appliance.errors import ApplianceError
from appliance.logs import set_up_logs
from appliance.settings import Settings
from sip_daemon.daemon import SipDaemon, StartError

log = logging.getLogger("sip_daemon")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1, and one sentence on standard error, when it cannot start."""
    options = parser().parse_args(arguments)
    try:
        settings = Settings.load(options.data_dir)
        set_up_logs("sip", settings.log_level, in_background=True)
        uvloop.run(serve(settings))
    except (ApplianceError, StartError) as error:
        log.error("%s", error)
        print(f"gosip sip: {error}", file=sys.stderr)
        return 1
    return 0


async def serve(settings: Settings) -> None:
    """Until SIGTERM or SIGINT, or SIGUSR2: then calls go on and wait for the next process. Raises `StartError`."""
    daemon = SipDaemon(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.stop)
    loop.add_signal_handler(signal.SIGUSR2, daemon.hand_over)
    await daemon.run()


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="sip_daemon", description=__doc__)
    made.add_argument("--data-dir", type=Path, help="the data folder; GOSIP_DATA_DIR or ./data unless given")
    return made


if __name__ == "__main__":
    sys.exit(main())
