// The warp that copies in the sm_90 decode: all tiles of all segments of its block, in order, as far ahead as the ring holds.
#pragma once

#include "attention/decode/work_sm90.cuh"

namespace flash {

template <class Traits>
struct DecodeProducer {
    const DecodeParams& p;
    const DecodeMaps& maps;
    unsigned int base;
    int lane;
    unsigned int count = 0;  // tiles so far

    __device__ __forceinline__ DecodeProducer(const DecodeParams& params, const DecodeMaps& tensor_maps, unsigned int shared)
        : p(params), maps(tensor_maps), base(shared), lane(threadIdx.x % 32) {}

    __device__ __forceinline__ void run(DecodeWork<Traits>& work) {
        DecodeSegment segment;
        while (work.next(segment)) {
            if (p.cache.pages) {
                load_pages(segment);
            } else if (lane == 0) {
                for (int i = 0; i < segment.tiles; ++i) {
                    int key0 = (segment.first_tile + i * Traits::BLOCKS) * Traits::KEYS;
                    load(maps.k, start_tile(), Traits::KEYS, key0, segment.kv_head, segment.batch);
                    load(maps.v, start_tile(), Traits::KEYS, key0, segment.kv_head, segment.batch);
                }
            }
        }
    }

    // Waits for the next slot and announces a tile.
    __device__ __forceinline__ unsigned int start_tile() {
        unsigned int slot = count % Traits::SLOTS;
        barrier_wait(base + Traits::EMPTY + 8 * slot, count / Traits::SLOTS % 2 ^ 1);
        barrier_arrive_expect(base + Traits::FULL + 8 * slot, Traits::TILE_BYTES);
        ++count;
        return slot;
    }

    // `rows` keys from `key` on, to row `row` of a slot.
    __device__ __forceinline__ void load(const TensorMap& map, unsigned int slot, int rows, int key, int kv_head,
                                         int batch_or_page, int row = 0) const {
        unsigned int tile = base + Traits::RING + slot * Traits::TILE_BYTES + row * Traits::ROW_BYTES;
#pragma unroll
        for (int box = 0; box < Traits::BOXES; ++box) {
            tensor_load(tile + box * Traits::KEYS * Traits::ROW_BYTES, &map, base + Traits::FULL + 8 * slot, 0,
                        box * (Traits::ROW_BYTES / (2 * Traits::COLUMNS)), key, kv_head, batch_or_page);
        }
    }

    // The lanes read the numbers of 32 pieces at a time; a piece is a tile's part of a page. A number that names no page
    // reads as zeros, so entries beyond the row's last page may be anything.
    __device__ __forceinline__ void load_pages(const DecodeSegment& segment) {
        int rows = min(p.cache.page_keys, Traits::KEYS);  // of a piece
        int pieces = Traits::KEYS / rows;
        int tiles_at_once = 32 / pieces;
        const int* row_pages = p.cache.pages + static_cast<i64>(segment.batch) * p.cache.pages_per_row;
        int numbers = 0;
        for (int i = 0; i < segment.tiles; ++i) {
            if (i % tiles_at_once == 0) {
                int tile = segment.first_tile + (i + lane / pieces) * Traits::BLOCKS;
                int page = (tile * Traits::KEYS + lane % pieces * rows) / p.cache.page_keys;
                numbers = page < p.cache.pages_per_row ? row_pages[page] : -1;
            }
            int key0 = (segment.first_tile + i * Traits::BLOCKS) * Traits::KEYS;
            unsigned int k_slot = 0, v_slot = 0;
            if (lane == 0) {
                k_slot = start_tile();
                v_slot = start_tile();
            }
            for (int piece = 0; piece < pieces; ++piece) {
                int number = __shfl_sync(0xffffffffu, numbers, i % tiles_at_once * pieces + piece);
                int key = (key0 + piece * rows) % p.cache.page_keys;
                if (lane == 0) {
                    load(maps.k, k_slot, rows, key, segment.kv_head, number, piece * rows);
                    load(maps.v, v_slot, rows, key, segment.kv_head, number, piece * rows);
                }
            }
        }
    }
};

}  // namespace flash
