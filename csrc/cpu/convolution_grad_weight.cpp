// convolution_grad_weight on the CPU: threads share out (offset, input channels); each sums its part over all rows in
// order, so the result does not depend on the number of threads.
#include <algorithm>
#include <vector>

#include "aligned.h"
#include "completion/convolution.h"
#include "convolution_tiles.h"
#include "pair_lists.h"

namespace completion::cpu {
namespace {

constexpr int64_t kItemChannels = 16;  // input channels of one work item
constexpr int64_t kPairBytes = 24576;  // feature and gradient rows that are worked on together
constexpr int64_t kMinPairs = 32;      // fewer would spend more time on moving sums than on adding to them

template <class T>
class GradWeight {
 public:
  explicit GradWeight(const ConvolutionGradWeightParams& params)
      : params_(params),
        panels_{tile_kernels<T>().lanes, params.out_channels},
        tiles_((params.in_channels + kItemChannels - 1) / kItemChannels),
        by_source_(params.num_source < params.num_target),
        table_(by_source_ ? params.reverse : params.table),
        num_rows_(by_source_ ? params.num_source : params.num_target),
        sums_(static_cast<T*>(in_place(params) ? params.grad_weight : params.workspace)) {}

  /// Whether the sums have the layout of the result, and so are it.
  static bool in_place(const ConvolutionGradWeightParams& params) {
    return params.out_channels % tile_kernels<T>().lanes == 0;
  }

  int64_t num_items() const { return params_.num_offsets * tiles_; }

  /// Sums the items first … last − 1 over all blocks of table rows and writes them out.
  void run(int64_t first, int64_t last) const {
    const int64_t rows = block_rows(params_.num_offsets), in = params_.in_channels, padded = panels_.padded();
    const int64_t first_offset = first / tiles_, last_offset = (last - 1) / tiles_ + 1;
    PairLists lists(params_.num_offsets, first_offset, last_offset);
    std::vector<int32_t> entries(rows), table_rows(rows);
    const AlignedScratch<T> packed_x(pairs_at_once() * in), packed_grad(pairs_at_once() * padded);
    for (int64_t item = first; item < last; ++item) std::fill_n(item_sums(item), item_channels(item) * padded, T(0));
    for (int64_t begin = 0; begin < num_rows_; begin += rows) {
      lists.list(table_, begin, std::min(begin + rows, num_rows_));
      for (int64_t k = first_offset; k < last_offset; ++k) {
        const int64_t count = unfold(lists[k], begin, entries.data(), table_rows.data());
        for (int64_t p = 0; p < count; p += pairs_at_once()) {
          const int64_t some = std::min(pairs_at_once(), count - p);
          const int32_t* const sources = (by_source_ ? table_rows : entries).data() + p;
          const int32_t* const targets = (by_source_ ? entries : table_rows).data() + p;
          const Panel<T> x = gather(params_.features, in, sources, some, packed_x.data(), in);
          const Panel<T> grad = gather(params_.grad, params_.out_channels, targets, some, packed_grad.data(), padded);
          for (int64_t item = std::max(first, k * tiles_); item < std::min(last, (k + 1) * tiles_); ++item) {
            add_item(item, x, grad, some);
          }
        }
      }
    }
    if (in_place(params_)) return;
    for (int64_t item = first; item < last; ++item) write_item(item);
  }

 private:
  int64_t item_start(int64_t item) const { return item % tiles_ * kItemChannels; }
  int64_t item_channels(int64_t item) const { return std::min(kItemChannels, params_.in_channels - item_start(item)); }
  T* item_sums(int64_t item) const {
    return sums_ + (item / tiles_ * params_.in_channels + item_start(item)) * panels_.padded();
  }

  /// As many pairs as keep their features and gradients in the first-level cache.
  int64_t pairs_at_once() const {
    const int64_t row_bytes = (params_.in_channels + panels_.padded()) * static_cast<int64_t>(sizeof(T));
    return std::max<int64_t>(kMinPairs, kPairBytes / row_bytes);
  }

