"""Operators run on the caller's stream, forward and backward, and keep their scratch memory while they do."""

import torch
from tests.cuda.operators import Operands, every_result, on_features, operands
from tests.ops.voxel_sets import same_bits

CHANNELS = (32, 64)
DELAY = 400_000_000  # clock cycles: some 200 ms
LONG = 5 * DELAY  # longer than the host needs to launch everything, also where other tests keep it busy


def delayed_copies(given: Operands, delay: int = DELAY) -> Operands:
    """Zeros, into which the current stream copies the values after a delay."""
    zeros = Operands(*map(torch.zeros_like, given))
    torch.cuda._sleep(delay)
    for zero, value in zip(zeros, given, strict=True):
        zero.copy_(value)
    return zeros


def test_operators_follow_the_stream_that_makes_their_inputs(gpu: torch.device):
    given = operands(gpu, torch.float32, CHANNELS)
    expected = on_features(given)
    stream = torch.cuda.Stream(gpu)
    stream.wait_stream(torch.cuda.current_stream(gpu))
    with torch.cuda.stream(stream):
        results = on_features(delayed_copies(given, LONG))
        assert not stream.query(), "the host waited for the stream, or nothing ran on it"
    torch.cuda.current_stream(gpu).wait_stream(stream)
    same_bits(results, expected)


def test_scratch_memory_is_not_reused_too_early(gpu: torch.device):
    given = operands(gpu, torch.float32, CHANNELS)
    expected = on_features(given)
    stream = torch.cuda.Stream(gpu)
    for _ in range(10):
        stream.wait_stream(torch.cuda.current_stream(gpu))
        with torch.cuda.stream(stream):
            results = on_features(delayed_copies(given))
        # The default stream takes and fills what the host has given back, while the operators still run.
        for size in (2**12, 2**16, 2**20, 2**22, 2**24):
            for _ in range(8):
                torch.full((size,), float("nan"), device=gpu)
        torch.cuda.current_stream(gpu).wait_stream(stream)
        same_bits(results, expected)


def test_all_operators_on_a_side_stream(gpu: torch.device):
    expected = every_result(gpu)
    stream = torch.cuda.Stream(gpu)
    with torch.cuda.stream(stream):
        results = every_result(gpu)
    torch.cuda.current_stream(gpu).wait_stream(stream)
    same_bits(results, expected)


def test_two_streams_at_once(gpu: torch.device):
    given = [operands(gpu, dtype, CHANNELS) for dtype in (torch.float32, torch.bfloat16)]
    expected = [on_features(one) for one in given]
    streams = [torch.cuda.Stream(gpu) for _ in given]
    for stream in streams:
        stream.wait_stream(torch.cuda.current_stream(gpu))
    for _ in range(5):
        results = []
        for stream, one in zip(streams, given, strict=True):
            with torch.cuda.stream(stream):
                results.append(on_features(one))
        for stream in streams:
            torch.cuda.current_stream(gpu).wait_stream(stream)
        for one, other in zip(results, expected, strict=True):
            same_bits(one, other)
