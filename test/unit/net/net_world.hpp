// What the net tests share: a loop that runs until something has happened, connected streams, and a
// pair of hosts that know each other.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "auth/host_key.hpp"
#include "net/link.hpp"
#include "net/loop.hpp"
#include "net/stream.hpp"
#include "net/tls.hpp"

namespace sluice::net::test {

class NetTest : public ::testing::Test {
 protected:
  NetTest() : loop_(std::move(*Loop::create())) {}

  Loop& loop() { return *loop_; }

  // Runs the loop until the condition holds; false after `limit_ms`.
  bool until(const std::function<bool()>& condition, std::int64_t limit_ms = 5000) {
    bool over = false;
    const Timer limit = loop_->after(limit_ms, [&] { over = true; });
    while (!condition() && !over) loop_->run_once(100);
    return condition();
  }
  // Lets everything happen that can happen by itself.
  void settle() {
    for (int turn = 0; turn < 20; ++turn) loop_->run_once(0);
  }

  std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> stream_pair();
  std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> tcp_pair();
  std::string scratch_path(const std::string& name);

 private:
  std::unique_ptr<Loop> loop_;
};

// A host: its key and what TLS needs of it.
struct Host {
  explicit Host(std::string host_name);

  std::string name;
  auth::HostKey key;
  std::shared_ptr<const TlsContext> context;
};

// Knows exactly this host.
CheckPeer knows(const Host& host);

}  // namespace sluice::net::test
