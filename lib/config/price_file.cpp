// See price_file.hpp.
#include "config/price_file.hpp"

#include <array>

#include "base/quantity.hpp"
#include "base/strings.hpp"
#include "config/values.hpp"

namespace sluice::config {

namespace {

constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

Status expected(const char* form) { return fail(ErrorCode::invalid_argument, form); }

Setter amount(ledger::Money& out) {
  return [&out](const std::string& value) -> Status {
    const Result<ledger::Money> parsed = ledger::parse_money(value);
    if (!parsed || *parsed < 0) return expected("an amount like 12.5, at most six decimals");
    out = *parsed;
    return {};
  };
}

Setter amount_or_unlimited(ledger::Money& out) {
  return [&out](const std::string& value) -> Status {
    if (!base::iequals(value, "unlimited")) return amount(out)(value);
    out = ledger::kUnlimitedMoney;
    return {};
  };
}

Setter amounts(std::vector<ledger::Money>& out) {
  return [&out](const std::string& value) -> Status {
    out.clear();
    for (const std::string_view piece : base::split_nonempty(value, ',')) {
      ledger::Money one = 0;
      if (Status parsed = amount(one)(std::string(base::trim(piece))); !parsed) return parsed;
      out.push_back(one);
    }
    return {};
  };
}

Setter moment(ledger::WallTime& out) {
  return [&out](const std::string& value) -> Status {
    const Result<ledger::WallTime> parsed = ledger::parse_utc(value);
    if (!parsed) return expected("a date, or a time like 2026-07-01T00:00:00+02:00");
    out = *parsed;
    return {};
  };
}

Setter utc_offset(std::int32_t& out) {
  return [&out](const std::string& value) -> Status {
    const Result<std::int32_t> parsed = ledger::parse_utc_offset(value);
    if (!parsed) return expected("a distance from UTC like \"+02:00\"");
    out = *parsed;
    return {};
  };
}

Setter names(std::vector<Text>& out) {
  return [&out](const std::string& value) -> Status {
    out.clear();
    for (const std::string_view piece : base::split_nonempty(value, ',')) {
      out.emplace_back(base::trim(piece));
    }
    return {};
  };
}

Setter fates(std::uint32_t& out) {
  return [&out](const std::string& value) -> Status {
    out = 0;
    for (const std::string_view piece : base::split_nonempty(value, ',')) {
      const auto fate = ledger::find_fate(base::trim(piece));
      if (!fate) return expected("ends of attempts: node_fail, preempted, requeued, ...");
      out |= ledger::fate_bit(*fate);
    }
    return {};
  };
}

// One of two words.
template <class Value>
Setter either(Value& out, std::pair<std::string_view, Value> a,
              std::pair<std::string_view, Value> b) {
  return [&out, a, b](const std::string& value) -> Status {
    if (value != a.first && value != b.first) {
      return fail(ErrorCode::invalid_argument,
                  std::string(a.first) + " or " + std::string(b.first));
    }
    out = value == a.first ? a.second : b.second;
    return {};
  };
}

std::size_t find_day(std::string_view name) {
  for (std::size_t day = 0; day < kDays.size(); ++day) {
    if (base::iequals(name, kDays[day])) return day;
  }
  return kDays.size();
}

// "mon-fri,sun"; from Friday to Monday is fine too.
Setter days(std::uint32_t& out) {
  return [&out](const std::string& value) -> Status {
    out = 0;
    for (const std::string_view piece : base::split_nonempty(value, ',')) {
      const base::Cut range = base::cut(base::trim(piece), '-');
      const std::size_t first = find_day(range.before);
      const std::size_t last = range.found ? find_day(range.after) : first;
      if (first == kDays.size() || last == kDays.size()) {
        return expected("days like mon-fri,sun");
      }
      for (std::size_t day = first;; day = (day + 1) % kDays.size()) {
        out |= 1U << day;
        if (day == last) break;
      }
    }
    return out == 0 ? expected("days like mon-fri,sun") : Status{};
  };
}

// "20:00" -> 1200; "24:00" -> 1440.
Result<std::uint32_t> minute_of_day(std::string_view text) {
  const base::Cut parts = base::cut(text, ':');
  const Result<std::uint32_t> hour = base::parse_u32(parts.before, 24);
  const Result<std::uint32_t> minute = base::parse_u32(parts.after, 59);
  if (!parts.found || parts.after.size() != 2 || !hour || !minute || *hour * 60 + *minute > 1440) {
    return fail(ErrorCode::invalid_argument);
  }
  return *hour * 60 + *minute;
}

Setter hours(ledger::Window& out) {
  return [&out](const std::string& value) -> Status {
    const base::Cut range = base::cut(value, '-');
    const Result<std::uint32_t> from = minute_of_day(base::trim(range.before));
    const Result<std::uint32_t> to = minute_of_day(base::trim(range.after));
    if (!range.found || !from || !to || *from == 1440) return expected("hours like 20:00-06:00");
    out.from_min = *from;
    out.to_min = *to;
    return {};
  };
}

Setter percent(std::uint32_t& out) {
  return [&out](const std::string& value) -> Status {
    const std::string_view number =
        value.ends_with('%') ? std::string_view(value).substr(0, value.size() - 1) : value;
    const Result<ledger::Money> parsed = ledger::parse_money(number);
    constexpr ledger::Money kStep = ledger::kMicro / 10;
    if (!parsed || *parsed < 0 || *parsed > 100 * ledger::kMicro || *parsed % kStep != 0) {
      return expected("percent, at most one decimal");
    }
    out = static_cast<std::uint32_t>(*parsed / kStep);
    return {};
  };
}

class Parser {
 public:
  explicit Parser(PriceFile& file) : file_(file) {}

