// What the options of a container decide together: an image, a kept container or a bundle, and what
// only makes sense with one of them.
#include <algorithm>

#include "opt/submit_finish.hpp"

namespace sluice::opt {
namespace {

// --container against --container-image and --container-name: the stronger source wins.
Outcome settle_origin(ContainerAsked& asked) {
  const Choice& other = asked.image.source >= asked.name.source ? asked.image : asked.name;
  if (asked.bundle.source == Source::none || other.source == Source::none) return {};
  if (asked.bundle.source == other.source) {
    return complain(
        fmt::format("--{} and --{} are mutually exclusive.", asked.bundle.option, other.option), 1);
  }
  if (asked.bundle.source < other.source) {
    asked.spec.bundle = Text();
  } else {
    asked.spec.image = Text();
    asked.spec.name = Text();
  }
  return {};
}

}  // namespace

Outcome settle_container(SubmitState& s) {
  ContainerAsked& asked = s.container;
  if (Outcome done = settle_origin(asked); !done) return done;
  model::ContainerSpec& spec = asked.spec;
  const bool bundle = !spec.bundle.empty();
  const bool any = bundle || !spec.image.empty() || !spec.name.empty();
  const std::string_view detail = asked.detail.option;
  if (!any) {
    const std::string_view typed = detail.empty() ? asked.id.option : detail;
    if (typed.empty()) return {};
    return complain(
        fmt::format("--{} needs --container-image, --container-name or --container.", typed), 1);
  }
  // A bundle's config.json says all that these options say of an image.
  if (bundle && !detail.empty()) {
    return complain(fmt::format("--{} can't be used with --container.", detail), 1);
  }
  if (bundle) {
    model::ContainerSpec alone;
    alone.bundle = spec.bundle;
    alone.id = spec.id;
    spec = std::move(alone);
  }
  s.job.spec.container.assign(1, spec);
  return {};
}

}  // namespace sluice::opt
