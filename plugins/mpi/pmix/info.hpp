// Builds arrays of pmix_info_t. libpmix has macros for it, which are C and allocate; here the array
// owns its texts and inner arrays, and libpmix copies what it keeps.
#pragma once

#include <pmix_server.h>

#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::mpi_pmix {

class InfoArray {
 public:
  void add(const char* key, const std::string& value) {
    texts_.push_back(value);
    slot(key, PMIX_STRING).data.string = texts_.back().data();
  }
  void add(const char* key, std::uint32_t value) { slot(key, PMIX_UINT32).data.uint32 = value; }
  void add(const char* key, std::uint16_t value) { slot(key, PMIX_UINT16).data.uint16 = value; }
  void add_rank(const char* key, std::uint32_t value) {
    slot(key, PMIX_PROC_RANK).data.rank = value;
  }
  void add(const char* key, std::unique_ptr<InfoArray> inner) {
    pmix_data_array_t& array = arrays_.emplace_back();
    array.type = PMIX_INFO;
    array.size = inner->infos_.size();
    array.array = inner->infos_.data();
    slot(key, PMIX_DATA_ARRAY).data.darray = &array;
    inner_.push_back(std::move(inner));
  }

  [[nodiscard]] pmix_info_t* data() { return infos_.data(); }
  [[nodiscard]] std::size_t size() const { return infos_.size(); }

 private:
  pmix_value_t& slot(const char* key, pmix_data_type_t type) {
    pmix_info_t info;
    std::memset(&info, 0, sizeof(info));
    std::strncpy(info.key, key, PMIX_MAX_KEYLEN);
    info.value.type = type;
    infos_.push_back(info);
    return infos_.back().value;
  }

  std::vector<pmix_info_t> infos_;
  std::deque<std::string> texts_;         // deques keep their elements where they are
  std::deque<pmix_data_array_t> arrays_;
  std::vector<std::unique_ptr<InfoArray>> inner_;
};

}  // namespace sluice::mpi_pmix
