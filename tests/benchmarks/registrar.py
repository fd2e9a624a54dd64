"""What a registration costs: `.venv/bin/python -m tests.benchmarks.registrar`.

Prints microseconds for a REGISTER that answers a challenge (bytes parsed, digest verified, binding kept, 200 written;
no socket, no transaction) and the memory of a binding. `--json` for a program. The requests are made beforehand;
processor time is counted, and of several rounds the best, since
a shared machine only ever adds to it.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
import tracemalloc

from sip_daemon.authentication import AuthenticationLimits, Authenticator
from sip_daemon.flow import Flow
from sip_daemon.message import Request, parse_message
from sip_daemon.registrar import LocationTable, Registrar
from tests.support.bindings import udp
from tests.support.digest import REALM, authorize, directory
from tests.support.messages import register

NOW = 1000.0


def requests(authenticator: Authenticator, names: list[str], cseq: int) -> list[bytes]:
    """One authorised REGISTER of each device, as a phone with an instance id writes it."""
    made = []
    for number, name in enumerate(names):
        contact = f'<sip:{name}@10.{number >> 8}.{number & 255}.7:5060>;+sip.instance="<urn:uuid:{number:032x}>"'
        plain = register(name, headers={"Contact": contact, "Call-ID": f"{number:032x}"}, cseq=cseq)
        challenge = authenticator.challenge(REALM, NOW, source=f"10.{number >> 8}.{number & 255}.7")[1]
        made.append(bytes(authorize(plain, challenge, name)))
    return made


def handle(registrar: Registrar, data: bytes, flow: Flow) -> int:
    request = parse_message(data)
    assert isinstance(request, Request)
    response = registrar.handle(request, flow, NOW).response
    bytes(response)
    return response.status


def measure(devices: int, rounds: int) -> dict[str, float]:
    names = [f"d{number}" for number in range(devices)]
    known = directory(*names)
    flows = [udp(f"10.{number >> 8}.{number & 255}.7") for number in range(devices)]
    authenticator = Authenticator(limits=AuthenticationLimits(max_nonces=devices * (rounds + 1)))
    registrar = Registrar(lambda: known, LocationTable(), authenticator)
    best = float("inf")
    for number in range(rounds):
        batch = requests(authenticator, names, number + 1)
        gc.collect()
        started = time.process_time()
        statuses = {handle(registrar, data, flow) for data, flow in zip(batch, flows, strict=True)}
        best = min(best, (time.process_time() - started) / devices)
        assert statuses == {200}
    challenged = challenge_cost(registrar, flows[0])
    return {"register_us": best * 1e6, "challenge_us": challenged * 1e6, "binding_kib": memory(devices) / 1024}


def challenge_cost(registrar: Registrar, flow: Flow, times: int = 2000) -> float:
    """A REGISTER without credentials: bytes to 401."""
    data = bytes(register("d0"))
    started = time.process_time()
    for _ in range(times):
        handle(registrar, data, flow)
    return (time.process_time() - started) / times


def memory(devices: int) -> float:
    """Bytes that stay for one binding and its flow, once the nonce is forgotten."""
    names = [f"d{number}" for number in range(devices)]
    known = directory(*names)
    locations = LocationTable()
    authenticator = Authenticator(limits=AuthenticationLimits(max_nonces=devices + 1))
    batch = requests(authenticator, names, 1)
    registrar = Registrar(lambda: known, locations, authenticator)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number, data in enumerate(batch):
        assert handle(registrar, data, udp(f"10.{number >> 8}.{number & 255}.7")) == 200
    del registrar, authenticator
    gc.collect()
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return used / len(locations)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.devices, options.rounds)
    if options.json:
        print(json.dumps(found))
    else:
        print(f"REGISTER answered with 200: {found['register_us']:.1f} us")
        print(f"REGISTER answered with 401: {found['challenge_us']:.1f} us")
        print(f"memory of a binding: {found['binding_kib']:.2f} KiB")


if __name__ == "__main__":
    main()
