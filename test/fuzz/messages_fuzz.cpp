// Every message decoder, chosen by the first byte: no crash, no unbounded memory, and what decodes
// encodes and decodes again to the same bytes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire/client_messages.hpp"
#include "wire/codec.hpp"
#include "wire/node_messages.hpp"
#include "wire/step_messages.hpp"

namespace {

using namespace sluice;

template <class Message>
void try_one(std::string_view bytes) {
  const Result<Message> first = wire::decode<Message>(bytes);
  if (!first) return;
  const std::string once = wire::encode(*first);
  const Result<Message> second = wire::decode<Message>(once);
  if (!second || wire::encode(*second) != once) std::abort();
}

using Try = void (*)(std::string_view);
constexpr Try kTries[] = {
    try_one<wire::Submit>,     try_one<wire::JobAction>,    try_one<wire::UpdateJob>,
    try_one<wire::UpdateNode>, try_one<wire::JobsReply>,    try_one<wire::NodesReply>,
    try_one<wire::NodeHello>,  try_one<wire::LaunchJob>,    try_one<wire::LaunchStep>,
    try_one<wire::Fence>,      try_one<wire::AttachReply>,  try_one<wire::StepRecord>,
    try_one<wire::Output>,     try_one<wire::QueryHistory>, try_one<model::Job>,
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  kTries[data[0] % std::size(kTries)](bytes);
  return 0;
}
