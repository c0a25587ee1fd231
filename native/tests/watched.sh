#!/usr/bin/env bash
# watched.sh address|thread|valgrind PYTHON [PYTEST ARGUMENT...]
# Tests of the native core on a build of its own in which every access to memory is watched: by the sanitizers for
# addresses and undefined behaviour, by the one for threads, or by valgrind. PYTHON is that of an environment with
# everything for development; build and installation go to build/watched-TOOL.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
tool=$1 python=$2
shift 2

export OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1
export PYTHONMALLOC=malloc # Python's own allocator would hide where one block ends and the next begins
export CI=true             # a missing core fails, it does not skip
# Left out are the error bounds of the activations: less optimised code has other roundings, and valgrind no long double.
case $tool in
address)
    sanitizers=address,undefined
    libraries='asan ubsan stdc++'
    export ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 # Python never frees all that it has
    selection=(tests/native --ignore=tests/native/test_threads.py -k 'not stated_bound')
    ;;
thread)
    sanitizers=thread
    libraries='tsan stdc++'
    export TSAN_OPTIONS=halt_on_error=1
    selection=(tests/native/test_kernels_fuzz.py tests/native/test_stepper.py -k threads)
    ;;
valgrind) # it has no AVX-512
    sanitizers=
    watch=(valgrind --quiet --error-exitcode=9 --leak-check=no --fair-sched=yes --suppressions=native/tests/valgrind.supp)
    export ELMAN_FUZZ=${ELMAN_FUZZ:-2}
    selection=(tests/native/test_activations.py tests/native/test_kernels_fuzz.py -k 'not stated_bound and not torch')
    ;;
*)
    echo "watched.sh: there is no tool $tool" >&2
    exit 2
    ;;
esac
if [[ $# -gt 0 ]]; then selection=("$@"); fi

# Built into an environment that finds everything else in PYTHON's: processes that tests start use this build too.
build=build/watched-$tool
checked=$build/venv/bin/python
site() { "$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }
"$python" -m venv --without-pip --clear "$build/venv"
site "$python" >"$(site "$checked")/others.pth"
"$python" -m pip --python "$checked" install --quiet --disable-pip-version-check --no-deps \
    --config-settings=build-dir="$build/cmake" --config-settings=cmake.build-type=RelWithDebInfo \
    --config-settings=cmake.define.ELMAN_SANITIZE="$sanitizers" .

compiler=${CXX:-c++}
flags=()
if [[ -n $sanitizers ]]; then
    ldd "$(site "$checked")"/elman/_native.*.so | grep 'lib[at]san' >/dev/null # the build was not left out
    # Python is built without sanitizers: what would have come with them is loaded before it
    watch=(env LD_PRELOAD="$(for name in $libraries; do $compiler -print-file-name="lib$name.so"; done | paste -sd:)")
    flags=(-fsanitize="$sanitizers" -fno-sanitize-recover=all)
fi

echo "watched by $tool: the pool of threads"
$compiler -std=c++20 -O1 -g -pthread -I native "${flags[@]}" native/tests/threads_test.cpp native/runtime/threads.cpp -o "$build/threads_test"
if [[ -n $sanitizers ]]; then
    "$build/threads_test" 2
else
    "${watch[@]}" "$build/threads_test" 2
fi

# Most tests take every target by themselves; ELMAN_TARGET sets it for the others. What aborts reports past pytest.
for target in $("$python" -c 'from elman import _native; print(*_native.targets())'); do
    if [[ $tool != address && $target != avx2 ]]; then continue; fi
    echo "watched by $tool: ${selection[*]}, ELMAN_TARGET=$target"
    ELMAN_TARGET=$target "${watch[@]}" "$checked" -u -m pytest --quiet --capture=sys -p no:cacheprovider "${selection[@]}"
done
