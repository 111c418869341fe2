// See history_format.hpp.
#include "report/history_format.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "base/strings.hpp"

namespace sluice::report {

const std::string_view kHistoryDefault = "jobid,jobname,partition,account,alloccpus,state,exitcode";
const std::string_view kHistoryBrief = "jobid,state,exitcode";
const std::string_view kHistoryLong =
    "jobid,jobidraw,jobname,partition,maxvmsize,maxvmsizenode,maxvmsizetask,avevmsize,maxrss,"
    "maxrssnode,maxrsstask,averss,maxpages,maxpagesnode,maxpagestask,avepages,mincpu,mincpunode,"
    "mincputask,avecpu,ntasks,alloccpus,elapsed,state,exitcode,avecpufreq,reqcpufreqmin,"
    "reqcpufreqmax,reqcpufreqgov,reqmem,consumedenergy,maxdiskread,maxdiskreadnode,"
    "maxdiskreadtask,avediskread,maxdiskwrite,maxdiskwritenode,maxdiskwritetask,avediskwrite,"
    "reqtres,alloctres,tresusageinave,tresusageinmax,tresusageinmaxnode,tresusageinmaxtask,"
    "tresusageinmin,tresusageinminnode,tresusageinmintask,tresusageintot,tresusageoutmax,"
    "tresusageoutmaxnode,tresusageoutmaxtask,tresusageoutave,tresusageouttot";
const std::string_view kLiveDefault =
    "jobid,maxvmsize,maxvmsizenode,maxvmsizetask,avevmsize,maxrss,maxrssnode,maxrsstask,averss,"
    "maxpages,maxpagesnode,maxpagestask,avepages,mincpu,mincpunode,mincputask,avecpu,ntasks,"
    "avecpufreq,reqcpufreqmin,reqcpufreqmax,reqcpufreqgov,consumedenergy,maxdiskread,"
    "maxdiskreadnode,maxdiskreadtask,avediskread,maxdiskwrite,maxdiskwritenode,maxdiskwritetask,"
    "avediskwrite,tresusageinave,tresusageinmax,tresusageinmaxnode,tresusageinmaxtask,"
    "tresusageinmin,tresusageinminnode,tresusageinmintask,tresusageintot,tresusageoutave,"
    "tresusageoutmax,tresusageoutmaxnode,tresusageoutmaxtask,tresusageoutmin,tresusageoutminnode,"
    "tresusageoutmintask,tresusageouttot";
const std::string_view kLivePids = "jobid,nodelist,pids";

namespace {

constexpr std::size_t kMaxWidth = 100'000;

// "20" and "-20"; anything else leaves the width as it is.
void read_width(std::string_view text, Column& column) {
  const bool left = text.starts_with('-');
  if (left) text.remove_prefix(1);
  std::size_t width = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return;
    width = std::min(width * 10 + static_cast<std::size_t>(c - '0'), kMaxWidth);
  }
  if (width == 0) return;
  column.width = width;
  column.align = left ? Align::left : Align::right;
}

}  // namespace

Result<HistoryFormat> HistoryFormat::parse(std::string_view text,
                                           std::span<const HistoryField> fields) {
  HistoryFormat format;
  const auto add = [&](const HistoryField& field, std::string_view width) {
    Item item{&field, {}};
    item.column.width = field.width;
    item.column.align = field.left ? Align::left : Align::right;
    item.column.mark_cut = true;
    // As in Slurm a width is the field's: it holds wherever the field is shown.
    for (const Item& other : format.items_) {
      if (other.field == &field) item.column = other.column;
    }
    read_width(width, item.column);
    for (Item& other : format.items_) {
      if (other.field == &field) other.column = item.column;
    }
    format.items_.push_back(std::move(item));
  };
  for (const std::string_view piece : base::split(text, ',')) {
    const base::Cut cut = base::cut(base::trim(piece), '%');
    const std::string_view name = base::trim(cut.before);
    if (name.empty()) break;
    if (base::iequals(name, "all")) {
      for (const HistoryField& field : fields) add(field, cut.after);
      continue;
    }
    const HistoryField* field = find_history_field(name, fields);
    if (field == nullptr) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("Invalid field requested: \"{}\"", name));
    }
    add(*field, cut.after);
  }
  return format;
}

bool HistoryFormat::shows(std::string_view name) const {
  return std::ranges::any_of(items_, [&](const Item& item) { return item.field->name == name; });
}

void HistoryFormat::put_value(const Item& item, std::string_view value, std::string& out) const {
  if (shape_ == HistoryShape::columns) {
    put(out, item.column, value);
    out += ' ';
    return;
  }
  out += value;
  const bool last = &item == &items_.back();
  if (!last || shape_ == HistoryShape::delimited_end) out += delimiter_;
}

void HistoryFormat::header(std::string& out) const {
  for (const Item& item : items_) {
    const bool cut = shape_ == HistoryShape::columns;
    put_value(item, cut ? item.field->name.substr(0, item.column.width) : item.field->name, out);
  }
  out += '\n';
  if (shape_ != HistoryShape::columns) return;
  for (const Item& item : items_) out.append(item.column.width, '-').push_back(' ');
  out += '\n';
}

void HistoryFormat::row(const HistoryRow& row, const HistoryContext& context, std::string& out) {
  for (const Item& item : items_) {
    value_.clear();
    item.field->text(row, context, value_);
    put_value(item, value_, out);
  }
  out += '\n';
}

std::string history_field_list(std::span<const HistoryField> fields) {
  constexpr std::size_t kPerLine = 4;
  std::string out;
  std::size_t count = 0;
  for (const HistoryField& field : fields) {
    out += fmt::format("{:<19}", field.name);
    ++count;
    out += count % kPerLine == 0 ? '\n' : ' ';
  }
  if (count % kPerLine != 0) out.back() = '\n';
  return out;
}

}  // namespace sluice::report
