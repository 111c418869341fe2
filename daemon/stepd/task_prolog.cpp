// See the header.
#include "daemon/stepd/task_prolog.hpp"

#include "base/strings.hpp"

namespace sluice::stepd {

std::string apply_prolog_output(std::string_view output, base::Environment& environment) {
  std::string printed;
  while (!output.empty()) {
    const base::Cut line = base::cut(output, '\n');
    output = line.after;
    const base::Cut words = base::cut(line.before, ' ');
    if (words.before == "print") {
      printed += words.after;
      printed += '\n';
    } else if (words.before == "export") {
      const base::Cut entry = base::cut(words.after, '=');
      if (entry.found && base::is_env_name(entry.before)) {
        environment.set(entry.before, entry.after);
      }
    } else if (words.before == "unset") {
      environment.unset(base::trim(words.after));
    }
  }
  return printed;
}

}  // namespace sluice::stepd
