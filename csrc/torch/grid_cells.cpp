// Binding of grid_cells.
#include "completion/grid_cells.h"

#include "launch.h"

namespace completion::binding {
namespace {

Tensor grid_cells(const Tensor& keys, std::vector<int64_t> origin, std::vector<int64_t> step,
                  std::vector<int64_t> shape) {
  STD_TORCH_CHECK(keys.dim() == 1 && origin.size() == 3 && step.size() == 3 && shape.size() == 4,
                  "grid_cells: keys must be [N], origin and step x, y, z, shape B, X, Y, Z");
  STD_TORCH_CHECK(*std::min_element(step.begin(), step.end()) > 0, "grid_cells: step must be at least 1");
  if (*std::min_element(shape.begin(), shape.end()) <= 0) shape.assign(4, 0);  // no cell, and no product to overflow
  const Tensor dense = in_memory_order(keys);
  Tensor cells = empty(keys, {keys.size(0)}, ScalarType::Int);
  GridCellsParams params{dense.const_data_ptr<int64_t>(), cells.mutable_data_ptr<int32_t>(), keys.size(0), {}, {}, {}};
  std::copy(origin.begin(), origin.end(), params.origin);
  std::copy(step.begin(), step.end(), params.step);
  std::copy(shape.begin(), shape.end(), params.shape);
  COMPLETION_RUN(grid_cells, keys, params);
  return cells;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) {
  m.def("grid_cells(Tensor keys, int[] origin, int[] step, int[] shape) -> Tensor");
}

COMPLETION_REGISTER(m) { m.impl("grid_cells", TORCH_BOX(&grid_cells)); }

}  // namespace completion::binding
