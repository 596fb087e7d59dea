// What stands beside features with one number for each column: weights of norms, statistics.
#pragma once

#include "launch.h"

namespace completion::binding {

/// Type of the columns beside features.
inline ScalarType column_type(const Tensor& features) {
  return features.scalar_type() == ScalarType::Double ? ScalarType::Double : ScalarType::Float;
}

/// One number for each column, in their type.
inline Tensor column(const char* function, const Tensor& tensor, const Tensor& features) {
  STD_TORCH_CHECK(tensor.dim() == 1 && tensor.size(0) == features.size(1) && tensor.is_cuda() == features.is_cuda() &&
                      tensor.get_device_index() == features.get_device_index(),
                  function, ": columns must be [", features.size(1), "] on the device of the features, got ",
                  tensor.numel(), " numbers; pass those of a norm of as many channels");
  return converted(in_memory_order(tensor), column_type(features));
}

}  // namespace completion::binding
