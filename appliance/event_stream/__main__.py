"""`python -m appliance.event_stream`: the program `events`, until SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys

from appliance.errors import ApplianceError
from appliance.event_stream.program import EventProgram
from appliance.logs import set_up_logs
from appliance.operations.context import Appliance
from appliance.settings import Settings

log = logging.getLogger("events")


def main() -> int:
    """Exit code 1, and one sentence on standard error, when it cannot start."""
    try:
        settings = Settings.load()
        set_up_logs("events", settings.log_level)
        asyncio.run(serve(Appliance.open(settings)))
    except ApplianceError as error:
        log.error("%s", error)
        print(f"gosip events: {error}", file=sys.stderr)
        return 1
    return 0


async def serve(appliance: Appliance) -> None:
    """Until SIGTERM or SIGINT."""
    program = EventProgram(appliance)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, program.stop)
    gc.freeze()
    await program.run()


if __name__ == "__main__":
    sys.exit(main())
