// Binding of encode and decode.
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

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) {
  m.def("encode(Tensor coords) -> Tensor");
  m.def("decode(Tensor keys) -> Tensor");
}

COMPLETION_REGISTER(m) {
  m.impl("encode", TORCH_BOX(&encode));
  m.impl("decode", TORCH_BOX(&decode));
}

}  // namespace completion::binding
