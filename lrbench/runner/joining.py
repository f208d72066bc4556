"""Joining a Ray cluster, or starting one on this machine, without what Ray says, sends and handles by itself."""

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from lrbench import environment
from lrbench.config import OURS
from lrbench.errors import EngineUnavailable, MissingExtra, install_extra

ATTEMPTS = 3  # to be served as a client
KNOCKING = 5.0  # seconds until nobody is there


def import_ray() -> Any:
    """Import Ray, without what it says and sends by itself. Raises MissingExtra."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent to anybody
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # it warns otherwise; `open` hides GPUs
    try:
        import ray
    except ImportError as error:
        raise MissingExtra(
            "executor=ray needs Ray, which is not installed.",
            install_extra("ray"),
        ) from error
    logging.getLogger("ray").setLevel(logging.ERROR)
    return ray


def join(ray: Any, address: str | None) -> None:
    """Join a cluster, or start one on this machine. Raises EngineUnavailable."""
    if ray.is_initialized():
        return
    names = [*environment.VARIABLES, *OURS]
    variables = {name: os.environ[name] for name in names if name in os.environ}
    wanted: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
    if variables:
        wanted["runtime_env"] = {"env_vars": variables}
    if address is None:
        wanted["include_dashboard"] = False
    with _own_signals():
        try:
            _knock(address)
            _init(ray, address or "local", wanted)
        except Exception as error:  # Ray raises whatever its parts raise
            said = " ".join(dict.fromkeys((first_line(error), last_line(error))))
            raise EngineUnavailable(
                f"No Ray cluster answers at {address or 'this machine'}: {said}",
                "Start one with `ray start --head`, and say where: address=auto or address=ray://HOST:10001 "
                "(and set RAY_AUTH_MODE=token where it wants a token)",
            ) from error


def _init(ray: Any, address: str, wanted: Mapping[str, Any]) -> None:
    """Call `ray.init`, and again where the server of `ray://` lost what serves this client, or was too slow."""
    for left in reversed(range(ATTEMPTS)):
        try:
            ray.init(address, **wanted)
        except ConnectionError:
            if not (left and address.startswith("ray://")):
                raise
            with contextlib.suppress(Exception):  # whatever half of it stands
                ray.shutdown()
        else:
            return


def _knock(address: str | None) -> None:
    """Raise OSError if nothing listens at HOST:PORT or ray://HOST:PORT; Ray itself would try for minutes."""
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        with socket.create_connection((host.strip("[]"), int(port)), KNOCKING):
            pass


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keep the handlers of signals: Ray has its own for SIGTERM, which would end the process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def carry_users_code(ray: Any) -> None:
    """Have the user's own files go to the nodes as they are here, since nobody can import them there."""
    for name, module in list(sys.modules.items()):
        if name.startswith("lrbench_user_"):
            ray.cloudpickle.register_pickle_by_value(module)


def first_line(error: Exception) -> str:
    """Return the first line of what an error says that is not empty, or its kind."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def last_line(error: Exception) -> str:
    """Return the last line of what an error says that is not empty: that of the worker's own traceback."""
    return next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), "")
