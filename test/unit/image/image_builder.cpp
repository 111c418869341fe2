// See the header.
#include "test/unit/image/image_builder.hpp"

#include <sys/stat.h>

#include <clocale>
#include <cstdlib>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/file.hpp"
#include "image/digest.hpp"
#include "image/manifest.hpp"

namespace sluice::image {
namespace {

void describe(archive_entry* entry, const TarEntry& wanted) {
  archive_entry_set_pathname(entry, wanted.name.c_str());
  archive_entry_set_perm(entry, static_cast<__LA_MODE_T>(wanted.mode));
  archive_entry_set_mtime(entry, 1'000'000'000, 0);
  switch (wanted.kind) {
    case EntryKind::folder: archive_entry_set_filetype(entry, AE_IFDIR); return;
    case EntryKind::pipe: archive_entry_set_filetype(entry, AE_IFIFO); return;
    case EntryKind::link:
      archive_entry_set_filetype(entry, AE_IFLNK);
      return archive_entry_set_symlink(entry, wanted.content.c_str());
    case EntryKind::hard_link:
      archive_entry_set_filetype(entry, AE_IFREG);
      return archive_entry_set_hardlink(entry, wanted.content.c_str());
    case EntryKind::device:
      archive_entry_set_filetype(entry, AE_IFCHR);
      archive_entry_set_rdevmajor(entry, 1);
      return archive_entry_set_rdevminor(entry, 3);
    case EntryKind::sparse: {
      archive_entry_set_filetype(entry, AE_IFREG);
      const auto size = static_cast<la_int64_t>(wanted.size);
      const auto tail = static_cast<la_int64_t>(wanted.content.size());
      archive_entry_set_size(entry, size);
      archive_entry_sparse_add_entry(entry, size - tail, tail);
      return;
    }
    case EntryKind::file:
      archive_entry_set_filetype(entry, AE_IFREG);
      archive_entry_set_size(entry, static_cast<la_int64_t>(wanted.content.size()));
      return;
  }
}

la_ssize_t append(archive*, void* text, const void* bytes, std::size_t size) {
  static_cast<std::string*>(text)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

void write_blob(const std::string& folder, const std::string& bytes) {
  const std::string path = folder + "/blobs/sha256/" + hex_of(digest_of(bytes));
  EXPECT_TRUE(base::write_file_atomic(path, bytes));
}

std::string make_tar(const std::vector<TarEntry>& entries) {
  std::string text;
  archive* writer = archive_write_new();
  archive_write_set_format_pax(writer);
  EXPECT_EQ(archive_write_open(writer, &text, nullptr, append, nullptr), ARCHIVE_OK);
  for (const TarEntry& wanted : entries) {
    archive_entry* entry = archive_entry_new();
    describe(entry, wanted);
    EXPECT_GE(archive_write_header(writer, entry), ARCHIVE_WARN) << archive_error_string(writer);
    if (wanted.kind == EntryKind::sparse) {
      // The writer leaves out what lies in holes.
      const std::string zeros(1U << 20U, '\0');
      for (std::uint64_t left = wanted.size - wanted.content.size(); left > 0;) {
        const std::size_t piece = std::min<std::uint64_t>(left, zeros.size());
        EXPECT_GE(archive_write_data(writer, zeros.data(), piece), 0);
        left -= piece;
      }
    }
    if (wanted.kind == EntryKind::file || wanted.kind == EntryKind::sparse) {
      EXPECT_GE(archive_write_data(writer, wanted.content.data(), wanted.content.size()), 0);
    }
    archive_entry_free(entry);
  }
  EXPECT_EQ(archive_write_close(writer), ARCHIVE_OK);
  archive_write_free(writer);
  return text;
}

// The same bytes, compressed.
std::string compressed(const std::string& bytes, const std::string& filter) {
  std::string text;
  archive* writer = archive_write_new();
  EXPECT_EQ(archive_write_set_format_raw(writer), ARCHIVE_OK);
  EXPECT_EQ(archive_write_add_filter_by_name(writer, filter.c_str()), ARCHIVE_OK);
  EXPECT_EQ(archive_write_set_bytes_in_last_block(writer, 1), ARCHIVE_OK);
  EXPECT_EQ(archive_write_open(writer, &text, nullptr, append, nullptr), ARCHIVE_OK);
  archive_entry* entry = archive_entry_new();
  archive_entry_set_filetype(entry, AE_IFREG);
  EXPECT_EQ(archive_write_header(writer, entry), ARCHIVE_OK);
  EXPECT_GE(archive_write_data(writer, bytes.data(), bytes.size()), 0);
  archive_entry_free(entry);
  EXPECT_EQ(archive_write_close(writer), ARCHIVE_OK);
  archive_write_free(writer);
  return text;
}

}  // namespace

BuiltLayer make_layer(const std::vector<TarEntry>& entries, const std::string& filter) {
  BuiltLayer layer;
  layer.tar = make_tar(entries);
  layer.blob = filter.empty() ? layer.tar : compressed(layer.tar, filter);
  return layer;
}

std::string write_layout(const std::string& folder, const LayoutSpec& spec) {
  EXPECT_TRUE(base::make_directories(folder + "/blobs/sha256"));
  std::string ids;
  std::string layers;
  for (const BuiltLayer& layer : spec.layers) {
    const char* comma = ids.empty() ? "" : ",";
    ids += fmt::format("{}\"{}\"", comma, digest_of(layer.tar));
    layers += fmt::format(R"({}{{"mediaType":"application/vnd.oci.image.layer.v1.tar",)"
                          R"("digest":"{}","size":{}}})",
                          comma, digest_of(layer.blob), layer.blob.size());
    write_blob(folder, layer.blob);
  }
  const std::string config = fmt::format(
      R"({{"os":"linux","architecture":"{}","config":{},)"
      R"("rootfs":{{"type":"layers","diff_ids":[{}]}}}})",
      spec.architecture.empty() ? host_architecture() : spec.architecture, spec.process, ids);
  write_blob(folder, config);
  const std::string manifest =
      fmt::format(R"({{"schemaVersion":2,"config":{{"digest":"{}","size":{}}},"layers":[{}]}})",
                  digest_of(config), config.size(), layers);
  write_blob(folder, manifest);
  const std::string name =
      spec.tag.empty()
          ? ""
          : fmt::format(R"(,"annotations":{{"org.opencontainers.image.ref.name":"{}"}})", spec.tag);
  const std::string index =
      fmt::format(R"({{"schemaVersion":2,"manifests":[{{"digest":"{}","size":{}{}}}]}})",
                  digest_of(manifest), manifest.size(), name);
  EXPECT_TRUE(base::write_file_atomic(folder + "/index.json", index));
  EXPECT_TRUE(base::write_file_atomic(folder + "/oci-layout", layout_text()));
  return digest_of(manifest);
}

TestFolder::TestFolder() {
  // As the program has it: names are bytes.
  EXPECT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr);
  std::string pattern = ::testing::TempDir() + "sluice_image_XXXXXX";
  EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
  path_ = pattern;
  EXPECT_EQ(::mkdir(path("home").c_str(), 0700), 0);
}

TestFolder::~TestFolder() { EXPECT_TRUE(remove_own_tree(path_)); }

Home TestFolder::home() const {
  auto opened = Home::open(path("home"));
  EXPECT_TRUE(opened) << opened.error().text;
  return std::move(*opened);
}

}  // namespace sluice::image
