// Stable radix sort of 64-bit codes that carry a payload; bits that are the same in all codes cost nothing.
#pragma once

#include <atomic>
#include <cstdint>

#include "arena.h"
#include "completion/parallel_for.h"
#include "scan.h"

namespace completion::cpu {

constexpr int kDigitBits = 8;
constexpr int64_t kDigits = int64_t{1} << kDigitBits;

/// What a pass sorts by: up to kDigitBits bits of a code from one place of it, or from two, since codes differ in the
/// low bits of a batch index and of a Morton code and in none between.
struct Digit {
  int low_shift, high_shift;
  uint64_t low_mask, high_mask;

  int64_t of(uint64_t code) const {
    return static_cast<int64_t>((code >> low_shift & low_mask) | (code >> high_shift & high_mask));
  }
};

/// The digit of the lowest of `bits`, not 0; takes them away.
inline Digit take_digit(uint64_t& bits) {
  const uint64_t all = kDigits - 1;
  Digit digit{__builtin_ctzll(bits), 0, 0, 0};
  const uint64_t low = bits >> digit.low_shift & all;
  const int low_bits = 64 - __builtin_clzll(low);
  digit.low_mask = (uint64_t{1} << low_bits) - 1;
  bits &= ~(digit.low_mask << digit.low_shift);
  if (low_bits == kDigitBits || bits == 0) return digit;
  digit.high_shift = __builtin_ctzll(bits) - low_bits;
  digit.high_mask = all & ~digit.low_mask;
  bits &= ~(digit.high_mask << digit.high_shift);
  return digit;
}

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
};

/// One stable counting pass over a digit, from the arrays to their copies.
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

/// Sorts arrays.codes ascending with their payloads; equal codes keep their order.
template <class Payload>
void sort_by_code(ParallelFor parallel_for, const SortArrays<Payload>& arrays, int64_t n) {
  uint64_t bits = unsorted_bits(parallel_for, arrays.codes, n);
  SortArrays<Payload> current = arrays;
  while (bits != 0) {
    sort_pass(parallel_for, current, n, take_digit(bits));
    const SortArrays<Payload> done = current;
    current.codes = done.other_codes;
    current.payloads = done.other_payloads;
    current.other_codes = done.codes;
    current.other_payloads = done.payloads;
  }
  if (current.codes != arrays.codes) {
    for_ranges(parallel_for, 0, n, kScanChunk, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        arrays.codes[i] = current.codes[i];
        arrays.payloads[i] = current.payloads[i];
      }
    });
  }
}

}  // namespace completion::cpu
