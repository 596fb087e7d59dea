"""Turns errors meant for users into one sentence on stderr and exit code 2; tracebacks only on request."""

import errno
import itertools
import os
import re
import sys
import traceback

from hydra.errors import HydraException, OverrideParseException
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

USER_ERRORS = (
    ValueError,
    TypeError,
    OSError,
    ImportError,
    RuntimeError,
    HydraException,
    OmegaConfBaseException,
)
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
USER_ERROR_CODE = 2
TRACEBACK_VARIABLE = "COMPLETION_TRACEBACK"


def report(verb: str, error: Exception) -> int:
    """Prints the sentence for `error` on stderr and returns the exit code for the shell.

    Args:
        verb: The verb that failed, for example "train".
        error: What was raised; one that is not in `USER_ERRORS` is called unexpected. With
            COMPLETION_TRACEBACK=1 its traceback is printed first.
    """
    if os.environ.get(TRACEBACK_VARIABLE) == "1":
        traceback.print_exception(error)
    print(f"completion {verb}: {sentence(error)}", file=sys.stderr)
    return USER_ERROR_CODE


def own_words(text: str) -> str:
    """The message of an error in a loader's process, which torch hands on with its traceback."""
    caught = re.match(r"Caught (\S+) in DataLoader worker", text)
    if caught is None:
        return text
    _, _, traced = text.rpartition("Traceback (most recent call last):\n")
    lines = itertools.dropwhile(lambda line: line.startswith(" "), traced.splitlines())
    return "\n".join(lines).removeprefix(f"{caught[1]}: ")


def sentence(error: BaseException) -> str:
    """One line that says what was wrong and, where it is known, what to do."""
    text = own_words(str(error).strip() or type(error).__name__)
    if not isinstance(error, USER_ERRORS):
        return (
            f"unexpected {type(error).__name__}: {' '.join(text.split())}; "
            f"{TRACEBACK_VARIABLE}=1 shows where it comes from"
        )
    if isinstance(error, MissingMandatoryValue):
        key = text.split(":")[-1].split()[0]
        return f"{key}= must be given on the command line"
    key = re.search(r"Could not override '([^']+)'", text)
    if key:
        more = f", +{key[1]}=… adds one that its class takes" if "." in key[1] else ""
        return f"the config has no key '{key[1]}'; --help tells every key{more}"
    if isinstance(error, OverrideParseException):
        return f"{error.override} must be in Hydra's grammar; put quotes around its value: 'key=\"value\"'"
    if "Config group override must be" in text:
        return "a group of configs must be chosen by the name of one of its files, got null"
    nothing = re.search(r"dereferencing interpolation '\$\{([^}]+)\}'.*'None'", text, re.DOTALL)
    if nothing:
        return f"{nothing[1]}= must have a value, got null; leave it out for the default"
    text = re.split(r"\n\s*(?:full_key|Config search path)", text)[0]
    if isinstance(error, OSError) and error.filename is not None:
        text = f"{error.strerror}: {error.filename}"
    elif isinstance(error, OSError) and error.errno in NO_ROOM:
        text = (
            f"{error.strerror}, in a file that the system does not name; make room on the disk of the run "
            "folder, the cache or the output, raise the user's limit there, or name another place"
        )
    return " ".join(text.split())
