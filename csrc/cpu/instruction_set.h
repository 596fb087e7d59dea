// The instruction set that kernels are chosen for at run time.
#pragma once

#include <cstdlib>
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define COMPLETION_X86_SETS
#include <immintrin.h>
#endif

namespace completion::cpu {

enum class InstructionSet { generic, avx2, avx512 };

inline InstructionSet choose_instruction_set() {
#ifdef COMPLETION_X86_SETS
  const char* limit = std::getenv("ATEN_CPU_CAPABILITY");
  const auto limited_to = [&](const char* name) { return limit != nullptr && std::strcmp(limit, name) == 0; };
  __builtin_cpu_init();
  if (limited_to("default")) return InstructionSet::generic;
  const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  if (wide && !limited_to("avx2")) return InstructionSet::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return InstructionSet::avx2;
#endif
  return InstructionSet::generic;
}

/// The machine's best; $ATEN_CPU_CAPABILITY (default, avx2, avx512), torch's own setting, limits the choice.
inline InstructionSet instruction_set() {
  static const InstructionSet set = choose_instruction_set();
  return set;
}

}  // namespace completion::cpu
