"""completion report: one page that needs nothing else, well-formed, with the numbers of the run."""

import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from completion.cli.main import main

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8ffff3f0005fe02fe0def46b80000000049454e44ae426082"
)
VOID = {"meta", "img", "br", "hr", "link"}


class Page(HTMLParser):
    """Checks that tags nest, and keeps tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture
def evaluated(run_folder, monkeypatch):
    """A run after `completion evaluate`, with a renderer that writes one pixel."""

    def save(pictures, **_):
        for _, path in pictures:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(PIXEL)

    monkeypatch.setattr("completion.viz.render.save_pictures", save)
    assert main(["evaluate", f"run={run_folder}"]) == 0
    return run_folder


def test_the_page_is_whole_and_needs_nothing_else(evaluated):
    assert main(["report", f"run={evaluated}"]) == 0
    text = (evaluated / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    for tag, attributes in page.tags:
        assert tag not in ("link", "script", "iframe")
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith(("data:", "#"))
    assert not re.search(r"url\(|@import", text)
    sources = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    assert len(sources) == 3 and all(source.startswith("data:image/png;base64,") for source in sources)


def test_the_page_holds_the_numbers(evaluated):
    assert main(["report", f"run={evaluated}"]) == 0
    page = Page((evaluated / "report.html").read_text(encoding="utf-8"))
    words = " ".join(page.words)
    metrics = json.loads((evaluated / "metrics.json").read_text())
    for method in ("model", "dilated_input", "nearest_training_shape"):
        assert method.replace("_", " ") in words
        for metric in ("iou", "iou_missing", "cd_l1"):
            value = metrics["methods"][method][metric]["micro"]
            digits = 3 if value < 1 else 2 if value < 100 else 1
            assert f"{value:.{digits}f}" in words, (method, metric)
    assert "voxelisation floor" in words and metrics["machine"] in words
    assert "missing_weight" in words  # the config
    for label in ("best", "median", "worst"):
        assert any(word.startswith(label) for word in page.words)


def test_curves_are_drawn_from_the_csv(evaluated):
    assert main(["report", f"run={evaluated}", "pictures=false"]) == 0
    text = (evaluated / "report.html").read_text(encoding="utf-8")
    charts = [ElementTree.fromstring(chart) for chart in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]
    lines = [line for chart in charts for line in chart.iter() if line.tag.endswith("polyline")]
    assert len(lines) == 3, "train/loss, val/loss and val/iou"
    assert all(len(line.attrib["points"].split()) == 2 for line in lines)


def test_before_an_evaluation_the_page_says_so(run_folder):
    assert main(["report", f"run={run_folder}", "output=page.html"]) == 0
    words = " ".join(Page((run_folder.parent / "page.html").read_text(encoding="utf-8")).words)
    assert "Not evaluated yet" in words and not (run_folder / "report.html").exists()


def test_a_second_evaluation_has_its_own_table(evaluated):
    (evaluated / "metrics_real_scans.json").write_text((evaluated / "metrics.json").read_text())
    assert main(["report", f"run={evaluated}", "pictures=false"]) == 0
    words = Page((evaluated / "report.html").read_text(encoding="utf-8")).words
    assert any("real scans" in word for word in words)


@pytest.mark.parametrize(("text", "words"), [("{", "must be JSON"), ("{}", "must have data, split, methods")])
def test_broken_measures_are_one_sentence(run_folder, capsys, text, words):
    (run_folder / "metrics.json").write_text(text)
    assert main(["report", f"run={run_folder}"]) == 2
    message = capsys.readouterr().err
    assert words in message and "metrics.json" in message and message.count("\n") == 1
    assert not (run_folder / "report.html").exists()


def report_words(run) -> str:
    assert main(["report", f"run={run}"]) == 0
    return " ".join(Page((run / "report.html").read_text(encoding="utf-8")).words)


def test_measures_on_other_data_of_the_same_names_have_no_pictures_of_the_runs_own(evaluated):
    others = ["data=toy", "data.source.seed=9", "data.source.num_train=3", "data.source.num_test=3"]
    assert main(["evaluate", f"run={evaluated}", "baselines=false", *others]) == 0
    words = report_words(evaluated)
    name = json.loads((evaluated / "metrics.json").read_text())["data"]
    assert f"No pictures: {name}, which was measured, is not the run's own data." in words
    assert not (evaluated / "pictures").exists()


def test_pictures_are_drawn_by_the_checkpoint_that_was_evaluated(evaluated, monkeypatch):
    checkpoints = evaluated / "checkpoints"
    (checkpoints / "last.ckpt").write_bytes((checkpoints / "best.ckpt").read_bytes())
    assert main(["evaluate", f"run={evaluated}", "baselines=false", "ckpt=last"]) == 0
    (checkpoints / "best.ckpt").write_text("not to be read")
    assert "completed by last.ckpt" in report_words(evaluated)
    (checkpoints / "last.ckpt").unlink()
    words = report_words(evaluated)
    assert "No pictures: the run has no checkpoints/last.ckpt, which was measured." in words


def test_pictures_of_an_earlier_report_are_removed_and_no_others(evaluated):
    folder = evaluated / "pictures"
    folder.mkdir()
    earlier, other = (
        ["best_chair_00009_0.png", "worst_a_12.png"],
        ["best.png", "mine_a_0.png", "worst_a_0.txt"],
    )
    for name in earlier + other:
        (folder / name).write_bytes(PIXEL)
    assert main(["report", f"run={evaluated}"]) == 0
    names = {path.name for path in folder.iterdir()}
    assert names >= set(other) and not names & set(earlier) and len(names) == 3 + len(other)


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("run/config.yaml", "output must be a .html file, got run/config.yaml; name it so"),
        ("run", "output must be a file, got the folder run; name a page in it"),
        (
            "run/config.yaml/a.html",
            "output must be a file that can be written, got run/config.yaml/a.html (Not a",
        ),
    ],
)
def test_a_page_that_would_replace_something_else_or_cannot_be_written_is_refused(
    run_folder, capsys, output, words
):
    before = (run_folder / "config.yaml").read_bytes()
    assert main(["report", f"run={run_folder}", f"output={output}"]) == 2
    message = capsys.readouterr().err
    assert words in message and message.count("\n") == 1
    assert (run_folder / "config.yaml").read_bytes() == before


def test_measures_are_headed_by_their_split(evaluated):
    assert "Held-out measures" in report_words(evaluated)
    assert main(["evaluate", f"run={evaluated}", "baselines=false", "split=train"]) == 0
    words = report_words(evaluated)
    assert "Measures on the training split: per level" in words and "Held-out" not in words


def test_the_levels_support_is_called_no_bound(evaluated):
    words = report_words(evaluated)
    assert "support_recall, the share of true voxels" in words and "bounds no finer level" in words


def test_a_run_whose_pictures_cannot_be_written_is_told_what_to_do(evaluated, capsys):
    (evaluated / "pictures").write_text("no folder")
    assert main(["report", f"run={evaluated}", "output=page.html"]) == 2
    message = capsys.readouterr().err
    assert f"run must be a folder that can be written, got {evaluated} (Not a directory)" in message
    assert "pictures=false" in message and message.count("\n") == 1
    assert main(["report", f"run={evaluated}", "output=page.html", "pictures=false"]) == 0
