// A folder that stands for a host with accelerators, laid out by the fixtures' script.
#pragma once

#include <string>
#include <string_view>

#include "accel/detect.hpp"

namespace sluice::accel {

class HostTree {
 public:
  // `arguments` of test/fixtures/accelerators/make.py: vendors, "--count 2".
  explicit HostTree(const std::string& arguments);
  ~HostTree();
  HostTree(const HostTree&) = delete;
  HostTree& operator=(const HostTree&) = delete;

  [[nodiscard]] const std::string& root() const { return root_; }
  void remove(std::string_view path) const;
  void write(std::string_view path, std::string_view content) const;
  [[nodiscard]] Detected detect() const;  // by the table that is installed

 private:
  std::string root_;
};

// etc/accelerators.yaml.
[[nodiscard]] const Table& shipped_table();

}  // namespace sluice::accel
