"""Passwords: the right one opens a session and the sealed identity; a wrong one, or a wrong node, learns nothing."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

import pytest

from qnpc._core import (
    Argon2,
    Malformed,
    NotAuthentic,
    OpaqueClientLogin,
    OpaqueClientRegistration,
    OpaqueServer,
    StateError,
)

NODE = bytes(range(32))
QUICK = Argon2(memory_kib=64, iterations=1, parallelism=1)
SERVER = OpaqueServer()


def register(
    username: str, password: bytes, node: bytes = NODE, argon2: Argon2 | None = QUICK
) -> tuple[bytes, bytes]:
    """(record, export key)."""
    client = OpaqueClientRegistration(password)
    response = SERVER.registration_response(username, client.request)
    upload, export_key = client.finish(response, username, node, argon2)
    return SERVER.registration_record(upload), export_key


RECORD, EXPORT_KEY = register("alice", b"correct horse")


def test_registration_and_login_end_with_the_same_keys() -> None:
    client = OpaqueClientLogin(b"correct horse")
    response, server = SERVER.start_login("alice", RECORD, client.request, NODE)
    ke3, session_key, export_key = client.finish(response, "alice", NODE, QUICK)
    assert server.finish(ke3) == session_key
    assert export_key == EXPORT_KEY
    assert [len(part) for part in (RECORD, client.request, response, ke3, session_key, export_key)] == [
        192,
        96,
        320,
        64,
        64,
        64,
    ]


def test_the_default_stretching_is_that_of_argon2() -> None:
    record, _ = register("alice", b"correct horse", argon2=None)
    client = OpaqueClientLogin(b"correct horse")
    response, server = SERVER.start_login("alice", record, client.request, NODE)
    ke3, session_key, _ = client.finish(response, "alice", NODE, Argon2(65536, 3, 4))
    assert server.finish(ke3) == session_key


def test_the_setup_outlives_the_process_and_without_it_no_password_works() -> None:
    restarted, other = OpaqueServer(SERVER.setup()), OpaqueServer()
    assert len(SERVER.setup()) == 128
    assert restarted.setup() == SERVER.setup() != other.setup()
    client = OpaqueClientLogin(b"correct horse")
    response, _ = restarted.start_login("alice", RECORD, client.request, NODE)
    client.finish(response, "alice", NODE, QUICK)
    client = OpaqueClientLogin(b"correct horse")
    response, _ = other.start_login("alice", RECORD, client.request, NODE)
    with pytest.raises(NotAuthentic):
        client.finish(response, "alice", NODE, QUICK)


@pytest.mark.parametrize(
    ("password", "username", "node", "argon2"),
    [
        (b"wrong", "alice", NODE, QUICK),
        (b"", "alice", NODE, QUICK),
        (b"correct horse", "alicia", NODE, QUICK),
        (b"correct horse", "alice", bytes(32), QUICK),
        (b"correct horse", "alice", NODE, Argon2(128, 1, 1)),
    ],
    ids=["password", "empty password", "name", "node", "stretching"],
)
def test_what_is_wrong_at_the_client_is_not_authentic(
    password: bytes, username: str, node: bytes, argon2: Argon2
) -> None:
    client = OpaqueClientLogin(password)
    response, _ = SERVER.start_login("alice", RECORD, client.request, NODE)
    with pytest.raises(NotAuthentic):
        client.finish(response, username, node, argon2)


@pytest.mark.parametrize(
    ("username", "node"), [("mallory", NODE), ("alice", bytes(32))], ids=["account", "node"]
)
def test_a_record_works_for_its_account_and_node_only(username: str, node: bytes) -> None:
    client = OpaqueClientLogin(b"correct horse")
    response, _ = SERVER.start_login(username, RECORD, client.request, node)
    with pytest.raises(NotAuthentic):
        client.finish(response, username, node, QUICK)


def test_the_server_refuses_a_client_that_did_not_know_the_password() -> None:
    client = OpaqueClientLogin(b"correct horse")
    response, server = SERVER.start_login("alice", RECORD, client.request, NODE)
    ke3, _, _ = client.finish(response, "alice", NODE, QUICK)
    with pytest.raises(NotAuthentic):
        server.finish(bytes([ke3[0] ^ 1]) + ke3[1:])
    _, other = SERVER.start_login("alice", RECORD, client.request, NODE)
    with pytest.raises(NotAuthentic):  # the answer to another challenge
        other.finish(ke3)


def test_an_unknown_account_looks_like_a_known_one() -> None:
    attempts = []
    for username, record in (("alice", RECORD), ("nobody", None)):
        client = OpaqueClientLogin(b"guess")
        first, server = SERVER.start_login(username, record, client.request, NODE)
        second, _ = SERVER.start_login(username, record, client.request, NODE)
        with pytest.raises(NotAuthentic) as at_client:
            client.finish(first, username, NODE, QUICK)
        with pytest.raises(NotAuthentic) as at_server:
            server.finish(bytes(64))
        same = [a == b for a, b in zip(first, second, strict=True)]
        # The evaluated password stays for a name; nonces, masked record, key share and tag are fresh each time.
        attempts.append(
            (len(first), all(same[:32]), sum(same[32:]) < 32, str(at_client.value), str(at_server.value))
        )
    assert attempts[0] == attempts[1]
    assert attempts[0][1:3] == (True, True)


def test_states_are_used_once() -> None:
    registration = OpaqueClientRegistration(b"p")
    response = SERVER.registration_response("alice", registration.request)
    registration.finish(response, "alice", NODE, QUICK)
    client = OpaqueClientLogin(b"correct horse")
    answer, server = SERVER.start_login("alice", RECORD, client.request, NODE)
    ke3, _, _ = client.finish(answer, "alice", NODE, QUICK)
    server.finish(ke3)
    again: list[Callable[[], object]] = [
        lambda: registration.finish(response, "alice", NODE, QUICK),
        lambda: client.finish(answer, "alice", NODE, QUICK),
        lambda: server.finish(ke3),
    ]
    for second in again:
        with pytest.raises(StateError):
            second()
    assert len(client.request) == 96  # what was sent can still be read


def test_a_failed_attempt_uses_the_state_too() -> None:
    client = OpaqueClientLogin(b"correct horse")
    answer, server = SERVER.start_login("alice", RECORD, client.request, NODE)
    with pytest.raises(NotAuthentic):
        server.finish(bytes(64))
    with pytest.raises(StateError):
        server.finish(bytes(64))
    with pytest.raises(Malformed):
        client.finish(answer[1:], "alice", NODE, QUICK)
    with pytest.raises(StateError):
        client.finish(answer, "alice", NODE, QUICK)


def test_messages_of_a_wrong_length_or_that_are_no_points_are_malformed() -> None:
    client = OpaqueClientLogin(b"p")
    registration = OpaqueClientRegistration(b"p")
    calls: list[tuple[bytes, Callable[[bytes], object]]] = [
        (registration.request, lambda message: SERVER.registration_response("alice", message)),
        (client.request, lambda message: SERVER.start_login("alice", RECORD, message, NODE)),
        (RECORD, lambda message: SERVER.start_login("alice", message, client.request, NODE)),
        (RECORD, SERVER.registration_record),
        (SERVER.setup(), OpaqueServer),
    ]
    for good, call in calls:
        for wrong in (b"", good[:-1], good + b"\0"):
            with pytest.raises(Malformed):
                call(wrong)
    for request, call in calls[:2]:
        for element in (b"\xff" * 32, bytes(32)):  # no encoding of a point, and the neutral element
            with pytest.raises(Malformed):
                call(element + request[32:])


def test_any_flipped_bit_of_the_answer_is_refused() -> None:
    for at in (0, 31, 32, 64, 96, 128, 223, 224, 255, 256, 287, 288, 319):
        client = OpaqueClientLogin(b"correct horse")
        answer, _ = SERVER.start_login("alice", RECORD, client.request, NODE)
        changed = bytearray(answer)
        changed[at] ^= 1
        with pytest.raises((NotAuthentic, Malformed)):  # malformed where the bytes stop being a point
            client.finish(bytes(changed), "alice", NODE, QUICK)


@pytest.mark.parametrize(
    "parameters",
    [
        (7, 1, 1),
        (64, 0, 1),
        (64, 1, 0),
        (64, 1, 9),
        (2**32 - 1, 1, 1),
        (64, 2**32 - 1, 1),
        (64, 1, 2**32 - 1),
    ],
)
def test_stretching_out_of_range_is_refused(parameters: tuple[int, int, int]) -> None:
    with pytest.raises(Malformed):
        Argon2(*parameters)


def test_a_password_too_long_for_the_protocol_is_malformed() -> None:
    for start in (OpaqueClientLogin, OpaqueClientRegistration):
        start(bytes(65535))
        with pytest.raises(Malformed):
            start(bytes(65536))


def test_other_threads_run_while_a_password_is_stretched() -> None:
    """One stretching gives this thread its turn; where the machine gives it to somebody else meanwhile, the next one does."""
    clients = [OpaqueClientRegistration(b"p") for _ in range(100)]
    responses = [SERVER.registration_response("alice", client.request) for client in clients]
    started, seen, left = threading.Event(), threading.Event(), len(clients)

    def stretch() -> None:
        nonlocal left
        started.set()
        while left and not seen.is_set():
            left -= 1
            clients[left].finish(responses[left], "alice", NODE)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)  # from here on a thread goes on until it gives the GIL away by itself
    try:
        thread = threading.Thread(target=stretch)
        thread.start()
        started.wait()
        seen.set()
    finally:
        sys.setswitchinterval(interval)
    thread.join()
    assert left, "this thread had no turn before all were through"
