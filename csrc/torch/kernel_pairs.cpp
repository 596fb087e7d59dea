// Binding of kernel_pairs.
#include "completion/kernel_pairs.h"

#include <algorithm>
#include <tuple>

#include "launch.h"

namespace completion::binding {
namespace {

std::tuple<Tensor, Tensor, Tensor> kernel_pairs(const Tensor& source_keys, const Tensor& target_keys,
                                                const Tensor& offsets, const Tensor& slot_numbers, int64_t num_slots) {
  STD_TORCH_CHECK(source_keys.dim() == 1 && target_keys.dim() == 1 && target_keys.size(0) <= kPairRows,
                  "kernel_pairs: keys must be [N] and [M] with M at most 2^25");
  const KernelOffsets kernel = kernel_offsets("kernel_pairs", offsets);
  const std::vector<int64_t> slots = host_integers("kernel_pairs", "slots", slot_numbers);
  STD_TORCH_CHECK(static_cast<int32_t>(slots.size()) == kernel.count && slots.size() <= kPairOffsets &&
                      num_slots >= 0 && num_slots <= kPairSlots &&
                      std::all_of(slots.begin(), slots.end(), [=](int64_t s) { return s >= 0 && s < num_slots; }),
                  "kernel_pairs: slots must be one number below num_slots, itself 32 at most, for each of at most 64 "
                  "offsets");
  const Tensor source = in_memory_order(source_keys), target = in_memory_order(target_keys);
  KernelPairsParams params{};
  params.source_keys = source.const_data_ptr<int64_t>();
  params.target_keys = target.const_data_ptr<int64_t>();
  params.num_source = source.size(0);
  params.num_target = target.size(0);
  params.offsets = kernel;
  params.num_slots = static_cast<int32_t>(num_slots);
  for (size_t k = 0; k < slots.size(); ++k) params.slots[k] = static_cast<int32_t>(slots[k]);
  Tensor pairs = empty(source, {params.num_source, num_slots}, ScalarType::Int);
  Tensor order = empty(source, {params.num_source}, ScalarType::Int);
  Tensor offset_slots = empty(source, {static_cast<int64_t>(slots.size())}, ScalarType::Int);
  params.pairs = pairs.mutable_data_ptr<int32_t>();
  params.order = order.mutable_data_ptr<int32_t>();
  params.offset_slots = offset_slots.mutable_data_ptr<int32_t>();
  const Tensor scratch = COMPLETION_WORKSPACE(kernel_pairs, source, params);
  COMPLETION_RUN(kernel_pairs, source, params);
  return {pairs, order, offset_slots};
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) {
  m.def(
      "kernel_pairs(Tensor source_keys, Tensor target_keys, Tensor offsets, Tensor slots, SymInt num_slots) -> "
      "(Tensor, Tensor, Tensor)");
}

COMPLETION_REGISTER(m) { m.impl("kernel_pairs", TORCH_BOX(&kernel_pairs)); }

}  // namespace completion::binding
