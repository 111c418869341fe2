// See document.hpp.
#include "cli/common/document.hpp"

#include <utility>

#include "base/user.hpp"

namespace sluice::cli {

report::DocumentOrigin origin_of(std::string_view program, const opt::Invocation& invocation,
                                 std::string cluster) {
  report::DocumentOrigin origin;
  origin.cluster = std::move(cluster);
  origin.command.emplace_back(program);
  origin.command.insert(origin.command.end(), invocation.arguments.begin(),
                        invocation.arguments.end());
  origin.user = base::user_label(invocation.uid);
  if (const Result<base::User> user = base::find_user(invocation.uid)) {
    origin.group = base::group_label(user->gid);
  }
  return origin;
}

report::JsonWriter writer_for(opt::Dump dump) {
  return report::JsonWriter(dump == opt::Dump::yaml ? report::DocumentStyle::yaml
                                                    : report::DocumentStyle::json);
}

}  // namespace sluice::cli
