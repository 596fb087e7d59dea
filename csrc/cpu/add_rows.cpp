// add_rows on the CPU: both rows are read and their sum is written in one pass; an absent row is one of zeros.
#include "completion/add_rows.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "instruction_set.h"

namespace completion::cpu {
namespace {

constexpr int64_t kStreamedBytes = int64_t{32} << 20;  // of the sum; a smaller one may be read from the caches next

struct BFloat16 {
  uint16_t bits;
};

inline float widen(float value) { return value; }
inline double widen(double value) { return value; }
inline float widen(BFloat16 value) {
  const uint32_t bits = uint32_t{value.bits} << 16;
  float wide;
  std::memcpy(&wide, &bits, sizeof(wide));
  return wide;
}

inline void narrow(float value, float* to) { *to = value; }
inline void narrow(double value, double* to) { *to = value; }
inline void narrow(float value, BFloat16* to) {  // to nearest, ties to even
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  const auto rounded = static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  to->bits = value == value ? rounded : uint16_t{0x7fc0};
}

/// CHANNELS a row, or any number with 0.
template <class T, int64_t CHANNELS>
__attribute__((always_inline)) inline void add_range(const AddRowsParams& params, int64_t begin, int64_t end) {
  const int64_t channels = CHANNELS > 0 ? CHANNELS : params.channels;
  const std::vector<T> zeros(channels);
  T* __restrict output = static_cast<T*>(params.output) + begin * channels;
  // Chosen by index, not by a branch: which of the two rows are there is close to a coin toss.
  const T* const firsts[2] = {static_cast<const T*>(params.first), zeros.data()};
  const T* const seconds[2] = {static_cast<const T*>(params.second), zeros.data()};
  for (int64_t m = begin; m < end; ++m, output += channels) {
    const int64_t first_row = params.first_rows[m], second_row = params.second_rows[m];
    const T* const first = firsts[first_row < 0] + std::max<int64_t>(first_row, 0) * channels;
    const T* const second = seconds[second_row < 0] + std::max<int64_t>(second_row, 0) * channels;
    for (int64_t c = 0; c < channels; ++c) narrow(widen(first[c]) + widen(second[c]), output + c);
  }
}

/// Rows of a length that the compiler knows are added without a loop's beginning and end.
template <class T>
__attribute__((always_inline)) inline void add(const AddRowsParams& params, int64_t begin, int64_t end) {
  switch (params.channels) {
    case 16:
      return add_range<T, 16>(params, begin, end);
    case 32:
      return add_range<T, 32>(params, begin, end);
    case 64:
      return add_range<T, 64>(params, begin, end);
    default:
      return add_range<T, 0>(params, begin, end);
  }
}

using Add = void (*)(const AddRowsParams&, int64_t, int64_t);

template <class T>
void add_generic(const AddRowsParams& params, int64_t begin, int64_t end) {
  add<T>(params, begin, end);
}

#ifdef COMPLETION_X86_SETS
template <class T>
__attribute__((target("avx2"))) void add_avx2(const AddRowsParams& params, int64_t begin, int64_t end) {
  add<T>(params, begin, end);
}

/// float32 rows of whole vectors. STREAMED: written past the caches, so that no line is read before it is written.
template <bool STREAMED>
__attribute__((target("avx512f"))) void add_avx512(const AddRowsParams& params, int64_t begin, int64_t end) {
  const int64_t channels = params.channels;
  const std::vector<float> zeros(channels);
  const float* const firsts[2] = {static_cast<const float*>(params.first), zeros.data()};
  const float* const seconds[2] = {static_cast<const float*>(params.second), zeros.data()};
  float* output = static_cast<float*>(params.output) + begin * channels;
  for (int64_t m = begin; m < end; ++m, output += channels) {
    const int64_t first_row = params.first_rows[m], second_row = params.second_rows[m];
    const float* const first = firsts[first_row < 0] + std::max<int64_t>(first_row, 0) * channels;
    const float* const second = seconds[second_row < 0] + std::max<int64_t>(second_row, 0) * channels;
    for (int64_t c = 0; c < channels; c += 16) {
      const __m512 sum = _mm512_add_ps(_mm512_loadu_ps(first + c), _mm512_loadu_ps(second + c));
      STREAMED ? _mm512_stream_ps(output + c, sum) : _mm512_storeu_ps(output + c, sum);
    }
  }
  if (STREAMED) _mm_sfence();
}

bool fits_avx512(const AddRowsParams& params) {
  return instruction_set() == InstructionSet::avx512 && params.dtype == DType::float32 && params.channels % 16 == 0;
}

Add choose_avx512(const AddRowsParams& params) {
  const bool is_aligned = reinterpret_cast<uintptr_t>(params.output) % 64 == 0;
  const bool is_large = params.num_target * params.channels * 4 >= kStreamedBytes;
  return is_aligned && is_large ? add_avx512<true> : add_avx512<false>;
}
#endif

template <class T>
Add choose_add() {
#ifdef COMPLETION_X86_SETS
  if (instruction_set() != InstructionSet::generic) return add_avx2<T>;
#endif
  return add_generic<T>;
}

Add choose_add(const AddRowsParams& params) {
#ifdef COMPLETION_X86_SETS
  if (fits_avx512(params)) return choose_avx512(params);
#endif
  if (params.dtype == DType::bfloat16) return choose_add<BFloat16>();
  return params.dtype == DType::float64 ? choose_add<double>() : choose_add<float>();
}

}  // namespace

void add_rows(const AddRowsParams& params, ParallelFor parallel_for) {
  const int64_t grain = std::max<int64_t>(1, 16384 / std::max<int64_t>(params.channels, 1));
  const Add add = choose_add(params);
  for_ranges(parallel_for, 0, params.num_target, grain, [&](int64_t begin, int64_t end) { add(params, begin, end); });
}

}  // namespace completion::cpu
