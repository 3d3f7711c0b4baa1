// A consumer warp group of the sm_90 forward.
#pragma once

#include "attention/forward/forward_sm90_block.cuh"
#include "attention/softmax_state.cuh"
#include "attention/visibility.cuh"
#include "tile/math.cuh"
#include "tile/mma_sm80.cuh"

namespace flash {

// A lane's share of a row's weights in one step may come to this much before the row's maximum is looked for again: each
// weight then fits an fp16.
constexpr float TRUSTED_SUM = 32768.f;

// 64 queries; one warp group.
template <class Traits>
struct ForwardConsumer : Traits {
    using typename Traits::Element;
    using typename Traits::Tile;
    using QRing = typename Traits::template Ring<Traits::Q_STAGES>;
    using KvRing = typename Traits::template Ring<Traits::KV_STAGES>;
    static constexpr int N = Traits::N;
    static constexpr int D = Traits::D;

    const ForwardParams& p;
    const char* shared;
    unsigned int base;
    int group, warp, lane;
    float scale_log2;
    int blocks;
    QRing q_ring;
    KvRing kv_ring;  // of the keys whose weights are ready
    SoftmaxRow rows[2];
    float s[N / 2];         // scores, then weights
    unsigned int w[N / 4];  // weights as elements
    float o[D / 2];

    __device__ __forceinline__ ForwardConsumer(const ForwardParams& params, const char* memory, int consumer)
        : p(params),
          shared(memory),
          base(shared_address(memory)),
          group(consumer),
          warp(threadIdx.x / 32 % 4),
          lane(threadIdx.x % 32),
          scale_log2(params.problem.scale * LOG2_E) {}

    __device__ __forceinline__ const ForwardJob& job(QRing ring) const {
        return reinterpret_cast<const ForwardJob*>(shared + Traits::JOBS)[ring.stage()];
    }

    __device__ __forceinline__ const ForwardJob& job() const { return job(q_ring); }

    __device__ __forceinline__ int query_in_job(int half) const {
        return group * 64 + warp * 16 + half * 8 + lane / 4;
    }

    __device__ __forceinline__ int unmasked_blocks() const {
        VisibleKeys visible(job().length, job().causal_shift);
        return uniform(visible.limit(job().first_query + group * 64) / N);
    }

    __device__ __forceinline__ void arrive(unsigned int barrier) const {
        if (lane == 0) barrier_arrive(barrier);
    }

    // Waits for a job and tells its number of key blocks.
    __device__ __forceinline__ int await_job(QRing ring) const {
        barrier_wait(base + Traits::Q_FULL + 8 * ring.stage(), ring.parity());
        return uniform(job(ring).blocks);
    }

    __device__ __forceinline__ void await_k(KvRing k_ring) const {
        barrier_wait(base + Traits::K_FULL + 8 * k_ring.stage(), k_ring.parity());
    }

    __device__ __forceinline__ void await_v() const {
        barrier_wait(base + Traits::V_FULL + 8 * kv_ring.stage(), kv_ring.parity());
    }

    // Products.

    // Starts S = Q K^T of the next keys.
    __device__ __forceinline__ void start_scores(QRing q_ring, KvRing k_ring) {
        unsigned long long q = Tile::descriptor(
            base + Traits::Q + q_ring.stage() * Traits::Q_BYTES + group * Traits::Q_GROUP_BYTES, 64);
        unsigned long long k = Tile::descriptor(base + Traits::K + k_ring.stage() * Traits::KV_BYTES, N);
        wgmma_fence();
#pragma unroll
        for (int step = 0; step < D / 16; ++step) {
            Wgmma<Element, N>::template shared<0, 0>(s, q + Tile::along(step, 64), k + Tile::along(step, N), step > 0);
        }
        wgmma_commit();
    }

    // Starts O += P V.
    __device__ __forceinline__ void start_output() {
        unsigned long long v = Tile::descriptor(base + Traits::V + kv_ring.stage() * Traits::KV_BYTES, N);
        wgmma_fence();
#pragma unroll
        for (int step = 0; step < N / 16; ++step) {
            Wgmma<Element, D>::template registers<1>(o, w + 4 * step, v + Tile::across(step), 1);
        }
        wgmma_commit();
    }

    __device__ __forceinline__ void start_both(QRing q_ring) {
        await_k(kv_ring.following());
        named_barrier_sync(Traits::TURN + group, 256);
        start_scores(q_ring, kv_ring.following());
        await_v();
        start_output();
        named_barrier_arrive(Traits::TURN + (group + 1) % Traits::GROUPS, 256);
    }

    __device__ __forceinline__ void scores_done(KvRing k_ring) {
        hold(s);
        arrive(base + Traits::K_EMPTY + 8 * k_ring.stage());
    }

    __device__ __forceinline__ void output_done() {
        hold(o);
        arrive(base + Traits::V_EMPTY + 8 * kv_ring.stage());
        kv_ring.next();
    }

    // Softmax.

