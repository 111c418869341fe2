// save: an image, with what a container changed on top of it, as one squashfs file. Its
// configuration goes into /etc/environment and /etc/rc, where enroot has it and where it is found
// again when the file is used as an image.
#pragma once

#include <string>

#include "base/result.hpp"
#include "image/deadline.hpp"
#include "image/home.hpp"
#include "image/record.hpp"

namespace sluice::image {

struct SaveOptions {
  std::string changes;  // an overlay's upper folder, or empty
  Deadline deadline;
};

// `path` is absolute; it appears, or is replaced, when the file is complete.
[[nodiscard]] Status save_image(const Home& home, const ImageRecord& record,
                                const std::string& path, const SaveOptions& options);

}  // namespace sluice::image
