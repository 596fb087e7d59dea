// Radix sort of keys and rows. Alone in its file because CUB takes longer to compile than all other kernels together.
#include <cub/device/device_radix_sort.cuh>

#include "sort.cuh"

namespace completion::cuda {

namespace {

__global__ void __launch_bounds__(kBlockThreads) number_rows(int32_t* rows, int64_t num_rows) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * kBlockThreads + threadIdx.x;
  if (row < num_rows) rows[row] = static_cast<int32_t>(row);
}

template <class Key>
cudaError_t call_cub(const Key* keys, int64_t num_keys, const SortedKeys<Key>& sorted, size_t* temporary_bytes,
                     void* stream, int bits) {
  return cub::DeviceRadixSort::SortPairs(sorted.temporary, *temporary_bytes, keys, sorted.keys, sorted.unsorted_rows,
                                         sorted.rows, static_cast<int32_t>(num_keys), 0, bits,
                                         static_cast<cudaStream_t>(stream));
}

}  // namespace

template <class Key>
SortedKeys<Key> take_sorted_keys(int64_t num_keys, Workspace* workspace) {
  SortedKeys<Key> sorted = {};
  size_t temporary_bytes = 0;
  call_cub<Key>(nullptr, num_keys, sorted, &temporary_bytes, nullptr, 8 * sizeof(Key));
  sorted.keys = workspace->take<Key>(num_keys);
  sorted.rows = workspace->take<int32_t>(num_keys);
  sorted.unsorted_rows = workspace->take<int32_t>(num_keys);
  sorted.temporary_bytes = static_cast<int64_t>(temporary_bytes);
  sorted.temporary = workspace->take<char>(sorted.temporary_bytes);
  return sorted;
}

template <class Key>
Status sort_pairs(const Key* keys, int64_t num_keys, const SortedKeys<Key>& sorted, void* stream, int bits) {
  if (num_keys == 0) return 0;
  size_t temporary_bytes = static_cast<size_t>(sorted.temporary_bytes);
  return static_cast<Status>(call_cub(keys, num_keys, sorted, &temporary_bytes, stream, bits));
}

Status sort_keys(const int64_t* keys, int64_t num_keys, const SortedKeys<int64_t>& sorted, void* stream) {
  launch_items(number_rows, num_keys, stream, sorted.unsorted_rows, num_keys);
  return sort_pairs(keys, num_keys, sorted, stream, 64);
}

template SortedKeys<int64_t> take_sorted_keys(int64_t, Workspace*);
template SortedKeys<uint32_t> take_sorted_keys(int64_t, Workspace*);
template Status sort_pairs(const int64_t*, int64_t, const SortedKeys<int64_t>&, void*, int);
template Status sort_pairs(const uint32_t*, int64_t, const SortedKeys<uint32_t>&, void*, int);

}  // namespace completion::cuda
