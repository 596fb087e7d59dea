// Products of warpgroups, the tensor cores of architecture 90 at their full rate: four warps multiply 64 rows of one
// operand by all columns of the other, both read from shared memory while the warps go on. As PTX states wgmma.
//
// Operands lie as LinePanelLayout: a line of 128 bytes for each row, packs exchanged, at addresses of eight lines. A
// row of a panel is one of the left operand, or a column of the right one, and holds its depth; or it is a depth and
// holds rows or columns, 64 in each line.
#pragma once

#include "panel.cuh"
#ifndef __CUDACC__
#include <warpgroup_on_host.h>  // of the tests, which run the kernels without a GPU
#endif

namespace completion::cuda {

constexpr int kWarpgroupThreads = 128;
constexpr int kWarpgroupRows = 64;   // of the left operand
constexpr int kWarpgroupDepth = 16;  // half elements of one product

/// Whether so many blocks share a multiprocessor: 228 KB, one of them for each block's own use.
template <class Shared, int kBlocks>
constexpr bool kBlocksFit = kBlocks * (sizeof(Shared) + 1024) <= 228 * 1024;

/// Whether the current device has them; what is compiled for that architecture runs on no other.
inline bool has_warpgroups() { return device_attribute(cudaDevAttrComputeCapabilityMajor) == 9; }

#ifdef __CUDACC__

/// An operand as the instruction wants it told.
using SharedMatrix = uint64_t;

/// The matrix from an address on, its panels so many bytes apart.
__device__ __forceinline__ SharedMatrix matrix_at(SharedAddress address, int panel_bytes) {
  constexpr uint64_t kExchangedPacks = uint64_t{1} << 62, kRowStep = uint64_t{kEightLines / 16} << 32;
  return kExchangedPacks | kRowStep | static_cast<uint64_t>(panel_bytes / 16) << 16 | address / 16;
}

/// The matrix so many bytes on.
__device__ __forceinline__ SharedMatrix advanced(SharedMatrix matrix, int bytes) { return matrix + bytes / 16; }

/// What threads have copied or written to shared memory is seen by products after this and a barrier.
__device__ __forceinline__ void show_to_products() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

/// Before the first product of a group: registers of sums are as other instructions left them.
__device__ __forceinline__ void begin_products() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }

/// Ends a group of products.
__device__ __forceinline__ void commit_products() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

/// Waits until all but the last kPending groups of this warpgroup are done.
template <int kPending>
__device__ __forceinline__ void wait_for_products() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
}

/// After the last wait: sums are read no earlier.
template <int kRight>
__device__ __forceinline__ void settle(float (&sums)[1][kRight][4]) {
#pragma unroll
  for (int j = 0; j < kRight; ++j) {
#pragma unroll
    for (int value = 0; value < 4; ++value) asm volatile("" : "+f"(sums[0][j][value])::"memory");
  }
}

#define COMPLETION_SUMS_1(j) "+f"(sums[0][j][0]), "+f"(sums[0][j][1]), "+f"(sums[0][j][2]), "+f"(sums[0][j][3])
#define COMPLETION_SUMS_2(j) COMPLETION_SUMS_1(j), COMPLETION_SUMS_1(j + 1)
#define COMPLETION_SUMS_4(j) COMPLETION_SUMS_2(j), COMPLETION_SUMS_2(j + 2)
#define COMPLETION_SUMS_8(j) COMPLETION_SUMS_4(j), COMPLETION_SUMS_4(j + 4)

// clang-format off
#define COMPLETION_MULTIPLY_64(types)                                                                                  \
  asm volatile(                                                                                                        \
  "wgmma.mma_async.sync.aligned.m64n64k16.f32." types " {"                                                             \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, "                    \
  "%21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"                                                              \
  "}, %32, %33, 1, 1, 1, %34, %35;"                                                                                    \
  : COMPLETION_SUMS_8(0)                                                                                               \
  : "l"(left), "l"(right), "n"(kLeftByDepth ? 1 : 0), "n"(kRightByDepth ? 1 : 0))

#define COMPLETION_MULTIPLY_128(types)                                                                                 \
  asm volatile(                                                                                                        \
  "wgmma.mma_async.sync.aligned.m64n128k16.f32." types " {"                                                            \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, "                    \
  "%21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, "                    \
  "%40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, "                    \
  "%59, %60, %61, %62, %63"                                                                                            \
  "}, %64, %65, 1, 1, 1, %66, %67;"                                                                                    \
  : COMPLETION_SUMS_8(0), COMPLETION_SUMS_8(8)                                                                         \
  : "l"(left), "l"(right), "n"(kLeftByDepth ? 1 : 0), "n"(kRightByDepth ? 1 : 0))

#define COMPLETION_MULTIPLY_256(types)                                                                                 \
  asm volatile(                                                                                                        \
  "wgmma.mma_async.sync.aligned.m64n256k16.f32." types " {"                                                            \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, "                    \
  "%21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, "                    \
  "%40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, "                    \
  "%59, %60, %61, %62, %63, %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, "                    \
  "%78, %79, %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, %96, "                    \
  "%97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, %112, "                      \
  "%113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"                           \
  "}, %128, %129, 1, 1, 1, %130, %131;"                                                                                \
  : COMPLETION_SUMS_8(0), COMPLETION_SUMS_8(8), COMPLETION_SUMS_8(16), COMPLETION_SUMS_8(24)                           \
  : "l"(left), "l"(right), "n"(kLeftByDepth ? 1 : 0), "n"(kRightByDepth ? 1 : 0))
// clang-format on

/// sums += left · right, of 16 in depth; done when wait_for_products says so. By depth: the rows of an operand's panel
/// are depths.
template <bool kLeftByDepth, bool kRightByDepth, class Scalar, int kRight>
__device__ __forceinline__ void multiply_warpgroup(Scalar, SharedMatrix left, SharedMatrix right,
                                                   float (&sums)[1][kRight][4]) {
  static_assert(kRight == 8 || kRight == 16 || kRight == 32, "64, 128 or 256 columns");
  constexpr bool kBFloat16 = std::is_same_v<Scalar, BFloat16>;
  static_assert(kBFloat16 || std::is_same_v<Scalar, Float16>, "half types");
  if constexpr (kRight == 8 && kBFloat16) COMPLETION_MULTIPLY_64("bf16.bf16");
  if constexpr (kRight == 8 && !kBFloat16) COMPLETION_MULTIPLY_64("f16.f16");
  if constexpr (kRight == 16 && kBFloat16) COMPLETION_MULTIPLY_128("bf16.bf16");
  if constexpr (kRight == 16 && !kBFloat16) COMPLETION_MULTIPLY_128("f16.f16");
  if constexpr (kRight == 32 && kBFloat16) COMPLETION_MULTIPLY_256("bf16.bf16");
  if constexpr (kRight == 32 && !kBFloat16) COMPLETION_MULTIPLY_256("f16.f16");
}

#undef COMPLETION_MULTIPLY_64
#undef COMPLETION_MULTIPLY_128
#undef COMPLETION_MULTIPLY_256
#undef COMPLETION_SUMS_1
#undef COMPLETION_SUMS_2
#undef COMPLETION_SUMS_4
#undef COMPLETION_SUMS_8

#endif

}  // namespace completion::cuda
