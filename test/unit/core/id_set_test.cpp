// IdSet against a std::set.
#include "core/id_set.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace sluice::core {
namespace {

// Multiples of 100 take out the first; others add an id, or, above 200, erase it.
RC_GTEST_PROP(IdSetModel, IsTheSet, (const std::vector<std::uint8_t>& actions)) {
  IdSet ids;
  std::set<JobId> model;
  for (const std::uint8_t action : actions) {
    if (action % 100 == 0) {
      if (model.empty()) continue;
      RC_ASSERT(ids.take_first() == *model.begin());
      model.erase(model.begin());
    } else if (action > 200) {
      ids.erase(JobId(action % 100U));
      model.erase(JobId(action % 100U));
    } else {
      ids.insert(JobId(action % 100U));
      model.insert(JobId(action % 100U));
    }
    RC_ASSERT(ids.empty() == model.empty());
  }
  while (!model.empty()) {
    RC_ASSERT(ids.take_first() == *model.begin());
    model.erase(model.begin());
  }
  RC_ASSERT(ids.empty());
}

}  // namespace
}  // namespace sluice::core
