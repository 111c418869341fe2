// sluice.yaml: settings, or an error with a text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/cluster_config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto config = config::parse_cluster_config(text, "fuzz.yaml");
  if (!config && config.error().text.empty()) std::abort();
  return 0;
}
