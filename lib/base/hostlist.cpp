// Host lists. A piece of a list is cut into segments, each with its alternatives ("c" | "1","2" |
// "x" | "3","4"); the names are all their combinations, the last segment running fastest. How many
// there will be is known, and bounded, before any is made.
#include "base/hostlist.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/quantity.hpp"
#include "base/strings.hpp"

namespace sluice::base {
namespace {

// More digits than these don't fit 64 bits; the ones before count as part of the prefix.
constexpr std::size_t kMaxDigits = 18;

using Alternatives = std::vector<std::string>;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

tl::unexpected<Error> bad_list(std::string_view text) {
  return fail(ErrorCode::invalid_node_name, fmt::format("Invalid hostlist: {}", text));
}

// "01-03,07", without the brackets. At most `limit` numbers.
Result<Alternatives> parse_bracket(std::string_view inside, std::size_t limit) {
  Alternatives result;
  for (const std::string_view piece : split(inside, ',')) {
    const Cut range = cut(piece, '-');
    const std::string_view low_text = range.before;
    const std::string_view high_text = range.found ? range.after : low_text;
    if (low_text.size() > kMaxDigits || high_text.size() > kMaxDigits) return bad_list(inside);
    const auto low = parse_unsigned(low_text);
    const auto high = parse_unsigned(high_text);
    if (!low || !high || *low > *high) return bad_list(inside);
    if (*high - *low >= limit - result.size()) return bad_list(inside);
    for (std::uint64_t n = *low; n <= *high; ++n) {
      result.push_back(fmt::format("{:0{}}", n, low_text.size()));
    }
  }
  return result;
}

// Cuts one name into segments; they make at most `limit` names.
Result<std::vector<Alternatives>> parse_name(std::string_view piece, std::size_t limit) {
  std::vector<Alternatives> segments;
  std::size_t names = 1;
  for (std::string_view rest = piece; !rest.empty();) {
    if (segments.size() > kMaxHostName) return bad_list(piece);
    const std::size_t open = rest.find_first_of("[]");
    if (open != 0) {
      segments.push_back({std::string(rest.substr(0, open))});
      rest.remove_prefix(std::min(open, rest.size()));
      continue;
    }
    const std::size_t close = rest.find(']');
    if (rest[0] != '[' || close == std::string_view::npos) return bad_list(piece);
    auto bracket = parse_bracket(rest.substr(1, close - 1), limit / names);
    if (!bracket) return bad_list(piece);
    names *= bracket->size();
    segments.push_back(std::move(*bracket));
    rest.remove_prefix(close + 1);
  }
  return segments;
}

std::vector<std::string> combine(const std::vector<Alternatives>& segments) {
  std::vector<std::string> names(1);
  for (const Alternatives& segment : segments) {
    std::vector<std::string> longer;
    longer.reserve(names.size() * segment.size());
    for (const std::string& name : names) {
      for (const std::string& alternative : segment) longer.push_back(name + alternative);
    }
    names = std::move(longer);
  }
  return names;
}

// Cuts at the first comma or blank outside brackets.
Cut cut_piece(std::string_view text) {
  std::size_t depth = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '[') ++depth;
    if (c == ']' && depth > 0) --depth;
    const bool separates = c == ',' || c == ' ' || c == '\t' || c == '\n';
    if (depth == 0 && separates) return Cut{text.substr(0, at), text.substr(at + 1), true};
  }
  return Cut{text, {}, false};
}

// A name as host lists see it: a prefix and the number that ends it.
struct Host {
  std::string_view prefix;
  std::string_view digits;  // may be empty
  std::uint64_t number = 0;
};

Host cut_host(std::string_view name) {
  std::size_t at = name.size();
  while (at > 0 && is_digit(name[at - 1]) && name.size() - at < kMaxDigits) --at;
  Host host{name.substr(0, at), name.substr(at), 0};
  for (const char c : host.digits) {
    host.number = host.number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return host;
}

// True if printing `next` after `last` in a range that begins at `first` gives its digits.
bool continues(const Host& first, const Host& last, const Host& next) {
  if (next.number != last.number + 1) return false;
  const bool padded = next.digits.size() > 1 && next.digits[0] == '0';
  if (padded) return next.digits.size() == first.digits.size();
  return next.digits.size() >= first.digits.size();
}

std::string ranges_of(std::span<const Host> hosts) {
  std::string text;
  for (std::size_t first = 0; first < hosts.size();) {
    std::size_t last = first;
    while (last + 1 < hosts.size() && continues(hosts[first], hosts[last], hosts[last + 1])) {
      ++last;
    }
    if (!text.empty()) text += ',';
    text += hosts[first].digits;
    if (last > first) text.append("-").append(hosts[last].digits);
    first = last + 1;
  }
  return text;
}

std::string_view leading_digits(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && is_digit(text[length])) ++length;
  return text.substr(0, length);
}

