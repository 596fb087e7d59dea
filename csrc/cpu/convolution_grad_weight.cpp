// convolution_grad_weight on the CPU: the rows of the table are cut into parts with sums of their own, so that a thread
// need not read all features; where there are more threads than parts, they share out the rows of a part's sums, those
// of the result, [K · Cin]. Each row is summed over the pairs of a part in order, then over the parts, and sizes alone
// decide what the parts are: sums do not depend on the number of threads.
#include <algorithm>
#include <array>
#include <type_traits>

#include "aligned.h"
#include "completion/convolution.h"
#include "completion/offsets.h"
#include "convolution_tiles.h"
#include "pair_lists.h"

namespace completion::cpu {
namespace {

constexpr int64_t kRowsOfThread = 8;             // at least
constexpr int64_t kRowsOfPart = 8 * kBlockRows;  // at least, of the table: their sums outweigh adding up the parts
constexpr int64_t kMostParts = 4;
constexpr int64_t kBytesOfPart = int64_t{1} << 19;  // at most: sums of a part stay in a core's own cache

constexpr auto kAscending = [] {
  std::array<int32_t, kBlockRows + kListSlack> rows{};
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int32_t>(i);
  return rows;
}();

template <class T>
class GradWeight {
 public:
  explicit GradWeight(const ConvolutionGradWeightParams& params)
      : params_(params),
        panels_{tile_kernels<T>().lanes, params.out_channels, kOuterVectors},
        by_source_(walks_sources(params)),
        table_(by_source_ ? params.reverse : params.table),
        num_rows_(by_source_ ? params.num_source : params.num_target),
        num_parts_(parts_of(params)) {}

  /// Whether the sums have the layout of the result, and so are it.
  static bool in_place(const ConvolutionGradWeightParams& params) {
    return params.out_channels % tile_kernels<T>().lanes == 0;
  }

  static bool walks_sources(const ConvolutionGradWeightParams& params) {
    if (params.table == nullptr || params.reverse == nullptr) return params.table == nullptr;
    return params.num_source < params.num_target;
  }

  /// How many parts the rows of the table are cut into.
  static int64_t parts_of(const ConvolutionGradWeightParams& params) {
    const int64_t rows = walks_sources(params) ? params.num_source : params.num_target;
    if (sums_of(params) * static_cast<int64_t>(sizeof(Sum<T>)) > kBytesOfPart) return 1;
    return std::clamp<int64_t>(rows / kRowsOfPart, 1, kMostParts);
  }

  /// Sums of one part.
  static int64_t sums_of(const ConvolutionGradWeightParams& params) {
    const Panels panels{tile_kernels<T>().lanes, params.out_channels, kOuterVectors};
    return params.num_offsets * params.in_channels * panels.padded();
  }

  /// Those of the first part can be the result.
  static int64_t workspace_bytes(const ConvolutionGradWeightParams& params) {
    return (parts_of(params) - (in_place(params) ? 1 : 0)) * sums_of(params) * static_cast<int64_t>(sizeof(Sum<T>));
  }

  void run(ParallelFor parallel_for) const {
    const int64_t rows = params_.num_offsets * params_.in_channels;  // of the result
    for_ranges(parallel_for, 0, num_parts_ * rows, kRowsOfThread, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin / rows; part * rows < end; ++part) {
        sum_part(part, std::max(begin - part * rows, int64_t{0}), std::min(end - part * rows, rows));
      }
    });
    if (num_parts_ == 1 && in_place(params_)) return;
    for_ranges(parallel_for, 0, rows, kRowsOfThread, [&](int64_t begin, int64_t end) { add_parts(begin, end); });
  }

