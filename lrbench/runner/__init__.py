"""The conductor: a session on a results folder, the policy of what to train, and one command as a whole."""

from lrbench.runner.conduct import Outcome, Policy, conduct, fixed, folder_of, stored_of, with_outlook
from lrbench.runner.executors import executor_of, threads
from lrbench.runner.listener import Listener
from lrbench.runner.session import Session
from lrbench.runner.signals import interrupts_raise, signals_raise
from lrbench.runner.threads import Threads
from lrbench.runner.verify import Verified, verify

__all__ = [
    "Listener",
    "Outcome",
    "Policy",
    "Session",
    "Threads",
    "Verified",
    "conduct",
    "executor_of",
    "fixed",
    "folder_of",
    "interrupts_raise",
    "signals_raise",
    "stored_of",
    "threads",
    "verify",
    "with_outlook",
]
