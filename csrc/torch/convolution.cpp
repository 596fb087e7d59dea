// Binding of convolution and convolution_grad_weight.
#include "completion/convolution.h"

#include "completion/kernel_pairs.h"
#include "launch.h"

namespace completion::binding {
namespace {

/// Output filled with zeros where there is nothing to sum: no rows, no channels or no offsets.
bool is_empty(const Tensor& tensor) { return tensor.numel() == 0; }

using Table = std::optional<Tensor>;

const int32_t* entries_of(const Table& table) { return table.has_value() ? table->const_data_ptr<int32_t>() : nullptr; }

/// Whether `table` is missing, or [rows, offsets].
bool fits(const Table& table, int64_t rows, int64_t offsets) {
  return !table.has_value() || (table->dim() == 2 && table->size(0) == rows && table->size(1) == offsets);
}

void check_sides(const char* function, bool enough) {
  STD_TORCH_CHECK(enough, function, ": table or reverse must be given, for a convolution on CUDA the table or pairs");
}

/// Features in memory order and of a type that the backend multiplies.
Tensor operand(const char* function, const Tensor& tensor, int64_t in_channels) {
  const bool as_it_is = tensor.is_cuda() || cpu::multiplies(feature_dtype(function, tensor), in_channels);
  return as_it_is ? in_memory_order(tensor) : kernel_features(tensor);
}

/// The weight as it is where tensor cores could load it, with Cin or Cout in packs of 16 bytes, else in memory order:
/// the bits of a result depend on no layout.
Tensor cuda_weight(const Tensor& weight) {
  const int64_t pack = 16 / element_bytes(feature_dtype("convolution", weight));
  const int64_t along_in = weight.stride(1), along_out = weight.stride(2);
  const bool packed = (along_out == 1 && along_in % pack == 0) || (along_in == 1 && along_out % pack == 0);
  const bool aligned = reinterpret_cast<uintptr_t>(weight.const_data_ptr()) % 16 == 0;
  return packed && aligned && weight.stride(0) % pack == 0 ? weight : in_memory_order(weight);
}

/// Lets offset k take the weight of the opposite one: the last is the first, and the way on leads back.
void count_from_last(ConvolutionParams& params, int64_t element_bytes) {
  const int64_t last = (params.num_offsets - 1) * params.weight_strides[0];
  params.weight = static_cast<const char*>(params.weight) + last * element_bytes;
  params.weight_strides[0] = -params.weight_strides[0];
}

Tensor convolution(const Tensor& features, const Tensor& weight, const Table& table, const Table& reverse,
                   int64_t num_target, bool allow_tf32, const Table& order, const Table& /*reverse_order*/,
                   const Table& pairs, const Table& /*reverse_pairs*/, const Table& slots, bool /*symmetric*/,
                   bool opposite) {
  check_sides("convolution", table.has_value() || (features.is_cuda() ? pairs : reverse).has_value());
  STD_TORCH_CHECK(features.dim() == 2 && weight.dim() == 3 && weight.size(1) == features.size(1) &&
                      fits(table, num_target, weight.size(0)) && fits(reverse, features.size(0), weight.size(0)),
                  "convolution: features must be [N, Cin], weight [K, Cin, Cout], table [M, K], reverse [N, K]");
  STD_TORCH_CHECK(!order.has_value() || (order->dim() == 1 && order->size(0) == num_target),
                  "convolution: order must be [M]");
  STD_TORCH_CHECK(!pairs.has_value() || (pairs->dim() == 2 && pairs->size(0) == num_target && pairs->size(1) >= 1 &&
                                         pairs->size(1) <= kPairSlots && weight.size(0) <= kPairOffsets),
                  "convolution: pairs must be [M, S] of 1 to 32 slots and at most 64 offsets");
  STD_TORCH_CHECK(!pairs.has_value() || (slots.has_value() && slots->dim() == 1 && slots->size(0) == weight.size(0)),
                  "convolution: slots must be [K] beside pairs");
  const std::vector<int64_t> sizes{num_target, weight.size(2)};
  if (is_empty(features) || is_empty(weight) || num_target == 0) {
    return torch::stable::new_zeros(features, sizes);
  }
  const Tensor x = operand("convolution", features, features.size(1));
  const Table dense_table = in_memory_order(table), dense_reverse = in_memory_order(reverse),
              dense_order = in_memory_order(order), dense_pairs = in_memory_order(pairs),
              dense_slots = in_memory_order(slots);
  Tensor w = converted(weight, x.scalar_type());
  if (w.is_cuda()) w = cuda_weight(w);
  Tensor output = empty(features, sizes, x.scalar_type());
  ConvolutionParams params{};
  params.features = x.const_data_ptr();
  params.weight = w.const_data_ptr();
  params.table = entries_of(dense_table);
  params.reverse = entries_of(dense_reverse);
  params.pairs = entries_of(dense_pairs);
  params.num_slots = pairs.has_value() ? static_cast<int32_t>(pairs->size(1)) : 0;
  params.slots = entries_of(dense_slots);
  params.order = entries_of(dense_order);
  params.output = output.mutable_data_ptr();
  params.num_source = features.size(0);
  params.num_target = num_target;
  params.in_channels = features.size(1);
  params.out_channels = weight.size(2);
  for (int axis = 0; axis < 3; ++axis) params.weight_strides[axis] = w.stride(axis);
  params.num_offsets = static_cast<int32_t>(weight.size(0));
  if (opposite) count_from_last(params, w.element_size());
  params.dtype = feature_dtype("convolution", x);
  params.allow_tf32 = allow_tf32;
  const auto scratch = COMPLETION_WORKSPACE(convolution, features, params);
  COMPLETION_RUN(convolution, features, params);
  return converted(output, features.scalar_type());
}

Tensor convolution_grad_weight(const Tensor& features, const Tensor& grad, const Table& table, const Table& reverse,
                               bool allow_tf32) {
  check_sides("convolution_grad_weight", table.has_value() || reverse.has_value());
  const int64_t num_offsets = table.has_value() ? table->size(1) : reverse->size(1);
  STD_TORCH_CHECK(features.dim() == 2 && grad.dim() == 2 && fits(table, grad.size(0), num_offsets) &&
                      fits(reverse, features.size(0), num_offsets) && grad.scalar_type() == features.scalar_type(),
                  "convolution_grad_weight: features must be [N, Cin], grad [M, Cout] of the same dtype, table [M, K], "
                  "reverse [N, K]");
  const std::vector<int64_t> sizes{num_offsets, features.size(1), grad.size(1)};
  const ScalarType sum_dtype = is_half_type(features) ? ScalarType::Float : features.scalar_type();
  if (is_empty(features) || is_empty(grad) || num_offsets == 0) {
    return torch::stable::new_zeros(features, sizes, sum_dtype);
  }
  const int64_t even = 0;  // rows are paired, not channels
  const Tensor x = operand("convolution_grad_weight", features, even);
  const Tensor g = operand("convolution_grad_weight", grad, even);
  const Table dense_table = in_memory_order(table), dense_reverse = in_memory_order(reverse);
  Tensor grad_weight = empty(features, sizes, sum_dtype);
  ConvolutionGradWeightParams params{};
  params.features = x.const_data_ptr();
  params.grad = g.const_data_ptr();
  params.table = entries_of(dense_table);
  params.reverse = entries_of(dense_reverse);
  params.grad_weight = grad_weight.mutable_data_ptr();
  params.num_source = features.size(0);
  params.num_target = grad.size(0);
  params.in_channels = features.size(1);
  params.out_channels = grad.size(1);
  params.num_offsets = static_cast<int32_t>(num_offsets);
  params.dtype = feature_dtype("convolution_grad_weight", x);
  params.allow_tf32 = allow_tf32;
  const auto scratch = COMPLETION_WORKSPACE(convolution_grad_weight, features, params);
  COMPLETION_RUN(convolution_grad_weight, features, params);
  return grad_weight;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(completion, m) {
  m.def(
      "convolution(Tensor features, Tensor weight, Tensor? table, Tensor? reverse, SymInt num_target, "
      "bool allow_tf32=False, Tensor? order=None, Tensor? reverse_order=None, Tensor? pairs=None, "
      "Tensor? reverse_pairs=None, Tensor? slots=None, bool symmetric=False, bool opposite=False) -> Tensor");
  m.def(
      "convolution_grad_weight(Tensor features, Tensor grad, Tensor? table, Tensor? reverse, bool allow_tf32=False) "
      "-> Tensor");
}

COMPLETION_REGISTER(m) {
  m.impl("convolution", TORCH_BOX(&convolution));
  m.impl("convolution_grad_weight", TORCH_BOX(&convolution_grad_weight));
}

}  // namespace completion::binding
