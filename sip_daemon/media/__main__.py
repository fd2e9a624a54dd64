"""`python -m sip_daemon.media --index N --workers M`: one media worker, until SIGTERM.

The run folder and the port range come from the settings of the data folder, unless both are given as arguments.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from appliance.errors import ApplianceError
from appliance.logs import set_up_logs
from appliance.settings import Settings
from sip_daemon.media.session.ports import PortSlice
from sip_daemon.media.worker import WorkerConfig, run

log = logging.getLogger("sip_daemon.media")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1, and one sentence on standard error, when it cannot start."""
    made = parser()
    options = made.parse_args(arguments)
    if not 0 <= options.index < options.workers:
        made.error("--index counts from 0 and stays below --workers")
    try:
        run(config_of(options))
    except ApplianceError as error:
        log.error("%s", error)
        print(f"gosip media: {error}", file=sys.stderr)
        return 1
    return 0


def config_of(options: argparse.Namespace) -> WorkerConfig:
    """Raises `SettingError`."""
    name = f"media-{options.index}"
    if options.socket is not None and options.ports is not None:
        set_up_logs(name, in_background=True)
        socket, ports = options.socket, options.ports
    else:
        settings = Settings.load(options.data_dir)
        set_up_logs(name, settings.log_level, in_background=True)
        whole = PortSlice(settings.rtp_ports.first, settings.rtp_ports.last)
        socket = options.socket or settings.folder.media_socket(options.index)
        ports = options.ports or whole.part(options.index, options.workers)
    if ports.pairs == 0:
        log.warning("there are fewer RTP ports than two for each media worker: no call can have audio here")
    return WorkerConfig(options.index, socket, ports, options.grace, options.silence)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="sip_daemon.media", description=__doc__)
    made.add_argument("--index", type=int, default=0, help="number of this worker, from 0")
    made.add_argument("--workers", type=int, default=1, help="how many workers share the port range")
    made.add_argument("--data-dir", type=Path, help="the data folder; GOSIP_DATA_DIR or ./data unless given")
    made.add_argument("--socket", type=Path, help="control socket, instead of the one in the run folder")
    made.add_argument("--ports", type=port_slice, help="A-B: the ports of this worker alone")
    made.add_argument("--grace", type=float, default=600.0, help="seconds that sessions outlive their owner")
    made.add_argument("--silence", type=float, default=30.0, help="seconds of silence until a peer counts as gone")
    return made


def port_slice(text: str) -> PortSlice:
    first, _, last = text.partition("-")
    if not (first.isdecimal() and last.isdecimal() and 1024 <= int(first) < int(last) <= 65535):
        raise argparse.ArgumentTypeError("give a range of ports such as 20000-29999")
    return PortSlice(int(first), int(last))


if __name__ == "__main__":
    sys.exit(main())
