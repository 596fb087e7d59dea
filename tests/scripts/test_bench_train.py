"""bench_train.py on a machine without a GPU: small trainings as the command runs them."""

import json

import pytest


def test_each_way_has_its_times(script, monkeypatch, tmp_path, capsys):
    bench = script("bench_train")
    small = ["data.preparation.resolution=16", "data.batch_size=2", "model.channels=[4,8,8]"]
    record = tmp_path / "train.json"
    monkeypatch.setattr(bench, "EPOCHS", 2)
    monkeypatch.setattr(
        "sys.argv", ["bench_train", *small, "--items", "6", "--models", "minkowski", "--json", str(record)]
    )
    bench.main()
    trainings = json.loads(record.read_text())["trainings"]
    assert [training["way"] for training in trainings] == list(bench.WAYS)
    # Three steps an epoch, the first of which nothing comes before; the first epoch is left out.
    assert all(training["steps"] == 2 and training["median_ms"] > 0 for training in trainings)
    assert all(training["bare_ms"] > 0 for training in trainings)
    assert {training["batch_size"] for training in trainings} == {2}
    assert capsys.readouterr().out.count('"median_ms"') == len(bench.WAYS)


@pytest.mark.parametrize(
    ("items", "key", "told"),
    [
        ("3", "seed", "--items must be at least two batches, 4, got 3"),
        ("4", "data.nosuch", "the config has no key 'data.nosuch'"),
    ],
)
def test_errors_are_sentences(script, monkeypatch, items, key, told):
    words = ["bench_train", "data.preparation.resolution=16", "data.batch_size=2", f"{key}=3"]
    monkeypatch.setattr("sys.argv", [*words, "--models", "minkowski", "--items", items])
    with pytest.raises(SystemExit, match=told):
        script("bench_train").main()
