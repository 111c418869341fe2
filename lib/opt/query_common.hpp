// The rows that squeue, sinfo, scancel, sacct and scontrol have word for word.
#pragma once

#include <string_view>

#include "opt/query_state.hpp"

namespace sluice::opt {

// --json and --yaml with an optional data parser.
template <class Options, Dump dump>
Outcome set_dump(Query<Options>& s, const Given& use) {
  s.options.dump = dump;
  s.options.data_parser = use.value;
  return {};
}

// --local, --federation, --sibling: this cluster is alone, so they hold by themselves.
template <class Options>
Outcome holds_alone(Query<Options>&, const Given&) {
  return {};
}

// Rows that all of these commands have, word for word.
template <class Options>
struct Common {
  using R = Row<Query<Options>>;
  CommandMask mask;

  [[nodiscard]] constexpr R help(char letter) const {
    return R::flag("help", letter, "Show this help.").on(mask).in(Group::help);
  }
  [[nodiscard]] constexpr R usage() const {
    return R::flag("usage", 0, "Show a summary of the options.").on(mask).in(Group::help);
  }
  [[nodiscard]] constexpr R version() const {
    return R::flag("version", 'V', "Show the version.").on(mask).in(Group::help);
  }
  [[nodiscard]] constexpr R verbose(std::string_view variable) const {
    return R::flag("verbose", 'v', "More messages; may be repeated.")
        .on(mask)
        .in(Group::other)
        .env(variable)
        .sets(To<&Options::verbose>::more);
  }
  [[nodiscard]] constexpr R clusters() const {
    return R::valued("clusters", 'M', "<name>", "The cluster to ask: this one.")
        .on(mask)
        .in(Group::other)
        .also("cluster")
        .env("SLURM_CLUSTERS")
        .sets(To<&Options::clusters>::text);
  }
  [[nodiscard]] constexpr R json() const {
    return R::maybe("json", 0, "<parser>", "Print JSON.")
        .on(mask)
        .in(Group::format)
        .sets(set_dump<Options, Dump::json>);
  }
  [[nodiscard]] constexpr R yaml() const {
    return R::maybe("yaml", 0, "<parser>", "Print YAML.")
        .on(mask)
        .in(Group::format)
        .sets(set_dump<Options, Dump::yaml>);
  }
  [[nodiscard]] constexpr R local(std::string_view variable) const {
    return R::flag("local", 0, "Only this cluster, as always: there is no federation.")
        .on(mask)
        .in(Group::other)
        .env(variable)
        .sets(holds_alone<Options>);
  }
  [[nodiscard]] constexpr R federation(std::string_view variable) const {
    return R::flag("federation", 0, "The federation's view, if there is one. There is none.")
        .on(mask)
        .in(Group::other)
        .env(variable)
        .sets(holds_alone<Options>);
  }
  [[nodiscard]] constexpr R sibling(std::string_view variable) const {
    return R::flag("sibling", 0, "Sibling jobs of a federation too. There are none.")
        .on(mask)
        .in(Group::other)
        .also("sib")
        .env(variable)
        .sets(holds_alone<Options>);
  }
};

}  // namespace sluice::opt