  Status parse() {
    const std::array<std::string_view, 2> lists = {"price_books", "customers"};
    if (Status keys = read_keys(file_.source, file_.name, {}, lists); !keys) return keys;
    file_.load.keep_books = true;
    for (const auto& [key, list] : file_.source.entries) {
      if (key == "price_books") file_.load.keep_books = false;
      if (list.kind == YamlValue::Kind::empty) continue;
      if (list.kind != YamlValue::Kind::list) return needs(list, key, "a list");
      for (const YamlValue& item : list.items) {
        if (item.kind != YamlValue::Kind::map) return needs(item, key, "a mapping");
        if (Status read = key == "customers" ? customer(item) : book(item); !read) return read;
      }
    }
    return {};
  }

 private:
  Status needs(const YamlValue& value, const std::string& key, const char* what) const {
    return wrong({file_.name, value.line, key}, what, value.text);
  }

  Status book(const YamlValue& map) {
    ledger::PriceBook book;
    const std::array<std::string_view, 1> list = {"prices"};
    using ledger::Combine;
    const std::vector<Key> keys = {
        {"name", text(book.name)},
        {"version", number(book.version)},
        {"currency", text(book.currency)},
        {"valid_from", moment(book.from)},
        {"valid_until", moment(book.until)},
        {"utc_offset", utc_offset(book.utc_offset_s)},
        {"granularity", seconds(book.granularity_s)},
        {"minimum", seconds(book.minimum_s)},
        {"free", fates(book.free_fates)},
        {"combine", either<Combine>(book.combine, {"sum", Combine::sum}, {"max", Combine::max})},
    };
    if (Status read = read_keys(map, file_.name, keys, list); !read) return read;
    for (const auto& [key, value] : map.entries) {
      if (key != "prices") continue;
      if (value.kind != YamlValue::Kind::list) return needs(value, key, "a list");
      for (const YamlValue& item : value.items) {
        if (item.kind != YamlValue::Kind::map) return needs(item, key, "a mapping");
        if (Status read = price(item, book); !read) return read;
      }
    }
    file_.load.books.push_back(std::move(book));
    return {};
  }

