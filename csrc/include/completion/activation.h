// Activations that an operator applies to its result before it is written; owns no formula, which the backends have.
#pragma once

#include <cstdint>

#include "completion/key.h"

namespace completion {

enum class Activation : int32_t { none = 0, relu = 1, elu = 2, silu = 3 };

template <Activation A>
struct ActivationTag {
  static constexpr Activation value = A;
};

/// Calls function(ActivationTag<A>{}) for the activation.
template <class Function>
COMPLETION_HD void with_activation(Activation activation, const Function& function) {
  switch (activation) {
    case Activation::none:
      return function(ActivationTag<Activation::none>{});
    case Activation::relu:
      return function(ActivationTag<Activation::relu>{});
    case Activation::elu:
      return function(ActivationTag<Activation::elu>{});
    case Activation::silu:
      return function(ActivationTag<Activation::silu>{});
  }
}

}  // namespace completion
