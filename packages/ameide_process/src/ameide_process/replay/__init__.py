"""The replay gate: does today's code go on with the runs that yesterday's code began?

Temporal's Replayer refuses another order of commands. It lets pass what a command says: arguments, timeouts, durations,
results. Both are looked at here, for every stored history and under several hash seeds.
"""

from ameide_process.replay._comparison import Difference
from ameide_process.replay._gate import ReplayReport, approve, check_histories, described, histories_folder
from ameide_process.replay._stored_history import (
    HistoryError,
    StoredHistory,
    chain_problems,
    history_files,
    read_folder,
    read_history,
)

__all__ = [
    "Difference",
    "HistoryError",
    "ReplayReport",
    "StoredHistory",
    "approve",
    "chain_problems",
    "check_histories",
    "described",
    "histories_folder",
    "history_files",
    "read_folder",
    "read_history",
]
