// Choices between ways of a product that give the same bits and whose speed only a GPU can tell. Compiled otherwise
// with COMPLETION_NVCC_FLAGS=-DCOMPLETION_WIDE_TILES=1 and the like; scripts/compare_choices.py times each.
#pragma once

// 256 columns where there are more than 128: rows are read half as often. 183 KB of shared memory, which
// architectures 90 and 100 have.
#ifndef COMPLETION_WIDE_TILES
#define COMPLETION_WIDE_TILES 0
#endif
#ifndef COMPLETION_TALL_TILES  // 256 rows of 64 columns: the weight is read half as often
#define COMPLETION_TALL_TILES 0
#endif
#ifndef COMPLETION_LOOSE_PANELS  // gaps over pairs too: three blocks on a multiprocessor for four
#define COMPLETION_LOOSE_PANELS 0
#endif
#ifndef COMPLETION_COPIES_BY_L1  // copies pass through the first-level cache: a tile asks for a row several times
#define COMPLETION_COPIES_BY_L1 0
#endif

#if COMPLETION_COPIES_BY_L1
#define COMPLETION_COPY "cp.async.ca"
#else
#define COMPLETION_COPY "cp.async.cg"
#endif

namespace completion::cuda {

constexpr bool kWideTiles = COMPLETION_WIDE_TILES;
constexpr bool kLoosePanels = COMPLETION_LOOSE_PANELS;
constexpr int kTallRows = COMPLETION_TALL_TILES ? 256 : 128;

}  // namespace completion::cuda
