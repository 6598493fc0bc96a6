// Work shared out to threads: those of the OpenMP runtime that torch runs on, if the process has one, so that there is
// never a second set of threads; otherwise a few of our own.
#pragma once
#include <cstdint>

namespace dymap {

/// Calls run(context, job, thread) for every job in [0, jobs), thread in [0, threads); the caller takes part. Threads
/// take the next job when they are done with one.
void parallel(int threads, int64_t jobs, void (*run)(void *, int64_t, int), void *context);

template <class F> void parallel_for(int threads, int64_t jobs, F &&f) {
    parallel(threads, jobs, [](void *context, int64_t job, int thread) { (*(F *)context)(job, thread); }, (void *)&f);
}

/// f(begin, end, thread) over [0, n) in pieces of `size`.
template <class F> void parallel_ranges(int threads, int64_t n, int64_t size, F &&f) {
    parallel_for(threads, (n + size - 1) / size, [&](int64_t job, int thread) {
        int64_t begin = job * size, end = begin + size < n ? begin + size : n;
        f(begin, end, thread);
    });
}

/// `openmp` (the runtime that the process has) or `std` (threads of our own).
const char *thread_runtime();

}  // namespace dymap
