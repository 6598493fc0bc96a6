// What a renderer reads: a frame, and the camera that looks at it.
#pragma once
#include "kernels/kernels.h"
#include "scalar/rays.h"

namespace dymap {

/// A pinhole camera. ray: direction of pixel (i, j) before normalisation = ray [i + offset, j + offset, 1]; project:
/// its inverse, world relative to the origin -> homogeneous pixels.
struct View {
    double ray[9], project[9], origin[3], offset = 0;
    int width = 0, height = 0;
};

/// Rows of an image, from a multiple of BLOCK (render/rays.h) on, and to one or to the image's end.
struct Rows {
    int first, end;
};

enum class Directions { fourier, spherical_harmonics };

/// What is seen. The encoding has 2 C channels: features, then density coefficients.
struct TracedFrame {
    Encoding encoding;
    Maps maps;
    Grid grid;
    Directions directions = Directions::fourier;
    int degree = 0;
    float step = 0;
};

}  // namespace dymap
