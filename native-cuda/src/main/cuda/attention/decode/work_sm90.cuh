// Which keys of which rows a cluster of the sm_90 decode takes.
//
// A group is the rows that share a key head (or PACKED of them); its unit is BLOCKS tiles of keys, one a block. All units of
// all groups in a row are cut into equal ranges, one a cluster, so that every multiprocessor has the same to read
// whatever the lengths are; a group that is cut is merged afterwards. With a fixed number of splits a range is that share
// of one group: then a row does not depend on its neighbours.
#pragma once

#include "attention/decode/decode_sm90_block.cuh"
#include "attention/visibility.cuh"
#include "tile/math.cuh"

namespace flash {

// With fewer units a range of a cut group gains less than the merge costs.
constexpr int DECODE_LEAST_UNITS = 4;

// The part of a group in a range, as one block of the cluster sees it.
struct DecodeSegment {
    int batch;
    int kv_head;
    int row_block;
    int first_tile;    // of this block; then every BLOCKS-th
    int tiles;
    int first_key;     // of the batch row; those before are hidden
    int length;        // of the batch row
    int causal_shift;  // see VisibleKeys
    int first_range;   // the ranges that hold parts of the group: first_range to last_range
    int last_range;
};

template <class Traits>
struct DecodeWork {
    const DecodeParams& p;
    int range, rank;
    int groups_per_row;  // of the batch
    int row_blocks;
    int batch, group;      // the next group: batch row, and number in it
    int group_begin;       // its first unit
    int position, end;     // units of this range
    int units_per_range;
    int first_range_base;  // what first_range counts from
    VisibleKeys row_visible;            // of the batch row
    int row_key;                        // its first key
    int row_first, row_end, row_units;  // its tiles, and the units of each of its groups

    __device__ __forceinline__ DecodeWork(const DecodeParams& params, int range_index, int cluster_rank)
        : p(params), range(range_index), rank(cluster_rank), row_visible(0, 0) {
        const Problem& problem = p.problem;
        row_blocks = tiles(problem.queries * (problem.heads / problem.kv_heads), Traits::PACKED);
        groups_per_row = problem.kv_heads * row_blocks;
        if (p.splits > 0) {
            start_split();
        } else if (problem.key_lengths || p.cache.first_keys) {
            start_uneven();
        } else {
            start_even();
        }
    }

    __device__ __forceinline__ void enter_row(int row) {
        batch = row;
        if (row >= p.problem.batch) return;
        row_visible = VisibleKeys(p.problem, row);
        row_key = p.cache.first_keys ? max(p.cache.first_keys[row], 0) : 0;
        row_end = tiles(row_visible.limit(p.problem.queries - 1), Traits::KEYS);
        row_first = min(row_key / Traits::KEYS, row_end);
        row_units = units_of(row_first, row_end);
    }

    // A row without keys has a unit too: somebody has to write its output.
    static __device__ __forceinline__ int units_of(int first, int end) {
        return max(1, tiles(end - first, Traits::BLOCKS));
    }

    __device__ __forceinline__ void start_split() {
        int index = range / p.splits;
        enter_row(index / groups_per_row);
        group = index % groups_per_row;
        group_begin = 0;
        units_per_range = tiles(row_units, p.splits);
        position = range % p.splits * units_per_range;
        end = min(row_units, position + units_per_range);
        first_range_base = range - range % p.splits;
    }

    __device__ __forceinline__ void cut(int all) {
        int least = min(DECODE_LEAST_UNITS, tiles(all, p.problem.batch * groups_per_row));
        units_per_range = max(least, tiles(all, p.ranges));
        position = range * units_per_range;
        end = min(all, position + units_per_range);
        first_range_base = 0;
    }

    __device__ __forceinline__ void start_even() {
        enter_row(0);
        cut(p.problem.batch * groups_per_row * row_units);
        int index = position / row_units;
        batch = index / groups_per_row;
        group = index % groups_per_row;
        group_begin = index * row_units;
    }

    // The warp counts the units of all rows; each lane takes neighbouring rows.
    __device__ __forceinline__ void start_uneven() {
        int lane = threadIdx.x % 32;
        int share = tiles(p.problem.batch, 32);
        int first_row = lane * share;
        int rows = max(0, min(share, p.problem.batch - first_row));
        int sum = 0;
        for (int i = 0; i < rows; ++i) {
            enter_row(first_row + i);
            sum += row_units * groups_per_row;
        }
        int before = sum;
#pragma unroll
        for (int distance = 1; distance < 32; distance *= 2) {
            int other = __shfl_up_sync(0xffffffffu, before, distance);
            if (lane >= distance) before += other;
        }
        cut(__shfl_sync(0xffffffffu, before, 31));
        before -= sum;
        unsigned int holders = __ballot_sync(0xffffffffu, before <= position && position < before + sum);
        if (holders == 0) return;  // nothing is left for this range
        int holder = __ffs(holders) - 1;
        int row = __shfl_sync(0xffffffffu, first_row, holder);
        group_begin = __shfl_sync(0xffffffffu, before, holder);
        enter_row(row);
        while (position >= group_begin + row_units * groups_per_row) {
            group_begin += row_units * groups_per_row;
            enter_row(++row);
        }
        group = (position - group_begin) / row_units;
        group_begin += group * row_units;
    }

    // The next segment; false if there is none.
    __device__ __forceinline__ bool next(DecodeSegment& segment) {
        if (position >= end) return false;
        int first_unit = position - group_begin;
        int units = min(end - position, row_units - first_unit);
        segment.batch = batch;
        segment.kv_head = group / row_blocks;
        segment.row_block = group % row_blocks;
        segment.first_tile = row_first + first_unit * Traits::BLOCKS + rank;
        segment.tiles = max(0, min(units, tiles(row_end - segment.first_tile, Traits::BLOCKS)));
        segment.first_key = row_key;
        segment.length = row_visible.length;
        segment.causal_shift = row_visible.causal_shift;
        segment.first_range = first_range_base + group_begin / units_per_range;
        segment.last_range = first_range_base + (group_begin + row_units - 1) / units_per_range;
        position += units;
        if (first_unit + units == row_units) {
            group_begin += row_units;
            if (++group == groups_per_row) {
                group = 0;
                enter_row(batch + 1);
            }
        }
        return true;
    }
};

}  // namespace flash
