// Keys of accounting: what is enforced at submit, which resources are counted, and how a partition
// bills them. Private to lib/config.
#pragma once

#include <string>
#include <vector>

#include "config/values.hpp"
#include "model/settings.hpp"

namespace sluice::config {

// accounting_storage_enforce, accounting_storage_tres
[[nodiscard]] std::vector<Key> accounting_keys(model::Settings& settings);

// "CPU=1.0,Mem=0.25G,GRES/gpu=2.0": of resources that are counted.
[[nodiscard]] Setter billing_weights(const model::Settings& settings, Text& out);

// As `scontrol show config` has them.
[[nodiscard]] std::string enforce_text(const model::EnforceSettings& enforce);
[[nodiscard]] std::string tres_names(const model::Settings& settings);

}  // namespace sluice::config
