// Binding of reverse_pairs.
#include "completion/reverse_pairs.h"

#include <algorithm>

#include "launch.h"

namespace completion::binding {
namespace {

Tensor reverse_pairs(const Tensor& table, int64_t num_source, std::vector<int64_t> slots) {
  STD_TORCH_CHECK(table.dim() == 2 && num_source >= 0 && table.size(0) <= int64_t{1} << 25 &&
                      static_cast<int64_t>(slots.size()) == table.size(1) && slots.size() <= kPairOffsets &&
                      std::all_of(slots.begin(), slots.end(), [](int64_t s) { return s >= 0 && s < kPairOffsets; }),
                  "reverse_pairs: table must be [M, K] with M at most 2^25 and K at most 64, slots K numbers below 64");
  const Tensor dense = torch::stable::contiguous(table);
  const int64_t num_slots = slots.empty() ? 0 : 1 + *std::max_element(slots.begin(), slots.end());
  Tensor pairs = empty(table, {num_source, num_slots}, ScalarType::Int);
  ReversePairsParams params{};
  params.table = dense.const_data_ptr<int32_t>();
  params.num_target = table.size(0);
  params.num_source = num_source;
  params.num_offsets = static_cast<int32_t>(table.size(1));
  params.num_slots = static_cast<int32_t>(num_slots);
  for (size_t k = 0; k < slots.size(); ++k) params.slots[k] = static_cast<int32_t>(slots[k]);
  params.pairs = pairs.mutable_data_ptr<int32_t>();
  COMPLETION_RUN(reverse_pairs, table, params);
  return pairs;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) {
  m.def("reverse_pairs(Tensor table, SymInt num_source, int[] slots) -> Tensor");
}

COMPLETION_REGISTER(m) { m.impl("reverse_pairs", TORCH_BOX(&reverse_pairs)); }

}  // namespace completion::binding
