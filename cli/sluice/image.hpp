// `sluice image …` is the program sluice-image, which lies beside this one: what reads archives and
// speaks of images stays out of `sluice`.
#pragma once

#include "base/result.hpp"

namespace sluice::cli {

// Becomes that program, with the words after "image". Returns only if it can't.
[[nodiscard]] Status run_image(int argc, char** argv);

}  // namespace sluice::cli
