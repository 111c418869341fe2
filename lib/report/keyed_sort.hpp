// Sorting records by several columns. The keys of a column are made once for all records, before
// anything is compared.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

namespace sluice::report {

// One column's keys: numbers, or texts when there are no numbers.
struct KeyColumn {
  std::vector<std::int64_t> numbers;
  std::vector<std::string> texts;
  bool down = false;

  [[nodiscard]] int compare(std::size_t a, std::size_t b) const {
    int order = 0;
    if (!numbers.empty()) {
      order = numbers[a] < numbers[b] ? -1 : static_cast<int>(numbers[a] > numbers[b]);
    } else {
      order = texts[a].compare(texts[b]);
    }
    return down ? -order : order;
  }
};

template <class Record>
void sort_by_keys(std::vector<Record>& records, const std::vector<KeyColumn>& columns) {
  std::vector<std::uint32_t> order(records.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    for (const KeyColumn& column : columns) {
      const int result = column.compare(a, b);
      if (result != 0) return result < 0;
    }
    return false;
  });
  std::vector<Record> sorted;
  sorted.reserve(records.size());
  for (const std::uint32_t at : order) sorted.push_back(std::move(records[at]));
  records = std::move(sorted);
}

}  // namespace sluice::report
