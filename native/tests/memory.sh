#!/usr/bin/env bash
# memory.sh sanitize|valgrind PYTHON [PYTEST ARGUMENT...]
# Runs the tests of the native core, on every target, on a build of its own that watches each access to memory.
# Build and installation go to build/TOOL; PYTHON is that of an environment with everything for development.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
tool=$1 python=$2
shift 2

site() { "$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }

# Installed into an environment that finds everything else in PYTHON's: processes that tests start get this build too.
install() {
    "$python" -m venv --without-pip --clear "build/$tool/venv"
    checked=build/$tool/venv/bin/python
    site "$python" >"$(site "$checked")/others.pth"
    "$python" -m pip --python "$checked" install --quiet --disable-pip-version-check --no-deps \
        --config-settings=build-dir="build/$tool/cmake" "$@" .
}

# A missing core must fail, not skip; so must a core built without what was asked for.
export CI=true OMP_NUM_THREADS=1 PYTHONMALLOC=malloc PYTHONDONTWRITEBYTECODE=1

# capture=sys: the report of an abort goes to standard error, past pytest
run() {
    local target
    for target in $("$checked" -c 'from elman import _native; print(*_native.targets())'); do
        if [[ $tool == valgrind && $target == avx512 ]]; then continue; fi # valgrind has no AVX-512
        echo "memory.sh: $tool, target $target"
        ELMAN_TARGET=$target "${watch[@]}" "$checked" -m pytest --quiet --capture=sys -p no:cacheprovider "$@"
    done
}

case $tool in
sanitize)
    compiler=${CXX:-c++}
    install --config-settings=cmake.define.ELMAN_SANITIZE=address,undefined
    ldd "$(site "$checked")"/elman/_native.*.so | grep libasan >/dev/null
    # Python is no sanitized program: what would have come with one is loaded before it. It also never frees all.
    libraries=$(for name in libasan libubsan libstdc++; do $compiler -print-file-name=$name.so; done | paste -sd:)
    watch=(env LD_PRELOAD="$libraries" ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1)
    ;;
valgrind)
    install --config-settings=cmake.build-type=RelWithDebInfo
    watch=(valgrind --quiet --error-exitcode=9 --leak-check=no --suppressions=native/tests/python.supp)
    ;;
*)
    echo "memory.sh: unknown tool $tool" >&2
    exit 2
    ;;
esac
run "${@:-tests/native}"
