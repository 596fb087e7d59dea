// Compiles the register tiles for each instruction set and chooses among them at run time.
#include "convolution_tiles.h"

#include <cstdlib>
#include <cstring>
#include <type_traits>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define COMPLETION_X86_SETS
#include <immintrin.h>
#endif

namespace completion::cpu {
namespace {

namespace generic {
constexpr int kVectorBytes = 16;
constexpr int kTileRows = 4;
constexpr int kOuterTile = 4;
#include "convolution_lists.inc"
#include "convolution_tiles.inc"
}  // namespace generic

#ifdef COMPLETION_X86_SETS
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace avx2 {
constexpr int kVectorBytes = 32;
constexpr int kTileRows = 6;
constexpr int kOuterTile = 4;
#include "convolution_lists.inc"
#include "convolution_tiles.inc"
}  // namespace avx2
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,fma")
namespace avx512 {
constexpr int kVectorBytes = 64;
constexpr int kTileRows = 8;
constexpr int kOuterTile = 8;
#include "convolution_avx512.inc"
#include "convolution_tiles.inc"
}  // namespace avx512
#pragma GCC pop_options
#endif

enum class InstructionSet { generic, avx2, avx512 };

InstructionSet choose_instruction_set() {
#ifdef COMPLETION_X86_SETS
  const char* limit = std::getenv("ATEN_CPU_CAPABILITY");
  const auto limited_to = [&](const char* name) { return limit != nullptr && std::strcmp(limit, name) == 0; };
  __builtin_cpu_init();
  if (limited_to("default")) return InstructionSet::generic;
  const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  if (wide && !limited_to("avx2")) return InstructionSet::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return InstructionSet::avx2;
#endif
  return InstructionSet::generic;
}

}  // namespace

template <class T>
const TileKernels<T>& tile_kernels() {
  static const InstructionSet set = choose_instruction_set();
#ifdef COMPLETION_X86_SETS
  if (set == InstructionSet::avx512) return avx512::kTileKernels<T>;
  if (set == InstructionSet::avx2) return avx2::kTileKernels<T>;
#endif
  return generic::kTileKernels<T>;
}

template const TileKernels<float>& tile_kernels<float>();
template const TileKernels<double>& tile_kernels<double>();

}  // namespace completion::cpu
