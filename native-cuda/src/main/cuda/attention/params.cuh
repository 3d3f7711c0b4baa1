// Parameters of every kernel: one plain struct a kernel, passed by value as its only argument.
// Letters: B batch, Hq query heads, Hkv key/value heads, T queries, F keys, D head_dim, S splits.
// "element" is the 16-bit type the variant was compiled for (ELEMENT). All strides count elements, not bytes.
// The Hopper backward lays row_stats and dq_accum out otherwise: see backward/layout_sm90.cuh.
// Only 8-byte fields come before 4-byte fields, so every struct has the same layout on host and device (no padding
// inside; sizes are multiples of 8).
#pragma once

namespace flash {

typedef long long i64;
typedef unsigned long long u64;
typedef unsigned int u32;

// A strided tensor [B, H, rows, columns]; columns are contiguous, every row starts 16-byte aligned.
struct View {
    void* data;
    i64 batch;
    i64 head;
    i64 row;
};  // 32 bytes

// Which keys a query may see beside j < key_lengths[b].
enum Visibility : int {
    VISIBLE_ALL = 0,
    CAUSAL_BOTTOM_RIGHT = 1,  // j <= i + F - T
    CAUSAL_TOP_LEFT = 2,      // j <= i
    CAUSAL_ROW_LENGTH = 3,    // j <= i + key_lengths[b] - T
};

struct Problem {
    const int* key_lengths;  // [B] device memory, each 0..F; null: F everywhere
    const u64* rng_state;    // [2] device memory {seed, offset}; null: the two fields below (DROPOUT)
    u64 seed;
    u64 offset;
    int batch;
    int heads;     // Hq
    int kv_heads;  // Hkv, divides Hq; query head h uses key head h / (Hq / Hkv)
    int queries;   // T
    int keys;      // F
    int head_dim;  // D <= HEAD_DIM, multiple of 8; columns D..HEAD_DIM-1 are read as zero and never written
    int visibility;
    int bias_is_float;   // 1: bias holds float, 0: element (BIAS)
    float scale;         // of the scores, before bias and softmax
    float keep_scale;    // 65536 / keep_threshold (DROPOUT)
    u32 keep_threshold;  // a weight is kept if its 16 random bits < keep_threshold, 1..65536 (DROPOUT)
    u32 reserved;        // 0
};                       // 80 bytes

struct ForwardParams {
    View q;      // [B, Hq, T, D] element
    View k;      // [B, Hkv, F, D] element
    View v;      // [B, Hkv, F, D] element
    View o;      // [B, Hq, T, D] element, written
    View bias;   // [B, Hq, T, F] element or float, stride 0 = broadcast, no alignment needed (BIAS)
    float* lse;  // [B, Hq, T] contiguous, written: natural log of sum exp of scores; -inf if the row sees nothing; null: not wanted
    Problem problem;
};  // 248 bytes

struct RowDotParams {
    View o;            // [B, Hq, T, D] element
    View d_o;          // [B, Hq, T, D] element
    const float* lse;  // [B, Hq, T] contiguous, from the forward
    float* row_stats;  // [B, Hq, T, 2] written: {lse * log2(e), or +inf for an empty row; sum over D of O * dO}; 16-byte aligned
    float* dq_accum;   // [B, Hq, T, HEAD_DIM] set to zero; 16-byte aligned
    int* dq_turn;      // [B, Hq, ceil(T / BLOCK_M)] set to zero; null unless deterministic
    Problem problem;
};  // 176 bytes

struct BackwardParams {
    View q;                  // [B, Hq, T, D] element
    View k;                  // [B, Hkv, F, D] element
    View v;                  // [B, Hkv, F, D] element
    View d_o;                // [B, Hq, T, D] element
    View dk;                 // [B, Hkv, F, D] element, written in full (0 for unused keys)
    View dv;                 // [B, Hkv, F, D] element, written in full
    View bias;               // as in ForwardParams (BIAS)
    const float* row_stats;  // [B, Hq, T, 2] from flash_backward_row_dot
    float* dq_accum;         // [B, Hq, T, HEAD_DIM] zero on entry, added to; private column order, see convert_dq.cuh
    int* dq_turn;            // [B, Hq, ceil(T / BLOCK_M)] zero on entry; null: dQ is summed in any order
    Problem problem;
};  // 328 bytes

struct ConvertDqParams {
    const float* dq_accum;  // [B, Hq, T, HEAD_DIM]
    View dq;                // [B, Hq, T, D] element, written
    Problem problem;
};  // 120 bytes

// Where the keys of a cache begin and lie. Both arrays are in device memory.
struct CacheRows {
    const int* first_keys;  // [B] keys before it are hidden (left padding); null: 0 everywhere
    const int* pages;       // [B, pages_per_row] K and V are [pages, Hkv, page_keys, D]; null: they are [B, Hkv, F, D]
    int page_keys;          // 16 to 256, a power of two
    int pages_per_row;
};  // 24 bytes

struct DecodeSplitParams {
    View q;              // [B, Hq, T, D] element; T * Hq / Hkv rows share one key head
    View k;              // [B, Hkv, F, D] element
    View v;              // [B, Hkv, F, D] element
    View o;              // [B, Hq, T, D] element, written if splits == 1
    float* lse;          // [B, Hq, T] written if splits == 1; may be null
    float* partial_o;    // [S, B, Hq, T, HEAD_DIM] written if splits > 1; 16-byte aligned
    float* partial_lse;  // [S, B, Hq, T] written if splits > 1: log2 domain
    CacheRows cache;
    Problem problem;
    int splits;    // S; split s takes an equal share of each row's key blocks (16 * WARPS keys each)
    int reserved;  // 0
};                 // 264 bytes

struct DecodeCombineParams {
    const float* partial_o;    // [S, B, Hq, T, HEAD_DIM]
    const float* partial_lse;  // [S, B, Hq, T]
    View o;                    // [B, Hq, T, D] element, written
    float* lse;                // [B, Hq, T] written; may be null
    Problem problem;
    int splits;
    int reserved;
};  // 144 bytes

struct DecodeParams {
    View q;                  // [B, Hq, T, D] element; T * Hq / Hkv rows share one key head
    View o;                  // [B, Hq, T, D] element, written
    float* lse;              // [B, Hq, T] written; may be null
    float* partial_sums;     // [2 * ranges, ROWS, HEAD_DIM] scratch; 16-byte aligned
    float* partial_states;   // [2 * ranges, ROWS, 2] maximum and sum; scratch
    u64* tickets;            // [ranges, CLUSTER] scratch, see ticket.cuh
    CacheRows cache;
    Problem problem;
    int ranges;  // clusters of the grid
    int splits;  // S: each group is cut into so many ranges; 0: all keys of all groups into equal ones
};               // 208 bytes

struct DropoutMaskParams {
    unsigned char* mask;  // [B, Hq, T, F] contiguous, written: 1 kept, 0 dropped
    Problem problem;
};  // 88 bytes

static_assert(sizeof(View) == 32 && sizeof(Problem) == 80, "layout is shared with the host");
static_assert(sizeof(ForwardParams) == 248 && sizeof(BackwardParams) == 328, "layout is shared with the host");
static_assert(sizeof(RowDotParams) == 176 && sizeof(ConvertDqParams) == 120, "layout is shared with the host");
static_assert(sizeof(DecodeSplitParams) == 264 && sizeof(DecodeCombineParams) == 144, "layout is shared with the host");
static_assert(sizeof(CacheRows) == 24 && sizeof(DecodeParams) == 208, "layout is shared with the host");
static_assert(sizeof(DropoutMaskParams) == 88, "layout is shared with the host");

}  // namespace flash