 private:
  /// Sums the rows first … last − 1 of the result over the blocks of one part of the table rows.
  void sum_part(int64_t part, int64_t first, int64_t last) const {
    const int64_t channels = params_.in_channels;
    const int64_t first_offset = first / channels, last_offset = (last - 1) / channels + 1;
    // Where a row of gradients is one vector, several offsets share the loads of the features.
    const int64_t most_offsets = in_place(params_) && panels_.padded() == panels_.lanes ? kOuterOffsets : 1;
    PairLists lists(params_.num_offsets, first_offset, last_offset);
    Packed packed(*this);
    bool begun[kMaxOffsets] = {};  // the sums of this offset hold something
    Sum<T>* const sums = sums_of_part(part);
    const int64_t blocks = (num_rows_ + kBlockRows - 1) / kBlockRows;
    for (int64_t block = blocks * part / num_parts_; block < blocks * (part + 1) / num_parts_; ++block) {
      const int64_t begin = block * kBlockRows, end = std::min(begin + kBlockRows, num_rows_);
      lists.list(table_, begin, end);
      lists.chain();
      packed.holds_block = false;
      const auto has_block = [&](int64_t k) { return by_source_ && lists[k].count == end - begin; };
      const auto joins = [&](int64_t k, int64_t other) {  // both with all sources and all rows of the result
        return has_block(k) && has_block(other) && rows_of(k, first, last).count == channels &&
               rows_of(other, first, last).count == channels && begun[k] == begun[other];
      };
      for (int64_t k = first_offset, offsets = 1; k < last_offset; k += offsets) {
        offsets = 1;  // at once
        if (lists[k].count == 0) continue;
        while (offsets < most_offsets && k + offsets < last_offset && joins(k, k + offsets)) ++offsets;
        int32_t table_rows[kBlockRows + kListSlack];
        for (int64_t p = 0; p < lists[k].count + kListSlack; ++p) {
          table_rows[p] = static_cast<int32_t>(begin) + lists[k].rows[p];
        }
        const Pairing pairing{by_source_ ? table_rows : lists[k].sources, by_source_ ? lists[k].sources : table_rows,
                              lists[k].count, has_block(k)};
        int64_t after = k + offsets;
        while (after < last_offset && lists[after].count == 0) ++after;
        add(rows_of(k, first, last), offsets, pairing, after < last_offset ? lists[after].sources : nullptr, packed,
            sums, !begun[k]);
        std::fill_n(begun + k, offsets, true);
      }
    }
    for (int64_t row = first; row < last; ++row) {
      if (!begun[row / channels]) std::fill_n(sums + row * panels_.padded(), panels_.padded(), Sum<T>(0));
    }
  }

  static constexpr bool kIsPaired = std::is_same_v<T, BFloat16Pair>;

  /// Rows of the result that belong to one offset.
  struct Rows {
    int64_t first;    // of the result
    int64_t channel;  // of the features, the first one's
    int64_t count;
  };

  /// Those of offset k among first … last − 1.
  Rows rows_of(int64_t k, int64_t first, int64_t last) const {
    const int64_t start = k * params_.in_channels, from = std::max(first, start);
    return {from, from - start, std::min(last, start + params_.in_channels) - from};
  }

  Sum<T>* sums_of_part(int64_t part) const {
    if (part == 0 && in_place(params_)) return static_cast<Sum<T>*>(params_.grad_weight);
    return static_cast<Sum<T>*>(params_.workspace) + (part - (in_place(params_) ? 1 : 0)) * sums_of(params_);
  }

  /// Rows of features and of gradients that belong together.
  struct Pairing {
    const int32_t *sources, *targets;
    int64_t count;
    bool is_whole;  // all sources of the block, in order
  };

  /// Copies of the rows of one list, where the kernels cannot take them where they lie.
  struct Packed {
    explicit Packed(const GradWeight& work)
        : x(kIsPaired ? kBlockRows / 2 * work.params_.in_channels : 0),
          grad(in_place(work.params_) ? 0 : kBlockRows * work.panels_.padded()) {}
    AlignedScratch<T> x;             // [pairs of rows][input channels]
    bool holds_block = false;        // x is all sources of the block, and serves the next offset too
    AlignedScratch<Stored<T>> grad;  // [rows][padded Cout]
  };

  /// Adds the products of a list to the sums of an offset and, with the lists after it, to those of the offsets after
  /// it. `next`: entries of the list that comes then, or null; `fresh`: the sums begin at zero.
  void add(const Rows& rows, int64_t offsets, const Pairing& pairing, const int32_t* next, Packed& packed, Sum<T>* sums,
           bool fresh) const {
    const TileKernels<T>& kernels = tile_kernels<T>();
    const Picked<T> x = x_rows(pairing, packed);
    const Picked<Stored<T>> grad = grad_rows(pairing, packed.grad.data());
    const int64_t padded = panels_.padded();
    for (int64_t start = 0; start < padded; start += panels_.width_at(start)) {
      // Features are fetched where the table names them; where they lie in order, they come by themselves.
      const Fetch fetch{!kIsPaired && start == 0 && !by_source_ ? rows.count : 0, in_place(params_),
                        offsets == 1 ? next_rows(start, grad, pairing, next) : NextRows{}};
      const auto outer = offsets > 1 ? kernels.outer_by_offset[offsets] : kernels.outer[panels_.vectors_at(start)];
      outer({x.data + rows.channel, x.stride, x.rows}, rows.count, {grad.data + start, grad.stride, grad.rows},
            PairLists::kCapacity, pairing.count,
            {sums + rows.first * padded + start, padded, offsets > 1 ? params_.in_channels * padded : panels_.lanes},
            fetch, fresh);
    }
  }

