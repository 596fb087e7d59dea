// take_rows: a copy of rows as words of the widest size that their length and addresses allow.
#include "completion/take_rows.h"
#include "launch.cuh"

namespace completion::cuda {

namespace {

template <class Word>
__global__ void __launch_bounds__(kBlockThreads) copy_rows(TakeRowsParams params) {
  const int64_t target = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  if (target >= params.num_target) return;
  const int64_t width = params.row_bytes / static_cast<int64_t>(sizeof(Word));
  const int64_t source = params.rows[target];
  const Word* const from = static_cast<const Word*>(params.features);
  Word* const to = static_cast<Word*>(params.output) + target * width;
  for (int64_t w = threadIdx.x; w < width; w += blockDim.x) to[w] = source >= 0 ? from[source * width + w] : Word{};
}

template <class Word>
void copy(const TakeRowsParams& params, void* stream) {
  launch_rows(copy_rows<Word>, params.num_target, params.row_bytes / static_cast<int64_t>(sizeof(Word)), stream,
              params);
}

}  // namespace

Status take_rows(const TakeRowsParams& params, void* stream) {
  const uint64_t alignment = static_cast<uint64_t>(params.row_bytes) | reinterpret_cast<uint64_t>(params.features) |
                             reinterpret_cast<uint64_t>(params.output);
  if (alignment % 16 == 0) {
    copy<uint4>(params, stream);
  } else if (alignment % 4 == 0) {
    copy<uint32_t>(params, stream);
  } else {
    copy<uint16_t>(params, stream);
  }
  return last_status();
}

}  // namespace completion::cuda
