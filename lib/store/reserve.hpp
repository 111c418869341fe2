// Disk space set aside beside the database. When the disk is full it is given up, so that what runs
// can still be recorded; until it can be made again no new work is accepted.
#pragma once

#include <string>

#include "base/result.hpp"

namespace sluice::store {

class Reserve {
 public:
  explicit Reserve(std::string path) : path_(std::move(path)) {}

  // Makes the file if there is none of full size. The space is really taken.
  [[nodiscard]] Status make();
  void give_up();

 private:
  std::string path_;
};

}  // namespace sluice::store
