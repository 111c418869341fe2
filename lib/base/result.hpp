// How functions report failure: as values. A Result<T> holds either a T or an Error; a Status is a
// Result of nothing. Bugs are not errors: they trip SLUICE_ASSERT (base/assert.hpp).
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

#include "base/error_code.hpp"

namespace sluice::base {

// `code` decides exit codes and what a peer does; `text` is one line for a person, without a
// trailing newline or the name of the program.
struct Error {
  ErrorCode code = ErrorCode::failure;
  std::string text;

  bool operator==(const Error&) const = default;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

[[nodiscard]] inline tl::unexpected<Error> fail(ErrorCode code, std::string text) {
  return tl::unexpected<Error>(Error{code, std::move(text)});
}

// The code's own text, as Slurm words it.
[[nodiscard]] inline tl::unexpected<Error> fail(ErrorCode code) {
  return fail(code, std::string(error_text(code)));
}

// Hands an error on, with what was being done: "reading x: no such file".
[[nodiscard]] inline tl::unexpected<Error> context(std::string_view doing, Error error) {
  error.text.insert(0, std::string(doing) + ": ");
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace sluice::base

namespace sluice {
using base::context;
using base::Error;
using base::ErrorCode;
using base::fail;
using base::Result;
using base::Status;
}  // namespace sluice
