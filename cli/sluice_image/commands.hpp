// The subcommands of sluice-image. Each returns the exit code, or the error for the one line on
// standard error.
#pragma once

#include "base/result.hpp"
#include "cli/sluice_image/options.hpp"
#include "image/home.hpp"
#include "image/record.hpp"

namespace sluice::cli {

inline constexpr int kNotHere = 3;  // prepare --only-local

[[nodiscard]] Result<int> image_prepare(const ImageOptions& options);
[[nodiscard]] Result<int> image_send(const ImageOptions& options);
[[nodiscard]] Result<int> image_pull(const ImageOptions& options);
[[nodiscard]] Result<int> image_list(const ImageOptions& options);
[[nodiscard]] Result<int> image_inspect(const ImageOptions& options);
[[nodiscard]] Result<int> image_remove(const ImageOptions& options);
[[nodiscard]] Result<int> image_gc(const ImageOptions& options);
[[nodiscard]] Result<int> image_save(const ImageOptions& options);
[[nodiscard]] Result<int> image_remove_containers(const ImageOptions& options);

// --home, or the folder that the local agent names.
[[nodiscard]] Result<image::Home> open_home(const ImageOptions& options);

// Listings, as text.
[[nodiscard]] Result<std::string> image_table(const image::Home& home);
[[nodiscard]] Result<std::string> image_table_json(const image::Home& home);
[[nodiscard]] std::string record_json(const image::Home& home, const image::ImageRecord& record);

}  // namespace sluice::cli
