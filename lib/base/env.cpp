// The environment block: a list that is searched from end to end. Blocks hold a hundred entries and
// change a few dozen times in their lives, so nothing cleverer pays.
#include "base/env.hpp"

#include <unistd.h>

#include <algorithm>
#include <unordered_map>

namespace sluice::base {
namespace {

// "NAME" of "NAME=value"; empty if it isn't an entry.
std::string_view name_of(std::string_view entry) {
  const std::size_t at = entry.find('=');
  return at == std::string_view::npos ? std::string_view() : entry.substr(0, at);
}

bool is_entry_of(std::string_view entry, std::string_view name) {
  return entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name);
}

std::string make_entry(std::string_view name, std::string_view value) {
  std::string entry;
  entry.reserve(name.size() + 1 + value.size());
  return entry.append(name).append("=").append(value);
}

}  // namespace

Environment::Environment(std::vector<std::string> entries) {
  std::unordered_map<std::string, std::size_t> places;
  entries_.reserve(entries.size());
  for (std::string& entry : entries) {
    const std::string name(name_of(entry));
    if (name.empty()) continue;
    const auto [place, is_new] = places.emplace(name, entries_.size());
    if (is_new) {
      entries_.push_back(std::move(entry));
    } else {
      entries_[place->second] = std::move(entry);
    }
  }
}

Environment Environment::of_process() {
  std::vector<std::string> entries;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    entries.emplace_back(*entry);
  }
  return Environment(std::move(entries));
}

std::optional<std::string_view> Environment::get(std::string_view name) const {
  for (const std::string& entry : entries_) {
    if (is_entry_of(entry, name)) return std::string_view(entry).substr(name.size() + 1);
  }
  return std::nullopt;
}

void Environment::set(std::string_view name, std::string_view value) {
  std::string made = make_entry(name, value);
  for (std::string& entry : entries_) {
    if (!is_entry_of(entry, name)) continue;
    entry = std::move(made);
    return;
  }
  entries_.push_back(std::move(made));
}

void Environment::set_default(std::string_view name, std::string_view value) {
  if (!has(name)) entries_.push_back(make_entry(name, value));
}

void Environment::unset(std::string_view name) {
  std::erase_if(entries_, [&](const std::string& entry) { return is_entry_of(entry, name); });
}

void Environment::unset_prefix(std::string_view prefix) {
  std::erase_if(entries_,
                [&](const std::string& entry) { return name_of(entry).starts_with(prefix); });
}

std::vector<char*> Environment::pointers() {
  std::vector<char*> result;
  result.reserve(entries_.size() + 1);
  for (std::string& entry : entries_) result.push_back(entry.data());
  result.push_back(nullptr);
  return result;
}

std::size_t Environment::bytes() const {
  std::size_t sum = 0;
  for (const std::string& entry : entries_) sum += entry.size() + 1;
  return sum;
}

bool is_env_name(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (name.empty() || !is_letter(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

}  // namespace sluice::base
