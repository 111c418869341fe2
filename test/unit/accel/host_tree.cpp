// See host_tree.hpp.
#include "test/unit/accel/host_tree.hpp"

#include <unistd.h>

#include <cstdlib>

#include "base/assert.hpp"
#include "base/file.hpp"

namespace sluice::accel {

HostTree::HostTree(const std::string& arguments) {
  std::string path = "/tmp/sluice-accel-XXXXXX";
  SLUICE_ASSERT(::mkdtemp(path.data()) != nullptr, "no folder like {}", path);
  root_ = path;
  const std::string command = "python3 -IS " SLUICE_SOURCE_DIR
                              "/test/fixtures/accelerators/make.py " +
                              root_ + " " + arguments;
  SLUICE_ASSERT(std::system(command.c_str()) == 0, "{} fails", command);
}

HostTree::~HostTree() { static_cast<void>(base::remove_tree(root_).has_value()); }

void HostTree::remove(std::string_view path) const {
  const std::string whole = root_ + std::string(path);
  SLUICE_ASSERT(::unlink(whole.c_str()) == 0, "can't remove {}", whole);
}

void HostTree::write(std::string_view path, std::string_view content) const {
  const std::string whole = root_ + std::string(path);
  const Status made = base::make_directories(whole.substr(0, whole.rfind('/')));
  SLUICE_ASSERT(made && base::write_file_atomic(whole, content), "can't write {}", whole);
}

Detected HostTree::detect() const { return accel::detect(shipped_table(), root_); }

const Table& shipped_table() {
  static const Result<Table> table = load_table(SLUICE_SOURCE_DIR "/etc/accelerators.yaml");
  SLUICE_ASSERT(table.has_value(), "{}", table ? "" : table.error().text);
  return *table;
}

}  // namespace sluice::accel
