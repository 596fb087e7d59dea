"""The command itself: verbs, help and how errors read."""

import subprocess
import sys

import pytest

from completion.cli.main import VERBS, config_folder, file_name, main

pytestmark = pytest.mark.usefixtures("in_empty_folder")


def test_help_names_every_verb_and_loads_nothing_heavy():
    code = "import sys; from completion.cli.main import main; main(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert all(f"  {verb} " in done.stdout for verb in VERBS)
    assert not {"torch", "hydra", "lightning", "numpy"} & set(done.stdout.split())


def test_every_verb_has_a_config():
    assert {verb for verb in VERBS if not (config_folder() / f"{file_name(verb)}.yaml").is_file()} == set()


def test_the_shell_gets_exit_code_and_sentence():
    command = [sys.executable, "-m", "completion", "trian"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == f"completion: unknown verb 'trian'; choose one of {', '.join(VERBS)}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["max_epoch=3"], "the config has no key 'max_epoch'; --help tells every key\n"),
        (
            ["trainer.max_epoch=3"],
            "--help tells every key, +trainer.max_epoch=… adds one that its class takes\n",
        ),
        (["experiment=demon"], "Could not find 'experiment/demon'"),
        (["+speed=3"], "train: the config has no key 'speed'; --help tells every key"),
        (["+model.speed=3"], "must have keys that CompletionNet takes, got 'speed'"),
        (["trainer=gpu"], "trainer=cpu"),
        (["trainer.max_epochs=-3"], "trainer must have values that Lightning takes"),
        (["seed=abc"], "train: seed must be a whole number, got abc"),
        (["seed=-1"], "seed must be in 0"),
        (["calibrate=maybe"], "train: calibrate must be true or false, got maybe"),
        (["data.source=null"], "data.source must be a Source, got None"),
        (["data.preparation.camera=null"], "camera must be a DepthCamera, got None"),
        (["data.preparation.camera.noise=[a,b]"], "noise must be a list, each entry a number"),
        (["data.preparation.margin=0.5"], "margin must be finite and at least 1"),
        (["trainer.accelerator=null"], "trainer.accelerator must be"),
        (["model.channels=[4,8,0]", "model.thresholds=[0.3,0.4,0.5]"], "channels must be an integer in 1…"),
        (["model.channels=abc"], "model.channels must be a list, each entry a whole number"),
        (["run_dir="], "run_dir= must be a path, got nothing"),
        (["run_dir=null"], "train: run_dir must be text, got None"),
        (["-m", "run_dir=null"], "run_dir= must have a value, got null"),
        (["logger=null"], "must be chosen by the name of one of its files, got null"),
        (["logger=ä_b"], "logger=ä_b must be in Hydra's grammar; put quotes around its value"),
        (["data.batch_size=few"], "data.batch_size must be a whole number, got 'few'"),
        (["run_dir=nowhere", "ckpt=last"], "nowhere/checkpoints/last.ckpt"),
        (["data=folder"], "data.source.root= must be given"),
        (["model.policy._target_=os.getcwd"], "must begin with one of completion."),
    ],
)
def test_errors_are_one_sentence_and_exit_code_2(capfd, monkeypatch, arguments, words):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main(["train", *arguments]) == 2
    text = capfd.readouterr().err
    assert words in text
    (line,) = text.strip().splitlines()
    assert line.startswith("completion train: ")


@pytest.mark.parametrize("verb", ["prepare", "evaluate", "complete", "view", "report", "doctor", "build"])
def test_a_key_that_a_verb_lacks_is_refused(capfd, verb):
    given = {"evaluate": ["run=a"], "view": ["run=a"], "report": ["run=a"], "complete": ["run=a", "input=b"]}
    assert main([verb, *given.get(verb, []), "+speed=3"]) == 2
    assert f"completion {verb}: the config has no key 'speed'" in capfd.readouterr().err


def test_the_traceback_is_shown_on_request(capfd, monkeypatch):
    monkeypatch.setenv("COMPLETION_TRACEBACK", "1")
    assert main(["train", "max_epoch=3"]) == 2
    assert "Traceback" in capfd.readouterr().err


def test_what_nobody_foresaw_is_one_sentence_too(capfd, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def break_down(cfg):
        raise KeyError("methods")

    monkeypatch.setattr("completion.cli.train.run", break_down)
    assert main(["train"]) == 2
    assert capfd.readouterr().err == (
        "completion train: unexpected KeyError: 'methods'; COMPLETION_TRACEBACK=1 shows where it comes from\n"
    )


def test_output_that_nobody_reads_any_more_is_no_error(capfd, monkeypatch):
    def print_into_nothing(cfg):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("completion.cli.train.run", print_into_nothing)
    monkeypatch.setattr("sys.stderr.close", lambda: None)
    assert main(["train"]) == 1
    assert capfd.readouterr().err == ""
