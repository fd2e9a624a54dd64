"""supervisord.conf says what architecture demands of each program."""

from __future__ import annotations

from configparser import RawConfigParser
from pathlib import Path

import pytest
from supervisor.options import list_of_strings

from appliance.folders import DataFolder
from appliance.supervision.programs import (
    Program,
    standard_programs,
    stop_limit,
    supervisor_configuration,
    watchdog_command,
)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder.at(tmp_path)


def parse(folder: DataFolder, programs: tuple[Program, ...], **environment: str) -> RawConfigParser:
    parser = RawConfigParser()
    parser.read_string(
        supervisor_configuration(folder, programs, watchdog=watchdog_command("python"), environment=environment)
    )
    return parser


def standard(folder: DataFolder) -> tuple[Program, ...]:
    return standard_programs(folder, python="/opt/venv/bin/python", nginx="/usr/sbin/nginx", media_workers=2)


def test_every_program_is_ready_when_its_sockets_answer_so_supervisor_waits_one_second(folder: DataFolder) -> None:
    parser = parse(folder, standard(folder))
    sections = [name for name in parser.sections() if name.startswith("program:")]
    assert sections == ["program:media", "program:sip", "program:admin", "program:events", "program:web"]
    assert {parser[name]["startsecs"] for name in sections} == {"1"}


def test_nginx_is_stopped_gracefully(folder: DataFolder) -> None:
    assert parse(folder, standard(folder))["program:web"]["stopsignal"] == "QUIT"


def test_the_signalling_starts_after_the_media_workers_and_stops_before_them(folder: DataFolder) -> None:
    parser = parse(folder, standard(folder))
    assert int(parser["program:media"]["priority"]) < int(parser["program:sip"]["priority"])


def test_there_is_a_media_process_for_each_worker(folder: DataFolder) -> None:
    media = parse(folder, standard(folder))["program:media"]
    assert media["numprocs"] == "2"
    assert "%(process_num)d" in media["command"]
    assert "%(process_num)d" in media["stdout_logfile"]


def test_the_control_socket_is_closed_to_other_users(folder: DataFolder) -> None:
    assert parse(folder, standard(folder))["unix_http_server"]["chmod"] == "0770"


def test_logs_are_rotated(folder: DataFolder) -> None:
    section = parse(folder, standard(folder))["program:sip"]
    assert int(section["stdout_logfile_maxbytes"]) > 0
    assert int(section["stdout_logfile_backups"]) > 0


def test_a_percent_sign_in_the_path_is_not_expanded(tmp_path: Path) -> None:
    folder = DataFolder.at(tmp_path / "50%s")
    assert "50%%s/run/supervisor.sock" in parse(folder, standard(folder))["unix_http_server"]["file"]


def test_a_space_in_a_path_stays_inside_one_word(tmp_path: Path) -> None:
    folder = DataFolder.at(tmp_path / "my phones")
    assert f'"{folder.run}/nginx.conf"' in parse(folder, standard(folder))["program:web"]["command"]


def test_the_environment_is_written_as_supervisor_reads_it(folder: DataFolder) -> None:
    value = parse(folder, standard(folder), GOSIP_DATA_DIR="/srv/a,b", TZ="UTC")["supervisord"]["environment"]
    assert list_of_strings(value)[-1] == 'TZ="UTC"'
    assert value.startswith('GOSIP_DATA_DIR="/srv/a,b"')


def test_a_stop_may_take_as_long_as_all_programs_together(folder: DataFolder) -> None:
    programs = standard(folder)
    assert stop_limit(programs) > sum(program.stop_seconds for program in programs)


def test_several_processes_are_named_with_their_group() -> None:
    assert Program("media", ("true",), 1, processes=2).process_names == ("media:media-0", "media:media-1")
    assert Program("sip", ("true",), 1).process_names == ("sip",)
