// Binding of kernel_map and reverse_map.
#include "completion/kernel_map.h"

#include "launch.h"

namespace completion::binding {
namespace {

Tensor kernel_map(const Tensor& source_keys, const Tensor& target_keys, std::vector<int64_t> offsets) {
  STD_TORCH_CHECK(source_keys.dim() == 1 && target_keys.dim() == 1, "kernel_map: keys must be [N] and [M]");
  const Tensor source = in_memory_order(source_keys), target = in_memory_order(target_keys);
  KernelMapParams params{};
  params.source_keys = source.const_data_ptr<int64_t>();
  params.target_keys = target.const_data_ptr<int64_t>();
  params.num_source = source.size(0);
  params.num_target = target.size(0);
  params.offsets = kernel_offsets("kernel_map", offsets);
  Tensor table = empty(target, {params.num_target, params.offsets.count}, ScalarType::Int);
  params.table = table.mutable_data_ptr<int32_t>();
  const auto scratch = COMPLETION_WORKSPACE(kernel_map, source, params);
  COMPLETION_RUN(kernel_map, source, params);
  return table;
}

Tensor reverse_map(const Tensor& table, int64_t num_source) {
  STD_TORCH_CHECK(table.dim() == 2 && num_source >= 0, "reverse_map: table must be [M, K] and num_source not negative");
  const Tensor dense = in_memory_order(table);
  Tensor reverse = empty(table, {num_source, table.size(1)}, ScalarType::Int);
  ReverseMapParams params{};
  params.table = dense.const_data_ptr<int32_t>();
  params.num_target = table.size(0);
  params.num_source = num_source;
  params.num_offsets = static_cast<int32_t>(table.size(1));
  params.reverse = reverse.mutable_data_ptr<int32_t>();
  COMPLETION_RUN(reverse_map, table, params);
  return reverse;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) {
  m.def("kernel_map(Tensor source_keys, Tensor target_keys, int[] offsets) -> Tensor");
  m.def("reverse_map(Tensor table, SymInt num_source) -> Tensor");
}

COMPLETION_REGISTER(m) {
  m.impl("kernel_map", TORCH_BOX(&kernel_map));
  m.impl("reverse_map", TORCH_BOX(&reverse_map));
}

}  // namespace completion::binding
