// Two sums for each column of a matrix [N, C]. The rows are cut into parts with sums of their own, which are added up
// in order; sizes alone decide what the parts are, so that sums do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "completion/dtype.h"
#include "completion/parallel_for.h"

namespace completion::cpu {

/// How the rows are cut. With several places as many rows that follow each other are walked as one long row.
class Parts {
 public:
  Parts(int64_t num_rows, int64_t channels, int64_t places = 1)
      : num_rows_(num_rows),
        channels_(channels),
        places_(places),
        rows_of_part_(std::max(kRowsOfPart, kElementsOfPart / std::max<int64_t>(width(), 1)) * places_) {}

  int64_t count() const { return (num_rows_ + rows_of_part_ - 1) / rows_of_part_; }
  int64_t places() const { return places_; }
  int64_t width() const { return places_ * channels_; }
  int64_t first_row(int64_t part) const { return part * rows_of_part_; }
  int64_t rows(int64_t part) const { return std::min(rows_of_part_, num_rows_ - first_row(part)); }
  int64_t rows_at(int64_t part, int64_t place) const { return (rows(part) - place + places_ - 1) / places_; }

  /// Calls work(part, first element, long rows, width) for all parts; again for the rows that fill no long one.
  template <class Work>
  void run(ParallelFor parallel_for, const Work& work) const {
    for_ranges(parallel_for, 0, count(), kPartsOfThread, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        const int64_t whole = rows(part) / places_, rest = rows(part) % places_;
        const int64_t start = first_row(part) * channels_;
        work(part, start, whole, width());
        if (rest > 0) work(part, start + whole * width(), 1, rest * channels_);
      }
    });
  }

 private:
  static constexpr int64_t kElementsOfPart = 8192;  // few rows, or sums in float32 lose digits
  static constexpr int64_t kRowsOfPart = 32;        // at least, or their sums are as many numbers as the features
  static constexpr int64_t kPartsOfThread = 4;      // at least

  int64_t num_rows_, channels_, places_, rows_of_part_;
};

/// Two sums for each part and column of a long row, in a workspace of bytes() bytes.
template <class T>
class PartSums {
 public:
  PartSums(const Parts& parts, void* workspace) : parts_(parts), sums_(static_cast<T*>(workspace)) {}

  static int64_t bytes(const Parts& parts) {
    return 2 * parts.count() * parts.width() * static_cast<int64_t>(sizeof(T));
  }

  T* first(int64_t part) const { return sums_ + 2 * part * parts_.width(); }
  T* second(int64_t part) const { return first(part) + parts_.width(); }

  void clear() const { std::fill_n(sums_, 2 * parts_.count() * parts_.width(), T(0)); }

  /// What a part has of the rows at one place: how many, the first one, and their two sums, each [C].
  struct Summed {
    int64_t rows, first_row;
    const T *first, *second;
  };

  /// Calls add(begin, end, Summed) for all of them in order, for columns begin … end − 1 on each thread.
  template <class Add>
  void add_up(ParallelFor parallel_for, const Add& add) const {
    const int64_t channels = parts_.width() / parts_.places();
    for_ranges(parallel_for, 0, channels, kColumnsOfThread, [&](int64_t begin, int64_t end) {
      for (int64_t part = 0; part < parts_.count(); ++part) {
        for (int64_t place = 0; place < parts_.places(); ++place) {
          const int64_t rows = parts_.rows_at(part, place), offset = place * channels;
          if (rows > 0) {
            add(begin, end, {rows, parts_.first_row(part) + place, first(part) + offset, second(part) + offset});
          }
        }
      }
    });
  }

  /// Both sums of each column over all parts.
  struct Totals {
    std::vector<double> first, second;
  };

  Totals totals(ParallelFor parallel_for) const {
    const auto channels = static_cast<size_t>(parts_.width() / parts_.places());
    Totals total{std::vector<double>(channels), std::vector<double>(channels)};
    add_up(parallel_for, [&](int64_t begin, int64_t end, const Summed& part) {
      for (int64_t c = begin; c < end; ++c) {
        total.first[c] += part.first[c];
        total.second[c] += part.second[c];
      }
    });
    return total;
  }

 private:
  static constexpr int64_t kColumnsOfThread = 64;  // at least

  const Parts& parts_;
  T* sums_;
};

/// Of the workspace of PartSums in the type that goes with features of a dtype.
inline int64_t part_sums_bytes(const Parts& parts, DType dtype) {
  return dtype == DType::float64 ? PartSums<double>::bytes(parts) : PartSums<float>::bytes(parts);
}

}  // namespace completion::cpu
