// See words.hpp.
#include "cli/sacctmgr/words.hpp"

#include <algorithm>

#include "base/hostlist.hpp"
#include "base/strings.hpp"

namespace sluice::cli::accounting {

bool Spec::is(std::string_view name, std::size_t least) const {
  return base::abbreviates(is_word() ? std::string_view(value) : std::string_view(key), name,
                           least);
}

std::string_view unquoted(std::string_view text) {
  if (text.size() < 2) return text;
  const char quote = text.front();
  const bool quoted = (quote == '\'' || quote == '"') && text.back() == quote;
  return quoted ? text.substr(1, text.size() - 2) : text;
}

Spec parse_spec(std::string_view word) {
  Spec spec;
  spec.text = word;
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos) {
    spec.value = unquoted(word);
    return spec;
  }
  std::string_view key = word.substr(0, equals);
  if (key.ends_with('+')) spec.op = Operator::add;
  if (key.ends_with('-')) spec.op = Operator::remove;
  if (spec.op != Operator::set) key.remove_suffix(1);
  spec.key = key;
  spec.value = unquoted(word.substr(equals + 1));
  return spec;
}

Specs parse_specs(Words words, Part first) {
  Specs specs;
  Part part = first;
  for (const std::string& word : words) {
    if (base::iequals(word, "where")) {
      part = first == Part::set ? Part::set : Part::where;
      continue;
    }
    if (base::iequals(word, "set")) {
      part = Part::set;
      specs.has_set = true;
      continue;
    }
    (part == Part::where ? specs.where : specs.set).push_back(parse_spec(word));
  }
  return specs;
}

std::vector<std::string> name_list(std::string_view text) {
  std::vector<std::string> names;
  const auto add = [&](std::string name) {
    if (!name.empty() && std::ranges::find(names, name) == names.end()) {
      names.push_back(std::move(name));
    }
  };
  if (text.find('[') != std::string_view::npos) {
    if (auto expanded = base::parse_hosts(text)) {
      for (const std::string& name : *expanded) add(std::string(unquoted(name)));
      return names;
    }
  }
  for (const std::string_view piece : base::split_nonempty(text, ',')) {
    add(std::string(unquoted(base::trim(piece))));
  }
  return names;
}

std::vector<std::string> lower_name_list(std::string_view text) {
  return name_list(base::to_lower(text));
}

}  // namespace sluice::cli::accounting
