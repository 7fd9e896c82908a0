# shellcheck shell=bash
# What every script here needs to know: where the tree is, where the cache is, how to speak.
# Sourced, never run. Nothing is ever fetched or built inside the tree except build/.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${FORKREEL_CACHE:-${XDG_CACHE_HOME:-${HOME:?set HOME or FORKREEL_CACHE}/.cache}/forkreel}
export FORKREEL_CACHE=$CACHE
PINS=$ROOT/scripts/pins
JOBS=${JOBS:-$(nproc)}

say() { printf '%s: %s\n' "${0##*/}" "$*"; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

case $CACHE/ in
"$ROOT"/*) die "the cache $CACHE is inside the source tree; set FORKREEL_CACHE to another folder" ;;
esac

# A newer cmake than the distribution's lives in the cache when that one is too old.
if [ -x "$CACHE/tools/bin/cmake" ]; then
    PATH=$CACHE/tools/bin:$PATH
fi

# A fresh clone takes what another one compiled out of the cache, where ccache is there (setup test brings
# it). Paths are made relative to the tree; -march=native means another thing on another processor.
if command -v ccache >/dev/null; then
    export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
    export CCACHE_DIR=$CACHE/ccache CCACHE_BASEDIR=$ROOT CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=2G
    CCACHE_NAMESPACE=$(grep -m2 -E '^(model name|CPU part|flags|Features)' /proc/cpuinfo | sha256sum | cut -c1-12)
    export CCACHE_NAMESPACE
fi

# pin NAME FIELD: a field (2 version, 3 sha256) of a line in scripts/pins.
pin() { awk -v name="$1" -v field="$2" '$1 == name { print $field; exit }' "$PINS"; }

# has_sum FILE NAME: FILE exists and has the sha256 that scripts/pins gives for NAME.
has_sum() {
    [ -f "$1" ] && [ "$(sha256sum <"$1" | cut -d' ' -f1)" = "$(pin "$2" 3)" ]
}

# Flags of the pinned llama.cpp build. Static, for this processor, BLAS for long inputs and
# training; its own thread pool instead of OpenMP, so that Forkreel decides how many threads run.
LLAMA_FLAGS=(
    -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DCMAKE_POSITION_INDEPENDENT_CODE=ON
    -DCMAKE_INSTALL_LIBDIR=lib -DGGML_NATIVE=ON -DGGML_OPENMP=OFF -DGGML_CCACHE=OFF
    -DGGML_BLAS=ON -DGGML_BLAS_VENDOR=OpenBLAS -DLLAMA_OPENSSL=OFF -DLLAMA_CURL=OFF
    -DLLAMA_BUILD_COMMON=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_TOOLS=OFF
    -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF
    -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF
)

# llama.cpp's own programs, for tests and benchmarks: as their users have them, without BLAS, but
# with the page of the server left out. They link what they need and are never linked by us.
LLAMA_TOOLS=(llama-server llama-batched-bench llama-perplexity llama-completion)
LLAMA_TOOLS_FLAGS=(
    -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE=ON -DGGML_OPENMP=OFF
    -DGGML_CCACHE=OFF -DGGML_BLAS=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_CURL=OFF
    -DLLAMA_BUILD_COMMON=ON -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_TOOLS=ON
    -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=ON -DLLAMA_BUILD_APP=OFF
    -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF
)

# llama_folder FLAG...: VERSION-KEY; another version, flag or processor is another folder.
llama_folder() {
    local version key
    version=$(pin llama-cpp-python 2)
    key=$({
        pin llama-cpp-python 3
        printf '%s\n' "$@"
        grep -m1 -E '^(model name|CPU part)' /proc/cpuinfo || true
        grep -m1 -E '^(flags|Features)' /proc/cpuinfo || true
        # shellcheck disable=SC1091
        (. /etc/os-release && echo "${ID:-} ${VERSION_ID:-}") 2>/dev/null || true
    } | sha256sum | cut -c1-12)
    echo "$version-$key"
}

# Where this machine's llama.cpp and its programs are or will be.
llama_prefix() { echo "$CACHE/llama/$(llama_folder "${LLAMA_FLAGS[@]}")"; }
llama_tools() { echo "$CACHE/llama-tools/$(llama_folder "${LLAMA_TOOLS_FLAGS[@]}" "${LLAMA_TOOLS[@]}")/bin"; }

llama_ready() {
    [ -f "$1/ready" ] && [ -f "$1/lib/libllama.a" ] && [ -f "$1/lib/libggml.a" ] &&
        [ -f "$1/include/llama.h" ] && [ -f "$1/include/gguf.h" ] &&
        [ -f "$1/include/ggml-backend-impl.h" ]
}
