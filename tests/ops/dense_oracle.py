"""What sparse operations must give, twice over: a dict of sites in plain Python, and torch's dense conv3d.

Imports nothing of the package: offsets, sets and sums are written again from their definitions.
"""

import math
from collections.abc import Callable, Iterable
from itertools import product

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as dense

Site = tuple[int, ...]  # batch, x, y, z in finest voxels
Sites = dict[Site, np.ndarray]  # feature per site
Reduce = Callable[[np.ndarray], np.ndarray]  # rows [n, C] to one [C]


def offsets(size: Site, dilation: Site, stride: Site, phase: str = "corner") -> list[Site]:
    """Offset of each kernel index, first axis fastest, in finest voxels."""
    found = []
    for iz, iy, ix in product(range(size[2]), range(size[1]), range(size[0])):
        site = []
        for i, k, d, t in zip((ix, iy, iz), size, dilation, stride, strict=True):
            first = (1 - k) // 2 if k % 2 == 1 else 0 if phase == "corner" else 1 - k // 2
            site.append((i + first) * d * t)
        found.append(tuple(site))
    return found


def shifted(site: Site, offset: Site, sign: int = 1) -> Site:
    """The site moved by the offset, in its own batch item."""
    return (site[0], *(c + sign * o for c, o in zip(site[1:], offset, strict=True)))


def coarse_set(sites: set[Site], stride: Site) -> set[Site]:
    """Floor cells of the sites."""
    return {(s[0], *(c // t * t for c, t in zip(s[1:], stride, strict=True))) for s in sites}


def generated_set(sites: set[Site], kernel: list[Site]) -> set[Site]:
    """All sites that the kernel reaches from the given ones."""
    return {shifted(site, offset) for site in sites for offset in kernel}


def expanded_set(sites: set[Site], kernel: list[Site], stride: Site) -> set[Site]:
    """The sites that the kernel reaches and that lie on the lattice of the stride."""
    return generated_set(sites, kernel) & coarse_set(generated_set(sites, kernel), stride)


def cell(factor: Site, stride: Site) -> list[Site]:
    """Offsets of the places in a floor cell, first axis fastest."""
    places = product(*(range(f) for f in reversed(factor)))
    return [tuple(i * t for i, t in zip(reversed(place), stride, strict=True)) for place in places]


def inside(site: Site, box: tuple[Site, Site]) -> bool:
    """Whether the site lies between the lowest corner and the exclusive highest one."""
    return all(low <= c < high for c, low, high in zip(site[1:], *box, strict=True))


def canonical(sites: Iterable[Site]) -> list[Site]:
    """Sites by batch item, then by the interleaved bits of z, y and x, highest first."""
    return sorted(sites, key=lambda site: (site[0], _morton(site)))


def _morton(site: Site) -> int:
    """Binary digits read as octal ones stand three bits apart."""
    x, y, z = (int(f"{c + 32768:b}", 8) for c in site[1:])
    return x | y << 1 | z << 2


def pool(x: Sites, targets: set[Site], window: list[Site], reduce: Reduce, channels: int) -> Sites:
    """The rows [n, C] under each target's window, reduced; zeros where there is none."""
    found = {site: [x[s] for s in (shifted(site, o) for o in window) if s in x] for site in targets}
    return {site: reduce(np.stack(v)) if v else np.zeros(channels) for site, v in found.items()}


def union(tensors: list[Sites]) -> Sites:
    """Sum of the tensors; a site that one lacks counts as zero."""
    sites = set().union(*tensors)
    return {site: sum(x[site] for x in tensors if site in x) for site in sites}


def interpolated(
    x: Sites, point: tuple[float, ...], stride: Site, channels: int, renormalise: bool
) -> np.ndarray:
    """Trilinear value at (batch, x, y, z) from the lattice sites around it that exist."""
    total, weight = np.zeros(channels), 0.0
    low = [math.floor(p / t) * t for p, t in zip(point[1:], stride, strict=True)]
    for corner in product((0, 1), repeat=3):
        site = (int(point[0]), *(o + c * t for o, c, t in zip(low, corner, stride, strict=True)))
        nearness = math.prod(1 - abs(p - s) / t for p, s, t in zip(point[1:], site[1:], stride, strict=True))
        if site in x:
            total, weight = total + nearness * x[site], weight + nearness
    return total / weight if renormalise and weight > 0 else total


def conv(x: Sites, targets: set[Site], kernel: list[Site], weight: np.ndarray) -> Sites:
    """`y[u] = sum_k x[u + off_k] W_k` by looking every neighbour up."""
    out = {}
    for site in targets:
        total = np.zeros(weight.shape[2])
        for k, offset in enumerate(kernel):
            neighbour = x.get(shifted(site, offset))
            if neighbour is not None:
                total = total + neighbour @ weight[k]
        out[site] = total
    return out


def conv_transpose(x: Sites, targets: set[Site], kernel: list[Site], weight: np.ndarray) -> Sites:
    """`y[p + off_k] += x[p] W_k` by scattering from every voxel, kept where a target is."""
    out = {site: np.zeros(weight.shape[2]) for site in targets}
    for site, value in x.items():
        for k, offset in enumerate(kernel):
            reached = shifted(site, offset)
            if reached in out:
                out[reached] = out[reached] + value @ weight[k]
    return out


def canvas_conv(
    x: Sites, targets: list[Site], size: Site, dilation: int, weight: Tensor, low: Site
) -> Tensor:
    """The same convolution at stride 1, by conv3d on a dense canvas whose cell (0, 0, 0) is `low`.

    Args:
        x: features by site; unit spacing.
        targets: sites to read the result at.
        size: kernel size per axis, odd.
        dilation: the same on every axis.
        weight: float64 [K, Cin, Cout].
        low: lowest x, y, z that the canvas must hold; it spans up to the highest coordinate.
    """
    reach = [k // 2 * dilation for k in size]
    batch = 1 + max(site[0] for site in x)
    high = [max(site[axis + 1] for site in [*x, *targets]) for axis in range(3)]
    shape = [h - o + 1 for h, o in zip(high, low, strict=True)]
    canvas = torch.zeros(batch, weight.shape[1], *shape, dtype=torch.float64)
    for site, value in x.items():
        i, j, k = (c - o for c, o in zip(site[1:], low, strict=True))
        canvas[site[0], :, i, j, k] = torch.from_numpy(value)
    out = dense.conv3d(canvas, dense_weight(weight, size), padding=tuple(reach), dilation=dilation)
    cells = torch.tensor([[s[0], *(c - o for c, o in zip(s[1:], low, strict=True))] for s in targets])
    return out[cells[:, 0], :, cells[:, 1], cells[:, 2], cells[:, 3]]


def dense_weight(weight: Tensor, size: Site) -> Tensor:
    """Weight [K, Cin, Cout], x fastest, as conv3d's [Cout, Cin, kx, ky, kz]."""
    kx, ky, kz = size
    return weight.view(kz, ky, kx, *weight.shape[1:]).permute(4, 3, 2, 1, 0).contiguous()


def as_sites(coords: Tensor, features: Tensor) -> Sites:
    """Rows as a dict."""
    rows = coords.cpu().tolist()
    return {
        tuple(row): value for row, value in zip(rows, features.detach().double().cpu().numpy(), strict=True)
    }
