// One core's rate of fused multiply-adds in float32: independent chains that fit its registers.
// Prints GFLOP/s, the best of several short runs.

#include <chrono>
#include <cstdio>

#if defined(__AVX512F__)
constexpr int width = 16;
#elif defined(__AVX__)
constexpr int width = 8;
#else
constexpr int width = 4;
#endif
typedef float Vector __attribute__((vector_size(width * sizeof(float))));
constexpr int chains = 12;

static float burn(long turns) {
    Vector sum[chains];
    for (int i = 0; i < chains; ++i) sum[i] = Vector{} + float(i);
    Vector a = Vector{} + 0.999f, b = Vector{} + 0.001f;
    for (long t = 0; t < turns; ++t)
        for (int i = 0; i < chains; ++i) sum[i] = sum[i] * a + b;
    float total = 0;
    for (int i = 0; i < chains; ++i)
        for (int lane = 0; lane < width; ++lane) total += sum[i][lane];
    return total;
}

int main() {
    volatile float sink = burn(100000);
    double best = 0;
    const long turns = 4000000;
    for (int run = 0; run < 12; ++run) {
        auto start = std::chrono::steady_clock::now();
        sink = burn(turns);
        std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
        double rate = 2.0 * turns * chains * width / taken.count() / 1e9;
        if (rate > best) best = rate;
    }
    (void)sink;
    std::printf("%.1f\n", best);
}
