// The parts of the module, by theme. Each checks what it is given and calls the operation of its name (ops/ops.h).
#pragma once
#include <nanobind/nanobind.h>

namespace dymap {

void bind_adam(nanobind::module_ &);
void bind_convolve(nanobind::module_ &);
void bind_encode(nanobind::module_ &);
void bind_hash(nanobind::module_ &);
void bind_lattice(nanobind::module_ &);
void bind_mlp_maps(nanobind::module_ &);
void bind_rans(nanobind::module_ &);
void bind_rays(nanobind::module_ &);
void bind_render(nanobind::module_ &);

}  // namespace dymap
