// prepare: from a reference to a record, that is to an image that lies unpacked and complete. What
// is there already is used; what is missing is fetched and unpacked; what is damaged is loaded once
// more. Several processes may do this for one image at a time: one works, the others wait.
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "image/fetch.hpp"
#include "image/home.hpp"
#include "image/record.hpp"
#include "image/reference.hpp"

namespace sluice::image {

struct PrepareOptions {
  FetchOptions fetch;
  int stream = -1;  // a descriptor to receive the image from, instead of fetching it
};

[[nodiscard]] Result<ImageRecord> prepare(const Home& home, const Reference& image,
                                          const PrepareOptions& options);

// The record if it is here: that of the digest, or (without one) what the reference meant when it
// was last resolved.
[[nodiscard]] Result<std::optional<ImageRecord>> find_prepared(const Home& home,
                                                               const Reference& image,
                                                               const std::string& digest);

// Unpacks what is missing of an image whose blobs are here, and writes its record.
[[nodiscard]] Result<ImageRecord> assemble(const Home& home, const std::string& digest,
                                           const Reference& image, const FetchOptions& options);

// "NAME=value" lines of etc/environment below a folder that is not to be trusted, and whether there
// is an etc/rc: how enroot keeps an image's configuration.
struct RootSettings {
  std::vector<Text> environment;
  bool has_start_script = false;
};
[[nodiscard]] RootSettings read_root_settings(const std::string& root);

}  // namespace sluice::image
