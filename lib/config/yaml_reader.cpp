// See yaml_reader.hpp. Values are copied out of yaml-cpp's nodes at once: its nodes throw on
// access.
#include "config/yaml_reader.hpp"

#include <algorithm>

#include <yaml-cpp/yaml.h>

namespace sluice::config {

namespace {

constexpr int kMaxDepth = 8;
// Aliases can make a small file large.
constexpr std::size_t kMaxValues = 2'000'000;

class Copier {
 public:
  explicit Copier(std::string name) : name_(std::move(name)) {}

  Result<YamlValue> copy(const YAML::Node& node, int depth) {
    YamlValue value;
    value.line = node.Mark().line + 1;
    if (depth > kMaxDepth) return wrong({name_, value.line, ""}, "less nesting", "");
    if (++values_ > kMaxValues) return wrong({name_, value.line, ""}, "fewer values", "");
    if (node.IsScalar()) {
      value.kind = YamlValue::Kind::scalar;
      value.text = node.Scalar();
    } else if (node.IsSequence()) {
      value.kind = YamlValue::Kind::list;
      for (const YAML::Node& item : node) {
        Result<YamlValue> copied = copy(item, depth + 1);
        if (!copied) return copied;
        value.items.push_back(std::move(*copied));
      }
    } else if (node.IsMap()) {
      return copy_map(node, std::move(value), depth);
    }
    return value;
  }

 private:
  Result<YamlValue> copy_map(const YAML::Node& node, YamlValue value, int depth) {
    value.kind = YamlValue::Kind::map;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) return wrong({name_, value.line, ""}, "plain keys", "");
      const std::string& key = entry.first.Scalar();
      const int line = entry.first.Mark().line + 1;
      const bool twice =
          std::ranges::any_of(value.entries, [&](const auto& known) { return known.first == key; });
      if (twice) return wrong({name_, line, key}, "each key once", "a second one");
      Result<YamlValue> copied = copy(entry.second, depth + 1);
      if (!copied) return copied;
      copied->line = line;
      value.entries.emplace_back(key, std::move(*copied));
    }
    return value;
  }

  std::string name_;
  std::size_t values_ = 0;
};

}  // namespace

tl::unexpected<Error> wrong(const Place& place, std::string_view expected, std::string_view found) {
  std::string text = place.file;
  if (place.line > 0) text += ":" + std::to_string(place.line);
  text += ": ";
  if (!place.key.empty()) text += place.key + ": ";
  text += "expected " + std::string(expected);
  if (!found.empty()) text += ", not \"" + std::string(found) + "\"";
  return fail(ErrorCode::invalid_argument, text);
}

Result<YamlValue> read_yaml(const std::string& text, const std::string& name) {
  try {
    const YAML::Node root = YAML::Load(text);
    if (!root.IsMap()) return wrong({name, 1, ""}, "a mapping of keys and values", "");
    return Copier(name).copy(root, 0);
  } catch (const YAML::Exception& error) {
    return fail(ErrorCode::invalid_argument,
                name + ":" + std::to_string(error.mark.line + 1) + ": " + error.msg);
  }
}

}  // namespace sluice::config