  /// Where the table names rows of gradients, those that are met first after the panel at `start`: its neighbour of the
  /// same rows, then the first of the next list. Rows of features are in the caches by then, or soon.
  NextRows next_rows(int64_t start, const Picked<Stored<T>>& grad, const Pairing& pairing, const int32_t* next) const {
    constexpr auto size = static_cast<int64_t>(sizeof(Stored<T>));
    const int64_t end = start + panels_.width_at(start);
    const bool last = end >= panels_.padded();
    if (kIsPaired || !by_source_ || !in_place(params_) || (last && next == nullptr)) return {};
    const int64_t column = last ? 0 : end;
    return {reinterpret_cast<const char*>(grad.data + column), last ? next : pairing.targets, grad.stride * size,
            panels_.width_at(column) * size};
  }

  /// Rows of the features where they lie; those of bfloat16 copied side by side, two by two.
  Picked<T> x_rows(const Pairing& pairing, Packed& packed) const {
    const Picked<Stored<T>> picked{static_cast<const Stored<T>*>(params_.features), params_.in_channels,
                                   pairing.sources};
    if constexpr (kIsPaired) {
      if (!(pairing.is_whole && packed.holds_block)) {  // a source of a generative layer has all offsets
        bfloat16_rows().pair(picked, pairing.count, params_.in_channels, !by_source_, packed.x.data());
      }
      packed.holds_block = pairing.is_whole;
      return {packed.x.data(), params_.in_channels, kAscending.data()};
    } else {
      return picked;
    }
  }

  /// Rows of the gradient, where they lie if they are whole vectors, else copied to rows of `padded`.
  Picked<Stored<T>> grad_rows(const Pairing& pairing, Stored<T>* padded) const {
    const auto* const grad = static_cast<const Stored<T>*>(params_.grad);
    const int64_t out = params_.out_channels;
    if (in_place(params_)) return {grad, out, pairing.targets};
    for (int64_t p = 0; p < pairing.count; ++p) {
      std::copy_n(grad + pairing.targets[p] * out, out, padded + p * panels_.padded());
    }
    return {padded, panels_.padded(), kAscending.data()};
  }

  /// Adds the sums of all parts up, those of the rows first … last − 1 of the result, and writes them out.
  void add_parts(int64_t first, int64_t last) const {
    const int64_t out = params_.out_channels, padded = panels_.padded();
    Sum<T>* const total = sums_of_part(0);
    for (int64_t part = 1; part < num_parts_; ++part) {
      const Sum<T>* const sums = sums_of_part(part);
      for (int64_t i = first * padded; i < last * padded; ++i) total[i] += sums[i];
    }
    if (in_place(params_)) return;
    for (int64_t row = first; row < last; ++row) {
      std::copy_n(total + row * padded, out, static_cast<Sum<T>*>(params_.grad_weight) + row * out);
    }
  }

  const ConvolutionGradWeightParams& params_;
  Panels panels_;
  bool by_source_;        // the pairs are walked from the side whose table there is; of two, the fuller one
  const int32_t* table_;  // [rows, K] of that side
  int64_t num_rows_;
  int64_t num_parts_;
};

}  // namespace

int64_t convolution_grad_weight_workspace_bytes(const ConvolutionGradWeightParams& params) {
  if (params.dtype == DType::bfloat16) return GradWeight<BFloat16Pair>::workspace_bytes(params);
  return params.dtype == DType::float64 ? GradWeight<double>::workspace_bytes(params)
                                        : GradWeight<float>::workspace_bytes(params);
}

void convolution_grad_weight(const ConvolutionGradWeightParams& params, ParallelFor parallel_for) {
  if (params.dtype == DType::bfloat16) return GradWeight<BFloat16Pair>(params).run(parallel_for);
  params.dtype == DType::float64 ? GradWeight<double>(params).run(parallel_for)
                                 : GradWeight<float>(params).run(parallel_for);
}

}  // namespace completion::cpu
