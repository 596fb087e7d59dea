// union_set: each member's row is the number of keys that its set alone has, plus all keys of the other set, below it.
// No sort.
#include "compaction.cuh"
#include "completion/key.h"
#include "completion/union_set.h"
#include "search.cuh"

namespace completion::cuda {

namespace {

struct Layout {
  int32_t* places_a;  // [Na] where each member stands in the other set, see FindPlace
  int32_t* places_b;  // [Nb]
  int32_t* tiles_a;
  int32_t* tiles_b;
  int64_t* num_new_a;  // [1] not read
  int64_t bytes;
};

Layout lay_out(const UnionSetParams& params, void* base) {
  Workspace workspace(base);
  Layout layout = {};
  layout.places_a = workspace.take<int32_t>(params.num_a);
  layout.places_b = workspace.take<int32_t>(params.num_b);
  layout.tiles_a = workspace.take<int32_t>(num_tiles(params.num_a));
  layout.tiles_b = workspace.take<int32_t>(num_tiles(params.num_b));
  layout.num_new_a = workspace.take<int64_t>(1);
  layout.bytes = workspace.bytes();
  return layout;
}

/// Flags the members of one set that the other lacks. Leaves the number of the other's keys below each member, its
/// complement where the other has the member, so that filling needs no second search.
struct FindPlace {
  const int64_t* keys;
  const int64_t* others;
  int32_t num_others;
  int32_t* places;

  COMPLETION_HD bool operator()(int64_t item) const {
    const int32_t below = lower_bound(others, num_others, keys[item]);
    const bool own = below == num_others || others[below] != keys[item];
    places[item] = own ? below : ~below;
    return own;
  }
};

struct IsOwn {
  const int32_t* places;

  COMPLETION_HD bool operator()(int64_t item) const { return places[item] >= 0; }
};

struct EmitMember {
  const int64_t* set_keys;
  const int32_t* places;
  int64_t* keys;
  int32_t* rows;
  int32_t* inverse;
  int32_t* inverse_of_other;

  COMPLETION_HD void operator()(int64_t item, int32_t own_before, bool own) const {
    const int32_t row = own_before + (own ? places[item] : ~places[item]);
    rows[item] = row;
    keys[row] = set_keys[item];  // a shared key is written by both sets, with the same value
    inverse[row] = static_cast<int32_t>(item);
    if (own) inverse_of_other[row] = -1;
  }
};

}  // namespace

int64_t union_set_workspace_bytes(const UnionSetParams& params) { return lay_out(params, nullptr).bytes; }

Status union_set_count(const UnionSetParams& params, void* stream) {
  const Layout layout = lay_out(params, params.workspace);
  const int32_t num_a = static_cast<int32_t>(params.num_a), num_b = static_cast<int32_t>(params.num_b);
  const FindPlace a = {params.keys_a, params.keys_b, num_b, layout.places_a};
  const FindPlace b = {params.keys_b, params.keys_a, num_a, layout.places_b};
  count_flagged(a, params.num_a, layout.tiles_a, 0, layout.num_new_a, stream);
  count_flagged(b, params.num_b, layout.tiles_b, params.num_a, params.counts, stream);
  return last_status();
}

Status union_set_fill(const UnionSetParams& params, void* stream) {
  const Layout layout = lay_out(params, params.workspace);
  const EmitMember a = {params.keys_a, layout.places_a, params.keys, params.rows_a, params.inverse_a, params.inverse_b};
  const EmitMember b = {params.keys_b, layout.places_b, params.keys, params.rows_b, params.inverse_b, params.inverse_a};
  emit_flagged(IsOwn{layout.places_a}, a, params.num_a, layout.tiles_a, stream);
  emit_flagged(IsOwn{layout.places_b}, b, params.num_b, layout.tiles_b, stream);
  return last_status();
}

}  // namespace completion::cuda
