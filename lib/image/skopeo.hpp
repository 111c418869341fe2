// Skopeo: what is asked of registries and of docker-archives, through the program of that name. It
// runs as the user, with the user's own logins (~/.docker/config.json, containers/auth.json), and
// its complaint becomes one line.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "image/deadline.hpp"
#include "image/reference.hpp"

namespace sluice::image {

struct SkopeoOptions {
  std::string program = "skopeo";
  std::vector<std::string> insecure;  // registries (host[:port]) spoken to without TLS
  Deadline deadline;
};

class Skopeo {
 public:
  explicit Skopeo(SkopeoOptions options) : options_(std::move(options)) {}

  // The document that the reference means, or the one with this digest in the same repository;
  // byte for byte.
  [[nodiscard]] Result<std::string> manifest(const Reference& image,
                                             const std::string& digest = "") const;
  [[nodiscard]] Result<std::string> config(const Reference& image, const std::string& digest) const;
  // Into an OCI layout, leaving out the blobs that are there already.
  [[nodiscard]] Status copy(const Reference& image, const std::string& digest,
                            const std::string& layout, const std::function<void()>& tick) const;
  [[nodiscard]] Status copy_archive(const std::string& archive, const std::string& layout) const;
  // That the user is logged in as the reference's USER, where it names one.
  [[nodiscard]] Status check_login(const Reference& image) const;

 private:
  [[nodiscard]] Result<std::string> run(std::vector<std::string> words,
                                        const std::function<void()>& tick = nullptr) const;
  [[nodiscard]] bool is_insecure(const std::string& registry) const;

  SkopeoOptions options_;
};

// "registry's reason" out of what skopeo printed: its last fatal message, unquoted, one line.
[[nodiscard]] std::string condense_complaint(std::string_view printed);

}  // namespace sluice::image
