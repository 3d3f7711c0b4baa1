// Chooses the next token of each row, as the host's samplers do: repetition penalty, temperature, top k, top p, then a
// draw by the cumulated probabilities in the order of the ids, with a uniform number that the host gives. A block does
// one row.
//
// Top k, top p and the draw are one question: with keys taken in descending order, from which key on do the weights
// reach a target? It is answered 8 bits of the key at a time by a histogram. Weights are integers, so that the answer
// does not depend on the order of additions.
#pragma once

#include "step/overlap.cuh"
#include "step/params.cuh"
#include "step/vector.cuh"
#include "tile/math.cuh"

namespace flash {

constexpr int SAMPLE_THREADS = 1024;
constexpr int ID_BITS = 24;
constexpr u64 LAST_ID = (1ull << ID_BITS) - 1;
constexpr float WEIGHT_ONE = 1099511627776.f;  // 2^40: the weight of the likeliest token
constexpr int WEIGHT_LOW_BITS = 20;            // sums of a warp's halves of weights fit into 32 bits

template <class Element>
struct StepSample {
    struct Shared {
        u64 weights[256];
        unsigned int counts[256];
        u64 sums[SAMPLE_THREADS / 32];
        u64 rest;  // of the target, within the digit found
        u64 weight;
        unsigned int count;
        int digit;  // -1: all weights together are less than the target
    };

    const StepSampleParams& p;
    Shared& shared;
    StepChoice choice;
    const void* logits;
    unsigned char* seen;
    float* values;  // after penalty and temperature, the greatest is 0
    int row;
    float top;      // the greatest value before the temperature
    u64 least = 0;  // the least key that is still among those to choose from

    __device__ __forceinline__ StepSample(const StepSampleParams& params, Shared& memory) : p(params), shared(memory) {
        row = blockIdx.x;
        choice = p.choices[row];
        logits = static_cast<const unsigned short*>(p.logits) + static_cast<i64>(row) * p.pitch;
        seen = p.seen ? p.seen + static_cast<i64>(row) * p.vocabulary : nullptr;
        values = p.values ? p.values + static_cast<i64>(row) * p.vocabulary : nullptr;
    }

    __device__ __forceinline__ float penalized(float logit, int id) const {
        return seen && choice.penalty != 1 && seen[id]
                   ? static_cast<float>(logit < 0 ? logit * choice.penalty : logit / choice.penalty)
                   : logit;
    }

    // Calls f(id, logit) for every token.
    template <class F>
    __device__ __forceinline__ void for_each(F f) const {
        for (int i = threadIdx.x; 8 * i < p.vocabulary; i += SAMPLE_THREADS) {
            float logit[8];
            unpack_vector<Element>(logit, static_cast<const uint4*>(logits)[i]);
#pragma unroll
            for (int j = 0; j < 8; ++j) {
                if (8 * i + j < p.vocabulary) f(8 * i + j, logit[j]);
            }
        }
    }

    // Once, as the division is exact and dear.
    __device__ __forceinline__ void set_values() const {
        for_each([this](int id, float logit) {
            float x = penalized(logit, id) - top;
            values[id] = choice.temperature == 1 ? x : static_cast<float>(x / choice.temperature);
        });
        __syncthreads();
    }

    // Greater for greater numbers.
    static __device__ __forceinline__ u64 ordered(float x) {
        int bits = __float_as_int(x + 0.f);  // both zeros alike
        return static_cast<unsigned int>(bits < 0 ? ~bits : bits | 0x80000000);
    }

    // Greater for greater values, among equal ones for lower ids.
    static __device__ __forceinline__ u64 key(float x, int id) { return ordered(x) << ID_BITS | (LAST_ID - id); }

    __device__ __forceinline__ u64 weight(int id) const {
        float x = values[id];
        return key(x, id) >= least ? static_cast<u64>(expf(x) * WEIGHT_ONE) : 0;
    }

    template <class Combine>
    __device__ __forceinline__ u64 reduce(u64 x, Combine combine) const {
#pragma unroll
        for (int distance = 16; distance > 0; distance /= 2) {
            x = combine(x, __shfl_xor_sync(0xffffffffu, x, distance));
        }
        __syncthreads();  // the memory's last use is over
        if (threadIdx.x % 32 == 0) shared.sums[threadIdx.x / 32] = x;
        __syncthreads();
        x = shared.sums[0];
        for (int i = 1; i < SAMPLE_THREADS / 32; ++i) x = combine(x, shared.sums[i]);
        return x;
    }

    __device__ __forceinline__ u64 total() const {
        u64 sum = 0;
        for (int id = threadIdx.x; id < p.vocabulary; id += SAMPLE_THREADS) sum += weight(id);
        return reduce(sum, [](u64 a, u64 b) { return a + b; });
    }

