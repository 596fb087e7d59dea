// The products that all convolutions come down to, for the best instruction set of the machine. Owns no loop over
// offsets.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>

namespace completion::cpu {

constexpr int64_t kBlockRows = 256;   // table rows of a block: their sums stay close, and tiles are full
constexpr int64_t kListSlack = 32;    // a list may be written and read this far beyond its end
constexpr int64_t kOuterVectors = 2;  // of a panel, at most, that an outer product takes
constexpr int64_t kOuterOffsets = 3;  // at most, that an outer product takes by offset

/// Two bfloat16 numbers that are multiplied and summed at once: neighbours, the first in the lower half. Rows of an
/// even number of bfloat16 channels are rows of half as many such pairs.
struct BFloat16Pair {
  uint32_t bits;
};

/// What products of T are summed in.
template <class T>
struct SumOf {
  using type = T;
};
template <>
struct SumOf<BFloat16Pair> {
  using type = float;
};
template <class T>
using Sum = typename SumOf<T>::type;

/// An element of a matrix in memory, and how many of them are one element of the kernels.
template <class T>
using Stored = std::conditional_t<std::is_same_v<T, BFloat16Pair>, uint16_t, T>;
template <class T>
constexpr int64_t kStoredOf = sizeof(T) / sizeof(Stored<T>);

/// The pairs of one offset within one block of table rows.
struct Pairs {
  const int32_t* sources;  // entries of the table
  const uint8_t* rows;     // their rows, counted from the block's first
  int64_t count;  // at most kBlockRows; kListSlack more are copies of the last pair, or, chained, what comes next
};

/// Entries low ≤ entry < high of a table are pairs; −1 is none.
struct EntryRange {
  int32_t low, high;
};

/// Where the pairs of a block are listed: those of offset k from index k · capacity on.
struct ListTarget {
  int32_t* sources;
  uint8_t* rows;
  int64_t* counts;
  int64_t capacity;  // at least rows of the block + kListSlack
};

/// Rows of a matrix, picked by index.
template <class T>
struct Picked {
  const T* data;
  int64_t stride;  // elements from row to row of the matrix
  const int32_t* rows;
};

/// Rows of a table in which no entry is −1.
struct WholeRows {
  const int32_t* entries;  // [count, num_offsets]
  int64_t count, num_offsets;
};

/// Smallest and largest entry of some rows of a table that is a pair, last = −1 if there is none; whether all are.
struct EntrySpan {
  int32_t first, last;
  bool is_whole;
};

/// Packed weights of one panel: those of offset k from data + k · stride on.
template <class T>
struct OffsetWeights {
  const T* data;
  int64_t stride;
};

/// Where sums of outer products lie: rows of vectors.
template <class T>
struct OuterSums {
  Sum<T>* data;
  int64_t row_stride, vector_stride;
};

/// Bytes of rows that the outer product after this one meets first: this one's tiles fetch them, each a part, so that
/// they do not all come at once. As many rows are named as this product has pairs; any row will do beyond the next
/// one's.
struct NextRows {
  const char* data = nullptr;
  const int32_t* rows = nullptr;
  int64_t stride = 0;  // bytes
  int64_t bytes = 0;   // of each row; 0: nothing is fetched

  /// Of the bytes, those of part i of `parts`, in whole cache lines.
  NextRows part(int64_t i, int64_t parts) const {
    constexpr int64_t line = 64;
    const int64_t each = (bytes + line * parts - 1) / (line * parts) * line;
    const int64_t begin = std::min(i * each, bytes);
    return {data + begin, rows, stride, std::min(each, bytes - begin)};
  }
};

/// What outer products meet for the first time and fetch ahead; kListSlack more rows of it are named beyond the count,
/// those that come next.
struct Fetch {
  int64_t x = 0;  // elements of each of its rows
  bool grad = false;
  NextRows next = {};
};

/// One product for panels of one, two and four vectors of output channels; not every instruction set has the last.
template <class Function>
struct ByVectors {
  Function one, two, four = nullptr;

