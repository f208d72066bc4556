"""Joining a cluster: a client's server that is too slow is asked again, a wrong address is not."""

import socket
from typing import Any

import pytest

from lrbench.errors import EngineUnavailable
from lrbench.runner.joining import ATTEMPTS, join


class Slow:
    """What `join` asks of Ray, where the first calls find nobody ready."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls: list[str] = []

    def is_initialized(self) -> bool:
        return False

    def init(self, address: str, **wanted: Any) -> None:
        self.calls.append(address)
        self.failures -= 1
        if self.failures >= 0:
            raise ConnectionAbortedError("Initialization failure from server:\nit took too long")

    def shutdown(self) -> None:
        self.calls.append("shutdown")


@pytest.fixture
def port() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_client_s_server_that_is_slow_is_asked_again(port: int) -> None:
    ray = Slow(ATTEMPTS - 1)
    join(ray, f"ray://127.0.0.1:{port}")
    assert ray.calls.count(f"ray://127.0.0.1:{port}") == ATTEMPTS


@pytest.mark.parametrize(("scheme", "calls"), [("ray://", ATTEMPTS), ("", 1)])
def test_who_never_answers_is_an_error_with_what_was_said(port: int, scheme: str, calls: int) -> None:
    ray = Slow(100)
    with pytest.raises(EngineUnavailable, match="Initialization failure from server: it took too long"):
        join(ray, f"{scheme}127.0.0.1:{port}")
    assert ray.calls.count(f"{scheme}127.0.0.1:{port}") == calls
