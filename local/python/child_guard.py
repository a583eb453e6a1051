"""Runs a command and ends it, with all its children, when standard input closes: even after the parent was killed."""

import os
import signal
import subprocess
import sys
import threading

child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)


def end(*_: object) -> None:
    for sign, patience in ((signal.SIGTERM, 3), (signal.SIGKILL, 3)):
        try:
            os.killpg(child.pid, sign)
            child.wait(patience)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    # The process group still exists while any worker runs, so end it too.
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    os._exit(child.returncode or 0)


def watch() -> None:
    while sys.stdin.buffer.read(4096):
        pass
    end()


for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(name, end)
threading.Thread(target=watch, daemon=True).start()
child.wait()
end()
