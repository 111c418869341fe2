// See cdi_registry.hpp.
#include "accel/cdi_registry.hpp"

#include <algorithm>
#include <set>

#include "accel/cdi_spec.hpp"
#include "accel/pattern.hpp"
#include "base/file.hpp"
#include "base/strings.hpp"

namespace sluice::accel {

namespace {

constexpr std::size_t kMaxFiles = 1024;

// What a file that can't be read as a whole says of its kind.
std::string guess_kind(std::string_view text) {
  for (std::string_view line : base::split_nonempty(text, '\n')) {
    const std::size_t key = line.find("kind");
    if (key == std::string_view::npos) continue;
    const std::size_t colon = line.find(':', key);
    if (colon == std::string_view::npos) continue;
    line.remove_prefix(colon + 1);
    const std::size_t begin = line.find_first_not_of(" \t\"'");
    if (begin == std::string_view::npos) continue;
    line.remove_prefix(begin);
    const std::string_view kind = line.substr(0, line.find_first_of(" \t\"',}\r"));
    if (is_cdi_kind(kind)) return std::string(kind);
  }
  return {};
}

}  // namespace

CdiRegistry CdiRegistry::load(const std::string& root) {
  return load_folders({root + "/etc/cdi", root + "/var/run/cdi"});
}

CdiRegistry CdiRegistry::load_folders(const std::vector<std::string>& folders) {
  CdiRegistry registry;
  for (std::size_t i = 0; i < folders.size(); ++i) {
    std::size_t files = 0;
    for (const std::string& name : entries_of(folders[i])) {
      const bool ours =
          name.ends_with(".json") || name.ends_with(".yaml") || name.ends_with(".yml");
      if (ours && ++files <= kMaxFiles) registry.add_file(folders[i] + "/" + name, i);
    }
  }
  return registry;
}

void CdiRegistry::add_file(const std::string& path, std::size_t folder) {
  const Result<std::string> text = base::read_file(path, kMaxCdiFile);
  if (!text) {
    broken_.push_back({"", path + ": " + text.error().text});
    return;
  }
  Result<CdiSpec> spec = parse_cdi_spec(*text, path);
  if (!spec) {
    broken_.push_back({guess_kind(*text), spec.error().text});
    return;
  }
  for (const CdiDevice& device : spec->devices) {
    const std::string name = spec->kind.str() + "=" + device.name.str();
    const auto known = devices_.find(name);
    Entry entry{specs_.size(), device, folder, ""};
    if (known != devices_.end() && known->second.folder == folder) {
      entry.conflict = files_[known->second.spec] + " and " + path;
    }
    devices_.insert_or_assign(name, std::move(entry));
  }
  specs_.push_back(std::move(*spec));
  files_.push_back(path);
}

std::vector<std::string> CdiRegistry::errors() const {
  std::vector<std::string> texts;
  for (const Broken& one : broken_) texts.push_back(one.error);
  for (const auto& [name, entry] : devices_) {
    if (!entry.conflict.empty()) texts.push_back(name + ": defined twice, by " + entry.conflict);
  }
  return texts;
}

bool CdiRegistry::has_kind(std::string_view kind) const {
  const auto is_it = [&](const Text& one) { return one.view() == kind; };
  return std::ranges::any_of(specs_, is_it, &CdiSpec::kind) ||
         std::ranges::any_of(broken_, [&](const Broken& one) { return one.kind == kind; });
}

Result<const CdiRegistry::Entry*> CdiRegistry::find(std::string_view name) const {
  const Result<CdiName> parts = parse_cdi_name(name);
  if (!parts) return tl::unexpected(parts.error());
  for (const Broken& one : broken_) {
    if (one.kind == parts->kind) return fail(ErrorCode::invalid_argument, one.error);
  }
  const auto entry = devices_.find(name);
  if (entry == devices_.end()) {
    std::string text = "no CDI device " + std::string(name) + " on this host";
    for (const Broken& one : broken_) {
      if (one.kind.empty()) text += "; " + one.error;
    }
    return fail(ErrorCode::not_found, text);
  }
  if (!entry->second.conflict.empty()) {
    return fail(ErrorCode::invalid_argument, "CDI device " + std::string(name) +
                                                 " is defined twice, by " + entry->second.conflict);
  }
  return &entry->second;
}

Result<ContainerEdits> CdiRegistry::resolve(std::span<const std::string> names) const {
  ContainerEdits edits;
  std::set<std::size_t> used;  // specifications whose common edits are in
  for (const std::string& name : names) {
    const Result<const Entry*> entry = find(name);
    if (!entry) return tl::unexpected(entry.error());
    if (used.insert((*entry)->spec).second) merge(edits, specs_[(*entry)->spec].edits);
    merge(edits, (*entry)->device.edits);
  }
  return edits;
}

Result<ContainerEdits> CdiRegistry::resolve(std::string_view name) const {
  const std::string one(name);
  return resolve(std::span(&one, 1));
}

Result<ContainerEdits> device_edits(const CdiRegistry& registry, const Vendor& vendor,
                                    std::span<const model::Device> devices) {
  ContainerEdits edits;
  if (!registry.has_kind(vendor.cdi_kind)) {
    const CdiSpec spec = generate_cdi_spec(vendor, devices);
    edits = spec.edits;
    for (const CdiDevice& device : spec.devices) merge(edits, device.edits);
    return edits;
  }
  std::vector<std::string> names;
  for (const model::Device& device : devices) {
    std::string last;
    Error why;
    for (const std::string& name :
         {std::to_string(device.number), device.uuid.str(), device.bus_id.str()}) {
      if (name.empty() || !last.empty()) continue;
      const std::string whole = vendor.cdi_kind.str() + "=" + name;
      if (const auto found = registry.resolve(whole)) {
        last = whole;
      } else if (why.text.empty()) {
        why = found.error();
      }
    }
    if (last.empty()) return tl::unexpected(why);
    names.push_back(last);
  }
  return registry.resolve(names);
}

}  // namespace sluice::accel
