// Which instruction set runs.
#pragma once
#include "kernels/kernels.h"

#include <string>
#include <vector>

namespace dymap {

/// Those that were built and that this processor has, best first.
std::vector<std::string> variants();
/// The one that runs; the best unless `use` chose another.
const Kernels &kernels();
/// False if there is no such variant here.
bool use(const std::string &name);

}  // namespace dymap
