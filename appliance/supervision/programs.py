"""The programs that supervisor runs, and the configuration file that tells it so.

The order of `priority` is the order of starting and, reversed, of stopping. supervisor does not wait for one program
to be ready before it starts the next, so each of them retries what it depends on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from appliance.folders import DataFolder

LOG_BYTES = 10 * 1024 * 1024
LOG_BACKUPS = 5
STOP_MARGIN_SECONDS = 5
SIGNALLING_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "262144"}
"""How glibc gives memory to `sip`. Left to itself it learns from the first large block that is freed to take all such
blocks from the heap, and the tables that are made anew every few minutes (used nonces, for one) never fit again where
the last ones were. At a fixed threshold a large table is a mapping of its own, and its end gives the memory back: in
twenty minutes of a steady load the process grows half as much."""


@dataclass(frozen=True, slots=True)
class Program:
    """One program: a single process, or several that differ by number."""

    name: str
    command: tuple[str, ...]
    """`%(process_num)d` stands for the number of the process where there are several."""
    priority: int
    processes: int = 1
    stop_signal: str = "TERM"
    stop_seconds: int = 10
    """How long it may take to stop before it is killed."""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def process_names(self) -> tuple[str, ...]:
        """The names under which supervisor's interface knows the processes."""
        if self.processes == 1:
            return (self.name,)
        return tuple(f"{self.name}:{self.name}-{number}" for number in range(self.processes))


def python_program(python: str, module: str, *arguments: str) -> tuple[str, ...]:
    """The command of a program of ours; `-u`, since its log is a pipe."""
    return (python, "-u", "-m", module, *arguments)


def standard_programs(folder: DataFolder, *, python: str, nginx: str, media_workers: int) -> tuple[Program, ...]:
    """What a complete system runs."""
    return (
        Program(
            "media",
            python_program(python, "sip_daemon.media", "--index", "%(process_num)d", "--workers", str(media_workers)),
            priority=10,
            processes=media_workers,
            stop_seconds=5,
        ),
        Program("sip", python_program(python, "sip_daemon"), priority=20, environment=SIGNALLING_MEMORY),
        Program(
            "admin",
            python_program(python, "gunicorn", *gunicorn_arguments(folder), "flask_admin_ui.wsgi:admin"),
            priority=30,
        ),
        Program("events", python_program(python, "appliance.event_stream"), priority=30, stop_seconds=5),
        Program(
            "web",
            (nginx, "-e", "stderr", "-p", str(folder.run), "-c", str(folder.run / "nginx.conf")),
            priority=40,
            stop_signal="QUIT",
            stop_seconds=5,
        ),
    )


def gunicorn_arguments(folder: DataFolder) -> tuple[str, ...]:
    return (
        "--bind",
        f"unix:{folder.admin_socket}",
        "--worker-class",
        "gthread",
        "--workers",
        "2",
        "--threads",
        "8",
        "--timeout",
        "60",
        "--graceful-timeout",
        "5",
        "--forwarded-allow-ips",
        "*",
        "--worker-tmp-dir",
        "/dev/shm",  # noqa: S108 - gunicorn's heartbeat file: memory, so that a busy disk cannot stop a worker
        "--no-control-socket",
        "--error-logfile",
        "-",
    )


def watchdog_command(python: str) -> tuple[str, ...]:
    return python_program(python, "appliance.supervision.watchdog")


def stop_limit(programs: Sequence[Program]) -> int:
    """The seconds after which a stop has failed: supervisor stops one priority after the other."""
    return sum(program.stop_seconds for program in programs) + STOP_MARGIN_SECONDS


def supervisor_configuration(
    folder: DataFolder, programs: Sequence[Program], *, watchdog: tuple[str, ...], environment: dict[str, str]
) -> str:
    """The text of `supervisord.conf`. `environment` is all that the programs inherit: no secret belongs into it."""
    run = folder.run
    sections = [
        "[unix_http_server]",
        f"file={escape(str(folder.supervisor_socket))}",
        "chmod=0770",
        "",
        "[supervisord]",
        f"logfile={escape(str(folder.logs / 'supervisord.log'))}",
        f"logfile_maxbytes={LOG_BYTES}",
        f"logfile_backups={LOG_BACKUPS}",
        f"pidfile={escape(str(run / 'supervisord.pid'))}",
        f"childlogdir={escape(str(folder.logs))}",
        f"directory={escape(str(folder.path))}",
        "identifier=gosip",
        "umask=007",
        "minfds=16384",
        "nocleanup=true",
        f"environment={environment_value(environment)}",
        "",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
        "",
        "[supervisorctl]",
        f"serverurl=unix://{escape(str(folder.supervisor_socket))}",
        "",
    ]
    for program in programs:
        sections += program_section(folder, program)
    sections += watchdog_section(folder, watchdog)
    return "\n".join(sections)


def program_section(folder: DataFolder, program: Program) -> list[str]:
    several = program.processes > 1
    name = "%(program_name)s-%(process_num)d" if several else "%(program_name)s"
    lines = [
        f"[program:{program.name}]",
        f"command={command_line(program.command)}",
        f"process_name={name}",
        f"numprocs={program.processes}",
        f"priority={program.priority}",
        f"stopsignal={program.stop_signal}",
        f"stopwaitsecs={program.stop_seconds}",
        "startsecs=1",
        "startretries=5",
        "autorestart=true",
        "killasgroup=true",
        "redirect_stderr=true",
        f"stdout_logfile={escape(str(folder.logs))}/{name}.log",
        f"stdout_logfile_maxbytes={LOG_BYTES}",
        f"stdout_logfile_backups={LOG_BACKUPS}",
    ]
    if program.environment:
        lines.append(f"environment={environment_value(program.environment)}")
    return [*lines, ""]


def watchdog_section(folder: DataFolder, command: tuple[str, ...]) -> list[str]:
    return [
        "[eventlistener:watchdog]",
        f"command={command_line(command)}",
        "events=PROCESS_STATE_EXITED,PROCESS_STATE_FATAL,PROCESS_STATE_RUNNING,TICK_5",
        "priority=1",
        "buffer_size=1000",
        "stdout_logfile=NONE",  # its standard output is the protocol with supervisor
        "startsecs=1",
        "startretries=100",
        "autorestart=true",
        f"stderr_logfile={escape(str(folder.logs))}/watchdog.log",
        f"stderr_logfile_maxbytes={LOG_BYTES}",
        f"stderr_logfile_backups={LOG_BACKUPS}",
        "",
    ]


def command_line(command: Sequence[str]) -> str:
    """A command as supervisor splits it: shell words; a number's place holder stays, any other % is doubled.

    `setpriv` asks the kernel to end the program when supervisord itself is killed: otherwise its children would
    live on without an owner and hold the ports.
    """
    words = ("/usr/bin/setpriv", "--pdeathsig", "TERM", *command)
    return " ".join(quote(word) for word in words)


def quote(word: str) -> str:
    kept = escape(word).replace("%%(process_num)d", "%(process_num)d")
    return kept if all(character.isalnum() or character in "-_./:=%()*," for character in kept) else f'"{kept}"'


def escape(text: str) -> str:
    """supervisor expands %(name)s in its file: a percent sign of ours is written twice."""
    return text.replace("%", "%%")


def environment_value(environment: dict[str, str]) -> str:
    return ",".join(f'{name}="{escape(value)}"' for name, value in sorted(environment.items()))
