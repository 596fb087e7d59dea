// union_set: each member's row is its rank in its own set plus the number of the other set's own keys below it. No
// sort.
#include "compaction.cuh"
#include "completion/key.h"
#include "completion/union_set.h"
#include "search.cuh"

namespace completion::cuda {

namespace {

struct Layout {
  int32_t* tiles_a;
  int32_t* tiles_b;
  int64_t* num_new_a;  // [1] not read
  int64_t bytes;
};

Layout lay_out(const UnionSetParams& params, void* base) {
  Workspace workspace(base);
  Layout layout = {};
  layout.tiles_a = workspace.take<int32_t>(num_tiles(params.num_a));
  layout.tiles_b = workspace.take<int32_t>(num_tiles(params.num_b));
  layout.num_new_a = workspace.take<int64_t>(1);
  layout.bytes = workspace.bytes();
  return layout;
}

/// Flags the members of one set that the other lacks.
struct IsOwn {
  const int64_t* keys;
  const int64_t* others;
  int32_t num_others;

  COMPLETION_HD bool operator()(int64_t item) const { return find_row(others, num_others, keys[item]) < 0; }
};

struct EmitMember {
  IsOwn set;
  int64_t* keys;
  int32_t* rows;

  COMPLETION_HD void operator()(int64_t item, int32_t own_before, bool) const {
    const int64_t key = set.keys[item];
    rows[item] = own_before + lower_bound(set.others, set.num_others, key);
    keys[rows[item]] = key;  // a shared key is written by both sets, with the same value
  }
};

IsOwn own_of_a(const UnionSetParams& params) {
  return {params.keys_a, params.keys_b, static_cast<int32_t>(params.num_b)};
}

IsOwn own_of_b(const UnionSetParams& params) {
  return {params.keys_b, params.keys_a, static_cast<int32_t>(params.num_a)};
}

}  // namespace

int64_t union_set_workspace_bytes(const UnionSetParams& params) { return lay_out(params, nullptr).bytes; }

Status union_set_count(const UnionSetParams& params, void* stream) {
  const Layout layout = lay_out(params, params.workspace);
  count_flagged(own_of_a(params), params.num_a, layout.tiles_a, 0, layout.num_new_a, stream);
  count_flagged(own_of_b(params), params.num_b, layout.tiles_b, params.num_a, params.counts, stream);
  return last_status();
}

Status union_set_fill(const UnionSetParams& params, void* stream) {
  const Layout layout = lay_out(params, params.workspace);
  const IsOwn a = own_of_a(params);
  const IsOwn b = own_of_b(params);
  emit_flagged(a, EmitMember{a, params.keys, params.rows_a}, params.num_a, layout.tiles_a, stream);
  emit_flagged(b, EmitMember{b, params.keys, params.rows_b}, params.num_b, layout.tiles_b, stream);
  return last_status();
}

}  // namespace completion::cuda
