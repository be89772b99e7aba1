"""Many inputs on several Ray workers: each has its own model and takes the next input; dead workers are replaced."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, redirect_stdout
from typing import Any, Generic, TypeVar

from stabcert.errors import ModelError, ParameterError

Task = TypeVar("Task")
Result = TypeVar("Result")

ATTEMPTS = 3
"""Workers that may die on one input before it counts as failed."""
_LOOK_AHEAD = 4
"""Inputs per worker that may start after the first unfinished one, so that the number of waiting results is bounded."""
_OBJECT_STORE_BYTES = 100 * 2**20  # results are small; Ray would take 30% of the memory


class Pool(Generic[Task, Result]):
    """Ray actors that all apply the same function to different inputs.

    Each actor unpickles ``do`` once, so that it keeps what it has loaded. As a context manager, a pool ends its
    actors, and a cluster that it started. Ray sends no usage statistics. Its threads print to standard output,
    which is therefore redirected: ``sys.stdout`` is another stream while the pool exists.

    Args:
        do: processes one input. It must be picklable, and so must inputs and results.
        gave_up: returns the result for an input on which `ATTEMPTS` workers died.
        workers: number of actors.
        address: address of an existing cluster, or None to start one on this machine.
        verbose: show the output of Ray.
        gpus: use the GPUs of the cluster, one for each worker, if it has any.
        notify: receives messages for the user.

    Raises:
        ModelError: the cluster cannot be reached or started.
        ParameterError: Ray is not installed, or the cluster is too small.
    """

    def __init__(
        self,
        do: Callable[[Task], Result],
        gave_up: Callable[[Task, ModelError], Result],
        *,
        workers: int,
        address: str | None = None,
        verbose: bool = False,
        gpus: bool = True,
        notify: Callable[[str], None],
    ) -> None:
        self._ray = import_ray()
        self._gave_up = gave_up
        self._notify = notify
        self._actors: list[Any] = []
        self._owner = not self._ray.is_initialized()
        self._redirected = ExitStack()
        self._redirected.enter_context(redirect_stdout(sys.stderr if verbose else io.StringIO()))
        try:
            if self._owner:
                self._connect(workers, address)
            each_gpu = self._share(workers, gpus=gpus)
            threads = threads_per_worker(workers)
            if each_gpu == 0 and threads != (os.cpu_count() or 1) and "OMP_NUM_THREADS" not in os.environ:
                self._notify(
                    f"each of {workers} workers uses {threads} threads. Last digits can differ from a run on all "
                    f"cores, unless both have OMP_NUM_THREADS={threads}"
                )
            actor = self._ray.remote(
                num_cpus=1,
                num_gpus=each_gpu,
                max_restarts=0,
                runtime_env={"env_vars": {"OMP_NUM_THREADS": str(threads)}},
            )(_Worker)
            reference = self._ray.put(do)
            self._start: Callable[[], Any] = lambda: actor.remote(reference, os.getcwd())
            self._actors = [self._start() for _ in range(workers)]
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Pool[Task, Result]:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        for actor in self._actors:
            self._ray.kill(actor)
        self._actors = []
        if self._owner:
            self._ray.shutdown()
        self._redirected.close()

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[int, Result]]:
        """Yield position and result of each task in the order of completion; few wait for an earlier one."""
        ray, attempts = self._ray, [0] * len(tasks)
        died = (ray.exceptions.RayActorError, ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError)
        again: list[int] = []
        fresh, unfinished, busy = 0, set[int](), dict[Any, tuple[int, Any]]()
        free = list(self._actors)
        while True:
            while free and (again or fresh < len(tasks)):
                if again:
                    position = again.pop(0)
                elif fresh - min(unfinished, default=fresh) < _LOOK_AHEAD * len(self._actors):
                    position, fresh = fresh, fresh + 1
                    unfinished.add(position)
                else:
                    break
                attempts[position] += 1
                actor = free.pop()
                busy[actor.do.remote(tasks[position])] = position, actor
            if not busy:
                return
            (done,), _ = ray.wait(list(busy), num_returns=1)
            position, actor = busy.pop(done)
            try:
                result = ray.get(done)
            except died as error:
                free.append(self._replace(actor))
                if attempts[position] < ATTEMPTS:
                    self._notify(
                        f"a worker died (attempt {attempts[position]} of {ATTEMPTS} for its input) and is replaced"
                    )
                    again.append(position)
                    continue
                result = self._gave_up(tasks[position], _fatal(error))
            else:
                free.append(actor)
            unfinished.discard(position)
            yield position, result

    def _connect(self, workers: int, address: str | None) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        terminate = signal.getsignal(signal.SIGTERM)
        quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
        local = {"num_cpus": workers, "object_store_memory": _OBJECT_STORE_BYTES, "include_dashboard": False}
        try:
            self._ray.init(**quiet, **({"address": "local"} | local if address is None else {"address": address}))
        except (ConnectionError, RuntimeError, ValueError, TimeoutError, OSError) as error:
            place = "on this machine" if address is None else f"at {address}"
            raise ModelError(f"no Ray cluster {place}: {str(error).splitlines()[0]}") from error
        finally:
            # Ray installs its own handler, which ends the process before everything is written.
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, terminate)

    def _share(self, workers: int, *, gpus: bool) -> int:
        """Return the number of GPUs for each worker.

        Raises:
            ParameterError: the cluster has too few CPUs or GPUs.
        """
        resources = self._ray.cluster_resources()
        found = int(resources.get("GPU", 0)) if gpus else 0
        for name, number in (("GPU", found), ("CPU", int(resources.get("CPU", 0)))):
            if number < workers and (name == "CPU" or number):
                way_out = " or --device cpu" if name == "GPU" else ""
                raise ParameterError(
                    f"{workers} workers need a {name} each, and the Ray cluster has {number}. "
                    f"Use --workers {max(number, 1)}{way_out}"
                )
        return 1 if found else 0

    def _replace(self, dead: Any) -> Any:
        actor = self._start()
        self._actors[self._actors.index(dead)] = actor
        return actor


class _Worker:
    """The code of an actor."""

    def __init__(self, do: Callable[[Any], Any], folder: str) -> None:
        # Relative names mean the same as in the command, regardless of where the cluster was started.
        if os.path.isdir(folder):
            os.chdir(folder)
        self._do = do

    def do(self, task: Any) -> Any:
        return self._do(task)


def import_ray() -> Any:
    """Import Ray and return it.

    Raises:
        ParameterError: Ray is not installed. The message names the command that installs it.
    """
    try:
        import ray
    except ImportError as error:
        raise ParameterError(
            'workers need Ray. Install it with pip install "stabcert-attributions[ray]", '
            "or split the inputs among processes with --shard"
        ) from error
    return ray


def threads_per_worker(workers: int) -> int:
    """Return OMP_NUM_THREADS if it is set, otherwise an equal share of the cores."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdecimal() and int(given) else max(1, (os.cpu_count() or 1) // workers)


def _fatal(error: Exception) -> ModelError:
    reason = str(error).strip().splitlines()
    return ModelError(
        f"{ATTEMPTS} workers died one after another on this input, perhaps because memory ran out. Use fewer --workers "
        f"or a smaller --batch-size ({reason[0] if reason else type(error).__name__})"
    )
