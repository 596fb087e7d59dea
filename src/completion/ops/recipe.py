"""What the native library is made of and how each file is compiled: sources, flags, architectures, hashes.

Runs no more than questions to the CUDA compiler and writes nothing; completion.ops.build does.
"""

import hashlib
import os
import platform
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from completion.ops.cuda_compiler import ARCHITECTURES, check_release, known_architectures, nvcc

PACKAGE = Path(__file__).resolve().parents[1]
TORCH_TARGET = "0x020b000000000000"  # stable ABI of torch 2.11: one binary serves 2.11 and everything later

# COMPLETION_SANITIZE=1: a wrong access or an undefined result ends the process. Python must then run with the
# sanitizers' runtime preloaded (scripts/check_sanitizers.py). CUDA kernels have compute-sanitizer instead.
SANITIZERS = ("-fsanitize=address,undefined",) if os.environ.get("COMPLETION_SANITIZE") == "1" else ()
SANITIZE_FLAGS = ("-O1", "-g1", "-fno-omit-frame-pointer", "-fno-sanitize-recover=undefined")

CXX_FLAGS = (
    "-std=c++17",
    "-O3",
    "-fPIC",
    "-fvisibility=hidden",
    "-ffp-contract=fast",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-Wall",
    f"-DTORCH_TARGET_VERSION={TORCH_TARGET}",
    # popcount and SSE 4.2, on every x86 processor since 2009; wider sets are chosen at run time.
    *(("-march=x86-64-v2",) if platform.machine() in ("x86_64", "AMD64") else ()),
    *((*SANITIZERS, *SANITIZE_FLAGS, "-DCOMPLETION_SANITIZE") if SANITIZERS else ()),
)
NVCC_FLAGS = (
    "-std=c++17",
    "-O3",
    "--expt-relaxed-constexpr",
    "-Xcompiler",
    "-fPIC,-fvisibility=hidden",
)
# By the end of a source's name: instructions that one architecture has alone. No other starts these kernels.
ONE_ARCHITECTURE = {"_warpgroup": "-gencode=arch=compute_90a,code=sm_90a"}
# --no-as-needed -ltorch: the weak CUDA stream symbol resolves in a CUDA torch only through this dependency.
# One word, because nvcc moves separate linker flags before the libraries.
LINK_FLAGS = (
    *("-shared", "-Wl,--no-as-needed,-ltorch,--as-needed", "-ltorch_cpu", "-lc10"),
    *SANITIZERS,
)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what the library is.

    Attributes:
        root: the csrc folder.
        sources: files to compile, sorted.
        cuda: whether CUDA kernels are part of the library.
    """

    root: Path
    sources: tuple[Path, ...]
    cuda: bool

    @property
    def key(self) -> str:
        """Short hash of sources, headers, flags and backend: the identity of the library."""
        flags = (CXX_FLAGS, NVCC_FLAGS, portable(ARCHITECTURES), ONE_ARCHITECTURE, LINK_FLAGS)
        digest = hashlib.sha256(repr((self.cuda, *flags)).encode())
        for path in (*self.sources, *headers(self.root, ("include", *folders(self.cuda)))):
            digest.update(str(path.relative_to(self.root)).encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()[:16]

    @property
    def library_name(self) -> str:
        """File name of the shared object."""
        return f"completion_{'cuda' if self.cuda else 'cpu'}_{self.key}.so"


def recipe(cuda: bool) -> Recipe:
    """Recipe of the library with or without CUDA kernels, from the sources beside this package."""
    root = source_root()
    files = [path for folder in folders(cuda) for path in (root / folder).iterdir()]
    sources = sorted(path for path in files if path.suffix in (".cpp", ".cu"))
    return Recipe(root=root, sources=tuple(sources), cuda=cuda)


def folders(cuda: bool) -> tuple[str, ...]:
    """Folders of csrc that are compiled."""
    return ("cpu", "cuda", "torch") if cuda else ("cpu", "torch")


@cache
def source_root() -> Path:
    """The csrc folder: inside the installed package, or at the root of a checkout.

    Raises:
        ImportError: neither is there.
    """
    for folder in (PACKAGE / "csrc", PACKAGE.parents[1] / "csrc"):
        if (folder / "include" / "completion").is_dir():
            return folder
    raise ImportError(
        f"completion.ops: native sources must be in {PACKAGE / 'csrc'}, got nothing there; "
        "reinstall the package"
    )


def headers(root: Path, folders: Iterable[str]) -> list[Path]:
    """Every header in these folders of csrc, sorted: all of them are part of an object's identity."""
    files = [path for folder in folders for path in (root / folder).rglob("*")]
    return sorted(path for path in files if path.suffix in (".h", ".cuh", ".inc"))


def cxx() -> str:
    """Path of the C++ compiler: $CXX or g++.

    Raises:
        ImportError: there is none.
    """
    name = os.environ.get("CXX", "g++")
    found = shutil.which(name)
    if found is None:
        raise ImportError(
            f"completion.ops: the C++ compiler must be on the PATH, got no {name!r}; install g++ "
            "(Debian, Ubuntu: apt install g++) or a package with a prebuilt library"
        )
    return found


def compile_command(recipe: Recipe, source: Path, target: Path) -> list[str]:
    """Command that compiles one source to one object; only the torch bindings see torch's headers."""
    include = ["-I", str(recipe.root / "include")]
    if source.suffix == ".cu":
        compiler = nvcc()
        if compiler is None:
            raise ImportError(
                "completion.ops: nvcc must be on the PATH or in $CUDA_HOME/bin for CUDA kernels, got none; "
                "install the CUDA toolkit or set COMPLETION_CUDA=0"
            )
        check_release(compiler)
        code = architectures(source, known_architectures(compiler))
        return [compiler, *NVCC_FLAGS, code, *include, "-c", str(source), "-o", str(target)]
    flags = list(CXX_FLAGS)
    if source.parent.name == "torch":
        from torch.utils.cpp_extension import include_paths  # slow import, needed only when compiling

        include += [item for path in include_paths() for item in ("-isystem", path)]
        flags += ["-DCOMPLETION_CUDA"] if recipe.cuda else []
    return [cxx(), *flags, *include, "-c", str(source), "-o", str(target)]


def architectures(source: Path, known: tuple[str, ...]) -> str:
    """Flag of nvcc that says which machine code it makes of a source, of what it knows."""
    special = (flag for end, flag in ONE_ARCHITECTURE.items() if source.stem.endswith(end))
    return next(special, portable(known))


def portable(known: tuple[str, ...]) -> str:
    """One portable form for the oldest architecture, machine code for each that is known from it.

    So the front end runs once, not once for each, which halves the time. No kernel asks which architecture it
    is compiled for.
    """
    oldest = f"compute_{ARCHITECTURES[0]}"
    return f"-gencode=arch={oldest},code=[{','.join([oldest, *(f'sm_{name}' for name in known)])}]"


def link_command(recipe: Recipe, objects: list[Path], target: Path) -> list[str]:
    """Command that links the objects; nvcc adds the static CUDA runtime, so it loads without CUDA too."""
    from torch.utils.cpp_extension import library_paths

    flags = [*LINK_FLAGS, *(f"-L{path}" for path in library_paths())]
    inputs = [*map(str, objects), "-o", str(target)]
    if not recipe.cuda:
        return [cxx(), *inputs, *flags]
    passed = [f"-Xlinker={flag[4:]}" if flag.startswith("-Wl,") else flag for flag in flags]
    return [nvcc() or "nvcc", "--cudart=static", *inputs, *passed]
