"""The parts of the signalling process, how they start and how they end.

Start: the database, then memory (directory, bindings), then the calls that an earlier process left in the media
workers, then the sockets of SIP, then the control socket: whoever reaches that one finds the rest working. Media
workers may come later, with calls of their own; until then calls are answered 503.

Stop, within five seconds: no new calls, live ones get BYE and their record, SIP sends what it has, the store writes
what it has. Hand over, in the same time: no new calls, ringing ones end; established ones are served until the sockets
close and wait with the media workers for the next process.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Awaitable
from typing import Final

import appliance
from appliance.errors import ApplianceError
from appliance.settings import Settings
from sip_daemon import control
from sip_daemon.authentication import Authenticator
from sip_daemon.call.adoption import AdoptionReport
from sip_daemon.call.manager import CallManager
from sip_daemon.daemon.configuration import Configuration, own_names
from sip_daemon.daemon.defending import defend_as_set, event_of
from sip_daemon.daemon.dispatch import Dispatcher
from sip_daemon.daemon.encryption import Encryption
from sip_daemon.daemon.live import Live
from sip_daemon.daemon.live_trace import LiveTrace
from sip_daemon.daemon.publishing import TOPICS, Publisher
from sip_daemon.defence import Defence, Neighbours, News, Overload
from sip_daemon.directory import Directory
from sip_daemon.endpoint import Endpoint, Identity
from sip_daemon.errors import SipError
from sip_daemon.flow import TransportAddress, source_of
from sip_daemon.media_plane import AdoptableSession
from sip_daemon.media_plane.local import LocalMediaPlane
from sip_daemon.registrar import Binding, LocationTable, Registrar
from sip_daemon.store import Event, Store, StoreLimits
from sip_daemon.trace import NO_TRACE, TraceRing
from sip_daemon.transport import ALL, DnsResolver, ListenerStatus, TransportLayer, TransportLimits

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 1.0
"""Seconds between looks at the database, the addresses and what has expired; a nudge comes in between."""
GC_THRESHOLDS: Final = (20_000, 20, 20)
"""A call that has ended leaves no circle of references (the tests watch it), but it makes thousands of objects: with
Python's own 700 the collector would be a tenth of its cost."""
MIB: Final = 1024 * 1024
CALLS_END_WITHIN: Final = 1.0
SIP_ENDS_WITHIN: Final = 1.0
STORE_ENDS_WITHIN: Final = 1.5


class StartError(SipError):
    """The daemon cannot start. The text says what, why and what to do."""


