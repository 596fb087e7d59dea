// Stable radix sort of 64-bit codes that carry a payload; bytes that are the same in all codes cost nothing.
#pragma once

#include <cstdint>

#include "arena.h"
#include "completion/parallel_for.h"
#include "scan.h"

namespace completion::cpu {

/// Codes and payloads of a sort, and the second copy that it needs.
template <class Payload>
struct SortArrays {
  uint64_t *codes, *other_codes;
  Payload *payloads, *other_payloads;
  int64_t* histograms;  // [num_chunks, 256]

  SortArrays(Arena& arena, int64_t n)
      : codes(arena.take<uint64_t>(n)),
        other_codes(arena.take<uint64_t>(n)),
        payloads(arena.take<Payload>(n)),
        other_payloads(arena.take<Payload>(n)),
        histograms(arena.take<int64_t>(256 * num_chunks(n) + 1)) {}
};

/// One stable counting pass over byte `shift / 8`, from the arrays to their copies.
template <class Payload>
void sort_pass(ParallelFor parallel_for, const SortArrays<Payload>& arrays, int64_t n, int shift) {
  const int64_t chunks = num_chunks(n);
  // Digit-major counts make the exclusive sum the stable place of each (digit, chunk).
  const auto place = [&](int64_t chunk, int64_t digit) -> int64_t& {
    return arrays.histograms[digit * chunks + chunk];
  };
  for_chunks(parallel_for, n, [&](int64_t chunk, int64_t begin, int64_t end) {
    int64_t counts[256] = {};
    for (int64_t i = begin; i < end; ++i) ++counts[(arrays.codes[i] >> shift) & 255];
    for (int64_t digit = 0; digit < 256; ++digit) place(chunk, digit) = counts[digit];
  });
  exclusive_sum(arrays.histograms, 256 * chunks);
  for_chunks(parallel_for, n, [&](int64_t chunk, int64_t begin, int64_t end) {
    int64_t next[256];
    for (int64_t digit = 0; digit < 256; ++digit) next[digit] = place(chunk, digit);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t to = next[(arrays.codes[i] >> shift) & 255]++;
      arrays.other_codes[to] = arrays.codes[i];
      arrays.other_payloads[to] = arrays.payloads[i];
    }
  });
}

/// Bits in which the codes differ; 0 also when they are ascending already.
inline uint64_t unsorted_bits(const uint64_t* codes, int64_t n) {
  uint64_t bits = 0;
  bool ascending = true;
  for (int64_t i = 1; i < n; ++i) {
    bits |= codes[i] ^ codes[0];
    ascending &= codes[i - 1] <= codes[i];
  }
  return ascending ? 0 : bits;
}

/// Sorts arrays.codes ascending with their payloads; equal codes keep their order.
template <class Payload>
void sort_by_code(ParallelFor parallel_for, const SortArrays<Payload>& arrays, int64_t n) {
  const uint64_t bits = unsorted_bits(arrays.codes, n);
  SortArrays<Payload> current = arrays;
  for (int shift = 0; shift < 64; shift += 8) {
    if (((bits >> shift) & 255) == 0) continue;
    sort_pass(parallel_for, current, n, shift);
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
