"""profile_kernels.py as far as a machine without a GPU can run it."""

import pytest


@pytest.fixture
def profile_kernels(script):
    """The script as a module."""
    return script("profile_kernels")


@pytest.mark.parametrize(
    ("kernel", "short"),
    [
        (
            "void completion::cuda::(anonymous namespace)::convolve_tile<completion::cuda::ConvolutionTile<"
            "completion::cuda::Float16, 128, 64, 32, 64, false, true> >(completion::ConvolutionParams)",
            "convolve_tile<ConvolutionTile<Float16, 128, 64, 32, 64, false, true> >",
        ),
        ("completion::cuda::mark_children(completion::GenerativeSetParams, int)", "mark_children"),
        ("Memset (Device)", "Memset "),
        ("nvjet_sm90_hsh_64x32", "nvjet_sm90_hsh_64x32"),
    ],
)
def test_names_lose_what_does_not_tell_kernels_apart(profile_kernels, kernel, short):
    assert profile_kernels.short_name(kernel) == short


@pytest.mark.parametrize("name", ["grown:300:3:8:float32", "subm3:300:8:tf32"])
def test_cases_run(profile_kernels, name):
    precision, make = profile_kernels.case_of(name)
    assert precision == name.rsplit(":", 1)[1]
    assert all(part is not None for part in make("cpu")())


@pytest.mark.parametrize(
    "name", ["grown", "grown:300:3:float16", "subm3:300:8", "subm3:x:8:float16", "a:1:2:float16"]
)
def test_other_cases_are_refused_in_a_sentence(profile_kernels, name):
    with pytest.raises(SystemExit, match=r"profile_kernels: case must .*, got "):
        profile_kernels.case_of(name)


def test_table_lists_what_took_time_the_longest_first(profile_kernels):
    times = {"a": (0.5, 10), "idle": (0.0, 10), "b": (1.0, 20)}
    assert list(profile_kernels.table("case", 2.0, times)) == [
        "## case: 2.000 ms; kernels 1.500 ms",
        "1.0000 ms 2x b",
        "0.5000 ms 1x a",
    ]
