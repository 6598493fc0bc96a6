// Encodings and densities at points: planes and collapsed hash grids.
#include "module/bind.h"
#include "module/checks.h"

namespace dymap {

void bind_encode(nb::module_ &m) {
    m.def(
        "encode",
        [](const Maybe<In> &planes, const Maybe<In> &grids, const Levels *levels, unsigned which, const In &position,
           const Out &out, int threads) {
            Encoding e = make_encoding(planes, grids, levels, which);
            int64_t n = points(position);
            require(shaped(out, {n, encoding_channels(e)}), "out must be [N, channels]");
            nb::gil_scoped_release release;
            encode(e, position.data(), n, out.data(), threads_of(threads));
        },
        "planes"_a.none(), "grids"_a.none(), "levels"_a.none(), "which"_a, "position"_a, "out"_a.noconvert(),
        "threads"_a);

    m.def(
        "encode_backward",
        [](const Maybe<Out> &planes, const Maybe<Out> &grids, const Levels *levels, unsigned which, const In &position,
           const In &gradient, int threads) {
            Encoding e = make_encoding(planes, grids, levels, which);
            int64_t n = points(position);
            require(gradient.ndim() == 2 && int64_t(gradient.shape(0)) == n, "gradient must be [N, channels]");
            require(!planes || int64_t(gradient.shape(1)) == e.channels, "gradient must have the planes' channels");
            require(planes || int64_t(gradient.shape(1)) >= encoding_channels(e),
                    "gradient must have the grids' channels");
            EncodingGradient into;
            if (planes) into.planes = planes->data();
            if (grids) into.grids = grids->data();
            if (!planes) require(int64_t(gradient.shape(1)) == encoding_channels(e), "gradient must be [N, L * F]");
            nb::gil_scoped_release release;
            encode_backward(e, into, position.data(), gradient.data(), n, threads_of(threads));
        },
        "planes"_a.none(), "grids"_a.none(), "levels"_a.none(), "which"_a, "position"_a, "gradient"_a, "threads"_a);

    m.def("pair_dot", [](const In &encoded, const Out &sigma, int threads) {
        require(encoded.ndim() == 2 && encoded.shape(1) % 2 == 0 && shaped(sigma, {int64_t(encoded.shape(0))}),
                "encoded must be [N, 2 C]");
        int64_t C = int64_t(encoded.shape(1)) / 2;
        nb::gil_scoped_release release;
        pair_dot(encoded.data(), int64_t(encoded.shape(0)), int(C), sigma.data(), threads_of(threads));
    });
    m.def(
        "pair_dot_backward",
        [](const In &encoded, const In &d_sigma, const Maybe<In> &d_feature, const Out &out, int threads) {
            require(encoded.ndim() == 2 && encoded.shape(1) % 2 == 0, "encoded must be [N, 2 C]");
            int64_t n = int64_t(encoded.shape(0)), C = int64_t(encoded.shape(1)) / 2;
            require(shaped(d_sigma, {n}) && shaped(out, {n, 2 * C}) && (!d_feature || shaped(*d_feature, {n, C})),
                    "gradients of other sizes");
            const float *feature = d_feature ? d_feature->data() : nullptr;
            nb::gil_scoped_release release;
            pair_dot_backward(encoded.data(), d_sigma.data(), feature, n, int(C), out.data(), threads_of(threads));
        },
        "encoded"_a, "d_sigma"_a, "d_feature"_a.none(), "out"_a.noconvert(), "threads"_a);
}

}  // namespace dymap
