// The lock that keeps a second daemon away from the same state. An open-file-description lock: the
// kernel drops it with the process, however that ends, so a left-over file means nothing.
//
// A killed process looks dead before its last thread is: until a write that the disk still works on
// has come back, the lock is held. Such an owner is waited for; one that lives is named at once.
// Not for core: talks to the kernel.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace sluice::base {

// Held as long as the descriptor is open. The file holds the owner's process id as text. `owner` is
// the program's name, for the error: "another sluicectld (pid 7) uses this state".
[[nodiscard]] Result<UniqueFd> take_lock(const std::string& path, const std::string& owner);

// Whether the process, by the text of its /proc/<pid>/stat, has begun to end and can't go on.
[[nodiscard]] bool is_ending(std::string_view stat);

}  // namespace sluice::base
