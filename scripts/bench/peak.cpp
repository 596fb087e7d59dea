// One core's rate of multiply-adds in registers: independent chains that fit them.
// Prints GFLOP/s in float32, then of bfloat16 products summed in float32 (0 without such instructions); each
// the best of several short runs.

#include <chrono>
#include <cstdio>
#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
constexpr int width = 16;
#elif defined(__AVX__)
constexpr int width = 8;
#else
constexpr int width = 4;
#endif
typedef float Vector __attribute__((vector_size(width * sizeof(float))));

struct Float32 {
  static constexpr int chains = 12;   // enough to hide a step's latency, few enough for the registers
  static constexpr int products = 1;  // of a lane in one step
  Vector a = Vector{} + 0.999f, b = Vector{} + 0.001f;
  Vector step(Vector sum) const { return sum * a + b; }
};

#if defined(__AVX512BF16__)
struct BFloat16 {
  static constexpr int chains = 14, products = 2;
  __m512bh a = (__m512bh)_mm512_set1_epi32(0x3f7f0000);  // 0.996 and 0
  Vector step(Vector sum) const { return (Vector)_mm512_dpbf16_ps((__m512)sum, a, a); }
};
#endif

template <typename Kind>
static float burn(Kind kind, long turns) {
  constexpr int chains = Kind::chains;
  Vector sum[chains];
  for (int i = 0; i < chains; ++i) sum[i] = Vector{} + float(i);
  for (long t = 0; t < turns; ++t)
    for (int i = 0; i < chains; ++i) sum[i] = kind.step(sum[i]);
  float total = 0;
  for (int i = 0; i < chains; ++i)
    for (int lane = 0; lane < width; ++lane) total += sum[i][lane];
  return total;
}

template <typename Kind>
static double rate(Kind kind) {
  volatile float sink = burn(kind, 100000);
  double best = 0;
  const long turns = 4000000;
  for (int run = 0; run < 12; ++run) {
    auto start = std::chrono::steady_clock::now();
    sink = burn(kind, turns);
    std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    double now = 2.0 * turns * Kind::chains * width * Kind::products / taken.count() / 1e9;
    if (now > best) best = now;
  }
  (void)sink;
  return best;
}

int main() {
  double bfloat16 = 0;
#if defined(__AVX512BF16__)
  bfloat16 = rate(BFloat16{});
#endif
  std::printf("%.1f %.1f\n", rate(Float32{}), bfloat16);
}