  Function operator[](int64_t vectors) const { return vectors == 4 ? four : vectors == 2 ? two : one; }
};

/// Kernels of one instruction set.
template <class T>
struct TileKernels {
  /// sums[row] += x[source] · weight; weight [Cin, width], rows of sums are `sums_stride` elements apart, width =
  /// vectors · lanes. `fresh`: the sums begin at zero, whatever is there. `fetch`: the rows of x are met for the first
  /// time.
  using Multiply = void (*)(const Pairs& pairs, const T* features, int64_t in_channels, const T* weight, Sum<T>* sums,
                            int64_t sums_stride, bool fresh, bool fetch);
  /// The converse: sums[source] += x[row] · weight. No source occurs twice.
  using Scatter = void (*)(const Pairs& pairs, const T* features, int64_t in_channels, const T* weight, Sum<T>* sums,
                           int64_t sums_stride);
  /// sums[r] += Σ_p x[p][r] · grad[p] for r < rows, p < count. `fresh`: as above. A row of BFloat16Pair holds two rows
  /// side by side, the last one alone beside zeros: there is half of x. By offset, each vector has its own rows of grad
  /// for the same rows of x, listed `list_stride` further than those of the vector before.
  using Outer = void (*)(const Picked<T>& x, int64_t rows, const Picked<Stored<T>>& grad, int64_t list_stride,
                         int64_t count, const OuterSums<T>& sums, const Fetch& fetch, bool fresh);
  /// sums[r] = Σ_k x[entries[r][k]] · weight_k.
  using MultiplyWhole = void (*)(const WholeRows& rows, const T* features, int64_t in_channels,
                                 const OffsetWeights<T>& weights, Sum<T>* sums, int64_t sums_stride);
  /// The converse: sums[entries[r][k]] += x[r] · weight_k for entries in range, always in the same order. `is_all`: all
  /// are.
  using ScatterWhole = void (*)(const WholeRows& rows, const T* features, int64_t in_channels,
                                const OffsetWeights<T>& weights, Sum<T>* sums, int64_t sums_stride, EntryRange range,
                                bool is_all);
  /// packed[i][c] = columns[c][i] for c < count and i < length, 0 for count ≤ c < width.
  using PackColumns = void (*)(const T* columns, int64_t column_stride, int64_t count, int64_t length, int64_t width,
                               T* packed);
  /// Lists the entries in range of `rows` (at most kBlockRows) rows and `columns` columns of a table, by column.
  using List = void (*)(const int32_t* table, int64_t row_stride, int64_t rows, int64_t columns, EntryRange range,
                        const ListTarget& target);

  int64_t lanes;   // sums of a vector, and elements of T
  int64_t widest;  // vectors of a panel that multiply and scatter take
  ByVectors<Multiply> multiply;
  ByVectors<Scatter> scatter;
  ByVectors<Outer> outer;
  std::array<Outer, kOuterOffsets + 1> outer_by_offset;  // for two and more
  ByVectors<MultiplyWhole> multiply_whole;
  ByVectors<ScatterWhole> scatter_whole;
  PackColumns pack_columns;
  List list;
  EntrySpan (*span_of)(const int32_t* entries, int64_t count);
};

/// The kernels for this machine; $ATEN_CPU_CAPABILITY (default, avx2, avx512), torch's own setting, limits the choice.
template <class T>
const TileKernels<T>& tile_kernels();

/// Whether this machine has products of bfloat16; without them there are no kernels for BFloat16Pair.
bool has_bfloat16_products();

/// Moves between rows of bfloat16, as bits, and what the kernels take and give; only where there are such products.
struct BFloat16Rows {
  /// packed[p][c] = (row 2 p, row 2 p + 1)[c] of the picked rows, c < length; a last row alone is paired with zeros.
  /// `fetch`: the rows are met for the first time; kListSlack more are named beyond count.
  void (*pair)(const Picked<uint16_t>& picked, int64_t count, int64_t length, bool fetch, BFloat16Pair* packed);
  /// Rounds to nearest, ties to even.
  void (*narrow)(const float* values, int64_t count, uint16_t* narrowed);
};
const BFloat16Rows& bfloat16_rows();

/// Output channels are worked on in panels of `widest` vectors; what is left at the end, in one of two and one of one.
struct Panels {
  int64_t lanes, channels, widest;

  int64_t padded() const { return (channels + lanes - 1) / lanes * lanes; }
  int64_t vectors_at(int64_t start) const {
    const int64_t left = (padded() - start) / lanes;
    return left >= widest ? widest : (left >= 2 ? 2 : 1);
  }
  int64_t width_at(int64_t start) const { return vectors_at(start) * lanes; }
};

}  // namespace completion::cpu