class SipDaemon:
    """One signalling process. To be built inside a running event loop. Raises `StartError`."""

    def __init__(self, settings: Settings) -> None:
        self._started_at = time.time()
        self._settings = settings
        self._stopping = asyncio.Event()
        self._hands_over = False
        self._are_records_closed = False
        self.store = Store(settings.folder.database, StoreLimits(close_seconds=STORE_ENDS_WITHIN))
        directory, bindings = self._read_store()
        self.transport = TransportLayer(
            TransportLimits(max_connections_per_source=settings.connections_per_source),
            lookup=DnsResolver([TransportAddress(one.address, one.port) for one in settings.dns_servers]),
        )
        self.trace = TraceRing(settings.trace_memory * MIB) if settings.trace_memory else NO_TRACE
        self.endpoint = Endpoint(
            self.transport,
            identity=Identity(f"GoSIP/{appliance.__version__}", settings.external_ip or None),
            trace=self.trace,
        )
        self.media = LocalMediaPlane(settings.folder.media_socket(index) for index in range(settings.media_workers))
        self.media.found = self._take_up
        self.locations = LocationTable()
        self.locations.load(bindings)
        for binding in bindings:
            self.trace.know(binding.flow.remote.host)
        self.configuration = Configuration(
            directory,
            own_names(settings.sip_domain, settings.external_ip, settings.bind_address),
            lambda: self.transport.local_hosts,
        )
        self.publisher = Publisher(self.store.submit, self.configuration, time.time, self.endpoint.now)
        # Nonces of an earlier process are answered stale=true: the phone repeats by itself. Were they taken, so would
        # be what somebody recorded of the last minutes, since the counts of their use are gone.
        authenticator = Authenticator()
        self.calls = CallManager(
            self.endpoint,
            self.media,
            directory=self.configuration,
            locate=lambda username: self.locations.reachable(username, self.endpoint.now()),
            authenticator=authenticator,
            submit=self.publisher.submit,
            wall_clock=time.time,
        )
        neighbours = Neighbours(self.locations.all, on_link=lambda: self.transport.networks)
        self.defence = self._make_defence(neighbours)
        self.overload = Overload(
            neighbours,
            clock=self.endpoint.now,
            soon=asyncio.get_running_loop().call_soon,
            report=self._report,
        )
        self.encryption = Encryption(self.transport, settings, self.store.submit)
        self.transport.backlog_handler = self.overload.datagrams_wait
        self.dispatcher = Dispatcher(
            self.endpoint,
            Registrar(self.configuration, self.locations, authenticator),
            self.locations,
            self.calls,
            self.publisher.submit,
            self.defence,
            self.overload,
            self.trace,
        )
        self.control = control.make_server(settings.folder.sip_socket, self._live(), TOPICS)
        self.publisher.attach(self.control)

    def _read_store(self) -> tuple[Directory, tuple[Binding, ...]]:
        """Waits for the disk, which nobody minds before anything listens."""
        try:
            return self.store.start()
        except ApplianceError as error:
            raise StartError(str(error)) from error

    def _report(self, news: News) -> None:
        self.store.submit(event_of(news))

    def _make_defence(self, neighbours: Neighbours) -> Defence:
        defence = Defence(
            neighbours,
            self.transport.barred,
            clock=self.endpoint.now,
            wall_clock=time.time,
            changed=self.store.submit,
            report=self._report,
            drop=self.transport.drop_source,
            is_registered=self._is_registered,
        )
        defend_as_set(defence, self._settings)
        defence.load(self.store.load_bans())
        return defence

    def _is_registered(self, username: str, source: str, now: float) -> bool:
        """Whether a phone of that account is registered from there."""
        return any(source_of(one.flow.remote.host) == source for one in self.locations.bindings(username, now))

    def _live(self) -> Live:
        return Live(
            started_at=self._started_at,
            transport=self.transport,
            endpoint=self.endpoint,
            locations=self.locations,
            calls=self.calls,
            media=self.media,
            store=self.store,
            directory=self.configuration,
            defence=self.defence,
            overload=self.overload,
            refresh=self._look,
            encryption=self.encryption,
            trace=LiveTrace(self.trace, self.locations, self.calls, self.endpoint.now),
        )

    def stop(self) -> None:
        """End in good order."""
        self._stopping.set()

    def hand_over(self) -> None:
        """End, and leave the calls to the next process."""
        self._hands_over = True
        self._stopping.set()

    async def run(self) -> None:
        """Serve until `stop` or `hand_over`. Raises `StartError` when it cannot begin."""
        calls = asyncio.create_task(self.calls.run(), name="calls")
        watch = asyncio.create_task(self._watch(), name="watch")
        try:
            await self._start()
            await self._stopping.wait()
        except BaseException:
            self._hands_over = True  # what we took up is not ours to end: a daemon that can start will go on with it
            raise
        finally:
            watch.cancel()
            if self._hands_over:
                await attempt(within(CALLS_END_WITHIN, asyncio.create_task(self.calls.hand_over()), "ringing calls"))
            else:
                self.calls.stop()
                await within(CALLS_END_WITHIN, calls, "calls")
            await self._close()
            await asyncio.gather(calls, watch, return_exceptions=True)

    async def _start(self) -> None:
        await self.media.start()
        try:
            await self._close_records()
        except Exception as error:
            log.error("the records of the last run are closed later: %s", error)  # `_look` tries again
        self.dispatcher.attach()
        listeners = await self.transport.listen(self._settings.bind_address or ALL, self._settings.sip_port)
        refuse_to_be_deaf(listeners)
        await self.encryption.follow(self._settings)
        self.calls.begin_sending()
        self.configuration.look_at_addresses()
        try:
            await self.control.start()
        except ApplianceError as error:
            raise StartError(str(error)) from error
        # What was made so far lives as long as the process: the collector need not walk it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        directory = self.configuration()
        log.info(
            "ready: %d extensions, %d devices, %d bindings, after %.0f ms",
            len(directory.extensions),
            len(directory.devices),
            len(self.locations),
            (time.time() - self._started_at) * 1000,
        )

    async def _take_up(self, sessions: tuple[AdoptableSession, ...]) -> None:
        """A media worker was found with what an earlier process left there."""
        report = await self.calls.adopt(sessions)
        log.warning(
            "taken up after a restart: %d calls go on, %d were ended, %d sessions were closed",
            report.adopted,
            report.ended,
            report.discarded,
        )
        if report.adopted or report.ended:
            self.store.submit(
                Event("calls-adopted", adoption_text(report), severity="warning" if report.ended else "info")
            )

    async def _watch(self) -> None:
        """Each second: has the configuration changed, have addresses, has a binding expired?"""
        trouble = ""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self._look()
                trouble = ""
            except Exception as error:
                # The database may be away for a while. What we know stays in use, and one line in the log will do.
                if trouble != (trouble := f"{type(error).__name__}: {error}"):
                    log.exception("the configuration could not be read again")

    async def _close_records(self) -> None:
        """The calls of the last run that did not survive are over.

        Those of a worker that comes later are closed too, and opened again when they are taken up.
        """
        if not self._are_records_closed:
            stopped = await asyncio.wrap_future(self.store.close_open_calls({call.id for call in self.calls.calls}))
            self._are_records_closed = True
            if stopped:
                log.warning("%d calls were going on when the system stopped", stopped)

    async def _look(self) -> None:
        await self._close_records()
        self.configuration.look_at_addresses()
        self.publisher.look_at_listeners(self.transport.listeners)
        self.dispatcher.note(self.locations.expire(self.endpoint.now()))
        self.defence.expire()
        self.overload.expire()
        directory = await asyncio.wrap_future(self.store.changed())
        if directory is not None:
            self.configuration.take(directory)
            self.dispatcher.note(self.locations.retain(directory.device))
            settings = await asyncio.to_thread(Settings.load, self._settings.data_dir)
            defend_as_set(self.defence, settings)
            await self.encryption.follow(settings)
            log.info("configuration %d is in use", directory.revision)

    async def _close(self) -> None:
        await attempt(self.control.close())
        await attempt(self.endpoint.close(SIP_ENDS_WITHIN))
        await attempt(self.calls.leave())
        await attempt(self.media.close())
        await attempt(asyncio.to_thread(self.store.close))


async def within(seconds: float, task: asyncio.Task[None], what: str) -> None:
    """Wait that long for a task to end by itself, then end it: it may tidy up for as long again."""
    done, _ = await asyncio.wait([task], timeout=seconds)
    if not done:
        log.warning("the %s did not end within %.1f s", what, seconds)
        task.cancel()
        await asyncio.wait([task], timeout=seconds)


async def attempt(step: Awaitable[None]) -> None:
    """One step of the end: whatever goes wrong in it, the next ones follow."""
    try:
        await step
    except Exception:
        log.exception("a step of the end failed")


def adoption_text(report: AdoptionReport) -> str:
    """For the list of events."""
    text = f"The signalling process was restarted. Calls that went on: {report.adopted}."
    return f"{text} Calls that had to be ended: {report.ended}." if report.ended else text


def refuse_to_be_deaf(listeners: list[ListenerStatus]) -> None:
    """Raise `StartError` where a transport has no address of a family on which it works."""
    for failed in listeners:
        same = (one for one in listeners if one.transport is failed.transport)
        works = any(one.is_listening and one.address.is_ipv6 == failed.address.is_ipv6 for one in same)
        if not works:
            raise StartError(failed.error or f"Cannot listen on {failed.transport} {failed.address}.")
