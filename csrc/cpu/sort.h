// Stable radix sort of 64-bit codes that carry a payload; bits that are the same in all codes cost nothing.
//
// A pass over the highest digit on all threads, then each group of codes that share it on one thread: what two threads
// write side by side has a long way from core to core, and a group stays in the cache of one.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <utility>

#include "arena.h"
#include "completion/parallel_for.h"
#include "scan.h"

namespace completion::cpu {

constexpr int kDigitBits = 8;
constexpr int64_t kDigits = int64_t{1} << kDigitBits;

/// What a pass sorts by: up to kDigitBits bits of a code from one place of it, or from two, since codes differ in the
/// low bits of a batch index and of a Morton code and in none between.
struct Digit {
  int high_shift, low_shift;
  uint64_t high_mask, low_mask;

  int64_t of(uint64_t code) const {
    return static_cast<int64_t>((code >> high_shift & high_mask) | (code >> low_shift & low_mask));
  }
};

/// A run of bits, `width` of them from `shift` on.
struct BitRun {
  int shift, width;
  uint64_t mask() const { return (uint64_t{1} << width) - 1; }
};

/// The highest of `bits`, not 0, and those within `width` of it; takes them away.
inline BitRun take_run(uint64_t& bits, int width) {
  const int high = 63 - __builtin_clzll(bits), least = std::max(high - width + 1, 0);
  const int shift = least + __builtin_ctzll(bits >> least);
  const BitRun run{shift, high - shift + 1};
  bits &= ~(run.mask() << shift);
  return run;
}

/// The digit of the highest of `bits`, not 0; takes them away.
inline Digit take_digit(uint64_t& bits) {
  const BitRun high = take_run(bits, kDigitBits);
  if (high.width == kDigitBits || bits == 0) return {high.shift, 0, high.mask(), 0};
  const BitRun low = take_run(bits, kDigitBits - high.width);
  return {high.shift - low.width, low.shift, high.mask() << low.width, low.mask()};
}

/// The digits in which codes differ by `bits`, highest first.
struct Digits {
  Digit digit[64 / kDigitBits];
  int count = 0;

  explicit Digits(uint64_t bits) {
    while (bits != 0) digit[count++] = take_digit(bits);
  }
};

/// Codes and payloads of a sort, and the second copy that it needs.
template <class Payload>
struct SortArrays {
  uint64_t *codes, *other_codes;
  Payload *payloads, *other_payloads;
  int64_t* histograms;  // [kDigits, num_chunks]

  SortArrays(Arena& arena, int64_t n)
      : codes(arena.take<uint64_t>(n)),
        other_codes(arena.take<uint64_t>(n)),
        payloads(arena.take<Payload>(n)),
        other_payloads(arena.take<Payload>(n)),
        histograms(arena.take<int64_t>(kDigits * num_chunks(n) + 1)) {}

  /// The copies in the place of the arrays.
  SortArrays swapped() const {
    SortArrays result = *this;
    std::swap(result.codes, result.other_codes);
    std::swap(result.payloads, result.other_payloads);
    return result;
  }
};

/// One stable counting pass over a digit, from the arrays to their copies. Leaves the place of the first code of each
/// value in each chunk in the histograms, [value, chunk], and n behind them.
template <class Payload>
void sort_pass(ParallelFor parallel_for, const SortArrays<Payload>& arrays, int64_t n, const Digit& digit) {
  const int64_t chunks = num_chunks(n);
  // Counts by value first make the exclusive sum the stable place of each (value, chunk).
  const auto place = [&](int64_t chunk, int64_t value) -> int64_t& {
    return arrays.histograms[value * chunks + chunk];
  };
  for_chunks(parallel_for, n, [&](int64_t chunk, int64_t begin, int64_t end) {
    int64_t counts[kDigits] = {};
    for (int64_t i = begin; i < end; ++i) ++counts[digit.of(arrays.codes[i])];
    for (int64_t value = 0; value < kDigits; ++value) place(chunk, value) = counts[value];
  });
  exclusive_sum(arrays.histograms, kDigits * chunks);
  for_chunks(parallel_for, n, [&](int64_t chunk, int64_t begin, int64_t end) {
    int64_t next[kDigits];
    for (int64_t value = 0; value < kDigits; ++value) next[value] = place(chunk, value);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t to = next[digit.of(arrays.codes[i])]++;
      arrays.other_codes[to] = arrays.codes[i];
      arrays.other_payloads[to] = arrays.payloads[i];
    }
  });
}

/// Bits in which the codes differ; 0 also when they are ascending already.
inline uint64_t unsorted_bits(ParallelFor parallel_for, const uint64_t* codes, int64_t n) {
  std::atomic<uint64_t> all_bits{0};
  std::atomic<bool> all_ascending{true};
  for_ranges(parallel_for, 1, n, kScanChunk, [&](int64_t begin, int64_t end) {
    uint64_t bits = 0;
    bool ascending = true;
    for (int64_t i = begin; i < end; ++i) {
      bits |= codes[i] ^ codes[0];
      ascending &= codes[i - 1] <= codes[i];
    }
    all_bits |= bits;
    if (!ascending) all_ascending = false;
  });
  return all_ascending ? 0 : all_bits.load();
}

/// The same on one thread for the rows begin … end − 1.
template <class Payload>
void sort_rows_pass(const SortArrays<Payload>& arrays, int64_t begin, int64_t end, const Digit& digit) {
  int64_t next[kDigits + 1] = {};
  for (int64_t i = begin; i < end; ++i) ++next[digit.of(arrays.codes[i])];
  exclusive_sum(next, kDigits);
  for (int64_t i = begin; i < end; ++i) {
    const int64_t to = begin + next[digit.of(arrays.codes[i])]++;
    arrays.other_codes[to] = arrays.codes[i];
    arrays.other_payloads[to] = arrays.payloads[i];
  }
}

/// Sorts the rows begin … end − 1 on one thread by the digits from `first` on; they end up in the arrays `to`.
template <class Payload>
void sort_rows(SortArrays<Payload> arrays, int64_t begin, int64_t end, const Digits& digits, int first,
               const SortArrays<Payload>& to) {
  for (int k = digits.count; k-- > first; arrays = arrays.swapped()) {
    sort_rows_pass(arrays, begin, end, digits.digit[k]);
  }
  if (arrays.codes == to.codes) return;
  std::copy(arrays.codes + begin, arrays.codes + end, to.codes + begin);
  std::copy(arrays.payloads + begin, arrays.payloads + end, to.payloads + begin);
}

/// Sorts arrays.codes ascending with their payloads; equal codes keep their order.
template <class Payload>
void sort_by_code(ParallelFor parallel_for, const SortArrays<Payload>& arrays, int64_t n) {
  const Digits digits(unsorted_bits(parallel_for, arrays.codes, n));
  if (digits.count == 0) return;
  if (n <= kScanChunk) return sort_rows(arrays, 0, n, digits, 0, arrays);
  sort_pass(parallel_for, arrays, n, digits.digit[0]);
  const auto group_begin = [&](int64_t value) { return arrays.histograms[value * num_chunks(n)]; };
  for_ranges(parallel_for, 0, n, kScanChunk / 2, [&](int64_t begin, int64_t end) {
    for (int64_t value = 0; value < kDigits; ++value) {  // groups that begin in the range
      const int64_t first = group_begin(value), last = group_begin(value + 1);
      if (first < begin || first >= end || first == last) continue;
      sort_rows(arrays.swapped(), first, last, digits, 1, arrays);
    }
  });
}

}  // namespace completion::cpu
