// Words of reservations and licences.
#include "model/reservation.hpp"

#include <algorithm>
#include <array>

#include "base/duration.hpp"
#include "base/quantity.hpp"
#include "base/strings.hpp"

namespace sluice::model {

namespace {

struct FlagWord {
  std::uint32_t flag;
  std::string_view word;
  bool settable = true;
  bool printed = true;  // false: another word for a flag that is printed by the first
};

// In the order in which they are printed. LICENSE_ONLY is an older word for ANY_NODES.
constexpr std::array<FlagWord, 23> kWords{{{kResvMaint, "MAINT"},
                                           {kResvFlex, "FLEX"},
                                           {kResvOverlap, "OVERLAP"},
                                           {kResvIgnoreJobs, "IGNORE_JOBS"},
                                           {kResvHourly, "HOURLY"},
                                           {kResvDaily, "DAILY"},
                                           {kResvWeekday, "WEEKDAY"},
                                           {kResvWeekend, "WEEKEND"},
                                           {kResvWeekly, "WEEKLY"},
                                           {kResvSpecNodes, "SPEC_NODES", false},
                                           {kResvAnyNodes, "ANY_NODES"},
                                           {kResvStatic, "STATIC"},
                                           {kResvPartNodes, "PART_NODES"},
                                           {kResvTimeFloat, "TIME_FLOAT"},
                                           {kResvReplace, "REPLACE"},
                                           {kResvReplaceDown, "REPLACE_DOWN"},
                                           {kResvPurgeComp, "PURGE_COMP"},
                                           {kResvNoHoldJobs, "NO_HOLD_JOBS_AFTER_END"},
                                           {kResvMagnetic, "MAGNETIC"},
                                           {kResvUserDelete, "USER_DELETE"},
                                           {kResvForceStart, "FORCE_START"},
                                           {kResvStatic, "STATIC_ALLOC", true, false},
                                           {kResvAnyNodes, "LICENSE_ONLY", true, false}}};

}  // namespace

std::string flags_text(const Reservation& reservation) {
  std::string text;
  for (const FlagWord& known : kWords) {
    if (!known.printed || (reservation.flags & known.flag) == 0) continue;
    if (!text.empty()) text += ',';
    text += known.word;
    if (known.flag == kResvPurgeComp) {
      text += '=' + base::format_duration(reservation.purge_s);
    }
  }
  return text;
}

std::uint32_t flag_named(std::string_view word) {
  std::uint32_t found = 0;
  for (const FlagWord& known : kWords) {
    if (!known.settable) continue;
    if (base::iequals(word, known.word)) return known.flag;
    if (word.size() >= 3 && base::abbreviates(word, known.word, 3)) {
      if (found != 0 && found != known.flag) return 0;
      found = known.flag;
    }
  }
  return found;
}

std::vector<std::string_view> flag_words() {
  std::vector<std::string_view> words;
  for (const FlagWord& known : kWords) words.push_back(known.word);
  return words;
}

ListVerdict judge_list(const Text& list, std::string_view name) {
  if (list.empty()) return ListVerdict::unset;
  bool denies = false;
  for (const std::string_view entry : base::split_nonempty(list, ',')) {
    denies = entry.front() == '-';
    const std::string_view meant = denies ? entry.substr(1) : entry;
    if (base::iequals(meant, name)) return denies ? ListVerdict::denied : ListVerdict::allowed;
  }
  return denies ? ListVerdict::allowed : ListVerdict::denied;
}

Result<LicenseRequest> parse_licenses(std::string_view text) {
  LicenseRequest request;
  const auto wrong = [] { return fail(ErrorCode::invalid_licenses); };
  request.any = text.find('|') != std::string_view::npos;
  if (request.any && text.find(',') != std::string_view::npos) return wrong();
  if (base::trim(text).empty()) return request;
  for (const std::string_view piece : base::split(text, request.any ? '|' : ',')) {
    const std::size_t mark = piece.find_first_of(":=");
    const std::string_view name = base::trim(piece.substr(0, mark));
    std::uint32_t count = 1;
    if (mark != std::string_view::npos) {
      const Result<std::uint32_t> parsed = base::parse_u32(piece.substr(mark + 1));
      if (!parsed) return wrong();
      count = *parsed;
    }
    if (name.empty() || name.find_first_of(" \t/") != std::string_view::npos) return wrong();
    const auto same = std::find_if(request.needs.begin(), request.needs.end(),
                                   [&](const auto& need) { return need.name.view() == name; });
    if (same != request.needs.end()) {
      same->count += count;
    } else {
      request.needs.push_back({Text(name), count});
    }
  }
  if (!request.any) {
    std::sort(request.needs.begin(), request.needs.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
  }
  return request;
}

}  // namespace sluice::model