std::string_view without_zeros(std::string_view digits) {
  while (digits.size() > 1 && digits[0] == '0') digits.remove_prefix(1);
  return digits;
}

// Compares texts with the numbers in them by value: n9x before n10x. Negative, zero, positive.
int natural_compare(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    if (is_digit(a[0]) && is_digit(b[0])) {
      const std::string_view a_digits = leading_digits(a);
      const std::string_view b_digits = leading_digits(b);
      const std::string_view x = without_zeros(a_digits);
      const std::string_view y = without_zeros(b_digits);
      if (x.size() != y.size()) return x.size() < y.size() ? -1 : 1;
      if (const int order = x.compare(y); order != 0) return order;
      a.remove_prefix(a_digits.size());
      b.remove_prefix(b_digits.size());
      continue;
    }
    if (a[0] != b[0]) {
      return static_cast<unsigned char>(a[0]) < static_cast<unsigned char>(b[0]) ? -1 : 1;
    }
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  return static_cast<int>(!a.empty()) - static_cast<int>(!b.empty());
}

}  // namespace

Result<std::vector<std::string>> parse_hosts(std::string_view text) {
  std::vector<std::string> hosts;
  for (std::string_view rest = text; !rest.empty();) {
    const Cut piece_cut = cut_piece(rest);
    const std::string_view piece = piece_cut.before;
    rest = piece_cut.after;
    if (piece.empty()) continue;
    if (hosts.size() == kMaxHosts) return bad_list(text.substr(0, kMaxHostName));
    const auto segments = parse_name(piece, kMaxHosts - hosts.size());
    if (!segments) return tl::unexpected<Error>(segments.error());
    for (std::string& name : combine(*segments)) {
      if (name.size() > kMaxHostName) return bad_list(name.substr(0, kMaxHostName));
      hosts.push_back(std::move(name));
    }
  }
  return hosts;
}

std::string compress_hosts(std::span<const std::string> hosts) {
  std::string text;
  for (std::size_t first = 0; first < hosts.size();) {
    std::vector<Host> group{cut_host(hosts[first])};
    while (first + group.size() < hosts.size() && !group[0].digits.empty()) {
      const Host next = cut_host(hosts[first + group.size()]);
      if (next.digits.empty() || next.prefix != group[0].prefix) break;
      group.push_back(next);
    }
    if (!text.empty()) text += ',';
    if (group.size() == 1) {
      text += hosts[first];
    } else {
      text.append(group[0].prefix).append("[").append(ranges_of(group)).append("]");
    }
    first += group.size();
  }
  return text;
}

bool host_less(std::string_view a, std::string_view b) {
  const Host x = cut_host(a);
  const Host y = cut_host(b);
  if (x.prefix != y.prefix) {
    if (const int order = natural_compare(x.prefix, y.prefix); order != 0) return order < 0;
    return x.prefix < y.prefix;
  }
  if (x.digits.size() != y.digits.size()) return x.digits.size() < y.digits.size();
  return x.number < y.number;
}

std::vector<std::string> sort_hosts(std::vector<std::string> hosts) {
  std::sort(hosts.begin(), hosts.end(), host_less);
  return hosts;
}

std::string compress_sorted_hosts(std::vector<std::string> hosts) {
  hosts = sort_hosts(std::move(hosts));
  hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
  return compress_hosts(hosts);
}

std::string repeat_list(std::span<const std::uint32_t> counts) {
  std::string text;
  for (std::size_t first = 0; first < counts.size();) {
    std::size_t end = first + 1;
    while (end < counts.size() && counts[end] == counts[first]) ++end;
    if (!text.empty()) text += ',';
    text += std::to_string(counts[first]);
    if (end - first > 1) text += fmt::format("(x{})", end - first);
    first = end;
  }
  return text;
}

Result<std::vector<std::uint32_t>> parse_repeat_list(std::string_view text) {
  std::vector<std::uint32_t> counts;
  if (text.empty()) return counts;
  for (std::string_view piece : split(text, ',')) {
    std::uint32_t times = 1;
    if (const std::size_t open = piece.find("(x"); open != std::string_view::npos) {
      if (!piece.ends_with(')')) return bad_list(text);
      const auto number = parse_u32(piece.substr(open + 2, piece.size() - open - 3));
      if (!number || *number == 0) return bad_list(text);
      times = *number;
      piece = piece.substr(0, open);
    }
    const auto value = parse_u32(piece);
    if (!value || times > kMaxHosts - counts.size()) return bad_list(text);
    counts.insert(counts.end(), times, *value);
  }
  return counts;
}

}  // namespace sluice::base
