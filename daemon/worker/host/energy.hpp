// EnergyMeter: what the host's processors and their memory have used since it was made, by the
// counters that RAPL keeps in /sys/class/powercap: those of packages ("package-N") and of memory
// ("dram"), which no package's contains. Others are parts of them ("core", "uncore") or overlap
// them ("psys"). Only root may read them on most hosts; what can't be read isn't counted.
//
// A counter begins anew at a limit that it names: read() has to be called before it has come round
// twice, which at full power takes minutes. It is the whole host's energy: one who has only a part
// of the host to himself shares it with others.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::worker {

inline constexpr const char* kPowercapFolder = "/sys/class/powercap";

class EnergyMeter {
 public:
  // The folder of the counters; another in tests.
  explicit EnergyMeter(const std::string& folder);

  [[nodiscard]] bool has_counters() const { return !counters_.empty(); }
  void read();
  // As of the latest read().
  [[nodiscard]] std::uint64_t millijoules() const { return sum_uj_ / 1000; }

 private:
  struct Counter {
    std::string path;
    std::uint64_t range_uj = 0;  // it begins anew after this
    std::uint64_t last_uj = 0;
  };
  std::vector<Counter> counters_;
  std::uint64_t sum_uj_ = 0;
};

}  // namespace sluice::worker
