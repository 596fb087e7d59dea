// Binding of coordinate_set.
#include "completion/coordinate_set.h"

#include "launch.h"

namespace completion::binding {
namespace {

std::tuple<Tensor, Tensor, Tensor> coordinate_set(const Tensor& keys) {
  STD_TORCH_CHECK(keys.dim() == 1, "coordinate_set: keys must be [N]");
  const Tensor dense = in_memory_order(keys);
  Tensor counts = empty(keys, {1}, ScalarType::Long);
  CoordinateSetParams params{};
  params.keys = dense.const_data_ptr<int64_t>();
  params.num_rows = keys.size(0);
  params.counts = counts.mutable_data_ptr<int64_t>();
  const auto scratch = COMPLETION_WORKSPACE(coordinate_set, keys, params);
  COMPLETION_RUN(coordinate_set_count, keys, params);

  const int64_t num_voxels = read_counts(counts)[0];
  Tensor voxel_keys = empty(keys, {num_voxels}, ScalarType::Long);
  Tensor rows = empty(keys, {params.num_rows}, ScalarType::Int);
  Tensor first = empty(keys, {num_voxels}, ScalarType::Int);
  params.voxel_keys = voxel_keys.mutable_data_ptr<int64_t>();
  params.rows = rows.mutable_data_ptr<int32_t>();
  params.first = first.mutable_data_ptr<int32_t>();
  COMPLETION_RUN(coordinate_set_fill, keys, params);
  return {voxel_keys, rows, first};
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) { m.def("coordinate_set(Tensor keys) -> (Tensor, Tensor, Tensor)"); }

COMPLETION_REGISTER(m) { m.impl("coordinate_set", TORCH_BOX(&coordinate_set)); }

}  // namespace completion::binding
