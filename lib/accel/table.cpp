// See table.hpp.
#include "accel/table.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "accel/pattern.hpp"
#include "accel/yaml_map.hpp"
#include "base/file.hpp"

namespace sluice::accel {

namespace {

constexpr std::size_t kMaxTable = 1 << 20;
constexpr std::size_t kMaxVendors = 64;

using config::wrong;

bool is_hex(std::string_view text) {
  return !text.empty() && text.size() <= 6 &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// PCI numbers as sysfs shows them, without "0x".
ValueReader hex_texts(std::vector<Text>& out) {
  return [&out](const YamlValue& value, const Place& place) -> Status {
    if (Status read = texts(out)(value, place); !read) return read;
    for (const Text& one : out) {
      if (!is_hex(one)) return wrong(place, "hexadecimal digits in lower case", one);
    }
    return {};
  };
}

Status check_pattern(std::string_view pattern, const Place& place) {
  if (!pattern.starts_with('/') || pattern.find("/../") != std::string_view::npos) {
    return wrong(place, "an absolute path", pattern);
  }
  if (!well_formed(pattern)) return wrong(place, "a path with {gaps}", pattern);
  return {};
}

ValueReader pattern(Text& out) {
  return [&out](const YamlValue& value, const Place& place) -> Status {
    if (Status read = text(out)(value, place); !read) return read;
    return check_pattern(out, place);
  };
}

ValueReader patterns(std::vector<Text>& out) {
  return [&out](const YamlValue& value, const Place& place) -> Status {
    if (Status read = texts(out)(value, place); !read) return read;
    for (const Text& one : out) {
      if (Status fine = check_pattern(one, place); !fine) return fine;
    }
    return {};
  };
}

template <class Enum>
ValueReader one_of(Enum& out, std::vector<std::pair<std::string_view, Enum>> words) {
  return [&out, words = std::move(words)](const YamlValue& value, const Place& place) -> Status {
    std::string names;
    for (const auto& [word, meaning] : words) {
      if (value.kind == YamlValue::Kind::scalar && value.text == word) {
        out = meaning;
        return {};
      }
      names += (names.empty() ? "" : ", ") + std::string(word);
    }
    return wrong(place, "one of " + names, found_text(value));
  };
}

ValueReader value_rule(ValueRule& out) {
  return [&out](const YamlValue& value, const Place& place) -> Status {
    const std::vector<YamlRow> rows = {{"path", pattern(out.path)},
                                       {"file", pattern(out.file)},
                                       {"key", text(out.key)},
                                       {"prefix", any_text(out.prefix)}};
    if (Status read = read_map(value, place, rows); !read) return read;
    if (out.path.empty() == out.file.empty()) return wrong(place, "either path or file", "");
    if (!out.path.empty() && !std::ranges::count(gaps(out.path), out.gap.str())) {
      return wrong(place, "a path with {" + out.gap.str() + "} in it", out.path);
    }
    return {};
  };
}

ValueReader number_rules(std::vector<ValueRule>& out) {
  return [&out](const YamlValue& value, const Place& place) -> Status {
    if (value.kind != YamlValue::Kind::map) {
      return wrong(place, "a mapping of gaps", found_text(value));
    }
    for (const auto& [name, entry] : value.entries) {
      ValueRule rule;
      rule.gap = name;
      const Place here{place.file, entry.line, place.key + "." + name};
      if (Status read = value_rule(rule)(entry, here); !read) return read;
      out.push_back(std::move(rule));
    }
    return {};
  };
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && (name[0] < '0' || name[0] > '9') &&
         name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string_view::npos;
}

ValueReader variables(std::vector<VisibilityVariable>& out) {
  return [&out](const YamlValue& value, const Place& place) -> Status {
    if (value.kind != YamlValue::Kind::map) {
      return wrong(place, "a mapping of variables", found_text(value));
    }
    for (const auto& [name, entry] : value.entries) {
      const Place here{place.file, entry.line, place.key + "." + name};
      if (!is_variable_name(name)) return wrong(here, "the name of a variable", name);
      VisibilityVariable variable;
      variable.name = name;
      const Status read =
          one_of<Naming>(variable.naming, {{"number", Naming::number},
                                           {"position", Naming::position},
                                           {"uuid", Naming::uuid},
                                           {"bus_id", Naming::bus_id}})(entry, here);
      if (!read) return read;
      out.push_back(std::move(variable));
    }
    return {};
  };
}

ValueReader constants(std::vector<Text>& out) {
  return [&out](const YamlValue& value, const Place& place) -> Status {
    if (Status read = texts(out)(value, place); !read) return read;
    for (const Text& one : out) {
      const std::size_t equals = one.view().find('=');
      if (equals == std::string_view::npos || !is_variable_name(one.view().substr(0, equals))) {
        return wrong(place, "NAME=value", one);
      }
    }
    return {};
  };
}

constexpr std::array<std::string_view, 9> kColumns{
    "",      "number",     "uuid", "bus_id", "utilization", "memory_used", "memory_total",
    "power", "temperature"};

ValueReader columns(std::vector<Text>& out) {
  return [&out](const YamlValue& value, const Place& place) -> Status {
    if (Status read = texts(out)(value, place); !read) return read;
    bool names_device = false;
    for (const Text& one : out) {
      if (one != "health" && !std::ranges::count(kColumns, one.view())) {
        return wrong(place,
                     "columns of number, uuid, bus_id, utilization, memory_used, "
                     "memory_total, power, temperature, health or \"\"",
                     one);
      }
      names_device = names_device || one == "number" || one == "uuid" || one == "bus_id";
    }
    if (!names_device) return wrong(place, "a column number, uuid or bus_id", "");
    return {};
  };
}

ValueReader tool(Tool& out, std::vector<Text>& programs) {
  return [&out, &programs](const YamlValue& value, const Place& place) -> Status {
    std::vector<Text> arguments;
    const std::vector<YamlRow> rows = {
        {"programs", patterns(programs)},   {"arguments", texts(arguments)},
        {"separator", text(out.separator)}, {"columns", columns(out.columns)},
        {"healthy", texts(out.healthy)},    {"sick", texts(out.sick)},
        {"lines", number(out.lines)},       {"timeout", number(out.timeout_s)}};
    if (Status read = read_map(value, place, rows); !read) return read;
    if (programs.empty()) return wrong(place, "programs", "");
    if (out.columns.empty()) return wrong(place, "columns", "");
    if (out.separator.empty()) return wrong(place, "a separator", "");
    if (out.lines == 0 || out.lines > 16) return wrong(place, "1 to 16 lines", "");
    if (out.timeout_s == 0 || out.timeout_s > 600) {
      return wrong(place, "a timeout of 1 to 600 seconds", "");
    }
    out.command = {programs.front()};
    out.command.insert(out.command.end(), arguments.begin(), arguments.end());
    return {};
  };
}

ValueReader models(std::vector<Model>& out) {
  return [&out](const YamlValue& value, const Place& place) -> Status {
    if (value.kind != YamlValue::Kind::map) {
      return wrong(place, "a mapping of device ids", found_text(value));
    }
    for (const auto& [id, entry] : value.entries) {
      const Place here{place.file, entry.line, place.key + "." + id};
      if (!is_hex(id) || id.size() != 4) return wrong(here, "a PCI device id of 4 digits", id);
      Model model;
      model.id = id;
      const std::vector<YamlRow> rows = {{"type", text(model.type)},
                                         {"memory", number(model.memory)},
                                         {"linked", yes_no(model.linked)}};
      const Status read = entry.kind == YamlValue::Kind::map ? read_map(entry, here, rows)
                                                             : text(model.type)(entry, here);
      if (!read) return read;
      const std::string_view type = model.type;
      if (type.empty() || type.find_first_of(":,= ()[]") != std::string_view::npos ||
          type.find_first_not_of("0123456789") == std::string_view::npos) {
        return wrong(here, "a type as in gpu:TYPE:2", type);
      }
      out.push_back(std::move(model));
    }
    return {};
  };
}

ValueReader partitions(PartitionRule& out) {
  return [&out](const YamlValue& value, const Place& place) -> Status {
    const std::vector<YamlRow> rows = {{"found", pattern(out.found)},
                                       {"numbers", number_rules(out.numbers)},
                                       {"file", pattern(out.file)},
                                       {"companions", patterns(out.companions)},
                                       {"whole_file", yes_no(out.whole_file)},
                                       {"uuid", text(out.uuid)},
                                       {"type", text(out.type)},
                                       {"first", number(out.first)},
                                       {"per_device", number(out.per_device)}};
    if (Status read = read_map(value, place, rows); !read) return read;
    if (out.found.empty() || out.file.empty()) return wrong(place, "found and file", "");
    if (out.type.empty()) return wrong(place, "a type", "");
    const bool by_number = std::ranges::count(gaps(out.found), std::string("N")) != 0;
    if (by_number == (out.per_device != 0)) {
      return wrong(place, "either {N} in found, or first and per_device", "");
    }
    return {};
  };
}

// Every gap of a path must have a meaning.
Status check_gaps(const TableVendor& row, const Place& place) {
  std::set<std::string> known{"bdf", "uuid", "N"};
  for (const ValueRule& rule : row.numbers) known.insert(rule.gap.str());
  const auto check = [&](const Text& path) -> Status {
    for (const std::string& gap : gaps(path)) {
      if (!known.contains(gap)) {
        return wrong(place, "an entry in numbers for {" + gap + "}", path);
      }
    }
    return {};
  };
  for (const Text& path : row.files) {
    if (Status fine = check(path); !fine) return fine;
  }
  for (const Text& path : row.companions) {
    if (Status fine = check(path); !fine) return fine;
  }
  const PartitionRule& part = row.partitions;
  for (const std::string& gap : gaps(part.found)) known.insert(gap);
  for (const ValueRule& rule : part.numbers) known.insert(rule.gap.str());
  for (const Text& path : part.companions) {
    if (Status fine = check(path); !fine) return fine;
  }
  return check(part.file);
}

Result<TableVendor> read_vendor(const YamlValue& value, const Place& place) {
  TableVendor row;
  Vendor& vendor = row.vendor;
  const std::vector<YamlRow> rows = {
      {"name", text(vendor.name)},
      {"gres", text(vendor.gres)},
      {"pci_vendors", hex_texts(row.pci_vendors)},
      {"pci_classes", hex_texts(row.pci_classes)},
      {"pci_devices", hex_texts(row.pci_devices)},
      {"files", patterns(row.files)},
      {"companions", patterns(row.companions)},
      {"numbers", number_rules(row.numbers)},
      {"uuid", value_rule(row.uuid)},
      {"memory", value_rule(row.memory)},
      {"count_by",
       one_of<CountBy>(row.count_by,
                       {{"pci", CountBy::pci}, {"file", CountBy::file}, {"kfd", CountBy::kfd}})},
      {"kfd_links", yes_no(row.kfd_links)},
      {"control", patterns(vendor.control_files)},
      {"libraries", patterns(vendor.libraries)},
      {"variables", variables(vendor.variables)},
      {"constants", constants(vendor.constants)},
      {"cdi_kind", text(vendor.cdi_kind)},
      {"tool", tool(vendor.tool, row.programs)},
      {"partitions", partitions(row.partitions)},
      {"models", models(row.models)},
  };
  Place here = place;
  here.key.clear();
  if (Status read = read_map(value, here, rows); !read) return tl::unexpected(read.error());
  here.key = vendor.name.str();
  if (vendor.name.empty()) return wrong(here, "a name", "");
  if (vendor.gres.empty()) return wrong(here, "gres", "");
  if (row.files.empty()) return wrong(here, "files", "");
  if (row.pci_classes.empty() && row.pci_devices.empty()) {
    return wrong(here, "pci_classes or pci_devices", "");
  }
  if (Status fine = check_gaps(row, here); !fine) return tl::unexpected(fine.error());
  return row;
}

}  // namespace

Result<Table> parse_table(const std::string& text, const std::string& file) {
  Result<YamlValue> document = config::read_yaml(text, file);
  if (!document) return tl::unexpected(document.error());
  Table table;
  const auto add = [&table](const YamlValue& item, const Place& place) -> Status {
    Result<TableVendor> row = read_vendor(item, place);
    if (!row) return tl::unexpected(row.error());
    for (const TableVendor& other : table.vendors) {
      if (other.vendor.name == row->vendor.name) {
        return wrong(place, "each name once", row->vendor.name);
      }
    }
    if (table.vendors.size() >= kMaxVendors) return wrong(place, "fewer vendors", "");
    table.vendors.push_back(std::move(*row));
    return {};
  };
  const std::vector<YamlRow> rows = {
      {"vendors", [&add](const YamlValue& value, const Place& place) {
         return read_list(value, place, add);
       }}};
  if (Status read = read_map(*document, {file, 1, ""}, rows); !read) {
    return tl::unexpected(read.error());
  }
  return table;
}

Result<Table> load_table(const std::string& path) {
  Result<std::string> content = base::read_file(path, kMaxTable);
  if (!content) return context(path, content.error());
  return parse_table(*content, path);
}

}  // namespace sluice::accel
