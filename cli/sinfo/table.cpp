// See table.hpp.
#include "cli/sinfo/table.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "report/node_order.hpp"

namespace sluice::cli {

namespace {

constexpr std::size_t kNameWidth = 9;  // at least, of partitions and nodes

std::size_t partition_width(const NodeReport& data) {
  std::size_t width = kNameWidth;
  for (const model::PartitionPtr& partition : data.partitions) {
    width = std::max(width, partition->name.size() + (partition->is_default ? 1 : 0));
  }
  return width;
}

std::size_t node_width(const NodeReport& data) {
  std::size_t width = kNameWidth;
  for (const model::NodePtr& node : data.nodes) width = std::max(width, node->name.size());
  return width;
}

// The default formats are those of Slurm; names never get cut in them.
std::string default_format(const NodeReport& data, const opt::SinfoOptions& options) {
  const std::string partition = std::to_string(partition_width(data)) + "P";
  const std::string node = "%" + std::to_string(node_width(data)) + "N";
  if (options.summarize) return "%" + partition + " %.5a %.10l %.16F %N";
  if (options.node_oriented) {
    if (!options.long_form) return node + " %.6D %." + partition + " %6t";
    return node + " %.6D %." + partition + " %.11T %4c %.8z %.6m %.8d %.6w %.8f %20E";
  }
  if (options.list_reasons) {
    return options.long_form ? "%20E %12U %19H %6t %N" : "%20E %9u %19H %N";
  }
  if (!options.long_form) return "%" + partition + " %.5a %.10l %.6D %.6t %N";
  return "%" + partition + " %.5a %.10l %.10s %.4r %.8h %.10g %.6D %.11T %N";
}

report::Format format_of(const NodeReport& data, const opt::SinfoOptions& options) {
  const auto fields = report::node_fields();
  if (options.format_long_given && !base::iequals(options.format_long, "all")) {
    return report::parse_names(
        options.format_long, report::names_of(fields),
        [fields](std::size_t field) { return fields[field].width; },
        "sinfo: error: Invalid job format specification: ");
  }
  const bool all = options.format_long_given || (options.format_given && options.format == "%all");
  std::string text = options.format_given ? options.format : default_format(data, options);
  if (all) text = report::all_letters(fields);
  return report::parse_letters(text, report::letters_of(fields),
                               "Invalid node format specification: ");
}

std::string_view sort_of(const opt::SinfoOptions& options) {
  if (!options.sort.empty()) return options.sort;
  return options.node_oriented ? "N" : "#P,-t";
}

}  // namespace

NodeTable node_table(const NodeReport& data, const opt::SinfoOptions& options,
                     const report::NodeContext& context) {
  report::Format format = format_of(data, options);
  NodeTable text;
  text.problems = format.problems;
  std::vector<report::NodeGroup> groups = make_groups(data, options, format, context);
  report::Table<report::NodeGroup, report::NodeContext> table(
      report::node_fields(), std::move(format), !options.format_long_given);
  if (!options.no_header) table.header(text.out);
  const auto order = report::parse_sort(sort_of(options), report::node_sort_letters());
  if (!order) {
    text.problems.push_back("sinfo: error: Invalid sort specification: " + order.error().text);
    text.exit_code = 1;
    return text;
  }
  report::sort_nodes(groups, *order, context);
  for (const report::NodeGroup& group : groups) table.row(group, context, text.out);
  return text;
}

std::vector<report::NodeGroup> state_groups(const NodeReport& data,
                                            const opt::SinfoOptions& options,
                                            const report::NodeContext& context) {
  constexpr std::string_view kKeys = "%P%T%f%G%E%v";
  const auto letters = report::letters_of(report::node_fields());
  return make_groups(data, options, report::parse_letters(kKeys, letters, ""), context);
}

}  // namespace sluice::cli
