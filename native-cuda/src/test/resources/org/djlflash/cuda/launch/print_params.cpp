// Reads one struct of params.cuh from a file and prints its fields: what the device will see.
#include <cstdio>
#include <cstring>

#include "attention/params.cuh"
#include "measure/params.cuh"
#include "step/params.cuh"
#include "train/params.cuh"

using namespace flash;

static void print(const char* name, const void* pointer) { std::printf("%s=%lld\n", name, (long long)pointer); }
static void print(const char* name, i64 number) { std::printf("%s=%lld\n", name, number); }
static void print(const char* name, u64 number) { std::printf("%s=%lld\n", name, (i64)number); }
static void print(const char* name, int number) { std::printf("%s=%d\n", name, number); }
static void print(const char* name, u32 number) { std::printf("%s=%u\n", name, number); }
static void print(const char* name, float number) { std::printf("%s=%.9g\n", name, number); }
static void print(const char* name, const View& view) {
    std::printf("%s=%lld,%lld,%lld,%lld\n", name, (i64)view.data, view.batch, view.head, view.row);
}

#define FIELD(name) print(#name, p.name)

static void print(const Problem& p) {
    FIELD(key_lengths); FIELD(rng_state); FIELD(seed); FIELD(offset);
    FIELD(batch); FIELD(heads); FIELD(kv_heads); FIELD(queries); FIELD(keys); FIELD(head_dim);
    FIELD(visibility); FIELD(bias_is_float); FIELD(scale); FIELD(keep_scale); FIELD(keep_threshold); FIELD(reserved);
}
static void print(const CacheRows& p) {
    FIELD(first_keys); FIELD(pages); FIELD(page_keys); FIELD(pages_per_row);
}
static void print(const ForwardParams& p) {
    FIELD(q); FIELD(k); FIELD(v); FIELD(o); FIELD(bias); FIELD(lse);
}
static void print(const RowDotParams& p) {
    FIELD(o); FIELD(d_o); FIELD(lse); FIELD(row_stats); FIELD(dq_accum); FIELD(dq_turn);
}
static void print(const BackwardParams& p) {
    FIELD(q); FIELD(k); FIELD(v); FIELD(d_o); FIELD(dk); FIELD(dv); FIELD(bias);
    FIELD(row_stats); FIELD(dq_accum); FIELD(dq_turn);
}
static void print(const ConvertDqParams& p) { FIELD(dq_accum); FIELD(dq); }
static void print(const DecodeSplitParams& p) {
    FIELD(q); FIELD(k); FIELD(v); FIELD(o); FIELD(lse); FIELD(partial_o); FIELD(partial_lse); FIELD(splits); FIELD(reserved);
    print(p.cache);
}
static void print(const DecodeParams& p) {
    FIELD(q); FIELD(o); FIELD(lse); FIELD(partial_sums); FIELD(partial_states); FIELD(tickets); FIELD(ranges); FIELD(splits);
    print(p.cache);
}
static void print(const DecodeCombineParams& p) {
    FIELD(partial_o); FIELD(partial_lse); FIELD(o); FIELD(lse); FIELD(splits); FIELD(reserved);
}
static void print(const DropoutMaskParams& p) { FIELD(mask); }
static void print(const ReadParams& p) { FIELD(data); FIELD(bytes); FIELD(result); }
static void print(const GradientSquaresParams& p) { FIELD(chunks); FIELD(sums); }
static void print(const TwinParams& p) { FIELD(twins); }
static void print(const ClipFactorParams& p) {
    FIELD(sums); FIELD(factor); FIELD(count); FIELD(scale); FIELD(limit);
}
static void print(const AdamWParams& p) {
    FIELD(chunks); FIELD(factor); FIELD(scale); FIELD(keep); FIELD(rate); FIELD(beta1); FIELD(beta2); FIELD(epsilon);
}
static void print(const StepEmbedParams& p) {
    FIELD(ids); FIELD(lengths); FIELD(tokens); FIELD(positions); FIELD(hidden); FIELD(width); FIELD(capacity);
}
static void print(const StepNormParams& p) {
    FIELD(x); FIELD(y); FIELD(gain); FIELD(shift); FIELD(width); FIELD(epsilon);
}
static void print(const StepLinearParams& p) {
    FIELD(x); FIELD(y); FIELD(weight[0]); FIELD(weight[1]); FIELD(weight[2]); FIELD(bias[0]); FIELD(bias[1]);
    FIELD(bias[2]); FIELD(outputs[0]); FIELD(outputs[1]); FIELD(outputs[2]); FIELD(rows); FIELD(inputs); FIELD(pitch);
}
static void print(const StepAppendParams& p) {
    FIELD(qkv); FIELD(keys); FIELD(values); FIELD(lengths); FIELD(cosine); FIELD(sine); FIELD(pages); FIELD(batch); FIELD(head);
    FIELD(row); FIELD(heads); FIELD(kv_heads); FIELD(head_dim); FIELD(page_keys); FIELD(pages_per_row); FIELD(reserved);
}
static void print(const StepSampleParams& p) {
    FIELD(logits); FIELD(ids); FIELD(ring); FIELD(lengths); FIELD(choices); FIELD(uniforms); FIELD(seen);
    FIELD(values); FIELD(vocabulary); FIELD(pitch); FIELD(slots); FIELD(reserved);
}

static void print_problem(const Problem* problem) { print(*problem); }
static void print_problem(const void*) {}  // the parameters are not of attention

template <typename Params>
static auto problem_of(const Params& params, int) -> decltype(&params.problem) { return &params.problem; }
template <typename Params>
static const void* problem_of(const Params&, long) { return nullptr; }

template <typename Params>
static int read(std::FILE* file) {
    Params params;
    size_t bytes = std::fread(&params, 1, sizeof(Params), file);
    if (bytes != sizeof(Params) || std::fgetc(file) != EOF) {
        return std::printf("the file is not of %d bytes\n", (int)sizeof(Params)), 1;
    }
    print(params);
    print_problem(problem_of(params, 0));
    return 0;
}

int main(int, char** arguments) {
    std::FILE* file = std::fopen(arguments[2], "rb");
#define STRUCT(name) if (!std::strcmp(arguments[1], #name)) return read<name>(file)
    STRUCT(ForwardParams);
    STRUCT(RowDotParams);
    STRUCT(BackwardParams);
    STRUCT(ConvertDqParams);
    STRUCT(DecodeSplitParams);
    STRUCT(DecodeParams);
    STRUCT(DecodeCombineParams);
    STRUCT(DropoutMaskParams);
    STRUCT(ReadParams);
    STRUCT(GradientSquaresParams);
    STRUCT(TwinParams);
    STRUCT(ClipFactorParams);
    STRUCT(AdamWParams);
    STRUCT(StepEmbedParams);
    STRUCT(StepNormParams);
    STRUCT(StepLinearParams);
    STRUCT(StepAppendParams);
    STRUCT(StepSampleParams);
    return std::printf("unknown struct %s\n", arguments[1]), 1;
}
