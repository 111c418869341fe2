// Field tables. A struct that travels or is stored names its fields once:
//
//   struct Example {
//     std::uint32_t count = 0;
//     Text name;
//     template <class Self, class Visitor>
//     static void fields(Self& self, Visitor& visit) {
//       visit(1, "count", self.count);
//       visit(2, "name", self.name);
//     }
//   };
//
// From the table come the binary form (wire/codec.hpp, protobuf's wire format), the published
// .proto files, JSON dumps and comparison. Rules: a number is never reused or given another type;
// a field at its default value is not written; an unknown number is skipped by the reader, so old
// and new releases understand each other.
//
// A field may be: bool, a signed or unsigned integer, double, an enum class, Text, std::string,
// base::Id, Uid128, base::Bitmap, a struct with a table, std::optional of those,
// std::shared_ptr<const struct with a table>, and std::vector of those.
#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

namespace sluice::model {

namespace detail {
struct AnyVisitor {
  template <class T>
  void operator()(int, const char*, T&) {}
};
}  // namespace detail

// True for a struct with a field table.
template <class T>
concept HasFields = requires(T& value, detail::AnyVisitor& visitor) {
  T::fields(value, visitor);
};

}  // namespace sluice::model