    // Lanes with the same digit as the first one add once together: most values share their first bits.
    __device__ __forceinline__ void count(bool counts, int digit, u64 weight) {
        unsigned int pending = __ballot_sync(0xffffffffu, counts);
        for (int round = 0; round < 2 && pending != 0; ++round) {
            int leader = __ffs(pending) - 1;
            int common = __shfl_sync(0xffffffffu, digit, leader);
            bool same = counts && digit == common;
            unsigned int members = __ballot_sync(0xffffffffu, same);
            unsigned int low = same ? static_cast<unsigned int>(weight) & ((1u << WEIGHT_LOW_BITS) - 1) : 0u;
            unsigned int high = same ? static_cast<unsigned int>(weight >> WEIGHT_LOW_BITS) : 0u;
            low = __reduce_add_sync(0xffffffffu, low);
            high = __reduce_add_sync(0xffffffffu, high);
            if (threadIdx.x % 32 == leader) {
                atomicAdd(&shared.counts[common], __popc(members));
                atomicAdd(&shared.weights[common], (static_cast<u64>(high) << WEIGHT_LOW_BITS) + low);
            }
            pending &= ~members;
            counts = counts && !same;
        }
        if (counts) {
            atomicAdd(&shared.counts[digit], 1u);
            atomicAdd(&shared.weights[digit], weight);
        }
    }

    // By the first warp, each lane having 8 digits, the greatest first.
    __device__ __forceinline__ void find_digit(u64 target) {
        int lane = threadIdx.x;
        u64 own = 0;
        for (int i = 0; i < 8; ++i) own += shared.weights[255 - 8 * lane - i];
        u64 until = own;
#pragma unroll
        for (int distance = 1; distance < 32; distance *= 2) {
            u64 before = __shfl_up_sync(0xffffffffu, until, distance);
            if (lane >= distance) until += before;
        }
        unsigned int reached = __ballot_sync(0xffffffffu, until >= target);
        if (reached == 0) {
            if (lane == 0) shared.digit = -1;
        } else if (lane == __ffs(reached) - 1) {
            u64 rest = target - (until - own);
            int digit = 255 - 8 * lane;
            while (shared.weights[digit] < rest) rest -= shared.weights[digit--];
            shared.digit = digit;
            shared.rest = rest;
            shared.weight = shared.weights[digit];
            shared.count = shared.counts[digit];
        }
    }

    // The key at which the weights reach the target; unless it must be exact, one between it and the next greater key
    // does as well. 0 if they do not reach it.
    template <class Key, class Weight>
    __device__ __forceinline__ u64 reach(u64 target, int bits, bool exact, Key key_of, Weight weight_of) {
        u64 prefix = 0;
        for (int shift = bits - 8; shift >= 0; shift -= 8) {
            __syncthreads();
            if (threadIdx.x < 256) {
                shared.weights[threadIdx.x] = 0;
                shared.counts[threadIdx.x] = 0;
            }
            __syncthreads();
            for (int id0 = 0; id0 < p.vocabulary; id0 += SAMPLE_THREADS) {
                int id = id0 + threadIdx.x;
                u64 found = id < p.vocabulary ? key_of(id) : 0;
                bool counts = id < p.vocabulary && found >> shift >> 8 == prefix;
                u64 weight = counts ? weight_of(id) : 0;
                count(weight != 0, static_cast<int>(found >> shift & 255), weight);
            }
            __syncthreads();
            if (threadIdx.x < 32) find_digit(target);
            __syncthreads();
            if (shared.digit < 0) return 0;
            prefix = prefix << 8 | shared.digit;
            target = shared.rest;
            if (!exact && (shared.count == 1 || shared.weight == target)) return prefix << shift;
        }
        return prefix;
    }

    __device__ __forceinline__ int draw() {
        set_values();
        auto by_weight = [this](int id) { return weight(id); };
        if (choice.top_k > 0) {  // and those as likely as the last of them
            auto by_value = [this](int id) { return ordered(values[id]); };
            least = reach(choice.top_k, 32, false, by_value, [](int) { return 1ull; }) << ID_BITS;
        }
        if (choice.top_p < 1) {
            u64 target = static_cast<u64>(ceil(choice.top_p * static_cast<double>(total())));
            auto by_value_and_id = [this](int id) { return key(values[id], id); };
            least = max(least, reach(max(target, 1ull), 32 + ID_BITS, false, by_value_and_id, by_weight));
        }
        u64 all = total();
        double uniform = p.uniforms[static_cast<i64>(p.lengths[row] % p.slots) * gridDim.x + row];
        u64 target = min(static_cast<u64>(uniform * static_cast<double>(all)), all - 1) + 1;
        auto by_id = [](int id) { return LAST_ID - id; };
        return static_cast<int>(LAST_ID - reach(target, ID_BITS, true, by_id, by_weight));
    }

    __device__ __forceinline__ void run() {
        overlap_next();
        await_previous();
        u64 best = 0;
        bool unusable = false;
        for_each([&](int id, float logit) {
            unusable |= !(logit < positive_infinity());
            best = max(best, key(penalized(logit, id), id));
        });
        best = reduce(best, [](u64 a, u64 b) { return max(a, b); });
        int chosen = static_cast<int>(LAST_ID - (best & LAST_ID));
        top = penalized(Element::load(logits, chosen), chosen);
        unusable = __syncthreads_or(unusable) || top == negative_infinity();
        if (unusable) {
            chosen = -1;
        } else if (choice.temperature != 0) {
            chosen = draw();
        }
        if (threadIdx.x == 0) {
            p.ids[row] = chosen;
            p.ring[static_cast<i64>(p.lengths[row] % p.slots) * gridDim.x + row] = chosen;
            if (seen && chosen >= 0) seen[chosen] = 1;
        }
    }
};

}  // namespace flash
