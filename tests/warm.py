"""Commands without the seconds that importing torch takes: a process that has imported it forks for each command.

Arguments, folder, environment, standard streams and exit code are those of a process of its own. This is not for tests
of how a process starts or ends: what it imports, its locale, streams that are closed, signals.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

CLIENT = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [b"."], [0, 1, 2])
    server.sendall(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode())
    server.shutdown(socket.SHUT_WR)
    answer = server.recv(16)
if not answer:
    sys.exit("the process that runs the commands of the tests has ended")
sys.exit(int(answer))
"""
ADDRESS = "commands"


class Warm:
    """A process that runs commands, and a program ``stabcert`` that hands them to it.

    Args:
        folder: for the program and a socket, with a short name: sockets have at most 100 characters.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = folder / "stabcert"
        self.program.write_text(CLIENT.format(python=sys.executable, address=str(folder / ADDRESS)))
        self.program.chmod(0o755)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(folder / ADDRESS))
        self.listener.listen(64)  # commands that come before it is ready wait
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm", str(self.listener.fileno())],
            cwd=Path(__file__).parents[1],
            env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
            pass_fds=[self.listener.fileno()],
        )

    def environment(self, **variables: str) -> dict[str, str]:
        """The variables of this process without those that choose for a command, and the program before all others."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith("STABCERT_")}
        path = os.pathsep.join([str(self.folder), str(Path(sys.executable).parent), os.environ["PATH"]])
        return {**mine, "HF_HUB_OFFLINE": "1", "PATH": path, **variables}

    def close(self) -> None:
        self.listener.close()
        self.process.kill()
        self.process.wait()


def _serve(listener: socket.socket) -> None:
    import matplotlib.pyplot  # noqa: F401
    import scipy.stats  # noqa: F401
    import timm  # noqa: F401
    import transformers.models.bert.modeling_bert  # noqa: F401

    import stabcert.models.hub
    import stabcert.report.terminal  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the guards
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _guard(connection)
        connection.close()


def _guard(connection: socket.socket) -> None:
    """Run one command and report its exit code; end it if nobody waits for it any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    request = b"".join(iter(lambda: connection.recv(2**16), b""))
    command = os.fork()
    if command == 0:
        connection.close()
        _run(*json.loads(request), streams)
    for stream in streams:  # a reader waits for the last writer
        os.close(stream)
    ended = os.pidfd_open(command)
    gone = select.poll()
    gone.register(ended, select.POLLIN)
    gone.register(connection, select.POLLHUP)
    if ended not in dict(gone.poll()):
        os.kill(command, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
    connection.sendall(str(code if code >= 0 else 128 - code).encode())
    os._exit(0)


def _run(arguments: list[str], folder: str, environment: dict[str, str], streams: list[int]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
    sys.argv = ["stabcert", *arguments]
    from stabcert.cli.app import main

    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
