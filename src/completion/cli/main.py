"""The `completion` command: chooses the verb, hands its overrides to Hydra, turns errors into sentences.

Owns no work of its own: each verb is `run(cfg)` in the module of its name, imported only when asked for.
"""

import codecs
import functools
import importlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import completion

if TYPE_CHECKING:
    from omegaconf import DictConfig

VERBS = {
    "prepare": "read shapes, simulate scans, voxelise and cache the result",
    "train": "train a completion network",
    "evaluate": "measure a trained run on held-out shapes, beside training-free baselines",
    "complete": "complete scans with a trained run and write points and meshes",
    "view": "open partial, completed and true shape in an interactive window",
    "report": "write a self-contained HTML page about a run",
    "import-minkowski": "make a run folder from weights trained with MinkowskiEngine",
    "doctor": "check the installation and say what is missing",
    "build": "compile the native operators ahead of their first use",
}
USAGE = "usage: completion VERB [key=value ...]"
HELP = ("-h", "--help")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one verb and returns the exit code: 0 done, 2 for an error the user can mend.

    Args:
        argv: Verb and overrides; those of the process by default.
    """
    codecs.register_error("plain", plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a letter that the terminal cannot show must not end a verb
            stream.reconfigure(errors="plain")
    arguments = list(sys.argv[1:] if argv is None else argv)
    verb = arguments[0] if arguments else "--help"
    if verb in (*HELP, "help", "--version"):
        return print_text(completion.__version__ if verb == "--version" else overview())
    if verb not in VERBS:
        print(f"completion: unknown verb '{verb}'; choose one of {', '.join(VERBS)}", file=sys.stderr)
        return 2
    return run_verb(verb, arguments[1:])


def print_text(text: str) -> int:
    """Prints it and returns the exit code: 1 if whoever reads has gone, 2 if it cannot be written."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        return reader_gone()
    except OSError as error:
        print(f"completion: the output must be writable, got {error.strerror}", file=sys.stderr)
        sys.stdout = None  # what is left in it would be tried again at the end
        return 2
    return 0


def reader_gone() -> int:
    """The exit code where nobody reads the output any more."""
    sys.stderr.close()  # the interpreter's own complaint helps nobody
    return 1


def plain(error: UnicodeError) -> tuple[str, int]:
    """What stands for a letter that a terminal lacks, -> or its number, and where to go on."""
    assert isinstance(error, UnicodeEncodeError)  # nothing is read from these streams
    letter = error.object[error.start]
    shown = "->" if letter == "→" else letter.encode("ascii", errors="backslashreplace").decode()
    return shown, error.start + 1


def overview() -> str:
    """The text of `completion --help`."""
    lines = [USAGE, "", completion.__doc__ or "", "", "verbs:"]
    lines += [f"  {verb:<{max(map(len, VERBS))}} {line}" for verb, line in VERBS.items()]
    lines += ["", "`completion VERB --help` tells every key of a verb, its value and what it means."]
    lines += ["An error shows its traceback when COMPLETION_TRACEBACK=1 is set."]
    return "\n".join(lines)


def config_folder() -> Path:
    """Folder of the configs: in the package when installed from a wheel, else at the top of the checkout."""
    package = Path(completion.__file__).parent
    candidates = [package / "configs", package.parents[1] / "configs"]
    for folder in candidates:
        if (folder / "train.yaml").is_file():
            return folder
    raise FileNotFoundError(
        f"config_folder: configs must be in one of {[str(c) for c in candidates]}; reinstall"
    )


def file_name(verb: str) -> str:
    """Name of the module and the config of a verb."""
    return verb.replace("-", "_")


def run_verb(verb: str, overrides: Sequence[str]) -> int:
    """Composes the config of `verb` and runs it; errors become one sentence and exit code 2."""
    # Threads that spin long while they wait hold each other up where other programs run too; those that never
    # spin are slow alone. 100 steps of the demo, alone and beside two busy processes: 7 and 38 s with
    # 100,000 turns, 12 and 21 s without any, 8 and 19 s so. OpenMP reads this when a verb loads torch.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra would print its own text and exit 1; this asks it to raise
    try:  # around the imports too, which take long enough to be interrupted
        return compose_and_run(verb, overrides)
    except BrokenPipeError:
        return reader_gone()
    except KeyboardInterrupt as interrupt:
        print(f"completion {verb}: interrupted{interrupt}", file=sys.stderr)
        return 130
    except Exception as error:
        from completion.cli.errors import report

        return report(verb, error)


def compose_and_run(verb: str, overrides: Sequence[str]) -> int:
    """Composes the config of `verb`, runs it and returns the exit code; its own errors are reported."""
    import hydra

    from completion.cli.errors import report
    from completion.cli.help_page import help_page
    from completion.cli.overrides import as_overrides
    from completion.cli.verb_values import check_verb_values

    module = importlib.import_module(f"completion.cli.{file_name(verb)}")
    flags: dict[str, str] = getattr(module, "FLAGS", {})  # a verb's flags, each short for an override
    positional: str | None = getattr(module, "POSITIONAL", None)
    adapted = getattr(module, "adapted", lambda words: words)
    words = [word for word in overrides if word not in HELP]
    given = adapted(as_overrides(words, flags, positional))
    if len(words) < len(overrides):
        as_used = getattr(module, "as_used", None)
        return print_text(help_page(verb, file_name(verb), given, config_folder(), as_used))
    if verb != "train" and {"-m", "--multirun"} & set(words):
        raise ValueError("-m is for train alone; leave it out and call the verb once for each value")
    sys.argv = [f"completion {verb}", *given]
    codes, gone = [0], list[BrokenPipeError]()

    @functools.wraps(module.run)
    def job(cfg: "DictConfig") -> None:
        # Caught inside the job: Hydra prints a line of its own about each job that raises.
        try:
            check_verb_values(verb, cfg, config_folder() / f"{file_name(verb)}.yaml")
            module.run(cfg)
        except BrokenPipeError as error:
            gone.append(error)
        except Exception as error:
            if is_interruption(error):
                raise KeyboardInterrupt from error
            codes.append(report(verb, error))

    folder = str(config_folder())
    hydra.main(version_base="1.3", config_path=folder, config_name=file_name(verb))(job)()
    if gone:
        raise gone[0]
    return max(codes)


def is_interruption(error: BaseException | None) -> bool:
    """Whether Ctrl-C is what an error comes from: a module in C that is being imported makes it another."""
    while isinstance(error, ImportError):
        error = error.__cause__ or error.__context__
    return isinstance(error, KeyboardInterrupt)
