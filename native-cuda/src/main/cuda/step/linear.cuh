// A linear layer of few rows: y = epilogue(x W^T + bias). Bound by reading the weights once.
//
// Weights are the A operand of mma.sync (16 outputs), the rows of x the B operand (8 rows): y^T = W x^T. A dot product
// does not care for the order of its terms, so lane t of a quad takes 8 consecutive elements of a row, 16 bytes, where
// the instruction speaks of columns 2t, 2t+1, 2t+8 and 2t+9: both operands come straight from memory into registers.
// The warps of a block take 64 inputs in turn and add their sums up at the end. The order of additions depends on the
// warps alone, so that a row gives the same bits among any number of others.
#pragma once

#include "step/overlap.cuh"
#include "step/params.cuh"
#include "step/vector.cuh"
#include "tile/math.cuh"
#include "tile/mma_sm80.cuh"

namespace flash {

enum Epilogue : int {
    EPILOGUE_NONE = 0,
    EPILOGUE_ADD = 1,        // y += ...: the residual
    EPILOGUE_GELU = 2,       // by the error function
    EPILOGUE_GELU_TANH = 3,  // approximated
    EPILOGUE_GATED = 4,      // silu(first) * second
};

__device__ __forceinline__ uint4 load_streamed(const uint4* source) {
    uint4 x;
    asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(x.x), "=r"(x.y), "=r"(x.z), "=r"(x.w)
                 : "l"(source));
    return x;
}

__device__ __forceinline__ float sigmoid(float x) { return 1.f / (1.f + __expf(-x)); }

// OUTPUT_TILES of 16 outputs, ROW_TILES of 8 rows; CHUNKS of 32 inputs are on their way while as many are multiplied.
template <class Element, int OUTPUT_TILES_, int ROW_TILES_, int CHUNKS_, int WARPS_, int EPILOGUE_>
struct StepLinear {
    static constexpr bool GATED = EPILOGUE_ == EPILOGUE_GATED;
    static constexpr int OUTPUTS = GATED ? 16 : 16 * OUTPUT_TILES_;  // columns of y
    static constexpr int ROWS = 8 * ROW_TILES_;
    static constexpr int PITCH = ROWS + 1;  // floats; avoids bank conflicts
    static_assert(!GATED || OUTPUT_TILES_ == 2, "one tile of each weight");

    struct Operands {
        uint4 weight[CHUNKS_][OUTPUT_TILES_][2];
        uint4 x[CHUNKS_][ROW_TILES_];
    };

    const StepLinearParams& p;
    int warp, lane, part, column0, first_row;
    i64 output0;  // of this block in y
    const uint4* weight[OUTPUT_TILES_][2];
    const uint4* x[ROW_TILES_];
    float sum[OUTPUT_TILES_][ROW_TILES_][4];

    __device__ __forceinline__ explicit StepLinear(const StepLinearParams& params) : p(params) {
        warp = threadIdx.x / 32;
        lane = threadIdx.x % 32;
        int row_blocks = tiles(p.rows, ROWS);
        first_row = blockIdx.x % row_blocks * ROWS;  // fastest: weights are read again from the L2 cache
        int tile = blockIdx.x / row_blocks;
        part = 0;
        output0 = 0;
        while (!GATED && tile >= tiles(p.outputs[part], OUTPUTS)) {
            tile -= tiles(p.outputs[part], OUTPUTS);
            output0 += p.outputs[part++];
        }
        column0 = tile * OUTPUTS;
#pragma unroll
        for (int m = 0; m < OUTPUT_TILES_; ++m) {
            const void* base = p.weight[GATED ? m : part];
#pragma unroll
            for (int h = 0; h < 2; ++h) {
                // Beyond the last output the last one is read again; its sums are not stored.
                int output = min(column0 + (GATED ? 0 : 16 * m) + lane / 4 + 8 * h, p.outputs[part] - 1);
                weight[m][h] = static_cast<const uint4*>(base) + static_cast<i64>(output) * p.inputs / 8;
            }
        }
#pragma unroll
        for (int n = 0; n < ROW_TILES_; ++n) {
            int row = first_row + 8 * n + lane / 4;
            x[n] = row < p.rows ? static_cast<const uint4*>(p.x) + static_cast<i64>(row) * p.inputs / 8 : nullptr;
        }
    }

    // The place of a warp's chunk in a row, in vectors of 8, for this lane.
    __device__ __forceinline__ int place(int chunk) const {
        return (chunk / 2 * WARPS_ + warp) * 8 + chunk % 2 * 4 + lane % 4;
    }

