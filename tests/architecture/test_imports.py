"""Imports go down only, and heavy dependencies stay in the folders that own them (read from the source)."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "completion"
CSRC = ROOT / "csrc"

# A folder may import itself and lower floors. ops and data share a floor: neither knows the other.
FLOORS = {
    "ops": 1,
    "data": 1,
    "sparse": 2,
    "nn": 3,
    "models": 4,
    "metrics": 4,
    "viz": 4,
    "training": 5,
    "cli": 6,
}
OWNERS = {
    "hydra": {"cli"},
    "lightning": {"training", "cli"},
    "pytorch_lightning": set(),
    "open3d": {"viz", "data"},
    "matplotlib": set(),
}


@dataclass(frozen=True)
class Import:
    """One import statement's module; `lazy` where it stands inside a function or under TYPE_CHECKING."""

    file: Path
    line: int
    module: str
    lazy: bool

    @property
    def folder(self) -> str:
        """The package folder that the file belongs to; empty for completion/__init__.py."""
        if self.file.name == "__main__.py":
            return "cli"
        return self.file.relative_to(PACKAGE).parts[0] if self.file.parent != PACKAGE else ""

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line} imports {self.module}"


def imports_of(file: Path) -> Iterator[Import]:
    """Every import of the file, also those inside functions."""

    def visit(node: ast.AST, lazy: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            inside = (
                lazy or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) or is_type_checking(child)
            )
            for module in modules_of(child, file):
                yield Import(file, child.lineno, module, inside)  # type: ignore[attr-defined]
            yield from visit(child, inside)

    yield from visit(ast.parse(file.read_text()), lazy=False)


def is_type_checking(node: ast.AST) -> bool:
    """Whether the node is an `if TYPE_CHECKING:` block, which never runs."""
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def modules_of(node: ast.AST, file: Path) -> list[str]:
    """Full names of what the statement imports; `from completion import ops` counts as completion.ops."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    above = file.relative_to(PACKAGE.parent).parts[: -node.level] if node.level else ()
    module = ".".join([*above, *([node.module] if node.module else [])])
    return [f"{module}.{alias.name}" for alias in node.names] if module == "completion" else [module]


def package_imports() -> list[Import]:
    """Every import of the package."""
    return [found for file in sorted(PACKAGE.rglob("*.py")) for found in imports_of(file)]


def test_the_reader_of_imports_sees_lazy_relative_and_package_imports(monkeypatch, tmp_path):
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path / "completion")
    file = tmp_path / "completion" / "nn" / "conv.py"
    file.parent.mkdir(parents=True)
    file.write_text(
        "from completion import ops\nfrom ..sparse import entry\ndef f():\n    import open3d.io\n"
    )
    found = [(item.module, item.lazy, item.folder) for item in imports_of(file)]
    assert found == [
        ("completion.ops", False, "nn"),
        ("completion.sparse", False, "nn"),
        ("open3d.io", True, "nn"),
    ]


def test_every_folder_of_the_package_has_a_floor():
    folders = {path.parent.relative_to(PACKAGE).parts[0] for path in PACKAGE.glob("*/**/*.py")}
    assert folders <= set(FLOORS)


def test_imports_go_down_only():
    wrong = []
    for item in package_imports():
        parts = item.module.split(".")
        if parts[0] != "completion" or len(parts) == 1 or parts[1] == item.folder or parts[1] not in FLOORS:
            continue
        if FLOORS[parts[1]] >= FLOORS.get(item.folder, 0):
            wrong.append(str(item))
    assert not wrong


def test_heavy_dependencies_stay_in_their_folders():
    wrong = [
        str(item)
        for item in package_imports()
        if item.folder not in OWNERS.get(item.module.split(".")[0], {item.folder})
    ]
    assert not wrong


def test_open3d_is_imported_lazily():
    wrong = [
        str(item) for item in package_imports() if item.module.split(".")[0] == "open3d" and not item.lazy
    ]
    assert not wrong


def test_the_reference_shares_no_code_with_the_native_operators():
    wrong = [
        str(item)
        for item in package_imports()
        if "reference" in item.file.relative_to(PACKAGE).parts
        and item.module.startswith("completion.")
        and not item.module.startswith("completion.ops.reference")
    ]
    assert not wrong


def includes_of(folder: str) -> list[tuple[str, str]]:
    """(file, header) of every include below a folder of csrc."""
    files = [
        path
        for path in sorted((CSRC / folder).rglob("*"))
        if path.suffix in {".h", ".cuh", ".cpp", ".cu", ".inc"}
    ]
    return [
        (str(path.relative_to(ROOT)), header)
        for path in files
        for header in re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', path.read_text(), re.MULTILINE)
    ]


TORCH = re.compile(r"(torch|ATen|c10|caffe2)/|^(torch|ATen|c10|Python)\b")
CUDA = re.compile(r"cuda|cub/|thrust/|cooperative_groups|cute/|cutlass/")
STABLE_TORCH = re.compile(r"torch/csrc/stable/|torch/headeronly/|torch/csrc/inductor/aoti_torch/c/")


def test_headers_of_both_backends_need_only_integers():
    wrong = [
        f"{file} includes {header}"
        for file, header in includes_of("include")
        if not re.fullmatch(r"cstdint|cstddef|completion/\w+\.h", header)
    ]
    assert not wrong


def test_cpu_kernels_know_neither_torch_nor_cuda():
    wrong = [
        f"{file} includes {header}"
        for file, header in includes_of("cpu")
        if TORCH.search(header) or CUDA.search(header)
    ]
    assert not wrong


def test_cuda_kernels_do_not_know_torch():
    assert not [f"{file} includes {header}" for file, header in includes_of("cuda") if TORCH.search(header)]


def test_bindings_use_the_stable_abi_of_torch_alone():
    wrong = [
        f"{file} includes {header}"
        for file, header in includes_of("torch")
        if TORCH.search(header) and not STABLE_TORCH.match(header)
    ]
    assert not wrong
