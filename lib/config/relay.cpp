// See relay.hpp. Secrets stand in files of their own, never in sluice.yaml or in a URL.
#include "config/relay.hpp"

#include <algorithm>

#include "base/quantity.hpp"
#include "config/values.hpp"
#include "event/text.hpp"

namespace sluice::config {

namespace {

constexpr std::size_t kMostTargets = 64;
constexpr std::uint32_t kMostInBatch = 1000;
constexpr std::uint32_t kLongestWaitS = 3600;

bool is_name(std::string_view text) {
  constexpr std::string_view kKnown =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  return !text.empty() && text.size() <= 64 &&
         text.find_first_not_of(kKnown) == std::string_view::npos;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// "%2f" -> "/"
std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
                        hex_digit(text[i + 2]) >= 0;
    if (!escape) {
      out.push_back(text[i]);
      continue;
    }
    out.push_back(static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])));
    i += 2;
  }
  return out;
}

// [user@]host[:port][/virtual-host]
bool read_queue_url(std::string_view rest, RelayTarget& target) {
  const std::size_t slash = rest.find('/');
  if (slash != std::string_view::npos && slash + 1 < rest.size()) {
    target.virtual_host = decoded(rest.substr(slash + 1));
  }
  rest = rest.substr(0, slash);
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    if (rest.substr(0, at).find(':') != std::string_view::npos) return false;
    target.user = decoded(rest.substr(0, at));
    rest.remove_prefix(at + 1);
  }
  target.port = target.tls ? 5671 : 5672;
  const std::size_t colon = rest.rfind(':');
  if (colon != std::string_view::npos && !rest.ends_with(']')) {
    const Result<std::uint32_t> port = base::parse_u32(rest.substr(colon + 1), 65535);
    if (!port || *port == 0) return false;
    target.port = static_cast<std::uint16_t>(*port);
    rest = rest.substr(0, colon);
  }
  if (rest.size() > 2 && rest.front() == '[' && rest.back() == ']') {
    rest = rest.substr(1, rest.size() - 2);
  }
  target.host = std::string(rest);
  return !rest.empty();
}

Setter url(RelayTarget& target) {
  return [&target](const std::string& value) -> Status {
    std::string_view rest = value;
    bool good = false;
    if (take_prefix(rest, "https://") || take_prefix(rest, "http://")) {
      target.kind = RelayTarget::Kind::webhook;
      target.url = value;
      // Who may read this file would know the password.
      good = !rest.empty() && rest.substr(0, rest.find('/')).find('@') == std::string_view::npos;
    } else {
      target.kind = RelayTarget::Kind::amqp;
      target.tls = take_prefix(rest, "amqps://");
      good = (target.tls || take_prefix(rest, "amqp://")) && read_queue_url(rest, target);
    }
    if (good) return {};
    return fail(ErrorCode::invalid_argument,
                "https://host/path, http://host/path, amqp://user@host:port/vhost or amqps://...; "
                "passwords stand in files");
  };
}

Setter event_names(std::vector<std::string>& out) {
  return [&out](const std::string& value) -> Status {
    std::vector<std::string> names;
    if (Status split = words(names)(value); !split) return split;
    const auto unknown = std::ranges::find_if_not(names, &event::is_event_name);
    if (unknown != names.end()) {
      return fail(ErrorCode::invalid_argument,
                  "job, node, ledger, or one of their events as job.ended (not " + *unknown + ")");
    }
    out = std::move(names);
    return {};
  };
}

Setter begin_word(bool& from_oldest) {
  return [&from_oldest](const std::string& value) -> Status {
    if (value != "now" && value != "oldest") {
      return fail(ErrorCode::invalid_argument, "now or oldest");
    }
    from_oldest = value == "oldest";
    return {};
  };
}

Setter number_to(std::uint32_t& out, std::uint32_t most) {
  return [&out, most](const std::string& value) -> Status {
    const Result<std::uint32_t> parsed = base::parse_u32(value, most);
    if (!parsed || *parsed == 0) {
      return fail(ErrorCode::invalid_argument, "a number from 1 to " + std::to_string(most));
    }
    out = *parsed;
    return {};
  };
}

Setter file_path(std::string& out) {
  return [&out](const std::string& value) -> Status {
    if (value.empty() || value.front() != '/') {
      return fail(ErrorCode::invalid_argument, "an absolute path");
    }
    out = value;
    return {};
  };
}

Status check(const RelayTarget& target, const std::vector<RelayTarget>& others,
             const Place& place) {
  if (!is_name(target.name) || std::ranges::any_of(others, [&](const RelayTarget& other) {
        return other.name == target.name;
      })) {
    return wrong(place, "a name of its own for each target: letters, digits, - and _", target.name);
  }
  if (target.url.empty() && target.host.empty()) return wrong(place, "a url", target.name);
  const bool queue = target.kind == RelayTarget::Kind::amqp;
  if (queue && !target.secret_file.empty()) {
    return wrong(place, "secret_file for webhooks only", target.name);
  }
  if (!queue && (!target.password_file.empty() || !target.queue.empty())) {
    return wrong(place, "password_file and queue for message queues only", target.name);
  }
  if (!target.ca_file.empty() && !target.tls && !target.url.starts_with("https://")) {
    return wrong(place, "ca_file for https and amqps only", target.name);
  }
  return {};
}

}  // namespace

Status read_relay(const YamlValue& list, const std::string& file,
                  std::vector<RelayTarget>& targets) {
  if (list.kind == YamlValue::Kind::empty) return {};
  const Place place{file, list.line, std::string(kRelaySection)};
  if (list.kind != YamlValue::Kind::list) return wrong(place, "a list of targets", "");
  if (list.items.size() > kMostTargets) return wrong(place, "at most 64 targets", "");
  for (const YamlValue& item : list.items) {
    const Place here{file, item.line, std::string(kRelaySection)};
    if (item.kind != YamlValue::Kind::map) return wrong(here, "a mapping with name and url", "");
    RelayTarget target;
    const std::vector<Key> keys = {{"name", text(target.name)},
                                   {"url", url(target)},
                                   {"events", event_names(target.events)},
                                   {"begin", begin_word(target.from_oldest)},
                                   {"timeout", number_to(target.timeout_s, kLongestWaitS)},
                                   {"batch", number_to(target.batch, kMostInBatch)},
                                   {"retry_max", number_to(target.retry_max_s, kLongestWaitS)},
                                   {"secret_file", file_path(target.secret_file)},
                                   {"password_file", file_path(target.password_file)},
                                   {"ca_file", file_path(target.ca_file)},
                                   {"exchange", text(target.exchange)},
                                   {"queue", text(target.queue)}};
    if (Status read = read_keys(item, file, keys, {}); !read) return read;
    if (Status good = check(target, targets, here); !good) return good;
    targets.push_back(std::move(target));
  }
  return {};
}

}  // namespace sluice::config
