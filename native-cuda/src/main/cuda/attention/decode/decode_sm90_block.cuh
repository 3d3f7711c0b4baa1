// What the warps of a block of the sm_90 decode share: its shared memory and its place in the cluster.
#pragma once

#include "attention/params.cuh"
#include "tile/element.cuh"
#include "tile/tma_sm90.cuh"

namespace flash {

// Boxes of KEYS rows of K and V, or those of a page if it has fewer. A row is a dimension of panels and one of columns, so
// that a box holds whole rows: memory delivers them faster than half rows.
struct DecodeMaps {
    TensorMap k;  // [B, Hkv, F, D / COLUMNS, COLUMNS], or [pages, Hkv, page_keys, D / COLUMNS, COLUMNS]
    TensorMap v;
};

template <class Element_, int D_, int PACKED_, int SLOTS_, int BLOCKS_>
struct DecodeSm90 {
    using Element = Element_;
    static constexpr int D = D_;
    static constexpr int PACKED = PACKED_;     // query rows that share the key head, padded
    static constexpr int SLOTS = SLOTS_;       // of the ring; tiles of K and V alternate
    static constexpr int BLOCKS = BLOCKS_;     // of a cluster: they share a range of keys, tile by tile in turn
    static constexpr int WORKERS = 4;          // warps that compute; one more copies
    static constexpr int KEYS = 16 * WORKERS;  // of a tile
    static constexpr int TILE_BYTES = KEYS * D * 2;
    static constexpr int COLUMNS = D % 64 == 0 ? 64 : 32;    // of a panel: 128 bytes, or 64
    static constexpr int ROW_BYTES = D < 256 ? D * 2 : 256;  // of a row in a box
    static constexpr int BOXES = D * 2 / ROW_BYTES;          // of a tile
    static constexpr int CHUNKS = ROW_BYTES / 16;
    static constexpr int LANES = D / 4;               // threads across a row of partial sums
    static constexpr int PITCH = D + 4;               // floats; avoids bank conflicts, keeps rows 16-byte aligned
    static constexpr int OWN_ROWS = PACKED / BLOCKS;  // that a block of the cluster finishes
    static constexpr int COMPUTE = 1;                 // named barrier of the warps that compute
    static constexpr int STARTED = 2;                 // named barrier of all: the barriers in shared memory are ready
    static_assert(D == 256 || D % 32 == 0 && D <= 128, "boxes hold whole panels");
    static_assert(PACKED % 8 == 0 && PACKED % BLOCKS == 0, "whole tiles and shares");

    // Bytes from the start of a tile to 16 bytes of a row, as TMA permutes them. With rows of 256 bytes two of the eight rows
    // that an ldmatrix reads at once collide: half of what shared memory can do is enough here.
    static __device__ __forceinline__ unsigned int offset(int row, int chunk) {
        unsigned int plain = (chunk / CHUNKS * KEYS + row) * ROW_BYTES + chunk % CHUNKS * 16;
        return plain ^ (plain / 128 % (COLUMNS / 8) * 16);
    }

    // Offsets into shared memory. Inbox: partial sums of the own rows from all blocks of the cluster, twice.
    static constexpr int RING = 0;
    static constexpr int SUMS = RING + SLOTS * TILE_BYTES;              // float [WORKERS][PACKED][PITCH]
    static constexpr int STATES = SUMS + WORKERS * PACKED * PITCH * 4;  // float2 [WORKERS][PACKED]
    static constexpr int INBOX_SUMS = STATES + WORKERS * PACKED * 8;    // float [2][BLOCKS][OWN_ROWS][D]
    static constexpr int INBOX_BYTES = BLOCKS > 1 ? PACKED * D * 4 : 0;
    static constexpr int INBOX_STATES = INBOX_SUMS + 2 * INBOX_BYTES;  // float2 [2][BLOCKS][OWN_ROWS]
    static constexpr int INBOX_STATE_BYTES = BLOCKS > 1 ? PACKED * 8 : 0;
    static constexpr int FULL = INBOX_STATES + 2 * INBOX_STATE_BYTES;
    static constexpr int EMPTY = FULL + 8 * SLOTS;
    static constexpr int INBOX_FULL = EMPTY + 8 * SLOTS;  // 2
    static constexpr int LAST = INBOX_FULL + 16;  // int: whether this block is the last of a group
    static constexpr int SHARED_BYTES = LAST + 8;

    // Blocks a multiprocessor has room for: with two, those of the next decode start under the end of this one.
    static constexpr int RESIDENT = SHARED_BYTES <= 113 * 1024 ? 2 : 1;
};

}  // namespace flash
