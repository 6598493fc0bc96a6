// The self-test of work shared out to threads.
#include "ops/threads.h"

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "selftest/selftest.h"

namespace selftest {

void check_threads() {
    context = "threads";
    for (int threads : {1, 2, 5})
        for (int64_t jobs : {0, 1, 3, 1000}) {
            std::vector<std::atomic<int>> done(size_t(jobs + 1));
            std::atomic<int> strangers{0};
            parallel_for(threads, jobs, [&](int64_t job, int thread) {
                ++done[size_t(job)];
                if (thread < 0 || thread >= threads) ++strangers;
            });
            for (int64_t i = 0; i < jobs; ++i) expect(done[size_t(i)] == 1, "a job is not done once");
            expect(strangers == 0, "a thread beyond their number");
        }
    // Two callers at once, and one within another.
    std::atomic<int64_t> sum{0};
    auto add = [&] {
        parallel_for(3, 500, [&](int64_t job, int) { parallel_for(2, 2, [&](int64_t, int) { sum += job; }); });
    };
    std::thread other(add);
    add();
    other.join();
    expect(sum == 4 * 499 * 500 / 2, "jobs of two callers");
}

}  // namespace selftest
