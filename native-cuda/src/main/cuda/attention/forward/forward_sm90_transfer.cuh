// The producer warp group of the sm_90 forward: everything that moves between global and shared memory.
#pragma once

#include "attention/forward/forward_sm90_block.cuh"
#include "attention/visibility.cuh"
#include "tile/math.cuh"

namespace flash {

// Chooses jobs and loads what they need; one warp.
template <class Traits>
struct ForwardProducer : Traits {
    using typename Traits::Tile;

    const ForwardParams& p;
    const ForwardMaps& maps;
    char* shared;
    unsigned int base;
    int* next_job;
    int section_heads;
    int lane;
    bool leader;
    typename Traits::template Ring<Traits::KV_STAGES> k_ring, v_ring;
    typename Traits::template Ring<Traits::Q_STAGES> q_ring;
    unsigned int landed_parity = 0;

    __device__ __forceinline__ ForwardProducer(const ForwardParams& params, const ForwardMaps& tensor_maps, int* counter, char* memory)
        : p(params),
          maps(tensor_maps),
          shared(memory),
          base(shared_address(memory)),
          next_job(counter),
          lane(threadIdx.x % 32),
          leader(elect_one()) {
        section_heads = 1;
        if (p.problem.visibility != VISIBLE_ALL) {
            i64 fitting = max(SECTION_BYTES / (static_cast<i64>(p.problem.keys) * Traits::D * 4 + 1), 1ll);
            section_heads = min(static_cast<int>(fitting) * (p.problem.heads / p.problem.kv_heads),
                                p.problem.batch * p.problem.heads);
        }
    }

    // Jobs are ordered by sections of heads, within one from the last queries (under a causal rule the longest work) to
    // the first.
    __device__ __forceinline__ ForwardJob job(int index) const {
        const Problem& problem = p.problem;
        int m_blocks = tiles(problem.queries, Traits::M);
        int first_head = index / (section_heads * m_blocks) * section_heads;
        int within = index - first_head * m_blocks;
        int heads = min(section_heads, problem.batch * problem.heads - first_head);
        int row = first_head + within % heads;
        ForwardJob job;
        job.batch = row / problem.heads;
        job.head = row % problem.heads;
        job.kv_head = job.head / (problem.heads / problem.kv_heads);
        job.first_query = (m_blocks - 1 - within / heads) * Traits::M;
        VisibleKeys visible(problem, job.batch);
        job.length = visible.length;
        job.causal_shift = visible.causal_shift;
        job.blocks = tiles(visible.limit(min(job.first_query + Traits::M, problem.queries) - 1), Traits::N);
        return job;
    }

    __device__ __forceinline__ void load_q(const ForwardJob& job) {
        unsigned int stage = q_ring.stage();
        unsigned int full = base + Traits::Q_FULL + 8 * stage;
        barrier_wait(base + Traits::Q_EMPTY + 8 * stage, q_ring.parity() ^ 1);
        if (leader) {
            reinterpret_cast<ForwardJob*>(shared + Traits::JOBS)[stage] = job;
            if (job.blocks > 0) {
                barrier_arrive_expect(full, Traits::Q_BYTES);
#pragma unroll
                for (int i = 0; i < Traits::GROUPS * Traits::PANELS; ++i) {
                    int group = i / Traits::PANELS;
                    int panel = i % Traits::PANELS;
                    tensor_load(base + Traits::Q + stage * Traits::Q_BYTES + i * (Traits::Q_GROUP_BYTES / Traits::PANELS),
                                &maps.q, full, panel * Tile::COLUMNS, job.first_query + 64 * group, job.head, job.batch);
                }
            } else {
                barrier_arrive(full);
            }
        }
        __syncwarp();
        q_ring.next();
    }

    __device__ __forceinline__ void load_panels(const TensorMap* map, unsigned int target, unsigned int full,
                                                const ForwardJob& job, int n) const {
        if (leader) {
            barrier_arrive_expect(full, Traits::KV_BYTES);
#pragma unroll
            for (int panel = 0; panel < Traits::PANELS; ++panel) {
                tensor_load(target + panel * (Traits::KV_BYTES / Traits::PANELS), map, full, panel * Tile::COLUMNS,
                            n * Traits::N, job.kv_head, job.batch);
            }
        }
        __syncwarp();
    }

    __device__ __forceinline__ void load_k(const ForwardJob& job, int n) {
        unsigned int stage = k_ring.stage();
        barrier_wait(base + Traits::K_EMPTY + 8 * stage, k_ring.parity() ^ 1);
        load_panels(&maps.k, base + Traits::K + stage * Traits::KV_BYTES, base + Traits::K_FULL + 8 * stage, job, n);
        k_ring.next();
    }

