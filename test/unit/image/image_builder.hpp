// Images for tests, made entry by entry, so that they can be as hostile as needed: tar layers with
// any names and types, and OCI layouts around them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "image/home.hpp"

namespace sluice::image {

enum class EntryKind : std::uint8_t { file, folder, link, hard_link, device, pipe, sparse };

struct TarEntry {
  EntryKind kind = EntryKind::file;
  std::string name;
  std::string content;  // or where a link leads
  unsigned mode = 0644;
  std::uint64_t size = 0;  // of a sparse file: all of it a hole but for the content at its end
};

struct BuiltLayer {
  std::string blob;  // as it is stored
  std::string tar;   // decompressed
};
// `filter` is "", "gzip", "zstd" or "xz".
[[nodiscard]] BuiltLayer make_layer(const std::vector<TarEntry>& entries,
                                    const std::string& filter = "");

struct LayoutSpec {
  std::vector<BuiltLayer> layers;
  std::string architecture;  // empty: this host's
  std::string tag;
  std::string process = "{}";  // the configuration's "config"
};
// Writes an OCI layout and returns the digest of the image's manifest.
std::string write_layout(const std::string& folder, const LayoutSpec& spec);

// A folder for one test, gone at its end, with a home in it.
class TestFolder {
 public:
  TestFolder();
  ~TestFolder();
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] Home home() const;

 private:
  std::string path_;
};

}  // namespace sluice::image
