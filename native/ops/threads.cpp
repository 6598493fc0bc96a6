// Threads: a call that takes jobs from one counter, on the OpenMP runtime of the process or on threads of our own.
#include "ops/threads.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <dlfcn.h>
#include <link.h>

#include <cstring>
#endif

namespace dymap {
namespace {

struct ParallelCall {
    void (*run)(void *, int64_t, int);
    void *context;
    int64_t jobs;
    int threads;
    std::atomic<int64_t> next{0};
    std::atomic<int> arrived{0};
};

void work(void *pointer) {
    ParallelCall &call = *(ParallelCall *)pointer;
    int thread = call.arrived.fetch_add(1);
    if (thread >= call.threads) return;
    for (int64_t job; (job = call.next.fetch_add(1)) < call.jobs;) call.run(call.context, job, thread);
}

using Fork = void (*)(void (*)(void *), void *, unsigned, unsigned);

/// The entry that GNU's runtime has for parallel regions, and Intel's and LLVM's too, of the runtime already loaded.
Fork find_openmp() {
#if defined(__linux__)
    Fork found = nullptr;
    dl_iterate_phdr(
        [](dl_phdr_info *info, size_t, void *data) {
            const char *file = std::strrchr(info->dlpi_name, '/');
            file = file ? file + 1 : info->dlpi_name;
            if (std::strncmp(file, "libgomp", 7) && std::strncmp(file, "libiomp", 7) && std::strncmp(file, "libomp", 6))
                return 0;
            void *library = dlopen(info->dlpi_name, RTLD_LAZY | RTLD_NOLOAD);
            if (!library) return 0;
            *(Fork *)data = (Fork)dlsym(library, "GOMP_parallel");
            return *(Fork *)data ? 1 : 0;  // the library stays loaded: torch needs it for as long as we do
        },
        &found);
    return found;
#else
    return nullptr;
#endif
}

Fork openmp() {
    static Fork found = find_openmp();
    return found;
}

/// Threads of our own, for processes without OpenMP. One call at a time; a second caller works by itself.
class Pool {
  public:
    bool run(ParallelCall &call) {
        std::unique_lock<std::mutex> owner(busy_, std::try_to_lock);
        if (!owner) return false;
        {
            std::lock_guard<std::mutex> lock(mutex_);
            while (int(workers_.size()) < call.threads - 1)
                workers_.emplace_back([this, i = workers_.size()] { loop(int(i)); });
            call_ = &call;
            left_ = wanted_ = call.threads - 1;
            ++round_;
        }
        wake_.notify_all();
        work(&call);
        std::unique_lock<std::mutex> lock(mutex_);
        done_.wait(lock, [this] { return left_ == 0; });
        return true;
    }
    ~Pool() {
        {
            std::lock_guard<std::mutex> lock(mutex_);
            stop_ = true;
        }
        wake_.notify_all();
        for (auto &worker : workers_) worker.join();
    }

  private:
    void loop(int index) {
        int64_t seen = 0;
        std::unique_lock<std::mutex> lock(mutex_);
        while (true) {
            wake_.wait(lock, [&] { return stop_ || round_ != seen; });
            if (stop_) return;
            seen = round_;
            if (index >= wanted_) continue;
            ParallelCall *call = call_;
            lock.unlock();
            work(call);
            lock.lock();
            if (--left_ == 0) done_.notify_one();
        }
    }
    std::mutex busy_, mutex_;
    std::condition_variable wake_, done_;
    std::vector<std::thread> workers_;
    ParallelCall *call_ = nullptr;
    int left_ = 0, wanted_ = 0;
    int64_t round_ = 0;
    bool stop_ = false;
};

}  // namespace

void parallel(int threads, int64_t jobs, void (*run)(void *, int64_t, int), void *context) {
    if (jobs <= 0) return;
    ParallelCall call{run, context, jobs, int(threads < jobs ? threads : jobs)};
    if (call.threads > 1) {
        if (Fork fork = openmp()) {
            fork(work, &call, unsigned(call.threads), 0);
            return;
        }
        static Pool pool;
        if (pool.run(call)) return;
    }
    for (int64_t job; (job = call.next.fetch_add(1)) < jobs;) run(context, job, 0);
}

const char *thread_runtime() { return openmp() ? "openmp" : "std"; }

}  // namespace dymap