    __device__ __forceinline__ void mask(int n_block) {
        VisibleKeys visible(job().length, job().causal_shift);
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            int limit = visible.limit(job().first_query + query_in_job(half)) - n_block * N - lane % 4 * 2;
#pragma unroll
            for (int n = 0; n < N / 8; ++n) {
                if (n * 8 >= limit) s[4 * n + 2 * half] = negative_infinity();
                if (n * 8 + 1 >= limit) s[4 * n + 2 * half + 1] = negative_infinity();
            }
        }
    }

    __device__ __forceinline__ void weigh(float c, float reference_0, float reference_1, float (&sum)[2]) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            float reference = half == 0 ? reference_0 : reference_1;
            float even = 0.f;
            float odd = 0.f;
#pragma unroll
            for (int n = 0; n < N / 8; ++n) {
                float& left = s[4 * n + 2 * half];
                float& right = s[4 * n + 2 * half + 1];
                left = exp2_fast(fmaf(left, c, -reference));
                right = exp2_fast(fmaf(right, c, -reference));
                even += left;
                odd += right;
            }
            sum[half] = even + odd;
        }
    }

    // Turns scores into weights. True if a row's maximum moved: what was summed so far is then to be multiplied by factor.
    __device__ __forceinline__ bool softmax(float (&factor)[2]) {
        float top[2];
        bool moves[2];
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            float even = s[2 * half];
            float odd = s[2 * half + 1];
#pragma unroll
            for (int n = 1; n < N / 8; ++n) {
                even = fmaxf(even, s[4 * n + 2 * half]);
                odd = fmaxf(odd, s[4 * n + 2 * half + 1]);
            }
            top[half] = __fmul_rn(quad_max(fmaxf(even, odd)), scale_log2);
            moves[half] = top[half] > rows[half].maximum + RESCALE_THRESHOLD;  // also at the first finite score
        }
        bool moved = __any_sync(0xffffffffu, moves[0] || moves[1]);
        if (moved) {
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                float old = rows[half].maximum;
                if (moves[half]) rows[half].maximum = top[half];
                factor[half] = exp2_fast(old - rows[half].reference());
                rows[half].sum *= factor[half];
            }
        }
        float c = scale_log2;
        bool wide = __any_sync(0xffffffffu, fmaxf(fabsf(rows[0].reference()), fabsf(rows[1].reference())) > WIDE_MAXIMUM);
        if (wide) {
            // Round the products as the maximum was rounded; the fma below then only subtracts.
#pragma unroll
            for (int i = 0; i < N / 2; ++i) s[i] = __fmul_rn(s[i], c);
            c = 1.f;
        }
        float sum[2];
        weigh(c, rows[0].reference(), rows[1].reference(), sum);
        rows[0].sum += sum[0];
        rows[1].sum += sum[1];
        return moved;
    }

    // As softmax, where no key is masked: takes the maximum so far on trust and looks at the sums instead, so that no
    // maximum is searched in the ordinary case. If a weight got too large, the scores, overwritten by then, are computed
    // again.
    __device__ __forceinline__ bool trusting_softmax(int n_block, float (&factor)[2]) {
        float sum[2];
        weigh(scale_log2, rows[0].maximum, rows[1].maximum, sum);
        bool wide = fmaxf(fabsf(rows[0].maximum), fabsf(rows[1].maximum)) > WIDE_MAXIMUM;
        bool trusted = !wide && sum[0] <= TRUSTED_SUM && sum[1] <= TRUSTED_SUM;  // false for NaN
        if (__any_sync(0xffffffffu, !trusted)) {
            scores_again(n_block);
            return softmax(factor);
        }
        rows[0].sum += sum[0];
        rows[1].sum += sum[1];
        return false;
    }

    // The scores of this warp alone; K has left shared memory by now.
    __device__ __forceinline__ void scores_again(int n_block) {
        i64 first_row = job().batch * p.k.batch + job().kv_head * p.k.head + (n_block * N + lane / 4) * p.k.row;
        const char* k = static_cast<const char*>(p.k.data) + first_row * 2 + lane % 4 * 4;
        i64 eight_rows = p.k.row * 16;
        unsigned int q_tile = base + Traits::Q + q_ring.stage() * Traits::Q_BYTES + group * Traits::Q_GROUP_BYTES;
#pragma unroll
        for (int i = 0; i < N / 2; ++i) s[i] = 0.f;
#pragma unroll 1
        for (int column = 0; column < p.problem.head_dim; column += 16) {
            unsigned int a[4];
            load_matrix_x4(a, q_tile + Tile::offset(warp * 16 + lane % 16, column / 8 + lane / 16, 64));
            bool upper = column + 8 < p.problem.head_dim;
            const char* rows = k;
#pragma unroll
            for (int n = 0; n < N / 8; ++n) {
                float(&d)[4] = *reinterpret_cast<float(*)[4]>(s + 4 * n);
                Mma<Element>::run(d, a, load_global_if(1, rows), load_global_if(upper, rows + 16));
                rows += eight_rows;
                asm volatile("" : "+l"(rows));  // one at a time: there are no registers for more
                __syncwarp();
            }
            k += 32;
        }
    }

    __device__ __forceinline__ void first_softmax() {
        int n = blocks - 1;
        if (n >= unmasked_blocks()) mask(n);
        float factor[2];
        softmax(factor);
    }

    __device__ __forceinline__ void pack() {
#pragma unroll
        for (int i = 0; i < N / 4; ++i) w[i] = Element::pack(s[2 * i], s[2 * i + 1]);
    }

    __device__ __forceinline__ void rescale(const float (&factor)[2]) {
#pragma unroll
        for (int i = 0; i < D / 2; ++i) o[i] *= factor[i / 2 % 2];
    }

    // Jobs.

    __device__ __forceinline__ void reset() {
        rows[0].reset();
        rows[1].reset();
    }

    __device__ __forceinline__ void clear_output() {
#pragma unroll
        for (int i = 0; i < D / 2; ++i) o[i] = 0.f;
    }

    // The first scores of a chain of jobs; nothing runs beside them.
    __device__ __forceinline__ void begin() {
        reset();
        await_k(kv_ring);
        start_scores(q_ring, kv_ring);
        wgmma_wait<0>();
        scores_done(kv_ring);
        first_softmax();
        pack();
    }

    template <bool MASKED>
    __device__ __forceinline__ void step(int n) {
        start_both(q_ring);
        wgmma_wait<1>();
        scores_done(kv_ring.following());
        if (MASKED) mask(n);
        float factor[2];
        bool moved = MASKED ? softmax(factor) : trusting_softmax(n, factor);
        wgmma_wait<0>();
        output_done();
        pack();
        if (moved) rescale(factor);
    }

    // All steps of a job but the last P V.
    __device__ __forceinline__ void walk() {
        int n = blocks - 2;
        int unmasked = unmasked_blocks();
#pragma unroll 1
        for (; n >= unmasked; --n) step<true>(n);
#pragma unroll 1
        for (; n >= 0; --n) step<false>(n);
    }

    // The last P V of a job beside the first scores of the next one.
    __device__ __forceinline__ void cross() {
        unsigned int stage = q_ring.stage();
        start_both(q_ring.following());
        float inverse[2];
        close_rows(stage, inverse);
        reset();
        q_ring.next();
        blocks = await_job(q_ring);
        wgmma_wait<1>();
        scores_done(kv_ring.following());
        first_softmax();
        wgmma_wait<0>();
        output_done();
        pack();
        leave_output(stage, inverse);
        clear_output();
    }

    __device__ __forceinline__ void end() {
        await_v();
        start_output();
        wgmma_wait<0>();
        output_done();
        finish();
    }

    // Leaves the log-sum-exp of a job whose weights are complete; what is left to do is to multiply O by `inverse`.
    __device__ __forceinline__ void close_rows(unsigned int stage, float (&inverse)[2]) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            float sum = quad_sum(rows[half].sum);
            inverse[half] = sum == 0.f ? 0.f : reciprocal_fast(sum);
            if (lane % 4 == 0) {
                store_shared(base + Traits::LSE + (stage * Traits::M + query_in_job(half)) * 4,
                             __float_as_int(log_sum_exp_2(rows[half].maximum, sum) * LN_2));
            }
        }
    }

    // Normalises O and leaves it in the place of this group's queries.
    __device__ __forceinline__ void leave_output(unsigned int stage, const float (&inverse)[2]) {
        unsigned int tile = base + Traits::Q + stage * Traits::Q_BYTES + group * Traits::Q_GROUP_BYTES;
        int row = warp * 16 + lane % 16;
#pragma unroll
        for (int d = 0; d < D / 16; ++d) {
            const float* a = o + 8 * d;
            store_matrix_x4(tile + Tile::offset(row, 2 * d + lane / 16, 64), Element::pack(a[0] * inverse[0], a[1] * inverse[0]),
                            Element::pack(a[2] * inverse[1], a[3] * inverse[1]),
                            Element::pack(a[4] * inverse[0], a[5] * inverse[0]),
                            Element::pack(a[6] * inverse[1], a[7] * inverse[1]));
        }
        async_fence();
        __syncwarp();
        arrive(base + Traits::O_FULL + 8 * group);
    }

    __device__ __forceinline__ void finish() {
        float inverse[2];
        close_rows(q_ring.stage(), inverse);
        leave_output(q_ring.stage(), inverse);
        q_ring.next();
        blocks = await_job(q_ring);
    }

    // With a second place for Q the next job is known, and its queries loaded, before the present one ends.
    __device__ __forceinline__ bool another_follows() const {
        if (Traits::Q_STAGES == 1) return false;
        return await_job(q_ring.following()) > 0;
    }

    __device__ __forceinline__ void run() {
        if (group == Traits::GROUPS - 1) named_barrier_arrive(Traits::TURN, 256);
        blocks = await_job(q_ring);
        while (blocks >= 0) {
            clear_output();
            if (blocks == 0) {
                reset();
                finish();
                continue;
            }
            begin();
            walk();
#pragma unroll 1
            while (another_follows()) {
                cross();
                walk();
            }
            end();
        }
    }
};

}  // namespace flash