    __device__ __forceinline__ void load_weights(Operands& to, int chunk0) const {
        const uint4 zero = make_uint4(0u, 0u, 0u, 0u);
#pragma unroll
        for (int c = 0; c < CHUNKS_; ++c) {
            int i = place(chunk0 + c);
            bool inside = i < p.inputs / 8;
#pragma unroll
            for (int m = 0; m < OUTPUT_TILES_; ++m) {
                to.weight[c][m][0] = inside ? load_streamed(weight[m][0] + i) : zero;
                to.weight[c][m][1] = inside ? load_streamed(weight[m][1] + i) : zero;
            }
        }
    }

    __device__ __forceinline__ void load_x(Operands& to, int chunk0) const {
        const uint4 zero = make_uint4(0u, 0u, 0u, 0u);
#pragma unroll
        for (int c = 0; c < CHUNKS_; ++c) {
            int i = place(chunk0 + c);
            bool inside = i < p.inputs / 8;
#pragma unroll
            for (int n = 0; n < ROW_TILES_; ++n) to.x[c][n] = inside && x[n] ? x[n][i] : zero;
        }
    }

    __device__ __forceinline__ void multiply(const Operands& from) {
#pragma unroll
        for (int c = 0; c < CHUNKS_; ++c) {
#pragma unroll
            for (int m = 0; m < OUTPUT_TILES_; ++m) {
                uint4 upper = from.weight[c][m][0], lower = from.weight[c][m][1];
                unsigned int first[4] = {upper.x, lower.x, upper.y, lower.y};
                unsigned int second[4] = {upper.z, lower.z, upper.w, lower.w};
#pragma unroll
                for (int n = 0; n < ROW_TILES_; ++n) {
                    Mma<Element>::run(sum[m][n], first, from.x[c][n].x, from.x[c][n].y);
                    Mma<Element>::run(sum[m][n], second, from.x[c][n].z, from.x[c][n].w);
                }
            }
        }
    }

    __device__ __forceinline__ void run() {
#pragma unroll
        for (int m = 0; m < OUTPUT_TILES_; ++m) clear(sum[m]);
        int chunks = tiles(p.inputs, 64 * WARPS_) * 2;  // of each warp
        Operands now, next;
        load_weights(now, 0);
        overlap_next();
        await_previous();
        load_x(now, 0);
#pragma unroll 2
        for (int chunk = 0; chunk < chunks; chunk += CHUNKS_) {
            if (chunk + CHUNKS_ < chunks) {
                load_weights(next, chunk + CHUNKS_);
                load_x(next, chunk + CHUNKS_);
            }
            multiply(now);
            now = next;
        }
        finish();
    }

    __device__ __forceinline__ void finish() const {
        __shared__ float sums[WARPS_][16 * OUTPUT_TILES_][PITCH];
#pragma unroll
        for (int m = 0; m < OUTPUT_TILES_; ++m) {
#pragma unroll
            for (int n = 0; n < ROW_TILES_; ++n) {
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    sums[warp][16 * m + lane / 4 + i / 2 * 8][8 * n + lane % 4 * 2 + i % 2] = sum[m][n][i];
                }
            }
        }
        __syncthreads();
        for (int i = threadIdx.x; i < OUTPUTS * ROWS; i += 32 * WARPS_) {
            int row = i / OUTPUTS, output = i % OUTPUTS;
            if (first_row + row >= p.rows) break;
            if (column0 + output >= p.outputs[part]) continue;
            float value = 0.f, opened = 0.f;
#pragma unroll
            for (int w = 0; w < WARPS_; ++w) {
                value += sums[w][output][row];
                if (GATED) opened += sums[w][16 + output][row];
            }
            value += bias(part, column0 + output);
            i64 place = static_cast<i64>(first_row + row) * p.pitch + output0 + column0 + output;
            if (EPILOGUE_ == EPILOGUE_ADD) value += Element::load(p.y, place);
            if (EPILOGUE_ == EPILOGUE_GELU) value *= 0.5f * (1.f + erff(value * 0.70710678f));
            if (EPILOGUE_ == EPILOGUE_GELU_TANH) {
                value *= sigmoid(1.5957691f * value * (1.f + 0.044715f * value * value));
            }
            if (GATED) value *= sigmoid(value) * (opened + bias(1, column0 + output));
            store<Element>(p.y, place, value);
        }
    }

    __device__ __forceinline__ float bias(int which, int output) const {
        return p.bias[which] ? Element::load(p.bias[which], output) : 0.f;
    }
};

}  // namespace flash
