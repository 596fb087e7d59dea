"""MinkowskiEngine 0.5.4's times, which no longer builds here, and how they relate to a run of ours.

From an earlier run on a 2-core x86-64 server (Zen 5, AVX-512), one thread, float32, same surfaces; OpenBLAS.
spconv was timed in that run too, so a ratio to spconv measured today carries over to MinkowskiEngine. Pruning
has no such bridge: there the milliseconds themselves are compared.
"""

from bench.inputs import Surfaces

CHANNELS = (16, 32, 64, 128)
FORWARD = ("subm3", False, False)
BACKWARD = ("subm3", True, False)
COLD = ("subm3", False, True)

# Milliseconds by channels: MinkowskiEngine, spconv (None: no such operation).
TABLE = {
    (64, FORWARD): ((8.9, 13.1, 55.3, 141.8), (5.5, 14.2, 57.7, 206.1)),
    (64, BACKWARD): ((16.8, 44.1, 139.6, 385.3), (15.7, 49.3, 175.9, 604.4)),
    (64, COLD): ((37.6, 39.4, 86.6, 174.2), (16.4, 26.7, 72.4, 221.3)),
    (64, ("down_up",)): ((14.0, 25.5, 48.7), (16.8, 29.2, 71.1)),
    (64, ("prune",)): ((1.3, 1.5, 1.5), None),
    (128, FORWARD): ((117.4, 193.7, 498.4, 1090.4), (89.5, 212.5, 478.5, 1282.6)),
    (128, BACKWARD): ((281.5, 508.0, 1242.6, 2874.6), (244.8, 527.2, 1321.4, 3566.2)),
    (128, COLD): ((483.3, 442.8, 720.9, 1455.4), (191.6, 324.0, 614.6, 1375.7)),
    (128, ("down_up",)): ((157.2, 293.6, 571.5), (176.3, 222.8, 591.0)),
    (128, ("prune",)): ((14.3, 19.4, 18.8), None),
}
# A training step of its completion network, 88 M parameters, batch 4: milliseconds by resolution.
STEP_MS = {64: 691.8, 128: 3788.1}


def relate(
    call: str, arguments: tuple, data: Surfaces, dtype: str, own_ms: float, spconv_ms: float | None
) -> dict[str, object] | None:
    """MinkowskiEngine's figure for a case and our ratio to it; None where the table has none.

    Args:
        call: name of the operation's function.
        arguments: its arguments after the data.
        data: what it ran on.
        dtype: of the features.
        own_ms: our time in this run.
        spconv_ms: spconv's in this run.
    """
    case = (call, *arguments[2:]) if call == "subm3" else (call,)
    entry = TABLE.get((data.resolution, case))
    if entry is None or dtype != "float32" or arguments[0] not in CHANNELS or data.batch_size != 4:
        return None
    column = CHANNELS.index(arguments[0])
    table_ms = entry[0][column]
    if entry[1] is None:
        return {"table_ms": table_ms, "ratio": table_ms / own_ms, "by": "milliseconds"}
    if spconv_ms is None:
        return None
    return {"table_ms": table_ms, "ratio": spconv_ms / own_ms * table_ms / entry[1][column], "by": "spconv"}
