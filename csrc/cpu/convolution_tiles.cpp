// Compiles the register tiles for each instruction set and chooses among them at run time.
#include "convolution_tiles.h"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include "instruction_set.h"

namespace completion::cpu {
namespace {

namespace generic {
constexpr int kVectorBytes = 16;
constexpr int kTileRows = 4;
constexpr int kWideTileRows = 0;
constexpr int kOuterSums = 8;
#include "convolution_lists.inc"
#include "convolution_tiles.inc"
}  // namespace generic

#ifdef COMPLETION_X86_SETS
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace avx2 {
constexpr int kVectorBytes = 32;
constexpr int kTileRows = 6;
constexpr int kWideTileRows = 0;
constexpr int kOuterSums = 12;
#include "convolution_lists.inc"
#include "convolution_tiles.inc"
}  // namespace avx2
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,fma")
namespace avx512 {
constexpr int kVectorBytes = 64;
constexpr int kTileRows = 8;
constexpr int kWideTileRows = 6;
constexpr int kOuterSums = 26;
#include "convolution_avx512.inc"
#include "convolution_tiles.inc"
}  // namespace avx512
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,avx512bf16,fma")
#define COMPLETION_BFLOAT16_PRODUCTS
namespace avx512bf16 {
constexpr int kVectorBytes = 64;
constexpr int kTileRows = 8;
constexpr int kWideTileRows = 6;
constexpr int kOuterSums = 26;
#include "convolution_avx512.inc"
#include "convolution_bfloat16.inc"
#include "convolution_tiles.inc"
}  // namespace avx512bf16
#undef COMPLETION_BFLOAT16_PRODUCTS
#pragma GCC pop_options
#endif

}  // namespace

template <class T>
const TileKernels<T>& tile_kernels() {
#ifdef COMPLETION_X86_SETS
  if (instruction_set() == InstructionSet::avx512) return avx512::kTileKernels<T>;
  if (instruction_set() == InstructionSet::avx2) return avx2::kTileKernels<T>;
#endif
  return generic::kTileKernels<T>;
}

template const TileKernels<float>& tile_kernels<float>();
template const TileKernels<double>& tile_kernels<double>();

#ifdef COMPLETION_X86_SETS
bool has_bfloat16_products() {
  static const bool has = instruction_set() == InstructionSet::avx512 && __builtin_cpu_supports("avx512bf16");
  return has;
}

template <>
const TileKernels<BFloat16Pair>& tile_kernels<BFloat16Pair>() {
  return avx512bf16::kTileKernels<BFloat16Pair>;
}

const BFloat16Rows& bfloat16_rows() { return avx512bf16::kBFloat16Rows; }
#else
bool has_bfloat16_products() { return false; }

// Never called: nothing is chosen that has_bfloat16_products() denies.
template <>
const TileKernels<BFloat16Pair>& tile_kernels<BFloat16Pair>() {
  static const TileKernels<BFloat16Pair> none{};
  return none;
}

const BFloat16Rows& bfloat16_rows() {
  static const BFloat16Rows none{};
  return none;
}
#endif

}  // namespace completion::cpu
