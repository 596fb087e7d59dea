// Binding of boxed_mask.
#include "completion/boxed_mask.h"

#include "launch.h"

namespace completion::binding {
namespace {

std::tuple<Tensor, Tensor> boxed_mask(const Tensor& keys, const Tensor& mask, int64_t batch_size,
                                      std::vector<int64_t> low, std::vector<int64_t> high) {
  const int64_t num_rows = keys.numel();
  STD_TORCH_CHECK(keys.dim() == 1 && mask.dim() == 1 && mask.size(0) == num_rows && batch_size >= 0 &&
                      low.size() == 3 && high.size() == 3,
                  "boxed_mask: keys and mask must be [N], batch_size at least 0, low and high x, y, z");
  const Tensor dense_keys = in_memory_order(keys), dense_mask = in_memory_order(mask);
  Tensor boxed = empty(keys, {num_rows}, ScalarType::Bool);
  Tensor counts = empty(keys, {batch_size + 1}, ScalarType::Long);
  BoxedMaskParams params{};
  params.keys = dense_keys.const_data_ptr<int64_t>();
  params.mask = static_cast<const uint8_t*>(dense_mask.const_data_ptr());
  params.boxed = boxed.mutable_data_ptr<bool>();
  params.counts = counts.mutable_data_ptr<int64_t>();
  params.num_rows = num_rows;
  params.batch_size = batch_size;
  std::copy(low.begin(), low.end(), params.low);
  std::copy(high.begin(), high.end(), params.high);
  COMPLETION_RUN(boxed_mask, keys, params);
  return {boxed, counts};
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) {
  m.def("boxed_mask(Tensor keys, Tensor mask, SymInt batch_size, int[] low, int[] high) -> (Tensor, Tensor)");
}

COMPLETION_REGISTER(m) { m.impl("boxed_mask", TORCH_BOX(&boxed_mask)); }

}  // namespace completion::binding
