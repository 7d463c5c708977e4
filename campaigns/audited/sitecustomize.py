"""Python imports this before all else where the folder is on its path: what a process does that could run foreign code,
leave the machine or unpack an archive is written down, with who did it."""

import json
import os
import sys
from types import CodeType, FrameType
from typing import Any

HEARD = os.open(os.environ["AUDITED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
EVENTS = {
    "open", "exec", "pickle.find_class", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn",
    "subprocess.Popen",
    "shutil.unpack_archive", "socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname",
    "urllib.Request", "webbrowser.open",
}  # fmt: skip
INSTALLED = (sys.prefix, sys.base_prefix, os.environ["AUDITED_SOURCE"], "<frozen ")


def hear(event: str, about: tuple[Any, ...]) -> None:
    """Called by Python before whatever it has an audit event for."""
    if event not in EVENTS:  # that a frame is asked for is an event too
        return
    caller = sys._getframe().f_back
    if event == "open":
        writes = isinstance(about[1], str) and set(about[1]) & set("wax+")
        if writes and extracting(caller):
            tell("extraction", caller, about[0])
    elif not (event == "exec" and imports(caller, about[0])):
        tell(event, caller, about[0].co_filename if event == "exec" else about)


def imports(caller: FrameType | None, code: CodeType) -> bool:
    """Whether this is an import, or `python -m`, of a file that is installed, or what `python -c` was given."""
    if caller is None:
        return True
    by = caller.f_code.co_filename
    return by.startswith(("<frozen importlib", "<frozen runpy")) and code.co_filename.startswith(INSTALLED)


def extracting(frame: FrameType | None) -> bool:
    while frame and not frame.f_code.co_filename.endswith(("/tarfile.py", "/zipfile.py")):
        frame = frame.f_back
    return frame is not None


def tell(event: str, caller: FrameType | None, what: object) -> None:
    while caller and caller.f_back and caller.f_code.co_filename.endswith("/subprocess.py"):
        caller = caller.f_back
    by = caller.f_code if caller else hear.__code__
    told = {"event": event, "file": by.co_filename, "in": by.co_name, "what": repr(what)[:300]}
    os.write(HEARD, (json.dumps(told) + "\n").encode())


sys.addaudithook(hear)
