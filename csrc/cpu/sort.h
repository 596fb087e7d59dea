// Stable radix sort of 64-bit codes that carry a payload; bits that are the same in all codes cost nothing.
//
// A pass over the highest digit on all threads, then each group of codes that share it on one thread: what two threads
// write side by side has a long way from core to core, and a group stays in the cache of one. Where a group is too
// large for that, as with coordinates on both sides of zero, all bytes are passed on all threads, the lowest first.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <numeric>
#include <utility>

#include "arena.h"
#include "completion/parallel_for.h"
#include "scan.h"

namespace completion::cpu {

constexpr int kDigitBits = 8;
constexpr int64_t kDigits = int64_t{1} << kDigitBits;
constexpr int64_t kRowsOfGroup = 32768;  // that a core's own cache holds with their copies

/// What a pass sorts by: up to kDigitBits bits of a code from one place of it, or from two, since codes differ in the
/// low bits of a batch index and of a Morton code and in none between.
struct Digit {
  int high_shift, low_shift;
  uint64_t high_mask, low_mask;

  int64_t of(uint64_t code) const {
    return static_cast<int64_t>((code >> high_shift & high_mask) | (code >> low_shift & low_mask));
  }
};

/// A byte of a code: cheaper than a digit of two places.
struct ByteDigit {
  int shift;

  int64_t of(uint64_t code) const { return static_cast<int64_t>(code >> shift & 255); }
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

/// Counts the values of a digit in each chunk into the histograms, [value, chunk]. Counts by value first make their
/// exclusive sum the stable places.
template <class Payload, class AnyDigit>
void count_values(ParallelFor parallel_for, const SortArrays<Payload>& arrays, int64_t n, const AnyDigit& digit) {
  const int64_t chunks = num_chunks(n);
  for_chunks(parallel_for, n, [&](int64_t chunk, int64_t begin, int64_t end) {
    int64_t counts[kDigits] = {};
    for (int64_t i = begin; i < end; ++i) ++counts[digit.of(arrays.codes[i])];
    for (int64_t value = 0; value < kDigits; ++value) arrays.histograms[value * chunks + chunk] = counts[value];
  });
}

/// The most codes that share a value of the digit that was counted.
template <class Payload>
int64_t largest_group(const SortArrays<Payload>& arrays, int64_t n) {
  int64_t largest = 0;
  for (int64_t value = 0; value < kDigits; ++value) {
    const int64_t* const counts = arrays.histograms + value * num_chunks(n);
    largest = std::max(largest, std::accumulate(counts, counts + num_chunks(n), int64_t{0}));
  }
  return largest;
}

/// Moves the codes to their copies, by the digit that was counted. Leaves the place of the first code of each value in
/// each chunk in the histograms, and n behind them.
template <class Payload, class AnyDigit>
void move_by_counts(ParallelFor parallel_for, const SortArrays<Payload>& arrays, int64_t n, const AnyDigit& digit) {
  const int64_t chunks = num_chunks(n);
  exclusive_sum(arrays.histograms, kDigits * chunks);
  for_chunks(parallel_for, n, [&](int64_t chunk, int64_t begin, int64_t end) {
    int64_t next[kDigits];
    for (int64_t value = 0; value < kDigits; ++value) next[value] = arrays.histograms[value * chunks + chunk];
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

/// One stable counting pass on one thread over a digit of the rows begin … end − 1, from the arrays to their copies.
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

/// Sorts by the bytes in which codes differ by `bits`, the lowest first, each on all threads.
template <class Payload>
void sort_by_bytes(ParallelFor parallel_for, const SortArrays<Payload>& arrays, int64_t n, uint64_t bits) {
  SortArrays<Payload> current = arrays;
  for (ByteDigit byte{0}; byte.shift < 64; byte.shift += 8) {
    if (byte.of(bits) == 0) continue;
    count_values(parallel_for, current, n, byte);
    move_by_counts(parallel_for, current, n, byte);
    current = current.swapped();
  }
  if (current.codes == arrays.codes) return;
  for_ranges(parallel_for, 0, n, kScanChunk, [&](int64_t begin, int64_t end) {
    std::copy(current.codes + begin, current.codes + end, arrays.codes + begin);
    std::copy(current.payloads + begin, current.payloads + end, arrays.payloads + begin);
  });
}

/// Sorts arrays.codes ascending with their payloads; equal codes keep their order.
template <class Payload>
void sort_by_code(ParallelFor parallel_for, const SortArrays<Payload>& arrays, int64_t n) {
  const uint64_t bits = unsorted_bits(parallel_for, arrays.codes, n);
  if (bits == 0) return;
  const Digits digits(bits);
  if (n <= kScanChunk) return sort_rows(arrays, 0, n, digits, 0, arrays);
  count_values(parallel_for, arrays, n, digits.digit[0]);
  if (largest_group(arrays, n) > kRowsOfGroup) return sort_by_bytes(parallel_for, arrays, n, bits);
  move_by_counts(parallel_for, arrays, n, digits.digit[0]);
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
