// sacctmgr's words after the entity: "name=x", "set", "qos+=high", "tree". Cut up here; what each
// means is its entity's.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli::accounting {

using Words = std::span<const std::string>;

enum class Operator : std::uint8_t { set, add, remove };

struct Spec {
  std::string text;  // as typed
  std::string key;   // empty: a word without '='
  Operator op = Operator::set;
  std::string value;  // without the quotes around it; a lone word itself

  [[nodiscard]] bool is_word() const { return key.empty(); }
  // The key or the lone word abbreviates `name`, case aside.
  [[nodiscard]] bool is(std::string_view name, std::size_t least = 1) const;
};

// Which part of a command words belong to until "where" or "set" says otherwise.
enum class Part : std::uint8_t { where, set };

struct Specs {
  std::vector<Spec> where;
  std::vector<Spec> set;
  bool has_set = false;  // the word was there
};

[[nodiscard]] Spec parse_spec(std::string_view word);
[[nodiscard]] Specs parse_specs(Words words, Part first);

// "'x'" and "\"x\"" -> "x".
[[nodiscard]] std::string_view unquoted(std::string_view text);
// "a,b[1-3]" -> four names, each once, in order. Lower case where the names are.
[[nodiscard]] std::vector<std::string> name_list(std::string_view text);
[[nodiscard]] std::vector<std::string> lower_name_list(std::string_view text);

}  // namespace sluice::cli::accounting
