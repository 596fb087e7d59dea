// union_set: merge of two canonical sets, and the rows of the sets in each other.
#pragma once

#include <cstdint>

#include "completion/parallel_for.h"
#include "completion/status.h"

namespace completion {

struct UnionSetParams {
  const int64_t* keys_a;    // [Na] canonical
  const int64_t* keys_b;    // [Nb] canonical
  int64_t num_a;            // Na
  int64_t num_b;            // Nb; Na + Nb < 2³¹
  int64_t* counts;          // [1] out of count: M
  void* workspace;          // scratch; what count leaves in it is read by fill
  int64_t workspace_bytes;  // at least union_set_workspace_bytes(params)
  int64_t* keys;            // [M] out of fill: canonical; null in count
  int32_t* rows_a;          // [Na] out of fill: row of each a in the union; null in count
  int32_t* rows_b;          // [Nb] out of fill: row of each b in the union; null in count
  int32_t* inverse_a;       // [M] out of fill: row in a of each member of the union, or −1; null in count
  int32_t* inverse_b;       // [M] out of fill: row in b, or −1; null in count
};

namespace cpu {
int64_t union_set_workspace_bytes(const UnionSetParams& params);
void union_set_count(const UnionSetParams& params, ParallelFor parallel_for);
void union_set_fill(const UnionSetParams& params, ParallelFor parallel_for);
}  // namespace cpu

namespace cuda {
int64_t union_set_workspace_bytes(const UnionSetParams& params);
Status union_set_count(const UnionSetParams& params, void* stream);
Status union_set_fill(const UnionSetParams& params, void* stream);
}  // namespace cuda

}  // namespace completion