  Status price(const YamlValue& map, ledger::PriceBook& book) const {
    ledger::Price price;
    price.unit_price = -1;  // has to be said, also if it is 0
    const std::vector<Key> keys = {
        {"sku", text(price.sku)},
        {"meter", text(price.meter)},
        {"unit", text(price.unit)},
        {"price", amount(price.unit_price)},
        {"service", text(price.service)},
        {"partitions", names(price.partitions)},
        {"qos", names(price.qos)},
        {"accounts", names(price.accounts)},
        {"days", days(price.window.days)},
        {"hours", hours(price.window)},
        {"suspended", either<bool>(price.while_suspended, {"charged", true}, {"free", false})},
    };
    if (Status read = read_keys(map, file_.name, keys, {}); !read) return read;
    book.prices.push_back(std::move(price));
    return {};
  }

  Status customer(const YamlValue& map) {
    ledger::Customer customer;
    using ledger::CustomerKind;
    const std::vector<Key> keys = {
        {"name", text(customer.name)},
        {"account", text(customer.account)},
        {"kind", either<CustomerKind>(customer.kind, {"prepaid", CustomerKind::prepaid},
                                      {"postpaid", CustomerKind::postpaid})},
        {"currency", text(customer.currency)},
        {"book", text(customer.book)},
        {"discount", percent(customer.discount)},
        {"credit_limit", amount(customer.credit_limit)},
        {"overdraft", amount_or_unlimited(customer.overdraft)},
        {"grace", seconds(customer.grace_s)},
        {"hold_hours", number(customer.hold_hours)},
        {"warn_at", amounts(customer.warn_at)},
        {"closed", yes_no(customer.closed)},
        {"display_name", text(customer.display_name)},
        {"address", text(customer.address)},
    };
    if (Status read = read_keys(map, file_.name, keys, {}); !read) return read;
    file_.load.customers.push_back(std::move(customer));
    return {};
  }

  PriceFile& file_;
};

const YamlValue* member(const YamlValue& map, std::string_view key) {
  for (const auto& [name, value] : map.entries) {
    if (name == key) return &value;
  }
  return nullptr;
}

const YamlValue* item(const YamlValue* list, std::size_t index) {
  return list == nullptr || index >= list->items.size() ? nullptr : &list->items[index];
}

// Faults that need no books.
std::optional<ledger::LoadFault> fault_of(const ledger::PriceLoad& load) {
  if (auto fault = ledger::find_fault(load.books); fault) {
    std::string text = fault->text;
    return ledger::LoadFault{std::move(fault), std::nullopt, std::move(text)};
  }
  for (std::size_t index = 0; index < load.customers.size(); ++index) {
    const Status valid = ledger::check_customer(load.customers[index]);
    if (!valid) return ledger::LoadFault{std::nullopt, index, valid.error().text};
  }
  return std::nullopt;
}

}  // namespace

std::string PriceFile::say(const ledger::LoadFault& fault) const {
  const YamlValue* map = nullptr;
  std::string key;
  std::string text = fault.text;
  if (fault.price) {
    map = item(member(source, "price_books"), fault.price->book);
    if (map != nullptr && fault.price->price)
      map = item(member(*map, "prices"), *fault.price->price);
    key = fault.price->key;
    text = key + ": " + text;
  } else if (fault.customer) {
    map = item(member(source, "customers"), *fault.customer);
    key = std::string(base::cut(text, ':').before);
  }
  const YamlValue* value = map == nullptr ? nullptr : member(*map, key);
  if (value != nullptr) map = value;
  return name + ":" + std::to_string(map == nullptr ? 1 : map->line) + ": " + text;
}

Result<PriceFile> parse_price_file(const std::string& text, const std::string& name) {
  PriceFile file;
  file.name = name;
  Result<YamlValue> source = read_yaml(text, name);
  if (!source) return tl::unexpected(source.error());
  file.source = std::move(*source);
  if (const Status parsed = Parser(file).parse(); !parsed) return tl::unexpected(parsed.error());
  if (const auto fault = fault_of(file.load); fault) {
    return fail(ErrorCode::invalid_argument, file.say(*fault));
  }
  return file;
}

}  // namespace sluice::config
