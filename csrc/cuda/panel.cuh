// Panels: rows of the operands in shared memory, how they lie there and how fragments are taken from them.
//
// An operand's `place` is where in a panel a lane begins; its `load` takes what lies so many rows and bytes from there
// on. Half elements come by matrices of 8 rows, transposed or not; float32 that must be transposed element by element.
#pragma once

#include "tensor_core.cuh"

namespace completion::cuda {

constexpr int kLinePacks = kLineBytes / kPackBytes;
constexpr int kEightLines = kLinePacks * kLineBytes;  // after so many exchanged packs are where they were

/// How the rows of a panel lie in shared memory, so that those of a fragment fall on different banks: with a gap after
/// each; or without, pack p of row r in the place of pack p ^ r % 8. Rows and panels are whole lines then.
template <int kRowBytes, int kGapBytes>
struct PanelLayout {
  static constexpr bool kExchanged = kGapBytes == 0;
  static constexpr int kGap = kGapBytes;
  static constexpr int kPitch = kRowBytes + kGapBytes;
  static constexpr int kAlignment = kExchanged ? kLineBytes : kPackBytes;
  static_assert(!kExchanged || kRowBytes % kLineBytes == 0, "packs are exchanged within a line");

  /// Bytes from the panel's begin to a pack.
  COMPLETION_HD static int place(int row, int byte) {
    return row * kPitch + (kExchanged ? byte ^ row % kLinePacks * kPackBytes : byte);
  }

  /// The pack so many rows and bytes on. A thread finds all its packs from one, by numbers that the compiler knows, in
  /// an instruction each: so the bytes share no bit with the first pack's, nor the rows with its row.
  __device__ __forceinline__ static SharedAddress step(SharedAddress pack, int rows, int bytes) {
    if (!kExchanged) return pack + rows * kPitch + bytes;
    const SharedAddress exchange = bytes % kLineBytes ^ rows % kLinePacks * kPackBytes;
    return (pack ^ exchange) + rows * kPitch + bytes / kLineBytes * kLineBytes;
  }
};

/// Rows as warpgroups read them: a line of each row, packs exchanged, then the next line of each.
template <int kRowBytes, int kRows>
struct LinePanelLayout {
  static constexpr bool kExchanged = true;
  static constexpr int kGap = 0;
  static constexpr int kAlignment = kEightLines;          // the exchange is one of bits of the address
  static constexpr int kPanelBytes = kRows * kLineBytes;  // of a line of each row
  static_assert(kRowBytes % kLineBytes == 0 && kRows % kLinePacks == 0, "whole lines, rows by eight");

  COMPLETION_HD static int place(int row, int byte) {
    return byte / kLineBytes * kPanelBytes + row * kLineBytes + (byte % kLineBytes ^ row % kLinePacks * kPackBytes);
  }

  __device__ __forceinline__ static SharedAddress step(SharedAddress pack, int rows, int bytes) {
    const SharedAddress exchange = bytes % kLineBytes ^ rows % kLinePacks * kPackBytes;
    return (pack ^ exchange) + rows * kLineBytes + bytes / kLineBytes * kPanelBytes;
  }
};

/// Bytes of the gap. Rows along which a fragment is transposed, element by element for float32, need a step of 8 words.
template <class Scalar>
constexpr int gap_of(bool transposed) {
  return (transposed && sizeof(Scalar) == 4 ? 2 : 1) * kPackBytes;
}

/// Left operand, 16 rows × one step, of a panel [rows, depth].
template <class Scalar, class Layout>
struct LeftOperand {
  __device__ static int place(int lane) { return Layout::place(lane % 16, lane / 16 * kPackBytes); }

  __device__ __forceinline__ static void load(SharedAddress from, int rows, int bytes, uint32_t (&left)[4]) {
    load_matrices(Layout::step(from, rows, bytes), left);
    round_fragment<Scalar>(left);
  }
};

template <class Layout>
constexpr int kWordStep = 4 * Layout::kPitch;  // from a lane's word to that of its other half step

template <class Layout>
__device__ __forceinline__ int place_of_word(int lane) {
  static_assert(!Layout::kExchanged, "words are not exchanged");
  return lane % 4 * Layout::kPitch + lane / 4 * 4;
}

/// The same of a panel that lies transposed, [depth, rows].
template <class Scalar, class Layout>
struct LeftTransposedOperand {
  __device__ static int place(int lane) {
    if constexpr (sizeof(Scalar) == 4) return place_of_word<Layout>(lane);
    return Layout::place(lane / 16 * 8 + lane % 8, lane / 8 % 2 * kPackBytes);
  }

  __device__ __forceinline__ static void load(SharedAddress from, int rows, int bytes, uint32_t (&left)[4]) {
    const SharedAddress first = Layout::step(from, rows, bytes);
    if constexpr (sizeof(Scalar) == 2) {
      load_matrices_transposed(first, left);
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) left[i] = load_word(first + i / 2 * kWordStep<Layout> + i % 2 * kStepBytes);
      round_fragment<Scalar>(left);
    }
  }
};

/// Fragments of eight columns each from what was loaded of 16.
template <class Scalar>
__device__ __forceinline__ void put_right(uint32_t (&loaded)[4], uint32_t (&first)[2], uint32_t (&second)[2]) {
  round_fragment<Scalar>(loaded);
  first[0] = loaded[0];
  first[1] = loaded[1];
  second[0] = loaded[2];
  second[1] = loaded[3];
}

/// Right operand, one step × 16 columns, of a panel [depth, columns].
template <class Scalar, class Layout>
struct RightOperand {
  __device__ static int place(int lane) {
    if constexpr (sizeof(Scalar) == 4) return place_of_word<Layout>(lane);
    return Layout::place(lane / 8 % 2 * 8 + lane % 8, lane / 16 * kPackBytes);
  }

  __device__ __forceinline__ static void load(SharedAddress from, int rows, int bytes, uint32_t (&first)[2],
                                              uint32_t (&second)[2]) {
    const SharedAddress at = Layout::step(from, rows, bytes);
    uint32_t loaded[4];
    if constexpr (sizeof(Scalar) == 2) {
      load_matrices_transposed(at, loaded);
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) loaded[i] = load_word(at + i % 2 * kWordStep<Layout> + i / 2 * kStepBytes);
    }
    put_right<Scalar>(loaded, first, second);
  }
};

/// The same of a panel that lies transposed, [columns, depth].
template <class Scalar, class Layout>
struct RightTransposedOperand {
  __device__ static int place(int lane) { return Layout::place(lane / 16 * 8 + lane % 8, lane / 8 % 2 * kPackBytes); }

  __device__ __forceinline__ static void load(SharedAddress from, int rows, int bytes, uint32_t (&first)[2],
                                              uint32_t (&second)[2]) {
    uint32_t loaded[4];
    load_matrices(Layout::step(from, rows, bytes), loaded);
    put_right<Scalar>(loaded, first, second);
  }
};

}  // namespace completion::cuda