    // Rows at or beyond the length may hold NaN, and 0 * NaN would spread: they are overwritten with zero.
    __device__ __forceinline__ void load_v(const ForwardJob& job, int n) {
        unsigned int stage = v_ring.stage();
        unsigned int tile = base + Traits::V + stage * Traits::KV_BYTES;
        unsigned int full = base + Traits::V_FULL + 8 * stage;
        barrier_wait(base + Traits::V_EMPTY + 8 * stage, v_ring.parity() ^ 1);
        int used = job.length - n * Traits::N;
        if (used < Traits::N && job.length < p.problem.keys) {
            unsigned int landed = base + Traits::V_LANDED;
            load_panels(&maps.v, tile, landed, job, n);
            barrier_wait(landed, landed_parity);
            landed_parity ^= 1;
            constexpr int CHUNKS = Traits::D / 8;
            for (int i = used * CHUNKS + lane; i < Traits::N * CHUNKS; i += 32) {
                store_shared_zero_16(tile + Tile::offset(i / CHUNKS, i % CHUNKS, Traits::N));
            }
            async_fence();
            __syncwarp();
            if (leader) barrier_arrive(full);
            __syncwarp();
        } else {
            load_panels(&maps.v, tile, full, job, n);
        }
        v_ring.next();
    }

    // K runs one tile ahead of V. With a second place for Q that holds from job to job: the last V of a job is loaded
    // after the first K and the Q of the next one.
    __device__ __forceinline__ void run() {
        int jobs = tiles(p.problem.queries, Traits::M) * p.problem.batch * p.problem.heads;
        int index = blockIdx.x;
        ForwardJob previous;
        previous.blocks = 0;
        ForwardJob now = job(min(index, jobs - 1));
        while (index < jobs) {
            int claimed = 0;
            if (next_job && lane == 0) claimed = atomicAdd(next_job, 1);
            int n = now.blocks - 1;
            if (n >= 0) load_k(now, n);
            load_q(now);
            if (Traits::Q_STAGES > 1 && previous.blocks > 0) load_v(previous, 0);
            if (n > 0) {
                load_k(now, n - 1);
                load_v(now, n);
                --n;
            }
            previous = now;
            index = gridDim.x + (next_job ? __shfl_sync(0xffffffffu, claimed, 0) : index);
            if (index < jobs) now = job(index);
#pragma unroll 1
            for (; n > 0; --n) {
                load_k(previous, n - 1);
                load_v(previous, n);
            }
            if (Traits::Q_STAGES == 1 && n == 0) load_v(previous, 0);
        }
        now.blocks = -1;
        load_q(now);
        if (Traits::Q_STAGES > 1 && previous.blocks > 0) load_v(previous, 0);
    }
};

// Stores what the consumers leave: O in the place of Q, and the log-sum-exp; one warp.
template <class Traits>
__device__ __forceinline__ void forward_store(const ForwardParams& p, const ForwardMaps& maps, const char* shared) {
    unsigned int base = shared_address(shared);
    int lane = threadIdx.x % 32;
    typename Traits::template Ring<Traits::Q_STAGES> q_ring;
    for (unsigned int jobs = 0;; ++jobs) {
        unsigned int stage = q_ring.stage();
        barrier_wait(base + Traits::Q_FULL + 8 * stage, q_ring.parity());
        ForwardJob job = reinterpret_cast<const ForwardJob*>(shared + Traits::JOBS)[stage];
        if (job.blocks < 0) break;
        i64 first_row = (static_cast<i64>(job.batch) * p.problem.heads + job.head) * p.problem.queries;
#pragma unroll
        for (int group = 0; group < Traits::GROUPS; ++group) {
            barrier_wait(base + Traits::O_FULL + 8 * group, jobs % 2);
            if (lane == 0) {
#pragma unroll
                for (int panel = 0; panel < Traits::PANELS; ++panel) {
                    unsigned int source = base + Traits::Q + stage * Traits::Q_BYTES + group * Traits::Q_GROUP_BYTES +
                                          panel * (Traits::Q_GROUP_BYTES / Traits::PANELS);
                    tensor_store(&maps.o, source, panel * Traits::Tile::COLUMNS, job.first_query + 64 * group, job.head,
                                 job.batch);
                }
                bulk_commit();
            }
            const float* lse = reinterpret_cast<const float*>(shared + Traits::LSE) + stage * Traits::M;
#pragma unroll
            for (int row = group * 64 + lane; row < group * 64 + 64; row += 32) {
                int query = job.first_query + row;
                if (p.lse && query < p.problem.queries) p.lse[first_row + query] = lse[row];
            }
        }
        if (lane == 0) bulk_wait_read<0>();
        __syncwarp();
        if (lane == 0) barrier_arrive(base + Traits::Q_EMPTY + 8 * stage);
        q_ring.next();
    }
}

}  // namespace flash
