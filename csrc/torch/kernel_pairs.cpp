// Binding of kernel_pairs.
#include "completion/kernel_pairs.h"

#include <algorithm>
#include <tuple>

#include "launch.h"

namespace completion::binding {
namespace {

std::tuple<Tensor, Tensor, Tensor> kernel_pairs(const Tensor& source_keys, const Tensor& target_keys,
                                                std::vector<int64_t> offsets, std::vector<int64_t> slots) {
  STD_TORCH_CHECK(source_keys.dim() == 1 && target_keys.dim() == 1 && target_keys.size(0) <= kPairRows,
                  "kernel_pairs: keys must be [N] and [M] with M at most 2^25");
  STD_TORCH_CHECK(3 * slots.size() == offsets.size() && slots.size() <= kPairOffsets &&
                      std::all_of(slots.begin(), slots.end(), [](int64_t s) { return s >= 0 && s < kPairSlots; }),
                  "kernel_pairs: slots must be one number below 32 for each of at most 64 offsets");
  const Tensor source = in_memory_order(source_keys), target = in_memory_order(target_keys);
  const int64_t num_slots = slots.empty() ? 0 : 1 + *std::max_element(slots.begin(), slots.end());
  KernelPairsParams params{};
  params.source_keys = source.const_data_ptr<int64_t>();
  params.target_keys = target.const_data_ptr<int64_t>();
  params.num_source = source.size(0);
  params.num_target = target.size(0);
  params.offsets = kernel_offsets("kernel_pairs", offsets);
  params.num_slots = static_cast<int32_t>(num_slots);
  for (size_t k = 0; k < slots.size(); ++k) params.slots[k] = static_cast<int32_t>(slots[k]);
  Tensor pairs = empty(source, {params.num_source, num_slots}, ScalarType::Int);
  Tensor order = empty(source, {params.num_source}, ScalarType::Int);
  Tensor offset_slots = empty(source, {static_cast<int64_t>(slots.size())}, ScalarType::Int);
  params.pairs = pairs.mutable_data_ptr<int32_t>();
  params.order = order.mutable_data_ptr<int32_t>();
  params.offset_slots = offset_slots.mutable_data_ptr<int32_t>();
  const auto scratch = COMPLETION_WORKSPACE(kernel_pairs, source, params);
  COMPLETION_RUN(kernel_pairs, source, params);
  return {pairs, order, offset_slots};
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) {
  m.def(
      "kernel_pairs(Tensor source_keys, Tensor target_keys, int[] offsets, int[] slots) -> "
      "(Tensor, Tensor, Tensor)");
}

COMPLETION_REGISTER(m) { m.impl("kernel_pairs", TORCH_BOX(&kernel_pairs)); }

}  // namespace completion::binding
