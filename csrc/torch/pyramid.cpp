// Binding of pyramid.
#include "completion/pyramid.h"

#include "launch.h"

namespace completion::binding {
namespace {

std::tuple<std::vector<Tensor>, std::vector<Tensor>> pyramid(const Tensor& keys, int64_t stride, int64_t num_levels) {
  STD_TORCH_CHECK(keys.dim() == 1, "pyramid: keys must be [N]");
  PyramidParams params{};
  while (params.stride_bits < kMaxLevels && (int64_t{1} << params.stride_bits) < stride) ++params.stride_bits;
  STD_TORCH_CHECK(
      int64_t{1} << params.stride_bits == stride && num_levels >= 1 && num_levels <= kMaxLevels - params.stride_bits,
      "pyramid: stride must be a power of two that goes up to 2^15 in num_levels, got ", stride, " and ", num_levels);
  const Tensor dense = in_memory_order(keys);
  Tensor counts = empty(keys, {num_levels}, ScalarType::Long);
  params.keys = dense.const_data_ptr<int64_t>();
  params.num_rows = keys.size(0);
  params.num_levels = static_cast<int32_t>(num_levels);
  params.counts = counts.mutable_data_ptr<int64_t>();
  const auto scratch = COMPLETION_WORKSPACE(pyramid, keys, params);
  COMPLETION_RUN(pyramid_count, keys, params);

  const std::vector<int64_t> numbers = read_counts(counts);
  std::vector<Tensor> level_keys, parents;
  for (int64_t level = 0; level < num_levels; ++level) {
    level_keys.push_back(empty(keys, {numbers[level]}, ScalarType::Long));
    parents.push_back(empty(keys, {level == 0 ? params.num_rows : numbers[level - 1]}, ScalarType::Int));
    params.level_keys[level] = level_keys.back().mutable_data_ptr<int64_t>();
    params.parents[level] = parents.back().mutable_data_ptr<int32_t>();
  }
  COMPLETION_RUN(pyramid_fill, keys, params);
  return {level_keys, parents};
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) {
  m.def("pyramid(Tensor keys, int stride, int num_levels) -> (Tensor[], Tensor[])");
}

COMPLETION_REGISTER(m) { m.impl("pyramid", TORCH_BOX(&pyramid)); }

}  // namespace completion::binding