  /// Writes out the pairs of one offset of the block at `begin`; returns how many there are.
  static int64_t unfold(const Pairs& pairs, int64_t begin, int32_t* entries, int32_t* table_rows) {
    int64_t count = 0;
    for (int64_t word = 0; word < pairs.num_words; ++word) {
      const int32_t* const column = pairs.column + word * 64 * pairs.stride;
      for (uint64_t rows = pairs.rows[word]; rows != 0; rows &= rows - 1) {
        const int64_t row = __builtin_ctzll(rows);
        entries[count] = column[row * pairs.stride];
        table_rows[count++] = static_cast<int32_t>(begin + word * 64 + row);
      }
    }
    return count;
  }

  /// Rows of a matrix [·, length] side by side: where they lie if they follow one another, else copied to `packed`.
  static Panel<T> gather(const void* matrix, int64_t length, const int32_t* rows, int64_t count, T* packed,
                         int64_t packed_stride) {
    const T* const data = static_cast<const T*>(matrix);
    if (length == packed_stride && are_consecutive(rows, count)) return {data + rows[0] * length, length};
    tile_kernels<T>().gather(data, length, rows, count, packed, packed_stride);
    return {packed, packed_stride};
  }

  static bool are_consecutive(const int32_t* rows, int64_t count) {
    bool result = true;
    for (int64_t p = 1; p < count; ++p) result &= rows[p] == rows[0] + p;
    return result;
  }

  void add_item(int64_t item, const Panel<T>& x, const Panel<T>& grad, int64_t count) const {
    const TileKernels<T>& kernels = tile_kernels<T>();
    const Panel<T> item_x{x.data + item_start(item), x.stride};
    for (int64_t start = 0; start < panels_.padded(); start += panels_.width_at(start)) {
      const auto outer = panels_.width_at(start) == kernels.lanes ? kernels.outer_one : kernels.outer_two;
      outer(item_x, item_channels(item), {grad.data + start, grad.stride}, count, item_sums(item) + start,
            panels_.padded());
    }
  }

  void write_item(int64_t item) const {
    const int64_t out = params_.out_channels;
    T* target = static_cast<T*>(params_.grad_weight) + (item / tiles_ * params_.in_channels + item_start(item)) * out;
    for (int64_t r = 0; r < item_channels(item); ++r) {
      std::copy_n(item_sums(item) + r * panels_.padded(), out, target + r * out);
    }
  }

  const ConvolutionGradWeightParams& params_;
  Panels panels_;
  int64_t tiles_;         // work items of one offset
  bool by_source_;        // the pairs are walked from the side with fewer rows: its table is the fuller one
  const int32_t* table_;  // [rows, K] of that side
  int64_t num_rows_;
  T* sums_;  // [K, Cin, padded Cout]
};

template <class T>
void grad_weight(const ConvolutionGradWeightParams& params, ParallelFor parallel_for) {
  const GradWeight<T> work(params);
  for_ranges(parallel_for, 0, work.num_items(), 1, [&](int64_t first, int64_t last) { work.run(first, last); });
}

}  // namespace

int64_t convolution_grad_weight_workspace_bytes(const ConvolutionGradWeightParams& params) {
  const bool wide = params.dtype == DType::float64;
  if (wide ? GradWeight<double>::in_place(params) : GradWeight<float>::in_place(params)) return 0;
  const Panels panels{wide ? tile_kernels<double>().lanes : tile_kernels<float>().lanes, params.out_channels};
  return params.num_offsets * params.in_channels * panels.padded() * element_bytes(params.dtype);
}

void convolution_grad_weight(const ConvolutionGradWeightParams& params, ParallelFor parallel_for) {
  params.dtype == DType::float64 ? grad_weight<double>(params, parallel_for) : grad_weight<float>(params, parallel_for);
}

}  // namespace completion::cpu
