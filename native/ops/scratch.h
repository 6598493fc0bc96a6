// Scratch memory for the threads of an operation.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

namespace dymap {

/// `bytes` for each thread, on cache lines of its own.
class Scratch {
  public:
    Scratch(int threads, int64_t bytes)
        : bytes_((bytes + 127) / 64 * 64), memory_(new char[size_t(bytes_ * threads + 64)]) {}
    void *operator[](int thread) {
        auto base = (reinterpret_cast<uintptr_t>(memory_.get()) + 63) / 64 * 64;
        return reinterpret_cast<void *>(base + size_t(bytes_) * size_t(thread));
    }

  private:
    int64_t bytes_;
    std::unique_ptr<char[]> memory_;
};

}  // namespace dymap
