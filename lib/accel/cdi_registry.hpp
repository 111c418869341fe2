// The CDI specifications of a host: all *.json and *.yaml files of the given folders, where a later
// folder wins over an earlier one for a device of the same name. A file that can't be used never
// hides the others: its error is kept and told to whoever needs its kind.
// Not for core: reads files.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/cdi.hpp"
#include "accel/vendor.hpp"
#include "base/result.hpp"
#include "model/device.hpp"

namespace sluice::accel {

class CdiRegistry {
 public:
  // /etc/cdi, then /var/run/cdi, below `root` ("" for the host itself).
  [[nodiscard]] static CdiRegistry load(const std::string& root = "");
  [[nodiscard]] static CdiRegistry load_folders(const std::vector<std::string>& folders);

  // One message for each file that can't be used: a warning at the start of a daemon.
  [[nodiscard]] std::vector<std::string> errors() const;
  [[nodiscard]] bool has_kind(std::string_view kind) const;
  // "vendor.com/class=name" for each device. Fails with the broken file's error where its kind (or
  // no kind that could be read) is concerned, or if there is no such device.
  [[nodiscard]] Result<ContainerEdits> resolve(std::span<const std::string> names) const;
  [[nodiscard]] Result<ContainerEdits> resolve(std::string_view name) const;

 private:
  struct Entry {
    std::size_t spec = 0;  // in specs_
    CdiDevice device;
    std::size_t folder = 0;
    std::string conflict;  // both files, if two of one folder name this device
  };
  struct Broken {
    std::string kind;  // empty: couldn't be read
    std::string error;
  };
  void add_file(const std::string& path, std::size_t folder);
  [[nodiscard]] Result<const Entry*> find(std::string_view name) const;

  std::vector<CdiSpec> specs_;
  std::vector<std::string> files_;                     // of specs_
  std::map<std::string, Entry, std::less<>> devices_;  // "kind=name"
  std::vector<Broken> broken_;
};

// What these devices of a vendor need: by the specifications of the host for the vendor's kind (its
// names: the device's number, uuid or bus_id), or generated where no file has that kind.
[[nodiscard]] Result<ContainerEdits> device_edits(const CdiRegistry& registry, const Vendor& vendor,
                                                  std::span<const model::Device> devices);

}  // namespace sluice::accel
