// Binding of encode, decode and inside_box.
#include "completion/coords.h"

#include "launch.h"

namespace completion::binding {
namespace {

Tensor encode(const Tensor& coords) {
  STD_TORCH_CHECK(coords.dim() == 2 && coords.size(1) == 4, "encode: coords must be [N, 4]");
  const Tensor dense = in_memory_order(coords);
  Tensor keys = empty(coords, {coords.size(0)}, ScalarType::Long);
  bool outside = false;
  const EncodeParams params{dense.const_data_ptr<int32_t>(), keys.mutable_data_ptr<int64_t>(), coords.size(0),
                            &outside};
  COMPLETION_RUN(encode, coords, params);
  STD_TORCH_CHECK(!outside, "encode: coords must lie in the range of keys");
  return keys;
}

Tensor decode(const Tensor& keys) {
  STD_TORCH_CHECK(keys.dim() == 1, "decode: keys must be [N]");
  const Tensor dense = in_memory_order(keys);
  Tensor coords = empty(keys, {keys.size(0), 4}, ScalarType::Int);
  const DecodeParams params{dense.const_data_ptr<int64_t>(), coords.mutable_data_ptr<int32_t>(), keys.size(0)};
  COMPLETION_RUN(decode, keys, params);
  return coords;
}

Tensor inside_box(const Tensor& keys, std::vector<int64_t> low, std::vector<int64_t> high) {
  STD_TORCH_CHECK(keys.dim() == 1 && low.size() == 3 && high.size() == 3,
                  "inside_box: keys must be [N], low and high x, y, z");
  const Tensor dense = in_memory_order(keys);
  Tensor inside = empty(keys, {keys.size(0)}, ScalarType::Bool);
  InsideBoxParams params{dense.const_data_ptr<int64_t>(), inside.mutable_data_ptr<bool>(), keys.size(0), {}, {}};
  std::copy(low.begin(), low.end(), params.low);
  std::copy(high.begin(), high.end(), params.high);
  COMPLETION_RUN(inside_box, keys, params);
  return inside;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) {
  m.def("encode(Tensor coords) -> Tensor");
  m.def("decode(Tensor keys) -> Tensor");
  m.def("inside_box(Tensor keys, int[] low, int[] high) -> Tensor");
}

COMPLETION_REGISTER(m) {
  m.impl("encode", TORCH_BOX(&encode));
  m.impl("decode", TORCH_BOX(&decode));
  m.impl("inside_box", TORCH_BOX(&inside_box));
}

}  // namespace completion::binding
